"""The folder of an export: replaces and deletes only files that an earlier export wrote.

``architecture.json`` lists the digest of each file that was written beside it and has a digest of
itself. A file with another content was made or changed by somebody else, and stays.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

from raynas.errors import ConfigurationError

__all__ = ["MANIFEST", "ExportFolder"]

MANIFEST = "architecture.json"
_FILES = "files"
_DIGEST = "digest"


class ExportFolder:
    """The folder of an export.

    Args:
        path: Made where it does not exist.
        expected: Names of files, with their endings, and of folders, without, that the export may
            write besides its list.
        replace: Whether to replace files of others as well.

    Raises:
        ConfigurationError: A file of somebody else is in the way, or `path` is no folder.
    """

    def __init__(self, path: Path, expected: tuple[str, ...], replace: bool = False) -> None:
        if path.exists() and not path.is_dir():
            raise ConfigurationError(f"to={str(path)!r}: that is a file; give a folder")
        self.path = path
        earlier = _read_manifest(path / MANIFEST)
        self._is_ours = earlier is not None
        self._earlier: dict[str, list[str]] = earlier or {}
        self._written: dict[str, list[str]] = {}
        self._data: dict[str, Any] = {}
        for name in expected:
            place = path / name
            if place.is_dir() and (place.suffix or place.is_symlink()):
                raise ConfigurationError(
                    f"to={str(path)!r}: {name} is a folder there, or a link to one, which raynas "
                    "export never replaces; move it away, or give another folder"
                )
        foreign = [] if replace else sorted(self._foreign(expected))
        if foreign:
            raise ConfigurationError(
                f"to={str(path)!r}: raynas export did not write {', '.join(foreign)} there, or it "
                "was changed since; give another folder, or --force (replace=True) to replace it"
            )
        path.mkdir(parents=True, exist_ok=True)

    @contextmanager
    def staging(self) -> Iterator[Path]:
        """A temporary folder in this one, where files are made and checked."""
        with tempfile.TemporaryDirectory(prefix=".raynas-export-", dir=self.path) as name:
            yield Path(name)

    def describe(self, data: dict[str, Any]) -> Path:
        """Write ``architecture.json`` with `data`."""
        self._data = data
        self._write_manifest()
        return self.path / MANIFEST

    def publish(self, staged: Path, root: Path) -> Path:
        """Move a file to its place in one step, listed in the manifest before it is there.

        Args:
            staged: The file.
            root: The temporary folder, relative to which it has its name.
        """
        name = staged.relative_to(root).as_posix()
        self._written[name] = [_digest(staged)]
        self._write_manifest()
        target = self.path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        os.replace(staged, target)
        return target

    def finish(self, data: dict[str, Any]) -> None:
        """Delete what an earlier export wrote and this one did not, and write the manifest."""
        for name in self._earlier.keys() - self._written.keys():
            path = self.path / name
            if self._is_known(path):
                path.unlink()
                with contextlib.suppress(OSError):
                    if path.parent != self.path:
                        path.parent.rmdir()
        self._earlier = {}
        self.describe(data)

    def _foreign(self, expected: tuple[str, ...]) -> Iterator[str]:
        """Names of files in the way that no earlier export wrote."""
        manifest = self.path / MANIFEST
        if os.path.lexists(manifest) and not self._is_ours:
            yield MANIFEST
        for name in expected:
            place = self.path / name
            inside = place.rglob("*") if place.is_dir() and not place.is_symlink() else [place]
            for path in inside:
                if not os.path.lexists(path) or (path.is_dir() and not path.is_symlink()):
                    continue
                if "__pycache__" not in path.parts and not self._is_known(path):
                    yield path.relative_to(self.path).as_posix()

    def _is_known(self, path: Path) -> bool:
        """Whether an earlier export wrote the file that is at `path` now."""
        known = self._earlier.get(path.relative_to(self.path).as_posix(), [])
        return path.is_file() and not path.is_symlink() and _digest(path) in known

    def _write_manifest(self) -> None:
        """Write the list of files in one step; until the end it has what will be replaced, too."""
        files = {
            name: self._written.get(name, []) + self._earlier.get(name, [])
            for name in sorted({*self._earlier, *self._written})
        }
        data = {**self._data, _FILES: files}
        data[_DIGEST] = _digest_of(data)
        path = self.path / f".{MANIFEST}.{uuid4().hex}"
        path.write_text(json.dumps(data, indent=1), encoding="utf-8")
        os.replace(path, self.path / MANIFEST)


def _read_manifest(path: Path) -> dict[str, list[str]] | None:
    """Digests of the files that an earlier export wrote; None where nothing proves that."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        digest, files = data.pop(_DIGEST), data[_FILES]
        proven = digest == _digest_of(data) and all(map(_is_inside, files))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return files if proven else None


def _is_inside(name: str) -> bool:
    return not Path(name).is_absolute() and ".." not in Path(name).parts


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _digest_of(data: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()
