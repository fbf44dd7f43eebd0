"""What a running trial reports, on its way to Tune: each at first, then in batches.

Every result costs Tune's loop some milliseconds. A trial that reports at every step would keep the
driver busy with nothing else.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from raynas.report_limits import bounded_metrics

__all__ = ["METRICS", "MORE", "STEP", "Reports"]

STEP, METRICS = "raynas_step", "metrics"
"""Keys of a report."""
MORE = "raynas_points"
"""Key of the reports since the last one, each a step and its metrics."""
_ONE_BY_ONE = 100
"""Chosen by hand: Tune takes time for each report, so that frequent ones go together."""
_SECONDS = 0.25  # as fast as anything reacts to a report
_MOST_HELD = 100  # reports, so that a crash loses few


class Reports:
    """Sends the first hundred reports as they come, later ones four times a second.

    Those in between go with the next one, at most a hundred of them, evenly spread.

    Args:
        send: Takes a report and returns when the trial may go on.
        clock: Seconds, for tests.
    """

    def __init__(
        self, send: Callable[[dict[str, Any]], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._send = send
        self._clock = clock
        self._count = 0
        self._sent = 0.0
        self._every = 1
        self._held: list[tuple[int, dict[str, float]]] = []
        self._costs: dict[str, float] = {}

    def costs(self, metrics: Mapping[str, float]) -> None:
        """Take metrics that are known beforehand, which are part of every report from then on."""
        self._costs |= metrics

    def __call__(self, step: int, metrics: Mapping[str, float]) -> None:
        """Take a report of the task."""
        self._count += 1
        whole = bounded_metrics({**self._costs, **metrics})
        values = {name: float(value) for name, value in whole.items()}
        if self._count > _ONE_BY_ONE and self._clock() - self._sent < _SECONDS:
            self._hold(int(step), values)
            return
        # Metrics are below a key of their own, so that no name means something to Tune.
        report = {STEP: int(step), METRICS: values}
        self._send({**report, MORE: self._held} if self._held else report)
        self._held, self._every, self._sent = [], 1, self._clock()

    def _hold(self, step: int, values: dict[str, float]) -> None:
        if self._count % self._every:
            return
        self._held.append((step, values))
        if len(self._held) > _MOST_HELD:
            self._held, self._every = self._held[::2], 2 * self._every
