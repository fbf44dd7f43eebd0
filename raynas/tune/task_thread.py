"""A run of a task, in a thread of its own that stands still between a report and the next step."""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Callable
from typing import Any

__all__ = ["Attempt", "Ended"]

_SECONDS_TO_END = 20.0  # a trial that is stopped finishes its step and cleans up


class Ended(BaseException):
    """Raised in the task when Tune ends its trial early; no `except Exception` catches it."""


class Attempt:
    """Runs `run` step by step.

    Args:
        run: Called with this object, whose `report` it may call; returns the last result.
    """

    def __init__(self, run: Callable[[Attempt], dict[str, Any]]) -> None:
        self._run = run
        self._words: queue.SimpleQueue[dict[str, Any] | BaseException] = queue.SimpleQueue()
        self._go = threading.Semaphore(0)
        self._ended = False
        self._thread: threading.Thread | None = None

    def next(self) -> dict[str, Any]:
        """The next report, with ``done`` False, or the last result, with ``done`` True.

        Raises:
            BaseException: What `run` raised.
        """
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="raynas-trial", daemon=True)
            self._thread.start()
        else:
            self._go.release()
        word = self._words.get()
        if isinstance(word, BaseException):
            raise word
        return word

    def report(self, word: dict[str, Any]) -> None:
        """Hand `word` on and wait until the trial may go on; called by `run`."""
        self._words.put({**word, "done": False})
        self._go.acquire()
        if self._ended:
            raise Ended

    def end(self) -> None:
        """End `run` where it waits in `report`, so that it frees what it holds."""
        self._ended = True
        self._go.release()
        if self._thread is not None:
            self._thread.join(_SECONDS_TO_END)
            if self._thread.is_alive():
                os._exit(1)  # It will not let go of the device: a new worker takes the next trial.

    def _work(self) -> None:
        try:
            self._words.put({**self._run(self), "done": True})
        except Ended:
            pass
        except BaseException as error:
            self._words.put(error)
