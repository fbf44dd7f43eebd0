"""PyGlove's regularized evolution over the same tree of decisions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyglove as pg

from controller_bench.method import Method
from raynas import History, Space, Trial
from raynas.bridges.pyglove import from_dna, to_pyglove

__all__ = ["PyGlovePeer"]

SIZES = {"evolution": (100, 10), "evolution-30": (30, 8)}
"""Population and tournament: PyGlove's defaults, and those of raynas's own."""


class PyGlovePeer(Method):
    """Regularized evolution. It knows no failed trials: they give no feedback.

    Args:
        name: One of `SIZES`.
        space: What it searches.
        seed: Of its generators.
    """

    def __init__(self, name: str, space: Space[Any], seed: int) -> None:
        population, tournament = SIZES[name]
        self.space = space
        self.algorithm = pg.evolution.regularized_evolution(
            mutator=pg.evolution.mutators.Uniform(seed=seed),
            population_size=population,
            tournament_size=tournament,
            seed=seed,
        )
        self.algorithm.setup(pg.dna_spec(to_pyglove(space)))
        self.asked: list[Any] = []

    def propose(self, history: History, rng: np.random.Generator) -> Any:
        """See `Method.propose`."""
        del history, rng
        self.asked.append(self.algorithm.propose())
        return from_dna(self.space, self.asked[-1])

    def told(self, trial: Trial) -> None:
        """See `Method.told`."""
        if trial.reward is not None:
            self.algorithm.feedback(self.asked[trial.number], trial.reward)
