"""The best architecture that is known, with its weights where it was trained in full."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from raynas.analysis.fronts import shown_objectives
from raynas.analysis.full_training import label_of, rows_of
from raynas.errors import RaynasError, in_a_line
from raynas.full_training.as_network import as_network
from raynas.full_training.ranked import ranked
from raynas.full_training.stage2 import trained_of, weights_file
from raynas.full_training.substudy import folder_of
from raynas.objective import Objective
from raynas.rewards import Metric
from raynas.search import Search
from raynas.tasks import LightningTask, Task
from raynas.tasks.example_input import innermost
from raynas.trials import Architecture, History, Trial

__all__ = ["Best", "best_in_search", "best_of"]


@dataclass(frozen=True)
class Best:
    """An architecture, how good it is, and where its weights are.

    Attributes:
        search: Search that found it.
        architecture: What was found.
        score: Reward of the architecture: the mean of full trainings, or that of the search.
        stage: 2 where it was trained in full, else 1.
        trial: Number of the search's first trial of the architecture; None if the search did not
            try it, as may be so for the baseline.
        full_training: Number of stage 2's training whose weights these are; None where they are
            those of a trial of the search.
        weights: The file of its weights; None where it was not trained in full.
        objectives: All objectives, `score` first, larger being better.
    """

    search: Search
    architecture: Architecture
    score: float
    stage: int
    trial: int | None
    full_training: int | None
    weights: Path | None
    objectives: tuple[float, ...] = ()

    @property
    def shown(self) -> str:
        """Objectives of the architecture, in the user's units and directions."""
        return shown_objectives(self.objectives or (self.score,), self.objectives_shown)

    @property
    def objectives_shown(self) -> tuple[Objective, ...]:
        """What `objectives` measure, as people read them."""
        search = self.search
        reward = search.reward or Metric(search.task.metric, search.task.mode)
        return reward.shown_as

    @property
    def task(self) -> Task:
        """What trains it in full, or else in the search."""
        return self.search.full or self.search.task

    @property
    def objective(self) -> Objective:
        """What `score` measures, as people read it."""
        return self.objectives_shown[0]

    @property
    def label(self) -> str:
        """Which trial it is, for people; see `raynas.analysis.full_training.label_of`."""
        return label_of(self.trial, self.full_training)

    def load(self, *, whole: bool = False) -> Any:
        """The network with its weights, in evaluation mode.

        Args:
            whole: Give the LightningModule around the network instead.

        Raises:
            RaynasError: There are no weights, as it was not trained in full; they are of another
                module; or the module does not train the network that it is given.
        """
        if self.weights is None:
            raise RaynasError(
                f"trial {self.trial} of the search has no weights, as it was not trained in full: "
                "run `raynas train` first"
            )
        from safetensors.torch import load_model

        network, module = self.build()
        try:
            load_model(module, str(self.weights))
        except Exception as error:
            raise RaynasError(
                f"{self.weights} does not fit {type(module).__name__} as it is now, or is damaged; "
                f"restore the search file as it was in training: {in_a_line(error)}"
            ) from error
        if not any(part is network for part in module.modules()):
            raise RaynasError(
                f"{type(module).__name__} does not hold the network that it is given, but perhaps "
                "a copy of it, so which of its weights are the network's is not known: assign the "
                "network itself to an attribute, and train again"
            )
        network, module = network.eval(), module.eval()
        return module if whole else network

    def build(self) -> tuple[Any, Any]:
        """The network and the LightningModule around it, without weights.

        Raises:
            RaynasError: The search trains no networks.
        """
        task = innermost(self.task)
        if not isinstance(task, LightningTask):
            raise RaynasError(f"a {type(task).__name__} trains no network that could be exported")
        if not hasattr(self.architecture, "build"):
            module = task.module(self.architecture)
            return module, module
        network = self.architecture.build(**task.build)
        return network, task.module(network)


def best_of(search: Search, name: str, history: History) -> Best:
    """The best of stage 2, or where nothing was trained in full there yet, of stage 1.

    Of a search over budgets that is the one its model believes to be best, of those that stage 2
    trained in full if there are any.

    Either stage may still be running.

    Args:
        search: Stage 1.
        name: Name that the search runs under.
        history: History of the search.

    Raises:
        RaynasError: No trial has a reward yet.
    """
    full, folder = trained_of(search, name)
    for row in ranked(search, name, full, rows_of(full, history)):
        for run in row.trainings:
            weights = weights_file(folder, run)
            known = weights if weights.exists() else None
            whose = (*as_network(search, row.architecture), row.mean, 2, row.search_trial, run)
            return Best(*whose, known, row.objectives)
    if not history.completed:
        raise RaynasError("no trial of the search has a reward yet: let `raynas search` run first")
    if len(search.budgets) == 1:
        return best_in_search(search, name, history.best(1)[0])
    with search.look(name) as stage1:
        return best_in_search(search, name, stage1.asktell.recommend() or history.best(1)[0])


def best_in_search(search: Search, name: str, trial: Trial) -> Best:
    """What is known of an architecture by a trial of the search, which may be a full training.

    Args:
        search: Stage 1.
        name: Name that it runs under.
        trial: A trial with a reward.
    """
    in_full = len(search.budgets) > 1 and trial.budget == 1
    weights = weights_file(folder_of(search, name, ""), trial.number)
    return Best(
        *as_network(search, trial.architecture),
        trial.reward or 0.0,
        2 if in_full else 1,
        trial.number,
        None,
        weights if in_full and weights.exists() else None,
        trial.objectives or (),
    )
