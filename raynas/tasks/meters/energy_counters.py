"""Counters of energy that a system offers: RAPL for processors, NVML for NVIDIA's GPUs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from raynas.errors import TaskError

__all__ = ["EnergyCounter", "NvmlCounter", "RaplCounter", "counter_of"]

_POWERCAP = Path("/sys/class/powercap")
_MOST_NVML = 2**64  # NVML's counter wraps there


class EnergyCounter(ABC):
    """Counts energy since some moment, in several places at once."""

    @abstractmethod
    def read(self) -> tuple[int, ...]:
        """What each place's counter shows."""

    @abstractmethod
    def joules(self, before: Sequence[int], after: Sequence[int]) -> float:
        """What was used between two readings, the second being the later one."""


class RaplCounter(EnergyCounter):
    """Running Average Power Limit, by the powercap folder of Linux: packages and their memory.

    The counters go back to 0 after ``max_energy_range_uj``, which takes minutes or more; a reading
    that is below the earlier one is one turn further.

    Args:
        folder: The powercap folder.

    Raises:
        TaskError: It has no package whose counter may be read.
    """

    def __init__(self, folder: Path = _POWERCAP) -> None:
        zones = [zone for zone in sorted(folder.glob("intel-rapl*:*")) if _is_counted(zone)]
        if not zones:
            raise TaskError(
                f"device='cpu': {folder} has no energy counter (RAPL), as in most virtual machines "
                "and containers; measure on a machine that has one, or with a CommandMeter"
            )
        self._files = [zone / "energy_uj" for zone in zones]
        try:
            self._ranges = [int((zone / "max_energy_range_uj").read_text()) for zone in zones]
            self.read()
        except PermissionError as error:
            raise TaskError(
                f"device='cpu': {error.filename} may be read by root only: let its owner run "
                f"`sudo chmod a+r {folder}/intel-rapl*/energy_uj`"
            ) from None
        except (OSError, ValueError) as error:
            raise TaskError(f"device='cpu': the counters of {folder} are odd: {error}") from None

    def read(self) -> tuple[int, ...]:
        """See `EnergyCounter.read`; in microjoules."""
        return tuple(int(file.read_text()) for file in self._files)

    def joules(self, before: Sequence[int], after: Sequence[int]) -> float:
        """See `EnergyCounter.joules`."""
        pairs = zip(before, after, self._ranges, strict=True)
        return 1e-6 * sum((new - old) % (most + 1) for old, new, most in pairs)


class NvmlCounter(EnergyCounter):
    """NVIDIA's Management Library: the energy of a GPU, from Volta on. Needs ``raynas[nvml]``.

    Args:
        device: A CUDA device of torch.

    Raises:
        TaskError: It cannot be read; the message says why.
    """

    def __init__(self, device: str = "cuda") -> None:
        try:
            import pynvml
        except ImportError as error:
            raise TaskError(
                f"device={device!r} needs {error.name}: pip install 'raynas[nvml]'"
            ) from error
        self._nvml: Any = pynvml
        try:
            pynvml.nvmlInit()
            self._handle = pynvml.nvmlDeviceGetHandleByUUID(_uuid(device))
            self.read()
        except pynvml.NVMLError as error:
            raise TaskError(
                f"device={device!r}: NVML gives no energy of this GPU ({error}); it does from "
                "Volta on, with NVIDIA's driver"
            ) from error

    def read(self) -> tuple[int, ...]:
        """See `EnergyCounter.read`; in millijoules."""
        return (int(self._nvml.nvmlDeviceGetTotalEnergyConsumption(self._handle)),)

    def joules(self, before: Sequence[int], after: Sequence[int]) -> float:
        """See `EnergyCounter.joules`."""
        return 1e-3 * ((after[0] - before[0]) % _MOST_NVML)


def counter_of(device: str) -> EnergyCounter:
    """The counter of a device of torch.

    Raises:
        TaskError: There is none.
    """
    return RaplCounter(_POWERCAP) if device == "cpu" else NvmlCounter(device)


def _is_counted(zone: Path) -> bool:
    """Whether it is a package or its memory: other zones are parts of these, or hold them."""
    try:
        name = (zone / "name").read_text().strip()
    except OSError:
        return False
    return name.startswith("package") or name == "dram"


def _uuid(device: str) -> str:
    """The name of a GPU that holds whatever CUDA_VISIBLE_DEVICES says."""
    import torch

    if not torch.cuda.is_available():
        raise TaskError(f"device={device!r}: there is no CUDA device here")
    found = str(torch.cuda.get_device_properties(torch.device(device)).uuid)
    return found if found.startswith("GPU-") else f"GPU-{found}"
