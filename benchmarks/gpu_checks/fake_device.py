"""A device for the CPU: an allocator that processes share, behind the functions of `torch.cuda`.

It keeps what CUDA and torch keep: a context for each process, tensors in use, and freed memory that
the process holds until it empties its cache or ends. What does not fit on the device raises torch's
own error. Nothing is computed on it.
"""

from __future__ import annotations

import os
import weakref
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock

__all__ = ["FakeDevice", "Tensor"]


class Tensor:
    """Memory of a device, in use for as long as this lives."""


class FakeDevice:
    """This process's view of the device.

    Args:
        folder: That stands for the device: each process keeps here what it holds.
        total: Bytes that the device has.
        context: Bytes that each process takes for its context.
    """

    def __init__(self, folder: Path, total: int, context: int) -> None:
        self.folder = folder
        self.total = total
        self.context = context
        self.allocated = self.reserved = self.most_allocated = self.most_reserved = 0
        self.broken = ""
        folder.mkdir(parents=True, exist_ok=True)
        self._write()

    @staticmethod
    def installed(folder: Path, total: int, context: int = 0) -> FakeDevice:
        """The device of this process, behind `torch.cuda`; made at the first call."""
        made: FakeDevice | None = getattr(torch.cuda, "_fake_device", None)
        if made is None or made.folder != folder:
            made = FakeDevice(folder, total, context)
            for name, function in made.functions().items():
                setattr(torch.cuda, name, function)
        return made

    def allocate(self, size: int) -> Tensor:
        """Take memory.

        Raises:
            torch.OutOfMemoryError: The device has not as much.
            RuntimeError: The context is broken.
        """
        self.synchronize()
        with FileLock(self.folder / "lock"):
            growth = max(0, self.allocated + size - self.reserved)
            free = self.total - self._taken()
            if growth > free:
                raise torch.OutOfMemoryError(
                    f"CUDA out of memory. Tried to allocate {size / 2**30:.2f} GiB. GPU 0 has a "
                    f"total capacity of {self.total / 2**30:.2f} GiB of which "
                    f"{free / 2**30:.2f} GiB is free."
                )
            self.reserved += growth
            self._write()
        self.allocated += size
        self.most_allocated = max(self.most_allocated, self.allocated)
        self.most_reserved = max(self.most_reserved, self.reserved)
        tensor = Tensor()
        weakref.finalize(tensor, self._free, size)
        return tensor

    def _free(self, size: int) -> None:
        self.allocated -= size

    def synchronize(self, device: Any = None) -> None:
        """Raise what a broken context raises."""
        del device
        if self.broken:
            raise RuntimeError(self.broken)

    def empty_cache(self) -> None:
        """Give back what is not in use."""
        self.synchronize()
        self.reserved = self.allocated
        self._write()

    def reset_peak(self, device: Any = None) -> None:
        """Begin the peaks anew."""
        del device
        self.most_allocated, self.most_reserved = self.allocated, self.reserved

    def free(self, device: Any = None) -> tuple[int, int]:
        """Free bytes and all bytes."""
        del device
        self.synchronize()
        return self.total - self._taken(), self.total

    def _taken(self) -> int:
        """Bytes that living processes hold."""
        taken = 0
        for file in self.folder.glob("process-*"):
            pid = int(file.name.partition("-")[2])
            if Path(f"/proc/{pid}").exists():
                taken += int(file.read_text() or 0)
        return taken

    def _write(self) -> None:
        file = self.folder / f"process-{os.getpid()}"
        unfinished = self.folder / f"unfinished-{os.getpid()}"
        unfinished.write_text(str(self.context + self.reserved))
        unfinished.replace(file)

    def functions(self) -> dict[str, Any]:
        """The attributes of `torch.cuda` that stand for this device, by name."""
        return {
            "_fake_device": self,
            "is_available": lambda: True,
            "is_initialized": lambda: True,
            "init": lambda: None,
            "device_count": lambda: 1,
            "empty_cache": self.empty_cache,
            "synchronize": self.synchronize,
            "mem_get_info": self.free,
            "memory_allocated": lambda device=None: self.allocated,
            "memory_reserved": lambda device=None: self.reserved,
            "max_memory_allocated": lambda device=None: self.most_allocated,
            "max_memory_reserved": lambda device=None: self.most_reserved,
            "reset_peak_memory_stats": self.reset_peak,
            "get_per_process_memory_fraction": lambda device=None: 1.0,
            "get_rng_state": torch.get_rng_state,
            "set_rng_state": torch.set_rng_state,
        }
