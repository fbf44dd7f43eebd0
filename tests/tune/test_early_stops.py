"""Early stops that keep their promise: costs in reports, nothing trained is thrown away."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ray.tune.schedulers import (
    ASHAScheduler,
    HyperBandScheduler,
    MedianStoppingRule,
    ResourceChangingScheduler,
    TrialScheduler,
)

import raynas as nas
from raynas.errors import ConfigurationError
from raynas.meters import FunctionMeter, Measured
from raynas.rewards import AtMost, Constrained, Metric, MnasNet, Pareto
from raynas.space import integer, searchable
from raynas.trials import History, Point, Stopped, Trial
from raynas.tune.report_batches import Reports
from raynas.tune.retry_policy import Care
from raynas.tune.scheduler_wrapper import Overseer, TrialTimeLimits
from raynas.tune.schedulers import make_scheduler, scorer

STEPS = 9


@searchable
class Net:
    width: int = integer(1, 30)


class Learns(nas.Task):
    """Reports at each step what its architecture promises; its cost is known beforehand."""

    metric = "acc"
    max_steps = STEPS
    evaluations = STEPS

    def __init__(self, says_costs: bool = True) -> None:
        self.says_costs = says_costs

    def run(self, architecture: Any, context: nas.Context) -> nas.Measurement:
        cost = {"parameters": float(31 - architecture.width)}
        if self.says_costs:
            context.costs(cost)
        points = []
        for step in range(1, STEPS + 1):
            points.append(Point(step, {"acc": architecture.width * step / STEPS}))
            context.report(step, points[-1].metrics)
        last = points[-1].metrics
        return nas.Measurement({**last, **cost}, 0.1, STEPS, tuple(points))


REWARDS = {
    "one": MnasNet("acc", "parameters", 15.0),
    "two": Pareto(Metric("acc"), Metric("parameters", "min")),
    "constrained": Constrained(Metric("acc"), (AtMost("parameters", 30),)),
}
SCHEDULERS: dict[str, Any] = {
    "asha": lambda: "asha",
    "hyperband": lambda: "hyperband",
    "median": lambda: "median",
    "Ray's ASHA": lambda: ASHAScheduler(max_t=STEPS, grace_period=1, reduction_factor=2),
    "of an own metric": lambda: ASHAScheduler(
        metric="acc", mode="max", max_t=STEPS, grace_period=1, reduction_factor=2
    ),
    "Ray's median": lambda: MedianStoppingRule(
        time_attr="step", grace_period=2, min_samples_required=2
    ),
}


PAIRS = [  # and how many trials at a time, of which each takes a worker that starts for seconds
    ("asha", "one", 2),
    ("hyperband", "constrained", 1),
    ("median", "one", 1),
    ("Ray's ASHA", "two", 1),
    ("of an own metric", "one", 1),
    ("Ray's median", "two", 2),
]


@pytest.mark.parametrize(("name", "reward", "parallel"), PAIRS)
@pytest.mark.usefixtures("ray_session")
def test_what_stops_is_not_trained_and_what_is_trained_is_not_stopped(
    name: str, reward: str, parallel: int, tmp_path: Path
) -> None:
    search = nas.Search(
        Net,
        Learns(),
        REWARDS[reward],
        controller="random",
        scheduler=SCHEDULERS[name](),
        limits=nas.Limits(trials=16, parallel=parallel),
        folder=tmp_path,
        name="early",
    )
    history = search.run().history
    assert len(history.ended) == 16
    stopped = [trial for trial in history if isinstance(trial.outcome, Stopped)]
    assert stopped, "nothing was stopped"
    assert all(trial.curve[-1].step < STEPS for trial in stopped)
    assert all("parameters" in trial.outcome.measurement.metrics for trial in stopped)  # type: ignore[union-attr]
    assert len(history.completed) + len(stopped) + len(history.outside) == 16
    assert history.completed
    assert all("parameters" not in trial.curve[-1].metrics for trial in history.completed)


@pytest.mark.usefixtures("ray_session")
def test_a_reward_that_is_known_at_the_end_only_is_refused(tmp_path: Path) -> None:
    search = nas.Search(
        Net,
        Learns(says_costs=False),
        REWARDS["one"],
        controller="random",
        scheduler="asha",
        limits=nas.Limits(trials=6, parallel=1),
        folder=tmp_path,
        name="late",
    )
    with pytest.raises(ConfigurationError, match="report acc, and only at their end parameters"):
        search.run()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (HyperBandScheduler, r"HyperBandScheduler\(...\): it pauses trials .* use 'hyperband'"),
        (
            ResourceChangingScheduler,
            r"ResourceChangingScheduler\(...\): what a trial reserves",
        ),
        (lambda: ASHAScheduler(max_t=5), "max_t=5.* so that none has a reward; the task has evalu"),
        (
            lambda: ASHAScheduler(time_attr="step", max_t=5),
            "the task has max_steps=9, so give max_t=9",
        ),
    ],
)
def test_schedulers_that_cannot_keep_their_promise_are_refused(make: Any, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        nas.Search(Net, Learns(), scheduler=make())


def test_a_measured_task_has_the_steps_of_the_one_inside() -> None:
    measured = Measured(Learns(), FunctionMeter(lambda net: 1.0, "cost"))
    scheduler, _ = make_scheduler("asha", measured)
    assert isinstance(scheduler, TrialScheduler)
    plain = Measured(nas.FunctionTask(lambda net: 1.0))
    with pytest.raises(ConfigurationError, match="a Measured has no max_steps"):
        make_scheduler("asha", plain)


def test_costs_are_part_of_every_report_from_then_on() -> None:
    sent: list[dict[str, Any]] = []
    reports = Reports(sent.append)
    reports(1, {"acc": 0.5})
    reports.costs({"parameters": 7.0})
    reports(2, {"acc": 0.6})
    reports(3, {"acc": 0.7, "parameters": 8.0})
    assert [report["metrics"] for report in sent] == [
        {"acc": 0.5},
        {"acc": 0.6, "parameters": 7.0},
        {"acc": 0.7, "parameters": 8.0},
    ]


class _Repeats:
    """A searcher in which only the trial ``again`` repeats an architecture."""

    def __init__(self) -> None:
        self.ended: list[str] = []
        self.care = Care(stopped_by=_Recorded(self.ended))
        self.history = History((Trial(0, "net"), Trial(1, "net")))

    def number(self, trial_id: str) -> int:
        return {"first": 0, "again": 1}[trial_id]


class _Recorded(dict[str, str]):
    """Names of schedulers by trial, and in `ended` each trial that was ended."""

    def __init__(self, ended: list[str]) -> None:
        super().__init__()
        self._ended = ended

    def __setitem__(self, trial_id: str, by: str) -> None:
        super().__setitem__(trial_id, by)
        self._ended.append(trial_id)


def test_halving_compares_architectures_and_not_seeds_of_one() -> None:
    class EndsAll(TrialScheduler):
        def on_trial_result(self, *_: Any) -> str:
            return str(TrialScheduler.STOP)

    searcher: Any = _Repeats()
    score = scorer(Metric("acc"))
    inner: Any = EndsAll()
    seen = []
    for spares in (False, True):
        overseer = Overseer(searcher, inner, "asha", score, TrialTimeLimits(), STEPS, spares)
        for trial_id in ("first", "again"):
            trial: Any = type("Trial", (), {"trial_id": trial_id})()
            report = {"raynas_step": 3, "metrics/acc": 0.5}
            seen.append(overseer.on_trial_result(None, trial, report))
    assert seen == ["STOP", "STOP", "STOP", "CONTINUE"]
    assert searcher.ended == ["first", "again", "first"]
    report = {"raynas_step": STEPS, "metrics/acc": 0.5}
    assert overseer.on_trial_result(None, trial, report) == "CONTINUE"
