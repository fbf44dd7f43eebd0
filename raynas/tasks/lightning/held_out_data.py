"""Held-out training examples as the validation set reads them: without training augmentation."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import Dataset

from raynas.errors import TaskError, in_a_line
from raynas.tasks.random_state import isolated
from raynas.wording import counted

__all__ = [
    "HeldOutError",
    "changes_on_reading",
    "read_as_validation",
    "same_values",
    "shared_by_neighbors",
]

_INNER = ("dataset", "subset")
_FLAGS = ("train", "training", "is_train", "is_training", "train_mode")
_EXAMPLES_READ = 4  # reads that are compared, of data that may be slow
_SHORTEST_WINDOW = 4  # steps: shorter ones overlap by chance
_NEIGHBORS_READ = 3  # pairs of examples that are compared
_REFUSAL = (
    "data: held-out training examples change from reading to reading, as training augmentation "
    "makes them, and nothing says how to read them without it; every validation score of stage 1 "
    "would be noisy and too low. Do one of these: give the training data set a `transform` "
    "attribute that the validation data set has as well; give the data module a method "
    "plain_train_dataset() that returns the training examples, in the same order, without "
    "augmentation; pass LightningData(held_out=function), from the training data set to the one to "
    "validate on; or pass validation='own'"
)
_AS_MEANT = (
    ". The validation set's own examples change as well; where that is meant, pass "
    "held_out=lambda dataset: dataset"
)


class HeldOutError(TaskError):
    """Examples that are held out would not tell what validation examples do."""


def read_as_validation(
    training: Any,
    validation: Any,
    positions: Sequence[int],
    collate: Callable[[list[Any]], Any] | None = None,
    given: Callable[[], Any] | None = None,
) -> Any:
    """The data set that has the examples of `training`, read as those of `validation` are.

    That is what `given` makes, if it is there. Otherwise, through `Subset` and other wrappers with
    an inner data set:

    - attributes whose names contain "transform" or "augment" are taken from the data set of the
      same class (or, failing that, from the first that has them) on the validation side;
    - wrappers around the training set that the validation set lacks are taken off;
    - if the examples still change from reading to reading, flags such as ``train=True`` are set as
      the validation side has them.

    Args:
        training: The training data set.
        validation: The validation data set; None where there is none.
        positions: Positions of the held-out examples.
        collate: Makes a batch of a list of examples.
        given: Makes the data set, where the user says how.

    Returns:
        A shallow copy of `training`, or `training` itself where there is nothing to change.

    Raises:
        HeldOutError: The examples change from reading to reading.
        TaskError: What `given` makes has other examples than the training set.
    """
    if given is not None:
        return _checked(given(), training, positions)
    references = () if validation is None else tuple(_levels(validation))
    plain = _without_extra_wrappers(_with_transforms(training, references), references)
    if not changes_on_reading(plain, positions, collate):
        return _checked(plain, training, positions)
    plain = _without_training_flags(plain, references)
    if changes_on_reading(plain, positions, collate):
        raise HeldOutError(_REFUSAL + (_AS_MEANT if _changes(validation, collate) else ""))
    return _checked(plain, training, positions)


def _changes(validation: Any, collate: Callable[[list[Any]], Any] | None) -> bool:
    """Whether the validation set's own examples change from reading to reading."""
    try:
        return changes_on_reading(validation, range(len(validation)), collate)
    except Exception:
        return False


def _checked(plain: Any, training: Any, positions: Sequence[int]) -> Any:
    """`plain`, if its examples are those of `training` as far as can be compared."""
    if plain is training:
        return plain
    try:
        same = len(plain) == len(training)
    except TypeError:
        same = False
    if not same:
        raise TaskError(
            f"data: the data set to validate on is a {type(plain).__name__} that does not have the "
            f"{counted(len(training), 'example')} of the training set: it must have the same ones "
            "in the same order"
        )
    with isolated(0):
        few = [(plain[at], training[at]) for at in positions[:_EXAMPLES_READ]]
    if all(same_values(_labels(a), _labels(b)) for a, b in few):
        return plain
    raise TaskError(
        "data: the training examples as validation would read them have other targets than the "
        "training set itself; pass LightningData(held_out=function), from the training data set to "
        "the one to validate on, or validation='own'"
    )


def _without_training_flags(training: Any, references: Sequence[Any]) -> Any:
    """`training` with flags such as ``train=True`` as the validation side has them.

    Only where a data set of the same class there has the flag False.
    """

    def changed(dataset: Any) -> dict[str, Any]:
        same = [other for other in references if type(other) is type(dataset)]
        return {
            name: False
            for name in _FLAGS
            if getattr(dataset, name, None) is True
            and any(getattr(other, name, None) is False for other in same)
        }

    return _rebuilt(training, changed)


def changes_on_reading(
    dataset: Any, positions: Sequence[int], collate: Callable[[list[Any]], Any] | None = None
) -> bool:
    """Whether examples of `dataset` differ when they are read again, as augmentation makes them.

    Args:
        dataset: Read by position.
        positions: Which examples may be read; a few are.
        collate: Makes a batch of a list of examples; None compares the examples themselves.
    """
    few = list(positions[:_EXAMPLES_READ])

    def read(seed: int) -> Any:
        with isolated(seed):
            examples = [dataset[position] for position in few]
            try:
                return examples if collate is None else collate(examples)
            except Exception as error:
                raise HeldOutError(
                    f"data: the validation loader's collate_fn cannot batch training examples "
                    f"({in_a_line(error)}); pass LightningData(held_out=function), from the "
                    "training data set to one that it can batch, or validation='own'"
                ) from error

    return not same_values(read(0), read(1))


def shared_by_neighbors(dataset: Any) -> tuple[int, int] | None:
    """How far apart the windows of a sliding-window data set begin, and how long they are.

    Neighboring examples are compared at the start, the middle and the end of the data set. None
    where they do not overlap, or where the examples are not arrays.
    """
    count = len(dataset)
    if count < 2 * _NEIGHBORS_READ:
        return None
    found = set()
    with isolated(0):
        for first in (0, count // 2, count - 2):
            found.add(_overlap(_input(dataset[first]), _input(dataset[first + 1])))
    return found.pop() if len(found) == 1 else None


def _input(example: Any) -> NDArray[Any] | None:
    if isinstance(example, Mapping):
        example = next(iter(example.values()), None)
    elif isinstance(example, tuple | list) and example:
        example = example[0]
    if not hasattr(example, "__array__"):
        return None
    array = np.asarray(example.detach().float() if torch.is_tensor(example) else example)
    return array if array.ndim and array.dtype.kind in "iuf" else None


def _overlap(first: NDArray[Any] | None, second: NDArray[Any] | None) -> tuple[int, int] | None:
    """The step between two windows along one axis, and their length."""
    if first is None or second is None or first.shape != second.shape:
        return None
    for axis, length in enumerate(first.shape):
        a, b = np.moveaxis(first, axis, 0), np.moveaxis(second, axis, 0)
        for step in range(1, length // 2 + 1) if length >= _SHORTEST_WINDOW else ():
            rest = a[step:]
            if np.array_equal(rest, b[:-step]) and (rest != rest.flat[0]).any():
                return step, length
    return None


def _levels(dataset: Any) -> Iterator[Any]:
    """`dataset` and the data sets inside it, outermost first."""
    yield dataset
    for part in getattr(dataset, "datasets", ()):
        yield from _levels(part)
    inner = _inner(dataset)
    if inner is not None:
        yield from _levels(getattr(dataset, inner))


def _inner(dataset: Any) -> str | None:
    """The attribute under which a wrapper keeps the data set that it wraps."""
    own = getattr(dataset, "__dict__", {})
    for name, value in own.items():
        if isinstance(value, Dataset) or (name in _INNER and hasattr(value, "__getitem__")):
            return str(name)
    return None


def _with_transforms(dataset: Any, references: Sequence[Any]) -> Any:
    def changed(level: Any) -> dict[str, Any]:
        names = [name for name in vars(level) if _is_transform(name)]
        return {name: _counterpart(level, name, references) for name in names}

    return _rebuilt(dataset, changed)


def _is_transform(name: str) -> bool:
    return any(part in name.lower() for part in ("transform", "augment"))


def _counterpart(level: Any, name: str, references: Sequence[Any]) -> Any:
    """What the validation side has under `name`; what `level` has where it has nothing."""
    own = getattr(level, name)
    having = [other for other in references if name in getattr(other, "__dict__", {})]
    alike = [other for other in having if type(other) is type(level)]
    return getattr((alike or having)[0], name) if having else own


def _without_extra_wrappers(dataset: Any, references: Sequence[Any]) -> Any:
    """`dataset` without outer wrappers of classes that the validation side does not have."""
    known = {type(reference) for reference in references}
    while type(dataset) not in known:
        inner = _inner(dataset)
        if inner is None or len(getattr(dataset, inner)) != len(dataset):
            break
        wrapped = getattr(dataset, inner)
        if not any(type(level) in known for level in _levels(wrapped)):
            break
        dataset = wrapped
    return dataset


def _rebuilt(dataset: Any, changed: Callable[[Any], dict[str, Any]]) -> Any:
    """A shallow copy of `dataset`, at all levels, with the attributes that `changed` gives."""
    if not hasattr(dataset, "__dict__"):
        return dataset
    own = vars(dataset)
    attributes = {
        name: value for name, value in changed(dataset).items() if value is not own.get(name)
    }
    parts = own.get("datasets")
    if isinstance(parts, list | tuple):
        rebuilt = [_rebuilt(part, changed) for part in parts]
        if any(new is not old for new, old in zip(rebuilt, parts, strict=True)):
            attributes["datasets"] = type(parts)(rebuilt)
    inner = _inner(dataset)
    if inner is not None:
        rebuilt_inner = _rebuilt(own[inner], changed)
        if rebuilt_inner is not own[inner]:
            attributes[inner] = rebuilt_inner
    if not attributes:
        return dataset
    made = copy.copy(dataset)
    for name, value in attributes.items():
        object.__setattr__(made, name, value)
    return made


def same_values(a: Any, b: Any, within: frozenset[tuple[int, int]] = frozenset()) -> bool:
    """Whether two examples, or batches, hold the same values; True if that is unknown.

    `within` has the ids of the pairs that these two are parts of, for objects that refer to
    themselves.
    """
    if a is b or (id(a), id(b)) in within:
        return True
    if isinstance(a, torch.Tensor):
        return a.shape == b.shape and torch.allclose(a, b, rtol=0, atol=0, equal_nan=True)
    within |= {(id(a), id(b))}
    if isinstance(a, Mapping):
        return set(a) == set(b) and all(same_values(a[name], b[name], within) for name in a)
    if isinstance(a, tuple | list):
        return len(a) == len(b) and all(
            same_values(x, y, within) for x, y in zip(a, b, strict=True)
        )
    if hasattr(a, "__array__") or hasattr(a, "__array_interface__"):
        x, y = np.asarray(a), np.asarray(b)
        return x.shape == y.shape and np.array_equal(x, y, equal_nan=x.dtype.kind in "fc")
    if type(a) is not type(b):
        return False
    with suppress(Exception):
        # Not by pickling the object itself: equal tensors in it have pickles that differ.
        state = a.__getstate__()
        if state is None:
            return pickle.dumps(a) == pickle.dumps(b)
        return same_values(state, b.__getstate__(), within)
    return True


def _labels(example: Any) -> Any:
    """All but the input of an example."""
    if isinstance(example, Mapping):
        return dict(list(example.items())[1:])
    return list(example[1:]) if isinstance(example, tuple | list) else []
