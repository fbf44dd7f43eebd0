"""Costs predicted from some fifty measurements, and the interval that they lie in."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from raynas.errors import TaskError
from raynas.space import Space, choice, integer, repeat, searchable
from raynas.tasks.meters.cost_features import choice_features, operation_features
from raynas.tasks.meters.cost_model import LEAST_MEASUREMENTS, Features, fit_cost_model


def made_up(rng: np.random.Generator, count: int) -> list[Features]:
    rows = rng.integers(0, 6, (count, 5)).astype(float)
    return [{"operations": dict(zip("abcde", row, strict=True)), "choices": {}} for row in rows]


def additive(features: Features) -> float:
    costs = {"a": 1.0, "b": 0.2, "c": 3.0, "d": 0.0, "e": 0.5}
    return 2.0 + sum(costs[name] * value for name, value in features["operations"].items())


def curved(features: Features) -> float:
    return float(np.exp(0.1 * additive(features)))


@pytest.mark.parametrize(
    ("truth", "noise", "kind"),
    [(additive, 0.0, "linear"), (additive, 0.03, "linear"), (curved, 0.0, "process")],
)
def test_it_predicts_and_chooses_the_kind_that_fits(truth: object, noise: float, kind: str) -> None:
    rng = np.random.default_rng(0)
    train, test = made_up(rng, 50), made_up(rng, 300)
    y = [truth(one) * np.exp(noise * rng.standard_normal()) for one in train]  # type: ignore[operator]
    model = fit_cost_model(train, y)
    assert model.kind.startswith(kind)
    true = np.array([truth(one) for one in test])  # type: ignore[operator]
    errors = np.abs(np.array([one.value for one in model(test)]) / true - 1)
    assert np.mean(errors <= 0.1) >= 0.95


def test_the_interval_holds_what_it_promises() -> None:
    """On average over samples, 95 of 100 further measurements lie in it, noise included."""
    covered, widths = [], []
    for seed in range(6):
        rng = np.random.default_rng(seed)
        train, test = made_up(rng, 40), made_up(rng, 200)
        model = fit_cost_model(train, [additive(x) * np.exp(0.1 * rng.normal()) for x in train])
        further = [additive(x) * np.exp(0.1 * rng.normal()) for x in test]
        found = zip(model(test), further, strict=True)
        covered.append(np.mean([one.low <= value <= one.high for one, value in found]))
        widths.append(model.factor)
    assert 0.92 <= np.mean(covered) <= 0.99
    assert 1.2 < np.mean(widths) < 1.4  # noise of 0.1 spreads over a factor of 1.22


def test_predictions_are_the_same_in_every_process() -> None:
    rng = np.random.default_rng(0)
    train, test = made_up(rng, 30), made_up(rng, 3)
    y = [additive(one) for one in train]
    assert fit_cost_model(train, y)(test) == fit_cost_model(train, y)(test)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([1.0] * (LEAST_MEASUREMENTS - 1), "19 measurements: a prediction with an interval takes"),
        ([1.0] * 29 + [0.0], "measurements: all must be above 0"),
        ([1.0] * 29 + [float("nan")], "measurements: all must be above 0"),
    ],
)
def test_what_cannot_be_fitted_is_refused(values: list[float], message: str) -> None:
    features = made_up(np.random.default_rng(0), len(values))
    with pytest.raises(TaskError, match=message):
        fit_cost_model(features, values)


def test_without_features_it_is_refused() -> None:
    with pytest.raises(TaskError, match="features: there are none"):
        fit_cost_model([{"operations": {}, "choices": {}}] * 30, [1.0] * 30)


@searchable
class Block:
    kernel: int = choice(1, 3)
    grouped: bool = choice(False, True)


@searchable
class Net:
    width: int = integer(4, 16, step=4)
    blocks: tuple[Block, ...] = repeat(Block, 1, 3)

    def build(self) -> nn.Module:
        layers: list[nn.Module] = [nn.Conv1d(2, self.width, 1)]
        for block in self.blocks:
            groups = self.width if block.grouped else 1
            layers += [
                nn.Conv1d(
                    self.width, self.width, block.kernel, padding="same", groups=groups, bias=False
                ),
                nn.ReLU(),
            ]
        return nn.Sequential(*layers, nn.Flatten(), nn.Linear(self.width * 5, 3))


NET = Net(8, (Block(3, False), Block(3, True), Block(1, False)))


def test_operations_are_counted_by_kind() -> None:
    found = operation_features(NET, lambda net: net.build(), torch.zeros(1, 2, 5))
    assert found["convolution 3 count"] == found["convolution 3 grouped count"] == 1
    assert found["convolution 1 count"] == 2
    assert found["convolution 3 products"] == 8 * 5 * 8 * 3
    assert found["convolution 3 grouped products"] == 8 * 5 * 3
    assert found["addmm products"] == 40 * 3
    assert found["relu elements"] == 3 * 8 * 5
    assert found["parameters"] == sum(p.numel() for p in NET.build().parameters())
    assert found["count"] == 4 + 3 + 1
    assert not any("view" in name for name in found)


def test_a_network_that_needs_its_data_is_counted_on_the_cpu() -> None:
    class Branching(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x @ x if float(x.sum()) == 0 else x

    found = operation_features(NET, lambda _: Branching(), torch.zeros(3, 3))
    assert found["mm products"] == 27


def test_choices_are_pooled_over_repeats() -> None:
    found = choice_features(Space.of(Net), NET)
    assert found["width sum"] == 8
    assert found["width=8"] == 1
    assert found["blocks[].kernel=3"] == 2
    assert found["blocks[].kernel sum"] == 7
    assert found["blocks[].grouped=True"] == 1
    assert found["blocks.length=3"] == 1
