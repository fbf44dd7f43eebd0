"""The critical batch size: the fit, the interpolation, and that trainings are as asked for."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from small_search import Data, Module, Net, circle
from torch.utils.data import DataLoader, IterableDataset, WeightedRandomSampler

from raynas.cli.critical_batch import critical_batch_drawing
from raynas.errors import ConfigurationError
from raynas.preflight.critical_batch import (
    BatchPoint,
    _at,
    _reached,
    _steps,
    _with_batch,
    measure_critical_batch,
    trade_off,
)
from raynas.tasks import Context, LightningTask


def points(critical: float, fewest: float, sizes: tuple[int, ...]) -> list[BatchPoint]:
    steps = [round(fewest * (1 + critical / size)) for size in sizes]
    return [BatchPoint(b, s, 1.0, ((1.0, s),)) for b, s in zip(sizes, steps, strict=True)]


def test_the_fit_finds_the_critical_batch_that_made_the_points() -> None:
    found = trade_off("accuracy", 0.9, points(120.0, 500.0, (8, 32, 128, 512, 2048)))
    assert found.critical == pytest.approx(120, rel=0.02)
    assert found.fewest_steps == pytest.approx(500, rel=0.02)
    assert found.falling_from == 32
    assert [trace.name for trace in critical_batch_drawing(found).figure.data] == [
        "twice the batch, half the steps", "fitted", "measured",
    ]  # fmt: skip


def test_perfect_scaling_has_no_falling_returns() -> None:
    found = trade_off("accuracy", 0.9, points(1e7, 0.01, (8, 16, 32)))
    assert found.falling_from is None


def test_too_few_points_give_no_critical_batch() -> None:
    some = [*points(100.0, 50.0, (8, 16)), BatchPoint(32, None, None, ((1.0, None),))]
    found = trade_off("accuracy", 0.9, some)
    assert (found.critical, found.points[2].examples) == (None, None)
    assert len(critical_batch_drawing(found).figure.data) == 2


@pytest.mark.parametrize(
    ("curve", "mode", "step"),
    [
        ([(10, 0.5), (20, 0.9)], "max", 15),
        ([(10, 0.8)], "max", 10),
        ([(10, 0.5), (20, 0.6)], "max", None),
        ([(10, 2.0), (30, 0.0)], "min", 23),
        ([], "max", None),
    ],
)
def test_the_step_is_interpolated(
    curve: list[tuple[int, float]], mode: Any, step: int | None
) -> None:
    assert _reached(curve, 0.7, mode) == step


SEEN: list[tuple[int, float]] = []


class Watching(Module):
    def training_step(self, batch: Any, index: int) -> Any:
        SEEN.append((len(batch[0]), self.optimizers().param_groups[0]["lr"]))
        return super().training_step(batch, index)


def test_trainings_have_the_batch_size_and_the_scaled_rate() -> None:
    SEEN.clear()
    task = LightningTask(
        Watching, Data, "accuracy", 40, validation="own", accelerator="cpu", evaluations=4
    )
    found = measure_critical_batch(task, Net(16), 0.6, (16, 32, 64), rates=(1.0,))
    assert {(size, round(rate, 4)) for size, rate in SEEN} == {(16, 0.01), (32, 0.02), (64, 0.04)}
    assert all(point.steps is not None for point in found.points)
    SEEN.clear()
    measure_critical_batch(task, Net(16), 0.6, (8, 32, 128), rates=(1.0,), scaling="sqrt")
    assert {(size, round(rate, 4)) for size, rate in SEEN} == {(8, 0.01), (32, 0.02), (128, 0.04)}


def test_a_training_ends_at_the_target_and_finds_the_step_of_a_whole_one() -> None:
    SEEN.clear()
    task = LightningTask(
        Watching, Data, "accuracy", 60, validation="own", accelerator="cpu", evaluations=20
    )
    whole = _at(task, 32, 32, 1.0).run(Net(16), Context(seed=0))
    curve = [(point.step, point.metrics["accuracy"]) for point in whole.curve]
    steps = len(SEEN)
    target = curve[3][1]
    SEEN.clear()
    assert _steps(_at(task, 32, 32, 1.0), Net(16), target, 0.0) == _reached(curve, target, "max")
    assert len(SEEN) < steps / 2
    assert _steps(_at(task, 32, 32, 1.0), Net(16), 1.1, 0.0) is None


def test_an_edge_is_where_the_best_rate_was_the_last_tried() -> None:
    tried = ((0.5, 30), (1.0, 20), (2.0, 25))
    assert not BatchPoint(8, 20, 1.0, tried).at_an_edge
    assert BatchPoint(8, 20, 2.0, tried).at_an_edge


class Stream(IterableDataset[Any]):
    def __iter__(self) -> Any:
        return iter(circle(32, 0))


def unbatched() -> Any:
    return DataLoader(Stream(), batch_size=None), DataLoader(circle(32, 1), batch_size=32)


def test_what_it_needs() -> None:
    task = LightningTask(Module, Data, "accuracy", 9, validation="own", accelerator="cpu")
    with pytest.raises(ConfigurationError, match=r"batches=\[8, 8, 16\]: give three or more"):
        measure_critical_batch(task, Net(16), 0.6, (8, 8, 16))
    loose = LightningTask(Module, unbatched, "accuracy", 9, validation="own", accelerator="cpu")
    with pytest.raises(ConfigurationError, match="the batch size is not that of a single DataLoad"):
        measure_critical_batch(loose, Net(16), 0.6, (8, 16, 32))
    assert torch.is_grad_enabled()


def test_another_batch_size_draws_the_examples_that_the_users_loader_draws() -> None:
    """In its order, too: by the user's own sampler, and for streams."""

    def loader(size: int) -> DataLoader[Any]:
        drawn = torch.Generator().manual_seed(5)
        rare = WeightedRandomSampler([1.0] * 40 + [50.0] * 8, 48, generator=drawn)
        return DataLoader(circle(48, 0), batch_size=size, sampler=rare, collate_fn=list)

    def stream(size: int) -> DataLoader[Any]:
        return DataLoader(Stream(), batch_size=size, drop_last=True)

    def examples(batches: Any) -> list[Any]:
        parts = [list(zip(*batch, strict=True)) if len(batch) == 2 else batch for batch in batches]
        return [[value.tolist() for value in example] for part in parts for example in part]

    for made in (loader, stream):
        assert examples(_with_batch(made(16), 8)) == examples(made(8))


class Sorted(DataLoader[Any]):
    """A loader of the user's own, which may do anything to its batches."""


def test_a_loader_of_another_class_is_not_made_anew() -> None:
    with pytest.raises(ConfigurationError, match="the batches of a Sorted cannot be made anew"):
        _with_batch(Sorted(circle(48, 0), batch_size=8), 4)
