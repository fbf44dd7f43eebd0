"""Searches whose trials run on a real Ray session, but for what does not need its workers."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest
import ray

import raynas as nas
from raynas.errors import ConfigurationError, StoreError, TaskError
from raynas.space import choice, integer, repeat, searchable
from raynas.store import Store
from raynas.trials import Completed, Failed, Infeasible, Stopped

pytestmark = pytest.mark.usefixtures("ray_session")


@searchable
class Layer:
    width: int = integer(1, 8)
    kind: str = choice("a", "b")


@searchable
class Net:
    layers: tuple[Layer, ...] = repeat(Layer, 1, 4)


@searchable
class Tiny:
    width: int = integer(1, 5)


def total_width(net: Net) -> float:
    return float(sum(layer.width for layer in net.layers))


def search(folder: Path, function: Any = total_width, **changes: Any) -> nas.Search:
    arguments: dict[str, Any] = {
        "space": Net,
        "task": nas.FunctionTask(function),
        "limits": nas.Limits(trials=30, parallel=1),  # a worker takes seconds to start
        "name": "test",
        "folder": folder,
    }
    return nas.Search(**{**arguments, **changes})


def test_a_search_runs_to_its_trial_limit_and_finds_the_best(tmp_path: Path) -> None:
    result = search(tmp_path, limits=nas.Limits(trials=30, parallel=2)).run()
    assert result.stop is not None
    assert result.stop.rule == "trial limit"
    assert len(result.history) == len(result.history.completed) == 30
    assert all(trial.reward == total_width(trial.architecture) for trial in result.history)
    assert len(result.history.architectures) == 30
    assert result.best(1)[0].reward == max(result.history.rewards)


def test_one_trial_at_a_time_proposes_what_ask_and_tell_without_ray_proposes(
    tmp_path: Path,
) -> None:
    result = search(tmp_path, limits=nas.Limits(trials=45, parallel=1)).run()
    plain = nas.AskTell(Net)
    for trial in result.history:
        proposal = plain.ask()
        assert proposal is not None
        assert (proposal.number, proposal.architecture) == (trial.number, trial.architecture)
        plain.tell(proposal.number, total_width(proposal.architecture))


@pytest.mark.usefixtures("without_ray")
def test_a_raised_limit_goes_on_where_the_search_ended(tmp_path: Path) -> None:
    first = search(tmp_path, limits=nas.Limits(trials=10, parallel=1)).run().history
    again = search(tmp_path, limits=nas.Limits(trials=10, parallel=1)).run().history
    longer = search(tmp_path, limits=nas.Limits(trials=20, parallel=1)).run().history
    assert again == first
    assert longer.trials[:10] == first.trials
    assert len(longer.completed) == 20


def raise_in_three_of_ten(net: Net) -> float:
    if sum(hash(layer) for layer in net.layers) % 10 < 3 or net.layers[0].width <= 2:
        raise RuntimeError("device lost")
    return 1.0


def nan_in_half(net: Net) -> float:
    return float("nan") if net.layers[0].kind == "a" else 1.0


def raise_now_and_then(net: Net) -> float:
    if len(net.layers) == 1 and net.layers[0].width <= 4:
        raise RuntimeError("device lost")
    return 1.0


@pytest.mark.usefixtures("without_ray")
@pytest.mark.parametrize(
    ("function", "kind", "words"),
    [
        (raise_in_three_of_ten, Failed, "RuntimeError: device lost"),
        (nan_in_half, Infeasible, "reward is nan"),
    ],
)
def test_many_trials_without_reward_end_the_search_by_the_failure_rule(
    tmp_path: Path, function: Any, kind: type, words: str
) -> None:
    limits = nas.Limits(trials=400, failed=399, parallel=1)
    result = search(tmp_path, function, controller="random", limits=limits).run()
    assert result.stop is not None
    assert result.stop.rule == "failures"
    bad, ended = len(result.history.unrewarded), len(result.history.ended)
    assert f"{bad} of " in result.stop.reason
    assert "more than the 20% allowed" in result.stop.reason
    assert words in result.stop.reason
    assert all(isinstance(trial.outcome, kind) for trial in result.history.unrewarded)
    assert bad / ended > 0.2
    assert ended < 400


def test_a_task_that_fails_once_in_a_while_does_not_end_the_search(tmp_path: Path) -> None:
    limits = nas.Limits(trials=40, parallel=1)
    result = search(tmp_path, raise_now_and_then, controller="random", limits=limits).run()
    assert result.stop is not None
    assert result.stop.rule == "trial limit"
    assert 0 < len(result.history.unrewarded) < 8
    failed = result.history.unrewarded[0].outcome
    assert isinstance(failed, Failed)
    assert "Traceback" in failed.error


def too_wide(net: Net) -> float:
    if total_width(net) > 8:
        raise nas.InfeasibleArchitecture("wider than 8")
    return total_width(net)


@pytest.mark.usefixtures("without_ray")
def test_an_infeasible_architecture_is_recorded_with_its_reason(tmp_path: Path) -> None:
    result = search(tmp_path, too_wide, rules=()).run()
    reasons = {t.reason for t in result.history if isinstance(t.outcome, Infeasible)}
    assert reasons == {"wider than 8"}
    assert all(t.reward is not None and t.reward <= 8 for t in result.history.completed)


def wrong_metric(net: Net) -> dict[str, float]:
    return {"loss": total_width(net)}


def test_a_task_that_never_gives_the_metric_ends_with_an_error_and_loses_nothing(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    with pytest.raises(TaskError, match="metric='reward': the function returned only loss"):
        search(tmp_path, wrong_metric).run()
    request.getfixturevalue("without_ray")
    mended = search(tmp_path).run()
    assert len(mended.history.completed) == 30
    assert [trial.number for trial in mended.history] == list(range(30))


class Inverse(nas.rewards.Reward):
    """Breaks on some measurements; a plain class without a repr of its own."""

    def __call__(self, measurement: nas.Measurement) -> float:
        return 1 / (measurement.metrics["reward"] - 3)


@pytest.mark.usefixtures("without_ray")
def test_a_reward_that_raises_makes_its_trial_infeasible(tmp_path: Path) -> None:
    limits = nas.Limits(trials=12, parallel=1)
    changes: dict[str, Any] = {"space": Tiny, "reward": Inverse(), "limits": limits, "rules": ()}
    history = search(tmp_path, lambda net: net.width, **changes).run().history
    assert {trial.reason for trial in history.unrewarded} == {
        "Inverse() raised ZeroDivisionError: float division by zero"
    }
    assert len(history.completed) == 4
    assert search(tmp_path, lambda net: net.width, **changes).run().history == history


class Foreign(nas.Task):
    def run(self, architecture: Net, context: nas.Context) -> Any:
        return 3.0


class Streams(nas.Task):
    def __init__(self) -> None:
        self.stream = (number for number in range(9))

    def run(self, architecture: Net, context: nas.Context) -> nas.Measurement:
        return nas.Measurement({"reward": 1.0})


@pytest.mark.parametrize(
    ("task", "words"),
    [
        (Foreign(), r"returned 3\.0: run\(\) must return a Measurement"),
        (Streams(), "cannot be sent to the workers .*make such objects where they are used"),
    ],
)
def test_a_task_that_cannot_work_is_named(tmp_path: Path, task: nas.Task, words: str) -> None:
    with pytest.raises(TaskError, match=words):
        search(tmp_path, task=task).run()


@pytest.mark.usefixtures("without_ray")
def test_a_limit_below_what_was_asked_leaves_trials_in_flight_open(tmp_path: Path) -> None:
    with search(tmp_path).open() as run:
        for _ in range(3):
            run._searcher.asktell.ask()
        run._searcher.asktell.tell(0, 1.0)
    stopped = search(tmp_path, limits=nas.Limits(trials=1, parallel=1)).run()
    assert stopped.stop is not None
    assert [trial.number for trial in stopped.history.running] == [1, 2]
    assert (
        len(search(tmp_path, limits=nas.Limits(trials=5, parallel=1)).run().history.completed) == 5
    )


def kill_worker(net: Net) -> float:
    if net.layers[0].width <= 2:
        os._exit(1)
    return total_width(net)


def test_a_dying_worker_fails_its_trial_only(tmp_path: Path) -> None:
    limits = nas.Limits(trials=6, parallel=2)
    result = search(tmp_path, kill_worker, controller="random", limits=limits, rules=()).run()
    dead = [trial for trial in result.history if trial.architecture.layers[0].width <= 2]
    assert dead
    assert all(isinstance(trial.outcome, Failed) for trial in dead)
    assert all(trial.reason is not None and "worker" in trial.reason for trial in dead)
    assert len(result.history.completed) == 6 - len(dead)


def process(net: Net) -> dict[str, float]:
    time.sleep(0.05)
    return {"reward": total_width(net), "process": os.getpid()}


def test_both_workers_start_and_are_used_again_from_trial_to_trial(tmp_path: Path) -> None:
    limits = nas.Limits(trials=30, parallel=2)
    history = search(tmp_path, process, limits=limits).run().history
    processes = {
        trial.outcome.measurement.metrics["process"]
        for trial in history
        if isinstance(trial.outcome, Completed)
    }
    assert len(processes) == 2


def visible_gpu(net: Net) -> dict[str, float]:
    time.sleep(0.3)
    return {"reward": 1.0, "gpu": float(os.environ.get("CUDA_VISIBLE_DEVICES") or -1)}


def test_trials_share_a_gpu_by_fractions(tmp_path: Path) -> None:
    resources = nas.Resources(cpu=0.5, gpu=0.25)
    limits = nas.Limits(trials=8)
    result = search(tmp_path, visible_gpu, resources=resources, limits=limits).run()
    starts = [(t.started, t.ended) for t in result.history]
    at_once = max(sum(s <= start < e for s, e in starts if e) for start, _ in starts)
    assert at_once == 4
    for trial in result.history:
        assert isinstance(trial.outcome, Completed)
        assert trial.outcome.measurement.metrics["gpu"] == 0


def test_resources_that_no_machine_has_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"gpu=3: no machine has as much .* 2 GPUs"):
        search(tmp_path, resources=nas.Resources(gpu=3)).run()


class FirstHangs(nas.Task):
    metric = "reward"
    mode = "max"

    def run(self, architecture: Net, context: nas.Context) -> nas.Measurement:
        if context.number == 0:
            time.sleep(600)
        return nas.Measurement({"reward": float("nan")})


def test_trials_in_flight_when_a_rule_fires_are_recorded_as_stopped(tmp_path: Path) -> None:
    limits = nas.Limits(trials=50, failed=2, parallel=2)
    result = search(tmp_path, task=FirstHangs(), limits=limits).run()
    assert result.stop is not None
    assert result.stop.rule == "failed limit"
    assert result.history[0].outcome == Stopped("failed limit")
    assert not result.history.running


@pytest.mark.usefixtures("without_ray")
def test_a_small_space_is_searched_whole(tmp_path: Path) -> None:
    result = search(tmp_path, lambda net: net.width, space=Tiny).run()
    assert result.stop is not None
    assert result.stop.rule == "space exhausted"
    assert sorted(trial.architecture.width for trial in result.history) == [1, 2, 3, 4, 5]


def test_a_store_that_stops_working_ends_the_run_and_loses_nothing_stored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = Store.tell

    def full_disk(self: Store[Any], number: int, outcome: Any, **options: Any) -> float:
        if number == 5:
            raise StoreError("cannot write the store: No space left on device")
        return whole(self, number, outcome, **options)

    one = {"limits": nas.Limits(trials=12, parallel=1)}
    with monkeypatch.context() as broken:
        broken.setattr(Store, "tell", full_disk)
        with pytest.raises(StoreError, match="No space left"):
            search(tmp_path, **one).run()
    with search(tmp_path, **one).open() as run:
        assert [trial.number for trial in run.history.completed] == [0, 1, 2, 3, 4]
        assert [trial.number for trial in run.history.running] == [5]
        assert len(run.go().history.completed) == 12


def test_the_users_own_ray_session_is_left_running(tmp_path: Path) -> None:
    search(tmp_path, limits=nas.Limits(trials=2, parallel=1)).run()
    assert ray.is_initialized()
