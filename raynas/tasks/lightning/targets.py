"""What the targets of a data set are, read from it: classes, numbers, several labels, sequences."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from raynas.errors import TaskError

__all__ = ["Kind", "Targets", "targets_of", "targets_of_values"]

Kind: TypeAlias = Literal["classes", "regression", "multi-label", "sequence", "missing"]

_BINS = 10  # deciles, for splits that are alike in a number
_NAMES = ("targets", "labels")
_KEYS = ("label", "labels", "target", "targets", "y")
_MOST_CLASSES_A_MEMBER = 0.5  # more values than that are numbers, and no classes


@dataclass(frozen=True)
class Targets:
    """The targets of a data set.

    Attributes:
        kind: ``"classes"``: one class an example, also where given one-hot. ``"regression"``: one
            or more numbers. ``"multi-label"``: any number of labels, as zeros and ones.
            ``"sequence"``: whole numbers an example, such as tokens or a mask, also of differing
            lengths. ``"missing"``: the examples have none.
        values: Shape ``(examples, ...)``; classes as whole numbers, shape ``(examples,)``.
    """

    kind: Kind
    values: NDArray[Any]

    def __len__(self) -> int:
        return len(self.values)

    def at(self, positions: NDArray[np.int64]) -> Targets:
        """Targets of the examples at `positions`."""
        return Targets(self.kind, self.values[positions])

    @cached_property
    def classes(self) -> NDArray[Any]:
        """The classes that occur, in order; empty where the targets are not classes."""
        return np.unique(self.values) if self.kind == "classes" else np.empty(0, dtype=np.int64)

    @cached_property
    def strata(self) -> NDArray[np.int64] | None:
        """A group for each example, to sample alike from each; None where there is no such thing.

        Classes are groups; numbers are cut into ten groups of equal count; of several labels the
        one that is rarest in the data set counts, as by Sechidis et al. 2011, "On the
        Stratification of Multi-Label Data", section 3, which also deals out the rarest first.
        """
        match self.kind:
            case "classes":
                return np.unique(self.values, return_inverse=True)[1].astype(np.int64)
            case "regression" if self.values.ndim == 1:
                ranks = np.empty(len(self), dtype=np.int64)
                ranks[np.argsort(self.values, kind="stable")] = np.arange(len(self))
                return ranks * _BINS // max(1, len(self))
            case "multi-label":
                counts = self.values.sum(axis=0)
                rarity = np.where(self.values > 0, counts, np.inf)
                rarest = rarity.argmin(axis=1)
                return np.where(self.values.any(axis=1), rarest, -1).astype(np.int64)
        return None


def targets_of(dataset: Any) -> Targets:
    """The targets of a map-style data set.

    Taken from `targets`, `labels` or the last of several tensors where there are such, otherwise by
    reading every example, of which the second part is the target, or where it is a mapping, what
    it has under ``label``, ``labels``, ``target``, ``targets`` or ``y``.

    Raises:
        TaskError: They cannot be read, or are of a kind that is none of `Kind`, such as a
            dictionary an example.
    """
    return targets_of_values(_values(dataset))


def targets_of_values(values: NDArray[Any] | None) -> Targets:
    """`values`, one an example, with what they are.

    Raises:
        TaskError: They are of a kind that is none of `Kind`.
    """
    if values is None:
        return Targets("missing", np.empty(0))
    if values.dtype == object:
        return Targets("sequence", values)
    if values.dtype.kind not in "iubf":
        raise TaskError(
            f"data: targets of the type {values.dtype} are not supported; "
            "number the classes from 0 on"
        )
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim == 1:
        return Targets(_kind_of_numbers(values), values)
    zeros_and_ones = bool(np.isin(values, (0, 1)).all())
    if values.ndim == 2 and zeros_and_ones:
        if (values.sum(axis=1) == 1).all():
            return Targets("classes", values.argmax(axis=1))
        return Targets("multi-label", values)
    return Targets("regression" if values.dtype.kind == "f" else "sequence", values)


def _kind_of_numbers(values: NDArray[Any]) -> Kind:
    if values.dtype.kind == "f":
        return "classes" if np.isin(values, (0, 1)).all() else "regression"
    many = len(np.unique(values)) > _MOST_CLASSES_A_MEMBER * len(values)
    return "regression" if many and len(values) > 2 * _BINS else "classes"


def _values(dataset: Any) -> NDArray[Any] | None:
    """Shape ``(examples, ...)``; None where the examples have no targets."""
    if hasattr(dataset, "indices") and hasattr(dataset, "dataset"):
        whole = _values(dataset.dataset)
        return None if whole is None else np.asarray(whole[np.asarray(dataset.indices)])
    for name in _NAMES:
        found = getattr(dataset, name, None)
        if found is not None and len(found) == len(dataset):
            return _array(list(found) if isinstance(found, tuple | list) else found)
    if tensors := getattr(dataset, "tensors", ()):
        return np.asarray(tensors[-1]) if len(tensors) > 1 else None
    try:
        read = [_target(dataset[index]) for index in range(len(dataset))]
        if any(target is None for target in read):
            return None
        return _array([np.asarray(target) for target in read])
    except (LookupError, TypeError, ValueError) as error:
        raise TaskError(
            f"data: the labels of a {type(dataset).__name__} cannot be read "
            f"({type(error).__name__}: {error}); give it an attribute `targets` with one label an "
            "example, or pass validation='own'"
        ) from error


def _target(example: Any) -> Any:
    """The target of one example; None where it has none."""
    if isinstance(example, Mapping):
        target = next((example[key] for key in _KEYS if key in example), None)
    elif isinstance(example, tuple | list):
        target = example[1] if len(example) > 1 else None
    else:
        return None
    if isinstance(target, Mapping):
        raise TypeError(f"a target is a {type(target).__name__}, not a number or an array")
    return target


def _array(found: Any) -> NDArray[Any]:
    """`found` as one array; of objects where the examples' targets differ in shape."""
    if not isinstance(found, list):
        return np.asarray(found)
    shapes = {np.shape(target) for target in found}
    if len(shapes) < 2:
        return np.asarray(found)
    ragged = np.empty(len(found), dtype=object)
    ragged[:] = found
    return ragged
