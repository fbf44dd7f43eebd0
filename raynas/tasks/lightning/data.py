"""What a Lightning task trains and validates on, as a value."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal
from uuid import uuid4

import numpy as np

from raynas.arguments import checked, shown
from raynas.errors import TaskError

__all__ = ["LightningData"]

_VALIDATIONS = ("split", "own")
_ORDERS = ("auto", "random", "time")
_IN_EARLIER_IDENTITIES = {
    "validation": "validation",
    "validation_share": "share",
    "split_seed": "seed",
    "data_fraction": "fraction",
    "balance": "balance",
}


@checked
@dataclass(frozen=True, eq=False)
class LightningData:
    """The data of a trial, and how stage 1 holds out a part of the training set.

    Args:
        source: A LightningDataModule class or a function that makes one; or one that makes a tuple
            of two data loaders, for training and validation. Called for every trial, so that
            nothing that a trial changes in its data reaches the next. An instance, or a tuple of
            loaders, is copied for every trial instead.
        validation: ``"split"`` holds out a part of the training set; ``"own"`` trains on all of it
            and validates on the data module's `val_dataloader`.
        share: Held-out part of the training set, above 0 and below 1.
        seed: Seed of the split, and of everything that `prepare_data`, `setup` and the methods
            that make loaders draw at random, so that all trials have the same data.
        fraction: Part of the remaining training set that is used, above 0 and up to 1. A smaller
            part is a part of every larger one.
        balance: Whether that part has the same number of examples of each class, where possible.
        groups: Examples of one group are never divided between training and held-out part: one
            value an example, or a function from the training data set to these, or the name of its
            attribute that holds them. None for no groups.
        order: ``"random"`` splits at random, stratified by class where there are classes.
            ``"time"`` holds out the last part, without the training examples that overlap it.
            ``"auto"`` is ``"random"``, and refuses windows that overlap their neighbors.
        held_out: Makes, from the training data set, the data set with the same examples that
            held-out ones are read from; ``lambda dataset: dataset`` reads them as training does.
            By default they are read as the validation set reads its own, see
            `raynas.tasks.lightning.held_out_data.read_as_validation`.
        reuse: Keep one data module for all trials of a worker, and call `setup` once only: where
            `setup` takes long and neither it nor the trials change the data.

    Raises:
        TaskError: An argument is out of its range.
    """

    source: Any
    validation: Literal["split", "own"] = "split"
    share: float = 0.1
    seed: int = 0
    fraction: float = 1.0
    balance: bool = False
    groups: str | Sequence[Any] | Callable[[Any], Any] | None = None
    order: Literal["auto", "random", "time"] = "auto"
    held_out: Callable[[Any], Any] | None = None
    reuse: bool = False
    cache: dict[Any, Any] = field(default_factory=dict, init=False, repr=False)
    token: str = field(default_factory=lambda: uuid4().hex, init=False, repr=False)

    def __post_init__(self) -> None:
        for holds, message in self._rules():
            if not holds:
                raise TaskError(message)

    def _rules(self) -> tuple[tuple[bool, str], ...]:
        own = self.validation == "own"
        return (
            (
                _makes(self.source),
                f"data={shown(self.source)}: must be a LightningDataModule class, a function that "
                "makes a data module or a tuple of two data loaders, or one of these themselves",
            ),
            (
                self.validation in _VALIDATIONS,
                f"validation={self.validation!r}: use 'split' or 'own'",
            ),
            (
                _number(self.share) and 0 < self.share < 1,
                f"validation_share={self.share!r}: must be above 0 and below 1",
            ),
            (
                isinstance(self.seed, int | np.integer) and self.seed >= 0,
                f"split_seed={self.seed!r}: must be a whole number from 0 on",
            ),
            (
                _number(self.fraction) and 0 < self.fraction <= 1,
                f"data_fraction={self.fraction!r}: must be above 0 and at most 1",
            ),
            (
                not own or (self.fraction == 1 and not self.balance),
                f"data_fraction={self.fraction}, balance={self.balance} with validation='own': "
                "only a part of the split training set can be taken; use validation='split'",
            ),
            (self.order in _ORDERS, f"order={self.order!r}: use 'auto', 'random' or 'time'"),
            (
                self.order != "time" or self.groups is None,
                "groups with order='time': groups are split at random; omit one of them",
            ),
            (
                self.held_out is None or callable(self.held_out),
                f"held_out={self.held_out!r}: must be a function from the training data set",
            ),
        )

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "cache": {}}

    def make(self) -> Any:
        """A data module, or a tuple of one or two loaders, for one trial.

        Raises:
            TaskError: `source` is an instance that cannot be copied, or makes something else.
        """
        if self.reuse:
            if "made" not in self.cache:
                self.cache["made"] = self.source if self.is_made else self._called()
            return self.cache["made"]
        if not self.is_made:
            return self._called()
        try:
            return copy.deepcopy(self.source)
        except Exception as error:
            raise TaskError(
                f"data={shown(self.source)} cannot be copied for each trial "
                f"({type(error).__name__}: {error}); give a class or a function that makes it, or "
                "LightningData(..., reuse=True)"
            ) from error

    @property
    def is_made(self) -> bool:
        """Whether `source` is a data module or loaders, rather than what makes them."""
        ready = hasattr(self.source, "train_dataloader") and not isinstance(self.source, type)
        return ready or _is_loaders(self.source)

    def _called(self) -> Any:
        made = self.source()
        if hasattr(made, "train_dataloader") or _is_loaders(made):
            return made
        raise TaskError(
            f"data={shown(self.source)} makes {shown(made)}: it must make a LightningDataModule, "
            "or a tuple of two data loaders"
        )

    def identity(self) -> Mapping[str, Any]:
        """The values that give measurements their meaning, by name."""
        shown: dict[str, Any] = {"data": self.source}
        shown |= {name: getattr(self, own) for name, own in _IN_EARLIER_IDENTITIES.items()}
        if self.order != "auto":
            shown["order"] = self.order
        later = {"groups": self.groups, "held_out": self.held_out}
        return shown | {name: value for name, value in later.items() if value is not None}


def _number(value: Any) -> bool:
    return isinstance(value, int | float | np.number) and not isinstance(value, bool)


def _makes(value: Any) -> bool:
    return callable(value) or _is_loaders(value) or hasattr(value, "train_dataloader")


def _is_loaders(value: Any) -> bool:
    return isinstance(value, tuple) and 1 <= len(value) <= 2
