"""The dry run finds what would end trials, before any is started."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset, TensorDataset

import raynas as nas
from raynas.meters import CostMeter, Measured
from raynas.preflight.dry_run import Check, dry_run
from raynas.rewards import AtMost, Constrained, Metric, MnasNet, Pareto, Reward
from raynas.space import integer, searchable


@searchable
class Net:
    width: int = integer(2, 16)

    def build(self) -> nn.Module:
        return nn.Linear(4, self.width)


class Module(pl.LightningModule):
    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def training_step(self, batch: Any, index: int) -> Any:
        return self.network(batch[0]).square().mean()

    def validation_step(self, batch: Any, index: int) -> None:
        self.log("val_loss", self.network(batch[0]).square().mean())

    def configure_optimizers(self) -> Any:
        return torch.optim.SGD(self.parameters(), lr=0.1)


class Data(pl.LightningDataModule):
    def setup(self, stage: str) -> None:
        self.all = TensorDataset(torch.randn(80, 4), torch.arange(80) % 2)

    def train_dataloader(self) -> Any:
        return DataLoader(self.all, batch_size=8, shuffle=True)

    def val_dataloader(self) -> Any:
        return DataLoader(self.all, batch_size=8)


def search_of(module: Callable[[Any], Any] = Module, **options: Any) -> nas.Search:
    searched = {key: options.pop(key) for key in ("reward", "full", "space") if key in options}
    task = nas.LightningTask(
        module,
        **{"data": Data, "metric": "val_loss", "max_steps": 30, "mode": "min", **options},
    )
    return nas.Search(**{"space": nas.Space(Net, baseline=Net(4)), "task": task, **searched})


def problems(search: nas.Search, **options: Any) -> dict[str, str]:
    return {one.what: one.words for one in dry_run(search, **options) if one.result == "problem"}


def test_where_all_holds_each_architecture_was_trained() -> None:
    found = dry_run(search_of())
    assert {one.result for one in found} == {"holds"}
    assert [one.what for one in found] == [
        "task, sent to workers",
        "task, baseline architecture",
        "task, smallest architecture",
        "task, largest architecture",
        "task, random architecture",
        "task, reward",
    ]


def test_a_quick_run_tries_one_architecture() -> None:
    assert len(dry_run(search_of(), quick=True)) == 3


def test_the_full_training_is_tried_too() -> None:
    class Other(Module):
        def validation_step(self, batch: Any, index: int) -> None:
            raise ValueError("no such column")

    full = nas.LightningTask(Other, Data, "val_loss", 90, mode="min", validation="own")
    found = problems(search_of(full=full))
    assert set(found) == {f"full, {kind} architecture" for kind in KINDS}
    assert found["full, baseline architecture"].startswith("ValueError: no such column (test_dry_")


KINDS = ("baseline", "smallest", "largest", "random")


def test_the_largest_architecture_is_among_those_tried() -> None:
    """The widths tried lie on both sides of nearly all of the space."""
    widths = []

    class Notes(Module):
        def __init__(self, network: Any) -> None:
            super().__init__(network)
            widths.append(network.out_features)

    dry_run(search_of(Notes))
    assert min(widths) <= 3
    assert max(widths) >= 15


def plateau_on(monitor: str) -> type[Module]:
    class Plateau(Module):
        def configure_optimizers(self) -> Any:
            optimizer = torch.optim.SGD(self.parameters(), lr=0.1)
            plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer)
            schedule = {"scheduler": plateau, "monitor": monitor}
            return {"optimizer": optimizer, "lr_scheduler": schedule}

    return Plateau


def test_schedulers_step_in_the_dry_run() -> None:
    assert not problems(search_of(plateau_on("val_loss")))
    (words, *_) = problems(search_of(plateau_on("val_los")), quick=True).values()
    assert "ReduceLROnPlateau conditioned on metric val_los" in words


def test_callbacks_run_in_the_dry_run() -> None:
    class Raises(pl.Callback):
        def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
            raise KeyError("epoch")

    assert "KeyError" in str(problems(search_of(trainer={"callbacks": [Raises()]}), quick=True))


class AccumulatesByHand(Module):
    def __init__(self, network: nn.Module) -> None:
        super().__init__(network)
        self.automatic_optimization = False

    def training_step(self, batch: Any, index: int) -> None:
        self.manual_backward(super().training_step(batch, index))
        if index % 4 == 3:
            self.optimizers().step()
            self.optimizers().zero_grad()


def test_a_step_by_hand_may_take_several_batches() -> None:
    assert not problems(search_of(AccumulatesByHand))


def test_a_metric_that_is_not_logged_is_found() -> None:
    words = problems(search_of(metric="val_accuracy", mode="max"), quick=True)
    assert "metric='val_accuracy': the module logs val_loss" in str(words)


@pytest.mark.parametrize(
    "reward",
    [
        MnasNet.soft("val_loss", "latency_p50", 1.0),
        Constrained(Metric("val_loss", "min"), [AtMost("latency_p50", 1.0)]),
        Pareto(Metric("val_loss", "min"), Metric("latency_p50", "min")),
    ],
    ids=["product", "bound", "front"],
)
def test_metrics_of_rewards_and_bounds_are_looked_for(reward: Reward) -> None:
    found = problems(search_of(reward=reward), quick=True)
    assert "latency_p50" in found["task, reward"]
    assert "wrap the task in raynas.meters.Measured" in found["task, reward"]


@pytest.mark.parametrize(
    ("metric", "mode", "contradicts"),
    [
        ("val_loss", "max", True),
        ("val_loss", "min", False),
        ("neg_val_loss", "max", False),
        ("val/acc", "min", True),
        ("loss_of_accuracy", "max", False),
        ("reward", "min", False),
    ],
)
def test_a_mode_against_the_metrics_name_is_found(
    metric: str, mode: str, contradicts: bool
) -> None:
    class Logs(Module):
        def validation_step(self, batch: Any, index: int) -> None:
            self.log(metric, 0.5)

    found = problems(search_of(Logs, metric=metric, mode=mode), quick=True)
    assert bool(found) is contradicts
    if contradicts:
        assert f"Metric(name={metric!r}, mode={mode!r}): by its name" in found["task, mode"]


def test_what_cannot_be_pickled_is_found() -> None:
    once = (number for number in range(9))

    def make(network: Any) -> Any:
        next(once)
        return Module(network)

    found = problems(search_of(make), quick=True)
    assert "it cannot be pickled (TypeError: cannot pickle 'generator' object" in str(found)


class Noisy(Dataset[Any]):
    def __len__(self) -> int:
        return 80

    def __getitem__(self, index: int) -> Any:
        return torch.randn(4), index % 2


class NoisyData(Data):
    def train_dataloader(self) -> Any:
        return DataLoader(Noisy(), batch_size=8)


def test_held_out_data_that_change_are_found() -> None:
    found = problems(search_of(data=NoisyData), quick=True)
    assert "held-out training examples change from reading to reading" in str(found)


def test_an_infeasible_architecture_is_a_note_unless_it_is_the_baseline() -> None:
    @searchable
    class Bounded(Net):
        def build(self) -> nn.Module:
            if self.width > 4:
                raise nas.InfeasibleArchitecture(f"too wide: {self.width}")
            return super().build()

    found = dry_run(search_of(space=nas.Space(Bounded, baseline=Bounded(9))))
    baseline = next(one for one in found if one.what == "task, baseline architecture")
    assert baseline == Check("task, baseline architecture", "problem", "infeasible: too wide: 9")
    assert all(one.result != "problem" for one in found if one is not baseline)


def test_a_task_that_trains_otherwise_is_not_tried() -> None:
    search = nas.Search(Net, nas.FunctionTask(lambda net: 1.0))
    assert [one.result for one in dry_run(search)] == ["holds", "note"]


def test_a_wrapped_task_is_tried_with_its_meters() -> None:
    task = Measured(search_of().task, CostMeter())
    search = nas.Search(
        Net,
        task,
        reward=Constrained(Metric("val_loss", "min"), [AtMost("flops", 1e9)]),
    )
    assert not problems(search)
