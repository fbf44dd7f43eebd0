"""Proposals that callers name by their number, or by themselves."""

from __future__ import annotations

from numbers import Integral
from typing import Any

from raynas.arguments import shown
from raynas.errors import ConfigurationError
from raynas.trials.history import History
from raynas.trials.trial import Proposal

__all__ = ["proposal_number"]


def proposal_number(proposal: int | Proposal[Any], history: History, call: str) -> int:
    """The number of a proposal in `history`, which may be given as itself.

    Args:
        proposal: The proposal, or its number.
        history: What was proposed.
        call: How errors name the method that was called.

    Raises:
        ConfigurationError: There is no such proposal.
    """
    given = proposal.number if isinstance(proposal, Proposal) else proposal
    if not isinstance(given, Integral) or not 0 <= given < len(history):
        raise ConfigurationError(
            f"{call}(number={shown(given)}): there is no proposal with this number; give one "
            "that ask() gave, or its number"
        )
    return int(given)
