"""The data of either stage, and parts of them by fraction (W1).

Stage 1 trains on about 90 % of the training set and validates on the other 10 %; stage 2 trains on
all of it and validates on the validation set.
"""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from raynas.errors import TaskError
from raynas.tasks.targets import Targets, targets_of, targets_of_values

if TYPE_CHECKING:
    from torch.utils.data import DataLoader

__all__ = [
    "Loaders",
    "Split",
    "data_module",
    "nested_order",
    "split_indices",
    "split_loaders",
    "stage1",
    "stage2",
    "validation_loader",
]

Indices = NDArray[np.int64]

_KEPT = ("batch_size", "num_workers", "collate_fn", "pin_memory", "worker_init_fn", "timeout")


@dataclass(frozen=True)
class Loaders:
    """Two data loaders as a data module: for those who have no LightningDataModule.

    Attributes:
        train: Over the training set.
        validation: Over the validation set; None where there is none.
    """

    train: Any
    validation: Any = None

    def prepare_data(self) -> None:
        """Nothing is left to prepare."""

    def setup(self, stage: str) -> None:
        """Nothing is left to set up."""

    def train_dataloader(self) -> Any:
        """See `train`."""
        return self.train

    def val_dataloader(self) -> Any:
        """See `validation`."""
        return self.validation


@dataclass(frozen=True, eq=False)
class Split(Loaders):
    """The data that one stage trains and validates on.

    Attributes:
        stage: 1 or 2.
        seed: Of the shuffle.
        positions: Of the examples of `train` in the training set, and in stage 1 of those of
            `validation`, which is a part of it too; both None in stage 2, which takes all.
    """

    stage: int = 2
    seed: int = 0
    positions: tuple[Indices, Indices] | None = None

    @cached_property
    def record(self) -> dict[str, Any]:
        """What to write down so that it can be told later whether data are the same.

        The counts, the seed, and in stage 1 a SHA-256 of the positions of each part, sorted.
        """
        facts: dict[str, Any] = {"stage": self.stage}
        if self.positions is None:
            return facts
        facts["seed"] = self.seed
        for name, positions in zip(("train", "validation"), self.positions, strict=True):
            text = np.sort(positions).astype("<i8").tobytes()
            facts[f"{name} examples"] = len(positions)
            facts[f"{name} sha256"] = hashlib.sha256(text).hexdigest()
        return facts


def stage1(
    data: Any, share: float = 0.1, seed: int = 0, fraction: float = 1.0, balance: bool = False
) -> Split:
    """Stage 1's data: the training set, a part of which is held out to validate on.

    The loaders keep batch size, workers and collation of the training set's. The held-out part
    depends on `share` and `seed` only; a smaller `fraction` is a part of every larger one.

    Args:
        data: A LightningDataModule, two loaders as a tuple or as `Loaders`, or what makes one.
        share: Part of the training set to validate on.
        seed: Of the shuffle.
        fraction: Part of what is left to train on, above 0 and up to 1; of classes alike.
        balance: Take as many of each class instead, as far as there are.

    Raises:
        TaskError: The training set is not something that can be split, or an argument is out of
            its range.
    """
    from torch.utils.data import DataLoader, Subset

    whole = data_module(data).train_dataloader()
    _check_splittable(whole)
    targets = targets_of(whole.dataset)
    if targets.kind == "missing":
        targets = Targets("missing", np.empty(len(whole.dataset)))
    train, validation = _split(targets, share, seed)
    train = train[_part(targets.at(train), fraction, seed, balance)]
    kept = {name: getattr(whole, name) for name in _KEPT}
    return Split(
        DataLoader(
            Subset(whole.dataset, train.tolist()), shuffle=True, drop_last=whole.drop_last, **kept
        ),
        DataLoader(Subset(whole.dataset, validation.tolist()), **kept),
        stage=1,
        seed=seed,
        positions=(train, validation),
    )


def stage2(data: Any) -> Split:
    """Stage 2's data: all of the training set, and all of the validation set.

    Args:
        data: As `stage1` takes it.

    Raises:
        TaskError: There is no validation set.
    """
    module = data_module(data)
    return Split(module.train_dataloader(), validation_loader(module))


@lru_cache(maxsize=8)
def split_loaders(
    data: Callable[[], Any],
    share: float,
    seed: int,
    fraction: float = 1.0,
    balance: bool = False,
) -> tuple[DataLoader[Any], DataLoader[Any]]:
    """The loaders of `stage1`, kept for the later trials of this process."""
    split = stage1(data, share, seed, fraction, balance)
    return split.train, split.validation


@lru_cache(maxsize=2)
def data_module(data: Any) -> Any:
    """The data module that `data` is or makes, ready for `fit`; kept for later trials."""
    ready = isinstance(data, tuple) or (
        hasattr(data, "train_dataloader") and not isinstance(data, type)
    )
    module: Any = data if ready else data()
    if isinstance(module, tuple) and 1 <= len(module) <= 2:
        module = Loaders(*module)
    if not hasattr(module, "train_dataloader"):
        raise TaskError(
            f"data={data!r} makes {module!r}: it must make a LightningDataModule, "
            "or a tuple of two data loaders"
        )
    module.prepare_data()
    module.setup("fit")
    return module


def validation_loader(module: Any) -> Any:
    """The loader over the validation set of the data module `module`.

    Raises:
        TaskError: It has none, or one without examples.
    """
    try:
        loader = module.val_dataloader()
    except (AttributeError, NotImplementedError) as error:
        if isinstance(error, AttributeError) and error.name != "val_dataloader":
            raise
        loader = None
    except Exception as error:
        if type(error).__name__ != "MisconfigurationException":
            raise
        loader = None
    empty = loader is None or (hasattr(loader, "__len__") and len(loader) == 0)
    if empty:
        raise TaskError(
            f"data: val_dataloader() of {type(module).__name__} gives "
            f"{'nothing' if loader is None else 'no batches'}: give it a validation set, apart "
            "from the training set"
        )
    return loader


def split_indices(labels: NDArray[Any], share: float, seed: int) -> tuple[Indices, Indices]:
    """Positions of the training and of the validation part, shuffled.

    Stratified by class, by tenths of a number, or by the rarest of several labels, see
    `raynas.tasks.targets.Targets.strata`; otherwise a plain shuffle, with a warning where a class
    is too small.

    Args:
        labels: Shape ``(examples, ...)``.
        share: Part that goes to validation, above 0 and below 1.
        seed: Of the shuffle.

    Raises:
        TaskError: A part would be empty.
    """
    return _split(targets_of_values(labels), share, seed)


def _split(targets: Targets, share: float, seed: int) -> tuple[Indices, Indices]:
    from sklearn.model_selection import train_test_split

    count = len(targets)
    held_out = round(share * count)
    if not 0 < held_out < count:
        raise TaskError(
            f"validation_share={share}: of {count} training examples, {held_out} would be left "
            "for validation; give more data or another share"
        )
    strata = targets.strata
    if strata is not None:
        groups, counts = np.unique(strata, return_counts=True)
        if counts.min() < 2 or len(groups) > min(held_out, count - held_out):
            strata = None
            if targets.kind != "regression":
                warnings.warn(
                    f"split without strata: the smallest of {len(groups)} classes has "
                    f"{counts.min()} examples, and the validation part {held_out}",
                    stacklevel=2,
                )
    train, validation = train_test_split(
        np.arange(count), test_size=held_out, random_state=seed, shuffle=True, stratify=strata
    )
    return train, validation


def _part(targets: Targets, fraction: float, seed: int, balance: bool) -> Indices:
    """Positions of a part of the examples with `targets`."""
    if not 0 < fraction <= 1:
        raise TaskError(f"data_fraction={fraction}: must be above 0 and at most 1")
    if balance and targets.kind != "classes":
        raise TaskError(
            f"balance=True: the targets are {targets.kind}; only classes can be balanced"
        )
    if fraction == 1 and not balance:
        return np.arange(len(targets))
    strata = targets.strata
    if strata is None:
        strata = np.zeros(len(targets), dtype=np.int64)
    part = nested_order(strata, seed, balance)[: max(1, round(fraction * len(targets)))]
    lost = len(np.unique(strata)) - len(np.unique(strata[part]))
    if lost and targets.kind == "classes":
        warnings.warn(
            f"data_fraction={fraction:g}: {lost} of {len(targets.classes)} classes have no example "
            "among it; take more, or balance=True",
            stacklevel=2,
        )
    return part


def nested_order(strata: NDArray[np.int64], seed: int, balance: bool = False) -> Indices:
    """An order of the examples whose every beginning has the strata in the proportions of all.

    The r-th of the n members of a stratum, in random order, stands at (r + u) / n, with a u from 0
    to 1 drawn for each stratum (systematic sampling). Each beginning is a part of every longer one.

    Args:
        strata: A group for each example.
        seed: Of the order within strata, and of u.
        balance: Stand at r instead: each beginning has equally many of each stratum, as far as
            there are.
    """
    rng = np.random.default_rng([seed, len(strata)])
    place = np.empty(len(strata))
    for stratum in np.unique(strata):
        members = rng.permutation(np.flatnonzero(strata == stratum))
        ranks = np.arange(len(members)) + rng.uniform()
        place[members] = ranks if balance else ranks / len(members)
    return np.argsort(place, kind="stable")


def _check_splittable(loader: Any) -> None:
    from torch.utils.data import DataLoader, IterableDataset, RandomSampler, SequentialSampler

    fix = "pass validation='own' to validate on the data module's own val_dataloader()"
    if not isinstance(loader, DataLoader):
        raise TaskError(
            f"data: train_dataloader() returned a {type(loader).__name__}; only a torch DataLoader "
            f"can be split; {fix}"
        )
    if isinstance(loader.dataset, IterableDataset):
        raise TaskError(f"data: an IterableDataset cannot be split; {fix}")
    if loader.batch_size is None or not isinstance(
        loader.sampler, RandomSampler | SequentialSampler
    ):
        raise TaskError(f"data: a loader with a sampler of its own cannot be split; {fix}")
