"""Which examples of a training set are trained on, and which are held out.

Stratified by class, by groups, or by time; and parts of the training examples by fraction.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from raynas.errors import TaskError
from raynas.tasks.lightning.data import LightningData
from raynas.tasks.lightning.targets import Targets, targets_of, targets_of_values
from raynas.wording import counted

if TYPE_CHECKING:
    from torch.utils.data import DataLoader

__all__ = ["Indices", "nested_order", "positions_of", "split_indices"]

Indices = NDArray[np.int64]


def positions_of(data: LightningData, loader: DataLoader[Any]) -> tuple[Indices, Indices]:
    """Positions of the training and of the held-out part; worked out once a process."""
    from raynas.tasks.lightning.subset_loaders import universe

    dataset: Any = loader.dataset
    key = len(dataset)
    if key not in data.cache:
        among = universe(loader)
        targets = _targets(dataset)
        train, validation = _divided(data, dataset, targets, among)
        train = train[_part(targets.at(train), data.fraction, data.seed, data.balance)]
        data.cache[key] = train, validation
    found: tuple[Indices, Indices] = data.cache[key]
    return found


def _targets(dataset: Any) -> Targets:
    """The targets, or that there are none to stratify by."""
    try:
        targets = targets_of(dataset)
    except TaskError:
        return Targets("missing", np.empty(len(dataset)))
    return Targets("missing", np.empty(len(dataset))) if targets.kind == "missing" else targets


def _divided(
    data: LightningData, dataset: Any, targets: Targets, among: Indices
) -> tuple[Indices, Indices]:
    """The positions `among` in two parts, by groups, by time or at random."""
    from raynas.tasks.lightning.held_out_data import HeldOutError, shared_by_neighbors

    held_out = _held_out_count(len(among), data.share)
    windows = shared_by_neighbors(dataset) if data.groups is None else None
    if data.order == "time":
        gap = 0 if windows is None else -(-windows[1] // windows[0]) - 1
        trained = len(among) - held_out - gap
        if trained < 1:
            raise TaskError(
                f"order='time': of {counted(len(among), 'window')}, {held_out} are held out and "
                f"{gap} overlap these, so that none is left to train on; give more data or another "
                "share"
            )
        return among[:trained], among[len(among) - held_out :]
    if windows is not None and data.order == "auto":
        step, length = windows
        raise HeldOutError(
            f"data: the examples are windows of {length}, each of which begins {step} after the "
            "one before, so a random split would validate on values that it trained on; pass "
            "LightningData(order='time') to hold out the last ones, groups=... to keep those of "
            "one series together, or order='random' if this is meant"
        )
    if data.groups is not None:
        parts = _by_groups(_groups(data, dataset)[among], targets.at(among), data)
    else:
        parts = _split(targets.at(among), data.share, data.seed)
    return among[parts[0]], among[parts[1]]


def _groups(data: LightningData, dataset: Any) -> NDArray[Any]:
    """The group of each example."""
    given = data.groups
    if isinstance(given, str):
        found = getattr(dataset, given, None)
        if found is None:
            raise TaskError(
                f"groups={given!r}: a {type(dataset).__name__} has no such attribute; name one "
                "that holds a value an example, or pass a function from the data set to these"
            )
    else:
        found = given(dataset) if callable(given) else given
    groups = np.asarray(found)
    if groups.shape != (len(dataset),):
        raise TaskError(
            f"groups: of the shape {groups.shape}; must be one value for each of the "
            f"{counted(len(dataset), 'training example')}"
        )
    return groups


def _by_groups(
    groups: NDArray[Any], targets: Targets, data: LightningData
) -> tuple[Indices, Indices]:
    """Whole groups held out, about `data.share` of the examples, with classes in proportion."""
    from sklearn.model_selection import GroupShuffleSplit, StratifiedGroupKFold

    count = len(np.unique(groups))
    folds = max(2, round(1 / data.share))
    if count < 2:
        raise TaskError(f"groups: all examples are of {count} group; there must be at least 2")
    empty = np.empty(len(groups))
    if targets.strata is not None and count >= folds:
        splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=data.seed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # classes with fewer groups than folds
            train, validation = next(splitter.split(empty, targets.strata, groups))
        if len(validation):
            return train, validation
    shuffled = GroupShuffleSplit(1, test_size=data.share, random_state=data.seed)
    train, validation = next(shuffled.split(empty, groups=groups))
    return train, validation


def split_indices(labels: NDArray[Any], share: float, seed: int) -> tuple[Indices, Indices]:
    """Positions of the training and of the validation part, shuffled.

    Stratified by class, by tenths of a number, or by the rarest of several labels, see
    `raynas.tasks.lightning.targets.Targets.strata`; otherwise a plain shuffle, with a warning where
    a class is too small.

    Args:
        labels: Shape ``(examples, ...)``.
        share: Part that goes to validation, above 0 and below 1.
        seed: Seed of the shuffle.

    Raises:
        TaskError: A part would be empty.
    """
    return _split(targets_of_values(labels), share, seed)


def _split(targets: Targets, share: float, seed: int) -> tuple[Indices, Indices]:
    from sklearn.model_selection import train_test_split

    count = len(targets)
    held_out = _held_out_count(count, share)
    strata = targets.strata
    if strata is not None:
        groups, counts = np.unique(strata, return_counts=True)
        if counts.min() < 2 or len(groups) > min(held_out, count - held_out):
            strata = None
            if targets.kind != "regression":
                warnings.warn(
                    "split without strata: the smallest of "
                    f"{counted(len(groups), 'class', 'classes')} has "
                    f"{counted(counts.min(), 'example')}, and the validation part {held_out}",
                    stacklevel=2,
                )
    train, validation = train_test_split(
        np.arange(count), test_size=held_out, random_state=seed, shuffle=True, stratify=strata
    )
    return train, validation


def _held_out_count(count: int, share: float) -> int:
    held_out = round(share * count)
    if not 0 < held_out < count:
        raise TaskError(
            f"validation_share={share}: of {counted(count, 'training example')}, {held_out} would "
            "be left for validation; give more data or another share"
        )
    return held_out


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
            f"data_fraction={fraction:g}: {lost} of "
            f"{counted(len(targets.classes), 'class', 'classes')} have no example among it; take "
            "more, or balance=True",
            stacklevel=2,
        )
    return part


def nested_order(strata: NDArray[np.int64], seed: int, balance: bool = False) -> Indices:
    """An order of the examples whose every beginning has the strata in the proportions of all.

    The r-th of the n members of a stratum, in random order, stands at (r + u) / n, with a u from 0
    to 1 drawn for each stratum (systematic sampling). Each beginning is a part of every longer one.

    Args:
        strata: A group for each example.
        seed: Seed of the order within strata and of u.
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
