"""Pacing: how many proposals Tune's loop waits for, before it goes on with its other work."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

__all__ = ["Pacing"]

_CROWD = 32
"""From so many trials at a time on, Tune's loop does not wait for proposals.

It takes some milliseconds a trial for its own work, so that with fewer the wait costs less than
leaving places empty until the next event.
"""
_BURST_SECONDS = 0.1
"""So long a crowd's free places are filled before Tune's loop goes on: ten rounds a second."""


class Pacing:
    """Keeps Tune's loop responsive while many trials run at a time.

    Attributes:
        at_once: Trials that run at a time.
        most: Limit on the trials in flight, which Tune sets.
    """

    def __init__(self) -> None:
        self.at_once = 1
        self.most: float = math.inf
        self._burst: float | None = None

    def free(self, running: int, limit: int | None, asked: int) -> int:
        """How many trials can start now; at least the one that Tune asks for.

        Args:
            running: Trials in flight.
            limit: How many trials the search may have; None for any number.
            asked: How many it has.
        """
        left = math.inf if limit is None else limit - asked
        return max(1, int(min(self.at_once - running, left)))

    def comes_back(self, is_prepared: Callable[[], bool]) -> bool:
        """Whether Tune is to go on with its loop, and ask again after its next event.

        So it is in a crowd, after a tenth of a second of filling free places, and while proposals
        are made in the background.
        """
        if self.at_once < _CROWD:
            return False
        now = time.monotonic()
        self._burst = self._burst or now
        goes_on = now - self._burst < _BURST_SECONDS and is_prepared()
        if not goes_on:
            self._burst = None
        return not goes_on

    def heard(self) -> None:
        """Tune has had an event: filling places begins anew."""
        self._burst = None

    def __getstate__(self) -> dict[str, object]:
        return {**vars(self), "_burst": None}
