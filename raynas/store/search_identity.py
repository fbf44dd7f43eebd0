"""What gives a stored history its meaning, compared with the search as it is now."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from raynas.controllers.earlier_search import EarlierSearch, learned_identity
from raynas.rewards import Reward

__all__ = ["BUDGETS", "KEPT", "LEARN_FROM", "changed_in", "differences", "identity_of", "way_out"]

KEPT = ("reward", "task", "seed")
"""What may change without making it another search; see `raynas.search.Search.keep`."""

LEARN_FROM = "learn_from"
"""Key of what a search learned from."""
BUDGETS = "budgets"
"""Key of the budgets of a search that has several."""


def identity_of(
    seed: Any,
    reward: Reward,
    budgets: Sequence[float],
    earlier: Sequence[EarlierSearch],
    more: Mapping[str, str],
) -> dict[str, str]:
    """What gives the results of a search their meaning beside its space, as text.

    Args:
        seed: The seed as it was given.
        reward: The reward.
        budgets: Shares of a full training.
        earlier: Searches that it learns from.
        more: What else there is; it takes precedence over seed and reward.
    """
    identity = {"seed": str(seed), "reward": repr(reward), **more}
    if len(budgets) > 1:
        identity[BUDGETS] = repr(budgets)
    if earlier:
        identity[LEARN_FROM] = learned_identity(earlier)
    return identity


def changed_in(stored: Mapping[str, str], now: Mapping[str, str]) -> set[str]:
    """The groups, such as ``"space"`` or ``"reward"``, in which two identities differ."""
    return {key.partition(":")[0] for key in {**stored, **now} if stored.get(key) != now.get(key)}


def way_out(changed: Collection[str]) -> str:
    """How to go on with changes that a search survives, or that they must be undone."""
    if not set(changed) <= set(KEPT):
        return "Undo the change, or "
    options = " ".join(f"--keep {group}" for group in sorted(changed))
    return f"Undo the change, keep the results with `{options}` (Search(keep=...)), or "


def differences(stored: Mapping[str, str], now: Mapping[str, str]) -> str:
    """What changed, at most three entries, in words."""
    parts = [
        f"{key} was {stored.get(key, 'absent')}, now {now.get(key, 'absent')}"
        for key in {**stored, **now}
        if stored.get(key) != now.get(key)
    ]
    more = f" and {len(parts) - 3} more" if len(parts) > 3 else ""
    return "; ".join(parts[:3]) + more
