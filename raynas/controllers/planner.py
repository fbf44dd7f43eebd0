"""Schedule of proposals: made one at a time, several together, or in the background."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor

import numpy as np

from raynas.arguments import checked_whole
from raynas.controllers.base import Controller
from raynas.trials import Architecture, History, Trial

__all__ = ["Planner"]

_FEWEST_TOGETHER, _MOST_TOGETHER = 8, 100
"""Chosen by hand; benchmarks/crowd.py measures the regret of batches of 20 and 100."""
_PLANNING_SECONDS = 0.2  # the longest that Tune's loop may wait: benchmarks/crowd.py


class Planner:
    """Asks a controller for proposals, as many at a time as can be started.

    A proposal is made when somebody is there to try it. Where few trials can start, each is made by
    itself, from all that is known by then. Where many can, they are made together, which costs much
    less. What is planned and not handed out is nowhere stored: it is no trial yet.

    Args:
        controller: Makes the proposals.
        seed: Determines each proposal, together with the number of trials.
        background: Executor of proposals that `is_prepared` starts; by default a thread of its own.

    Attributes:
        background: The same.
    """

    def __init__(
        self, controller: Controller, seed: int, background: Executor | None = None
    ) -> None:
        self._controller = controller
        self._seed = seed
        self.background = background
        self._planned: deque[Architecture] = deque()
        self._from = History()
        self._lasts = 0
        self._lasts_for_one = 0
        self._coming: tuple[History, Future[Sequence[Architecture]]] | None = None

    def propose(self, history: History, free: int) -> Architecture | None:
        """The next architecture to try, or None when the space is exhausted.

        Waits for what is being prepared.

        Args:
            history: Every asked trial in ask order, running ones too.
            free: How many trials can start now, this one included.
        """
        free = checked_whole("free", free, 1)
        self._collect()
        if not self._is_stocked(history, free):
            if free < _FEWEST_TOGETHER:
                return self._controller.propose(history, self._rng(history))
            self._stock(history, self._together(history, free), lasts_for_one=0)
        return self._planned.popleft() if self._planned else None

    def is_prepared(self, history: History, free: int) -> bool:
        """Whether `propose` need not compute; where it must, that begins in the background now."""
        free = checked_whole("free", free, 1)
        if self._coming is not None and not self._coming[1].done():
            return False
        failed = self._coming is not None and self._coming[1].exception() is not None
        if failed or self._collect() == 0 or self._is_stocked(history, free):
            return True  # `propose` raises what failed, and finds the space exhausted
        if self.background is None:
            self.background = ThreadPoolExecutor(1, "raynas-proposals")
        self._coming = history, self.background.submit(self._plan, history, free)
        return False

    def recommend(self, history: History) -> Trial | None:
        """See `Controller.recommend`."""
        self._collect()
        return self._controller.recommend(history)

    def close(self) -> None:
        """Let go of the background, once it is done with what it does."""
        if self.background is not None:
            self.background.shutdown(wait=False, cancel_futures=True)

    def _plan(self, history: History, free: int) -> Sequence[Architecture]:
        """Proposals for the free places, or as many as are made in a fifth of a second.

        Each counts as a running trial for the next ones, as if they had been handed out already.
        """
        deadline = time.monotonic() + _PLANNING_SECONDS
        planned: list[Architecture] = []
        while not planned or (len(planned) < free and time.monotonic() < deadline):
            more = self._together(history, free - len(planned))
            if not more:
                break
            for architecture in more:
                history = history.asked(Trial(len(history), architecture))
            planned += more
        return planned

    def _together(self, history: History, free: int) -> Sequence[Architecture]:
        count = min(free, _MOST_TOGETHER) if free >= _FEWEST_TOGETHER else 1
        return self._controller.propose_batch(history, count, self._rng(history))

    def _collect(self) -> int | None:
        """Take in what was prepared; how much that is, or None where nothing was."""
        if self._coming is None:
            return None
        (history, coming), self._coming = self._coming, None
        planned = coming.result()
        self._stock(history, planned, lasts_for_one=len(planned))
        return len(planned)

    def _stock(self, history: History, planned: Sequence[Architecture], lasts_for_one: int) -> None:
        self._from, self._planned = history, deque(planned)
        self._lasts, self._lasts_for_one = len(planned), lasts_for_one

    def _is_stocked(self, history: History, free: int) -> bool:
        """Whether something planned can be handed out; drops what is tried or out of date.

        It is up to date while no more results are new to it than proposals were planned. A single
        proposal that nobody prepared is worth making anew for any new result.
        """
        while self._planned and self._planned[0] in history.architectures:
            self._planned.popleft()
        new = len(history.ended) - len(self._from.ended)
        if new > (self._lasts if free > 1 else self._lasts_for_one):
            self._planned.clear()
        return bool(self._planned)

    def _rng(self, history: History) -> np.random.Generator:
        return np.random.default_rng([self._seed, len(history)])
