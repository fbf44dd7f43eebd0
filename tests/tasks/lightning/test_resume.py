"""A trial cut off in its middle goes on as if it had not been, and files are read safely."""

from __future__ import annotations

import pickle
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from test_task import (
    PACKAGES,
    Net,
    data_class,
    module_class,
    task,
    without_memory,
)
from torch import nn
from torch.utils.data import DataLoader, Dataset

from raynas.errors import TaskError
from raynas.tasks import Context, LightningData
from raynas.tasks.lightning.loader_state import LoaderPositions
from raynas.tasks.lightning.resume import read_checkpoint


class CutOff(Exception):  # noqa: N818 - what ends a trial here is no error of its own
    pass


class Kept:
    """Keeps a trial's checkpoints in a folder, and cuts the trial off after some of them."""

    def __init__(self, folder: Path, most: int = 10**9) -> None:
        self.folder = folder
        self.most = most
        self.steps: list[int] = []

    @property
    def file(self) -> Path:
        return self.folder / "kept.ckpt"

    def keep(self, path: Path) -> None:
        shutil.copy(path, self.file)
        self.steps.append(torch.load(self.file, weights_only=True)["global_step"])
        if len(self.steps) == self.most:
            raise CutOff

    def context(self, seed: int = 3) -> Context:
        return Context(
            seed=seed, keep=self.keep, kept=lambda: self.file if self.file.exists() else None
        )


class Noisy(Dataset[Any]):
    """Examples with augmentation from all three global generators."""

    def __len__(self) -> int:
        return 50

    def __getitem__(self, index: int) -> Any:
        generator = torch.Generator().manual_seed(index)
        value = torch.randn(4, generator=generator)
        noise = torch.rand(()) + np.random.rand() + random.random()
        return value + 0.1 * noise.float(), int(value[0] > 0)


class NoisyData:
    def __init__(self, workers: int = 0) -> None:
        self.workers = workers

    def prepare_data(self) -> None: ...

    def setup(self, stage: str) -> None: ...

    def train_dataloader(self) -> Any:
        return DataLoader(Noisy(), batch_size=8, shuffle=True, num_workers=self.workers)

    def val_dataloader(self) -> Any:
        return DataLoader(Noisy(), batch_size=8)


class Drops(nn.Module):
    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.BatchNorm1d(4), nn.Dropout(0.2), network)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        values: torch.Tensor = self.layers(x)
        return values


def weights_of(run: Callable[[Any], Any]) -> tuple[Any, list[torch.Tensor]]:
    """What `run` gives, with the weights of the module that it is given the maker of."""
    made: list[Any] = []

    def make(network: nn.Module) -> Any:
        made.append(module_class()(Drops(network)))
        return made[-1]

    measurement = run(make)
    return measurement, [value.clone() for value in made[-1].state_dict().values()]


@pytest.mark.parametrize("cut", [1, 2, 3])
@pytest.mark.parametrize(
    "options",
    [
        {"max_steps": 17, "checkpoint_every": 4, "evaluations": 4},  # cuts in the middle of epochs
        {"max_steps": 20, "checkpoint_every": 6, "evaluations": 3},  # at their ends too
        {"max_steps": 20, "checkpoint_every": 5, "evaluations": 4, "averaging": "ema"},
        {"max_steps": 11, "checkpoint_every": 3, "evaluations": 11, "averaging": "swa"},
        {"max_steps": 17, "checkpoint_every": 4, "validation": "own", "schedule": "none"},
    ],
)
def test_a_trial_cut_off_goes_on_bit_equal(
    options: dict[str, Any], cut: int, tmp_path: Path
) -> None:
    options = dict(options)
    data = LightningData(
        NoisyData, validation=options.pop("validation", "split"), held_out=lambda dataset: dataset
    )

    def run(context: Context) -> Any:
        return weights_of(lambda make: task(module=make, data=data, **options).run(Net(4), context))

    whole, weights = run(Context(seed=3))
    kept = Kept(tmp_path, most=cut)
    with pytest.raises(CutOff):
        run(kept.context())
    torch.manual_seed(99)  # another process
    after = Kept(tmp_path)
    resumed, resumed_weights = run(after.context())
    every = options["checkpoint_every"]
    assert kept.steps[-1] == cut * every
    assert after.steps == list(range((cut + 1) * every, options["max_steps"], every))
    assert comparable(resumed) == comparable(whole)
    for one, other in zip(resumed_weights, weights, strict=True):
        assert torch.equal(one, other)


def comparable(measurement: Any) -> Any:
    return without_memory(measurement), measurement.curve, measurement.steps


@pytest.mark.parametrize("package", PACKAGES)
def test_checkpoints_change_nothing(package: str, tmp_path: Path) -> None:
    options = {"module": module_class(package), "data": data_class(package)}
    plain = task(**options).run(Net(4), Context(seed=3))
    kept = task(**options, checkpoint_every=2).run(Net(4), Kept(tmp_path).context())
    assert comparable(plain) == comparable(kept)


def test_the_schedule_of_a_module_goes_on(tmp_path: Path) -> None:
    def scheduled(network: nn.Module) -> Any:
        module = module_class()(network)
        module.scheduled = True
        return module

    options = {"module": scheduled, "checkpoint_every": 2}
    whole = task(**options).run(Net(4), Context(seed=3))
    with pytest.raises(CutOff):
        task(**options).run(Net(4), Kept(tmp_path, most=2).context())
    resumed = task(**options).run(Net(4), Kept(tmp_path).context())
    assert comparable(resumed) == comparable(whole)


def test_a_loader_goes_on_with_workers() -> None:
    data = NoisyData(workers=2)
    torch.manual_seed(5)
    positions, batches = LoaderPositions(), []
    for batch in positions.follow(data.train_dataloader()):
        batches.append(batch)
        if len(batches) == 3:
            state = positions.state()
        positions.batch_trained()
    resumed = list(LoaderPositions(state).follow(data.train_dataloader()))
    assert len(resumed) == len(batches) - 2
    for one, other in zip(resumed, batches[2:], strict=True):
        assert torch.equal(one[0], other[0])


def test_a_checkpoint_of_another_training_is_passed_over(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    kept = Kept(tmp_path)
    task(checkpoint_every=2).run(Net(4), kept.context())
    task(checkpoint_every=2, max_steps=8).run(Net(4), kept.context())
    assert "of another training: 6 steps of Net(width=4), seed 3" in caplog.text
    assert kept.steps == [2, 4, 2, 4, 6]


def test_a_file_that_would_run_code_is_not_unpickled(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    class Evil:
        def __reduce__(self) -> Any:
            return Path.touch, (tmp_path / "ran",)

    path = tmp_path / "kept.ckpt"
    path.write_bytes(pickle.dumps(Evil()))
    assert read_checkpoint(path, "") is None
    torch.save({"raynas": Evil()}, path)
    assert read_checkpoint(path, "") is None
    assert not (tmp_path / "ran").exists()
    assert "checkpoint passed over" in caplog.text


def test_a_damaged_file_lets_the_trial_begin_anew(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    kept.file.write_bytes(b"half of a chec")
    measurement = task(checkpoint_every=2).run(Net(4), kept.context())
    assert measurement.steps == 6


def test_checkpoints_need_a_positive_distance() -> None:
    with pytest.raises(TaskError, match="checkpoint_every=0: must be at least 1, or None"):
        task(checkpoint_every=0)
