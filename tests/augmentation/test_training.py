"""Whatever else a training does, only what it learns from is augmented."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from pytorch_lightning.utilities import CombinedLoader
from torch import Tensor, nn
from torch.utils.data import DataLoader, IterableDataset, TensorDataset

import raynas as nas
from raynas.augmentation import TableRandAugment
from raynas.errors import TaskError
from raynas.space import Space, choice, searchable
from raynas.tasks import Context
from raynas.tasks.variation import Variation

INPUTS = torch.randn(16, 3, generator=torch.Generator().manual_seed(0))
TARGETS = INPUTS.sum(dim=1, keepdim=True)
DATA = TensorDataset(INPUTS, TARGETS)


def loader(size: int = 16, **given: Any) -> DataLoader[Any]:
    return DataLoader(DATA, batch_size=size, **given)


class Module(LightningModule):
    """Notes what its steps are given, and by what they are called."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3, 1)
        self.seen: list[tuple[str, Tensor]] = []
        self.by = "training"

    def step(self, batch: Any) -> Tensor:
        inputs, targets = batch
        self.seen.append((self.by, inputs.clone()))
        return (self.layer(inputs) - targets).square().mean()

    def training_step(self, batch: Any, index: int) -> Tensor:
        return self.step(batch)

    def configure_optimizers(self) -> Any:
        return torch.optim.SGD(self.parameters(), lr=0.01)

    def again(self, by: str, batch: Any) -> Tensor:
        """The step of training, called for something else."""
        self.by = by
        try:
            return self.training_step(batch, 0)
        finally:
            self.by = "training"


class Reusing(Module):
    """Uses the step of training for everything, as many modules do."""

    def validation_step(self, batch: Any, index: int, dataloader_idx: int = 0) -> None:
        self.log("val_loss", self.again("validation", batch), batch_size=len(batch[0]))

    def test_step(self, batch: Any, index: int) -> None:
        self.log("test_loss", self.again("test", batch), batch_size=len(batch[0]))

    def predict_step(self, batch: Any, index: int) -> Tensor:
        return self.again("prediction", batch)

    def on_train_batch_end(self, outputs: Any, batch: Any, index: int) -> None:
        with torch.no_grad():
            self.again("hook", (INPUTS, TARGETS))

    def on_train_epoch_end(self) -> None:
        self.eval()
        with torch.no_grad():
            self.again("end of an epoch", (INPUTS, TARGETS))
        self.train()


class Evaluates(Callback):
    def on_train_epoch_end(self, trainer: Trainer, pl_module: Any) -> None:
        with torch.no_grad():
            pl_module.again("callback", (INPUTS, TARGETS))


def trainer(folder: Path, **given: Any) -> Trainer:
    return Trainer(
        max_steps=2,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        default_root_dir=folder,
        **given,
    )


def fitted(module: Module, train: Any, folder: Path, val: Any = None, **given: Any) -> Trainer:
    TableRandAugment(2, 10).adapt(module, max_steps=2)
    made = trainer(folder, **given)
    made.fit(module, train, val)
    return made


def known(inputs: Tensor) -> bool:
    """Whether all of `inputs` are examples as they were."""
    return all((row == INPUTS).all(dim=1).any() for row in inputs)


def test_whatever_calls_the_step_of_training_for_evaluation(tmp_path: Path) -> None:
    module = Reusing()
    made = fitted(module, loader(), tmp_path, [loader(), loader(8)], callbacks=[Evaluates()])
    made.validate(module, loader(), verbose=False)
    made.test(module, loader(), verbose=False)
    made.predict(module, loader())
    by = {by for by, _ in module.seen}
    assert by == {
        *("training", "validation", "test", "prediction", "hook", "end of an epoch", "callback")
    }
    assert all(known(inputs) == (by != "training") for by, inputs in module.seen)
    module.seen.clear()
    module._trainer = None
    module.eval().again("evaluation by hand", (INPUTS, TARGETS))
    module.train().training_step((INPUTS, TARGETS), 0)
    assert [known(inputs) for _, inputs in module.seen] == [True, False]


class Stream(IterableDataset[Any]):
    def __iter__(self) -> Iterator[Any]:
        return iter(DATA)


class Manual(Module):
    def __init__(self) -> None:
        super().__init__()
        self.automatic_optimization = False

    def training_step(self, batch: Any, index: int) -> None:
        optimizer = self.optimizers()
        optimizer.zero_grad()
        self.manual_backward(self.step(batch))
        optimizer.step()


class OnlyBatch(Module):
    def training_step(self, batch: Any) -> Tensor:
        return self.step(batch)


class Closure(Module):
    def configure_optimizers(self) -> Any:
        return torch.optim.LBFGS(self.parameters(), lr=0.01, max_iter=2)


@pytest.mark.parametrize("make", [Module, Manual, OnlyBatch, Closure])
@pytest.mark.parametrize("train", [loader(8), DataLoader(Stream(), batch_size=8)])
def test_every_way_to_train_is_augmented(make: type[Module], train: Any, tmp_path: Path) -> None:
    module = make()
    fitted(module, train, tmp_path)
    assert len(module.seen) >= 2
    assert not any(known(inputs) for _, inputs in module.seen)
    assert torch.equal(DATA.tensors[0], INPUTS)


class Several(Module):
    def training_step(self, batch: Any, index: int) -> Tensor:
        return self.step(batch["a"] if isinstance(batch, dict) else batch[0])


@pytest.mark.parametrize("loaders", [{"a": loader(8), "b": loader(8)}, [loader(8), loader(8)]])
def test_batches_of_several_loaders_are_refused(loaders: Any, tmp_path: Path) -> None:
    """It is not known which of them to augment."""
    with pytest.raises(TaskError, match=r"the inputs of a batch are list|not clear which of them"):
        fitted(Several(), CombinedLoader(loaders, "min_size"), tmp_path)


class Iterates(Module):
    def training_step(self, dataloader_iter: Any) -> Tensor:
        batch, _, _ = next(dataloader_iter)
        return self.step(batch)


def test_a_step_that_fetches_its_batches_is_refused() -> None:
    with pytest.raises(TaskError, match="training_step fetches its batches from dataloader_iter"):
        TableRandAugment(2, 10).adapt(Iterates(), max_steps=2)


@searchable
class Net:
    width: int = choice(4, 8, default=4)

    def build(self) -> nn.Module:
        return nn.Sequential(nn.Linear(3, self.width), nn.ReLU(), nn.Linear(self.width, 1))


class Regression(LightningModule):
    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def training_step(self, batch: Any, index: int) -> Tensor:
        return nn.functional.mse_loss(self.network(batch[0]), batch[1])

    def validation_step(self, batch: Any, index: int) -> None:
        self.log("loss", self.training_step(batch, index))

    def configure_optimizers(self) -> Any:
        return torch.optim.Adam(self.parameters(), lr=0.01)


class CutOff(Exception):  # noqa: N818 - what ends a trial here is no error of its own
    pass


class Kept:
    """Keeps a trial's checkpoints, and cuts the trial off at the first one where so asked."""

    def __init__(self, file: Path, cut: bool = False) -> None:
        self.file = file
        self.cut = cut

    def keep(self, path: Path) -> None:
        shutil.copy(path, self.file)
        if self.cut:
            raise CutOff

    def context(self) -> Context:
        return Context(
            seed=3, keep=self.keep, kept=lambda: self.file if self.file.exists() else None
        )


@pytest.mark.parametrize("averaging", [None, "ema"])
def test_a_training_cut_off_goes_on_with_the_augmentation_it_had(
    averaging: Any, tmp_path: Path
) -> None:
    """To the bit; and averaged weights are evaluated on data as they are."""
    validated: list[Tensor] = []

    class Noting(Regression):
        def training_step(self, batch: Any, index: int) -> Tensor:
            if not self.trainer.training:
                validated.append(batch[0])
            return super().training_step(batch, index)

    def data() -> Any:
        return loader(4, shuffle=True), loader(4)

    task = nas.LightningTask(
        Noting,
        data,
        "loss",
        max_steps=11,
        mode="min",
        evaluations=2,
        checkpoint_every=4,
        averaging=averaging,
        validation="own",
    )
    run = Variation(task, Space(Net), Net(8)).run
    whole = run(TableRandAugment(2, 10), Context(seed=3))
    file = tmp_path / "kept.ckpt"
    with pytest.raises(CutOff):
        run(TableRandAugment(2, 10), Kept(file, cut=True).context())
    torch.manual_seed(99)  # another process
    resumed = run(TableRandAugment(2, 10), Kept(file).context())
    assert resumed.curve == whole.curve
    assert resumed.metrics["loss"] == whole.metrics["loss"]
    assert validated
    assert all(known(inputs) for inputs in validated)


def trained(seed: int, workers: int, count: int = 2) -> float:
    def data() -> Any:
        return loader(4, shuffle=True, num_workers=workers), loader(4)

    task = nas.LightningTask(Regression, data, "loss", max_steps=8, mode="min")
    policy = TableRandAugment(count, 10)
    varied = Variation(task, Space(Net), Net(8))
    return float(varied.run(policy, Context(number=0, seed=seed)).metrics["loss"])


def test_a_training_repeats_with_its_seed_whatever_its_workers() -> None:
    first = trained(1, workers=0)
    assert trained(1, workers=0) == first
    assert trained(1, workers=1) == first
    assert trained(2, workers=0) != first
    assert trained(1, workers=0, count=0) != first
