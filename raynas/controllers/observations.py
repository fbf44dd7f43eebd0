"""What a history says of each architecture, trials that ended early included, on one scale.

A trial that a scheduler stopped has no reward, but a learning curve, and its last value says
something of what the reward would have been. Values at different budgets cannot be compared as
they are: later ones are higher, and only the better trials have them. So ranks are carried from
budget to budget, as in a race: all trials are ranked at the smallest budget; those that went on
share out among each other, by their new order, the places that they already hold; and so on up to
the rewards. Without early stops these are the ranks of the rewards.

How far places still moved between a budget and a trial's end is the noise of a stop there, as
successive halving measures it (Jamieson and Talwalkar 2016, "Non-stochastic Best Arm
Identification and Hyperparameter Optimization", section 3, trusts the order at each budget).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from raynas.power_scaling import UnitScale
from raynas.trials import Architecture, Completed, History, Infeasible, Measurement, Stopped, Trial

__all__ = ["Observation", "normal_scores", "observations", "rewarded_metric"]

_LEAST = 3
"""From so few trials nothing is concluded."""
_UNKNOWN = 1.0
"""Noise where too few trials went on to measure it: that of the scores themselves."""


@dataclass(frozen=True)
class Observation:
    """What one trial says of its architecture.

    Attributes:
        number: The trial's.
        architecture: What was tried.
        score: Rank of the trial among all observed ones, as a standard normal quantile; larger is
            better.
        steps: The budget it was seen at, in optimizer steps; None for a reward.
        noise: Variance of `score` as a statement on the score that the reward would have; 0 for
            a reward, whose own noise only repetitions show.
    """

    number: int
    architecture: Architecture
    score: float
    steps: int | None = None
    noise: float = 0.0


def observations(history: History) -> tuple[Observation, ...]:
    """One for each trial with a reward, or stopped with a learning curve, in ask order.

    Curves count from three completed trials on that have them, and where one of their metrics
    goes with the reward: see `rewarded_metric`.
    """
    curves = _curves(history)
    levels = sorted({curve[-1][0] for n, curve in curves.items() if history[n].reward is None})
    scores: dict[int, float] = {}
    at_level: dict[int, dict[int, float]] = {}
    for steps in levels:
        values = {n: _value_at(curve, steps) for n, curve in curves.items()}
        at_level[steps] = _shared_out({n: v for n, v in values.items() if v is not None}, scores)
        scores |= at_level[steps]
    rewards = {t.number: t.reward for t in history.completed if t.reward is not None}
    scores |= _shared_out(rewards, scores)
    noise = {steps: _noise(held, scores, rewards) for steps, held in at_level.items()}
    found = []
    for number in sorted(scores):
        seen = (None, 0.0) if number in rewards else (last := curves[number][-1][0], noise[last])
        found.append(Observation(number, history[number].architecture, scores[number], *seen))
    return tuple(found)


def rewarded_metric(history: History) -> tuple[str, float] | None:
    """The metric of learning curves that goes with the reward, and the sign it does so with.

    That whose final values agree best with the rewards by rank correlation, if it is over 0.5 in
    size; None where there is none, or fewer than three completed trials have curves.
    """
    measured = [(m, t.reward) for t in history.completed if (m := _measurement(t)) and m.curve]
    if len(measured) < _LEAST:
        return None
    rewards = normal_scores([reward or 0.0 for _, reward in measured])
    best: tuple[str, float] | None = None
    for name in sorted(set.intersection(*({*m.curve[-1].metrics} for m, _ in measured))):
        values = [m.curve[-1].metrics[name] for m, _ in measured]
        if not np.all(np.isfinite(values)):
            continue
        finals = normal_scores(values)
        size = float(np.linalg.norm(rewards) * np.linalg.norm(finals))
        agreement = float(rewards @ finals) / size if size else 0.0
        if abs(agreement) > max(0.5, abs(best[1]) if best else 0.0):
            best = name, agreement
    return (best[0], float(np.sign(best[1]))) if best else None


def normal_scores(values: Sequence[float] | NDArray[np.float64]) -> NDArray[np.float64]:
    """The standard normal quantile of each value's rank; equal values share their mean rank."""
    numbers = np.asarray(values, dtype=float)
    _, place, counts = np.unique(numbers, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts + 1) / 2)[place] + 0.5
    quantile = NormalDist().inv_cdf
    return np.array([quantile(rank / len(numbers)) for rank in ranks])


def _measurement(trial: Trial) -> Measurement | None:
    outcome = trial.outcome
    if isinstance(outcome, Completed | Infeasible | Stopped):
        return outcome.measurement
    return None


def _curves(history: History) -> dict[int, list[tuple[int, float]]]:
    """Steps of each trial and values of the metric that is rewarded there, larger being better."""
    found = rewarded_metric(history)
    curves: dict[int, list[tuple[int, float]]] = {}
    for trial in history.ended if found else ():
        measurement = _measurement(trial)
        if measurement is None or isinstance(trial.outcome, Infeasible) or found is None:
            continue
        name, sign = found
        values = ((p.step, sign * p.metrics.get(name, np.nan)) for p in measurement.curve)
        if curve := [(step, value) for step, value in values if np.isfinite(value)]:
            curves[trial.number] = curve
    return curves


def _value_at(curve: list[tuple[int, float]], steps: int) -> float | None:
    """The last value up to `steps`; None where the curve ends before or begins after."""
    if curve[-1][0] < steps:
        return None
    place = bisect_right(curve, steps, key=lambda point: point[0])
    return curve[place - 1][1] if place else None


def _shared_out(values: dict[int, float], held: dict[int, float]) -> dict[int, float]:
    """Scores in the order of `values`: those that the trials hold, handed round among them.

    A trial that holds none stands between those whose values it lies between.
    """
    known = [number for number in values if number in held]
    if not known:
        return dict(zip(values, normal_scores(list(values.values())).tolist(), strict=True))
    scale = UnitScale.of(list(values.values()))
    ordered = np.array(sorted(scale([values[number] for number in known])))
    places = np.array(sorted(held[number] for number in known))
    # Equal values share the mean of the places that they take together.
    distinct, place, counts = np.unique(ordered, return_inverse=True, return_counts=True)
    shared = np.bincount(place, places) / counts
    return {n: float(np.interp(scale(value), distinct, shared)) for n, value in values.items()}


def _noise(held: dict[int, float], final: dict[int, float], rewards: dict[int, float]) -> float:
    """Mean squared way from the scores held at a budget to those of the rewards."""
    ways = [held[number] - final[number] for number in rewards if number in held]
    return float(np.mean(np.square(ways))) if len(ways) >= _LEAST else _UNKNOWN
