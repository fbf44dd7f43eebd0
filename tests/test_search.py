"""Names of searches, bounds, and the store that results belong to."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from raynas import FunctionTask, Search
from raynas.errors import ConfigurationError
from raynas.meters import FunctionMeter, Measured
from raynas.rewards import AtMost
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


def test_bounds_are_said_before_the_first_trial_and_refused_where_nothing_meets_them(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A function that counts is free to know, so no trial is needed to find out."""

    def bounded(limit: float) -> Search:
        meter = FunctionMeter(width, "width")
        task = Measured(FunctionTask(width), meter, bounds=[AtMost("width", limit)])
        return Search(Net, task, folder=tmp_path, name=f"bounded-{limit:g}")

    with bounded(1).open() as run, pytest.raises(ConfigurationError, match="none is within; of"):
        run._say_bounds()
    with bounded(3).open() as run:
        run._say_bounds()
        proposal = run._searcher.asktell.ask()
        assert proposal is not None
        assert proposal.architecture == Net(2)
        run._searcher.asktell.tell(0, 1.0)
        assert run._searcher.asktell.ask() is None, "the rest is outside"
    assert "Within bounds (width at most 3): a share of 0." in caplog.text


def test_a_function_that_asks_a_device_is_not_called_for_proposals(tmp_path: Path) -> None:
    def asked(net: Net) -> float:
        raise AssertionError("in the driver")

    meter = FunctionMeter(asked, "seconds", free=False)
    task = Measured(FunctionTask(width), meter, bounds=[AtMost("seconds", 1)])
    with Search(Net, task, folder=tmp_path, name="device").open() as run:
        run._say_bounds()
        assert run._searcher.asktell.ask() is not None


def test_a_search_does_not_begin_anew_beside_results_of_another_store(tmp_path: Path) -> None:
    """As after `--store URL`, which the next command lacks."""
    search = Search(Net, FunctionTask(width), folder=tmp_path)
    url = f"sqlite:///{tmp_path / 'trials.db'}"
    with replace(search, store=url).open("net") as run:
        run._record()
    with pytest.raises(ConfigurationError, match=f"are in {url}, .* in journal.log: go on with --"):
        search.open("net")
    assert not (tmp_path / "net" / "journal.log").exists()
    replace(search, store=url).open("net").asktell.store.close()
    search.open("other").asktell.store.close()
    (tmp_path / "net" / "search.json").unlink()
    search.open("net").asktell.store.close()
