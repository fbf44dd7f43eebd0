"""Short trials once more, of those near the shortlist's cut, while that is worth it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import Any

import numpy as np

from raynas.analysis.full_training import trial_numbers
from raynas.controllers import Controller
from raynas.errors import ConfigurationError
from raynas.full_training.substudy import Study, history_of, open_study, study_beside
from raynas.search import Search
from raynas.shortlist import shortlist, worth_repeating
from raynas.space import Space
from raynas.trials import Architecture, Completed, History, Measurement

__all__ = ["NearTies", "joined", "open_again", "settled"]

_PRICE = 0.1
"""In deviations of the noise, for a repetition to be worth its training; chosen by hand."""
_SUFFIX = "-again"


class NearTies(Controller):
    """Proposes what may be on the wrong side of a shortlist's cut, see `worth_repeating`.

    A trial is worth it while it is expected to gain a tenth of the noise. Trials that still run
    count as if they would end with what their architecture has scored so far.

    Args:
        space: What the architectures are members of.
        earlier: The search whose shortlist it is.
        count: Number of architectures to train, as in `raynas.shortlist.shortlist`.
        noise: Standard deviation of a reward, as in `raynas.shortlist.shortlist`.
        apart: Decisions in which two of the chosen must differ.
        most: Trials at most.
    """

    def __init__(
        self,
        space: Space[Any],
        earlier: History,
        count: int,
        *,
        noise: float | None,
        apart: int,
        most: int,
    ) -> None:
        super().__init__(space)
        self.earlier = earlier
        self.count = count
        self.noise = noise
        self.apart = apart
        self.most = most

    def propose(self, history: History, rng: np.random.Generator) -> Architecture | None:
        """See `Controller.propose`; None where no trial is worth it any more."""
        del rng
        if len(history) >= self.most:
            return None
        scores: dict[Architecture, list[float]] = {}
        for trial in self.earlier.completed:
            scores.setdefault(trial.architecture, []).append(trial.reward or 0.0)
        expected = [
            trial
            if trial.outcome is not None or trial.architecture not in scores
            else replace(trial, outcome=_scored(float(np.mean(scores[trial.architecture]))))
            for trial in history
        ]
        known = joined(self.earlier, History(expected))
        listed = shortlist(known, self.space, self.count, noise=self.noise, apart=self.apart)
        candidate = worth_repeating(listed, _PRICE * listed.noise)
        return None if candidate is None else candidate.architecture


def open_again(
    search: Search,
    name: str,
    earlier: History,
    count: int,
    most: int,
    *,
    noise: float | None = None,
    apart: int = 1,
    parallel: int | None = None,
) -> Study | None:
    """Open the study of near ties that are tried once more, to run it with `go()`.

    Args:
        search: Stage 1.
        name: Name that the search runs under.
        earlier: Trials of the search.
        count: Number of architectures to rank, see `NearTies`.
        most: Largest number of trainings, earlier ones of this study included.
        noise: Standard deviation of a reward, as in `raynas.shortlist.shortlist`.
        apart: Decisions in which two of the chosen must differ.
        parallel: Trials at a time; None for as many as fit.

    Returns:
        None where no trial is worth it and there is none to go on with.

    Raises:
        ConfigurationError: `most` is below 0, or see `shortlist`.
        StoreError: See `raynas.store.Store`.
    """
    if most < 0:
        raise ConfigurationError(f"repeats={most}: must be 0 or above")
    space = Space.of(search.space)
    ties = NearTies(space, earlier, count, noise=noise, apart=apart, most=most)
    study = replace(_study(search, name), controller=lambda _: ties)
    had = history_of(study)
    if not had.running and ties.propose(had, np.random.default_rng(0)) is None:
        return None
    numbers = trial_numbers(earlier)
    return open_study(study, max(most, len(had)), parallel, numbers, "repeat")


def settled(
    search: Search,
    name: str,
    earlier: History,
    count: int,
    most: int,
    *,
    noise: float | None = None,
    apart: int = 1,
    parallel: int | None = None,
    shown: Callable[[Study], AbstractContextManager[None]] = lambda _: nullcontext(),
) -> History | None:
    """Try near ties once more, and return `earlier` with the outcomes.

    Of a search over budgets no trial is repeated: `earlier` is what its model believes.

    Args:
        search: Search whose near ties are settled.
        name: Name that the search runs under.
        earlier: Earlier trainings, see `open_again`.
        count: Number of architectures to rank, see `NearTies`.
        most: Largest number of trainings.
        noise: Standard deviation of a reward, as in `raynas.shortlist.shortlist`.
        apart: Decisions in which two of the chosen must differ.
        parallel: Trainings that run at the same time.
        shown: Shows how the study gets on while it runs.

    Returns:
        None where a signal interrupted it.

    Raises:
        ConfigurationError: See `open_again`.
        StoreError: See `open_again`.
    """
    if len(search.budgets) > 1:
        return earlier
    again = open_again(
        search, name, earlier, count, most, noise=noise, apart=apart, parallel=parallel
    )
    if again is not None:
        with again, shown(again):
            if again.go().stop is None:
                return None
    return joined(earlier, history_of(_study(search, name)))


def _study(search: Search, name: str) -> Search:
    """Study of the repeated trials, with another seed, as the same would give the same results."""
    return replace(study_beside(search, name, _SUFFIX), seed=search.seed + 1)


def joined(earlier: History, later: History) -> History:
    """The trials of both, those of `later` numbered on."""
    moved = (replace(trial, number=len(earlier) + trial.number) for trial in later)
    return History((*earlier, *moved), earlier.shown_as)


def _scored(reward: float) -> Completed:
    return Completed(Measurement({}), reward)
