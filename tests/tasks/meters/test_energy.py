"""Energy by the counters of the system: made-up ones, as few machines of a CI have any."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn

from raynas.errors import TaskError
from raynas.meters import EnergyMeter
from raynas.space import integer, searchable
from raynas.tasks.meters import energy_counters
from raynas.tasks.meters.energy_counters import NvmlCounter, RaplCounter
from raynas.tasks.meters.meter import Subject

MOST = 262_143_328_850


@searchable
class Net:
    width: int = integer(1, 64)


def zone(folder: Path, zone_name: str, name: str, energy: int, most: int = MOST) -> Path:
    made = folder / zone_name
    made.mkdir(parents=True)
    (made / "name").write_text(f"{name}\n")
    (made / "energy_uj").write_text(f"{energy}\n")
    (made / "max_energy_range_uj").write_text(f"{most}\n")
    return made


def uses(energy: dict[Path, int], most: int = MOST) -> Subject:
    """A network each pass of which adds so many microjoules to each zone's counter."""

    class Burning(nn.Module):
        def forward(self, x: Any) -> Any:
            for made, step in energy.items():
                file = made / "energy_uj"
                file.write_text(str((int(file.read_text()) + step) % (most + 1)))
            return x

    return Subject(Net(1), torch.zeros(1, 2), lambda _: Burning())


@pytest.fixture
def powercap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(energy_counters, "_POWERCAP", tmp_path)
    return tmp_path


def test_packages_and_their_memory_count_and_nothing_twice(powercap: Path) -> None:
    one = zone(powercap, "intel-rapl:0", "package-0", 5)
    core = zone(powercap, "intel-rapl:0:0", "core", 5)
    memory = zone(powercap, "intel-rapl:0:1", "dram", 5)
    two = zone(powercap, "intel-rapl:1", "package-1", 5)
    system = zone(powercap, "intel-rapl:2", "psys", 5)
    (powercap / "intel-rapl").mkdir()
    subject = uses({one: 2000, core: 900, memory: 300, two: 500, system: 5000})
    found = EnergyMeter(seconds=0.01).measure(subject)
    assert found == {
        name: pytest.approx(2800e-6)
        for name in ("energy_joules", "energy_joules_low", "energy_joules_high")
    }


def test_a_counter_that_begins_anew_is_one_turn_further(powercap: Path) -> None:
    most = 10_000
    made = zone(powercap, "intel-rapl:0", "package-0", 9_000, most)
    counter = RaplCounter(powercap)
    assert counter.joules((9_000,), (500,)) == pytest.approx(1501e-6)
    assert counter.joules((9_000,), (9_000,)) == 0
    assert counter.joules((0,), (most,)) == pytest.approx(most * 1e-6)
    (made / "energy_uj").write_text("7")
    assert counter.read() == (7,)


def test_a_system_without_counters_is_named(powercap: Path) -> None:
    for odd in ("intel-rapl", "dtpm"):
        (powercap / odd).mkdir()
    with pytest.raises(TaskError, match=r"device='cpu': .* has no energy counter \(RAPL\), as in"):
        EnergyMeter().measure(uses({}))


def test_counters_of_root_are_named_with_the_fix(
    powercap: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    zone(powercap, "intel-rapl:0", "package-0", 5)
    read = Path.read_text

    def denied(path: Path, *args: Any, **options: Any) -> str:
        if path.name == "energy_uj":
            raise PermissionError(13, "Permission denied", str(path))
        return read(path, *args, **options)

    monkeypatch.setattr(Path, "read_text", denied)
    with pytest.raises(TaskError, match=r"energy_uj may be read by root only: .*chmod a\+r"):
        EnergyMeter().measure(uses({}))


def test_odd_counters_are_named(powercap: Path) -> None:
    made = zone(powercap, "intel-rapl:0", "package-0", 5)
    (made / "energy_uj").write_text("much")
    with pytest.raises(TaskError, match=r"the counters of .* are odd: invalid literal"):
        EnergyMeter().measure(uses({}))


class FakeNvml(SimpleNamespace):
    """The part of pynvml that is used; its counter goes on by 40 mJ a reading."""

    class NVMLError(Exception):
        pass

    def __init__(self, start: int = 0, broken: str = "") -> None:
        super().__init__(count=start, broken=broken, asked=[])

    def nvmlInit(self) -> None:  # noqa: N802
        if self.broken:
            raise self.NVMLError(self.broken)

    def nvmlDeviceGetHandleByUUID(self, uuid: str) -> str:  # noqa: N802
        self.asked.append(uuid)
        return "handle"

    def nvmlDeviceGetTotalEnergyConsumption(self, handle: str) -> int:  # noqa: N802
        assert handle == "handle"
        self.count = (self.count + 40) % 2**64
        return self.count


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    properties = SimpleNamespace(uuid="11aa")
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _: properties)


def test_a_gpu_is_asked_by_its_uuid(gpu: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Numbers of NVML are not those of CUDA, which CUDA_VISIBLE_DEVICES changes."""
    nvml = FakeNvml(start=2**64 - 60)
    monkeypatch.setitem(sys.modules, "pynvml", nvml)
    counter = NvmlCounter("cuda:1")
    assert nvml.asked == ["GPU-11aa"]
    assert counter.joules(counter.read(), counter.read()) == pytest.approx(0.04)
    assert counter.joules((2**64 - 10,), (30,)) == pytest.approx(0.04)


def test_a_gpu_without_a_counter_is_named(gpu: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", FakeNvml(broken="Not Supported"))
    with pytest.raises(TaskError, match=r"'cuda': NVML gives no energy of this GPU \(Not Supp"):
        EnergyMeter("cuda").measure(uses({}))


def test_without_a_gpu_or_the_extra_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", FakeNvml())
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(TaskError, match="device='cuda': there is no CUDA device here"):
        EnergyMeter("cuda").measure(uses({}))
    monkeypatch.setitem(sys.modules, "pynvml", None)
    with pytest.raises(TaskError, match=r"device='cuda' needs pynvml: .*'raynas\[nvml\]'"):
        EnergyMeter("cuda").measure(uses({}))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"device": "tpu"}, "device='tpu': use 'cpu' or 'cuda'"),
        ({"batch": 0}, "batch=0: must be at least 1"),
        ({"seconds": 0.0}, "seconds=0.0: must be above 0"),
    ],
)
def test_wrong_arguments_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(TaskError, match=message):
        EnergyMeter(**options)
