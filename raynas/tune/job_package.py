"""The files that a job takes to a cluster: what git would commit, without what may be secret."""

from __future__ import annotations

import os
import pwd
import subprocess
import tempfile
import zipfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath

from raynas.errors import ConfigurationError
from raynas.wording import counted

__all__ = ["JobPackage", "package_of"]

_LARGEST = 500 * 2**20  # what Ray's head takes
_NAMED = 12  # files listed in a message
_EPOCH = (1980, 1, 1, 0, 0, 0)
"""The earliest date of the zip format: equal files make equal packages."""

_SECRET_FOLDERS = {
    ".ssh",
    ".aws",
    ".azure",
    ".gnupg",
    ".kube",
    ".docker",
    "gcloud",
    ".password-store",
}
_SECRET_FILES = (
    *(".env", ".env.*", "*.env", ".envrc", ".netrc", "_netrc", ".pgpass", "pgpass.conf", ".my.cnf"),
    *(".git-credentials", ".pypirc", ".npmrc", ".htpasswd", ".boto", ".s3cfg", "kubeconfig*"),
    *("id_rsa*", "id_dsa*", "id_ecdsa*", "id_ed25519*", "*.pem", "*.key", "*.p12", "*.pfx"),
    *("*.jks", "*.keystore", "*.kdbx", "credentials", "credentials.*", "secrets.*"),
    *("*service*account*.json", "application_default_credentials.json", "auth_token"),
)
_NO_SECRETS = (".env.example", ".env.sample", ".env.template", "*.py")
_HELD_BACK = "may hold secrets"
_ENVIRONMENT = "a Python environment"
_RESULTS = "results"
_LINK = "a link to elsewhere"
_REPOSITORY = "a git repository of its own"
_NAME = "a name that is not UTF-8"


@dataclass(frozen=True)
class JobPackage:
    """What is taken of a folder.

    Attributes:
        folder: Folder of the files.
        files: Paths of the files in the folder.
        size: Bytes of all together.
        left_out: Files that git would commit and that are not taken, by path, with the reason.
    """

    folder: Path
    files: tuple[str, ...]
    size: int
    left_out: dict[str, str]

    def __str__(self) -> str:
        named = ", ".join(self.files[:_NAMED])
        more = f" and {len(self.files) - _NAMED} more" if len(self.files) > _NAMED else ""
        files = counted(len(self.files), "file")
        taken = f"{files}, {_bytes(self.size)}, of {self.folder}: {named}{more}"
        left = [f"{place} ({why})" for place, why in _grouped(self.left_out).items()]
        return f"{taken}. Left out: {', '.join(left)}" if left else taken

    @contextmanager
    def zipped(self) -> Iterator[Path]:
        """The files in a temporary archive; the same files make the same one."""
        with tempfile.TemporaryDirectory(prefix="raynas-package-") as folder:
            path = Path(folder, "package.zip")
            with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
                for name in self.files:
                    entry = zipfile.ZipInfo(name, _EPOCH)
                    entry.external_attr = (self.folder / name).stat().st_mode << 16
                    entry.compress_type = zipfile.ZIP_DEFLATED
                    with (self.folder / name).open("rb") as file, archive.open(entry, "w") as to:
                        while block := file.read(2**20):
                            to.write(block)
            yield path


def package_of(folder: Path, needed: str | None = None) -> JobPackage:
    """What of `folder` goes to a cluster.

    That is what ``git add`` would take, in a repository or not: files that some ignore file names
    stay here. So do environments, results, links to elsewhere, and files that hold secrets by
    their name, such as ``.env`` and what is in ``.ssh``.

    Args:
        folder: Folder to ship, with the search file in it.
        needed: A file, by its path in `folder`, that must be among them.

    Raises:
        ConfigurationError: `folder` is a home folder or contains one, git is not installed or
            fails, `needed` is not taken, or the files are too large.
    """
    _refuse_homes(folder)
    listed = _listed(folder)
    environments = {
        str(PurePosixPath(name).parent)
        for name in listed
        if name.rpartition("/")[2] == "pyvenv.cfg"
    }
    files: list[str] = []
    left_out: dict[str, str] = {}
    for name in sorted(listed):
        why = _reason(folder, name, listed, environments)
        if why is None:
            files.append(name)
        else:
            left_out[name] = why
    if needed is not None and needed not in files:
        why = left_out.get(needed, "git ignores it; `git check-ignore -v` says where")
        raise ConfigurationError(f"FILE={needed} would not be shipped: {why}")
    sizes = {name: (folder / name).stat().st_size for name in files}
    size = sum(sizes.values())
    if size > _LARGEST:
        largest = sorted(files, key=lambda name: sizes[name], reverse=True)[:3]
        raise ConfigurationError(
            f"{folder} has {_bytes(size)} to ship, and a cluster takes {_bytes(_LARGEST)}: name "
            f"in .gitignore what the search does not need, such as {', '.join(largest)}"
        )
    return JobPackage(folder, tuple(files), size, left_out)


def _refuse_homes(folder: Path) -> None:
    homes = {Path(os.path.expanduser("~")).resolve()}
    with suppress(KeyError):  # A user whom the system does not know, as in a container.
        homes.add(Path(pwd.getpwuid(os.getuid()).pw_dir).resolve())
    place = folder.resolve()
    if place in homes or any(place in home.parents for home in homes):
        raise ConfigurationError(
            f"the folder {folder} is a home folder, or holds one, and would be shipped: move FILE "
            "with what it imports to a folder of its own and run the command there"
        )


def _reason(folder: Path, name: str, listed: set[str], environments: set[str]) -> str | None:
    """Why the file is left out; None where it is taken."""
    path = PurePosixPath(name)
    parents = {str(parent) for parent in path.parents}
    if name.endswith("/"):
        return _REPOSITORY
    if name.encode("utf-8", "replace") != os.fsencode(name):
        return _NAME
    if "raynas-results" in path.parts or "__pycache__" in path.parts:
        return _RESULTS
    if parents & environments or "conda-meta" in path.parts or "site-packages" in path.parts:
        return _ENVIRONMENT
    if _may_be_secret(path):
        return _HELD_BACK
    if (folder / name).is_symlink():
        return _link_reason(folder, name, listed)
    return None


def _link_reason(folder: Path, name: str, listed: set[str]) -> str | None:
    target = (folder / name).resolve()
    if not target.is_file() or not target.is_relative_to(folder.resolve()):
        return _LINK
    inside = target.relative_to(folder.resolve())
    if inside.as_posix() not in listed:
        return _LINK
    return _HELD_BACK if _may_be_secret(PurePosixPath(inside)) else None


def _may_be_secret(path: PurePosixPath) -> bool:
    if _SECRET_FOLDERS & set(path.parts):
        return True
    name = path.name.lower()
    if any(fnmatch(name, pattern) for pattern in _NO_SECRETS):
        return False
    return any(fnmatch(name, pattern) for pattern in _SECRET_FILES)


def _listed(folder: Path) -> set[str]:
    """The files in `folder` that git would commit; a repository inside it ends with a slash."""
    try:
        if _inside_a_repository(folder):
            return _in_repository(folder)
        with tempfile.TemporaryDirectory(prefix="raynas-git-") as empty:
            _git(Path(empty), "init", "--quiet")
            where = (f"--git-dir={empty}/.git", f"--work-tree={folder}")
            found = _git(folder, *where, "ls-files", "-z", "-o", "--exclude-standard")
            return set(_names(found))
    except FileNotFoundError as error:
        raise ConfigurationError(
            "git is not installed, and it says which files to ship: install git"
        ) from error
    except subprocess.CalledProcessError as error:
        said = " ".join(os.fsdecode(error.stderr).split())
        raise ConfigurationError(
            f"git does not say which files of {folder} to ship: {said}"
        ) from error


def _inside_a_repository(folder: Path) -> bool:
    return any((place / ".git").exists() for place in (folder, *folder.resolve().parents))


def _in_repository(folder: Path) -> set[str]:
    found = set()
    for name in _names(_git(folder, "ls-files", "-z", "-co", "--exclude-standard")):
        path = folder / name
        if path.is_dir() and not path.is_symlink() and not name.endswith("/"):  # a submodule
            if (path / ".git").exists():
                found |= {f"{name}/{inner}" for inner in _in_repository(path)}
        elif os.path.lexists(path):
            found.add(name)
    return found


def _git(folder: Path, *arguments: str) -> bytes:
    settings = {name: v for name, v in os.environ.items() if not name.startswith("GIT_")}
    return subprocess.run(  # noqa: S603 - no shell
        ["git", "-C", str(folder), *arguments],  # noqa: S607 - the user's git
        capture_output=True,
        env=settings,
        check=True,
    ).stdout


def _names(output: bytes) -> list[str]:
    return [os.fsdecode(name) for name in output.split(b"\0") if name]


def _grouped(left_out: dict[str, str]) -> dict[str, str]:
    """Omitted files with reasons, by folder where several of a folder have the same reason."""
    of = {name: f"{name.partition('/')[0]}/" if "/" in name else name for name in left_out}
    counts = Counter((of[name], why) for name, why in left_out.items())
    return {
        (of[name] if counts[of[name], why] > 1 else name): why for name, why in left_out.items()
    }


def _bytes(size: float) -> str:
    for unit in ("bytes", "KiB", "MiB"):
        if size < 1024 or unit == "MiB":
            break
        size /= 1024
    return f"{size:.0f} {unit}"
