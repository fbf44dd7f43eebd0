"""What is compared: raynas's controllers and peers behind one interface.

A method is named ``FAMILY:NAME``, or ``FAMILY:NAME@LABEL``, where the label only keeps its results
apart, such as those of two versions. ``raynas:auto`` goes by raynas's own names, and
``planned:auto`` is the same with proposals for many free workers made together; ``optuna:tpe`` and
so on go by those in the file of the peer; any other family is a module with a function from a space
to a controller. A peer is imported when it is asked for.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from controller_bench.protocol import Protocol
from raynas import History, Space, Trial
from raynas.controllers import Controller
from raynas.controllers.by_name import make_controller
from raynas.controllers.planner import Planner

__all__ = ["ONE_THREAD", "Method", "Raynas", "make_method"]

ONE_THREAD = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL")}
"""Environment of processes in which methods propose."""


class Method(ABC):
    """Asked for architectures and told how they ended. Made for one run."""

    @abstractmethod
    def propose(self, history: History, rng: np.random.Generator) -> Any:
        """The next architecture; None where there is none left."""

    def told(self, trial: Trial) -> None:  # noqa: B027 - only some want to know
        """`trial` has just ended."""

    def recommend(self, history: History) -> Trial | None:
        """The completed trial held for the best: that of the highest reward."""
        return next(iter(history.best(1)), None)

    def spent(self) -> float:
        """CPU seconds so far, from any beginning: those of this process."""
        return time.process_time()


class Planned(Method):
    """A controller whose proposals for many free workers are made together, as a search does."""

    def __init__(self, controller: Controller, seed: int, workers: int) -> None:
        self.planner = Planner(controller, seed)
        self.workers = workers

    def propose(self, history: History, rng: np.random.Generator) -> Any:
        """See `Method.propose`; a planner makes its own generators, the same ones."""
        del rng
        return self.planner.propose(history, self.workers - len(history.running))

    def recommend(self, history: History) -> Trial | None:
        """See `Controller.recommend`."""
        return self.planner.recommend(history)


class Raynas(Method):
    """A controller of ours, or of anyone who made one, asked for one proposal at a time."""

    def __init__(self, controller: Controller) -> None:
        self.controller = controller

    def propose(self, history: History, rng: np.random.Generator) -> Any:
        """See `Method.propose`."""
        return self.controller.propose(history, rng)

    def recommend(self, history: History) -> Trial | None:
        """See `Controller.recommend`."""
        return self.controller.recommend(history)


def make_method(
    name: str,
    space: Space[Any],
    seed: int,
    trials: int,
    protocol: Protocol,
    environments: Path | None = None,
) -> Method:
    """The method called `name`, for a run of `trials` trials in `space`.

    Args:
        name: See the module.
        space: What it searches.
        seed: For peers, which draw from a generator of their own.
        trials: For peers that want to know how many there will be.
        protocol: For peers that want to know of parallel trials and noise.
        environments: Folder of the peers' environments.

    Raises:
        ValueError: It is a peer of which no environment is known.
    """
    family, _, rest = name.partition("@")[0].partition(":")
    match family:
        case "raynas":
            return Raynas(make_controller(rest, space))
        case "planned":
            return Planned(make_controller(rest, space), seed, protocol.workers)
        case "optuna":
            return import_module("controller_bench.optuna_peer").OptunaPeer(rest, space, seed)
        case "pyglove":
            return import_module("controller_bench.pyglove_peer").PyGlovePeer(rest, space, seed)
        case "hebo" | "neps" | "nevergrad" | "smac" | "synetune":
            if environments is None:
                raise ValueError(f"{name}: say where the peers' environments are")
            served = import_module("controller_bench.served").Served
            return served(family, rest, space, seed, trials, protocol, environments)
    return Raynas(make_controller(getattr(import_module(family), rest), space))
