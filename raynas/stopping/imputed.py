"""Rewards of trials that a scheduler stopped, as their learning curves let expect them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from raynas.controllers.observations import observations
from raynas.trials import Completed, History, Measurement, Stopped, Trial

__all__ = ["with_stopped"]

_known: tuple[Sequence[Trial], History] | None = None


def with_stopped(history: History) -> History:
    """`history` with a reward for each trial that was stopped and whose curve says something.

    A stopped trial takes the place among the rewards that `raynas.controllers.observations` gives
    it by its curve, though never above the middle; the best reward stays what it is. Without such
    trials it is `history` itself.
    """
    global _known
    if not any(isinstance(t.outcome, Stopped) and t.curve for t in history.ended):
        return history
    if _known is None or _known[0] is not history.ended:
        _known = history.ended, _imputed(history)
    return _known[1]


def _imputed(history: History) -> History:
    found = observations(history)
    rewarded = sorted(
        (seen.score, history[seen.number].reward or 0.0) for seen in found if seen.steps is None
    )
    if not rewarded:
        return history
    scores, rewards = np.array(rewarded).T
    middle = float(np.median(rewards))
    guesses = {
        seen.number: min(middle, float(np.interp(seen.score, scores, rewards)))
        for seen in found
        if seen.steps is not None
    }
    return History(tuple(_rewarded(trial, guesses) for trial in history), history.shown_as)


def _rewarded(trial: Trial, guesses: dict[int, float]) -> Trial:
    if trial.number not in guesses or not isinstance(trial.outcome, Stopped):
        return trial
    measured = trial.outcome.measurement or Measurement({})
    return replace(trial, outcome=Completed(measured, guesses[trial.number]))
