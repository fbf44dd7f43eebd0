"""Jumps of the clock: the machine slept, as a laptop with its lid closed, or the clock was set."""

from __future__ import annotations

import time

__all__ = ["Clock"]

_JUMP_SECONDS = 30.0
"""Longer than any pause of a loaded machine's loop, shorter than a sleep that matters."""


class Clock:
    """Compares the time of day with the time that this machine ran."""

    def __init__(self) -> None:
        self._ahead = _ahead()

    def jump(self) -> float:
        """Seconds by which the clock jumped since the last call; 0 for less than thirty."""
        before, self._ahead = self._ahead, _ahead()
        jump = self._ahead - before
        return jump if abs(jump) > _JUMP_SECONDS else 0.0


def _ahead() -> float:
    return time.time() - time.monotonic()
