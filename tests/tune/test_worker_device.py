"""Memory that a trial leaves on a device, and errors that say that there is none."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
import torch

import raynas as nas
from raynas.space import integer, searchable
from raynas.tune.worker_device import is_out_of_memory, leaked

MIB = 2**20


@searchable
class Net:
    width: int = integer(1, 100)


@pytest.mark.parametrize(
    ("allocated", "freed", "expected"),
    [(0, 0, False), (63, 0, False), (500, 500, False), (500, 400, True), (500, 0, True)],
)
def test_memory_counts_as_left_behind_where_it_cannot_be_freed(
    monkeypatch: pytest.MonkeyPatch, allocated: int, freed: int, expected: bool
) -> None:
    taken = [allocated * MIB]
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda: taken[0])
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: taken.append(taken.pop() - freed * MIB))
    assert leaked(gpu=0.5) is expected
    assert not leaked(gpu=0)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (MemoryError(), True),
        (torch.OutOfMemoryError("CUDA out of memory."), True),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried ..."), True),
        (RuntimeError("shapes cannot be multiplied"), False),
        (ValueError("out of memory"), False),
    ],
)
def test_which_errors_mean_that_memory_ran_out(error: Exception, expected: bool) -> None:
    assert is_out_of_memory(error) is expected


class Leaks(nas.Task):
    """The first trial leaves 200 MiB on a device, as this process sees it."""

    def run(self, architecture: Net, context: nas.Context) -> nas.Measurement:
        if context.number == 0:
            torch.cuda.is_available = lambda: True
            torch.cuda.memory_allocated = lambda: 200 * MIB  # type: ignore[assignment]
            torch.cuda.empty_cache = lambda: None
        return nas.Measurement({"reward": 1.0, "process": float(os.getpid())})


@pytest.mark.usefixtures("ray_session")
def test_a_worker_with_memory_left_behind_is_replaced_before_the_next_trial(
    tmp_path: Path,
) -> None:
    search = nas.Search(
        space=Net,
        task=Leaks(),
        controller="random",
        rules=(),
        resources=nas.Resources(cpu=0.5, gpu=0.5),
        limits=nas.Limits(trials=3, parallel=1),
        name="test",
        folder=tmp_path,
    )
    history = search.run().history
    first, *later = [trial.outcome.measurement.metrics["process"] for trial in history.completed]
    assert len(later) == 2
    assert first not in later
    assert len(set(later)) == 1
    lines = map(json.loads, (tmp_path / "test" / "events.jsonl").read_text().splitlines())
    again = [(line["trial"], line["why"]) for line in lines if line["event"] == "again"]
    assert again == [(1, "an earlier trial left device memory behind")]
