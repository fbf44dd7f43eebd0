"""How trials of a search over budgets ended: what has a reward, and what is not tried again.

An architecture that failed, or was outside a bound, at one budget is not tried at another.
"""

from __future__ import annotations

from itertools import chain

from raynas.trials import Architecture, History, Trial

__all__ = ["rewarded_or_not", "ruled_out", "trained", "with_ruled_out"]


def ruled_out(history: History) -> dict[Architecture, Trial]:
    """The trials that ended badly, by architecture, but for what had a reward nevertheless.

    That is one at this budget or a higher one.
    """
    found: dict[Architecture, Trial] = {}
    for trial in chain(history.failures, history.outside):
        known = found.get(trial.architecture)
        if known is None or trial.budget > known.budget:
            found[trial.architecture] = trial
    for trial in history.completed if found else ():
        bad = found.get(trial.architecture)
        if bad is not None and trial.budget >= bad.budget:
            del found[trial.architecture]
    return found


def trained(history: History) -> list[Trial]:
    """The completed trial of the highest budget of each architecture that is not ruled out."""
    found: dict[Architecture, Trial] = {}
    bad = ruled_out(history)
    for trial in history.completed:
        known = found.get(trial.architecture)
        higher = known is None or (trial.budget, trial.reward) > (known.budget, known.reward)
        if higher and trial.architecture not in bad:
            found[trial.architecture] = trial
    return list(found.values())


def with_ruled_out(here: History, history: History) -> History:
    """The trials at a budget and, of all others, those that rule an architecture out."""
    bad = [t for t in ruled_out(history).values() if t.architecture not in here.architectures]
    return History((*here, *bad), history.shown_as) if bad else here


def rewarded_or_not(history: History) -> tuple[list[Trial], list[Trial]]:
    """A trial of each architecture that has a reward, the first one, and of each that is ruled out.

    Whether there is a reward is taken not to depend on the budget.
    """
    bad = ruled_out(history)
    good: dict[Architecture, Trial] = {}
    for trial in history.completed:
        if trial.architecture not in bad:
            good.setdefault(trial.architecture, trial)
    return list(good.values()), sorted(bad.values(), key=lambda trial: trial.number)
