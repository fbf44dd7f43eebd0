"""Stage 2 in one call."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from raynas.analysis.full_training import Correlation, Row, correlation, rows_of
from raynas.full_training.best import Best, best_of
from raynas.full_training.contenders import chances_of, shortlisted
from raynas.full_training.near_ties import settled
from raynas.full_training.ranked import ranked
from raynas.full_training.stage2 import full_task, open_training, plan_training
from raynas.search import Search
from raynas.trials import History, Stop

__all__ = ["TrainingResult", "train"]


@dataclass(frozen=True)
class TrainingResult:
    """What stage 2 found.

    Attributes:
        search: Stage 1.
        name: Name that the search ran under.
        search_history: Trials of the search.
        history: The full trainings.
        rows: One row for each architecture trained in full, best first.
        stop: Why it ended; None where a signal interrupted it.
        folder: Folder of weights and results.
    """

    search: Search
    name: str
    search_history: History
    history: History
    rows: tuple[Row, ...]
    stop: Stop | None
    folder: Path

    @property
    def best(self) -> Best:
        """The best architecture; `Best.load` gives its network.

        Raises:
            RaynasError: No trial has a reward.
        """
        return best_of(self.search, self.name, self.search_history)

    @property
    def correlation(self) -> Correlation | None:
        """How well the search predicted the full trainings."""
        return correlation(self.rows)


def train(
    search: Search,
    top: int | None = None,
    seeds: int = 1,
    *,
    max_steps: int | None = None,
    parallel: int | None = None,
    noise: float | None = None,
    apart: int = 1,
    baseline: bool = True,
    repeats: int = 10,
    halving: bool = False,
) -> TrainingResult:
    """Train the best of `search` in full, or go on with that; what `raynas train` does.

    Args:
        search: Stage 1, which has some results.
        top: How many of the best to train; None for 10, or with several budgets for those that are
            the best with a probability of a tenth or more, as it stands when each begins.
        seeds: Trainings of each.
        max_steps: Optimizer steps of a full training; see `full_task`.
        parallel: Trainings at a time; None for as many as fit.
        noise: Noise of the search's scores, as in `raynas.shortlist.shortlist`.
        apart: Decisions in which two of the chosen must differ.
        baseline: Whether to train the space's baseline as well.
        repeats: Short trials, at most, that settle near ties at the shortlist's cut where the
            noise is known; see `NearTies`.
        halving: End bad trainings early; see `open_training`.

    Raises:
        ConfigurationError: An argument is out of its range, or no trial has a reward yet.
        StoreError: The search has not run, or the trainings were of another kind so far.
    """
    with search.look() as stage1:
        history, space, name = stage1.asktell.believed(), stage1.space, stage1.name
        adapts = top is None and seeds == 1
        top = shortlisted(stage1.asktell) if top is None else top
    full_task(search, max_steps)  # its errors are reported before anything is trained
    known = settled(
        search, name, history, top, repeats, noise=noise, apart=apart, parallel=parallel
    )
    interrupted = known is None
    known = history if known is None else known
    plan = plan_training(known, space, top, seeds, noise=noise, apart=apart, baseline=baseline)
    with open_training(
        search,
        name,
        plan,
        max_steps=max_steps,
        parallel=parallel,
        halving=halving,
        chances=chances_of(stage1.asktell) if adapts else None,
    ) as run:
        stop = None if interrupted else run.go().stop
        rows = ranked(search, name, run.history, rows_of(run.history, known, plan.baseline))
        return TrainingResult(search, name, history, run.history, tuple(rows), stop, run.folder)
