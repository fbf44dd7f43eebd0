"""The reference models, by which a proxy is judged: chosen, and trained at a reduced cost."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from raynas.errors import ConfigurationError, RaynasError
from raynas.full_training import full_task
from raynas.full_training.stage2 import baseline_of
from raynas.proxy.cpu_time import seconds_of
from raynas.proxy.extrapolation import Extrapolation, extrapolate
from raynas.proxy.reduction import lightning
from raynas.proxy.stratified_selection import rounds_of, spread_out
from raynas.proxy.trainings import Laboratory, drawn, trial_of
from raynas.rank_interval import FEWEST
from raynas.tasks import LightningTask
from raynas.trials import Architecture, History, Trial
from raynas.wording import counted

__all__ = ["References", "find_references", "full_training_of", "reduced"]

Floats = NDArray[np.float64]

_FAILED_AT_MOST = 0.5  # of the candidates: the others are no longer spread over the space


@dataclass(frozen=True)
class References:
    """The reference models, with their scores by full training.

    Attributes:
        architectures: The models.
        costs: What each costs, by the metric `cost`.
        cost: The metric that the models are spread over, besides the score.
        early: Score of each by the last round before full training.
        truth: Scores by full training, known or predicted.
        seconds: Seconds of each full training, measured or scaled up.
        candidates: Score and cost of every candidate, as its last round saw it.
        spent: What all rounds took, in full trainings.
    """

    architectures: tuple[Architecture, ...]
    costs: Floats
    cost: str
    early: Floats
    truth: Extrapolation
    seconds: Floats
    candidates: tuple[tuple[float, float], ...]
    spent: float


def full_training_of(laboratory: Laboratory, max_steps: int | None) -> LightningTask:
    """The task that trains in full.

    Raises:
        ConfigurationError: It is none of Lightning's, or its length is not known.
    """
    return lightning(full_task(laboratory.search, max_steps), "full training to shorten")


def reduced(task: LightningTask, share: float) -> LightningTask:
    """The full training `task` with a share of its steps, on the same data."""
    if share == 1:
        return task
    made = copy.copy(task)
    made.max_steps = max(1, round(share * task.max_steps))
    made.evaluations = 1
    made.checkpoint_every = None
    return made


def find_references(
    laboratory: Laboratory,
    *,
    candidates: int = 30,
    models: int = 10,
    full: int = 6,
    max_steps: int | None = None,
    cost: str = "parameters",
    seed: int = 0,
) -> References:
    """Choose the reference models by successive rejection, and train them.

    Random candidates, the baseline among them, are trained briefly; those that crowd the plane of
    score and cost are dropped; the others are trained longer. Of the models that are left, some
    are trained in full, and the scores of the others are predicted from what all have in common,
    see `raynas.proxy.extrapolation`. A candidate without a score is dropped.

    Args:
        laboratory: Laboratory that trains the architectures.
        candidates: Architectures in the first round.
        models: Reference models that are kept.
        full: Reference models that are trained in full.
        max_steps: Optimizer steps of a full training, where the search does not say.
        cost: A metric of the trials, such as ``"parameters"`` or a latency, or ``"seconds"``.
        seed: Seed of the candidates.

    Raises:
        ConfigurationError: The task cannot be shortened, or a figure is out of its range.
        RaynasError: Half of the candidates failed.
        Interrupted: A signal came.
    """
    task = full_training_of(laboratory, max_steps)
    rounds = rounds_of(candidates, models, full)
    left = _candidates(laboratory, candidates, seed)
    seen: dict[Architecture, tuple[float, float]] = {}
    histories: list[History] = []
    for number, each in enumerate(rounds, 1):
        history, _ = laboratory.train(f"models-{number}", reduced(task, each.share), left)
        histories.append(history)
        scored = [a for a in left if trial_of(history, a) is not None]
        _check_scored(scored, left, history)
        seen |= {a: (_score(history, a), _cost(history, a, cost)) for a in scored}
        if number == len(rounds) - 1:
            kept = scored
        if number < len(rounds):
            chosen = spread_out(
                [seen[a][0] for a in scored], [seen[a][1] for a in scored], each.kept
            )
            left = [scored[index] for index in chosen]
    return _references(kept, histories, cost, seen)


def _candidates(laboratory: Laboratory, count: int, seed: int) -> list[Architecture]:
    baseline = baseline_of(laboratory.space)
    first = [] if baseline is None else [baseline]
    found = [*first, *drawn(laboratory.space, count - len(first), seed, first)]
    if len(found) < count:
        raise ConfigurationError(
            f"candidates={count}: the space has only {counted(len(found), 'architecture')}; give "
            "fewer"
        )
    return found


def _references(
    kept: Sequence[Architecture],
    histories: Sequence[History],
    cost: str,
    seen: dict[Architecture, tuple[float, float]],
) -> References:
    short, whole = histories[-2], histories[-1]
    early = np.array([_score(short, a) for a in kept])
    final = np.array([_score(whole, a) if trial_of(whole, a) else np.nan for a in kept])
    brief = np.array([_seconds(short, a) for a in kept])
    long = np.array([_seconds(whole, a) if trial_of(whole, a) else np.nan for a in kept])
    scale = float(np.nanmedian(long / brief))
    seconds = np.where(np.isfinite(long), long, brief * scale)
    total = sum(_seconds(h, trial.architecture) for h in histories for trial in h.completed)
    return References(
        tuple(kept),
        np.array([_cost(short, a, cost) for a in kept]),
        cost,
        early,
        extrapolate(early, final),
        seconds,
        tuple(seen.values()),
        total / float(seconds.mean()),
    )


def _check_scored(
    scored: Sequence[Architecture], tried: Sequence[Architecture], history: History
) -> None:
    if len(scored) <= _FAILED_AT_MOST * len(tried) or len(scored) < min(FEWEST, len(tried)):
        reasons = [trial.reason for trial in history.unrewarded]
        first = f": {reasons[0]}" if reasons else ""
        raise RaynasError(
            f"{len(tried) - len(scored)} of {counted(len(tried), 'reference model')} have no "
            f"score{first}; fix this, or the search will fail as often"
        )


def _score(history: History, architecture: Architecture) -> float:
    trial = _completed(history, architecture)
    return float(trial.reward or 0.0)


def _seconds(history: History, architecture: Architecture) -> float:
    return seconds_of(_measurement(history, architecture))


def _cost(history: History, architecture: Architecture, cost: str) -> float:
    measurement = _measurement(history, architecture)
    if cost == "seconds":
        return seconds_of(measurement)
    if cost not in measurement.metrics:
        raise ConfigurationError(
            f"cost={cost!r}: the trials have no such metric; use one of "
            f"{', '.join(measurement.metrics)} or seconds"
        )
    return float(measurement.metrics[cost])


def _measurement(history: History, architecture: Architecture) -> Any:
    outcome: Any = _completed(history, architecture).outcome
    return outcome.measurement


def _completed(history: History, architecture: Architecture) -> Trial:
    trial = trial_of(history, architecture)
    if trial is None:
        raise RaynasError(f"{architecture!r} has no score")
    return trial
