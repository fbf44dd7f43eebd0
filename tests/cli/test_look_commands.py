"""The commands that only look: watch, dashboard and report."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from raynas import AskTell
from raynas.cli.search_file import load_search
from raynas.testing import TinyNet
from raynas.trials import Failed

SEARCH = """
import raynas as nas
from raynas.testing.spaces import TinyNet

search = nas.Search(space=TinyNet, task=nas.FunctionTask(lambda net: net.depth), name="tiny")
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A search of five trials, one of which failed, and one of which still runs."""
    path = tmp_path / "search.py"
    path.write_text(SEARCH)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    found, name = load_search(str(path))
    with found.open(name) as search:
        asktell = search._searcher.asktell
        for number in range(5):
            asktell.ask()
            if number == 2:
                asktell.tell(number, Failed("Traceback\nRuntimeError: \x1b[31mboom[/red]"))
            elif number < 4:
                asktell.tell(number, number / 10)
    return path


def test_watch_shows_the_search_once(run, file: Path) -> None:  # type: ignore[no-untyped-def]
    code, out, err = run("watch", file, "--once")
    assert (code, err) == (0, "")
    assert "1 in flight, 1 without reward" in out
    assert "0.3" in out
    assert "TinyNet(depth=" in out
    assert "failed: RuntimeError: boom[/red]" in out
    assert "\x1b[31mboom" not in out


def test_report_writes_its_files(run, file: Path, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    code, out, _ = run("report", file)
    assert code == 0
    assert "raynas-results/tiny/report.html" in out
    for name in ("report.html", "trials.csv", "trials.json"):
        assert (tmp_path / "raynas-results" / "tiny" / name).stat().st_size


@pytest.mark.parametrize("command", ["watch", "dashboard", "report"])
def test_a_search_that_never_ran_is_named(run, tmp_path: Path, command: str) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "search.py").write_text(SEARCH)
    code, _, err = run(command, "search.py")
    assert code == 2
    assert "there is no search at" in err
    assert err.count("\n") == 1


def test_the_extra_is_named_where_dash_is_missing(  # type: ignore[no-untyped-def]
    run, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "dash", None)
    code, _, err = run("dashboard", file)
    assert code == 2
    assert "pip install 'raynas[dashboard]'" in err


def test_what_png_needs_is_named(  # type: ignore[no-untyped-def]
    run, file: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("BROWSER_PATH", raising=False)
    code, _, err = run("report", file, "--png")
    assert code == 2
    assert "PNG files need Chrome or Chromium" in err
    monkeypatch.setitem(sys.modules, "kaleido", None)
    code, _, err = run("report", file, "--png")
    assert code == 2
    assert "pip install 'raynas[png]'" in err


def test_a_taken_port_is_named(run, file: Path) -> None:  # type: ignore[no-untyped-def]
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        code, _, err = run("dashboard", file, "--port", taken.getsockname()[1])
    assert code == 2
    assert "cannot be used" in err


@pytest.mark.parametrize("command", ["report", "status", "trial"])
def test_a_search_whose_reward_changed_is_shown_as_stored(  # type: ignore[no-untyped-def]
    run, file: Path, command: str
) -> None:
    path = Path(file)
    other = path.read_text().replace('name="tiny"', 'name="tiny", seed=7')
    path.write_text(other)
    more = ["3"] if command == "trial" else []
    code, out, err = run(command, file, *more)
    assert code == 0
    assert "0.3" in out
    assert "has changed (seed was 0, now 7); shown is what is stored" in err
    assert err.count("\n") == 1


def test_a_report_that_cannot_be_written_costs_a_line_and_nothing_else(  # type: ignore[no-untyped-def]
    run, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("plotly\nbroke")

    monkeypatch.setattr("raynas.report.write_report", broken)
    code, out, err = run("search", file, "--trials", "4")
    assert code == 0
    assert "0.3" in out
    assert "no report was written (plotly broke); every result is kept" in err
    assert "raynas report" in err


@pytest.mark.parametrize("command", ["search", "status", "watch", "report", "check", "profile"])
def test_a_journal_is_not_run_as_a_search_file(run, tmp_path: Path, command: str) -> None:  # type: ignore[no-untyped-def]
    journal = tmp_path / "journal.log"
    with AskTell(TinyNet, store=journal) as search:
        search.tell(search.ask(), 1.0)
    code, _, err = run(command, journal)
    assert code == 2
    assert "this is no Python file; give the search file, whose name ends in .py" in err
