"""Which trials go on: Ray's schedulers, over this search's rewards.

ASHA: Li et al. 2020, "A System for Massively Parallel Hyperparameter Tuning", Algorithm 2.
Hyperband: Li et al. 2018, JMLR 18(185), in its asynchronous form of several ASHA brackets.
Median stopping: Golovin et al. 2017, "Google Vizier", section 3.2.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from contextlib import suppress
from types import SimpleNamespace
from typing import Any, TypeAlias

from ray.tune.schedulers import (
    AsyncHyperBandScheduler,
    HyperBandForBOHB,
    HyperBandScheduler,
    MedianStoppingRule,
    PopulationBasedTraining,
    ResourceChangingScheduler,
    TrialScheduler,
)

from raynas.arguments import shown
from raynas.errors import ConfigurationError
from raynas.rewards import Reward, judge
from raynas.tasks import Task
from raynas.trials import Completed, History, Measurement

__all__ = [
    "NAMES",
    "ONLY_FOR_BOHB",
    "SchedulerLike",
    "check_scheduler",
    "make_scheduler",
    "replay",
    "scored",
    "scorer",
]

NAMES = ("asha", "hyperband", "median")
SchedulerLike: TypeAlias = str | TrialScheduler | None
"""A name of `NAMES`, a scheduler of Ray's, or None."""
Score: TypeAlias = Callable[[int, Mapping[str, float]], float | None]

ONLY_FOR_BOHB = "it works with TuneBOHB only; use ASHAScheduler or HyperBandScheduler"

_REWARD = "reward"
_REDUCTION = 3  # eta in Li et al. 2020 (ASHA), who recommend 3 or 4
_BRACKETS = 3  # chosen by hand: a search of some hundred trials fills no more
_LEAST_OTHERS = 3  # Ray's default of its median rule
_NO_CONTROLLER: Any = SimpleNamespace(get_live_trials=list)  # as far as they look at it


def check_scheduler(scheduler: object, task: Task) -> None:
    """Refuse what cannot schedule the trials of `task`.

    Raises:
        ConfigurationError: It is no name, it trades settings between trials or needs a searcher of
            its own, or the task does not say how many steps it takes or reports only at the end.
    """
    if isinstance(scheduler, PopulationBasedTraining):
        raise ConfigurationError(
            f"scheduler={type(scheduler).__name__}(...): it copies weights and settings from trial "
            f"to trial, which fits one architecture only; use one of {', '.join(NAMES)}"
        )
    if isinstance(scheduler, HyperBandForBOHB):
        raise ConfigurationError(f"scheduler=HyperBandForBOHB(...): {ONLY_FOR_BOHB}")
    if isinstance(scheduler, HyperBandScheduler):
        raise ConfigurationError(
            "scheduler=HyperBandScheduler(...): it pauses trials until a whole bracket has got as "
            "far, which leaves workers idle; use 'hyperband', which does the same asynchronously"
        )
    if isinstance(scheduler, ResourceChangingScheduler):
        raise ConfigurationError(
            "scheduler=ResourceChangingScheduler(...): what a trial reserves is fixed, so that its "
            "results can be compared; give Search(resources=...), and a scheduler of "
            f"{', '.join(NAMES)}"
        )
    if isinstance(scheduler, AsyncHyperBandScheduler):
        _check_length(scheduler, task)
    if scheduler is None or isinstance(scheduler, TrialScheduler):
        return
    if not isinstance(scheduler, str) or scheduler not in NAMES:
        raise ConfigurationError(
            f"scheduler={shown(scheduler)}: use one of {', '.join(NAMES)}, or a scheduler of "
            "ray.tune"
        )
    steps = getattr(task, "max_steps", None)
    if not isinstance(steps, int):
        raise ConfigurationError(
            f"scheduler={scheduler!r}: a {type(task).__name__} has no max_steps to divide into "
            "rungs; give a scheduler of ray.tune with its own max_t, over what the task reports"
        )
    if getattr(task, "evaluations", 2) < 2:
        raise ConfigurationError(
            f"scheduler={scheduler!r}: with evaluations=1 a trial is only seen at its end; "
            "evaluate more often, as in LightningTask(..., evaluations=10)"
        )


def _check_length(scheduler: AsyncHyperBandScheduler, task: Task) -> None:
    """Refuse a `max_t` that ends every trial before its end, so that none would have a reward.

    Raises:
        ConfigurationError: It does.
    """
    known = {"training_iteration": "evaluations", "step": "max_steps"}
    attribute = known.get(scheduler._time_attr)
    length = getattr(task, attribute, None) if attribute else None
    if isinstance(length, int) and scheduler._max_t < length:
        raise ConfigurationError(
            f"scheduler={type(scheduler).__name__}(time_attr={scheduler._time_attr!r}, "
            f"max_t={scheduler._max_t:g}): it ends every trial there, before its end, so that none "
            f"has a reward; the task has {attribute}={length}, so give max_t={length}"
        )


def make_scheduler(scheduler: SchedulerLike, task: Task) -> tuple[TrialScheduler | None, str]:
    """The scheduler that is meant, over steps, and its name.

    The first decision is made at the first evaluation, or a ninth of the steps where that is later.

    Raises:
        ConfigurationError: See `check_scheduler`.
    """
    check_scheduler(scheduler, task)
    if scheduler is None:
        return None, ""
    if isinstance(scheduler, TrialScheduler):
        return scheduler, type(scheduler).__name__
    steps = int(getattr(task, "max_steps", 0))
    first = max(1, -(-steps // getattr(task, "evaluations", steps)), steps // _REDUCTION**2)
    if scheduler == "median":
        rule = MedianStoppingRule(
            time_attr="step", grace_period=first, min_samples_required=_LEAST_OTHERS
        )
        return rule, scheduler
    bands = AsyncHyperBandScheduler(
        time_attr="step",
        max_t=steps,
        grace_period=min(first, steps),
        reduction_factor=_REDUCTION,
        brackets=_BRACKETS if scheduler == "hyperband" else 1,
        stop_last_trials=False,
    )
    return bands, scheduler


def scorer(reward: Reward) -> Score:
    """The one number that a scheduler maximizes, by a step and the metrics at it.

    With one objective that is the reward. With several it is minus the share of the points that
    other trials reported at the same step and that dominate this one, so that the front so far has
    0: non-dominated rank as in Schmucker et al. 2021, "Multi-objective Asynchronous Successive
    Halving", among what is known at the time.
    """
    seen: dict[int, list[tuple[float, ...]]] = defaultdict(list)

    def score(step: int, metrics: Mapping[str, float]) -> float | None:
        outcome = judge(reward, Measurement(metrics))
        if not isinstance(outcome, Completed):
            return None
        point = outcome.objectives
        if len(point) == 1:
            return point[0]
        others = seen[step]
        worse = sum(
            all(o >= p for o, p in zip(q, point, strict=True)) and q != point for q in others
        )
        score = -worse / max(1, len(others))
        if point not in others:
            others.append(point)
        return score

    return score


def scored(
    scheduler: TrialScheduler, score: Score, step: int, metrics: Mapping[str, float]
) -> dict[str, float] | None:
    """A report as `scheduler` takes it; None where it holds nothing that it goes by.

    That is the search's reward, or the metric that the scheduler was made with.
    """
    own = getattr(scheduler, "_metric", None)
    if own is not None and own != _REWARD:
        return {**metrics, "step": step} if own in metrics else None
    value = score(step, metrics)
    return None if value is None else {**metrics, "step": step, _REWARD: value}


class _Past:
    """A trial of an earlier process, as far as a scheduler looks at it."""

    def __init__(self, number: int) -> None:
        self.trial_id = f"past-{number}"


def replay(scheduler: TrialScheduler, history: History, score: Score) -> None:
    """Let `scheduler` see the curves of the trials that ended before this process began.

    What it decided then is not asked again. A scheduler that needs more of Tune's trials than
    their reports begins anew.
    """
    scheduler.set_search_properties(_REWARD, "max")
    if not isinstance(scheduler, AsyncHyperBandScheduler | MedianStoppingRule):
        return
    for trial in sorted(history.ended, key=lambda ended: ended.ended or 0.0):
        past: Any = _Past(trial.number)
        with suppress(Exception):
            if trial.curve:
                scheduler.on_trial_add(_NO_CONTROLLER, past)
            measured = getattr(trial.outcome, "measurement", None)
            for count, point in enumerate(trial.curve, 1):
                metrics = {**measured.metrics, **point.metrics} if measured else point.metrics
                seen = scored(scheduler, score, point.step, metrics)
                if seen is not None:
                    scheduler.on_trial_result(
                        _NO_CONTROLLER, past, {"training_iteration": count, **seen}
                    )
