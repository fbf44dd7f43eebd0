"""A trial's device: refused where there is none, deterministic, and measured from an empty one."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import torch

import raynas as nas
from raynas import meters
from raynas.errors import TaskError
from raynas.space import integer, searchable
from raynas.tasks.device import check_device, deterministic, device_memory
from raynas.tasks.gpu_footprint import gpu_footprint
from raynas.tasks.process_state import restored

GIB = 2**30
BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@searchable
class Net:
    width: int = integer(1, 4)

    def build(self) -> torch.nn.Module:
        return torch.nn.Linear(4, self.width)


@pytest.fixture(autouse=True)
def _no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)


def test_a_trial_whose_torch_finds_no_gpu_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    task = nas.LightningTask(lambda net: net, tuple, "loss", 1)
    with pytest.raises(
        TaskError,
        match=r"^resources gpu=0\.25: torch \S+ finds no GPU: this build is .*CUDA.*, and "
        r"CUDA_VISIBLE_DEVICES='0'; `nvidia-smi` .*; or LightningTask\(accelerator='cpu'\)$",
    ):
        task.run(Net(1), nas.Context(gpu=0.25))


@pytest.mark.parametrize(
    "meter", [meters.LatencyMeter("cuda"), meters.MemoryMeter("cuda")], ids=str
)
def test_meters_of_a_gpu_are_refused_in_trials_without_one(
    meter: meters.Meter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    from raynas.tasks.meters.meter import Subject

    with pytest.raises(
        TaskError,
        match=r"^device='cuda': torch \S+ finds no GPU: trials that reserve no GPU see none; give "
        r"Resources\(gpu=\.\.\.\); or device='cpu'$",
    ):
        meter.measure(Subject(Net(1), torch.zeros(1, 4)))


def test_where_there_is_a_gpu_nothing_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    check_device("device='cuda'", "device='cpu'")


@pytest.mark.parametrize("own", [None, ":16:8"])
def test_deterministic_algorithms_have_the_workspace_that_they_need(
    own: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "CUBLAS_WORKSPACE_CONFIG"
    monkeypatch.delenv(name, raising=False)
    if own is not None:
        monkeypatch.setenv(name, own)
    with deterministic(True):
        assert os.environ[name] == (own or ":4096:8")
        assert torch.are_deterministic_algorithms_enabled()
    assert os.environ.get(name) == own
    assert not torch.are_deterministic_algorithms_enabled()


def test_peak_memory_and_footprint_are_those_of_the_trial(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the process had cached before does not count; the kernels that it loads do."""
    fake = on_a_fake_device(tmp_path, monkeypatch)
    fake.allocate(3 * GIB)
    assert (fake.allocated, fake.reserved) == (0, 3 * GIB)

    def trial() -> None:
        fake.allocate(2 * GIB)
        fake.context = GIB

    with device_memory(0.5) as peak:
        assert fake.reserved == 0
        trial()
        assert peak() == {"peak_memory_bytes": 2 * GIB}
    assert fake.reserved == 0
    found = gpu_footprint(trial)
    assert (found.taken, found.device, found.trials) == (3 * GIB, 16 * GIB, 4)


@pytest.mark.parametrize(
    "text", ["CUDA out of memory.", "cuBLAS error: CUBLAS_STATUS_ALLOC_FAILED"]
)
def test_a_trial_that_found_the_device_too_small_has_it_to_itself(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_a_fake_device(tmp_path, monkeypatch)

    def fail(error: Exception) -> None:
        raise error

    assert gpu_footprint(lambda: fail(RuntimeError(text))).trials == 1
    with pytest.raises(RuntimeError, match="no such layer"):
        gpu_footprint(lambda: fail(RuntimeError("no such layer")))


def on_a_fake_device(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    from gpu_checks.fake_device import FakeDevice

    fake = FakeDevice(folder, 16 * GIB, GIB // 4)
    for name, function in fake.functions().items():
        monkeypatch.setattr(torch.cuda, name, function, raising=False)
    return fake


def test_a_trial_that_limits_its_memory_limits_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    share = [1.0]
    for name, function in {
        "is_initialized": lambda: True,
        "get_per_process_memory_fraction": lambda: share[0],
        "set_per_process_memory_fraction": lambda value: share.__setitem__(0, value),
        "get_rng_state": torch.get_rng_state,
    }.items():
        monkeypatch.setattr(torch.cuda, name, function, raising=False)
    with restored() as lasting:
        torch.cuda.set_per_process_memory_fraction(0.25)
    assert share == [1.0]
    assert lasting == []


def test_every_trial_of_a_process_is_compiled() -> None:
    """A function that was compiled for eight architectures is not compiled for the ninth."""
    from torch._dynamo.utils import counters

    def graphs() -> int:
        return counters["stats"]["unique_graphs"]

    for width in range(1, 12):
        before = graphs()
        with restored():
            network = torch.nn.Sequential(*(torch.nn.Linear(4, 4) for _ in range(width)))
            torch.compile(network, backend="eager")(torch.zeros(1, 4))
        assert graphs() == before + 1, f"network {width} was not compiled"
