"""One architecture trained several times by proxy: how much its score varies, how smooth it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from raynas.errors import ConfigurationError, RaynasError
from raynas.full_training.stage2 import baseline_of
from raynas.proxy.smoothness import Smoothness, smoothness_of
from raynas.proxy.trainings import Laboratory, drawn
from raynas.proxy.variance import Variance, typical_noise, variance_of
from raynas.rewards import Metric
from raynas.tasks import Task
from raynas.trials import Architecture, Infeasible, Measurement, Trial

__all__ = ["Curve", "Repeats", "measure_repeats", "measure_smoothness"]


@dataclass(frozen=True)
class Repeats:
    """What training the same architecture several times has shown.

    Attributes:
        variances: One variance for each architecture, the baseline's first.
        typical: Deviation typical of them, with the ends of its interval; None for a single one.
        failed: Reasons of the trainings without a score.
    """

    variances: tuple[Variance, ...]
    typical: tuple[float, float, float] | None
    failed: tuple[str, ...]


@dataclass(frozen=True)
class Curve:
    """A learning curve and how smooth it is.

    Attributes:
        steps: Optimizer steps at the evaluations.
        scores: Score at each evaluation, larger being better.
        smoothness: Smoothness of the curve.
    """

    steps: tuple[int, ...]
    scores: tuple[float, ...]
    smoothness: Smoothness


def measure_repeats(
    laboratory: Laboratory,
    task: Task,
    *,
    repeats: int = 5,
    models: int = 1,
    seed: int = 0,
    part: str = "variance",
) -> Repeats:
    """Train the baseline, and further random architectures, `repeats` times each with `task`.

    Raises:
        ConfigurationError: `repeats` is below 2.
        RaynasError: No architecture has two scores.
        Interrupted: A signal came.
    """
    if repeats < 2:
        raise ConfigurationError(f"repeats={repeats}: must be at least 2")
    chosen = models_to_repeat(laboratory, models, seed)
    history, _ = laboratory.train(part, task, chosen, repeats)
    groups: dict[Architecture, list[float]] = {a: [] for a in chosen}
    for trial in history.completed:
        groups.get(trial.architecture, []).append(float(trial.reward or 0.0))
    scored = [group for group in groups.values() if len(group) > 1]
    failed = tuple(trial.reason or "" for trial in history.unrewarded)
    if not scored:
        raise RaynasError(f"no architecture has two scores: {failed[0] if failed else 'none ran'}")
    spread = [group for group in scored if np.ptp(group) > 0]
    typical = typical_noise(spread) if len(spread) > 1 else None
    return Repeats(tuple(variance_of(group) for group in scored), typical, failed)


def measure_smoothness(
    laboratory: Laboratory, task: Task, *, models: int = 1, seed: int = 0, part: str = "smoothness"
) -> tuple[Curve, ...]:
    """Train the baseline, and further random architectures, once each, and look at their curves.

    Raises:
        ConfigurationError: The curves have too few evaluations.
        RaynasError: Nothing has a score.
        Interrupted: A signal came.
    """
    chosen = models_to_repeat(laboratory, models, seed)
    history, _ = laboratory.train(part, task, chosen)
    if not history.completed:
        reason = next((trial.reason for trial in history.unrewarded), None)
        raise RaynasError(f"no training has a score: {reason}")
    return tuple(_curve(trial, Metric(task.metric, task.mode)) for trial in history.completed)


def models_to_repeat(laboratory: Laboratory, models: int, seed: int) -> list[Architecture]:
    """The baseline and random ones, `models` in all."""
    if models < 1:
        raise ConfigurationError(f"models={models}: must be at least 1")
    baseline = baseline_of(laboratory.space)
    first = [] if baseline is None else [baseline]
    more = models - len(first)
    return [*first, *(drawn(laboratory.space, more, seed, first) if more else [])]


def _curve(trial: Trial, metric: Metric) -> Curve:
    scored = [(point.step, metric(Measurement(point.metrics))) for point in trial.curve]
    points: Sequence[tuple[int, float]] = [
        (step, score) for step, score in scored if not isinstance(score, Infeasible)
    ]
    steps, scores = [step for step, _ in points], [score for _, score in points]
    return Curve(tuple(steps), tuple(scores), smoothness_of(steps, scores))
