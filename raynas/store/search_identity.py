"""What gives a stored history its meaning, compared with the search as it is now."""

from __future__ import annotations

from collections.abc import Collection, Mapping

__all__ = ["KEPT", "changed_in", "differences", "way_out"]

KEPT = ("reward", "task", "seed")
"""What may change without making it another search; see `raynas.search.Search.keep`."""


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
