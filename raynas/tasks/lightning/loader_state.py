"""Position of a training in its data, exact enough to go on from there.

A loader of torch draws the order of an epoch from random generators when it begins it, and random
augmentation draws from them with each example. So for each loader the states of the generators are
kept from when its iterator was made, from its first batch, and from the batches that the training
has not finished; to go on, they are set as they were at these moments, and the batches that were
finished are drawn again and dropped. While nothing is resumed, a loader behaves as it does by
itself: states are read, never set.
"""

from __future__ import annotations

import copy
import random
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import torch

from raynas.errors import TaskError
from raynas.tasks.lightning.plain_state import plain_numbers
from raynas.tasks.random_state import random_state, set_random_state

__all__ = ["LoaderPositions"]

_MOST_IN_FLIGHT = 4  # batches that Lightning has fetched and not yet trained: two, and two to spare
_PARTS = ("sampler", "batch_sampler", "dataset", "inner")
_GENERATORS = (torch.Generator, np.random.Generator, np.random.RandomState, random.Random)


class LoaderPositions:
    """The positions of all the loaders that a training reads at once.

    Args:
        resumed: What `state` gave, of the training to go on with; None to begin.
    """

    def __init__(self, resumed: list[Any] | None = None) -> None:
        self._resumed = list(resumed or ())
        self._recorders: list[_LoaderRecorder] = []
        self._trained = 0

    def follow(self, loaders: Any) -> Any:
        """Copies of `loaders`, a loader or a collection of such, whose positions are kept here.

        Raises:
            TaskError: One of them is not an object that can be followed.
        """
        self._recorders = []
        return self._followed(loaders, iter(self._resumed))

    def batch_trained(self) -> None:
        """The training is done with one more batch."""
        self._trained += 1

    def state(self) -> list[Any]:
        """What a later `LoaderPositions` needs to go on, in tensors and plain data."""
        return [recorder.in_flight(self._trained) for recorder in self._recorders]

    def _followed(self, loaders: Any, resumed: Iterator[Any]) -> Any:
        if hasattr(loaders, "flattened"):  # Lightning's CombinedLoader
            loaders.flattened = [self._followed(one, resumed) for one in loaders.flattened]
            return loaders
        if isinstance(loaders, Mapping):
            return {name: self._followed(one, resumed) for name, one in loaders.items()}
        if isinstance(loaders, list | tuple):
            return type(loaders)(self._followed(one, resumed) for one in loaders)
        recorder = _LoaderRecorder(loaders, next(resumed, None), self._resumed.clear)
        self._recorders.append(recorder)
        return recorder.followed()


class _LoaderRecorder:
    """Keeps the position of one loader."""

    def __init__(self, loader: Any, resumed: list[Any] | None, reached: Callable[[], None]) -> None:
        self.loader = loader
        self.reached = reached
        self.generators, self.parts = _generators(loader)
        self.resumed = resumed
        self.fetched = 0
        self.recent: deque[dict[str, Any]] = deque(maxlen=_MOST_IN_FLIGHT)

    def followed(self) -> Any:
        """A copy of the loader that is of a class like its own, but for its iterators."""
        made = copy.copy(self.loader)
        own = type(made)

        def iterate(_: Any) -> Iterator[Any]:
            def begin() -> Iterator[Any]:
                return iter(own.__iter__(made))

            return _Followed(self, begin) if self.resumed is None else _Resumed(self, begin)

        namespace: dict[str, Any] = {"__iter__": iterate, "__module__": own.__module__}
        if hasattr(own, "load_state_dict"):  # Lightning would set the position a second time
            namespace |= {"state_dict": lambda _: {}, "load_state_dict": lambda *_: None}
        try:
            made.__class__ = type(own.__name__, (own,), namespace)
        except TypeError as error:
            raise TaskError(
                f"checkpoint_every: the training data are a {own.__name__}, whose position cannot "
                "be kept; give a torch DataLoader, or checkpoint_every=None"
            ) from error
        return made

    def states(self) -> dict[str, Any]:
        """The states of what the loader draws from: generators, and numbers such as an epoch."""
        return {
            "global": random_state(),
            "own": [_state(one) for one in self.generators],
            "numbers": [plain_numbers(part) for part in self.parts],
        }

    def set_states(self, states: Mapping[str, Any]) -> None:
        """The inverse of `states`."""
        set_random_state(states["global"])
        for generator, state in zip(self.generators, states["own"], strict=True):
            _set_state(generator, state)
        for part, numbers in zip(self.parts, states["numbers"], strict=True):
            vars(part).update(numbers)

    def in_flight(self, trained: int) -> list[Any]:
        """Start of the batches that were fetched, while `trained` were trained on."""
        return list(self.recent)[-max(1, self.fetched - trained) :]


class _Followed(Iterator[Any]):
    """An iterator over a loader that lets a recorder know of each batch."""

    def __init__(
        self,
        recorder: _LoaderRecorder,
        begin: Callable[[], Iterator[Any]],
        resumed: Mapping[str, Any] | None = None,
    ) -> None:
        self.recorder = recorder
        if resumed is not None:
            recorder.set_states(resumed["begin"])
        self.at_begin = recorder.states()
        self.batches = begin()
        self.at_first: Any = None
        self.had = 0
        if resumed is not None:
            recorder.set_states(resumed["first"])
            self.at_first = resumed["first"]
            for _ in range(resumed["had"]):
                next(self.batches)
                self.had += 1

    def __next__(self) -> Any:
        now = self.recorder.states()
        if self.at_first is None:
            self.at_first = now
        self.recorder.recent.append(
            {"begin": self.at_begin, "first": self.at_first, "had": self.had, "now": now}
        )
        batch = next(self.batches)
        self.had += 1
        self.recorder.fetched += 1
        return batch


class _Resumed(Iterator[Any]):
    """An iterator that goes on where a training was cut off.

    Nothing happens before the first batch is asked for: what Lightning does in between may draw
    from the generators too.
    """

    def __init__(self, recorder: _LoaderRecorder, begin: Callable[[], Iterator[Any]]) -> None:
        self.recorder = recorder
        self.begin = begin
        self.waiting = list(recorder.resumed or ())
        self.followed: _Followed | None = None

    def __next__(self) -> Any:
        if self.followed is None:
            self.recorder.resumed = None
            self.recorder.reached()  # loaders that are made later begin anew
            self.followed = _Followed(self.recorder, self.begin, self.waiting[0])
        if self.waiting:
            self.recorder.set_states(self.waiting.pop(0)["now"])
        return next(self.followed)


def _generators(loader: Any) -> tuple[list[Any], list[Any]]:
    """The random generators of a loader's own, of its sampler and data set; and these parts."""
    found: dict[int, Any] = {}
    seen: dict[int, Any] = {}

    def look(part: Any) -> None:
        if id(part) in seen or not hasattr(part, "__dict__"):
            return
        seen[id(part)] = part
        for value in vars(part).values():
            if isinstance(value, _GENERATORS):
                found[id(value)] = value
        for name in _PARTS:
            look(getattr(part, name, None))

    look(loader)
    return list(found.values()), [part for part in seen.values() if part is not loader]


def _state(generator: Any) -> Any:
    """The state of `generator`, in tensors and plain data."""
    match generator:
        case torch.Generator():
            return generator.get_state()
        case np.random.Generator():
            return _packed(generator.bit_generator.state)
        case np.random.RandomState():
            return _packed(generator.get_state(legacy=False))
    return generator.getstate()


def _set_state(generator: Any, state: Any) -> None:
    """The inverse of `_state`."""
    match generator:
        case torch.Generator():
            generator.set_state(state)
        case np.random.Generator():
            generator.bit_generator.state = _unpacked(state)
        case np.random.RandomState():
            generator.set_state(_unpacked(state))
        case _:
            version, inner, gauss = state
            generator.setstate((version, tuple(inner), gauss))


def _packed(state: Any) -> Any:
    """NumPy arrays of 32-bit words as tensors, which are read safely."""
    if isinstance(state, dict):
        return {name: _packed(value) for name, value in state.items()}
    return torch.from_numpy(state.astype(np.int64)) if isinstance(state, np.ndarray) else state


def _unpacked(state: Any) -> Any:
    if isinstance(state, dict):
        return {name: _unpacked(value) for name, value in state.items()}
    return state.numpy().astype(np.uint32) if torch.is_tensor(state) else state
