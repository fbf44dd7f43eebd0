"""Costs predicted from some fifty measurements, and the interval that they lie in."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from raynas.errors import TaskError
from raynas.space import Space, choice, integer, repeat, searchable
from raynas.tasks.meters import cost_model
from raynas.tasks.meters.cost_features import choice_features, operation_features
from raynas.tasks.meters.cost_model import LEAST_MEASUREMENTS, Features, fit_cost_model
from raynas.tasks.meters.operation_process import fit_operation_process
from raynas.tasks.meters.torch_operations import TorchOperation


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


def convolution(width: int, kernel: int) -> TorchOperation:
    return TorchOperation(
        "convolution", 32 * width, 32 * width**2 * kernel, (width, width), (kernel,)
    )


def layered(rng: np.random.Generator, count: int) -> list[Features]:
    """Networks of one to five convolutions, of one width each."""
    networks = []
    for _ in range(count):
        width = int(2 ** rng.integers(2, 7))
        kernels = rng.choice([1, 3, 5, 9], rng.integers(1, 6))
        layers = Counter(
            TorchOperation(
                "convolution", 32 * width, 32 * width**2 * int(k), (width, width), (int(k),)
            )
            for k in kernels
        )
        networks.append({"each operation": layers + Counter([TorchOperation("addmm", 10)])})
    return networks


def uneven(features: Features) -> float:
    """A sum over operations, each with an overhead, and faster products in larger layers."""
    return sum(
        times * (5.0 + each.products**0.7 / 100 + 2.0 * (each.kernel == (5,)))
        for each, times in features["each operation"].items()
    )


def test_what_an_operation_costs_is_learned_from_whole_networks() -> None:
    """It is linear neither in elements nor in products, and one kernel is slower than its size."""
    rng = np.random.default_rng(0)
    train, test = layered(rng, 50), layered(rng, 300)
    model = fit_cost_model(train, [uneven(one) * np.exp(0.01 * rng.normal()) for one in train])
    assert model.kind == "additive model of each operation"
    found, true = model(test), np.array([uneven(one) for one in test])
    errors = np.abs(np.array([one.value for one in found]) / true - 1)
    assert np.mean(errors <= 0.05) >= 0.95
    assert model.factor < 1.1


def test_an_operation_that_no_measured_network_runs_has_a_price() -> None:
    """By those of its kind that are near in size."""
    rng = np.random.default_rng(0)
    networks = layered(rng, 80)
    new = convolution(64, 9)
    train = [one for one in networks if new not in one["each operation"]]
    test: Features = {"each operation": Counter([new, TorchOperation("addmm", 10)])}
    (found,) = fit_cost_model(train, [uneven(one) for one in train])([test])
    assert found.value == pytest.approx(uneven(test), rel=0.2)


@pytest.mark.parametrize("spread", [0.0, 1.0, 4.0])
@pytest.mark.parametrize("seed", range(3))
def test_any_costs_have_finite_predictions_above_zero(spread: float, seed: int) -> None:
    """Also such as follow from nothing, over many orders of magnitude, or are all the same."""
    rng = np.random.default_rng(seed)
    networks = layered(rng, 30)
    costs = np.exp(spread * rng.standard_normal(30))
    price = fit_operation_process([one["each operation"] for one in networks], costs)
    assert np.isfinite(price([one["each operation"] for one in layered(rng, 50)])).all()
    assert all(one.value > 0 for one in fit_cost_model(networks, list(costs))(networks))


def test_too_many_different_operations_are_left_to_the_other_models(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(cost_model, "MOST_OPERATIONS", 3)
    networks = layered(np.random.default_rng(0), 30)
    with pytest.raises(TaskError, match="features: there are none"):
        fit_cost_model(networks, [1.0] * 30)


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
    found, each = operation_features(NET, lambda net: net.build(), torch.zeros(1, 2, 5))
    assert found["convolution 3 count"] == found["convolution 3 grouped count"] == 1
    assert found["convolution 1 count"] == 2
    assert found["convolution 3 products"] == 8 * 5 * 8 * 3
    assert found["convolution 3 grouped products"] == 8 * 5 * 3
    assert found["addmm products"] == 40 * 3
    assert found["relu elements"] == 3 * 8 * 5
    assert found["parameters"] == sum(p.numel() for p in NET.build().parameters())
    assert found["count"] == 4 + 3 + 1
    assert not any("view" in name for name in found)
    assert each.total() == found["count"]
    assert sum(one.products * times for one, times in each.items()) == found["products"]
    assert each[TorchOperation("convolution", 40, 8 * 5 * 3, (8, 1), (3,), groups=8)] == 1
    assert each[TorchOperation("relu", 40)] == 3
    assert each[TorchOperation("addmm", 3, 3 * 40, (3, 40))] == 1


@pytest.mark.parametrize(
    ("run", "products"),
    [
        (lambda x: x @ x, 27),
        (lambda x: x @ x[0], 9),
        (lambda x: torch.addmv(x[0], x, x[1]), 9),
        (lambda x: x[None] @ x[None], 27),
        (lambda x: torch.baddbmm(x[None], x[None], x[None]), 27),
    ],
)
def test_products_of_matrices_are_counted(run: Any, products: int) -> None:
    class Product(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            result: torch.Tensor = run(x)
            return result

    found, _ = operation_features(NET, lambda _: Product(), torch.zeros(3, 3))
    assert found["products"] == products


def test_a_network_that_needs_its_data_is_counted_on_the_cpu() -> None:
    class Branching(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x @ x if float(x.sum()) == 0 else x

    found, _ = operation_features(NET, lambda _: Branching(), torch.zeros(3, 3))
    assert found["mm products"] == 27


def test_choices_are_pooled_over_repeats() -> None:
    found = choice_features(Space.of(Net), NET)
    assert found["width sum"] == 8
    assert found["width=8"] == 1
    assert found["blocks[].kernel=3"] == 2
    assert found["blocks[].kernel sum"] == 7
    assert found["blocks[].grouped=True"] == 1
    assert found["blocks.length=3"] == 1
