"""Steps, loaders and the whole of `measure_speed`, for what they report rather than for times."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import EarlyStopping
from small_search import (
    Data,
    Hanging,
    HangingData,
    Module,
    Net,
    NeverSteps,
    TooLarge,
    circle,
    small_search,
)
from torch import nn
from torch.utils.data import DataLoader

from raynas import LightningTask
from raynas.errors import TaskError
from raynas.preflight.batch_sizes import batch_size, resized
from raynas.preflight.compilation import time_compiled
from raynas.preflight.loader_speed import time_loading
from raynas.preflight.search_plan import plan_search
from raynas.preflight.sized_architectures import sized
from raynas.preflight.speed import measure_speed
from raynas.preflight.speed_result import read_speed
from raynas.preflight.step_time import Steps, Timing, time_steps
from raynas.preflight.training_time import budgets_of
from raynas.space import Space


def timed(module: Any, batch: int, **given: Any) -> Timing:
    task = LightningTask(module, Data, "accuracy", 30, accelerator="cpu")
    first = next(iter(Data().train_dataloader()))
    options = {"gpu": False, "seconds": 0.01, "patience": 60.0, **given}
    return time_steps(task, Steps(Net(16), batch), first, **options)


def test_steps_are_timed_at_any_batch() -> None:
    seen: list[int] = []

    class Seeing(Module):
        def training_step(self, batch: Any, index: int) -> Any:
            seen.append(len(batch[0]))
            return super().training_step(batch, index)

    found = timed(Seeing, 100, profiled=True)
    assert found.error == ""
    assert set(seen) == {100}
    assert found.steps >= 3
    assert found.rate == pytest.approx(100 / found.seconds)
    assert found.arithmetic is not None
    assert 0 < found.arithmetic <= 1


def test_what_waits_for_a_validated_metric_does_not_stop_the_timing() -> None:
    class Waits(Module):
        def configure_callbacks(self) -> Any:
            return [EarlyStopping("val_loss", check_on_train_epoch_end=True)]

        def configure_optimizers(self) -> Any:
            optimizer = torch.optim.SGD(self.parameters(), lr=0.1)
            plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer)
            schedule = {"scheduler": plateau, "monitor": "val_loss", "interval": "step"}
            return {"optimizer": optimizer, "lr_scheduler": schedule}

    assert timed(Waits, 8).error == ""


def test_steps_are_those_of_the_data_module_and_the_trainer_of_the_task() -> None:
    seen = []

    class OnDevice(pl.LightningDataModule):
        def train_dataloader(self) -> Any:
            return Data().train_dataloader()

        def on_after_batch_transfer(self, batch: Any, dataloader_idx: int) -> Any:
            assert self.trainer is not None
            seen.append((self.trainer.accumulate_grad_batches, len(batch[0])))
            return batch

    task = LightningTask(Module, OnDevice, "accuracy", 30, trainer={"accumulate_grad_batches": 2})
    first = next(iter(OnDevice().train_dataloader()))
    found = time_steps(task, Steps(Net(16), 8), first, gpu=False, seconds=0.01, patience=600.0)
    assert found.error == ""
    assert set(seen) == {(2, 8)}


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_steps_on_a_gpu_tell_its_memory_and_its_use() -> None:
    found = timed(Module, 4096, gpu=True, profiled=True)
    assert found.error == ""
    assert found.memory
    assert found.arithmetic is not None
    assert 0 < found.arithmetic <= 1


def test_running_out_of_memory_is_a_result() -> None:
    assert timed(TooLarge, 16).error == ""
    assert timed(TooLarge, 32) == Timing(32, error="out of memory")


def test_other_errors_are_results_too() -> None:
    found = timed(lambda _: Module(nn.Linear(7, 2)), 8)
    assert found.error.startswith("RuntimeError: ")


def test_a_module_that_hangs_is_given_up() -> None:
    with pytest.raises(TaskError, match=r"training steps of 8 examples: nothing came for 0.3 sec"):
        timed(Hanging, 8, patience=0.3)


def test_a_module_without_steps_is_told() -> None:
    assert "batches went by without an optimizer step" in timed(NeverSteps, 8).error


def test_compiling_that_takes_too_long_is_ended_and_is_a_result() -> None:
    task = LightningTask(Module, Data, "accuracy", 30, accelerator="cpu")
    first = next(iter(Data().train_dataloader()))
    steps = Steps(Net(16), 8, compiled=True)
    found = time_compiled(task, steps, first, gpu=False, seconds=0.01, patience=0.05)
    assert found == Timing(8, error="not done after 0.05 seconds")


class Logging(Module):
    def training_step(self, batch: Any, index: int) -> Any:
        loss = super().training_step(batch, index)
        self.log("loss", loss)
        return loss


@pytest.mark.filterwarnings("ignore::UserWarning")  # which torch raises while it traces
def test_a_module_that_logs_in_its_steps_is_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled = torch.compile
    monkeypatch.setattr(torch, "compile", lambda module: compiled(module, backend="eager"))
    task = LightningTask(Logging, Data, "accuracy", 30, accelerator="cpu")
    first = next(iter(Data().train_dataloader()))
    steps = Steps(Net(16), 8, compiled=True)
    found = time_steps(task, steps, first, gpu=False, seconds=0.01, patience=600.0)
    assert found.error == ""
    assert found.steps >= 3


def test_another_process_times_the_same_steps() -> None:
    """Without compiling, which takes minutes: that what is sent arrives and comes back."""
    task = LightningTask(Module, Data, "accuracy", 30, accelerator="cpu")
    first = next(iter(Data().train_dataloader()))
    found = time_compiled(task, Steps(Net(16), 24), first, gpu=False, seconds=0.01, patience=600)
    assert (found.batch, found.error) == (24, "")
    assert found.steps >= 3


def test_batches_are_repeated_to_any_size() -> None:
    batch = {"x": torch.arange(6).reshape(3, 2), "y": [torch.arange(3), "name"]}
    assert batch_size(batch) == 3
    found = resized(batch, 5)
    assert found["y"][0].tolist() == [0, 1, 2, 0, 1]
    assert found["x"].shape == (5, 2)
    assert found["y"][1] == "name"
    with pytest.raises(TaskError, match="a batch is a str without tensors"):
        batch_size("words")


@pytest.mark.parametrize("workers", [0, 1])
def test_loaders_are_timed_with_other_batches_and_workers(workers: int) -> None:
    loader = DataLoader(circle(64, 0), batch_size=8)
    found = time_loading(loader, 16, workers, seconds=0.01, patience=600.0)
    assert (found.workers, found.error) == (workers, "")
    assert found.seconds > 0


def test_a_loader_that_hangs_is_a_result() -> None:
    found = time_loading(HangingData().train_dataloader(), 8, 0, seconds=0.01, patience=0.2)
    assert "a loader with 0 workers: nothing came for 0.2 seconds" in found.error


def test_architectures_are_sized_by_what_training_takes(tmp_path: Path) -> None:
    space = Space(Net)
    found = sized(space, small_search(tmp_path))
    assert found == {"baseline": Net(16), "largest": Net(64)}
    lowest = Space(Net, baseline=Net(4))
    assert sized(lowest, small_search(tmp_path)) == {
        "baseline": Net(4), "median": Net(16), "largest": Net(64)
    }  # fmt: skip


def test_the_whole_on_a_cpu_with_a_memory_limit(tmp_path: Path) -> None:
    """16 examples fit: the doubling ends there, 16 is the most to recommend, and plan reads it."""
    search = small_search(tmp_path, module=TooLarge)
    found = measure_speed(search, seconds=0.005, compiled=False, most=128, step_seconds=60)
    assert [timing.batch for timing in found.timings["baseline"]] == [8, 16, 32]
    assert found.ended["largest"] == "at 32 a batch: out of memory"
    assert found.recommended in (8, 16)
    assert found.batch == 32
    assert found.examples == 512 - 51
    assert found.own["baseline"].error == "out of memory"
    assert found.norms == 1
    assert set(found.precisions) == {"32-true", "bf16-mixed"}
    assert found.compiled is None
    assert found.skipped == ()
    budgets = budgets_of(found, search)
    assert [budget.words for budget in budgets] == [
        "trial: 30 steps", "trial: 2 epochs", "full training: 90 steps", "full training: 6 epochs"
    ]  # fmt: skip
    step = Timing(8, 0.5)
    assert budgets[0].seconds(step, 461) == 15
    assert budgets[1].seconds(step, 461) == 0.5 * 2 * 58
    found.save(tmp_path / "small")
    assert read_speed(tmp_path / "small") is not None


def test_a_search_that_does_not_train_at_all_is_an_error(tmp_path: Path) -> None:
    search = small_search(tmp_path, module=lambda _: Module(nn.Linear(7, 2)))
    with pytest.raises(TaskError, match="the baseline does not train: RuntimeError"):
        measure_speed(search, seconds=0.005)


def test_a_loader_that_hangs_ends_the_measuring(tmp_path: Path) -> None:
    with pytest.raises(TaskError, match=r"the training loader: nothing came for 0.2 seconds"):
        measure_speed(small_search(tmp_path, data=HangingData), patience=0.2)


def write(folder: Path, name: str, text: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text)


def test_a_plan_takes_measured_figures_before_usual_ones(tmp_path: Path) -> None:
    search = small_search(tmp_path)
    usual = plan_search(search, "small")
    assert (usual.seconds.likely, usual.parallel, usual.trials.likely) == (7200, 2, 3)
    assert "a usual figure, nothing is measured" in usual.words
    write(
        tmp_path / "small", "baseline.json",
        '{"runs": [{"value": 0.9, "seconds": 180.0, "steps": 90}]}',
    )  # fmt: skip
    by_baseline = plan_search(search, "small", price=2.0)
    assert by_baseline.seconds.likely == 60  # 30 of 90 steps
    assert by_baseline.full_seconds == 180
    write(
        tmp_path / "small", "speed.json",
        '{"workers": 0, "recommended": 32, "loadings": [{"workers": 0, "seconds": 0.5, '
        '"error": ""}], "own": {"baseline": {"seconds": 0.5, "batch": 32}, '
        '"largest": {"seconds": 2.5, "batch": 32}}}',
    )  # fmt: skip
    by_speed = plan_search(search, "small")
    assert (by_speed.seconds.low, by_speed.seconds.likely) == (30, 60)  # 30 steps of 1 and 3 s
    assert by_speed.seconds.high == 30 * 3 * 1.25
    assert plan_search(search, "small", hours=1, parallel=7).seconds.likely == 3600
    assert plan_search(search, "small", full_hours=1).full_seconds == 3600
