"""Memory of what was last computed, by the identity of what it was computed of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

__all__ = ["Recent"]

R = TypeVar("R")


class Recent(Generic[R]):
    """A function of immutable objects that keeps its latest results.

    Args:
        function: What to compute. Nothing is kept where it raises.
        most: How many results are kept; the older half is forgotten when there are more.
    """

    def __init__(self, function: Callable[[Any], R], most: int) -> None:
        self._function = function
        self._most = most
        self._known: dict[int, tuple[Any, R]] = {}

    def __call__(self, value: Any) -> R:
        """The result for `value`, which is kept alive as long as its result is."""
        known = self._known.get(id(value))
        if known is not None:
            return known[1]
        result = self._function(value)
        self.keep(value, result)
        return result

    def __getstate__(self) -> dict[str, Any]:
        """Identities mean nothing in another process: what is kept stays here."""
        return {**vars(self), "_known": {}}

    def keep(self, value: Any, result: R) -> None:
        """Keep `result` for `value`, where it is known from elsewhere."""
        if len(self._known) >= self._most:
            for oldest in list(self._known)[: self._most // 2 + 1]:
                self._known.pop(oldest, None)  # another thread may have forgotten it
        self._known[id(value)] = value, result
