"""Reference models spread evenly over score and cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from raynas.errors import ConfigurationError
from raynas.rank_interval import FEWEST

__all__ = ["Round", "cost_of_rounds", "rounds_of", "spread_out"]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Round:
    """A round of successive rejection.

    Attributes:
        models: How many are trained in it.
        share: Share of a full training's steps that each model gets.
        kept: How many stay for the next.
    """

    models: int
    share: float
    kept: int


def rounds_of(candidates: int = 30, models: int = 10, full: int = 6) -> tuple[Round, ...]:
    """Rounds from many candidates trained briefly to few trained in full.

    Each training has a learning-rate schedule of its own, fitted to its steps, and so begins anew:
    a training cut off in its middle tells less about its end than a short one that got there. All
    rounds but the last cost little: 30 candidates to 10 models, 6 of them in full, take 8.3 full
    trainings.

    Raises:
        ConfigurationError: Not ``candidates >= models >= full >= 4``, or fewer than 5 models.
    """
    if not candidates >= models >= full >= 4 or models < FEWEST:
        raise ConfigurationError(
            f"candidates={candidates}, models={models}, full={full}: must fall from one to the "
            f"next, the last being 4 at least, with {FEWEST} models or more"
        )
    middle = round((candidates * models) ** 0.5)
    return (
        Round(candidates, 1 / 60, middle),
        Round(middle, 1 / 30, models),
        Round(models, 1 / 8, full),
        Round(full, 1.0, full),
    )


def cost_of_rounds(rounds: Sequence[Round]) -> float:
    """What they take, in full trainings."""
    return sum(each.models * each.share for each in rounds)


def spread_out(scores: Sequence[float], costs: Sequence[float], keep: int) -> list[int]:
    """Which `keep` of the models lie most evenly over the plane of score and logarithm of cost.

    Both axes are scaled to the range of the models. Of the two that are nearest to each other, the
    one with the nearer neighbor else is dropped, until enough are; so the outermost stay.

    Args:
        scores: Score of each model.
        costs: Cost of each model, above 0; parameters, FLOPs, a latency or a training time.
        keep: How many.

    Returns:
        Their indices, rising.

    Raises:
        ConfigurationError: A cost is not above 0, or a score not finite.
    """
    values, amounts = np.asarray(scores, dtype=float), np.asarray(costs, dtype=float)
    if not np.isfinite(values).all():
        raise ConfigurationError(f"scores={scores!r}: must be finite; leave failed models out")
    if not (amounts > 0).all():
        raise ConfigurationError(f"costs={costs!r}: must be above 0")
    points = np.stack([_scaled(values), _scaled(np.log(amounts))], axis=1)
    left = list(range(len(points)))
    while len(left) > max(keep, 0):
        distances = np.linalg.norm(points[left][:, None] - points[left][None], axis=-1)
        np.fill_diagonal(distances, np.inf)
        pair = np.unravel_index(np.argmin(distances), distances.shape)
        alone = [np.sort(distances[i])[1] if len(left) > 2 else 0.0 for i in pair]
        left.pop(int(pair[int(np.argmin(alone))]))
    return left


def _scaled(values: Floats) -> Floats:
    extent = np.ptp(values)
    return np.asarray((values - values.min()) / extent if extent else np.zeros_like(values))
