"""Findings kept in the search's folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from raynas.errors import RaynasError
from raynas.report.saved import load, save


def test_what_was_saved_is_loaded(tmp_path: Path) -> None:
    path = tmp_path / "search" / "plan.json"
    save({"trials": 3}, path)
    save({"trials": 4}, path)
    assert load(path) == {"trials": 4}
    assert [file.name for file in path.parent.iterdir()] == ["plan.json"]


@pytest.mark.parametrize("text", [None, "", "{", "[1]"])
def test_what_is_not_there_or_torn_is_none(tmp_path: Path, text: str | None) -> None:
    path = tmp_path / "plan.json"
    if text is not None:
        path.write_text(text)
    assert load(path) is None


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "search").write_text("a file")
    with pytest.raises(RaynasError, match=r"cannot write .*plan\.json: .*; put that right"):
        save({}, tmp_path / "search" / "plan.json")
