"""Where results come from: versions, commit, seed, machine and data splits.

A search appends a line to ``provenance.jsonl`` in its folder each time it starts, so that a report
can say what the trials ran on, whatever machine it is made on.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from raynas.own_files import open_to_append
from raynas.redaction import settings_text

__all__ = ["FILE", "of_now", "read_runs", "record_run"]

FILE = "provenance.jsonl"

_PACKAGES = ("raynas", "ray", "torch", "pytorch-lightning", "lightning", "optuna", "numpy")
_SPLIT = ("validation", "validation_share", "split_seed")
_PLAIN = (bool, int, float, str)
_GIB = 2**30  # bytes


def of_now(seed: int, task: object, code: Path) -> dict[str, str]:
    """Facts about this machine and moment.

    Args:
        seed: Seed of the search.
        task: What tries architectures; its plain attributes are its settings, without secrets.
        code: The folder whose git commit counts.
    """
    from raynas.tasks.lightning.data import LightningData  # only a run needs it

    data = getattr(task, "data", None)
    described = {**vars(task), **(data.identity() if isinstance(data, LightningData) else {})}
    settings = {name: value for name, value in described.items() if isinstance(value, _PLAIN)}
    split = {name: settings[name] for name in _SPLIT if name in settings}
    facts = {
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "seed": str(seed),
        "versions": _versions(),
        "code": _commit(code),
        "machine": _machine(),
        "task": f"{type(task).__name__}: {settings_text(settings)}",
        "data split": settings_text(split) or "the task's own; it names none",
    }
    return facts


def record_run(folder: Path, facts: Mapping[str, str]) -> None:
    """Append `facts` to the folder's file. A folder that cannot be written to is left as it is."""
    with (
        suppress(OSError),
        os.fdopen(open_to_append(folder / FILE, b'{"started": '), "a", encoding="utf-8") as file,
    ):
        file.write(json.dumps(dict(facts)) + "\n")


def read_runs(folder: Path) -> list[dict[str, str]]:
    """What was recorded, a dict a start, oldest first; lines that are no such thing left out."""
    try:
        lines = (folder / FILE).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    runs: list[dict[str, str]] = []
    for line in lines:
        with suppress(ValueError, RecursionError):
            facts: Any = json.loads(line)
            if isinstance(facts, dict):
                runs.append({str(key): str(value) for key, value in facts.items()})
    return runs


def _versions() -> str:
    found = [f"Python {platform.python_version()}"]
    for package in _PACKAGES:
        with suppress(metadata.PackageNotFoundError):
            found.append(f"{package} {metadata.version(package)}")
    return ", ".join(found)


def _commit(folder: Path) -> str:
    """The commit that `folder` is at, and whether files differ from it."""
    try:
        commit = _git(folder, "rev-parse", "HEAD")
        changed = _git(folder, "status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.SubprocessError):
        return "in no git repository"
    return f"git commit {commit}{' with changes since' if changed else ''}"


def _git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(  # noqa: S603 - no shell, and nothing of a user's in it
        ["git", "-C", str(folder), *arguments],  # noqa: S607 - the user's git
        capture_output=True,
        text=True,
        timeout=10,
        check=True,
    )
    return done.stdout.strip()


def _machine() -> str:
    parts = [f"{platform.system()} {platform.machine()}", f"{os.cpu_count()} CPUs"]
    with suppress(OSError, ValueError, AttributeError):
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        parts.append(f"{memory / _GIB:.0f} GiB of memory")
    return ", ".join([*parts, _gpus()])


def _gpus() -> str:
    """The GPUs that torch sees, where it is loaded already: loading it takes seconds."""
    import sys

    torch = sys.modules.get("torch")
    if torch is None:
        return "GPUs not looked for"
    names = [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]
    return ", ".join(names) or "no GPU"
