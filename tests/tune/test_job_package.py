"""What a job takes to a cluster, and what stays."""

from __future__ import annotations

import os
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import pytest

from raynas.errors import ConfigurationError
from raynas.tune import job_package as package
from raynas.tune.job_package import package_of
from raynas.tune.jobs import Job, Jobs

PLANTED = "pl4nt3d-Xq"
SECRETS = [
    ".env",
    ".env.production",
    "prod.env",
    ".netrc",
    ".pgpass",
    ".git-credentials",
    ".ssh/id_rsa",
    ".ssh/config",
    "sub/.aws/credentials",
    ".config/gcloud/properties",
    "keys/server.pem",
    "id_ed25519",
    "my-service-account.json",
    "secrets.yaml",
]


def git(folder: Path, *arguments: str) -> None:
    command = ["git", "-C", str(folder), *arguments]
    subprocess.run(command, check=True, capture_output=True)


def write(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(PLANTED)


@pytest.fixture(params=["repository", "no repository"])
def project(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    write(folder, "search.py", "model.py", ".env.example")
    if request.param == "repository":
        git(folder, "init", "-q")
    return folder


def test_secrets_environments_and_results_stay(project: Path) -> None:
    write(project, *SECRETS, "venv/pyvenv.cfg", "venv/lib/big.py", "raynas-results/a/journal.log")
    write(project, "__pycache__/a.pyc", "old/conda-meta/history")
    found = package_of(project, "search.py")
    assert found.files == (".env.example", "model.py", "search.py")
    assert found.size == 3 * len(PLANTED)
    shown = str(found)
    assert f"3 files, {found.size} bytes, of {project}: .env.example, model.py, search.py" in shown
    assert ".env (may hold secrets)" in shown
    assert ".ssh/ (may hold secrets)" in shown
    assert "venv/ (a Python environment)" in shown


def test_ignored_files_stay(project: Path) -> None:
    write(project, "data/a.bin", "sub/notes.txt", "sub/kept.py")
    (project / ".gitignore").write_text("data/\n")
    (project / "sub" / ".gitignore").write_text("*.txt\n")
    assert package_of(project).files == (
        ".env.example",
        ".gitignore",
        "model.py",
        "search.py",
        "sub/.gitignore",
        "sub/kept.py",
    )


def test_ignore_files_of_folders_above_count(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    (tmp_path / ".gitignore").write_text("*.csv\n/project/private/\n")
    project = tmp_path / "project"
    write(project, "search.py", "table.csv", "private/notes.txt", "forced.csv")
    git(project, "add", "-f", "forced.csv")
    assert package_of(project).files == ("forced.csv", "search.py")


def test_deleted_files_submodules_and_inner_repositories(tmp_path: Path) -> None:
    library, project = tmp_path / "library", tmp_path / "project"
    identity = ("-c", "user.name=a", "-c", "user.email=a@b.invalid")
    write(library, "part.py", ".env")
    git(library, "init", "-q")
    git(library, "add", "-f", ".")
    git(library, *identity, "commit", "-qm", "first")
    write(project, "search.py", "gone.py", "other/file.py")
    git(project, "init", "-q")
    git(project, "-c", "protocol.file.allow=always", "submodule", "add", "-q", str(library), "lib")
    git(project, "add", "search.py", "gone.py")
    (project / "gone.py").unlink()
    git(project / "other", "init", "-q")
    git(project / "other", "add", ".")
    git(project / "other", *identity, "commit", "-qm", "first")
    found = package_of(project)
    assert found.files == (".gitmodules", "lib/part.py", "search.py")
    assert found.left_out == {
        "lib/.env": "may hold secrets",
        "other/": "a git repository of its own",
    }


def test_links_are_followed_to_shipped_files_only(project: Path, tmp_path: Path) -> None:
    write(tmp_path, "outside.txt")
    write(project, ".env")
    for name, target in {
        "inside.py": "model.py",
        "outside.py": tmp_path / "outside.txt",
        "folder": tmp_path,
        "broken": "nowhere",
        "hidden.py": ".env",
    }.items():
        (project / name).symlink_to(target)
    found = package_of(project)
    assert found.files == (".env.example", "inside.py", "model.py", "search.py")
    with found.zipped() as archive, zipfile.ZipFile(archive) as content:
        assert content.read("inside.py").decode() == PLANTED


def test_the_same_files_make_the_same_archive(project: Path) -> None:
    with package_of(project).zipped() as archive:
        first = archive.read_bytes()
    os.utime(project / "model.py", (1e9, 1e9))
    with package_of(project).zipped() as archive:
        assert archive.read_bytes() == first


def test_home_folders_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home" / "user"
    write(home, "search.py", "work/search.py")
    monkeypatch.setenv("HOME", str(home))
    for folder in (home, home.parent, Path("/")):
        with pytest.raises(ConfigurationError, match=r"is a home folder, or holds one.* move FILE"):
            package_of(folder)
    assert package_of(home / "work").files == ("search.py",)


def test_a_search_that_git_ignores_is_refused(project: Path) -> None:
    (project / ".gitignore").write_text("search.py\n")
    with pytest.raises(ConfigurationError, match=r"FILE=search\.py would not be shipped: git ign"):
        package_of(project, "search.py")


def test_more_than_a_cluster_takes_is_refused(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(package, "_LARGEST", 12)
    (project / "model.py").write_text("long" * 100)
    with pytest.raises(ConfigurationError, match=r"420 bytes to ship.*\.gitignore.* as model\.py"):
        package_of(project)


def test_no_git_is_said(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(project))
    with pytest.raises(ConfigurationError, match="git is not installed, and it says which files"):
        package_of(project)


def job(folder: Path, **changes: Any) -> Job:
    arguments: dict[str, Any] = {"search": "s", "command": "raynas search search.py"}
    return Job(**{**arguments, "package": package_of(folder), **changes})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("WANDB_API_KEY", PLANTED),
        ("PGPASSWORD", PLANTED),
        ("RAYNAS_STORE", f"postgresql://u:{PLANTED}@h/db"),
        ("RAYNAS_STORE", f"postgresql://h/db?password={PLANTED}"),
    ],
)
def test_a_variable_with_a_secret_is_refused(project: Path, name: str, value: str) -> None:
    with pytest.raises(ConfigurationError, match=f"the variable {name} holds a secret") as refusal:
        job(project, variables={name: value})
    assert PLANTED not in str(refusal.value)


def test_requirements_with_credentials_are_refused(project: Path) -> None:
    lines = project / "requirements.txt"
    lines.write_text(f"numpy\n--index-url https://u:{PLANTED}@h.invalid/simple\n")
    with pytest.raises(ConfigurationError, match="line 2 holds credentials") as refusal:
        job(project, requirements=lines)
    assert PLANTED not in str(refusal.value)
    with pytest.raises(ConfigurationError, match=r"none\.txt: cannot be read"):
        job(project, requirements=project / "none.txt")


def test_what_a_cluster_is_sent_holds_no_secret(project: Path) -> None:
    sent: dict[str, Any] = {}

    class Client:
        def submit_job(self, **given: Any) -> str:
            with zipfile.ZipFile(given["runtime_env"]["working_dir"]) as archive:
                sent.update(given, names=archive.namelist())
            return "job-1"

    write(project, *SECRETS)
    made = job(project, variables={"DATA": "/mnt"})
    assert Jobs(Client(), "cluster").submit(made) == "job-1"  # type: ignore[arg-type]
    assert sent["names"] == [".env.example", "model.py", "search.py"]
    assert sent["runtime_env"]["env_vars"]["DATA"] == "/mnt"
    assert PLANTED not in repr(sent)
