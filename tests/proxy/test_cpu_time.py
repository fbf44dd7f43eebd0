"""What a training costs, with and without its validations."""

from __future__ import annotations

import time
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from raynas import FunctionTask, LightningTask
from raynas.proxy.cpu_time import Timed, seconds_at, seconds_of
from raynas.tasks import Context
from raynas.trials import Measurement, Point

CURVE = tuple(Point(step, {"acc": 0.5}) for step in (25, 50, 75, 100))


class SlowToValidate(pl.LightningModule):
    def __init__(self, network: Any) -> None:
        super().__init__()
        self.network = nn.Linear(2, 2)
        self.begun = 0

    def training_step(self, batch: Any, _: int) -> torch.Tensor:
        return self.network(batch[0]).square().mean()

    def on_validation_start(self) -> None:
        self.begun += 1

    def validation_step(self, batch: Any, _: int) -> None:
        end = time.process_time() + 0.05
        while time.process_time() < end:
            pass
        self.log("acc", float(self.begun))

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.1)


def loaders() -> tuple[DataLoader[Any], DataLoader[Any]]:
    data = TensorDataset(torch.randn(40, 2))
    return DataLoader(data, batch_size=4), DataLoader(data, batch_size=40)


def test_validations_are_timed_and_still_the_modules_own() -> None:
    task = LightningTask(SlowToValidate, loaders, "acc", 8, evaluations=4, validation="own")
    found = Timed(task).run(object(), Context(0))
    assert found.metrics["acc"] == 4
    assert 4 * 0.05 <= found.metrics["validation_seconds"] < found.metrics["cpu_seconds"]
    assert "validation_seconds" not in task.run(object(), Context(0)).metrics
    assert task.module is SlowToValidate


def test_a_shorter_training_is_validated_once() -> None:
    metrics = {"cpu_seconds": 14.0, "validation_seconds": 4.0}
    found = Measurement(metrics, seconds=99.0, steps=100, curve=CURVE)
    assert seconds_at(found, 100) == pytest.approx(10 + 1)
    assert seconds_at(found, 50) == pytest.approx(5 + 1)
    assert seconds_of(found) == 14


def test_where_nothing_is_known_of_validations_steps_count() -> None:
    found = Measurement({}, seconds=8.0, steps=100, curve=CURVE)
    assert seconds_at(found, 25) == pytest.approx(2)
    metrics = Timed(FunctionTask(lambda _: 1.0)).run(object(), Context(0)).metrics
    assert metrics.keys() >= {"cpu_seconds", "validation_seconds"}
    assert metrics["validation_seconds"] == 0
