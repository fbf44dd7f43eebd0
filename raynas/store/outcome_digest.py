"""The outcome of a trial as it is stored: with whose it is, and a digest that proves it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from raynas.store.checksum_chain import CHECK, DamageError, digest
from raynas.trials import Outcome, outcome_from_json, outcome_to_json

__all__ = ["ARCHITECTURE", "BUDGET", "ENDED", "OUTCOME", "outcome_record", "read_outcome"]

OUTCOME = "outcome"
"""User attribute of trials under which the record stands."""
ARCHITECTURE, BUDGET, ENDED = "architecture", "budget", "ended"
"""Keys of the record, beside those of the outcome and its digest."""
_NUMBER = "number"


def outcome_record(
    number: int, config: Mapping[str, Any], outcome: Outcome, ended: float, budget: float = 1.0
) -> dict[str, Any]:
    """`outcome` as JSON data, with the number, architecture and budget that it belongs to.

    Args:
        number: Number of the trial.
        config: Architecture of the trial, as `Space.to_config` gives it.
        outcome: How it ended.
        ended: End of the trial, in seconds since the epoch.
        budget: Length of its training, as a share of a full one.
    """
    whose: dict[str, Any] = {_NUMBER: number, ARCHITECTURE: dict(config)}
    if budget != 1.0:
        whose[BUDGET] = budget
    record = {**outcome_to_json(outcome), ENDED: ended, **whose}
    return {**record, CHECK: _digest(record)}


def read_outcome(
    record: Mapping[str, Any], number: int, config: Mapping[str, Any], budget: float = 1.0
) -> tuple[Outcome, float]:
    """The inverse of `outcome_record`; records of 0.1.0, which prove nothing, are read too.

    Raises:
        DamageError: The record was changed, or belongs to another trial than the one it is at.
    """
    data = dict(record)
    if CHECK in data:
        if data.pop(CHECK) != _digest(data):
            raise DamageError("has a changed outcome", number)
        if (data.pop(_NUMBER), data.pop(ARCHITECTURE)) != (number, dict(config)):
            raise DamageError("has the outcome of another trial or architecture", number)
        if data.pop(BUDGET, 1.0) != budget:
            raise DamageError("has the outcome of a training of another length", number)
    ended = data.pop(ENDED)
    return outcome_from_json(data), ended


def _digest(data: Mapping[str, Any]) -> str:
    return digest(json.dumps(data, sort_keys=True, separators=(",", ":")).encode())
