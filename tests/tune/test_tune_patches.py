"""What is changed in Tune's controller, on stand-ins; on Tune itself: test_run and test_memory."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import ray
from ray.exceptions import OutOfMemoryError, RayActorError

from raynas.space import integer, searchable
from raynas.tune.scheduler_wrapper import Overseer, TrialTimeLimits
from raynas.tune.searcher import NASSearcher
from raynas.tune.tune_patches import let_workers_start, survive_memory_kills


@searchable
class Net:
    width: int = integer(1, 4)


class Wrapper:
    """As Tune makes one each time that it calls a scheduler."""

    def __init__(self, controller: Any) -> None:
        self._tune_controller = controller

    def __getattr__(self, name: str) -> Any:
        return getattr(self._tune_controller, name)


class Manager:
    def __init__(self) -> None:
        self.heard: list[Exception] = []
        self.started: set[str] = set()

    def _actor_task_failed(self, task: object, exception: Exception) -> None:
        del task
        self.heard.append(exception)

    def is_actor_started(self, worker: str) -> bool:
        return worker in self.started


class Controller:
    def __init__(self) -> None:
        self._actor_manager = Manager()
        self._trial_to_actor: dict[str, str] = {}
        self._resetting_trials: set[str] = set()
        self.reused: list[str] = []

    def _maybe_reuse_cached_actor(self, trial: str) -> bool:
        self.reused.append(trial)
        return True


def test_a_kill_for_memory_is_an_actors_death_also_after_thousands_of_trials() -> None:
    controller = Controller()
    searcher = NASSearcher(Net, metric="reward", mode="max")
    overseer = Overseer(searcher, None, "", lambda step, metrics: None, TrialTimeLimits())
    for number in range(3000):
        overseer.on_trial_add(Wrapper(controller), SimpleNamespace(trial_id=str(number)))  # type: ignore[arg-type]
    controller._actor_manager._actor_task_failed(None, OutOfMemoryError("memory is low"))
    controller._actor_manager._actor_task_failed(None, ValueError("other"))
    killed, other = controller._actor_manager.heard
    assert isinstance(killed, RayActorError)
    assert "memory is low" in str(killed)
    assert isinstance(other, ValueError)


def test_a_trial_waits_for_the_worker_that_starts_for_it() -> None:
    controller: Any = Controller()
    let_workers_start(controller)
    controller._trial_to_actor = {"starting": "a", "requested": "b", "taken": "c"}
    controller._actor_manager.started = {"a", "c"}
    controller._resetting_trials = {"taken"}
    assert not controller._maybe_reuse_cached_actor("starting")
    for trial in ("requested", "taken", "new"):
        assert controller._maybe_reuse_cached_actor(trial)
    assert controller.reused == ["requested", "taken", "new"]


@pytest.mark.parametrize(
    ("patch", "words"),
    [
        (survive_memory_kills, "a worker that Ray ends for want of memory may end the whole run"),
        (let_workers_start, "where trials are short, they may run one after the other"),
    ],
)
def test_a_controller_that_is_built_differently_is_left_alone_with_a_warning(
    patch: Any, words: str, caplog: pytest.LogCaptureFixture
) -> None:
    controller = SimpleNamespace(other=1)
    patch(controller)
    assert vars(controller) == {"other": 1}
    assert type(controller) is SimpleNamespace
    assert [record.getMessage() for record in caplog.records] == [
        f"Ray {ray.__version__} differs from those that raynas knows: {words}"
    ]
