"""Mutual exclusion: objects whose methods run in one thread at a time, in one process only."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

from raynas.errors import ConfigurationError, StoreError

__all__ = ["Exclusive", "exclusive"]

E = TypeVar("E", bound="Exclusive")
P = ParamSpec("P")
R = TypeVar("R")


class Exclusive:
    """An object whose `exclusive` methods wait for each other, and which cannot be copied."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._process = os.getpid()

    @property
    def is_forked(self) -> bool:
        """Whether this is the copy of a forked process."""
        return os.getpid() != self._process

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait until no other thread is at work here.

        Raises:
            StoreError: This is a forked copy.
        """
        if self.is_forked:
            name = type(self).__name__
            raise StoreError(
                f"this {name} belongs to process {self._process}, and process {os.getpid()} has a "
                "forked copy of it, which would give out the same numbers: ask and tell there, and "
                "pass architectures and results between the two"
            )
        with self._lock:
            yield

    def __reduce__(self) -> Any:
        raise ConfigurationError(
            f"an {type(self).__name__} cannot be pickled or copied, as two would give out the same "
            "numbers: send architectures and results, or make it where it is used, as in an actor"
        )


def exclusive(method: Callable[Concatenate[E, P], R]) -> Callable[Concatenate[E, P], R]:
    """Let one thread at a time run `method`."""

    @wraps(method)
    def locked(self: E, *args: P.args, **options: P.kwargs) -> R:
        with self.turn():
            return method(self, *args, **options)

    return locked  # type: ignore[return-value] # its `self` has a name, which no caller uses
