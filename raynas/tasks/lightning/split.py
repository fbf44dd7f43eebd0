"""The data of either stage, and parts of them by fraction.

Stage 1 trains on about 90 % of the training set and validates on the other 10 %; stage 2 trains on
all of it and validates on the validation set.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from raynas.errors import TaskError
from raynas.tasks.lightning.data import LightningData
from raynas.tasks.lightning.holdout import Indices, positions_of
from raynas.tasks.lightning.loader_collections import is_collection, leaves, sized
from raynas.tasks.random_state import isolated
from raynas.wording import counted

if TYPE_CHECKING:
    from torch.utils.data import DataLoader

__all__ = [
    "Loaders",
    "Split",
    "data_module",
    "hold_out",
    "stage1",
    "stage2",
    "validation_loader",
]

_BATCHES_COMPARED = 3  # batches read twice: a shuffled loader would not repeat one
_LOOKED_AT = "looked at"
_OWN = "pass validation='own' to validate on the data module's own val_dataloader()"


@dataclass(frozen=True)
class Loaders:
    """Two data loaders as a data module: for those who have no LightningDataModule.

    Attributes:
        train: Loader of the training set.
        validation: Loader of the validation set; None where there is none.
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
        seed: Seed of the shuffle.
        positions: Positions in the training set of the examples of `train`, and in stage 1 of
            those of `validation`, which is a part of it too; both None in stage 2, which takes all.
    """

    stage: int = 2
    seed: int = 0
    positions: tuple[Indices, Indices] | None = None

    @cached_property
    def record(self) -> dict[str, Any]:
        """A description by which the same data are recognized later.

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

    The training loader is made as the user's own is, over the remaining examples; the held-out part
    is read as the validation set is, see `hold_out`. It depends on `share` and `seed` only; a
    smaller `fraction` is a part of every larger one.

    Args:
        data: A LightningDataModule, two loaders as a tuple or as `Loaders`, what makes one of
            these, or a `LightningData`, whose values then count.
        share: Part of the training set to validate on.
        seed: Seed of the shuffle.
        fraction: Part of what is left to train on, above 0 and up to 1; of classes alike.
        balance: Take as many of each class instead, as far as there are.

    Raises:
        TaskError: The training set is not something that can be split, or an argument is out of
            its range.
    """
    plan = (
        data
        if isinstance(data, LightningData)
        else LightningData(data, share=share, seed=seed, fraction=fraction, balance=balance)
    )
    module = data_module(data)
    plain = getattr(module, "plain_train_dataset", None)
    whole = module.train_dataloader()
    return hold_out(plan, whole, lambda: validation_loader(module), plain)


def stage2(data: Any) -> Split:
    """Stage 2's data: all of the training set, and all of the validation set.

    Args:
        data: Data module, as `stage1` takes it.

    Raises:
        TaskError: There is no validation set.
    """
    module = data_module(data)
    return Split(module.train_dataloader(), validation_loader(module))


def hold_out(
    data: LightningData,
    whole: Any,
    own: Callable[[], Any],
    plain: Callable[[], Any] | None = None,
) -> Split:
    """The loaders of stage 1.

    Args:
        data: How to split.
        whole: The user's loader over the training set.
        own: Makes the user's validation loader, or raises TaskError where there is none.
        plain: Makes the training data set without augmentation, where the user has a way to.

    Raises:
        TaskError: The training set cannot be split, or the held-out examples cannot be read as
            validation would, see `raynas.tasks.lightning.held_out_data.read_as_validation`.
    """
    from torch.utils.data import DataLoader, IterableDataset

    from raynas.tasks.lightning.subset_loaders import part_of

    if not isinstance(whole, DataLoader) and is_collection(whole):
        raise TaskError(
            f"data: train_dataloader() returned a {type(whole).__name__}; of several loaders, "
            f"none can be split; {_OWN}"
        )
    if not isinstance(whole, DataLoader) or isinstance(whole.dataset, IterableDataset):
        return _hold_out_batches(data, whole)
    train, validation = positions_of(data, whole)
    given = plain if data.held_out is None else partial(data.held_out, whole.dataset)
    return Split(
        part_of(whole, train),
        _held_out_loader(whole, _single(own), validation, given),
        stage=1,
        seed=data.seed,
        positions=(train, validation),
    )


def _single(own: Callable[[], Any]) -> DataLoader[Any] | None:
    """The user's validation loader, which says how to read examples for validation."""
    from torch.utils.data import DataLoader

    try:
        loader = own()
    except TaskError:
        return None
    loaders = list(leaves(loader))
    if len(loaders) != 1:
        raise TaskError(
            f"data: val_dataloader() gives {counted(len(loaders), 'loader')}, and the held-out "
            f"part of the training set stands for an unknown one; {_OWN}"
        )
    loader = loaders[0]
    return loader if isinstance(loader, DataLoader) else None


def _held_out_loader(
    whole: DataLoader[Any],
    own: DataLoader[Any] | None,
    positions: Indices,
    given: Callable[[], Any] | None,
) -> DataLoader[Any]:
    """A loader that reads the held-out examples as the validation loader `own` reads its own."""
    from raynas.tasks.lightning.held_out_data import read_as_validation
    from raynas.tasks.lightning.subset_loaders import part_in_order

    readable = own is not None and hasattr(own.dataset, "__getitem__")
    like = own if own is not None and readable else whole
    batched = like.batch_size is not None or like.batch_sampler is not None
    dataset = read_as_validation(
        whole.dataset,
        own.dataset if own is not None and readable else None,
        positions.tolist(),
        like.collate_fn if batched else None,
        given,
    )
    return part_in_order(like, positions, dataset)


def _hold_out_batches(data: LightningData, loader: Any) -> Split:
    """Every so manyth batch of a stream for validation, and the others for training."""
    if data.fraction < 1 or data.balance or data.groups is not None or data.order == "time":
        raise TaskError(
            f"data: a {type(loader).__name__} over a stream can only be held out by batches; "
            "fraction, balance, groups and order='time' need a data set that is read by position; "
            f"{_OWN}"
        )
    from raynas.tasks.lightning.held_out_data import same_values
    from raynas.tasks.lightning.subset_loaders import EveryNth

    every = max(2, round(1 / data.share))
    if "stream" not in data.cache:
        data.cache["stream"] = same_values(_first_batches(loader, 0), _first_batches(loader, 1))
    if not data.cache["stream"]:
        raise TaskError(
            "data: the training set is a stream whose batches differ from reading to reading, as "
            "shuffling and augmentation make them, so no part of it can be held out; "
            f"{_OWN}"
        )
    return Split(EveryNth(loader, every, False), EveryNth(loader, every, True), 1, data.seed)


def _first_batches(loader: Any, seed: int) -> list[Any]:
    with isolated(seed):
        return list(islice(loader, _BATCHES_COMPARED))


def data_module(data: Any) -> Any:
    """The data module that `data` is or makes, ready for `fit`, for a look at the data.

    Args:
        data: Data module, as `stage1` takes it. That of a `LightningData` is made once a process.

    Raises:
        TaskError: It makes something else.
    """
    if not isinstance(data, LightningData):
        data = LightningData(data)
    if _LOOKED_AT not in data.cache:
        made = data.source if data.is_made else data.make()
        module = Loaders(*made) if isinstance(made, tuple) else made
        with isolated(data.seed):
            for name, *arguments in (("prepare_data",), ("setup", "fit")):
                if hasattr(module, name):
                    getattr(module, name)(*arguments)
        data.cache[_LOOKED_AT] = module
    return data.cache[_LOOKED_AT]


def validation_loader(module: Any, make: Callable[[], Any] | None = None) -> Any:
    """The loader over the validation set of the data module `module`.

    Args:
        module: The data module.
        make: Makes the loader; by default its `val_dataloader`.

    Raises:
        TaskError: It has none, or one without examples.
    """
    try:
        loader = (make or module.val_dataloader)()
    except (AttributeError, NotImplementedError) as error:
        if isinstance(error, AttributeError) and error.name != "val_dataloader":
            raise
        loader = None
    except Exception as error:
        if type(error).__name__ != "MisconfigurationException":
            raise
        loader = None
    empty = loader is None or (sized(loader) and len(loader) == 0)
    if empty:
        raise TaskError(
            f"data: val_dataloader() of {type(module).__name__} gives "
            f"{'nothing' if loader is None else 'no batches'}: give it a validation set, apart "
            "from the training set"
        )
    return loader
