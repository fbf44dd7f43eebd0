"""A search's trials run one by one in this process, instead of on Ray Tune."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from itertools import count
from typing import Any

import pytest

from raynas.tasks import process_state, user_code
from raynas.tune import trainable
from raynas.tune.checkpoints import Checkpoints
from raynas.tune.event_log import Events
from raynas.tune.retry_policy import Care
from raynas.tune.task_thread import Attempt
from raynas.tune.trainable import NUMBER, RESULT, WorkerConfig
from raynas.tune.worker_device import limit_threads

__all__ = ["run_trials"]


def run_trials(
    searcher: Any,
    space: Any,
    task: Any,
    settings: Any,
    trying: Callable[[Any], object] = lambda architecture: None,
) -> bool:
    """In place of `raynas.tune.run.run_trials`; calls `trying` with each architecture.

    The searcher, the way in which space and task travel, and what a worker does are real. Tune and
    its workers, each of which imports torch and Lightning for seconds, are not there.
    """
    own: Any = pickle.loads(user_code.packed((space, task)).value)[0]
    plan = WorkerConfig("", own, settings.seed, 1, 0, None, settings.checkpoints, settings.mark)
    kept = Checkpoints(settings.checkpoints, settings.mark)
    searcher.careful(Care(forget=kept.forget), Events(settings.folder))
    searcher.keeps_stopped = settings.spares_repeats
    for name in map(str, count()):
        config = searcher.suggest(name)
        if not isinstance(config, dict):
            break
        trying(searcher.history[config[NUMBER]].architecture)
        attempt = Attempt(lambda attempt, config=config: _tried(attempt, config, plan, settings))
        while not (result := attempt.next())["done"]:
            searcher.on_trial_result(name, result)
        searcher.on_trial_complete(name, result)
    searcher.settle()
    if searcher.error is not None:
        raise searcher.error
    return False


def _tried(
    attempt: Attempt, config: dict[str, Any], plan: WorkerConfig, settings: Any
) -> dict[str, Any]:
    with process_state.restored(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(trainable, "unpacked", lambda payload: payload)
        limit_threads(settings.resources.cpu)
        return {RESULT: trainable._run(config, plan, 0.0, attempt)}
