"""What a history has more than an earlier one of the same search.

For controllers that keep what they made of a history, so as not to begin anew at each proposal.
"""

from __future__ import annotations

from collections.abc import Sequence

from raynas.trials import Trial

__all__ = ["news"]


def news(before: Sequence[Trial], after: Sequence[Trial]) -> list[Trial] | None:
    """The trials that `after` has more, and those that have ended since `before`, in ask order.

    Returns:
        None where `after` is no later state of the same search: what was made of `before` is to
        be forgotten, and all of `after` is new.
    """
    if len(after) < len(before):
        return None
    changed = []
    for old, new in zip(before, after, strict=False):
        if old is new:
            continue
        if old.architecture != new.architecture:
            return None
        if old.outcome != new.outcome:
            if old.outcome is not None:
                return None
            changed.append(new)
    return [*changed, *after[len(before) :]]
