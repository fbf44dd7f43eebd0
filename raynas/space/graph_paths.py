"""Path encoding: an architecture as the set of paths through its graphs.

White, Neiswanger and Savani 2021, "BANANAS: Bayesian Optimization with Neural Architectures for
Neural Architecture Search", section 3.
"""

from __future__ import annotations

from typing import Any

from raynas.space.configuration import to_config
from raynas.space.decisions import Decisions
from raynas.space.encoding import graphs

__all__ = ["paths_of"]


def paths_of(decisions: Decisions[Any], architecture: Any) -> frozenset[str]:
    """See `raynas.space.Space.paths`."""
    found = [path for graph in graphs(architecture) for path in graph.paths()]
    if found:
        return frozenset(found)
    return frozenset(
        f"{path}={value}" for path, value in to_config(decisions, architecture).items()
    )
