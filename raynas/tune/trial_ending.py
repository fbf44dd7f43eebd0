"""End of a Tune trial: its last result becomes an outcome, or the reason for another run."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from typing import Any, TypeAlias

from raynas.errors import RaynasError, TaskError
from raynas.trials import Failed, History, Infeasible, Measurement, Outcome, Stopped
from raynas.tune.result_metrics import measured_so_far, metrics_in, unmeasured
from raynas.tune.retry_policy import Again, Care
from raynas.tune.trainable import RESULT, STEP, read_ending

__all__ = ["Ending", "ending_of", "not_taken", "without_secrets"]

Ending: TypeAlias = Measurement | Outcome | Again


def ending_of(
    trial_id: str,
    number: int,
    result: Mapping[str, Any] | None,
    care: Care,
    history: History,
    objectives: Collection[str] = (),
) -> Ending:
    """How a trial ended, as far as its last result and the retry policy say.

    Args:
        trial_id: Tune's name of the trial.
        number: Number of the trial.
        result: Last result of the trial, whose point is in `history`; None after an error.
        care: The retry policy.
        history: The history, in which the trial runs.
        objectives: Metrics that a trainable of the user's has to report.

    Raises:
        TaskError: No architecture could get the task right, and none has; or no trial has had
            the objectives.
    """
    if result is None:
        return care.after_death(trial_id, number)
    if STEP in result:
        by = care.stopped_by.pop(trial_id, "Ray Tune")
        return Stopped(by, measured_so_far(history[number]))
    if RESULT not in result:
        return _measured(result, history, objectives)
    try:
        ending = read_ending(result[RESULT])
    except TaskError as problem:
        if not history.completed:
            raise
        return Failed(str(problem))
    if isinstance(ending, MemoryError):
        return care.after_memory(number, str(ending))
    return ending


def _measured(
    result: Mapping[str, Any], history: History, objectives: Collection[str]
) -> Measurement | Infeasible:
    """What the last result of a trainable of the user's measured."""
    missing = unmeasured(result, objectives)
    if missing is None:
        seconds = result.get("time_total_s", 0.0)
        return Measurement(metrics_in(result, objectives), seconds=seconds)
    if not history.completed:
        raise TaskError(missing)
    return Infeasible(missing)


def without_secrets(ending: Ending, scrub: Callable[..., str]) -> Ending:
    """`ending` with its words scrubbed."""
    match ending:
        case Failed(error=error):
            return Failed(scrub(error))
        case Infeasible(reason=reason):
            return replace(ending, reason=scrub(reason))
        case Again(why=why, log=log):
            return replace(ending, why=scrub(why), log=scrub(log))
    return ending


def not_taken(number: int, problem: Exception, scrub: Callable[[str], str]) -> RaynasError:
    """The error with which a search ends that could not take the result of trial `number`.

    Args:
        number: Number of the trial.
        problem: What went wrong.
        scrub: Takes secrets out of a text.
    """
    if isinstance(problem, RaynasError):
        problem.args = (scrub(str(problem)),)
        return problem
    what = scrub(f"{type(problem).__name__}: {problem}")
    return RaynasError(
        f"the result of trial {number} could not be taken ({what}); fix that and run the same "
        "command again: it runs once more"
    )
