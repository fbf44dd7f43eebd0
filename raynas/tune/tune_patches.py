"""What Tune 2.60 does to a search that it should not, changed in the controller of one run.

Each function takes Tune's controller. Where that is built differently it is left alone, with a
warning that says what to expect.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import ray
from ray.exceptions import OutOfMemoryError, RayActorError
from ray.tune.experiment import Trial

from raynas.store.log import announce

__all__ = ["drop_finished", "let_workers_start", "survive_memory_kills"]

_ENDED = (Trial.TERMINATED, Trial.ERROR)


def survive_memory_kills(controller: Any) -> None:
    """Let a kill by Ray's memory monitor be an actor's death, which a run survives.

    Ray raises it as another kind of error, for which Tune's actor manager ends the run.
    """
    manager = getattr(controller, "_actor_manager", None)
    failed = getattr(manager, "_actor_task_failed", None)
    if failed is None:
        _warn("a worker that Ray ends for want of memory may end the whole run")
        return

    def survived(tracked_actor_task: Any, exception: Exception) -> None:
        killed = isinstance(exception, OutOfMemoryError)
        failed(tracked_actor_task, RayActorError(error_msg=str(exception)) if killed else exception)

    manager._actor_task_failed = survived  # type: ignore[union-attr]


def let_workers_start(controller: Any) -> None:
    """Let a worker that is starting have the trial that it starts for.

    Tune gives that trial to the first worker that is free, and stops the new one before it ran
    anything. Where trials are shorter than a worker's start, a single worker then runs them all
    while others start for nothing.
    """
    needed = ("_maybe_reuse_cached_actor", "_trial_to_actor", "_resetting_trials", "_actor_manager")
    if not all(hasattr(controller, name) for name in needed):
        _warn("where trials are short, they may run one after the other")
    else:
        # Its class, not a closure among its attributes: Tune pickles those.
        controller.__class__ = _patient(type(controller))


def _warn(what: str) -> None:
    announce("Ray %s differs from those that raynas knows: %s", ray.__version__, what)


def _patient(base: Any) -> type:
    class Patient(base):  # type: ignore[misc]
        def _maybe_reuse_cached_actor(self, trial: Trial) -> bool:
            worker = self._trial_to_actor.get(trial)
            if (
                worker is not None
                and trial not in self._resetting_trials
                and self._actor_manager.is_actor_started(worker)
            ):
                return False
            return bool(super()._maybe_reuse_cached_actor(trial))

    return Patient


def drop_finished(controller: Any, trials: list[Trial]) -> None:
    """Take trials that ended off Tune's lists, which it keeps and goes through at every step."""
    ended = [trial for trial in trials if trial.status in _ENDED]
    for trial in ended:
        for name in ("_stopped_trials", "_failed_trials", "_trials_to_cache", "_live_trials"):
            with suppress(AttributeError):
                getattr(controller, name).discard(trial)
    trials[:] = [trial for trial in trials if trial.status not in _ENDED]
