"""The names that users may rely on, and what importing them costs."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import raynas
from raynas.export import stand_in
from raynas.lazy_names import attach
from raynas.renamed import RENAMED_NAMES

HEAVY = ("ray", "torch", "optuna", "lightning", "pytorch_lightning", "pandas", "scipy", "sklearn")


@pytest.mark.parametrize("name", raynas.__all__)
def test_every_public_name_resolves(name: str) -> None:
    assert getattr(raynas, name) is not None


def test_the_public_names_are_these() -> None:
    """A name that comes or goes is a decision, to be made here too."""
    names = """
        AskTell Context FunctionTask History InfeasibleArchitecture LightningTask Limits Measurement
        NASSearcher Proposal RaynasError Resources Search SearchResult Space Stages TabularTask Task
        Trial choice integer real repeat searchable shared subset train
    """
    parts = """
        analysis augmentation controllers errors meters redaction report rewards space stages
        stopping tasks testing trials
    """
    assert raynas.__all__ == names.split()
    assert dir(raynas) == sorted([*names.split(), *parts.split()])


@pytest.mark.parametrize("part", ["controllers", "meters", "report"])
def test_every_lazy_name_resolves(part: str) -> None:
    module = getattr(raynas, part)
    assert dir(module) == module.__all__
    assert all(getattr(module, name) is not None for name in module.__all__)


def test_lazy_names_need_the_source_of_their_module(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(raynas.meters, "__loader__", None)
    with pytest.raises(ImportError, match=r"raynas.meters: its lazy names are read from its sourc"):
        attach("raynas.meters")


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'raynas' has no attribute 'Serach'"):
        raynas.Serach  # noqa: B018


def imported_by(statement: str) -> set[str]:
    """The heavy packages that a fresh process has imported after `statement`."""
    code = f"import sys; {statement}; print(*(name for name in {HEAVY} if name in sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return set(run.stdout.split())


def test_importing_raynas_imports_nothing_heavy() -> None:
    assert imported_by("import raynas") == set()


def test_pure_parts_import_nothing_heavy() -> None:
    parts = "raynas.space, raynas.trials, raynas.rewards, raynas.controllers, raynas.stopping"
    assert imported_by(f"import {parts}, raynas.testing") == set()


def test_the_contract_suites_do_not_import_pytest() -> None:
    code = "import sys, raynas.testing; sys.exit('pytest' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_ask_and_tell_needs_neither_ray_nor_torch() -> None:
    assert imported_by("from raynas import AskTell") <= {"optuna", "scipy", "pandas", "sklearn"}


def test_exported_code_can_name_every_part_of_raynas() -> None:
    parts = {*dir(raynas)} - {*raynas.__all__}
    assert all(getattr(stand_in, part) is stand_in for part in parts)


def test_code_and_pages_use_the_names_of_today() -> None:
    root = Path(__file__).parent.parent
    former = "|".join(RENAMED_NAMES["raynas"])
    used = re.compile(rf"\b(nas|raynas)\.({former})\b|^ *from raynas import .*\b({former})\b", re.M)
    git = ["git", "ls-files", "*.py", "*.md"]
    listed = subprocess.run(git, cwd=root, capture_output=True, text=True, check=True).stdout
    tell_of_them = {"CHANGELOG.md", "tests/test_types.py"}
    files = [root / name for name in listed.split() if name not in tell_of_them]
    assert len(files) > 500
    assert [str(file) for file in files if used.search(file.read_text())] == []
