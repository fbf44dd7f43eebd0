"""The finding of a stop rule."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Stop"]


@dataclass(frozen=True)
class Stop:
    """Why a search should end.

    Attributes:
        rule: Name of the rule.
        reason: The rule's finding as a sentence, with figures in the user's unit and direction.
        advice: What to do next, as a sentence; ``FILE`` in a command stands for the search file.
    """

    rule: str
    reason: str
    advice: str
