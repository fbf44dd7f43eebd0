"""Tasks with meters: figures beside the training, bounds before it, and what is kept."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from raynas.errors import InfeasibleArchitecture, TaskError
from raynas.rewards import AtLeast, AtMost
from raynas.space import integer, searchable
from raynas.tasks import (
    Context,
    CostMeter,
    FunctionMeter,
    FunctionTask,
    LatencyMeter,
    Measured,
    MemoryMeter,
    Meter,
)
from raynas.tasks.example_input import build_of, example_of
from raynas.tasks.meters.latency import timed
from raynas.tasks.meters.meter import Subject
from raynas.tasks.meters.network_fingerprint import code_of

EXAMPLE = torch.zeros(1, 4)


@searchable
class Net:
    width: int = integer(1, 4096)

    def build(self) -> nn.Module:
        return nn.Sequential(nn.Linear(4, self.width), nn.ReLU(), nn.Linear(self.width, 2))


class Counting(Meter):
    """Counts how often it measures."""

    def __init__(self) -> None:
        self.times = 0

    def measure(self, subject: Subject) -> dict[str, float]:
        self.times += 1
        return {"width": float(subject.architecture.width)}

    def __repr__(self) -> str:
        return "Counting()"


def measured(*meters: Meter, **options: Any) -> Measured:
    task = FunctionTask(lambda net: {"acc": net.width / 10})
    task.metric = "acc"
    return Measured(task, *meters, example_input=EXAMPLE, **options)


def lengths(net: Any) -> float:
    return float(net.width)


def test_figures_in_files_are_those_of_what_they_were_measured_of(tmp_path: Path) -> None:
    """Another example, meter, function or class is another figure."""

    def flops(width: int, *meters: Meter, features: int = 4) -> dict[str, float]:
        task = Measured(
            FunctionTask(lambda net: 1.0),
            *(meters or (CostMeter(),)),
            example_input=torch.zeros(1, 3, features),
            cache=tmp_path,
        )
        return dict(task.run(Wide(width), Context()).metrics)

    @searchable
    class Wide:
        width: int = integer(1, 9)

        def build(self) -> nn.Module:
            return nn.Conv1d(3, self.width, 1)

    assert flops(2)["flops"] == 2 * 2 * 3 * 4
    assert flops(2, features=8)["flops"] == 2 * 2 * 3 * 8
    one, other = (FunctionMeter(f, "ms") for f in (lambda net: 1.0, lengths))
    assert (flops(2, one)["ms"], flops(2, other)["ms"]) == (1, 2)
    both = flops(2, FunctionMeter(lambda net: 1.0, "a"), FunctionMeter(lambda net: 2.0, "b"))
    assert (both["a"], both["b"]) == (1, 2)


def test_code_that_changed_is_other_code() -> None:
    spaces: list[dict[str, Any]] = [{}, {}, {}]
    for space, text in zip(spaces, ("x + 1", "x + 1", "x + 2"), strict=True):
        exec(f"def f(x): return {text}", {"__name__": "nowhere"}, space)  # noqa: S102 - as a cell
    digests = [code_of(space["f"]) for space in spaces]
    assert digests[0] == digests[1] != digests[2]


def test_figures_come_beside_those_of_the_task() -> None:
    task = measured(CostMeter(), FunctionMeter(lambda net: 7.0 * net.width, "ms"))
    found = task.run(Net(3), Context())
    assert found.metrics == {
        "acc": 0.3,
        "parameters": 4 * 3 + 3 + 3 * 2 + 2,
        "flops": 2 * (4 * 3 + 3 * 2),
        "activation_bytes": 4 * (3 + 3 + 2),
        "ms": 21,
    }
    assert (task.metric, task.mode) == ("acc", "max")


def test_what_is_out_of_bounds_is_not_trained() -> None:
    def never(net: Net) -> float:
        raise AssertionError

    task = Measured(
        FunctionTask(never),
        CostMeter(),
        bounds=[AtLeast("flops", 1), AtMost("parameters", 20)],
        example_input=EXAMPLE,
    )
    with pytest.raises(
        InfeasibleArchitecture,
        match="parameters is 23, over its limit of 20, so it was not trained",
    ):
        task.run(Net(3), Context())


def test_an_architecture_is_measured_once_a_process() -> None:
    meter = Counting()
    task = measured(meter)
    for width in (3, 3, 4, 3):
        assert task.run(Net(width), Context()).metrics["width"] == width
    assert meter.times == 2


def test_a_folder_keeps_figures_for_later_processes(tmp_path: Path) -> None:
    first, later = Counting(), Counting()
    measured(first, cache=tmp_path / "figures").run(Net(3), Context())
    task = measured(later, cache=tmp_path / "figures")
    assert task.run(Net(3), Context()).metrics["width"] == 3
    assert (first.times, later.times) == (1, 0)
    (file,) = (tmp_path / "figures").iterdir()
    assert json.loads(file.read_text())["architecture"] == "Net(width=3)"


@pytest.mark.parametrize("kind", ["text", "dangling", "folder"])
def test_a_file_of_others_in_the_folder_is_left_alone_and_named(
    tmp_path: Path, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    folder, later = tmp_path / "figures", Counting()
    measured(later, cache=folder).run(Net(3), Context())
    (file,) = folder.iterdir()
    file.unlink()
    if kind == "text":
        file.write_text("{ half")
    elif kind == "dangling":
        file.symlink_to(tmp_path / "nowhere")
    else:
        file.mkdir()
    there = os.lstat(file)
    assert measured(later, cache=folder).run(Net(3), Context()).metrics["width"] == 3
    assert later.times == 2
    assert os.lstat(file).st_ino == there.st_ino
    assert os.lstat(file).st_mtime_ns == there.st_mtime_ns
    assert list(folder.iterdir()) == [file]
    assert not (tmp_path / "nowhere").exists()
    assert f"{file} holds no figures of raynas's and is left as it is: move it away" in caplog.text


def test_the_latency_of_a_larger_network_is_larger() -> None:
    small, large = (
        LatencyMeter(batch=batch).measure(Subject(Net(width), EXAMPLE))
        for width, batch in ((1, 1), (4096, 256))
    )
    for found in (small, large):
        assert 0 < found["latency_p50"] <= found["latency_p90"] <= found["latency_p99"]
    assert large["latency_p50"] > small["latency_p50"]


def test_calls_are_timed_after_warming_up() -> None:
    calls = []

    def slow_at_first() -> None:
        calls.append(None)
        time.sleep(0.1 if len(calls) <= 5 else 0.001)

    assert 0.001 <= timed(slow_at_first, "cpu").p50 < 0.1
    assert 25 <= len(calls) <= 505, "half a second of calls of a millisecond"


def test_the_memory_of_a_forward_pass_is_measured() -> None:
    found = MemoryMeter(batch=4096).measure(Subject(Net(4096), EXAMPLE))
    if not found:
        pytest.skip("this system does not tell a process's peak memory")
    assert 2**26 <= found["inference_peak_memory_bytes"] < 2**29  # 4,096 x 4,096 floats and more


def test_a_measured_task_has_the_example_and_networks_of_its_own() -> None:
    task = measured(CostMeter())
    assert example_of(task) is EXAMPLE
    assert isinstance(build_of(task)(Net(3)), nn.Sequential)


def test_a_meter_that_runs_networks_says_when_it_has_no_example() -> None:
    task = Measured(FunctionTask(lambda net: 1.0), CostMeter())
    with pytest.raises(TaskError, match="example_input=None: the task has no example"):
        task.run(Net(3), Context())


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Measured(len), "task=<built-in function len>: must be a raynas Task"),
        (lambda: measured("latency"), "meters contains 'latency': must be a raynas Meter"),
        (lambda: measured(bounds=[3]), "bounds contains 3: must be AtMost or AtLeast"),
        (
            lambda: measured(Counting(), bounds=[AtMost("acc", 1)]).run(Net(3), Context()),
            "the meters measure width of this network; .* Bounds on what the task measures belong",
        ),
        (lambda: LatencyMeter(batch=0), "batch=0: must be at least 1"),
        (lambda: MemoryMeter("tpu"), "device='tpu': use 'cpu' or 'cuda'"),
    ],
)
def test_arguments_out_of_range_are_refused(make: Any, message: str) -> None:
    with pytest.raises(TaskError, match=message):
        make()
