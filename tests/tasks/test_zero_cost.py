"""Zero-cost scores: formulas worked out by hand, determinism, and networks they do not fit."""

from __future__ import annotations

import math
import pickle
from typing import Any

import pytest
import torch
from torch import nn

from raynas.errors import TaskError
from raynas.space import choice, integer, searchable
from raynas.tasks import Context, FunctionTask, Measured, ZeroCost
from raynas.tasks.zero_cost import PROXIES
from raynas.tasks.zero_cost.activations import jacob_cov, naswot
from raynas.tasks.zero_cost.batch import Batch
from raynas.tasks.zero_cost.gradients import grad_norm, snip, synflow
from raynas.tasks.zero_cost.zen import zen

BATCH = torch.randn(16, 3, 8, 8, generator=torch.Generator().manual_seed(0))


@searchable
class Net:
    width: int = integer(2, 16)
    activation: str = choice("relu", "silu")

    def build(self) -> nn.Module:
        return nn.Sequential(
            nn.Conv2d(3, self.width, 3, padding=1),
            nn.BatchNorm2d(self.width),
            nn.ReLU(inplace=True) if self.activation == "relu" else nn.SiLU(),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Dropout(0.5),
            nn.Linear(self.width, 10),
        )


@searchable
class Words:
    width: int = integer(2, 16)

    def build(self) -> nn.Module:
        return nn.Sequential(
            nn.Embedding(50, self.width), nn.Flatten(), nn.Linear(6 * self.width, 3)
        )


def linear(*layers: list[list[float]]) -> nn.Sequential:
    """Linear layers of these weights, without offsets."""
    modules = []
    for values in layers:
        module = nn.Linear(len(values[0]), len(values), bias=False)
        with torch.no_grad():
            module.weight.copy_(torch.tensor(values))
        modules.append(module)
    return nn.Sequential(*modules)


def test_synflow_sums_the_products_along_all_paths() -> None:
    """(|1| + |-2|) x |3| + (|0.5| + |4|) x |-1| = 13.5, counted once a layer."""
    network = linear([[1, -2], [0.5, 4]], [[3, -1]])
    assert synflow(network, Batch((torch.randn(2, 2),))) == pytest.approx(math.log(2 * 13.5))


def test_synflow_passes_normalization_and_leaves_the_network_as_it_was() -> None:
    network = nn.Sequential(linear([[1, -2]]), nn.BatchNorm1d(1))
    assert synflow(network, Batch((torch.randn(2, 2),))) == pytest.approx(math.log(3))
    assert network[0][0].weight.tolist() == [[1, -2]]
    assert network.eval()(torch.tensor([[1.0, 1.0]])).item() == pytest.approx(-1, abs=1e-4)


def test_gradient_norm_and_snip_of_a_linear_loss() -> None:
    """The loss is the sum of outputs: gradients are the inputs' sums (3, 5)."""
    batch = Batch((torch.tensor([[1.0, 2], [2, 3]]),), loss=lambda output, _: output.sum())
    assert grad_norm(linear([[2, -1]]), batch) == pytest.approx(math.hypot(3, 5))
    assert snip(linear([[2, -1]]), batch) == pytest.approx(3 * 2 + 5 * 1)


def test_naswot_is_the_log_determinant_of_shared_patterns() -> None:
    """Two units: the examples share one of them, so that K = [[2, 1], [1, 2]]."""
    network = nn.Sequential(nn.ReLU())
    batch = Batch((torch.tensor([[1.0, 1], [1, -1]]),))
    assert naswot(network, batch) == pytest.approx(math.log(3))


def test_naswot_sees_activations_that_are_functions() -> None:
    class Functional(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return nn.functional.gelu(x) + x.relu()

    batch = Batch((torch.tensor([[1.0, 1], [1, -1]]),))
    assert naswot(Functional(), batch) == pytest.approx(math.log(4 * 4 - 2 * 2))


def test_jacob_cov_prefers_examples_whose_jacobians_differ() -> None:
    batch = Batch((torch.tensor([[1.0, 1, 1], [-1, 1, -1]]),))
    same = jacob_cov(linear([[1, 2, 3]]), batch)
    differ = jacob_cov(nn.Sequential(nn.ReLU(), linear([[1, 2, 3]])), batch)
    assert same == pytest.approx(-sum(math.log(v) + 1 / v for v in (1e-5, 2 + 1e-5)))
    assert differ > same


def test_zen_does_not_depend_on_the_scale_of_what_a_normalization_hides() -> None:
    """Twice the input of a batch normalization: its deviation says what the output hides."""

    class Scaled(nn.Module):
        def __init__(self, scale: float) -> None:
            super().__init__()
            self.scale = scale
            self.layer = nn.Conv2d(3, 8, 3)
            self.norm = nn.BatchNorm2d(8)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            normed: torch.Tensor = self.norm(self.scale * self.layer(x))
            return normed

    scores = []
    for scale in (1.0, 2.0):
        torch.manual_seed(0)
        scores.append(zen(Scaled(scale), Batch((BATCH,))))
    assert scores[1] - scores[0] == pytest.approx(math.log(2), rel=1e-3)


def test_scores_are_those_of_the_seed_and_leave_the_global_generator_alone() -> None:
    torch.manual_seed(1)
    state = torch.get_rng_state()
    once, again = (ZeroCost(BATCH)([Net(4, "relu"), Net(8, "silu")]) for _ in range(2))
    assert torch.equal(torch.get_rng_state(), state)
    assert once == again
    assert set(once[0]) == {*PROXIES, "parameters", "flops"}
    assert all(math.isfinite(score) for scores in once for score in scores.values())
    assert once[0]["parameters"] == sum(p.numel() for p in Net(4, "relu").build().parameters())
    other = ZeroCost(BATCH, seed=1)([Net(4, "relu")])[0]
    assert other["snip"] != once[0]["snip"]
    alone = ZeroCost(BATCH, proxies=("zen", "synflow"))([Net(4, "relu")])[0]
    assert alone == {name: once[0][name] for name in ("zen", "synflow")}


def test_repeats_average_over_initial_weights() -> None:
    singles = [ZeroCost(BATCH, proxies=("snip",), seed=s)([Net(4, "relu")])[0] for s in (0, 1)]
    mean = ZeroCost(BATCH, proxies=("snip",), repeats=2)([Net(4, "relu")])[0]
    assert mean["snip"] == pytest.approx((singles[0]["snip"] + singles[1]["snip"]) / 2)


def test_an_architecture_is_scored_once() -> None:
    built = []

    def build(net: Net) -> nn.Module:
        built.append(net)
        return net.build()

    score = ZeroCost(BATCH, proxies=("synflow",), build=build)
    assert score([Net(4, "relu")]) == score([Net(4, "relu")])
    assert len(built) == 1
    assert pickle.loads(pickle.dumps(ZeroCost(BATCH))).seed == 0


def test_scores_that_a_network_has_not_are_left_out(caplog: pytest.LogCaptureFixture) -> None:
    scores = ZeroCost(torch.randint(50, (16, 6)))([Words(4)])[0]
    assert set(scores) == {"grad_norm", "snip", "synflow", "parameters", "flops"}
    assert "jacob_cov: NoScoreError: inputs of whole numbers" in caplog.text
    assert "naswot: NoScoreError: the network has no rectifiers" in caplog.text


class Dead(nn.Module):
    """Its output is always 0, and depends on nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3 * 8 * 8, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return 0.0 * torch.relu(self.layer(x.flatten(1)))


def zero_head() -> nn.Module:
    network = nn.Sequential(nn.Flatten(), nn.Linear(3 * 8 * 8, 4), nn.ReLU(), nn.Linear(4, 10))
    nn.init.zeros_(network[3].weight)
    return network


def same_patterns() -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(3 * 8 * 8, 1), nn.ReLU(), nn.Linear(1, 10))


class Inverse(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(8, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layer(torch.linalg.inv(x[:, 0]).relu().mean(1))


@pytest.mark.parametrize(
    ("make", "name", "reason"),
    [
        (Dead, "synflow", "the flow from the input to the output is 0, which has no logarithm"),
        (Dead, "jacob_cov", "the output depends on no example"),
        (Dead, "grad_norm", "no weight changes the loss: all gradients are 0"),
        (Dead, "snip", "no weight changes the loss: all gradients are 0"),
        (zero_head, "synflow", "the flow from the input to the output is 0"),
        (zero_head, "jacob_cov", "the output depends on no example"),
        (same_patterns, "naswot", "some examples have one activation pattern"),
        (lambda: nn.Sequential(nn.Flatten(), nn.Tanh()), "naswot", "has no rectifiers"),
        (Dead, "zen", "how far features move is 0, which has no logarithm"),
        (Inverse, "flops", "no formula for aten::linalg_inv_ex"),
    ],
)
def test_floors_are_left_out_by_name(
    make: Any, name: str, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A floor such as the logarithm of the smallest number would rank by a number of no meaning."""
    batch = torch.eye(8).expand(16, 3, 8, 8) if name == "flops" else BATCH
    if make is Dead and name == "zen":
        make = lambda: nn.Sequential(nn.Flatten(), nn.Threshold(1e9, 0.0))  # noqa: E731
    assert ZeroCost(batch, proxies=(name,), build=lambda _: make())([Net(4, "relu")]) == [{}]
    assert f"zero-cost score left out, {name}: " in caplog.text
    assert reason in caplog.text


def test_lazy_layers_and_nested_inputs_are_scored() -> None:
    class Lazy(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = nn.LazyConv2d(4, 3), nn.LazyLinear(10)

        def forward(self, images: list[torch.Tensor]) -> torch.Tensor:
            return self.second(torch.relu(self.first(images[0])).flatten(1))

    scores = ZeroCost({"images": [BATCH]}, build=lambda _: Lazy())([Net(4, "relu")])[0]
    assert set(scores) == {*PROXIES, "parameters", "flops"}
    assert scores["parameters"] == 4 * (3 * 9 + 1) + 10 * (4 * 36 + 1)


def test_an_architecture_that_cannot_be_built_has_no_scores() -> None:
    def broken(net: Net) -> nn.Module:
        raise ValueError("no such net")

    assert ZeroCost(BATCH, build=broken)([Net(4, "relu")]) == [{}]


def test_scores_become_metrics_of_a_measured_task() -> None:
    def make(net: Net) -> nn.Module:
        return net.build()

    task = Measured(FunctionTask(lambda net: 0.5), ZeroCost(BATCH, build=make))
    metrics = task.run(Net(4, "relu"), Context()).metrics
    assert {f"zero_cost/{name}" for name in PROXIES} < set(metrics)
    assert metrics["reward"] == 0.5


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"proxies": ("fisher",)}, "proxies contains 'fisher': use some of grad_norm, jacob_cov"),
        ({"repeats": 0}, "repeats=0: must be at least 1"),
        ({"inputs": BATCH[:1]}, r"inputs of shape \(1, 3, 8, 8\): must be a batch of two"),
    ],
)
def test_arguments_out_of_range_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(TaskError, match=message):
        ZeroCost(**{"inputs": BATCH, **options})
