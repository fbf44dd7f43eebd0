"""Trials that run out of memory, hang, leak or lose their machine, and what becomes of them."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest
import torch

import raynas as nas
from raynas.space import choice, integer, searchable
from raynas.trials import Completed, Failed, Infeasible, Stopped
from raynas.tune.retry_policy import Again, Care

pytestmark = pytest.mark.usefixtures("ray_session")


@searchable
class Net:
    width: int = integer(1, 6)


def search(folder: Path, task: nas.Task, **changes: Any) -> nas.Search:
    arguments: dict[str, Any] = {
        "space": Net,
        "task": task,
        "controller": "random",
        "rules": (),
        "limits": nas.Limits(trials=6, parallel=2, failed=6),
        "resources": nas.Resources(cpu=0.5),
        "name": "test",
        "folder": folder,
    }
    return nas.Search(**{**arguments, **changes})


def events(folder: Path, kind: str) -> list[dict[str, Any]]:
    lines = (folder / "test" / "events.jsonl").read_text().splitlines()
    return [event for event in map(json.loads, lines) if event["event"] == kind]


class Hungry(nas.Task):
    """The wide ones do not fit at all, the middle ones only beside no other."""

    def run(self, architecture: Net, context: nas.Context) -> nas.Measurement:
        if architecture.width >= 5 or (architecture.width >= 3 and context.gpu < 1):
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB")
        return nas.Measurement({"reward": 1.0, "gpu": context.gpu})


@searchable
class Sizes:
    width: int = choice(1, 3, 5)


def test_a_trial_out_of_memory_runs_once_more_with_a_whole_device(tmp_path: Path) -> None:
    found = search(
        tmp_path,
        Hungry(),
        space=Sizes,
        controller="grid",
        resources=nas.Resources(cpu=0.5, gpu=0.25),
    ).run()
    history = found.history
    assert len(history) == 3
    again = {event["trial"] for event in events(tmp_path, "again") if event["alone"]}
    assert again == {trial.number for trial in history if trial.architecture.width >= 3}
    for trial in history:
        if trial.architecture.width >= 5:
            assert isinstance(trial.outcome, Infeasible)
            assert trial.outcome.reason == (
                "out of memory, also alone with a whole device: "
                "OutOfMemoryError: CUDA out of memory. Tried to allocate 20.00 GiB"
            )
        else:
            assert isinstance(trial.outcome, Completed)
            gpu = 1.0 if trial.number in again else 0.25
            assert trial.outcome.measurement.metrics["gpu"] == gpu


class Eater(nas.Task):
    def run(self, architecture: Net, context: nas.Context) -> nas.Measurement:
        if architecture.width == 6:
            os.write(1, f"trial {context.number} eats\n".encode())
            eaten = b"x" * (2 << 30)
            time.sleep(600)  # it is ended long before
            assert eaten
        return nas.Measurement({"reward": 1.0})


def test_a_worker_that_takes_more_memory_than_it_may_is_ended_and_the_search_goes_on(
    tmp_path: Path,
) -> None:
    resources = nas.Resources(cpu=0.5, memory=1 << 30)
    history = search(tmp_path, Eater(), controller="grid", resources=resources).run().history
    reasons = {trial.architecture.width: trial.reason for trial in history}
    assert len(history.completed) == 5
    assert "out of memory, also alone with a whole device: used 2." in str(reasons[6])
    number = next(trial.number for trial in history if trial.architecture.width == 6)
    assert f"trial {number} eats" in (tmp_path / "test" / "logs" / f"{number}.log").read_text()


class Hangs(nas.Task):
    def run(self, architecture: Net, context: nas.Context) -> nas.Measurement:
        if context.number == 0:
            os.write(1, b"loading the data\nwaiting for the lock\n")
            time.sleep(600)
        return nas.Measurement({"reward": 1.0})


def test_a_trial_that_hangs_fails_with_the_last_thing_it_said(tmp_path: Path) -> None:
    limits = nas.Limits(trials=4, parallel=2, failed=4, trial_minutes=0.2)
    history = search(tmp_path, Hangs(), limits=limits).run().history
    assert isinstance(history[0].outcome, Failed)
    assert str(history[0].reason).startswith("not at its end after 0.2 minutes, its limit")
    assert str(history[0].reason).endswith("; its last output: waiting for the lock")
    assert len(history.completed) == 3


class DiesOnce(nas.Task):
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def run(self, architecture: Net, context: nas.Context) -> nas.Measurement:
        if context.number == 1 and not (self.folder / "died").exists():
            (self.folder / "checkpoint").write_text("step 7")
            context.keep(self.folder / "checkpoint")
            (self.folder / "died").touch()
            os._exit(1)
        kept = context.kept()
        return nas.Measurement({"reward": 7.0 if kept and kept.read_text() == "step 7" else 1.0})


def test_a_trial_whose_worker_died_goes_on_from_what_it_kept(tmp_path: Path) -> None:
    limits = nas.Limits(trials=3, parallel=1)
    history = search(tmp_path, DiesOnce(tmp_path), limits=limits).run().history
    assert [trial.reward for trial in history] == [1.0, 7.0, 1.0]
    assert [event["trial"] for event in events(tmp_path, "again")] == [1]
    assert list((tmp_path / "test" / "checkpoints").iterdir()) == []


class Learns(nas.Task):
    max_steps = 9
    evaluations = 9

    def run(self, architecture: Net, context: nas.Context) -> nas.Measurement:
        for step in range(1, 10):
            context.report(step, {"reward": architecture.width * step / 9})
        return nas.Measurement({"reward": float(architecture.width)}, steps=9)


@pytest.mark.parametrize("scheduler", ["asha", "hyperband", "median"])
def test_bad_trials_end_early_and_keep_their_curve(tmp_path: Path, scheduler: str) -> None:
    limits = nas.Limits(trials=24, parallel=1)
    task = Learns()
    found = search(
        tmp_path, task, scheduler=scheduler, limits=limits, space=Wide, callbacks="tensorboard"
    ).run()
    stopped = [t for t in found.history if isinstance(t.outcome, Stopped)]
    assert stopped
    for trial in stopped:
        assert trial.outcome.by == scheduler
        assert [point.step for point in trial.curve] == list(range(1, len(trial.curve) + 1))
        assert trial.curve[-1].metrics["reward"] == trial.architecture.width * len(trial.curve) / 9
    assert max(found.history.rewards) > max(t.architecture.width for t in stopped) / 2
    with search(tmp_path, task, limits=limits, space=Wide).open(read_only=True) as again:
        assert [t.curve for t in again.history] == [t.curve for t in found.history]
    assert list((tmp_path / "test" / "tune").rglob("events.out.tfevents*"))


@searchable
class Wide:
    width: int = integer(1, 200)


def test_lost_machines_do_not_count_and_dead_workers_do() -> None:
    care = Care()
    for count in range(3):
        care.died(f"node {count}", 5, "The actor died because its node has died.")
        ending = care.after_death(f"node {count}", 5)
        assert ending == Again("its machine was lost or out of reach")
    care.died("a", 5, "The actor is dead: SYSTEM_ERROR")
    assert isinstance(care.after_death("a", 5), Again)
    care.died("b", 5, "The actor is dead: SYSTEM_ERROR")
    assert care.after_death("b", 5) == Failed("its worker process died 2 times")
    for trial_id in ("c", "d"):
        care.died(trial_id, 6, "ray::save() (pid=1)\n  File x\nOSError: no such folder\n")
        ending = care.after_death(trial_id, 6)
    assert ending == Failed("its worker raised OSError: no such folder 2 times")
