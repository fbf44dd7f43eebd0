"""The ready-made stages: what they search, and how."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

import raynas as nas
from raynas.augmentation import ImageRandAugment, TableRandAugment
from raynas.controllers import WarmStart
from raynas.errors import ConfigurationError
from raynas.full_training import best_of, full_task
from raynas.search import Search
from raynas.space import Space, choice, integer, searchable
from raynas.stages import (
    COMPOUND,
    Augmentation,
    Joint,
    Part,
    Retuning,
    Scaling,
    StageChain,
    StageResult,
    Stages,
    TrainingSettings,
    parts_then_whole,
    scaled_space,
)
from raynas.stages.resize import Resize
from raynas.tasks import Context
from raynas.tasks.example_input import innermost
from raynas.trials import Completed, History, Measurement, Trial


@searchable
class Net:
    width: int = choice(4, 8, default=4)

    def build(self, *, width: float = 1.0, depth: float = 1.0) -> nn.Module:
        size = round(self.width * width)
        layers = [nn.Linear(3, size), nn.ReLU()]
        for _ in range(round(depth) - 1):
            layers += [nn.Linear(size, size), nn.ReLU()]
        return nn.Sequential(*layers, nn.Linear(size, 1))


class Module(pl.LightningModule):
    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def training_step(self, batch: Any, _: int) -> Tensor:
        return nn.functional.mse_loss(self.network(batch[0]), batch[1])

    def validation_step(self, batch: Any, _: int) -> None:
        self.log("loss", nn.functional.mse_loss(self.network(batch[0]), batch[1]))

    def configure_optimizers(self) -> Any:
        return torch.optim.SGD(self.parameters(), lr=0.05)


def data() -> tuple[Any, Any]:
    inputs = torch.randn(80, 3, generator=torch.Generator().manual_seed(0))
    pairs = TensorDataset(inputs, inputs.sum(dim=1, keepdim=True))
    return DataLoader(pairs, batch_size=8), DataLoader(pairs, batch_size=8)


def task(steps: int, **given: Any) -> nas.LightningTask:
    return nas.LightningTask(Module, data, "loss", max_steps=steps, mode="min", **given)


SEARCH = Search(Net, task(4), full=task(40, validation="own"), controller="random")


def found(best: Any = None, search: Search = SEARCH) -> dict[str, StageResult]:
    trial = Trial(0, best or Net(8), Completed(Measurement({"loss": 1.0}), -1.0), 1.0, 2.0)
    return {"first": StageResult("first", search, History((trial,)))}


def test_augmentation_trains_the_best_to_the_end_on_a_part_of_the_data() -> None:
    search = Augmentation(policy=TableRandAugment, data_fraction=0.5)(found())
    assert Space.of(search.space).root is TableRandAugment
    trained = innermost(search.task)
    assert (trained.max_steps, trained.data.fraction, trained.data.validation) == (20, 0.5, "split")
    assert search.task.architecture == Net(8)
    in_full = innermost(full_task(search))
    assert (in_full.max_steps, in_full.data.fraction, in_full.data.validation) == (40, 1.0, "own")
    assert "augmentation" in search.allow


def test_augmentation_begins_with_none(drive: Callable[..., None]) -> None:
    stages = {"first": SEARCH, "second": Augmentation(policy=TableRandAugment)}
    here = StageChain(Stages(stages), "chain")
    drive(here, "first", 2)
    drive(here, "second", 3)
    result = here.result("second")
    tried = [trial.architecture for trial in result.history]
    assert tried[0] == TableRandAugment(0, 1) == result.incumbent
    assert len(set(tried)) == 3


def test_augmentation_also_stands_alone() -> None:
    search = Augmentation(policy=TableRandAugment, limits=nas.Limits(trials=7)).alone(SEARCH)
    assert search.task.architecture == Net(4)
    assert search.limits.trials == 7
    assert Augmentation(policy=TableRandAugment).alone(SEARCH, Net(8)).task.architecture == Net(8)


def test_what_augmentation_needs() -> None:
    with pytest.raises(ConfigurationError, match="must be a searchable subclass"):
        Augmentation(policy=Net)  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match="data_fraction=0: must be above 0"):
        Augmentation(data_fraction=0)
    bare = replace(SEARCH, full=None)
    with pytest.raises(ConfigurationError, match="train for 4 steps, which may be too few"):
        Augmentation(policy=TableRandAugment).alone(bare)
    given = Augmentation(policy=TableRandAugment, max_steps=100).alone(bare)
    assert innermost(given.task).max_steps == 25
    function = replace(SEARCH, task=nas.FunctionTask(len), full=None)
    with pytest.raises(ConfigurationError, match="augmentation needs a raynas"):
        Augmentation(policy=TableRandAugment).alone(function)
    with pytest.raises(ConfigurationError, match="a first stage cannot be built on an earlier one"):
        Augmentation()({})
    with pytest.raises(ConfigurationError, match="of='x': must be the name of an earlier"):
        Augmentation(of="x")(found())


def test_settings_are_tuned_with_the_augmentation_that_was_found() -> None:
    """A stage after another that varied the training keeps what that found."""
    first = found()
    policies = Augmentation(policy=TableRandAugment)(first)
    best = Trial(0, TableRandAugment(2, 5), Completed(Measurement({}), -0.5))
    both = {**first, "second": StageResult("second", policies, History((best,)))}
    settings = Retuning()(both)
    assert settings.task.architecture == Net(8)
    assert "TableRandAugment(count=2, magnitude=5)" in settings.task.identity()["module"]
    policy_alone = Retuning(of="first")(both)
    assert "TableRandAugment" not in policy_alone.task.identity()["module"]


def test_each_of_several_winners_is_tuned_alone() -> None:
    trials = (
        Trial(0, Net(4), Completed(Measurement({}), -2.0)),
        Trial(1, Net(8), Completed(Measurement({}), -1.0)),
    )
    results = {"first": StageResult("first", SEARCH, History(trials))}
    assert [Retuning(rank=rank)(results).task.architecture for rank in (0, 1)] == [Net(8), Net(4)]
    with pytest.raises(ConfigurationError, match="rank=2: the stage 'first' has only 2"):
        Retuning(rank=2)(results)
    assert innermost(Retuning(in_full=True)(results).task).max_steps == 40
    with pytest.raises(ConfigurationError, match="in_full=True: the stage before has no full"):
        Retuning(in_full=True)(found(search=replace(SEARCH, full=None)))


def test_what_was_found_is_the_network_with_its_training(drive: Callable[..., None]) -> None:
    """Also for export: the best of a stage over policies is the architecture, trained so."""
    here = StageChain(Stages({"first": SEARCH, "tuned": Retuning()}), "chain")
    drive(here, "first", 1)
    drive(here, "tuned", 2)
    result = here.result("tuned")
    best = best_of(result.search, result.search.name or "", result.history)
    assert best.architecture == here.result("first").best
    assert Space.of(best.search.space).root is Net
    network, module = best.build()
    assert isinstance(network, nn.Sequential)
    rate = module.configure_optimizers().param_groups[0]["lr"]
    assert rate == pytest.approx(0.05 * result.best.learning_rate)


def parameters(network: nn.Module) -> int:
    return sum(weight.numel() for weight in network.parameters())


def test_scaling_multiplies_what_build_takes() -> None:
    space = scaled_space(Net(8), {"width": (1, 2), "depth": (1, 3)})
    assert space.size == 4
    assert parameters(space.baseline.build()) == parameters(Net(8).build())
    larger = space.root(width=2.0, depth=3.0)
    assert parameters(larger.build()) == parameters(Net(8).build(width=2.0, depth=3.0))
    assert parameters(larger.build(width=0.5)) == parameters(Net(8).build(width=1.0, depth=3.0))
    assert space.from_json(space.to_json(larger)) == larger


def test_compound_scaling_is_one_choice() -> None:
    search = Scaling(compound={"width": 2.0, "depth": 1.5}, coefficients=(0, 1, 2))(found())
    space = Space.of(search.space)
    assert space.size == 3
    assert space.root(coefficient=2.0).factors() == {"width": 4.0, "depth": 2.25}
    assert space.baseline.factors() == {"width": 1.0, "depth": 1.0}
    growth = COMPOUND["depth"] * (COMPOUND["width"] * COMPOUND["resolution"]) ** 2
    assert growth == pytest.approx(2, abs=0.1)


@searchable
class Plain:
    def build(self) -> nn.Module:
        return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(2, 1))


def test_the_input_is_resized_where_build_takes_no_resolution() -> None:
    space = scaled_space(Plain(), {"resolution": (1, 1.5)})
    network = space.root(resolution=1.5).build()
    assert isinstance(network[0], Resize)
    assert network[0](torch.rand(2, 2, 10, 8)).shape == (2, 2, 15, 12)
    assert network(torch.rand(2, 2, 10, 8)).shape == (2, 1)


def test_scaling_stays_within_its_bound() -> None:
    bounds = (nas.rewards.AtMost("parameters", 60),)
    search = Scaling(factors={"width": (1, 2, 3)}, bounds=bounds)(found(Net(4)))
    assert search.bounds == bounds
    tried = {
        n: search.task.foreknown(n, ["parameters"]) for n in Space.of(search.space).enumerate()
    }
    assert [values["parameters"] <= 60 for values in tried.values()] == [True, True, False]
    with pytest.raises(nas.InfeasibleArchitecture, match="parameters is 61, over its limit of 60"):
        search.task.run(Space.of(search.space).root(width=3.0), Context())


def test_what_scaling_needs() -> None:
    with pytest.raises(ConfigurationError, match=r"factors\['width'\]=\(2, 3\): must include 1"):
        Scaling(factors={"width": (2, 3)})
    with pytest.raises(ConfigurationError, match="must include 0"):
        Scaling(compound=COMPOUND, coefficients=(1, 2))
    with pytest.raises(ConfigurationError, match=r"Plain\.build takes no argument 'width'"):
        scaled_space(Plain(), {"width": (1, 2)})
    with pytest.raises(ConfigurationError, match="TrainingSettings has no method build"):
        scaled_space(TrainingSettings(), {"width": (1, 2)})


@searchable
class Whole:
    a: int = integer(0, 19, default=0)
    b: int = integer(0, 19, default=0)
    c: int = integer(0, 19, default=0)


def value(net: Whole) -> float:
    return -abs(net.a - 7) - abs(net.b - 11) - abs(net.c - 3.0)


WHOLE = Search(Whole, nas.FunctionTask(value), limits=nas.Limits(trials=40))


def test_parts_then_the_whole_around_the_winners(drive: Callable[..., None]) -> None:
    here = StageChain(parts_then_whole(WHOLE, "a", ("b", "c"), trials=12, top=3), "parts")
    assert here.names == ("a", "b_c", "joint")
    drive(here, "a", 12)
    best = here.result("a").best
    drive(here, "b_c", 12)
    assert {trial.architecture.a for trial in here.result("b_c").history} == {best.a}
    joint = here.build("joint").search
    space = Space.of(joint.space)
    assert space.size < Space(Whole).size / 2
    winners = [w for part in ("a", "b_c") for w in here.result(part).top(3)]
    assert all(space.contains(winner) for winner in winners)
    drive(here, "joint", 8)
    reached = here.result("joint").history.best(1)[0].reward
    assert reached >= here.result("b_c").history.best(1)[0].reward


def test_every_trial_of_the_parts_counts(drive: Callable[..., None]) -> None:
    """The joint model has all of them, also those outside the joint space, and repeats none."""
    here = StageChain(parts_then_whole(WHOLE, "a", "b", trials=10, top=1), "parts")
    for name in ("a", "b"):
        drive(here, name, 10)
    with here.build("joint").search.open() as run:
        outside = [
            trial
            for part in ("a", "b")
            for trial in here.result(part).history
            if not run.space.contains(trial.architecture)
        ]
        assert len(outside) > 5
        warm: Any = run.search.controller(run.space)  # type: ignore[operator]
        while not isinstance(warm, WarmStart):
            warm = warm.controller
        known = warm._join(run.history)
        assert len(known.completed) == 20
        assert warm.controller.recommend(known) is not None


def test_the_rest_is_at_the_baseline_where_so_asked() -> None:
    part = Part(WHOLE, ("b",), rest="baseline")
    tried = History((Trial(0, Whole(7, 0, 0), Completed(Measurement({}), -14.0)),))
    (space,) = Space(Whole).split("a")
    results = {"a": StageResult("a", replace(WHOLE, space=space), tried)}
    assert {net.a for net in Space.of(part(results).space).enumerate()} == {0}
    best = replace(part, rest="best")(results)
    assert {net.a for net in Space.of(best.space).enumerate()} == {7}


def test_what_parts_need() -> None:
    with pytest.raises(ConfigurationError, match="fields='b': must be a tuple of field names"):
        Part(WHOLE, "b")  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match="rest='x': use 'baseline' or 'best'"):
        Part(WHOLE, ("b",), rest="x")  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match="Whole searches no field 'd'"):
        Part(WHOLE, ("d",))
    with pytest.raises(ConfigurationError, match="no stage before searched a part of"):
        Joint(WHOLE)({})


def test_images_are_augmented_by_default() -> None:
    assert Augmentation().policy is ImageRandAugment
