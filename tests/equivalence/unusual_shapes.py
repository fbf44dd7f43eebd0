"""Shapes of projects with unusual loaders, epochs and loops, and with state in plain attributes."""

from __future__ import annotations

from collections import deque
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from pytorch_lightning.utilities import CombinedLoader
from shapes import (
    BATCH,
    COUNT,
    Augmented,
    Classifier,
    Data,
    Distributed,
    EpochSchedule,
    OneCycle,
    SemiSupervised,
    Several,
    Shape,
    Stream,
    features,
)
from torch import Tensor, nn
from torch.utils.data import BatchSampler, DataLoader, RandomSampler, TensorDataset

# Data


class ListOfLoaders(Data):
    def train_dataloader(self) -> Any:
        return [super().train_dataloader(), DataLoader(self.val, 4, shuffle=True)]


class NestedLoaders(ListOfLoaders):
    def train_dataloader(self) -> Any:
        return {"one": super().train_dataloader(), "two": Data.train_dataloader(self)}


class ToTheShortest(Several):
    def train_dataloader(self) -> Any:
        return CombinedLoader(super().train_dataloader(), "min_size")


class ToTheLongest(Several):
    def train_dataloader(self) -> Any:
        return CombinedLoader(super().train_dataloader(), "max_size")


class CombinedValidation(Data):
    def val_dataloader(self) -> Any:
        both = {"one": super().val_dataloader(), "two": DataLoader(self.train, 16)}
        return CombinedLoader(both, "max_size_cycle")


class KnowsTheTrainer(Data):
    def setup(self, stage: str) -> None:
        super().setup(stage)
        assert self.trainer is not None
        self.batch = BATCH // self.trainer.world_size

    def train_dataloader(self) -> Any:
        return DataLoader(self.train, self.batch, shuffle=True)


class SizedStream(Stream):
    def __len__(self) -> int:
        return len(self.x)


class SizedStreams(Data):
    def train_dataloader(self) -> Any:
        return DataLoader(SizedStream(COUNT, 0), BATCH)


class Reloaded(Data):
    """Other examples in each epoch."""

    def train_dataloader(self) -> Any:
        assert self.trainer is not None
        x, y = self.train.tensors
        return DataLoader(TensorDataset(x + self.trainer.current_epoch, y), BATCH, shuffle=True)


def from_datasets() -> Any:
    data = Data()
    data.setup("fit")
    return pl.LightningDataModule.from_datasets(data.train, data.val, batch_size=BATCH)


class MixesExamples(Data):
    def collate(self, examples: list[Any]) -> Any:
        x, y = zip(*examples, strict=True)
        share, whole = float(np.random.beta(0.4, 0.4)), torch.stack(x)
        return share * whole + (1 - share) * whole[torch.randperm(len(x))], torch.stack(y)

    def train_dataloader(self) -> Any:
        return DataLoader(self.train, BATCH, shuffle=True, collate_fn=self.collate)


class BatchesAsExamples(Data):
    def train_dataloader(self) -> Any:
        batches: Any = BatchSampler(RandomSampler(self.train), BATCH, False)
        return DataLoader(self.train, sampler=batches, batch_size=None)


class KnowsTheEpoch(Data):
    class Examples(Augmented):
        epoch = 0

        def __getitem__(self, index: int) -> Any:
            x, y = super().__getitem__(index)
            return x * (1 + self.epoch), y

    def setup(self, stage: str) -> None:
        self.train = self.Examples(COUNT, 0, None)  # type: ignore[assignment]
        self.val = Augmented(24, 1, None)  # type: ignore[assignment]


# Modules and callbacks


class ReadsLists(Classifier):
    def training_step(self, batch: Any, index: int) -> Tensor:
        loss = torch.stack([self.loss(part) for part in batch]).mean()
        self.log("train_loss", loss, batch_size=BATCH)
        return loss


class ReadsNested(Classifier):
    def training_step(self, batch: Any, index: int) -> Tensor:
        return self.loss(batch["one"][0]) + self.loss(batch["one"][1]) + self.loss(batch["two"])


class ReadsWhatIsThere(Classifier):
    def training_step(self, batch: Any, index: int) -> Tensor:
        loss = self.loss(batch["labeled"])
        if batch["unlabeled"] is not None:
            loss = loss + self.network(batch["unlabeled"][0]).softmax(1).var()
        return loss


class ValidatesBoth(Classifier):
    def validation_step(self, batch: Any, index: int) -> None:
        loss = self.loss(batch["one"]) + self.loss(batch["two"])
        self.log("val_loss", loss, batch_size=BATCH)


class SchedulesByHand(Classifier):
    def __init__(self) -> None:
        super().__init__()
        self.automatic_optimization = False

    def training_step(self, batch: Any, index: int) -> None:
        optimizer, loss = self.optimizers(), self.loss(batch)
        optimizer.zero_grad()
        self.manual_backward(loss)
        self.clip_gradients(optimizer, 0.5, "norm")
        optimizer.step()

    def on_train_epoch_end(self) -> None:
        decay, plateau = self.lr_schedulers()
        decay.step()
        plateau.step(self.trainer.callback_metrics["val_loss"])

    def configure_optimizers(self) -> Any:
        optimizer = torch.optim.SGD(self.parameters(), lr=0.1)
        decay = torch.optim.lr_scheduler.StepLR(optimizer, 1, 0.9)
        plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, patience=0, threshold=1.0)
        return [optimizer], [decay, plateau]


class CountsItsBatches(Classifier):
    def configure_optimizers(self) -> Any:
        optimizer = torch.optim.SGD(self.parameters(), lr=0.1)
        self.trainer.fit_loop.setup_data()
        total = self.trainer.num_training_batches * self.trainer.max_epochs
        schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, total)
        return [optimizer], [{"scheduler": schedule, "interval": "step"}]


class ClipsLater(Classifier):
    def configure_gradient_clipping(
        self, optimizer: Any, gradient_clip_val: Any = None, gradient_clip_algorithm: Any = None
    ) -> None:
        if self.current_epoch > 0:
            self.clip_gradients(optimizer, gradient_clip_val, gradient_clip_algorithm)


class StepsItsOptimizer(Classifier):
    def optimizer_step(self, epoch: int, index: int, optimizer: Any, closure: Any = None) -> None:
        for group in optimizer.param_groups:
            group["lr"] = 0.01 * min(1.0, (self.trainer.global_step + 1) / 10)
        optimizer.step(closure=closure)

    def on_before_optimizer_step(self, optimizer: Any) -> None:
        self.log("norm", nn.utils.get_total_norm([one.grad for one in self.parameters()]))


class SkipsBatches(Classifier):
    def training_step(self, batch: Any, index: int) -> Any:
        return None if index % 4 == 3 else super().training_step(batch, index)


class PlateauByStep(Classifier):
    """On a metric of training, which needs no validation."""

    def configure_optimizers(self) -> Any:
        optimizer = torch.optim.Adam(self.parameters(), lr=0.1)
        plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, patience=0, threshold=1.0)
        schedule = {"scheduler": plateau, "monitor": "train_loss", "interval": "step"}
        return [optimizer], [{**schedule, "frequency": 5}]


class AnnealsByEpoch(Classifier):
    def on_train_epoch_start(self) -> None:
        self.weight = (self.current_epoch + 1) / self.trainer.max_epochs
        self.network[3].p = 0.1 * self.current_epoch  # type: ignore[index,union-attr]
        if hasattr(self.trainer.train_dataloader.sampler, "set_epoch"):
            self.trainer.train_dataloader.sampler.set_epoch(self.current_epoch)

    def training_step(self, batch: Any, index: int) -> Tensor:
        return self.loss(batch) * self.weight


class FreezesBatchNorm(Classifier):
    def on_train_epoch_start(self) -> None:
        self.network[1].eval()  # type: ignore[index,union-attr]

    def on_validation_model_train(self) -> None:
        self.train()
        self.network[1].eval()  # type: ignore[index,union-attr]


class FreezesLayers(Classifier):
    def on_train_epoch_start(self) -> None:
        self.network[0].requires_grad_(self.current_epoch > 0)  # type: ignore[index,union-attr]


class Remembers(Classifier):
    """Keeps what it needs in attributes, none of which a state_dict holds."""

    def __init__(self) -> None:
        super().__init__()
        self.losses: list[Tensor] = []
        self.recent: deque[float] = deque(maxlen=3)
        self.seen: dict[int, int] = {}
        self.labels: set[int] = set()
        self.bank = torch.zeros(4)
        self.best: float | None = None

    def on_train_start(self) -> None:
        self.count = 0

    def training_step(self, batch: Any, index: int) -> Tensor:
        loss = self.loss(batch)
        self.count += 1
        self.losses.append(loss)
        self.recent.append(loss.item())
        self.bank[self.count % 4] = loss.item()
        self.seen[index] = self.seen.get(index, 0) + 1
        self.labels.add(int(batch[1].sum()))
        self.best = min(self.recent) if self.best is None else min(self.best, loss.item())
        return loss * (1 + 0.01 * self.count + 0.1 * self.bank.mean() * sum(self.recent))

    def on_train_epoch_end(self) -> None:
        self.log("mean", torch.stack(self.losses).mean())
        self.losses.clear()
        self.log_dict({"seen": float(sum(self.seen.values())), "best": self.best or 0.0})
        self.log("labels", float(len(self.labels)))


class SetsTheEpoch(pl.Callback):
    def on_train_epoch_start(self, trainer: Any, module: Any) -> None:
        trainer.datamodule.train.epoch = trainer.current_epoch


class CountingCallback(pl.Callback):
    """A schedule by a count of its own, and the losses of an epoch."""

    def __init__(self) -> None:
        self.count = 0
        self.losses: list[Any] = []

    def on_train_batch_start(self, trainer: Any, module: Any, *_: Any) -> None:
        self.count += 1
        for group in trainer.optimizers[0].param_groups:
            group["lr"] = 0.01 / self.count

    def on_train_batch_end(self, trainer: Any, module: Any, outputs: Any, *_: Any) -> None:
        self.losses.append(outputs["loss"])

    def on_train_epoch_end(self, trainer: Any, module: Any) -> None:
        module.log("mean", torch.stack(self.losses).mean())
        self.losses = []


class StatefulCallback(CountingCallback):
    def state_dict(self) -> dict[str, Any]:
        return {"count": self.count}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.count += state["count"]


class Unfreezes(pl.callbacks.BaseFinetuning):
    def freeze_before_training(self, module: Any) -> None:
        self.freeze(module.network[0])

    def finetune_function(self, module: Any, epoch: int, optimizer: Any) -> None:
        if epoch == 1:
            self.unfreeze_and_add_param_group(module.network[0], optimizer, lr=0.001)


class TrainsWhatIsNotFrozen(Classifier):
    def configure_optimizers(self) -> Any:
        return torch.optim.Adam((one for one in self.parameters() if one.requires_grad), lr=0.01)


class FreshData(Data):
    """Classes by another rule, and a last batch that is smaller."""

    def setup(self, stage: str) -> None:
        x, held = features(COUNT + 3, 0), features(25, 1)
        self.train = TensorDataset(x, (x[:, 0] > 0).long())
        self.val = TensorDataset(held, (held[:, 0] > 0).long())


def _with(callback: type[Any]) -> Any:
    return lambda: {"callbacks": [callback()]}


def _accumulates_more_later() -> dict[str, Any]:
    schedule = pl.callbacks.GradientAccumulationScheduler({0: 1, 1: 2})
    return {"callbacks": [schedule], "limit_val_batches": 0}


UNUSUAL = {
    "a list of loaders": Shape(ReadsLists, ListOfLoaders),
    "nested loaders": Shape(ReadsNested, NestedLoaders),
    "to the shortest loader": Shape(SemiSupervised, ToTheShortest, steps=15),
    "to the longest loader": Shape(ReadsWhatIsThere, ToTheLongest),
    "a combined validation loader": Shape(ValidatesBoth, CombinedValidation),
    "data that know the trainer": Shape(Classifier, KnowsTheTrainer),
    "streams with a length": Shape(OneCycle, SizedStreams),
    "reloaded data": Shape(
        Classifier, Reloaded, trainer=lambda: {"reload_dataloaders_every_n_epochs": 1}
    ),
    "from_datasets": Shape(Classifier, from_datasets),
    "random collation": Shape(Classifier, MixesExamples),
    "batches as examples": Shape(Classifier, BatchesAsExamples),
    "a last batch that is smaller": Shape(EpochSchedule, FreshData, steps=39),
    "data that know the epoch": Shape(Classifier, KnowsTheEpoch, trainer=_with(SetsTheEpoch)),
    "schedules by hand": Shape(SchedulesByHand, Data),
    "schedules from the number of batches": Shape(CountsItsBatches, Data),
    "clipping from the second epoch on": Shape(
        ClipsLater,
        Data,
        trainer=lambda: {"gradient_clip_val": 0.05, "gradient_clip_algorithm": "value"},
    ),
    "steps its optimizer": Shape(StepsItsOptimizer, Data),
    "skips batches": Shape(SkipsBatches, Data),
    "a plateau of training": Shape(PlateauByStep, Data),
    "scheduled accumulation": Shape(
        EpochSchedule,
        Data,
        steps=24,
        trainer=_accumulates_more_later,
        metric="train_loss",
        validates=False,
    ),
    "annealing by epochs": Shape(AnnealsByEpoch, Distributed),
    "frozen batch norm": Shape(FreezesBatchNorm, Data),
    "layers frozen in the first epoch": Shape(FreezesLayers, Data),
    "fine-tuning": Shape(TrainsWhatIsNotFrozen, Data, trainer=_with(Unfreezes)),
    "state in attributes": Shape(Remembers, Data),
    "a callback that counts": Shape(Classifier, Data, trainer=_with(CountingCallback)),
    "a callback with state": Shape(Classifier, Data, trainer=_with(StatefulCallback)),
}
