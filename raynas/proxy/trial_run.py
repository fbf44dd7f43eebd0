"""Try the chosen proxy as the search will use it, and see whether it does what it promised."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from raynas.errors import RaynasError
from raynas.proxy.agreement import Agreement, agreement_of
from raynas.proxy.checks import CheckResult, check_agreement, check_trials, too_few
from raynas.proxy.cpu_time import TIMES, seconds_of
from raynas.proxy.reduction import Setting, proxy_task
from raynas.proxy.reference_models import full_training_of, reduced
from raynas.proxy.trainings import Laboratory, drawn, trial_of
from raynas.rank_interval import FEWEST
from raynas.tasks import LightningTask, Measured
from raynas.trials import Architecture, Completed, History

__all__ = ["Fresh", "final_checks", "try_fresh"]

_FRESH_SEED = 1  # any but the search's default, 0
_NOT_COSTS = (*TIMES, "peak_memory_bytes")
LEAST_COST_TAU = 0.65
"""Kendall's tau which a latency by proxy must have with that of the full models."""


@dataclass(frozen=True)
class Fresh:
    """The proxy on architectures that had no part in its choice.

    Attributes:
        proxy: Score of each by proxy.
        full: Score of each by full training.
        agreement: Rank agreement of proxy and full training.
        cost: Cost of the proxy, in full trainings.
    """

    proxy: NDArray[np.float64]
    full: NDArray[np.float64]
    agreement: Agreement
    cost: float


def final_checks(
    laboratory: Laboratory,
    setting: Setting,
    steps: int,
    *,
    trials: int = 10,
    max_steps: int | None = None,
    sane: tuple[float, float] = (-np.inf, np.inf),
    seed: int = _FRESH_SEED,
) -> list[CheckResult]:
    """Run a few trials of the proxy on random architectures, and check them.

    Args:
        laboratory: Laboratory that trains the architectures.
        setting: Setting of the proxy.
        steps: Optimizer steps of the proxy.
        trials: How many.
        max_steps: Optimizer steps of a full training, where the search does not say.
        sane: Least and largest score that makes sense.
        seed: Seed of the architectures.

    Raises:
        Interrupted: A signal came.
    """
    task = proxy_task(full_training_of(laboratory, max_steps), setting, steps)
    chosen = drawn(laboratory.space, trials, seed)
    history, _ = laboratory.train(f"check-{setting.slug}-{steps}", task, chosen)
    findings = check_trials(_of(history, chosen), {task.metric}, sane)
    return [*findings, *_costs_agree(laboratory, task, chosen, max_steps)]


def try_fresh(
    laboratory: Laboratory,
    setting: Setting,
    steps: int,
    *,
    count: int = 20,
    max_steps: int | None = None,
    seed: int = _FRESH_SEED,
) -> Fresh:
    """Train fresh random architectures by proxy and in full, and compare.

    Raises:
        RaynasError: Too few of them have both scores.
        Interrupted: A signal came.
    """
    full = full_training_of(laboratory, max_steps)
    chosen = drawn(laboratory.space, count, seed)
    short, _ = laboratory.train(
        f"check-{setting.slug}-{steps}", proxy_task(full, setting, steps), chosen
    )
    long, _ = laboratory.train("fresh", full, chosen)
    pairs = [(trial_of(short, a), trial_of(long, a)) for a in chosen]
    measured: list[tuple[Any, Any]] = [(p, f) for p, f in pairs if p is not None and f is not None]
    if not measured:
        raise RaynasError("no fresh architecture has both scores")
    brief = np.array([trial.reward for trial, _ in measured], dtype=float)
    whole = np.array([trial.reward for _, trial in measured], dtype=float)
    cost = np.median(
        [seconds_of(p.outcome.measurement) / seconds_of(f.outcome.measurement) for p, f in measured]
    )
    return Fresh(brief, whole, agreement_of(brief, whole), float(cost))


def _costs_agree(
    laboratory: Laboratory,
    proxy: LightningTask,
    chosen: Sequence[Architecture],
    max_steps: int | None,
) -> list[CheckResult]:
    """What the search's meters measure, on the networks of the proxy and of full training.

    For that, both are trained for a single step.
    """
    searched = laboratory.search.task
    if not isinstance(searched, Measured):
        return []
    tasks = {"proxy": proxy, "full": reduced(full_training_of(laboratory, max_steps), 1e-9)}
    histories = []
    for name, task in tasks.items():
        brief = copy.copy(task)
        brief.max_steps = brief.evaluations = 1
        metered = Measured(brief, *searched.meters, example_input=searched.example_input)
        histories.append(laboratory.train(f"cost-{name}", metered, chosen)[0])
    pairs = [[trial_of(history, a) for history in histories] for a in chosen]
    metrics = [
        [
            t.outcome.measurement.metrics
            for t in pair
            if t is not None and isinstance(t.outcome, Completed)
        ]
        for pair in pairs
    ]
    both = [pair for pair in metrics if len(pair) == 2]
    names = set.intersection(*(set(pair[0]) & set(pair[1]) for pair in both)) if both else set()
    findings = []
    for name in sorted(names - {proxy.metric, *_NOT_COSTS}):
        columns = [[pair[side][name] for pair in both] for side in (0, 1)]
        if len(both) < FEWEST:
            findings.append(too_few(name, len(both)))
        elif min(len(set(column)) for column in columns) > 1:
            findings.append(check_agreement(name, agreement_of(*columns), LEAST_COST_TAU))
    return findings


def _of(history: History, chosen: list[Architecture]) -> History:
    """The trials of `chosen` alone, as more may have been run before."""
    wanted = set(chosen)
    kept = [trial for trial in history if trial.architecture in wanted]
    return History(tuple(kept), history.shown_as)
