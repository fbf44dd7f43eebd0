"""The default with zero-cost scores of NAS-Bench-201's cells, and with misleading ones.

Methods of the harness: ``controller_bench.hinted:scored`` and ``:begun``, for which the environment
variable ``ZERO_COST`` is a file of `benchmarks/zero_cost.py`, and ``:misled``.
"""

from __future__ import annotations

import math
import os
from typing import Any

import numpy as np
import pandas as pd

from raynas import Space
from raynas.controllers import Auto, Controller, Deduplicated, WarmStart, best_scored
from search_spaces.nasbench201 import OPERATIONS, NASBench201Cell

__all__ = ["begun", "misled", "scored"]


def scored(space: Space[Any]) -> Controller:
    """With the scores as they are."""
    return Deduplicated(Auto(space, scores=_scores()))


def begun(space: Space[Any]) -> Controller:
    """With the scores, after the five cells that they rank highest on average."""
    scores = _scores()
    ranks = dict(zip(scores, pd.DataFrame(scores.values()).rank().mean(axis=1), strict=True))
    first = best_scored(space, lambda cell: ranks.get(cell, math.nan), 5, pool=100_000)
    return WarmStart(Deduplicated(Auto(space, scores=scores)), first)


def _scores() -> dict[Any, dict[str, float]]:
    table = pd.read_csv(os.environ["ZERO_COST"], dtype={"arch": str}).set_index("arch")
    cells = [NASBench201Cell(edges=tuple(OPERATIONS[int(d)] for d in key)) for key in table.index]
    return dict(zip(cells, table.to_dict("records"), strict=True))


def misled(space: Space[Any]) -> Controller:
    """With eight scores that rank architectures as random weights of operations on edges do."""
    rng = np.random.default_rng(0)
    weights = rng.normal(size=(8, 6, len(OPERATIONS)))
    cells = [space.sample(rng) for _ in range(600)]
    return Deduplicated(Auto(space, scores={cell: _drawn(cell, weights) for cell in cells}))


def _drawn(cell: NASBench201Cell, weights: Any) -> dict[str, float]:
    taken = [OPERATIONS.index(operation) for operation in cell.edges]
    return {str(i): float(one[range(6), taken].sum()) for i, one in enumerate(weights)}
