"""The search for a proxy: candidates on the reference models, the cheapest confirmed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from raynas.proxy.agreement import Agreement, agreement_of
from raynas.proxy.cpu_time import seconds_at, seconds_of
from raynas.proxy.reduction import Setting, proxy_task
from raynas.proxy.reference_models import References, full_training_of
from raynas.proxy.selection import (
    Goal,
    Reading,
    best_of,
    early_rejection,
    likeliest_of,
    readings_of,
    why_ended,
)
from raynas.proxy.trainings import Laboratory, trial_of
from raynas.rewards import Metric
from raynas.stopping import StopRule
from raynas.tasks import LightningTask
from raynas.trials import History, Infeasible, Measurement, Stop, Trial
from raynas.wording import counted

__all__ = ["Design", "ProxyCandidate", "design_proxy"]

Floats = NDArray[np.float64]

_DRAWS = 4000  # as for the agreement's interval


@dataclass(frozen=True)
class ProxyCandidate:
    """A setting that was looked at.

    Attributes:
        setting: What is reduced, besides the steps.
        readings: One reading for each step at which its runs were evaluated; none where it was
            dropped before all models were trained.
        reason: Why it was chosen or rejected.
        spent: What its runs took, in full trainings.
    """

    setting: Setting
    readings: tuple[Reading, ...]
    reason: str
    spent: float


@dataclass(frozen=True)
class Design:
    """The proxy that was found.

    Attributes:
        goal: What it had to do.
        candidates: All that was looked at, in order.
        setting: Setting of the proxy; None if no candidate's tau reaches the goal.
        steps: Optimizer steps of the run.
        sure: Whether it is good enough with the goal's confidence, or by its tau alone.
        agreement: Agreement of the proxy as it will be used, its schedule fitted to its steps,
            measured by new trainings of the reference models.
        low: Tau that it has at least, with the goal's confidence.
        cost: Cost in full trainings, as measured then.
        scores: Scores of the reference models on the proxy.
        spent: What all of this took, in full trainings, without the reference models.
    """

    goal: Goal
    candidates: tuple[ProxyCandidate, ...]
    setting: Setting | None
    steps: int
    sure: bool
    agreement: Agreement | None
    low: float
    cost: float
    scores: Floats
    spent: float


def design_proxy(
    laboratory: Laboratory,
    references: References,
    settings: Sequence[Setting],
    goal: Goal | None = None,
    *,
    steps: int | None = None,
    evaluations: int = 8,
    max_steps: int | None = None,
    all_candidates: bool = False,
) -> Design:
    """Find the cheapest proxy that ranks the reference models as full training does.

    Each setting is one run of every reference model, evaluated as it goes: the score at each of
    these steps is a reading. Settings come in the order given; one that is too expensive or cannot
    reach the goal is dropped while its models are being trained, and the first that is good enough
    with the goal's confidence limits what the later ones may cost. The proxy taken is trained once
    more, with a learning-rate schedule fitted to its steps, and it is that training which is
    reported and which the search should use. Where no setting is good enough with that confidence,
    each whose tau is gets as many steps as its cost allows, and the surest is taken.

    Args:
        laboratory: Laboratory that trains the architectures.
        references: What to agree with.
        settings: The candidates, cheaper ones first.
        goal: What is good enough.
        steps: Optimizer steps of each candidate run; by default what the goal's cost allows.
        evaluations: Evaluations of each run.
        max_steps: Optimizer steps of a full training, where the search does not say.
        all_candidates: Train all of the models with all candidates, to have all their curves.

    Raises:
        Interrupted: A signal came.
    """
    goal = goal or Goal()
    task = full_training_of(laboratory, max_steps)
    longest = steps or max(evaluations, math.ceil(task.max_steps * goal.most))
    best = math.inf
    candidates: list[ProxyCandidate] = []
    for setting in settings:
        reduced = proxy_task(task, setting, longest, evaluations=evaluations)
        rule = _Rejected(reduced, references, goal, math.inf if all_candidates else best)
        history, stop = laboratory.train(
            f"design-{setting.slug}",
            reduced,
            references.architectures,
            rules=() if all_candidates else (rule,),
        )
        candidate = _candidate(setting, history, stop, rule, references, goal, len(settings), best)
        laboratory.say(f"{setting}: {candidate.reason}")
        candidates.append(candidate)
        sure = best_of(candidate.readings, goal)
        best = min(best, sure.cost if sure else math.inf)
    return _confirmed(laboratory, task, references, goal, candidates, len(settings))


def _candidate(
    setting: Setting,
    history: History,
    stop: Stop | None,
    rule: _Rejected,
    references: References,
    goal: Goal,
    planned: int,
    best: float,
) -> ProxyCandidate:
    spent = _spent(history, references)
    if stop is not None:
        return ProxyCandidate(setting, (), stop.reason, spent)
    steps, scores, costs = rule.table(history)
    if not steps:
        reason = next((trial.reason for trial in history.unrewarded), None)
        return ProxyCandidate(setting, (), f"no model has a score: {reason}", spent)
    readings = readings_of(
        str(setting),
        steps,
        scores,
        costs,
        references.truth.scores,
        goal,
        planned,
        truth=references.truth.draws(_DRAWS),
    )
    return ProxyCandidate(setting, tuple(readings), why_ended(readings, goal, best), spent)


def _confirmed(
    laboratory: Laboratory,
    task: LightningTask,
    references: References,
    goal: Goal,
    candidates: list[ProxyCandidate],
    planned: int,
) -> Design:
    readings = [reading for candidate in candidates for reading in candidate.readings]
    surely = best_of(readings, goal)
    taken = surely or likeliest_of(readings, goal)
    spent = sum(candidate.spent for candidate in candidates)
    if taken is None:
        none = np.full(len(references.architectures), np.nan)
        return Design(
            goal, tuple(candidates), None, 0, False, None, math.nan, math.nan, none, spent
        )
    setting = next(c.setting for c in candidates if str(c.setting) == taken.candidate)
    steps = int(taken.step)
    fitted = proxy_task(task, setting, steps)
    history, _ = laboratory.train(
        f"confirm-{setting.slug}-{steps}", fitted, references.architectures
    )
    trials = [trial_of(history, a) for a in references.architectures]
    scores = np.array([np.nan if t is None or t.reward is None else t.reward for t in trials])
    truth = references.truth.scores
    reading = readings_of(
        taken.candidate,
        [steps],
        scores[None],
        [_cost(trials, references, steps)],
        truth,
        goal,
        planned,
        truth=references.truth.draws(_DRAWS),
    )[0]
    return Design(
        goal,
        tuple(candidates),
        setting,
        steps,
        reading.meets(goal) and surely is not None,
        agreement_of(scores, truth, drawn=references.truth.draws(_DRAWS)),
        reading.low,
        reading.cost,
        scores,
        spent + _spent(history, references),
    )


class _Rejected(StopRule):
    """Ends a candidate's study by the rules of `early_rejection`."""

    def __init__(
        self, task: LightningTask, references: References, goal: Goal, best: float
    ) -> None:
        self.metric = Metric(task.metric, task.mode)
        self.references = references
        self.goal = goal
        self.best = best

    def check(self, history: History, now: float) -> Stop | None:
        """See `StopRule.check`."""
        del now
        steps, scores, costs = self.table(history)
        lost = len(history.unrewarded)
        models = len(self.references.architectures)
        if not steps:
            scores, costs = np.full((1, models), np.nan), [0.0]
        reason = early_rejection(
            scores, self.references.truth.scores, costs, lost, self.goal, self.best
        )
        return None if reason is None else Stop("candidate", reason, "look at the next one")

    def state(self, history: History, now: float) -> str:
        """See `StopRule.state`."""
        del now
        return f"{len(history.completed)} of {counted(len(self.references.architectures), 'model')}"

    def table(self, history: History) -> tuple[list[int], Floats, list[float]]:
        """Steps, scores of shape ``(steps, models)``, and costs in full trainings at each step."""
        trials = [trial_of(history, a) for a in self.references.architectures]
        curves = [self._curve(trial) for trial in trials]
        steps = sorted({step for curve in curves for step in curve})
        scores = np.array([[curve.get(step, np.nan) for curve in curves] for step in steps])
        return steps, scores, [_cost(trials, self.references, step) for step in steps]

    def _curve(self, trial: Trial | None) -> dict[int, float]:
        if trial is None:
            return {}
        scored = {p.step: self.metric(Measurement(p.metrics)) for p in trial.curve}
        return {step: score for step, score in scored.items() if not isinstance(score, Infeasible)}


def _cost(trials: Sequence[Trial | None], references: References, step: int) -> float:
    """What a model costs to `step`, in full trainings: the median, as a mean may be spoilt."""
    pairs = zip(map(_measurement, trials), references.seconds, strict=True)
    ratios = [seconds_at(found, step) / full for found, full in pairs if found is not None]
    return float(np.median(ratios)) if ratios else math.nan


def _spent(history: History, references: References) -> float:
    seconds = sum(_seconds(trial) for trial in history.ended)
    return seconds / float(references.seconds.mean())


def _seconds(trial: Trial) -> float:
    measurement = _measurement(trial)
    return 0.0 if measurement is None else seconds_of(measurement)


def _measurement(trial: Trial | None) -> Measurement | None:
    return None if trial is None else getattr(trial.outcome, "measurement", None)
