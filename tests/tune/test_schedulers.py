"""Schedulers of a search that goes on know the curves from before."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

import raynas as nas
from raynas.errors import ConfigurationError
from raynas.rewards import Metric
from raynas.testing import TinyNet
from raynas.trials import Measurement, Point
from raynas.tune.schedulers import check_scheduler, make_scheduler, replay, scorer

CONTROLLER: Any = SimpleNamespace(get_live_trials=list)


class Learns(nas.Task):
    max_steps = 9
    evaluations = 9

    def run(self, architecture: Any, context: nas.Context) -> Measurement:
        raise NotImplementedError


def decisions(scheduler: Any, values: list[float]) -> list[str]:
    """What it says to the reports of a new trial, until it ends it."""
    trial: Any = type("Trial", (), {"trial_id": str(values), "status": "RUNNING"})()
    said: list[str] = []
    scheduler.on_trial_add(CONTROLLER, trial)
    for step, value in enumerate(values, start=1):
        said.append(
            str(scheduler.on_trial_result(CONTROLLER, trial, {"step": step, "reward": value}))
        )
        if said[-1] == "STOP":
            break
    return said


@pytest.mark.parametrize("name", ["asha", "median"])
def test_a_trial_is_judged_by_the_curves_of_an_earlier_process(name: str) -> None:
    scheduler, _ = make_scheduler(name, Learns())
    assert scheduler is not None
    search = nas.AskTell(TinyNet, "random", reward=Metric("accuracy"))
    for number in range(4):
        assert search.ask() is not None
        curve = tuple(Point(step, {"accuracy": step / 9}) for step in range(1, 10))
        for point in curve:
            search.report(number, point)
        search.tell(number, Measurement({"accuracy": 1.0}, 1.0, 9, curve))
    replay(scheduler, search.history, scorer(search.reward))
    assert decisions(scheduler, [step / 3 for step in range(1, 10)])[:8] == ["CONTINUE"] * 8
    assert "STOP" in decisions(scheduler, [0.01 * step / 9 for step in range(1, 10)])


@pytest.mark.parametrize("name", ["asha", "median"])
def test_a_fresh_scheduler_has_nothing_to_judge_by(name: str) -> None:
    scheduler, _ = make_scheduler(name, Learns())
    assert scheduler is not None
    scheduler.set_search_properties("reward", "max")
    assert decisions(scheduler, [0.01 * step / 9 for step in range(1, 9)]) == ["CONTINUE"] * 8


def test_population_based_training_is_refused() -> None:
    from ray.tune.schedulers import PopulationBasedTraining

    training = PopulationBasedTraining(hyperparam_mutations={"lr": [1, 2]})
    with pytest.raises(ConfigurationError, match=r"PopulationBasedTraining.* one architecture"):
        check_scheduler(training, Learns())


def test_the_scheduler_of_bohb_is_refused() -> None:
    from ray.tune.schedulers import HyperBandForBOHB

    with pytest.raises(ConfigurationError, match=r"HyperBandForBOHB\(...\): it works with TuneB"):
        check_scheduler(HyperBandForBOHB(), Learns())
