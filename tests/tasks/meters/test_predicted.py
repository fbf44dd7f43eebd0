"""A meter that predicts: what it is fitted to, what it bounds, and what is measured again."""

from __future__ import annotations

import json
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import raynas as nas
from raynas.controllers.feasible import FeasibleSpace
from raynas.errors import InfeasibleArchitecture, TaskError
from raynas.full_training import full_task
from raynas.meters import CostMeter, Meter, Predicted
from raynas.space import Space, choice, integer, searchable
from raynas.tasks.meters.meter import Subject
from raynas.trials import DEFERRED


@searchable
class Mlp:
    width: int = integer(4, 256, step=4)
    depth: int = choice(1, 2, 3)

    def build(self) -> nn.Module:
        layers: list[nn.Module] = [nn.Linear(8, self.width), nn.ReLU()]
        for _ in range(self.depth - 1):
            layers += [nn.Linear(self.width, self.width), nn.ReLU()]
        return nn.Sequential(*layers, nn.Linear(self.width, 2))


@searchable
class Other:
    width: int = integer(4, 256, step=4)


class Board(Meter):
    """A made-up device, whose latency is a sum over layers."""

    def __init__(self, error: Exception | None = None) -> None:
        self.calls = 0
        self.error = error

    def __repr__(self) -> str:
        return "Board()"

    def measure(self, subject: Subject) -> Mapping[str, float]:
        if self.error is not None:
            raise self.error
        self.calls += 1
        net = subject.architecture
        return {"latency_p50": latency(net), "watts": 3.0}


def latency(net: Mlp) -> float:
    return 1e-4 * net.depth + 1e-6 * net.width + 2e-8 * net.width**2 * (net.depth - 1)


EXAMPLE = torch.zeros(1, 8)
SPACE = Space.of(Mlp)


def subject(net: Mlp) -> Subject:
    return Subject(net, EXAMPLE)


def taken(folder: Path, count: int = 40, **options: Any) -> Predicted:
    made = Predicted(options.pop("meter", Board()), folder / "board.json")
    made.take(subject(Mlp(4, 1)), SPACE.sample, count)
    return made


def test_it_predicts_within_its_interval_what_the_meter_measures(tmp_path: Path) -> None:
    predicted = taken(tmp_path)
    rng = np.random.default_rng(5)
    errors, inside = [], []
    for _ in range(100):
        net = SPACE.sample(rng)
        found = predicted.measure(subject(net))
        errors.append(abs(found["latency_p50"] / latency(net) - 1))
        low, high = found["latency_p50_low"], found["latency_p50_high"]
        inside.append(low <= latency(net) <= high)
    assert np.mean(np.array(errors) <= 0.1) >= 0.95
    assert np.mean(inside) >= 0.9


def test_measuring_goes_on_where_it_was(tmp_path: Path) -> None:
    """What the file has is not measured again, and nothing twice."""
    board = Board()
    first = taken(tmp_path, 10, meter=board)
    assert board.calls == 10
    taken(tmp_path, 25, meter=board)
    assert board.calls == 25
    entries = json.loads((tmp_path / "board.json").read_text())["entries"]
    assert len({json.dumps(one["architecture"]) for one in entries}) == len(entries) == 25
    assert first.measure(subject(Mlp(8, 2)))["latency_p50"] > 0


def test_a_bound_on_a_prediction_is_free_and_a_worker_predicts_the_same(tmp_path: Path) -> None:
    predicted = taken(tmp_path)
    bound = nas.rewards.AtMost("latency_p50_high", 4e-4)
    task = nas.meters.Measured(
        nas.FunctionTask(lambda net: 1.0), predicted, bounds=[bound], example_input=EXAMPLE
    )
    within = FeasibleSpace(SPACE, [bound], task.foreknown)
    assert within.free == (bound,)
    rng = np.random.default_rng(0)
    assert all(latency(within.sample(rng)) <= 4e-4 for _ in range(50))
    again = pickle.loads(pickle.dumps(predicted))
    assert again.measure(subject(Mlp(64, 2))) == predicted.measure(subject(Mlp(64, 2)))
    with pytest.raises(InfeasibleArchitecture, match=r"latency_p50_high is .* so it was not tr"):
        task.run(Mlp(256, 3), nas.Context())


def test_full_training_measures_what_the_search_predicted(tmp_path: Path) -> None:
    board = Board()
    predicted = taken(tmp_path, 30, meter=board)

    class Wrapping(nas.Task):
        def __init__(self, task: nas.Task) -> None:
            self.task = task

        def run(self, architecture: Any, context: nas.Context) -> nas.Measurement:
            return self.task.run(architecture, context)

    plain = nas.FunctionTask(lambda net: 1.0)
    measured = nas.meters.Measured(plain, CostMeter(), predicted, example_input=EXAMPLE)
    for whole, full in ((measured, plain), (measured, measured), (Wrapping(measured), None)):
        search = nas.Search(Mlp, whole, full=full or whole, folder=tmp_path)
        before = board.calls
        found = full_task(search).run(Mlp(16, 2), nas.Context()).metrics
        assert found["latency_p50"] == latency(Mlp(16, 2))
        assert found["watts"] == 3.0
        assert board.calls == before + 1
    assert "watts" not in measured.run(Mlp(16, 2), nas.Context()).metrics


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": 2}, "format 2 is of another version of raynas"),
        ({"meter": "Phone()"}, r"has latency_p50 by Phone\(\), not latency_p50 by Board\(\)"),
        ({"entries": [{}]}, "no file of measurements"),
        (None, "no file of measurements"),
    ],
)
def test_files_of_others_are_refused(tmp_path: Path, change: Any, message: str) -> None:
    predicted = taken(tmp_path, 20)
    path = tmp_path / "board.json"
    text = "12" if change is None else json.dumps({**json.loads(path.read_text()), **change})
    path.write_text(text)
    with pytest.raises(TaskError, match=message):
        Predicted(Board(), predicted.measurements).measure(subject(Mlp(4, 1)))


def test_measurements_of_another_space_or_network_are_refused(tmp_path: Path) -> None:
    predicted = taken(tmp_path, 20)
    with pytest.raises(TaskError, match="measurements of another space"):
        predicted.measure(Subject(Other(4), EXAMPLE))
    wider = Subject(Mlp(4, 1), EXAMPLE, lambda net: nn.Sequential(net.build(), nn.Linear(2, 2)))
    with pytest.raises(TaskError, match=r"is another one than when it was measured \(parameters"):
        predicted.measure(wider)


def test_too_few_measurements_and_none_are_refused(tmp_path: Path) -> None:
    with pytest.raises(TaskError, match="19 measurements: a prediction"):
        taken(tmp_path, 19).measure(subject(Mlp(4, 1)))
    with pytest.raises(TaskError, match=r"none\.json does not exist: `raynas profile FILE --fit`"):
        Predicted(Board(), tmp_path / "none.json").measure(subject(Mlp(4, 1)))


def test_what_cannot_be_measured_is_passed_over_and_an_offline_device_is_not(
    tmp_path: Path,
) -> None:
    class Picky(Board):
        def measure(self, subject: Subject) -> Mapping[str, float]:
            if subject.architecture.depth == 3:
                raise InfeasibleArchitecture("too deep")
            return super().measure(subject)

    made = Predicted(Picky(), tmp_path / "board.json")
    passed = made.take(subject(Mlp(4, 1)), SPACE.sample, 20)
    assert set(passed) == {"too deep"}
    assert len(made.fitted(subject(Mlp(4, 1))).errors) == 20
    gone = Board(InfeasibleArchitecture("the board is offline", kind=DEFERRED))
    with pytest.raises(TaskError, match="the board is offline; the file has 0 so far"):
        taken(tmp_path / "other", meter=gone)
    with pytest.raises(TaskError, match="nothing can be measured: broken"):
        taken(tmp_path / "other", 5, meter=Board(InfeasibleArchitecture("broken")))


def test_wrong_meters_and_metrics_are_refused(tmp_path: Path) -> None:
    with pytest.raises(TaskError, match="it is free to know, so there is nothing to predict"):
        Predicted(CostMeter(), tmp_path / "x.json")
    wrong = Predicted(Board(), tmp_path / "x.json", "joules")
    with pytest.raises(TaskError, match=r"'joules': Board\(\) gives latency_p50, watts"):
        wrong.take(subject(Mlp(4, 1)), SPACE.sample, 20)


def test_predictions_from_other_measurements_make_another_search(tmp_path: Path) -> None:
    predicted = taken(tmp_path, 20)
    task = nas.meters.Measured(nas.FunctionTask(lambda net: 1.0), CostMeter(), predicted)
    before = task.identity()
    assert task.identity() == before
    taken(tmp_path, 21)
    assert task.identity() != before
    assert "predicted" not in task.exactly().identity()
