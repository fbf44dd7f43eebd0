"""How much of a GPU a trial takes, measured by running one: how many trials may share a device."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from raynas.errors import TaskError
from raynas.space import Space
from raynas.tasks.device import release_device_memory
from raynas.tasks.device_errors import out_of_memory
from raynas.trials import Architecture

if TYPE_CHECKING:
    from raynas.tasks.base import Task

__all__ = ["Footprint", "gpu_footprint", "largest"]

_SAMPLES = 64  # of which the largest is taken: larger than 95 % of the space with 96 % confidence
_RESERVE = 0.1  # of the memory, for fragmentation and larger architectures
_MOST = 16  # trials on a device: beyond, processes cost more than they use
_BYTES_A_PARAMETER = 16  # weight, gradient and Adam's two moments, in 32 bits


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


def largest(space: Space[Any], task: Task) -> Architecture:
    """The architecture, of a sample and the baseline, that should take most memory to train.

    By parameters and activations counted without computing anything; the baseline, or any where
    there is none, where `task` has no networks to count.
    """
    from raynas.tasks.meters.space_profile import profile_space

    try:
        sample = profile_space(space, task=task, samples=_SAMPLES).profiles
    except TaskError:
        sample = ()
    if not sample:
        return space.baseline
    return max(
        sample,
        key=lambda pair: pair[1].activation_bytes + _BYTES_A_PARAMETER * pair[1].parameters,
    )[0]
