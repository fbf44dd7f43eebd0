"""What a search over several budgets believes once its winners were trained in full again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from raynas.analysis.full_training import Row
from raynas.asktell import AskTell
from raynas.trials import Completed, History, Trial

__all__ = ["believed_rows", "new_full_trainings"]


def believed_rows(
    search: AskTell,  # type: ignore[type-arg] # of whatever space
    full: History,
    rows: Sequence[Row],
) -> list[Row]:
    """`rows` in the order of their expected rewards, with their probabilities of being the best.

    One model takes in all trainings of the search and of stage 2, so that a single lucky full
    training does not decide. The rows are returned as they are where the search has a single
    budget or no model, and where stage 2's trainings have another length than the search's.

    Args:
        search: The search.
        full: Full trainings of stage 2.
        rows: One row for each architecture in `full`, from `raynas.analysis.full_training.rows_of`.
    """
    new = new_full_trainings(search, full)
    if len(search.budgets) == 1 or new is None:
        return list(rows)
    beliefs = search.beliefs(len(search.history) + len(new), new)
    places = {belief.trial.architecture: place for place, belief in enumerate(beliefs)}
    if any(row.architecture not in places for row in rows):
        return list(rows)
    known = (
        replace(row, probability=beliefs[places[row.architecture]].probability) for row in rows
    )
    return sorted(known, key=lambda row: places[row.architecture])


def new_full_trainings(
    search: AskTell,  # type: ignore[type-arg] # of whatever space
    full: History,
) -> tuple[Trial, ...] | None:
    """The completed trainings of stage 2 that it did not take over from the search.

    None where they have another number of steps than the search's own.
    """
    own = search.history.at_budget(1.0).completed
    if len({_steps(trial) for trial in (*own, *full.completed)}) > 1:
        return None
    left = Counter((trial.architecture, trial.reward) for trial in own)
    new = []
    for trial in full.completed:
        key = (trial.architecture, trial.reward)
        if left[key]:
            left[key] -= 1
        else:
            new.append(trial)
    return tuple(new)


def _steps(trial: Trial) -> int | None:
    return trial.outcome.measurement.steps if isinstance(trial.outcome, Completed) else None
