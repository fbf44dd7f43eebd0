"""The examples of a data set, read once: their fingerprints, and inputs to compare."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from raynas.preflight.time_limits import each_within

__all__ = ["Examples", "heavy_policies", "read_examples"]

_INPUTS = 3000  # enough for the distributions, read within the patience
_READ_AGAIN = 32  # one random read would show in nearly all of them
_MOST_PARTS = 100  # of a nested transformation; stops at cycles
_TRANSFORMS = ("transform", "transforms", "dataset")
_HEAVY_POLICY = re.compile(r"augmix|autoaugment|cutmix|mixup|randaugment|trivialaugment")
_KEYS = ("image", "input", "inputs", "x", "input_ids", "pixel_values", "features")


@dataclass(frozen=True)
class Examples:
    """What was read of a data set.

    Attributes:
        positions: Positions of the examples that were read, shape ``(read,)``.
        fingerprints: A hash of each one's input, shape ``(read,)``.
        inputs: Inputs of the first of them, shape ``(up to 3000, features)``; None where they are
            not numbers of one shape.
        changes: Whether an example is another one when read again, as augmentation makes it.
        variation: Mean squared distance of two readings of an example, over that of two examples;
            0 where it is not known.
        policies: Names of heavy augmentations among the data set's transforms.
        whole: Whether all were read.
    """

    positions: NDArray[np.int64]
    fingerprints: NDArray[np.bytes_]
    inputs: NDArray[np.float32] | None
    changes: bool
    whole: bool
    variation: float = 0.0
    policies: tuple[str, ...] = ()

    def at(self, positions: NDArray[np.int64]) -> Examples:
        """Examples of the data set that were read, out of those at `positions`."""
        chosen = np.flatnonzero(np.isin(self.positions, positions))
        inputs = None if self.inputs is None else self.inputs[chosen[chosen < len(self.inputs)]]
        return Examples(
            self.positions[chosen], self.fingerprints[chosen], inputs, self.changes, self.whole
        )


def read_examples(
    dataset: Any,
    most: int,
    seconds: float,
    patience: float,
    seed: int,
    name: str,
    first: NDArray[np.int64] | None = None,
) -> Examples:
    """Read up to `most` examples of a map-style data set in random order, for up to `seconds`.

    Args:
        dataset: Map-style data set, with a length and examples by position.
        most: How many to read.
        seconds: Time limit; what was read until then counts.
        patience: How long to wait for one example.
        seed: Seed of the order.
        name: Name of the data set in error messages.
        first: Positions to begin with.

    Raises:
        TaskError: An example took longer than `patience`.
    """
    count = len(dataset)
    order = np.random.default_rng(seed).permutation(count)
    if first is not None:
        order = order[np.argsort(~np.isin(order, first), kind="stable")]
    order = order[:most]
    started = time.monotonic()
    parts: list[tuple[Any, ...]] = []
    fingerprints: list[bytes] = []

    def draw() -> Iterator[Any]:
        for position in order:
            yield _input(dataset[int(position)])

    for parts_of_one in each_within(patience, draw(), f"reading {name}"):
        if len(parts) < _INPUTS:
            parts.append(parts_of_one)
        fingerprints.append(_fingerprint(parts_of_one))
        if time.monotonic() - started > seconds:
            break
    read = len(fingerprints)
    again = [_input(dataset[int(position)]) for position in order[: min(_READ_AGAIN, read)]]
    changes = list(map(_fingerprint, again)) != fingerprints[: len(again)]
    inputs = _stacked(parts)
    return Examples(
        order[:read].astype(np.int64),
        np.array(fingerprints, dtype="S16"),
        inputs,
        changes,
        read == count,
        _variation(inputs, _stacked(again)) if changes else 0.0,
        heavy_policies(dataset),
    )


def _variation(inputs: NDArray[np.float32] | None, again: NDArray[np.float32] | None) -> float:
    """How far examples change when read again, over how far they lie apart, both squared."""
    if inputs is None or again is None or inputs.shape[1:] != again.shape[1:] or len(again) < 2:
        return 0.0
    one = inputs[: len(again)].astype(float)
    apart = float(np.mean((one - np.roll(one, 1, axis=0)) ** 2))
    return float(np.mean((one - again) ** 2)) / apart if apart else 0.0


def heavy_policies(*parts: Any) -> tuple[str, ...]:
    """Names of heavy augmentations that `parts` have as attributes, in lists or as layers.

    Args:
        parts: Data sets, data modules, functions that make batches, or LightningModules.
    """
    found: dict[str, None] = {}
    left = [value for part in parts for value in (part, *_held(part))]
    seen: set[int] = set()
    while left and len(seen) < _MOST_PARTS:
        part = left.pop(0)
        if id(part) in seen:
            continue
        seen.add(id(part))
        name = type(part).__name__
        if _HEAVY_POLICY.search(name.lower()):
            found[name] = None
        if isinstance(part, list | tuple):
            left += [one for one in part[:_MOST_PARTS] if callable(one)]
        else:
            left += [value for name in _TRANSFORMS if (value := _attribute(part, name))]
    return tuple(found)


def _held(part: Any) -> list[Any]:
    """What an object keeps by itself that can be called, and its layers."""
    layers = list(part.modules()) if callable(getattr(part, "modules", None)) else []
    held = [value for value in getattr(part, "__dict__", {}).values() if callable(value)]
    return [*held, *layers]


def _attribute(part: Any, name: str) -> Any:
    value = getattr(part, name, None)
    return value if callable(value) or hasattr(value, "__len__") else None


def _input(example: Any) -> tuple[Any, ...]:
    """The input's arrays: of an example without its target."""
    if isinstance(example, Mapping):
        first = next((example[key] for key in _KEYS if key in example), None)
        first = next(iter(example.values())) if first is None else first
    else:
        first = example[0] if isinstance(example, tuple | list) and example else example
    parts = first if isinstance(first, tuple | list) else (first,)
    return tuple(_plain(part) for part in parts)


def _plain(part: Any) -> Any:
    if hasattr(part, "detach"):
        part = part.detach().cpu()
        return part.float().numpy() if str(part.dtype) == "torch.bfloat16" else part.numpy()
    try:
        return np.asarray(part)
    except (TypeError, ValueError):
        return np.array(repr(part))


def _fingerprint(parts: tuple[Any, ...]) -> bytes:
    digest = hashlib.blake2b(digest_size=16)
    for part in parts:
        digest.update(f"{part.dtype}{part.shape}".encode())
        digest.update(np.ascontiguousarray(part).tobytes())
    return digest.digest().replace(b"\0", b"\1")  # NumPy cuts off zeros at the end


def _stacked(parts: list[tuple[Any, ...]]) -> NDArray[np.float32] | None:
    """Shape ``(examples, features)``; None where they cannot be stacked."""
    if len({tuple(part.shape for part in one) for one in parts}) != 1:
        return None
    if any(part.dtype.kind not in "iubf" for part in parts[0]):
        return None
    rows = [np.concatenate([part.ravel().astype(np.float32) for part in one]) for one in parts]
    return np.stack(rows)
