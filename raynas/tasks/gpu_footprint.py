"""How much of a GPU a trial takes, measured by running one: how many trials may share a device."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from raynas.tasks.device import release_device_memory
from raynas.tasks.device_errors import out_of_memory

__all__ = ["Footprint", "gpu_footprint"]

_RESERVE = 0.1  # of the memory, for fragmentation and larger architectures
_MOST = 16  # trials on a device: beyond, processes cost more than they use


@dataclass(frozen=True)
class Footprint:
    """What a trial takes of a device at most, and what the device has, in bytes.

    A trial that found the device too small takes more than it has.
    """

    taken: int
    device: int

    @property
    def trials(self) -> int:
        """How many such trials fit on the device, a tenth of it left free; at least 1."""
        fitting = int(self.device * (1 - _RESERVE) / max(self.taken, 1))
        return min(max(fitting, 1), _MOST)


def gpu_footprint(run: Callable[[], object]) -> Footprint:
    """The footprint of `run` on the current CUDA device, which nobody else may use meanwhile.

    The CUDA context, which each process has for itself, counts too, with the kernels of CUDA's
    libraries that `run` is the first to load.
    """
    import torch

    torch.cuda.init()  # type: ignore[no-untyped-call]
    release_device_memory()
    torch.cuda.reset_peak_memory_stats()
    device = torch.cuda.mem_get_info()[1]
    try:
        run()
    except Exception as error:
        if out_of_memory(error) is None:
            raise
        return Footprint(device + 1, device)
    free = torch.cuda.mem_get_info()[0]
    context = device - free - torch.cuda.memory_reserved()
    return Footprint(context + torch.cuda.max_memory_reserved(), device)
