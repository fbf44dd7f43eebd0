"""Which changes of good architectures are not known to be worse."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import Any

import numpy as np

from raynas.controllers.acquisition import standing
from raynas.controllers.features import Features
from raynas.controllers.gaussian_process import GaussianProcess
from raynas.controllers.one_blas_thread import one_blas_thread
from raynas.controllers.subsampling import FEWEST, kept_of
from raynas.space import Space
from raynas.trials import Architecture, History

__all__ = ["promising_neighbors"]

_DEVIATIONS = 2.0
"""About the 97.5 % quantile: what is left out is worse with that confidence, by the model."""
_MOST, _SEEN = 500, 500
"""Neighbors of an architecture that are looked at, and trials that the model sees."""


@one_blas_thread()
def promising_neighbors(
    space: Space[Any], history: History, architectures: Sequence[Architecture]
) -> list[Architecture]:
    """Architectures that differ in a decision from given ones, and may be as good as the best.

    They may be where a Gaussian process expects, at two standard deviations above its mean, at
    least as much as it does of the best of `architectures`. While there is no model, all may be.
    The kernel is that of the prior: one that is fitted would have other digits on another machine.

    Args:
        space: Space of all these architectures.
        history: What the model learns from.
        architectures: Good architectures, whose neighbors are looked at.
    """
    near = [one for a in architectures for one in islice(space.neighbors(a), _MOST)]
    if not near or len(history.completed) < FEWEST:
        return near
    features = Features(space)
    prior, values = features.prior(), standing(np.array(history.rewards))
    kept = kept_of(values, _SEEN)
    known = features([history.completed[i].architecture for i in kept])
    process = GaussianProcess(prior.kernel(prior.mean), known, values[kept])
    best = float(process.mean(features(list(architectures))).max())
    means, deviations = process.predict(features(near))
    return [near[i] for i in np.flatnonzero(means + _DEVIATIONS * deviations >= best)]
