"""Names of searches: they become folders, keys of databases and generated code."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from raynas import FunctionTask, Search
from raynas.errors import ConfigurationError
from raynas.space import choice, searchable


@searchable
class Net:
    width: int = choice(2, 4)


def width(net: Net) -> float:
    return float(net.width)


@pytest.mark.parametrize("name", ["a", "größe-2", "v1.2_b", ".x"])
def test_letters_digits_and_three_marks_are_names(name: str) -> None:
    assert Search(Net, FunctionTask(width), name=name).name == name


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", "a/b", "a b", 'it"s', "it's", "a\nb", "a;b", "../a", 'x"""\nimport os', 3],
)
def test_other_names_are_refused(name: object) -> None:
    with pytest.raises(ConfigurationError, match=r"use letters, digits, '\.', '_' and '-' only"):
        Search(Net, FunctionTask(width), name=name)  # type: ignore[arg-type]


def test_the_name_of_a_script_counts_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["my search.py"])
    search = Search(Net, FunctionTask(width), folder=tmp_path)
    with pytest.raises(ConfigurationError, match=r"name='my search': .* rename that, or give ano"):
        search.open()
    assert not list(tmp_path.iterdir())
