"""A search in which no worker starts says so, and ends where waiting cannot help."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ray.tune import PlacementGroupFactory
from ray.tune.experiment import Trial

from raynas.errors import RaynasError
from raynas.testing import TinyNet
from raynas.tune.scheduler_wrapper import Overseer, TrialTimeLimits
from raynas.tune.searcher import NASSearcher
from raynas.tune.start_watch import StartWatch


def trials(*states: str) -> list[Any]:
    wanted = PlacementGroupFactory([{"CPU": 2.0, "GPU": 0.5}])
    return [SimpleNamespace(status=state, placement_group_factory=wanted) for state in states]


class Watched:
    """A watch with a clock of its own, and what it said."""

    def __init__(self, is_own: bool) -> None:
        self.now = 0.0
        self.said: list[str] = []
        self.watch = StartWatch(lambda: is_own, self.said.append, lambda: self.now)

    def wait(self, seconds: int, *states: str) -> RaynasError | None:
        """Look once a second; the first error."""
        for _ in range(seconds):
            self.now += 1.0
            error = self.watch.look(trials(*states))
            if error is not None:
                return error
        return None


def test_in_a_cluster_the_word_comes_again_after_twice_the_time() -> None:
    watched = Watched(is_own=False)
    assert watched.wait(30, Trial.PENDING) is None
    assert watched.said == []
    assert watched.wait(10_000, Trial.PENDING, Trial.PENDING) is None
    waited = [re.match(r"no worker has started for ([^:]*): ", text) for text in watched.said]
    assert [found and found[1] for found in waited][:3] == [
        "30 seconds",
        "60 seconds",
        "2.0 minutes",
    ]
    assert len(waited) == 9
    assert re.search(r"reserves 2 CPU, 0\.5 GPU, which other jobs .*`ray status`", watched.said[0])


@pytest.mark.parametrize("states", [(), (Trial.RUNNING, Trial.PENDING), (Trial.PAUSED,)])
def test_a_trial_that_runs_ends_the_wait(states: tuple[str, ...]) -> None:
    watched = Watched(is_own=True)
    for _ in range(100):
        assert watched.wait(29, Trial.PENDING) is None
        assert watched.wait(1, *states) is None
    assert watched.said == []


def test_a_session_of_its_own_ends_after_a_quarter_of_an_hour(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("raynas.tune.start_watch.session_logs", lambda: Path("the/logs"))
    watched = Watched(is_own=True)
    error = watched.wait(2000, Trial.PENDING)
    assert 900 <= watched.now < 1000
    assert re.fullmatch(
        r"no worker has started for .*; its logs are in the/logs\. Every result .* to go on",
        str(error),
    )
    assert len(watched.said) == 5


def test_the_time_in_which_the_driver_was_stopped_does_not_count(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("raynas.tune.start_watch.session_logs", lambda: Path("the/logs"))
    watched = Watched(is_own=True)
    assert watched.wait(20, Trial.PENDING) is None
    watched.now += 5000.0
    assert watched.wait(20, Trial.PENDING) is None
    assert watched.said == []
    watched.wait(20, Trial.PENDING)
    assert len(watched.said) == 1


def test_its_error_ends_the_search(monkeypatch: pytest.MonkeyPatch) -> None:
    searcher = NASSearcher(TinyNet, metric="reward", mode="max")
    overseer = Overseer(searcher, None, "", lambda step, metrics: None, TrialTimeLimits())
    wanted = RaynasError("no worker has started")
    monkeypatch.setattr(StartWatch, "look", lambda self, trials: wanted)
    monkeypatch.setattr(overseer, "_checked", 0.0)
    overseer.choose_trial_to_run(SimpleNamespace(get_trials=list, get_live_trials=list))
    assert searcher.error is wanted
