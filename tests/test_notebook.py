"""What a notebook shows: a space, a history, a result, a report, and the progress of a search."""

from __future__ import annotations

import sys
from html import escape
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from raynas import AskTell, History, SearchResult, Space
from raynas.notebook import html_table, in_notebook, live_text
from raynas.report.files import ReportFiles
from raynas.rewards import Metric, Pareto
from raynas.testing import TinyNet
from raynas.trials import Failed, Infeasible, Measurement, Stop

CELLS = """
import raynas as nas
from raynas.testing import TinyNet
loop = nas.AskTell(TinyNet, seed=0)
for proposal in loop.ask_batch(3):
    loop.tell(proposal.number, float(proposal.number))
nas.Space(TinyNet)
# cell
loop.history
# cell
from raynas.notebook import live_text
states = iter(["1/3", "2/3", "3/3"])
with live_text(lambda: next(states)):
    pass
"""


def history_of(reward: Any = None) -> History[TinyNet]:
    loop = AskTell(TinyNet, seed=0, reward=reward, controller="random")
    measured = Measurement({"reward": 0.25, "cost": 8.0})
    for outcome in (measured, Failed("<b>broken</b>"), Infeasible("too large")):
        proposal = loop.ask()
        assert proposal is not None
        loop.tell(proposal.number, outcome)
    loop.ask()
    return loop.history


def test_all_texts_of_a_table_are_escaped() -> None:
    shown = html_table("<a>", ["<b>"], [["<c>", 1]])
    assert "<p>&lt;a&gt;</p>" in shown
    assert "&lt;b&gt;" in shown
    assert "&lt;c&gt;</td>" in shown
    assert ">1</td>" in shown
    assert "<thead>" not in html_table("none", [], [])


def test_a_space_shows_its_size_and_choices() -> None:
    shown = Space(TinyNet)._repr_html_()
    assert f"<p>TinyNet: {Space(TinyNet).size} architectures</p>" in shown
    for path, options in Space(TinyNet).describe().items():
        assert f">{path}</td>" in shown
        assert f">{escape(options)}</td>" in shown


def test_a_history_shows_how_trials_ended_and_the_best() -> None:
    history = history_of()
    shown = history._repr_html_()
    assert "<p>4 trials: 1 completed, 1 failed, 1 infeasible, 1 running</p>" in shown
    assert ">0.25</td>" in shown
    assert repr(history[0].architecture) in shown.replace("&#x27;", "'")
    assert "<p>0 trials</p>" in History()._repr_html_()


def test_a_history_of_several_objectives_shows_the_front() -> None:
    shown = history_of(Pareto(Metric("reward"), Metric("cost", "min")))._repr_html_()
    assert ">reward</th>" in shown
    assert ">cost</th>" in shown
    assert ">8</td>" in shown


def test_a_result_shows_why_the_search_ended() -> None:
    stop = Stop("trial limit", "3 trials have ended", "raise the limit")
    history, space = history_of(), Space(TinyNet)
    ended = SearchResult(history, stop, Path("results"), space)
    assert "Search in results: 3 trials have ended" in ended._repr_html_()
    assert history._repr_html_() in ended._repr_html_()
    interrupted = SearchResult(history, None, Path("results"), space)
    assert "interrupted; run it again to go on" in interrupted._repr_html_()


def test_written_reports_are_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    files = ReportFiles(tmp_path / "a&b.html", tmp_path / "trials.csv", tmp_path / "trials.json")
    shown = files._repr_html_()
    assert '<p>Report: <a href="a&amp;b.html">' in shown
    assert shown.count("<a href=") == 3


def test_outside_a_notebook_nothing_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    shells: list[Any] = [None, SimpleNamespace(get_ipython=lambda: None)]
    for shell in shells:
        monkeypatch.setitem(sys.modules, "IPython", shell)
        assert not in_notebook()
        with live_text(lambda: pytest.fail("asked for what to show")):
            pass


def test_an_executed_notebook_shows_tables_and_live_text() -> None:
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(cell) for cell in CELLS.split("# cell\n")]
    )
    nbclient.NotebookClient(notebook, timeout=300, kernel_name="python3").execute()
    space, history, live = ("".join(map(html_of, cell.outputs)) for cell in notebook.cells)
    assert "<p>TinyNet: " in space
    assert "<p>3 trials: 3 completed</p>" in history
    assert live in ("<pre>2/3</pre>", "<pre>3/3</pre>")  # the latter if a second has passed


def html_of(output: Any) -> str:
    """The HTML of an output; none of what libraries write to stderr."""
    return str(output["data"]["text/html"]) if "data" in output else ""
