"""Work on the user's data and modules that may never end, waited for only so long."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

from raynas.errors import TaskError
from raynas.wording import counted

__all__ = ["each_within", "within"]

T = TypeVar("T")

_AHEAD = 64  # items read before they are asked for: keeps the reading thread busy


def within(seconds: float, work: Callable[[], T], what: str) -> T:
    """What `work` returns or raises, run in a thread of its own.

    Raises:
        TaskError: It took longer than `seconds`; its thread is left behind, and ends with the
            process at the latest.
    """
    return next(each_within(seconds, (done() for done in (work,)), what))


def each_within(seconds: float, items: Iterable[T], what: str, ahead: int = _AHEAD) -> Iterator[T]:
    """`items`, drawn in a thread of its own, up to `ahead` before they are asked for.

    Raises:
        TaskError: The next one took longer than `seconds`.
        BaseException: Whatever drawing it raises.
    """
    drawer = _Drawer(items, ahead)
    threading.Thread(target=drawer.draw, daemon=True, name=f"raynas: {what}").start()
    try:
        while True:
            try:
                said, value = drawer.drawn.get(timeout=seconds)
            except queue.Empty:
                raise TaskError(
                    f"{what}: nothing came for {counted(seconds, 'second')}; it hangs, or needs "
                    "more time (--patience)"
                ) from None
            if said == "raised":
                raise value
            if said == "end":
                return
            yield value
    finally:
        drawer.over.set()


class _Drawer:
    """Draws items into a queue until nobody wants more."""

    def __init__(self, items: Iterable[Any], ahead: int) -> None:
        self.items = items
        self.drawn: queue.Queue[tuple[str, Any]] = queue.Queue(maxsize=ahead)
        self.over = threading.Event()

    def draw(self) -> None:
        """Run until the end, an error, or `over`."""
        try:
            for item in self.items:
                self._put("item", item)
                if self.over.is_set():
                    return
            self._put("end", None)
        except BaseException as error:
            self._put("raised", error)

    def _put(self, said: str, value: Any) -> None:
        while not self.over.is_set():
            try:
                return self.drawn.put((said, value), timeout=0.1)
            except queue.Full:
                continue
