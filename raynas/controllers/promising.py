"""Which changes of good architectures are not known to be worse."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import Any

import numpy as np

from raynas.controllers.features import Features
from raynas.controllers.one_blas_thread import one_blas_thread
from raynas.controllers.surrogate_model import FEWEST, SurrogateModel
from raynas.space import Space
from raynas.trials import Architecture, History

__all__ = ["promising_neighbors"]

_DEVIATIONS = 2.0
_MOST = 2000
"""Neighbors of an architecture that are looked at."""


@one_blas_thread()
def promising_neighbors(
    space: Space[Any], history: History, architectures: Sequence[Architecture]
) -> list[Architecture]:
    """Architectures that differ in a decision from given ones, and may be as good as the best.

    They may be where a Gaussian process expects, at two standard deviations above its mean, at
    least as much as it does of the best of `architectures`; where nothing like it was tried, the
    deviation is at least that of the rewards. While there is no model, all may be.

    Args:
        space: Whose members all architectures are.
        history: What the model learns from.
        architectures: Whose neighbors to look at.
    """
    near = [one for a in architectures for one in islice(space.neighbors(a), _MOST)]
    if not near or len(history.completed) < FEWEST:
        return near
    features = Features(space)
    process = SurrogateModel(features).process(history)
    best = float(process.mean(features(list(architectures))).max())
    means, deviations = process.predict(features(near))
    # A kernel that is fitted to few options may have a variance that others would exceed
    wide = _DEVIATIONS * deviations / min(1.0, process.kernel.variance**0.5)
    return [near[i] for i in np.flatnonzero(means + wide >= best)]
