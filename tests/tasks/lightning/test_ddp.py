"""Trials in several processes that work together, on the CPU with gloo."""

from __future__ import annotations

import pickle
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import cloudpickle
import pytest
import torch

import raynas as nas
from raynas.space import integer, searchable
from raynas.tasks.device_errors import out_of_memory
from raynas.tasks.lightning.ddp import Whole, _sent, on_ranks, ranks
from raynas.trials import Measurement

cloudpickle.register_pickle_by_value(sys.modules[__name__])


@searchable
class Net:
    width: int = integer(1, 100)


class Together(nas.Task):
    """Adds up over the processes what each brings; reports and keeps on the way."""

    def run(self, architecture: Net, context: nas.Context) -> Measurement:
        from torch import distributed

        distributed.init_process_group("gloo")
        rank = distributed.get_rank()
        total = torch.tensor(float(architecture.width + rank))
        distributed.all_reduce(total)
        context.report(1, {"total": float(total)})
        kept = context.kept()
        before = 0.0 if kept is None else float(kept.read_text())
        if rank == 0:
            file = Path(self.folder, "checkpoint")
            file.write_text(str(before + float(total)))
            context.keep(file)
            file.unlink()
        metrics = {"reward": float(total), "before": before, "rank": float(rank)}
        return Measurement({**metrics, "ranks": float(ranks()), "seed": float(context.seed)})

    def __init__(self, folder: Path) -> None:
        self.folder = str(folder)


class FailsIn(nas.Task):
    def __init__(self, rank: int, error: Exception) -> None:
        self.rank = rank
        self.error = error

    def run(self, architecture: Net, context: nas.Context) -> Measurement:
        from torch import distributed

        distributed.init_process_group("gloo")
        if distributed.get_rank() == self.rank:
            raise self.error
        distributed.all_reduce(torch.zeros(1))  # waits for the one that failed
        return Measurement({"reward": 1.0})


def test_processes_work_together_and_the_first_speaks_for_all(tmp_path: Path) -> None:
    reports: list[Any] = []
    kept: list[float] = []
    start = tmp_path / "start"
    start.write_text("7")
    context = nas.Context(
        number=3,
        seed=11,
        gpu=2,
        report=lambda step, metrics: reports.append((step, dict(metrics))),
        keep=lambda path: kept.append(float(path.read_text())),
        kept=lambda: start,
    )
    measurement = on_ranks(2, Together(tmp_path), Net(5), context)
    assert measurement.metrics == {
        "reward": 11.0,
        "before": 7.0,
        "rank": 0.0,
        "ranks": 2.0,
        "seed": 11.0,
    }
    assert reports == [(1, {"total": 11.0})]
    assert kept == [18.0]
    assert ranks() == 1


@pytest.mark.parametrize("rank", [0, 1])
def test_where_one_process_fails_its_error_ends_all(rank: int) -> None:
    error = nas.InfeasibleArchitecture("too large for a device")
    with pytest.raises(nas.InfeasibleArchitecture, match="too large for a device"):
        on_ranks(2, FailsIn(rank, error), Net(5), replace(nas.Context(), gpu=2))


class UnsendableError(RuntimeError):
    def __reduce__(self) -> Any:
        raise TypeError("it holds a lock")


def test_that_memory_ran_out_in_a_process_is_what_is_sent() -> None:
    """Also where the error cannot be sent, or came of another, which pickle drops."""
    memory = torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB")
    wrapped = ValueError("training failed")
    wrapped.__cause__ = memory
    for error in (memory, wrapped, UnsendableError(str(memory))):
        sent = pickle.loads(_sent(error))
        assert out_of_memory(sent) is sent
        assert "Tried to allocate 20.00 GiB" in str(sent)
    sent = pickle.loads(_sent(UnsendableError("no such layer")))
    assert type(sent) is RuntimeError, "one architecture's error is not the task's"
    assert str(sent) == "UnsendableError: no such layer"


def test_a_whole_loader_is_the_loader_but_none_that_lightning_knows() -> None:
    whole = Whole([1, 2, 3])
    assert list(whole) == list(whole) == [1, 2, 3]
    assert len(whole) == 3


def lightning_parts(folder: Path) -> tuple[Any, Any]:
    """A module that notes which examples each process trains on, and its data."""
    import pytorch_lightning as pl
    from torch.utils.data import DataLoader, TensorDataset

    class Noting(pl.LightningModule):
        def __init__(self, network: Any) -> None:
            super().__init__()
            self.network = network

        def training_step(self, batch: Any, _: int) -> Any:
            index, x = batch
            with Path(folder, f"rank-{self.global_rank}").open("a") as file:
                file.writelines(f"{i}\n" for i in index.tolist())
            return ((self.network(x) - x.sum(dim=1, keepdim=True)) ** 2).mean()

        def on_validation_epoch_start(self) -> None:
            self.seen = 0

        def validation_step(self, batch: Any, _: int) -> None:
            self.seen += len(batch[0])

        def on_validation_epoch_end(self) -> None:
            self.log("seen", float(self.seen))
            weights = torch.cat([weights.flatten() for weights in self.parameters()])
            gathered = self.all_gather(weights)
            self.log("apart", float((gathered[0] - gathered[-1]).abs().max()))
            self.log("processes", float(len(gathered)))

        def configure_optimizers(self) -> Any:
            return torch.optim.SGD(self.parameters(), lr=0.01)

    class Data(pl.LightningDataModule):
        def train_dataloader(self) -> Any:
            data = TensorDataset(torch.arange(64), torch.randn(64, 4))
            return DataLoader(data, batch_size=8, shuffle=True)

        def val_dataloader(self) -> Any:
            return DataLoader(TensorDataset(torch.arange(10)), batch_size=4)

    return Noting, Data


@searchable
class Linear:
    width: int = integer(1, 4)

    def build(self) -> Any:
        from torch import nn

        return nn.Sequential(nn.Linear(4, self.width), nn.Linear(self.width, 1))


def test_a_lightning_trial_on_two_devices_shares_the_data_and_stays_in_step(
    tmp_path: Path,
) -> None:
    module, data = lightning_parts(tmp_path)
    task = nas.LightningTask(
        module, data, metric="seen", max_steps=4, validation="own", accelerator="cpu"
    )
    measurement = task.run(Linear(3), nas.Context(seed=1, gpu=2))
    assert measurement.steps == 4
    assert measurement.metrics["processes"] == 2
    assert measurement.metrics["apart"] == 0
    assert measurement.metrics["seen"] == 10, "each validates on the whole validation set"
    first, second = (set((tmp_path / f"rank-{rank}").read_text().split()) for rank in (0, 1))
    assert len(first) == len(second) == 32
    assert first.isdisjoint(second)


def test_what_a_trial_on_several_devices_cannot_do_is_refused(tmp_path: Path) -> None:
    module, data = lightning_parts(tmp_path)
    task = nas.LightningTask(module, data, metric="seen", max_steps=4, checkpoint_every=2)
    with pytest.raises(nas.RaynasError, match="checkpoint_every=2 with resources gpu=2"):
        task.run(Linear(3), nas.Context(gpu=2))
    with pytest.raises(nas.RaynasError, match="accelerator='tpu': use 'auto' or 'cpu'"):
        nas.LightningTask(module, data, metric="seen", max_steps=4, accelerator="tpu")  # type: ignore[arg-type]
