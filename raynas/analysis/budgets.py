"""What a search over several budgets knows, in lines for people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from raynas.analysis.full_training import label_of
from raynas.asktell import AskTell
from raynas.controllers.budgets import shown_budgets
from raynas.rank_interval import FEWEST
from raynas.trials import Trial
from raynas.wording import counted

__all__ = ["budget_lines"]


def budget_lines(
    search: AskTell,  # type: ignore[type-arg] # of whatever space
    more: Sequence[Trial] = (),
) -> Iterator[str]:
    """Cost so far, the architecture believed to be best, and how far each budget can be trusted.

    Nothing where the search has a single budget.

    Args:
        search: The search.
        more: Full trainings of stage 2 that count as well.
    """
    if len(search.budgets) == 1:
        return
    yield f"Cost so far: {search.history.cost:.2f} full trainings."
    for best in search.beliefs(1, more):
        yield (
            f"Believed best after a full training: {_label(search, best.trial)}, with probability "
            f"{best.probability:.0%}: {best.trial.architecture!r}"
        )
    for trust in search.trust(more):
        if trust.full < FEWEST:
            yield (
                f"Budget {shown_budgets([trust.budget])}: {counted(trust.trials, 'trial')}, and "
                f"{counted(trust.full, 'full training')}; it takes {FEWEST} to say how far it can "
                "be trusted."
            )
            continue
        yield (
            f"Budget {shown_budgets([trust.budget])}: correlation with a full training "
            f"{trust.correlation:.2f} (90 % interval {trust.low:.2f} to {trust.high:.2f}), after "
            f"{counted(trust.trials, 'trial')} and {counted(trust.full, 'full training')}."
        )


def _label(search: AskTell, trial: Trial) -> str:  # type: ignore[type-arg] # of whatever space
    """Which trial it is; stage 2 may have trained a baseline that the search did not try."""
    return label_of(trial.number if trial.number < len(search.history) else None)
