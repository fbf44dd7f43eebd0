"""The learning curves of running trials, as those see them who look on."""

from __future__ import annotations

import time
from typing import Any

from raynas.rewards import Reward, judge
from raynas.store.base import Store
from raynas.trials import Completed, Measurement, Point

__all__ = ["LiveCurves"]

_SECONDS_BETWEEN_POINTS = 1.0  # what people see of a curve, against a write of the store (2.5 ms)


class LiveCurves:
    """Stores the reward at the points of running trials, for each at most once a second.

    Args:
        store: The store of the search.
        reward: What makes rewards of measurements.
    """

    def __init__(self, store: Store[Any], reward: Reward) -> None:
        self._store = store
        self._reward = reward
        self._shown: dict[int, float] = {}

    def show(self, number: int, point: Point) -> None:
        """Store the reward of trial `number` at `point`, where one is due and there is one."""
        now = time.monotonic()
        if now - self._shown.get(number, 0.0) <= _SECONDS_BETWEEN_POINTS:
            return
        seen = judge(self._reward, Measurement(point.metrics))
        if isinstance(seen, Completed):
            self._shown[number] = now
            self._store.point(number, point.step, seen.reward)

    def end(self, number: int) -> None:
        """Forget trial `number`, which has ended."""
        self._shown.pop(number, None)
