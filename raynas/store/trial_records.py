"""Trials as records of an Optuna study, and records as trials."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from optuna.trial import TrialState

from raynas.errors import DamagedStoreError
from raynas.space import Space
from raynas.store.checksum_chain import DamageError
from raynas.store.optuna_ledger import StoredTrial
from raynas.store.outcome_digest import BUDGET, OUTCOME, read_outcome
from raynas.trials import Completed, Failed, Outcome, Stopped, Trial

__all__ = ["STARTED", "optuna_state", "proposal_attributes", "trial_of"]

A = TypeVar("A")

STARTED = "started"
"""Attribute of a record: when its run began, in seconds since the epoch."""


def proposal_attributes(started: float, budget: float) -> dict[str, float]:
    """What is stored with a proposal, besides its decisions."""
    return {STARTED: started} if budget == 1.0 else {STARTED: started, BUDGET: budget}


def optuna_state(outcome: Outcome) -> tuple[TrialState, Sequence[float] | None]:
    """Optuna's state and values of a trial that ended by `outcome`."""
    match outcome:
        case Completed(objectives=values):
            return TrialState.COMPLETE, list(values)
        case Stopped():
            return TrialState.PRUNED, None
        case _:
            return TrialState.FAIL, None


def trial_of(number: int, row: int, record: StoredTrial, space: Space[A], where: str) -> Trial[A]:
    """The trial that a record holds.

    Args:
        number: Number of the trial.
        row: Number of the record in the study.
        record: What is stored.
        space: What its architecture is a member of.
        where: The store in words.

    Raises:
        DamagedStoreError: The outcome is not what was written.
        SpaceError: The architecture is not one of the space.
    """
    architecture = space.from_config(record.params)
    data = record.attrs.get(OUTCOME)
    budget = float(record.attrs.get(BUDGET, 1.0))
    if data is None and record.finished:
        lost = Failed("its outcome is missing from the store")
        return Trial(number, architecture, lost, ended=0.0, budget=budget)
    if data is None:
        started = record.attrs.get(STARTED, 0.0)
        return Trial(number, architecture, started=started, budget=budget)
    try:
        outcome, ended = read_outcome(data, row, record.params, budget)
    except DamageError as damage:
        raise DamagedStoreError(
            f"trial {number} in {where} {damage.why}: restore the store from a backup, "
            "or start a new search with another name (--name)",
            trial=number,
        ) from None
    return Trial(number, architecture, outcome, record.attrs[STARTED], ended, budget=budget)
