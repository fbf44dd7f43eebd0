"""More learning rates while the best is at an edge, on a quadratic whose best rate is known."""

from __future__ import annotations

from contextlib import contextmanager
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from small_search import Data, Net
from torch import Tensor, nn

from raynas.cli import baseline as command
from raynas.errors import InfeasibleArchitecture
from raynas.preflight.baseline import Baseline, Run
from raynas.preflight.baseline_runs import BaselineTask, TrainingVariant, settings_of
from raynas.preflight.more_optimizers import still_at_an_edge
from raynas.tasks import Context, LightningTask
from raynas.trials import Stop

STEPS, STEP = 20, 10**0.5
DIRECTIONS = 20  # of curvatures up to the largest, so that no rate hits the bottom by luck


class Quadratic(pl.LightningModule):
    """A bowl of several curvatures up to `curvature`; weights begin at 1, the bottom is at 0."""

    def __init__(self, curvature: float) -> None:
        super().__init__()
        self.curvatures = torch.tensor(curvatures(curvature))
        self.weights = nn.Parameter(torch.ones(DIRECTIONS))

    def loss(self) -> Tensor:
        return 0.5 * (self.curvatures * self.weights**2).sum()

    def training_step(self, batch: Any, index: int) -> Tensor:
        return self.loss()

    def validation_step(self, batch: Any, index: int) -> None:
        self.log("loss", self.loss())

    def configure_optimizers(self) -> Any:
        return torch.optim.SGD(self.parameters(), lr=0.1)


def curvatures(largest: float) -> list[float]:
    return [largest * (k + 1) / DIRECTIONS for k in range(DIRECTIONS)]


def by_hand(curvature: float, rate: float) -> float:
    """The loss after the steps with momentum 0.9."""
    total = 0.0
    for one in curvatures(curvature):
        weight, speed = 1.0, 0.0
        for _ in range(STEPS):
            speed = 0.9 * speed + one * weight
            weight -= rate * speed
        total += 0.5 * one * weight**2
    return total


class Trainings:
    """Stands in for the study: runs each training here, one after another."""

    def __init__(self, task: BaselineTask) -> None:
        self.task = task

    def go(self) -> Any:
        return Result()

    def runs(self) -> tuple[Run, ...]:
        found = []
        for number, setting in enumerate(self.task.settings):
            try:
                measured = self.task.run(Net(16), Context(number=number, seed=0))
            except InfeasibleArchitecture as error:  # it diverged
                found.append(Run(setting, reason=str(error)))
                continue
            value = measured.metrics["loss"]
            found.append(Run(setting, value, value, steps=STEPS))
        return tuple(found)


class Result:
    stop: Any = Stop("all trained", "Every training has ended.", "Look at the results.")


@contextmanager
def nothing(_: Any) -> Any:
    yield


def more(curvature: float, monkeypatch: pytest.MonkeyPatch) -> Baseline:
    """The rates that `raynas baseline` goes on to try after SGD's usual two."""
    monkeypatch.setattr("raynas.cli.progress.progress", nothing)
    full = LightningTask(
        lambda _: Quadratic(curvature), Data, "loss", STEPS, mode="min", schedule="none",
        validation="own", accelerator="cpu",
    )  # fmt: skip

    @contextmanager
    def opened(more: Any, suffix: str) -> Any:
        yield Trainings(BaselineTask(full, more))

    first = settings_of(STEPS, 1.0, [("sgd", (0.1, 0.01))])[3:]
    runs = Trainings(BaselineTask(full, first)).runs()
    whole = Run(TrainingVariant("in full", STEPS, "full"), 1.0, 1.0)
    judged = Baseline("loss", "min", (whole, *runs), None, 0.0, None, "", None, ())
    return command._with_more(judged, Result(), opened, False)[0]  # type: ignore[arg-type]


@pytest.mark.parametrize("curvature", [0.01, 0.03, 300.0, 1000.0])
def test_the_best_rate_outside_of_those_tried_is_found(
    curvature: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The losses are those by hand, and the best rate that of a wide grid of half decades."""
    found = more(curvature, monkeypatch)
    tried = {run.setting.learning_rate: run.best for run in found.runs[2:] if run.best is not None}
    for rate, loss in tried.items():
        assert rate is not None
        if loss < 1e10:  # beyond, single precision overflows
            assert loss == pytest.approx(by_hand(curvature, rate), rel=1e-2)
    grid = [0.1 * STEP**k for k in range(-8, 7)]
    best = min(grid, key=lambda rate: by_hand(curvature, rate))
    assert best > 0.2 or best < 0.005
    assert min(tried, key=lambda rate: tried[rate]) == pytest.approx(best, rel=1e-6)
    assert found.warnings == ()


def test_a_best_rate_that_stays_at_the_edge_is_warned_of(monkeypatch: pytest.MonkeyPatch) -> None:
    """The best rate lies ten thousand times beyond; six further ones do not reach it."""
    found = more(1e-6, monkeypatch)
    rates = [run.setting.learning_rate or 0.0 for run in found.runs[2:]]
    assert max(rates) == pytest.approx(0.1 * STEP**6)
    (warning,) = found.warnings
    assert warning == still_at_an_edge(found)
    assert "'sgd 1e+02', is the largest of those tried for this optimizer" in warning
