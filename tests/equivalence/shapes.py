"""Shapes of Lightning projects: each a module, its data and what its own Trainer is given.

An epoch has twelve batches of eight, unless a shape says otherwise.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import lightning.pytorch as lightning
import numpy as np
import pytorch_lightning as pl
import torch
import torchmetrics
from pytorch_lightning.utilities import CombinedLoader
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - as everybody writes it
from torch.nn.utils.rnn import pack_padded_sequence, pad_sequence
from torch.utils.data import (
    DataLoader,
    Dataset,
    IterableDataset,
    Sampler,
    TensorDataset,
    WeightedRandomSampler,
)
from torch.utils.data.distributed import DistributedSampler

EPOCH, BATCH = 12, 8
COUNT = EPOCH * BATCH


@dataclass(frozen=True)
class Shape:
    """One project.

    Attributes:
        module: Makes the LightningModule.
        data: Makes the data module, or loaders.
        epochs: How long its own Trainer trains.
        steps: Optimizer steps that this makes; by default a step a batch.
        trainer: Further arguments of the Trainer.
        validates: Whether it has a validation set.
        resumable: Whether a training of it that was cut off can go on exactly.
        package: The Lightning package.
        metric: One that it logs when it validates.
    """

    module: Callable[[], Any]
    data: Callable[[], Any]
    epochs: int = 3
    steps: int | None = None
    trainer: Callable[[], dict[str, Any]] = field(default=dict)
    validates: bool = True
    resumable: bool = True
    package: Any = pl
    metric: str = "val_loss"

    @property
    def max_steps(self) -> int:
        return self.epochs * EPOCH if self.steps is None else self.steps


def features(count: int, seed: int, width: int = 8) -> Tensor:
    return torch.randn(count, width, generator=torch.Generator().manual_seed(seed))


def network(inputs: int = 8, outputs: int = 2) -> nn.Module:
    return nn.Sequential(
        nn.Linear(inputs, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.2), nn.Linear(8, outputs)
    )


class Classifier(pl.LightningModule):
    def __init__(self) -> None:
        super().__init__()
        self.network = network()

    def loss(self, batch: Any) -> Tensor:
        return F.cross_entropy(self.network(batch[0]), batch[1])

    def training_step(self, batch: Any, index: int) -> Tensor:
        loss = self.loss(batch)
        self.log("train_loss", loss, on_step=True, on_epoch=True)
        return loss

    def validation_step(self, batch: Any, index: int) -> None:
        self.log("val_loss", self.loss(batch))

    def configure_optimizers(self) -> Any:
        return torch.optim.Adam(self.parameters(), lr=0.01)


class Data(pl.LightningDataModule):
    workers = 0

    def setup(self, stage: str) -> None:
        x, held = features(COUNT, 0), features(24, 1)
        self.train = TensorDataset(x, (x.sum(1) > 0).long())
        self.val = TensorDataset(held, (held.sum(1) > 0).long())

    def train_dataloader(self) -> Any:
        return DataLoader(self.train, BATCH, shuffle=True, num_workers=self.workers)

    def val_dataloader(self) -> Any:
        return DataLoader(self.val, BATCH)


# Data


class Augmented(Dataset[Any]):
    def __init__(self, count: int, seed: int, transform: Callable[[Tensor], Tensor] | None) -> None:
        self.x = features(count, seed)
        self.targets = (self.x.sum(1) > 0).long()
        self.transform = transform

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, index: int) -> Any:
        x = self.x[index]
        return (x if self.transform is None else self.transform(x)), self.targets[index]


def noisy(x: Tensor) -> Tensor:
    noise = torch.randn(8) + float(np.random.rand()) + random.random()
    return x + 0.3 * noise


class AugmentedInDataset(Data):
    def setup(self, stage: str) -> None:
        self.train = Augmented(COUNT, 0, noisy)  # type: ignore[assignment]
        self.val = Augmented(24, 1, None)  # type: ignore[assignment]


class AugmentedWithWorkers(AugmentedInDataset):
    workers = 2


class AugmentedOnDevice(Data):
    def on_before_batch_transfer(self, batch: Any, dataloader_idx: int) -> Any:
        return [batch[0] * 2.0, batch[1]]

    def on_after_batch_transfer(self, batch: Any, dataloader_idx: int) -> Any:
        assert self.trainer is not None
        x = (batch[0] - 0.1) / 1.3
        return [x + torch.randn_like(x) if self.trainer.training else x, batch[1]]


class PrivateGenerators(Data):
    """Randomness of the loader's and of the data set's own."""

    class Noisy(Augmented):
        def __init__(self) -> None:
            super().__init__(COUNT, 0, None)
            self.numpy = np.random.default_rng(3)
            self.torch = torch.Generator().manual_seed(4)
            self.python = random.Random(5)

        def __getitem__(self, index: int) -> Any:
            x, target = super().__getitem__(index)
            noise = self.numpy.normal() + self.python.random()
            return x + 0.1 * noise + torch.randn(8, generator=self.torch), target

    def train_dataloader(self) -> Any:
        generator = torch.Generator().manual_seed(6)
        return DataLoader(self.Noisy(), BATCH, shuffle=True, generator=generator)


class Several(Data):
    """A labeled and a shorter unlabeled set."""

    def train_dataloader(self) -> Any:
        more = DataLoader(TensorDataset(features(40, 2)), BATCH, shuffle=True)
        return {"labeled": super().train_dataloader(), "unlabeled": more}


class Combined(Several):
    def train_dataloader(self) -> Any:
        return CombinedLoader(super().train_dataloader(), "max_size_cycle")


class Dictionaries(Data):
    class Examples(Augmented):
        def __getitem__(self, index: int) -> Any:
            return {"image": self.x[index], "label": self.targets[index], "name": f"no {index}"}

    def setup(self, stage: str) -> None:
        self.train = self.Examples(COUNT, 0, None)  # type: ignore[assignment]
        self.val = self.Examples(24, 1, None)  # type: ignore[assignment]


class Stream(IterableDataset[Any]):
    def __init__(self, count: int, seed: int) -> None:
        self.x = features(count, seed)

    def __iter__(self) -> Iterator[Any]:
        for x in self.x:
            yield x + 0.1 * torch.randn(8), (x.sum() > 0).long()


class Streams(Data):
    def train_dataloader(self) -> Any:
        return DataLoader(Stream(COUNT, 0), BATCH)

    def val_dataloader(self) -> Any:
        return DataLoader(Stream(24, 1), BATCH)


class Weighted(Data):
    def train_dataloader(self) -> Any:
        weights = 1.0 + self.train.tensors[1].float()
        return DataLoader(self.train, BATCH, sampler=WeightedRandomSampler(weights, COUNT))


class Distributed(Data):
    def train_dataloader(self) -> Any:
        sampler: Any = DistributedSampler(self.train, num_replicas=1, rank=0, shuffle=True)
        return DataLoader(self.train, BATCH, sampler=sampler)


class Buckets(Sampler[list[int]]):
    """Batches of neighbors, in random order."""

    def __init__(self) -> None: ...

    def __len__(self) -> int:
        return EPOCH

    def __iter__(self) -> Iterator[list[int]]:
        for bucket in torch.randperm(EPOCH).tolist():
            yield list(range(bucket * BATCH, (bucket + 1) * BATCH))


class Bucketed(Data):
    def train_dataloader(self) -> Any:
        return DataLoader(self.train, batch_sampler=Buckets())


class TwoValidationSets(Data):
    def val_dataloader(self) -> Any:
        return [DataLoader(self.val, BATCH), DataLoader(self.train, BATCH)]


def loaders() -> Any:
    data = Data()
    data.setup("fit")
    return data.train_dataloader(), data.val_dataloader()


class Words(Data):
    """Sequences of different lengths."""

    class Sentences(Dataset[Any]):
        def __init__(self, count: int, seed: int) -> None:
            generator = torch.Generator().manual_seed(seed)
            lengths = torch.randint(2, 7, (count,), generator=generator).tolist()
            self.words = [torch.randint(1, 20, (n,), generator=generator) for n in lengths]

        def __len__(self) -> int:
            return len(self.words)

        def __getitem__(self, index: int) -> Any:
            words = self.words[index]
            return words, int(words.sum() % 2)

    @staticmethod
    def collate(examples: list[Any]) -> Any:
        words, labels = zip(*examples, strict=True)
        lengths = torch.tensor([len(one) for one in words])
        return pad_sequence(words, batch_first=True), lengths, torch.tensor(labels)

    def setup(self, stage: str) -> None:
        self.train = self.Sentences(COUNT, 0)  # type: ignore[assignment]
        self.val = self.Sentences(24, 1)  # type: ignore[assignment]

    def train_dataloader(self) -> Any:
        return DataLoader(self.train, BATCH, shuffle=True, collate_fn=self.collate)

    def val_dataloader(self) -> Any:
        return DataLoader(self.val, BATCH, collate_fn=self.collate)


class Boxes(Data):
    """Images of a different number of boxes each, batched as lists."""

    class Images(Dataset[Any]):
        def __init__(self, count: int, seed: int) -> None:
            self.x = features(count, seed)

        def __len__(self) -> int:
            return len(self.x)

        def __getitem__(self, index: int) -> Any:
            count = 1 + index % 3
            return self.x[index], {"boxes": self.x[index, :4].abs().repeat(count, 1)}

    @staticmethod
    def collate(examples: list[Any]) -> Any:
        return tuple(zip(*examples, strict=True))

    def setup(self, stage: str) -> None:
        self.train = self.Images(COUNT, 0)  # type: ignore[assignment]
        self.val = self.Images(24, 1)  # type: ignore[assignment]

    train_dataloader = Words.train_dataloader
    val_dataloader = Words.val_dataloader


class Graphs(Boxes):
    """Small graphs, batched into one large one."""

    class Images(Dataset[Any]):
        def __init__(self, count: int, seed: int) -> None:
            self.x = features(count, seed, 12)

        def __len__(self) -> int:
            return len(self.x)

        def __getitem__(self, index: int) -> Any:
            nodes = self.x[index].reshape(4, 3)
            edges = torch.tensor([[0, 1, 2, 3], [1, 2, 3, index % 4]])
            return nodes, edges, (nodes.sum() > 0).long()

    @staticmethod
    def collate(examples: list[Any]) -> Any:
        nodes, edges, labels = zip(*examples, strict=True)
        moved = [edge + 4 * number for number, edge in enumerate(edges)]
        owner = torch.arange(len(nodes)).repeat_interleave(4)
        return torch.cat(nodes), torch.cat(moved, 1), owner, torch.stack(labels)


# Modules


class AugmentsItself(Classifier):
    def on_after_batch_transfer(self, batch: Any, dataloader_idx: int) -> Any:
        if self.trainer.training:
            return [batch[0] + 0.2 * torch.randn_like(batch[0]), batch[1]]
        return batch


class SemiSupervised(Classifier):
    def training_step(self, batch: Any, index: int) -> Tensor:
        consistency = self.network(batch["unlabeled"][0]).softmax(1).var()
        loss = self.loss(batch["labeled"]) - 0.1 * consistency
        self.log("train_loss", loss)
        return loss


class ReadsDictionaries(Classifier):
    def loss(self, batch: Any) -> Tensor:
        assert len(batch["name"]) == len(batch["image"])
        return F.cross_entropy(self.network(batch["image"]), batch["label"])


class Gan(Classifier):
    """Two optimizers by hand, the second one less often, with a schedule by hand."""

    def __init__(self) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.generator = nn.Linear(4, 8)

    def training_step(self, batch: Any, index: int) -> None:
        of_generator, of_network = self.optimizers()
        made = self.generator(torch.randn(len(batch[0]), 4))
        real, fake = self.network(batch[0])[:, 0], self.network(made.detach())[:, 0]
        loss = F.softplus(-real).mean() + F.softplus(fake).mean()
        of_network.zero_grad()
        self.manual_backward(loss)
        of_network.step()
        if index % 3 == 0:
            of_generator.zero_grad()
            self.manual_backward(F.softplus(-self.network(made)[:, 0]).mean())
            of_generator.step()
        if self.trainer.is_last_batch:
            self.lr_schedulers().step()
        self.log("train_loss", loss)

    def configure_optimizers(self) -> Any:
        a = torch.optim.Adam(self.generator.parameters(), lr=0.01)
        b = torch.optim.Adam(self.network.parameters(), lr=0.01)
        decay = lambda epoch: 1 - epoch / self.trainer.max_epochs  # noqa: E731
        return [a, b], [torch.optim.lr_scheduler.LambdaLR(b, decay)]


class AccumulatesByHand(Classifier):
    def __init__(self) -> None:
        super().__init__()
        self.automatic_optimization = False

    def training_step(self, batch: Any, index: int) -> None:
        loss = self.loss(batch) / 4
        self.manual_backward(loss)
        if (index + 1) % 4 == 0:
            self.optimizers().step()
            self.optimizers().zero_grad()
        self.log("train_loss", loss)


class ClipsItself(Classifier):
    def configure_gradient_clipping(self, optimizer: Any, *_: Any, **__: Any) -> None:
        self.clip_gradients(optimizer, gradient_clip_val=0.05, gradient_clip_algorithm="norm")


class Ema(pl.Callback):
    """Keeps an average of the weights, which validation sees."""

    def __init__(self) -> None:
        self.average: dict[str, Tensor] = {}

    def on_train_batch_end(self, trainer: Any, module: Any, *_: Any) -> None:
        for name, value in module.named_parameters():
            new = value.detach().clone()
            self.average[name] = new.lerp(self.average.get(name, new), 0.9)

    def on_validation_start(self, trainer: Any, module: Any) -> None:
        self.newest = {name: one.detach().clone() for name, one in module.named_parameters()}
        self.put(module, self.average)

    def on_validation_end(self, trainer: Any, module: Any) -> None:
        self.put(module, self.newest)

    def put(self, module: Any, values: dict[str, Tensor]) -> None:
        with torch.no_grad():
            for name, value in module.named_parameters():
                value.copy_(values.get(name, value))

    def state_dict(self) -> dict[str, Any]:
        return {"average": self.average}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.average = state["average"]


class HasCallbacks(Classifier):
    def configure_callbacks(self) -> Any:
        return [Ema(), pl.callbacks.ModelCheckpoint(monitor="val_loss", save_top_k=2)]


class Lbfgs(Classifier):
    def __init__(self) -> None:
        super().__init__()
        self.network = nn.Linear(8, 2)

    def configure_optimizers(self) -> Any:
        return torch.optim.LBFGS(self.parameters(), lr=0.1, max_iter=3)


class Plateau(Classifier):
    def configure_optimizers(self) -> Any:
        optimizer = torch.optim.SGD(self.parameters(), lr=0.1)
        plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, patience=0, threshold=1.0)
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": plateau, "monitor": "val_loss"},
        }


class OneCycle(Classifier):
    def configure_optimizers(self) -> Any:
        optimizer = torch.optim.SGD(self.parameters(), lr=0.01)
        total = self.trainer.estimated_stepping_batches
        cycle = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.1, total_steps=int(total))
        return [optimizer], [{"scheduler": cycle, "interval": "step"}]


class OneCycleByEpochs(Classifier):
    def configure_optimizers(self) -> Any:
        optimizer = torch.optim.SGD(self.parameters(), lr=0.01)
        cycle = torch.optim.lr_scheduler.OneCycleLR(
            optimizer,
            0.1,
            epochs=self.trainer.max_epochs,
            steps_per_epoch=len(self.trainer.datamodule.train_dataloader()),
        )
        return [optimizer], [{"scheduler": cycle, "interval": "step"}]


class WarmUp(Classifier):
    def configure_optimizers(self) -> Any:
        optimizer = torch.optim.AdamW(self.parameters(), lr=0.02)
        total = self.trainer.max_epochs * EPOCH

        def rate(step: int) -> float:
            return min(1.0, (step + 1) / 5) * 0.5 * (1 + math.cos(math.pi * step / total))

        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, rate)
        return [optimizer], [{"scheduler": schedule, "interval": "step"}]


class EpochSchedule(Classifier):
    def configure_optimizers(self) -> Any:
        optimizer = torch.optim.SGD(self.parameters(), lr=0.1)
        epochs = self.trainer.max_epochs
        return [optimizer], [torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=epochs)]


class Metrics(Classifier):
    def __init__(self) -> None:
        super().__init__()
        self.train_f1 = torchmetrics.F1Score("multiclass", num_classes=2, average="macro")
        self.val = torchmetrics.MetricCollection(
            {"auroc": torchmetrics.AUROC("multiclass", num_classes=2)}, prefix="val_"
        )

    def training_step(self, batch: Any, index: int) -> Tensor:
        out = self.network(batch[0])
        self.train_f1(out, batch[1])
        self.log("train_f1", self.train_f1, on_epoch=True, on_step=False)
        return F.cross_entropy(out, batch[1])

    def validation_step(self, batch: Any, index: int) -> None:
        self.val.update(self.network(batch[0]), batch[1])

    def on_validation_epoch_end(self) -> None:
        self.log_dict(self.val.compute())
        self.val.reset()


class Recurrent(Classifier):
    def __init__(self) -> None:
        super().__init__()
        self.embed, self.lstm = nn.Embedding(20, 8), nn.LSTM(8, 8, batch_first=True)

    def loss(self, batch: Any) -> Tensor:
        words, lengths, labels = batch
        packed = pack_padded_sequence(
            self.embed(words), lengths.cpu(), batch_first=True, enforce_sorted=False
        )
        return F.cross_entropy(self.network(self.lstm(packed)[1][0][-1]), labels)


class Translator(Recurrent):
    """Sequence to sequence, with the target fed in at random."""

    def __init__(self) -> None:
        super().__init__()
        self.decoder, self.out = nn.GRUCell(8, 8), nn.Linear(8, 20)

    def loss(self, batch: Any) -> Tensor:
        words = batch[0]
        state = self.lstm(self.embed(words))[1][0][-1]
        token, losses = torch.zeros_like(words[:, 0]), []
        for step in range(words.shape[1]):
            state = self.decoder(self.embed(token), state)
            out = self.out(state)
            losses.append(F.cross_entropy(out, words[:, step]))
            forced = self.training and random.random() < 0.5
            token = words[:, step] if forced else out.argmax(1)
        return torch.stack(losses).mean()


class Regression(Classifier):
    def loss(self, batch: Any) -> Tensor:
        return F.l1_loss(self.network(batch[0])[:, 0], batch[0].sum(1))


class MultiLabel(Classifier):
    def loss(self, batch: Any) -> Tensor:
        targets = (batch[0][:, :2] > 0).float()
        return F.binary_cross_entropy_with_logits(self.network(batch[0]), targets)


class Segmentation(Classifier):
    def __init__(self) -> None:
        super().__init__()
        self.network = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.Conv2d(4, 2, 1))

    def loss(self, batch: Any) -> Tensor:
        images = batch[0].reshape(-1, 1, 2, 4)
        return F.cross_entropy(self.network(images), (images[:, 0] > 0).long())


class Detector(Classifier):
    def __init__(self) -> None:
        super().__init__()
        self.network = network(outputs=4)

    def loss(self, batch: Any) -> Tensor:
        images, targets = batch
        found = self.network(torch.stack(images))
        each = [
            F.smooth_l1_loss(one, t["boxes"].mean(0)) for one, t in zip(found, targets, strict=True)
        ]
        return torch.stack(each).mean()


class Contrastive(Classifier):
    def loss(self, batch: Any) -> Tensor:
        views = [batch[0] + 0.1 * torch.randn_like(batch[0]) for _ in range(2)]
        a, b = (F.normalize(self.network(view)) for view in views)
        return F.cross_entropy(a @ b.T / 0.5, torch.arange(len(a)))


class GraphNet(Classifier):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3, 8)

    def loss(self, batch: Any) -> Tensor:
        nodes, (source, target), owner, labels = batch
        hidden = self.layer(nodes)
        passed = torch.zeros_like(hidden).index_add(0, target, hidden[source])
        whole = torch.zeros(len(labels), 8).index_add(0, owner, torch.relu(passed))
        return F.cross_entropy(self.network(whole), labels)


class LogsByHand(Classifier):
    def on_train_start(self) -> None:
        self.logger.log_hyperparams({"lr": 0.01})  # type: ignore[union-attr]

    def training_step(self, batch: Any, index: int) -> Tensor:
        loss = super().training_step(batch, index)
        self.logger.log_metrics({"by_hand": float(loss)}, step=self.global_step)  # type: ignore[union-attr]
        if hasattr(self.logger.experiment, "add_image"):  # type: ignore[union-attr]
            self.logger.experiment.add_image("weights", batch[0], self.global_step)  # type: ignore[union-attr]
        self.log_dict({"a": loss, "b": 2 * loss}, on_step=False, on_epoch=True, prog_bar=True)
        return loss


class Configured(Classifier):
    def __init__(self) -> None:
        super().__init__()
        self.network = None  # type: ignore[assignment]

    def configure_model(self) -> None:
        if self.network is None:
            self.network = network()


class Hyperparameters(Classifier):
    def __init__(self, width: int = 16, activation: Any = nn.SiLU) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.network = nn.Sequential(nn.Linear(8, width), activation(), nn.Linear(width, 2))

    def configure_optimizers(self) -> Any:
        return torch.optim.SGD(self.parameters(), lr=1 / self.hparams["width"])


class UsesItsData(Classifier):
    """Weighs classes by what is in the training set, and remembers in a checkpoint."""

    def setup(self, stage: str) -> None:
        counts = self.trainer.datamodule.train.tensors[1].bincount()  # type: ignore[attr-defined]
        self.register_buffer("weights", counts.sum() / counts)

    def loss(self, batch: Any) -> Tensor:
        weights: Any = self.weights
        return F.cross_entropy(self.network(batch[0]), batch[1], weights)

    def on_train_start(self) -> None:
        assert self.trainer.train_dataloader.batch_size == BATCH
        assert len(self.trainer.train_dataloader.dataset) == COUNT
        assert self.trainer.num_training_batches == EPOCH


class TwoSets(Classifier):
    def validation_step(self, batch: Any, index: int, dataloader_idx: int = 0) -> None:
        self.log("val_loss", self.loss(batch))


class OtherPackage(lightning.LightningModule):
    def __init__(self) -> None:
        super().__init__()
        self.network = network()

    loss = Classifier.loss
    training_step = Classifier.training_step
    validation_step = Classifier.validation_step

    def configure_optimizers(self) -> Any:
        optimizer = torch.optim.Adam(self.parameters(), lr=0.01)
        schedule = torch.optim.lr_scheduler.PolynomialLR(optimizer, self.trainer.max_epochs)
        return [optimizer], [schedule]


class OtherPackageData(lightning.LightningDataModule):
    workers = 0
    setup = Data.setup
    train_dataloader = Data.train_dataloader
    val_dataloader = Data.val_dataloader
    on_after_batch_transfer = AugmentedOnDevice.on_after_batch_transfer


def stops_early() -> dict[str, Any]:
    return {
        "callbacks": [
            pl.callbacks.EarlyStopping("val_loss", patience=1, min_delta=10.0),
            pl.callbacks.LearningRateMonitor(),
        ]
    }


SHAPES = {
    "plain": Shape(Classifier, Data),
    "augmented in the data set": Shape(Classifier, AugmentedInDataset),
    "augmented in the data module, on the device": Shape(Classifier, AugmentedOnDevice),
    "augmented in the module": Shape(AugmentsItself, Data),
    "generators of its own": Shape(Classifier, PrivateGenerators),
    "two loader workers": Shape(Classifier, AugmentedWithWorkers),
    "several loaders": Shape(SemiSupervised, Several),
    "a combined loader": Shape(SemiSupervised, Combined),
    "dictionary batches": Shape(ReadsDictionaries, Dictionaries),
    "streams": Shape(Classifier, Streams),
    "a weighted sampler": Shape(Classifier, Weighted),
    "a distributed sampler": Shape(Classifier, Distributed),
    "a batch sampler": Shape(Classifier, Bucketed),
    "two validation sets": Shape(TwoSets, TwoValidationSets, metric="val_loss/dataloader_idx_0"),
    "loaders without a data module": Shape(Classifier, loaders),
    "two optimizers by hand": Shape(Gan, Data),
    "accumulation": Shape(
        Classifier, Data, steps=9, trainer=lambda: {"accumulate_grad_batches": 5}
    ),
    "accumulation by hand": Shape(AccumulatesByHand, Data, steps=9),
    "clipping": Shape(Classifier, Data, trainer=lambda: {"gradient_clip_val": 0.05}),
    "clipping in the module": Shape(ClipsItself, Data),
    "callbacks of the module": Shape(HasCallbacks, Data),
    "callbacks of the trainer": Shape(Classifier, Data, trainer=lambda: {"callbacks": [Ema()]}),
    "early stopping": Shape(Classifier, Data, trainer=stops_early),
    "LBFGS": Shape(Lbfgs, Data),
    "plateau": Shape(Plateau, Data),
    "one cycle by steps": Shape(OneCycle, Data),
    "one cycle by epochs": Shape(OneCycleByEpochs, Data),
    "warm-up by steps": Shape(WarmUp, Data),
    "cosine by epochs": Shape(EpochSchedule, Data),
    "torchmetrics": Shape(Metrics, Data, metric="val_auroc"),
    "packed sequences": Shape(Recurrent, Words),
    "sequence to sequence": Shape(Translator, Words),
    "regression": Shape(Regression, Data),
    "multi-label": Shape(MultiLabel, Data),
    "segmentation": Shape(Segmentation, Data),
    "detection": Shape(Detector, Boxes),
    "self-supervised": Shape(Contrastive, AugmentedInDataset),
    "graphs": Shape(GraphNet, Graphs),
    "logging by hand": Shape(LogsByHand, Data),
    "configure_model": Shape(Configured, Data),
    "save_hyperparameters": Shape(Hyperparameters, Data),
    "uses its data": Shape(UsesItsData, Data),
    "limited batches": Shape(
        EpochSchedule, Data, steps=15, trainer=lambda: {"limit_train_batches": 5}
    ),
    "the other package": Shape(OtherPackage, OtherPackageData, package=lightning),
}
