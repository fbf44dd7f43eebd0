"""Trials on simulated GPUs: who runs beside whom, and what each sees."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

import raynas as nas
from raynas.errors import TaskError
from raynas.space import integer, searchable
from raynas.tasks.gpu_footprint import Footprint
from raynas.tasks.meters.memory_use import largest
from raynas.trials import Architecture, Completed

GIB = 2**30


@searchable
class Net:
    width: int = integer(1, 100)


PATIENCE = 900.0


class Watching(nas.Task):
    """Measures which devices a trial sees, and waits until `together` trials have started."""

    def __init__(
        self, folder: Path, together: int, footprint: Footprint | Exception | None = None
    ) -> None:
        self._folder = folder
        self._together = together
        self._footprint = footprint

    def _meet(self, number: int) -> None:
        (self._folder / f"started-{number}").touch()
        until = time.time() + PATIENCE
        while len(list(self._folder.glob("started-*"))) < self._together:
            if time.time() > until:
                raise TimeoutError(f"fewer than {self._together} trials ran at once")
            time.sleep(0.02)

    def run(self, architecture: Architecture, context: nas.Context) -> nas.Measurement:
        started = time.time()
        self._meet(context.number)
        time.sleep(0.1)
        visible = [int(gpu) for gpu in os.environ["CUDA_VISIBLE_DEVICES"].split(",") if gpu]
        return nas.Measurement(
            {
                "reward": 1.0,
                "devices": float(len(visible)),
                **{f"device {device}": 1.0 for device in visible},
                "gpu": context.gpu,
                "started": started,
                "ended": time.time(),
            }
        )

    def footprint(self, architecture: Architecture, context: nas.Context) -> Footprint:
        assert os.environ["CUDA_VISIBLE_DEVICES"] in ("0", "1")
        assert context.gpu == 1
        if isinstance(self._footprint, Exception):
            raise self._footprint
        assert self._footprint is not None
        return self._footprint


def run(
    folder: Path, gpu: Any, trials: int, together: int = 1, **options: Any
) -> list[dict[str, float]]:
    """What each of `trials` measured, of which `together` must run at once for any to end."""
    history = (
        nas.Search(
            space=Net,
            task=Watching(folder, together, **options),
            controller="random",
            resources=nas.Resources(cpu=0.1, gpu=gpu),
            limits=nas.Limits(trials=trials),
            name="gpus",
            folder=folder,
        )
        .run()
        .history
    )
    measured = []
    for trial in history:
        assert isinstance(trial.outcome, Completed), trial.outcome
        measured.append(dict(trial.outcome.measurement.metrics))
    return measured


def most_at_once(trials: Iterable[dict[str, float]]) -> int:
    """How many of `trials` ran at the same moment, at most."""
    spans = [(trial["started"], trial["ended"]) for trial in trials]
    return max((sum(s <= start < e for s, e in spans) for start, _ in spans), default=0)


def on(device: int, trials: list[dict[str, float]]) -> list[dict[str, float]]:
    return [trial for trial in trials if f"device {device}" in trial]


@pytest.mark.usefixtures("ray_session")
def test_four_quarters_share_a_device_and_see_no_other(tmp_path: Path) -> None:
    trials = run(tmp_path, gpu=0.25, trials=12, together=8)
    assert {trial["devices"] for trial in trials} == {1.0}
    assert {trial["gpu"] for trial in trials} == {0.25}
    assert most_at_once(trials) == 8
    for device in (0, 1):
        assert most_at_once(on(device, trials)) == 4


@pytest.mark.usefixtures("ray_session")
def test_two_whole_devices_are_filled_before_a_third_trial_waits(tmp_path: Path) -> None:
    trials = run(tmp_path, gpu=1, trials=5, together=2)
    assert {trial["devices"] for trial in trials} == {1.0}
    assert most_at_once(trials) == 2
    for device in (0, 1):
        assert most_at_once(on(device, trials)) == 1


@pytest.mark.usefixtures("ray_session")
def test_a_trial_on_two_devices_sees_both_and_runs_alone(tmp_path: Path) -> None:
    trials = run(tmp_path, gpu=2, trials=3)
    assert {trial["devices"] for trial in trials} == {2.0}
    assert most_at_once(trials) == 1


@pytest.mark.usefixtures("ray_session")
def test_a_trial_without_a_gpu_sees_none(tmp_path: Path) -> None:
    assert {trial["devices"] for trial in run(tmp_path, gpu=0, trials=2)} == {0.0}


@pytest.mark.usefixtures("ray_session")
@pytest.mark.parametrize(("taken", "share"), [(7, 0.5), (30, 1.0)])
def test_auto_gives_each_trial_the_share_that_the_largest_one_needs(
    tmp_path: Path, taken: int, share: float
) -> None:
    trials = run(tmp_path, gpu="auto", trials=4, footprint=Footprint(taken * GIB, 16 * GIB))
    assert {trial["gpu"] for trial in trials} == {share}


@pytest.mark.usefixtures("ray_session")
@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ValueError("no such layer"), r"the trial that measures memory failed .*no such layer"),
        (TaskError("metric='x': use y"), "^metric='x': use y$"),
    ],
)
def test_a_probe_that_fails_says_so(tmp_path: Path, error: Exception, words: str) -> None:
    with pytest.raises(TaskError, match=words):
        run(tmp_path, gpu="auto", trials=1, footprint=error)


@pytest.mark.parametrize(
    ("taken", "trials"), [(1, 14), (0.5, 16), (0, 16), (3, 4), (7.2, 2), (14.5, 1), (17, 1)]
)
def test_as_many_trials_as_fit_with_a_tenth_left_free(taken: float, trials: int) -> None:
    assert Footprint(int(taken * GIB), 16 * GIB).trials == trials


def test_the_largest_architecture_is_found_without_training(tmp_path: Path) -> None:
    import torch
    from torch import nn

    @searchable
    class Linear:
        width: int = integer(1, 40)

        def build(self) -> nn.Module:
            return nn.Linear(8, self.width)

    class Plain(nas.Task):
        example_input = torch.zeros(1, 8)

        def run(self, architecture: Architecture, context: nas.Context) -> nas.Measurement:
            raise AssertionError("it trained")

    assert largest(nas.Space(Linear), Plain()) == Linear(width=40)
    assert largest(nas.Space(Net, baseline=Net(7)), Watching(tmp_path, 1)) == Net(7)
