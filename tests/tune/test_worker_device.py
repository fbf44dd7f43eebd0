"""Memory that a trial leaves on a device, and errors that say that there is none."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

import raynas as nas
from raynas.space import integer, searchable
from raynas.tune import trainable
from raynas.tune import worker_device as device
from raynas.tune.task_thread import Ended
from raynas.tune.worker_device import MainMemory, left_on_device, show_devices

MIB = 2**20


@searchable
class Net:
    width: int = integer(1, 100)


@pytest.mark.parametrize(
    ("allocated", "freed", "expected"),
    [(0, 0, False), (64, 0, False), (512, 512, False), (512, 410, True), (512, 0, True)],
)
def test_memory_counts_as_left_behind_where_it_cannot_be_freed(
    monkeypatch: pytest.MonkeyPatch, allocated: int, freed: int, expected: bool
) -> None:
    taken, after = [allocated * MIB], (allocated - freed) * MIB
    in_use(monkeypatch, lambda: taken[0])
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: taken.__setitem__(0, after))
    left = f"an earlier trial left {(allocated - freed) / 1024:.1f} GiB of device memory behind"
    assert left_on_device() == (left if expected else "")
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: False)
    assert left_on_device() == "", "a process that never used a GPU leaves nothing on it"


def test_cublas_workspaces_are_no_leak(monkeypatch: pytest.MonkeyPatch) -> None:
    """On Hopper each thread that multiplied matrices keeps 32 MiB, of which torch has the count."""
    taken = [3 * 32 * MIB]
    in_use(monkeypatch, lambda: taken[0])
    assert left_on_device() == "an earlier trial left 0.1 GiB of device memory behind"
    clear = "_cuda_clearCublasWorkspaces"
    monkeypatch.setattr(torch._C, clear, lambda: taken.__setitem__(0, 0), raising=False)
    assert left_on_device() == ""


def test_a_broken_context_is_left_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    def synchronize() -> None:
        raise RuntimeError("CUDA error: device-side assert triggered\nCompile with ...")

    in_use(monkeypatch, lambda: 0)
    monkeypatch.setattr(torch.cuda, "synchronize", synchronize)
    assert left_on_device() == (
        "an earlier trial broke the CUDA context of its process "
        "(RuntimeError: CUDA error: device-side assert triggered)"
    )


@pytest.mark.parametrize(
    ("gpu", "ray_leaves_them", "expected"),
    [
        (0.0, None, ""),
        (0.25, None, "0,1"),
        (0.25, "0", "0,1"),
        (0.25, "1", "MIG-b"),
        (0.0, "1", ""),
    ],
)
def test_a_trial_sees_the_devices_that_it_reserves(
    gpu: float, ray_leaves_them: str | None, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")
    monkeypatch.delenv("RAY_EXPERIMENTAL_NOSET_CUDA_VISIBLE_DEVICES", raising=False)
    if ray_leaves_them is not None:
        monkeypatch.setenv("RAY_EXPERIMENTAL_NOSET_CUDA_VISIBLE_DEVICES", ray_leaves_them)
    monkeypatch.setattr("ray.get_gpu_ids", lambda: ["MIG-b"])
    show_devices(gpu)
    assert os.environ["CUDA_VISIBLE_DEVICES"] == expected


def in_use(monkeypatch: pytest.MonkeyPatch, allocated: Callable[[], int]) -> None:
    """A GPU in use by this process, as torch sees it."""
    for name, function in {
        "is_initialized": lambda: True,
        "device_count": lambda: 1,
        "synchronize": lambda: None,
        "empty_cache": lambda: None,
        "memory_allocated": lambda device: allocated(),
    }.items():
        monkeypatch.setattr(torch.cuda, name, function)


@pytest.mark.parametrize(
    ("after_trials", "expected"),
    [
        ([4000, 4000, 4000, 4000, 4000], None),
        ([500, 5000, 5000, 5000, 5000], None),  # one cache, filled late
        ([500, 700, 900, 1100, 1300], 3),  # 200 MiB a trial
        ([500, 1500, 500, 1500, 500, 1500], None),  # returned each time
        ([500, *range(510, 1300, 10)], 52),  # 10 MiB a trial
        ([500, 560, 620, 680, 740, 800], None),  # less than half a GiB as yet
        ([500, 500, 2500, 2500, 4500, 4500, 6500], 6),  # some trials leak
    ],
)
def test_main_memory_counts_as_left_behind_where_it_rises_again_and_again(
    after_trials: list[int], expected: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is really freed: that would take a third of a second for each trial."""
    freed: list[str] = []
    monkeypatch.setattr(device, "gc", SimpleNamespace(collect=lambda: freed.append("objects")))
    monkeypatch.setattr(device, "trim_memory", lambda: freed.append("heap"))
    used = [0]
    memory = MainMemory(lambda: used[0])
    found = None
    for index, mib in enumerate(after_trials):
        used[0] = mib * MIB
        left = memory.leaked()
        if left and found is None:
            found = index
            assert left == (mib - after_trials[0]) * MIB
    assert found == expected
    assert freed[:2] == (["objects", "heap"] if max(after_trials) > after_trials[0] else [])


def test_memory_that_the_collector_can_free_is_not_left_behind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    used = [0]
    monkeypatch.setattr(device, "trim_memory", lambda: used.append(500 * MIB))
    memory = MainMemory(lambda: used[-1])
    for mib in (500, 2500, 4500, 6500, 8500, 10500):
        used.append(mib * MIB)
        assert memory.leaked() == 0


def test_a_trial_that_is_ended_early_is_looked_over_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once its frames are gone, which hold what it took."""
    held: list[object] = []

    class Held:
        def __del__(self) -> None:
            held.clear()

    def ended(*_: object) -> str:
        tensor = Held()
        held.append(id(tensor))
        raise Ended

    actor: Any = trainable.TrialActor.__new__(trainable.TrialActor)
    actor.plan = SimpleNamespace(payload=None, gpu=0.25)
    actor._watch = SimpleNamespace(trial=lambda number: nullcontext(SimpleNamespace(whole=str)))
    actor._unfit, actor._memory = "", SimpleNamespace(leaked=lambda: 0)
    monkeypatch.setattr(trainable, "unpacked", lambda payload: None)
    monkeypatch.setattr(trainable, "_run", ended)
    monkeypatch.setattr(trainable, "left_on_device", lambda: f"left: {held}")
    actor._prepare({trainable.NUMBER: 1})
    with pytest.raises(Ended):
        actor._attempt._run(actor._attempt)
    assert actor._unfit == "left: []"


class Leaks(nas.Task):
    """The first trial leaves 200 MiB on a device, as this process sees it."""

    def run(self, architecture: Net, context: nas.Context) -> nas.Measurement:
        if context.number == 0:
            for name, function in {
                "is_initialized": lambda: True,
                "device_count": lambda: 1,
                "synchronize": lambda: None,
                "empty_cache": lambda: None,
                "memory_allocated": lambda device: 200 * MIB,
                "get_per_process_memory_fraction": lambda: 1.0,
            }.items():
                setattr(torch.cuda, name, function)
        return nas.Measurement({"reward": 1.0, "process": float(os.getpid())})


class LeaksMainMemory(nas.Task):
    """Each trial leaves 40 MiB behind, of which a worker may keep 100."""

    def run(self, architecture: Net, context: nas.Context) -> nas.Measurement:
        device._MAIN_LEAK_BYTES = 100 * MIB  # type: ignore[misc]
        KEPT.append(b"\1" * (40 * MIB))
        return nas.Measurement({"reward": 1.0, "process": float(os.getpid())})


KEPT: list[bytes] = []


def processes(
    task: nas.Task, gpu: float, trials: int, folder: Path
) -> tuple[list[float], list[tuple[int, str]]]:
    """The worker of each trial, and which trials ran again, and why."""
    search = nas.Search(
        space=Net,
        task=task,
        controller="random",
        rules=(),
        resources=nas.Resources(cpu=0.5, gpu=gpu),
        limits=nas.Limits(trials=trials, parallel=1),
        name="test",
        folder=folder,
    )
    found = [t.outcome.measurement.metrics["process"] for t in search.run().history.completed]
    lines = map(json.loads, (folder / "test" / "events.jsonl").read_text().splitlines())
    return found, [(line["trial"], line["why"]) for line in lines if line["event"] == "again"]


@pytest.mark.usefixtures("ray_session")
def test_a_worker_with_memory_left_behind_is_replaced_before_the_next_trial(
    tmp_path: Path,
) -> None:
    (first, *later), again = processes(Leaks(), 0.5, 3, tmp_path)
    assert len(later) == 2
    assert first not in later
    assert len(set(later)) == 1
    assert again == [(1, "an earlier trial left 0.2 GiB of device memory behind")]


@pytest.mark.usefixtures("ray_session")
def test_a_worker_whose_trials_leave_main_memory_behind_is_replaced(tmp_path: Path) -> None:
    found, again = processes(LeaksMainMemory(), 0.0, 6, tmp_path)
    assert found[0] == found[3] != found[4] == found[5]
    assert again == [(4, "earlier trials left 0.1 GiB of memory behind")]
