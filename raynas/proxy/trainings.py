"""The laboratory's trainings: studies beside the search, each of which goes on where it was."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from raynas.errors import ConfigurationError, RaynasError
from raynas.full_training import Listed, Study
from raynas.full_training.substudy import study_beside
from raynas.objective import Objective
from raynas.proxy.cpu_time import Timed
from raynas.search import Limits, Search, SearchRun
from raynas.shortlist import planned
from raynas.space import Space
from raynas.stopping import StopRule
from raynas.tasks import Task
from raynas.trials import Architecture, History, Stop, Trial
from raynas.wording import counted

__all__ = ["Interrupted", "Laboratory", "drawn", "trial_of"]

_NO_LIMIT = 10**9  # trials: the study ends by itself


class Interrupted(RaynasError):  # noqa: N818 - a signal, not a fault
    """A signal ended a study; the same call goes on where it was."""


@dataclass(frozen=True)
class Laboratory:
    """The laboratory in which the proxy of a search is worked out.

    Args:
        search: Search whose task is studied.
        name: Name that the search runs under.
        parallel: Trainings at a time; None for as many as fit.
        say: Takes a line at a time about what is going on.
    """

    search: Search
    name: str
    parallel: int | None = None
    say: Callable[[str], None] = print

    @property
    def space(self) -> Space[Any]:
        """What the search searches."""
        return Space.of(self.search.space)

    @property
    def objective(self) -> Objective:
        """The metric that is the score, as people read it."""
        return Objective(self.search.task.metric, self.search.task.mode)

    @property
    def folder(self) -> Path:
        """Folder of the findings."""
        return Path(self.search.folder).absolute() / f"{self.name}-proxy"

    def train(
        self,
        part: str,
        task: Task,
        architectures: Sequence[Architecture],
        seeds: int = 1,
        rules: Sequence[StopRule] = (),
    ) -> tuple[History, Stop | None]:
        """Train `architectures`, `seeds` times each, as far as that has not been done yet.

        Args:
            part: Part of the laboratory, which names the study.
            task: Trains, and what that costs is measured. Its metric alone is the score, whatever
                the search rewards.
            architectures: What to train.
            seeds: Trainings of each.
            rules: Stop rules of the study.

        Returns:
            The study's trials, and what a rule ended it for.

        Raises:
            Interrupted: A signal came; what had ended is in the store.
            StoreError: The task is another than when this study began.
        """
        study = replace(
            study_beside(self.search, self.name, f"-proxy-{part}"),
            task=Timed(task),
            reward=None,
            controller=lambda space: Listed(space, architectures, seeds),
            rules=tuple(rules),
            limits=Limits(trials=_NO_LIMIT, parallel=self.parallel),
            full=None,
        )
        with Study(study) as run:
            history, stop = self._trained(run, part, architectures, seeds)
            if history.unrewarded:
                lost = counted(len(history.unrewarded), "training")
                self.say(
                    f"{part}: {lost} ended without a score; once that is fixed, the same command "
                    "with --again trains once more what has none"
                )
            return history, stop

    def _trained(
        self, run: SearchRun, part: str, architectures: Sequence[Architecture], seeds: int
    ) -> tuple[History, Stop | None]:
        if run.stop() is not None:
            return run.history, run.stop()
        left = len(planned(architectures, seeds, run.history)) + len(run.history.running)
        if not left:
            return run.history, None
        to_go = counted(left, "training")
        self.say(f"{part}: {to_go} to go, {len(run.history.completed)} completed")
        return self._run(run)

    def _run(self, run: SearchRun) -> tuple[History, Stop | None]:
        if run.go().stop is None:
            raise Interrupted(f"interrupted in {run.name}; the same command goes on there")
        return run.history, run.stop()


def drawn(
    space: Space[Any], count: int, seed: int, without: Sequence[Architecture] = ()
) -> list[Architecture]:
    """`count` different architectures by chance, or as many as there are.

    Raises:
        ConfigurationError: `count` is below 1.
    """
    if count < 1:
        raise ConfigurationError(f"count={count}: must be at least 1")
    rng = np.random.default_rng(seed)
    known, found = set(without), []
    for _ in range(100 * count):
        architecture = space.sample(rng)
        if architecture not in known:
            known.add(architecture)
            found.append(architecture)
            if len(found) == count:
                break
    return found


def trial_of(history: History, architecture: Architecture) -> Trial | None:
    """The first completed trial of `architecture`, if there is one."""
    return next((trial for trial in history.completed if trial.architecture == architecture), None)
