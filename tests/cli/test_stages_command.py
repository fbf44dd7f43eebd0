"""Stages in a row on the command line; trials run in this process instead of on Ray."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from raynas.cli.following import followed
from raynas.cli.search_file import load_chain, load_search
from raynas.tasks import Context

FILE = """
import raynas as nas
from dataclasses import replace
from raynas.space import integer, searchable

@searchable
class First:
    x: int = integer(0, 9, default=2)

@searchable
class Second:
    y: int = integer(0, 5, default=0)

first = nas.Search(
    First, nas.FunctionTask(lambda net: net.x / 10, metric="score"), controller="random",
    limits=nas.Limits(trials=4), rules=(),
)

def second(found):
    best = found["first"].best.x
    task = nas.FunctionTask(lambda net: best + net.y / 10, metric="score")
    return replace(first, space=Second, task=task, seed=best, limits=nas.Limits(trials=3))

search = nas.Stages({"first": first, "second": second})
"""


class Trials:
    """Takes the place of `raynas.tune.run.run_trials`."""

    def __init__(self) -> None:
        self.stop_after: int | None = None
        self.kill = False
        self.ran: list[str] = []

    def __call__(self, searcher: Any, space: Any, task: Any, settings: Any) -> bool:
        asktell = searcher.asktell
        while searcher.check_rules() is None:
            if self.stop_after is not None and len(self.ran) >= self.stop_after:
                self.stop_after = None
                if self.kill:
                    asktell.ask()
                    raise RuntimeError("killed")
                return True
            asked = asktell.ask()
            self.ran.append(settings.folder.name)
            asktell.tell(asked.number, task.run(asked.architecture, Context()))
        return False


@pytest.fixture
def trials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Trials:
    (tmp_path / "chain.py").write_text(FILE)
    made = Trials()
    monkeypatch.setattr("raynas.tune.run.run_trials", made)
    return made


Run = Callable[..., tuple[int, str, str]]


def test_the_stages_run_in_order_and_are_reported_together(
    run: Run, trials: Trials, tmp_path: Path
) -> None:
    code, out, err = run("search", "chain.py")
    assert (code, err) == (0, "")
    assert trials.ran == ["chain-first"] * 4 + ["chain-second"] * 3
    assert "Stage first (1 of 2):" in out
    assert "Stages of chain" in out
    page = (tmp_path / "raynas-results/chain/report.html").read_text()
    assert "first (4 trials)" in page
    assert 'href="chain-second/report.html"' in page
    code, out, _ = run("search", "chain.py")
    assert code == 0
    assert "Stage first: passed, as a later stage was built on it." in out
    assert len(trials.ran) == 7


@pytest.mark.parametrize("ended", [2, 4, 5, 6])
def test_an_interrupted_chain_goes_on_where_it_was(run: Run, trials: Trials, ended: int) -> None:
    trials.stop_after = ended
    code, out, _ = run("search", "chain.py")
    assert code == (0 if ended == 7 else 130)
    assert "Next: raynas search chain.py goes on where it was." in out
    assert run("search", "chain.py")[0] == 0
    assert trials.ran == ["chain-first"] * 4 + ["chain-second"] * 3


@pytest.mark.parametrize("ended", [1, 5])
def test_a_killed_chain_goes_on_where_it_was(run: Run, trials: Trials, ended: int) -> None:
    """What it proposes then is what it would have proposed."""
    run("search", "chain.py", "--name", "whole")
    trials.ran, trials.stop_after, trials.kill = [], ended, True
    with pytest.raises(RuntimeError, match="killed"):
        run("search", "chain.py")
    trials.kill = False
    assert run("search", "chain.py")[0] == 0
    assert trials.ran == ["chain-first"] * 4 + ["chain-second"] * 3
    found = [[trial.architecture for trial in load(name).values()] for name in ("whole", "chain")]
    assert repr(found[0]) == repr(found[1])


def load(name: str) -> dict[tuple[str, int], Any]:
    chain, _ = load_chain("chain.py", name) or pytest.fail("no chain")
    return {(one, t.number): t for one in chain.names for t in chain.result(one).history}


def test_a_stage_is_named_like_a_search(run: Run, trials: Trials) -> None:
    code, _, err = run("search", "chain.py:second")
    assert code == 2
    assert "the stage 'second' is built on 'first', which has no result yet" in err
    assert run("search", "chain.py:first", "--trials", 2)[0] == 0
    assert run("search", "chain.py:second", "--quiet")[0] == 0
    assert trials.ran == ["chain-first"] * 2 + ["chain-second"] * 3
    assert run("search", "chain.py:first", "--trials", 6)[0] == 0
    assert trials.ran[5:] == ["chain-first"] * 4
    code, out, _ = run("status", "chain.py:first")
    assert "chain-first: 6 of at most 6 trials ended" in out
    code, _, err = run("status", "chain.py:third")
    assert code == 2
    assert "has no raynas.Search or stage named 'third': use one of first, search, second" in err


def test_looking_shows_the_chain_and_its_latest_stage(
    run: Run, trials: Trials, tmp_path: Path
) -> None:
    trials.stop_after = 6
    run("search", "chain.py")
    code, out, err = run("status", "chain.py")
    assert (code, err) == (0, "")
    assert "chain-second: 2 of at most 3 trials ended" in out
    assert "not ended" in out
    data = json.loads(run("status", "chain.py", "--json")[1])
    assert [stage["stage"] for stage in data["stages"]] == ["first", "second"]
    assert data["stages"][1]["built_on"] == "first (4 trials)"
    assert data["stages"][0]["state"] == "ended: trial limit"
    assert data["name"] == "chain-second"
    assert "chain-second" in run("watch", "chain.py", "--once")[1]
    assert "chain-first" in run("watch", "chain.py:first", "--once")[1]
    assert "chain-second" in run("status", "raynas-results/chain")[1]
    code, out, _ = run("report", "chain.py")
    assert code == 0
    for page in ("report.html", "chain-first/report.html", "chain-second/report.html"):
        assert (tmp_path / "raynas-results/chain" / page).exists()
    assert "trial 3" in run("trial", "chain.py:first", "3")[1].lower()


def test_a_gain_is_over_what_a_stage_began_with(run: Run, trials: Trials) -> None:
    run("search", "chain.py")
    stages = json.loads(run("status", "chain.py", "--json")[1])["stages"]
    for stage in stages:
        if stage["began_with"] is None:
            assert stage["gain"] is None
        else:
            assert stage["gain"] == pytest.approx(stage["best"] - stage["began_with"])
    assert {stage["metric"] for stage in stages} == {"score"}


def test_other_commands_take_the_latest_stage(
    run: Run, trials: Trials, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", list(sys.path))
    run("search", "chain.py:first")
    assert load_search("chain.py")[1] == "chain-first"
    run("search", "chain.py")
    assert load_search("chain.py")[1] == "chain-second"
    assert load_search("chain.py:first")[1] == "chain-first"
    assert load_search("chain.py", folder=Path("other"))[1] == "chain-first"


def test_a_stage_without_a_result_ends_the_chain(run: Run, trials: Trials, tmp_path: Path) -> None:
    (tmp_path / "chain.py").write_text(FILE.replace("net.x / 10", "float('nan')"))
    code, _, err = run("search", "chain.py")
    assert code == 2
    assert "no trial of the stage 'first' has a reward, so 'second' cannot be built on it" in err


def test_what_is_changed_is_refused_and_begun_anew(
    run: Run, trials: Trials, tmp_path: Path
) -> None:
    run("search", "chain.py")
    (tmp_path / "chain.py").write_text(FILE.replace("integer(0, 9, d", "integer(0, 8, d"))
    code, _, err = run("search", "chain.py")
    assert code == 2
    assert "is another one: space: x was" in err
    assert run("search", "chain.py", "--again")[0] == 0
    assert trials.ran[7:] == ["chain-first"] * 4 + ["chain-second"] * 3


NOISY = """
import itertools
import raynas as nas
from dataclasses import replace
from raynas.space import Space, integer, searchable

@searchable
class Net:
    x: int = integer(0, 3, default=2)

noise = itertools.count()
first = nas.Search(
    Net, nas.FunctionTask(lambda net: net.x + next(noise) / 100), controller="grid", rules=(),
    limits=nas.Limits(trials=4),
)
untried = Space(Net).around(Net(0), Net(1)).with_baseline(Net(1))
search = nas.Stages({
    "first": first,
    "again": lambda found: first,
    "narrow": lambda found: replace(first, space=untried, limits=nas.Limits(trials=1)),
})
"""


def test_the_page_says_how_much_two_trainings_of_one_architecture_differ(
    run: Run, trials: Trials, tmp_path: Path
) -> None:
    """And that a stage did not try what it is to beat."""
    (tmp_path / "noisy.py").write_text(NOISY)
    _, out, _ = run("search", "noisy.py")
    assert "not tried" in out
    page = (tmp_path / "raynas-results/noisy/report.html").read_text()
    assert page.count("What it began with has") == 1
    assert "What it began with has reward 2.06 here and had 2.02 in an earlier stage" in page
    assert "<code>raynas train FILE:STAGE --seeds 3</code>" in page


class Jobs:
    """Takes the place of a cluster: notes what it is sent."""

    def __init__(self) -> None:
        self.sent: list[Any] = []
        self.stopped: list[str] = []

    def __enter__(self) -> Jobs:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def running(self, name: str) -> str | None:
        return next((job.search for job in self.sent if job.search == name), None)

    def submit(self, job: Any) -> str:
        self.sent.append(job)
        return str(job.search)

    def follow(self, running: str, show: Callable[[str], None]) -> int:
        return 0

    def stop(self, running: str) -> None:
        self.stopped.append(running)


def test_a_chain_is_sent_to_a_cluster_under_its_own_name(
    run: Run, trials: Trials, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever of it was run here, and also where one stage is named."""
    jobs = Jobs()
    monkeypatch.setattr("raynas.tune.jobs.jobs_at", lambda cluster: jobs)
    code, out, err = run("submit", "chain.py", "--cluster", "head:8265")
    assert (code, err) == (0, "")
    assert "chain is job chain on head:8265" in out
    assert "raynas search chain.py --name=chain --folder" in jobs.sent[0].command
    assert "chain runs on h:1 already" in run("submit", "chain.py", "--cluster", "h:1")[1]
    assert "chain has ended" in run("stop", "chain.py", "--cluster", "h:1")[1]
    assert jobs.stopped == ["chain"]
    jobs.sent.clear()
    run("search", "chain.py")
    assert run("submit", "chain.py:second", "--cluster", "h:1", "--name", "other")[0] == 0
    assert "raynas search chain.py:second --name=other" in jobs.sent[0].command
    assert run("stop", "chain.py", "--cluster", "h:1", "--name", "other")[0] == 0


def test_following_goes_from_stage_to_stage(run: Run, trials: Trials) -> None:
    """As watch and dashboard do; a single stage is followed as a search is."""
    run("search", "chain.py:first")
    with (
        followed("chain.py", None, None) as (name, look),
        followed("chain.py:first", None, None) as (_, alone),
        followed("raynas-results/chain/chain-first", None, None) as (_, folder),
    ):
        first = look()
        assert (name, first.name, len(first.history)) == ("chain", "chain-first", 4)
        assert first.stop is not None
        assert "The stage 'second' is next: `raynas search FILE`" in first.stop.advice
        for command in (("watch", "--once"), ("status",)):
            shown = run(command[0], "chain.py", *command[1:])[1]
            assert "The stage 'second' is next: `raynas search chain.py`" in shown
        trials.stop_after = len(trials.ran) + 1
        run("search", "chain.py")
        assert (look().name, len(look().history)) == ("chain-second", 1)
        run("search", "chain.py")
        last = look()
        assert (last.name, len(last.history)) == ("chain-second", 3)
        assert last.stop is not None
        assert "is next" not in last.stop.advice
        assert alone().name == folder().name == "chain-first"


def test_the_dashboard_shows_the_latest_stage(
    run: Run, trials: Trials, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[str] = []

    @contextmanager
    def serve(look: Callable[[], Any], host: str, port: int) -> Iterator[Any]:
        def forever() -> None:
            shown.append(look().name)
            shown.append(run("search", "chain.py")[1].splitlines()[0])
            shown.append(look().name)

        yield SimpleNamespace(port=8642, serve_forever=forever)

    monkeypatch.setattr("raynas.dashboard.server.serve", serve)
    run("search", "chain.py:first")
    assert run("dashboard", "chain.py")[0] == 0
    printed = "chain: http://127.0.0.1:8642/ (Ctrl-C ends it)"
    assert shown == ["chain-first", printed, "chain-second"]
