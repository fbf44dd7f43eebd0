"""`raynas export`: exit codes, and files of others in its way."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from raynas.cli.search_file import load_search
from raynas.export import write

SEARCH = """
import os
from pathlib import Path
from torch import nn
import raynas as nas
from raynas.space import choice, searchable

SIZES = [4]
SIZES.append(int(os.environ.get("A_SIZE", "2")))

@searchable
class Net:
    width: int = choice(4, 8)
    BUILD

search = nas.Search(space=Net, task=nas.FunctionTask(lambda net: 1.0 * net.width), name="mine")
"""
BUILD = "def build(self):\n        return nn.Linear(3, SIZES[-1])"


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "search.py"
    path.write_text(SEARCH.replace("BUILD", BUILD))
    found, name = load_search(str(path))
    with found.open(name) as run:
        asktell = run._searcher.asktell
        for number in range(2):
            asktell.ask()
            asktell.tell(number, float(number))
    return path


def test_a_file_of_others_stays_unless_forced(run, file: Path, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    mine = tmp_path / "model.py"
    mine.write_text("PRECIOUS = 1")
    code, _, err = run("export", file, "--to", ".")
    assert code == 2
    assert (
        "raynas export did not write model.py there, or it was changed since; give another" in err
    )
    assert mine.read_text() == "PRECIOUS = 1"
    assert not (tmp_path / "architecture.json").exists()
    code, out, err = run("export", file, "--to", ".", "--force", "--input", "3")
    assert (code, err) == (0, "")
    assert "The best of the search: trial 1, reward 1:" in out
    assert "code: model_code/ has copies of search" in out
    assert "left out weights: not trained in full yet: run `raynas train`" in out
    assert "PRECIOUS" not in mine.read_text()
    assert file.read_text() == (tmp_path / "model_code" / "search.py").read_text().replace(
        "from . import raynas_stand_in as nas", "import raynas as nas"
    ).replace("from .raynas_stand_in import", "from raynas.space import")


def test_what_was_asked_for_and_left_out_is_an_error(  # type: ignore[no-untyped-def]
    run, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(write, "proven_code", lambda *_: pytest.fail("not reached"))

    def fails(_: object) -> object:
        raise ModuleNotFoundError("No module named 'timm'")

    monkeypatch.setattr(write, "fresh_network", fails)
    code, _, err = run("export", file)
    assert code == 1
    assert "left out code: ModuleNotFoundError: No module named 'timm'" in err


def test_code_that_depends_on_the_environment_is_refused(  # type: ignore[no-untyped-def]
    run, file: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("A_SIZE", "5")
    code, out, err = run("export", file, "--to", "out", "--input", "3")
    assert code == 1
    assert "left out code: " in err
    assert "in a fresh process its" in err
    assert "is another one" in err
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["architecture.json"]
    assert "wrote out/architecture.json" in out


def test_weights_that_are_asked_for_before_any_training_are_an_error(  # type: ignore[no-untyped-def]
    run, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(write._Export, "_write_code", lambda *_: None)
    code, out, _ = run("export", file, "--format", "weights")
    assert code == 1
    assert "left out weights: not trained in full yet" in out
