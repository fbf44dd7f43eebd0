"""The best architecture that is known, with its weights where it was trained in full."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from raynas.errors import RaynasError, in_a_line
from raynas.report.full_training import rows_of
from raynas.search import Search
from raynas.tasks import LightningTask
from raynas.training.full import trained_of, weights_file
from raynas.trials import Architecture, History

__all__ = ["Best", "best_of"]


@dataclass(frozen=True)
class Best:
    """An architecture, how good it is, and where its weights are.

    Attributes:
        search: Whose it is.
        architecture: What was found.
        score: Its reward: of the full trainings' mean, or of the search.
        stage: 2 where it was trained in full, else 1.
        trial: Number of the trial whose weights these are, in that stage.
        weights: The file of its weights; None where it was not trained in full.
    """

    search: Search
    architecture: Architecture
    score: float
    stage: int
    trial: int
    weights: Path | None

    def load(self, *, whole: bool = False) -> Any:
        """The network with its weights, in evaluation mode.

        Args:
            whole: Give the LightningModule around the network instead.

        Raises:
            RaynasError: There are no weights, as it was not trained in full.
        """
        if self.weights is None:
            raise RaynasError(
                f"trial {self.trial} has no weights, as it was not trained in full: "
                "run `raynas train` first"
            )
        from safetensors.torch import load_model

        network, module = self.build()
        try:
            load_model(module, str(self.weights))
        except Exception as error:
            raise RaynasError(
                f"the weights in {self.weights} do not fit trial {self.trial} or are damaged "
                f"({in_a_line(error)}): move that file away and run `raynas export` again"
            ) from error
        network, module = network.eval(), module.eval()
        return module if whole else network

    def build(self) -> tuple[Any, Any]:
        """The network and the LightningModule around it, without weights.

        Raises:
            RaynasError: The search trains no networks.
        """
        task = self.search.full or self.search.task
        if not isinstance(task, LightningTask):
            raise RaynasError(f"a {type(task).__name__} trains no network that could be exported")
        if not hasattr(self.architecture, "build"):
            module = task.module(self.architecture)
            return module, module
        network = self.architecture.build(**task.build)
        return network, task.module(network)


def best_of(search: Search, name: str, history: History) -> Best:
    """The best of stage 2, or where nothing was trained in full yet, of stage 1.

    Either stage may still be running.

    Args:
        search: Stage 1.
        name: That it runs under.
        history: Its history.

    Raises:
        RaynasError: No trial has a reward yet.
    """
    full, folder = trained_of(search, name)
    rows = rows_of(full, history)
    for row in rows:
        for number in row.trials:
            weights = weights_file(folder, number)
            known = weights if weights.exists() else None
            return Best(search, row.architecture, row.mean, 2, number, known)
    if not history.completed:
        raise RaynasError("no trial of the search has a reward yet: let `raynas search` run first")
    trial = history.best(1)[0]
    return Best(search, trial.architecture, trial.reward or 0.0, 1, trial.number, None)
