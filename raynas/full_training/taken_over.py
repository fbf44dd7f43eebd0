"""Full trainings of a search over budgets, which stage 2 takes over instead of repeating them."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Collection, Iterable
from functools import partial
from pathlib import Path
from typing import Any

from raynas.analysis.saved_results import replace_file
from raynas.asktell import AskTell
from raynas.full_training.substudy import folder_of
from raynas.search import Search
from raynas.search.kept_weights import weights_file
from raynas.tasks import LightningTask
from raynas.tasks.example_input import innermost
from raynas.trials import Architecture, Completed, Trial

__all__ = ["take_over", "trained_in_search"]


def trained_in_search(search: Search, name: str, known: Iterable[Architecture]) -> list[Trial]:
    """The search's full trainings with weights, where they are trained, that are not `known`.

    Args:
        search: Stage 1.
        name: Name that it runs under.
        known: The architecture of each training that stage 2 has; of one that the search trained
            more often, its last trainings are missing.
    """
    if len(search.budgets) == 1:
        return []
    with search.look(name) as run:
        full = run.history.at_budget(1.0).completed
        folder = run.folder
    has_weights = isinstance(innermost(search.full or search.task), LightningTask)
    kept = [t for t in full if not has_weights or weights_file(folder, t.number).exists()]
    had, missing = Counter(known), []
    for trial in kept:
        had[trial.architecture] -= 1
        if had[trial.architecture] < 0:
            missing.append(trial)
    return missing


def take_over(
    trials: Collection[Trial], search: Search, name: str, stage2: AskTell[Any], folder: Path
) -> None:
    """Tell stage 2 how full trainings of the search ended, and copy their weights.

    Args:
        trials: Full trainings that stage 2 does not have, from `trained_in_search`.
        search: Stage 1.
        name: Name that it runs under.
        stage2: The full trainings.
        folder: Results folder of stage 2.
    """
    for trial in trials:
        proposal = stage2.propose(trial.architecture)
        source = weights_file(folder_of(search, name, ""), trial.number)
        if source.exists():
            path = weights_file(folder, proposal.number)
            path.parent.mkdir(parents=True, exist_ok=True)
            replace_file(path, partial(shutil.copyfile, source))
        if isinstance(trial.outcome, Completed):
            stage2.tell(proposal.number, trial.outcome.measurement)
