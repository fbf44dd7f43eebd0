"""Measure an architecture's network beside its training: what it costs, on which device."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from raynas.arguments import checked
from raynas.errors import TaskError
from raynas.tasks.device import check_device, device_memory
from raynas.tasks.log import announce
from raynas.tasks.meters.latency import network_latency
from raynas.tasks.meters.network_fingerprint import code_of
from raynas.tasks.meters.profile import Profile, deployed_on, profile
from raynas.tasks.network_building import Build, built
from raynas.tasks.network_inputs import called, inputs_on, mapped
from raynas.trials import Architecture

if TYPE_CHECKING:
    from raynas.tasks.network_inputs import Inputs

__all__ = ["CostMeter", "FunctionMeter", "LatencyMeter", "MemoryMeter", "Meter", "Subject"]


@dataclass(frozen=True, eq=False)
class Subject:
    """What a meter measures.

    Attributes:
        architecture: The architecture.
        example_input: What its network takes, as a batch of one; None where nobody knows.
        build: Function from the architecture to its network.
    """

    architecture: Architecture
    example_input: Inputs | None = None
    build: Build = built

    @property
    def example(self) -> Inputs:
        """`example_input`, for a meter that runs the network.

        Raises:
            TaskError: There is none.
        """
        if self.example_input is None:
            raise TaskError(
                "example_input=None: the task has no example of what a network takes; give "
                "Measured an example_input, a tensor that is a batch of one"
            )
        return self.example_input

    def batch(self, size: int) -> tuple[Any, ...]:
        """The example `size` times over, as arguments."""
        inputs = inputs_on(self.example, "cpu")
        return tuple(mapped(lambda tensor: tensor.repeat_interleave(size, 0), v) for v in inputs)


class Meter(ABC):
    """Measures something of an architecture.

    Its `repr` says all that its figures depend on; they are kept under it.

    Attributes:
        free: Whether measuring costs next to nothing and gives the same on every machine, so that
            an architecture outside a bound is not even proposed.
    """

    free: ClassVar[bool] = False

    @property
    def exact(self) -> Meter:
        """What measures in full training: this one, or what it predicts."""
        return self

    @abstractmethod
    def measure(self, subject: Subject) -> Mapping[str, float]:
        """Metrics by name.

        Raises:
            Exception: Whatever building or running the network raises.
        """


@checked
@dataclass(frozen=True)
class CostMeter(Meter):
    """``parameters``, ``flops`` and ``activation_bytes`` of the network, as `profile` counts them.

    Nothing is computed for it: the network is built on torch's meta device where that works.
    ``flops`` is left out for a network with operations that nobody has a formula for; they are
    named in the log ``raynas.tasks``.
    """

    free: ClassVar[bool] = True

    def measure(self, subject: Subject) -> Mapping[str, float]:
        """See `Meter.measure`."""
        return self.figures(profile(subject.architecture, subject.example, build=subject.build))

    @staticmethod
    def figures(found: Profile) -> dict[str, float]:
        """The metrics in a profile."""
        figures = {
            "parameters": float(found.parameters),
            "flops": float(found.flops),
            "activation_bytes": float(found.activation_bytes),
        }
        if found.uncounted:
            announce("flops left out: no formula for %s", ", ".join(found.uncounted))
            del figures["flops"]
        return figures


@checked
@dataclass(frozen=True)
class LatencyMeter(Meter):
    """``latency_p50``, ``latency_p90`` and ``latency_p99``: seconds of a forward pass.

    ``latency_p50_low`` and ``latency_p50_high`` say where a further median lies in 95 of 100 cases
    if it is measured right afterwards; a machine that is busier or cooler on another day gives
    others.

    Measured as `raynas.tasks.meters.latency.timed` says: after warming up, by one process of the
    machine at a time.

    Args:
        device: A device of torch in the machine that the trial runs on; to measure on another
            machine, see `raynas.tune.remote_scoring.OnResource`.
        batch: Examples in the pass.

    Raises:
        TaskError: `batch` is below 1.
    """

    device: str = "cpu"
    batch: int = 1

    def __post_init__(self) -> None:
        if self.batch < 1:
            raise TaskError(f"batch={self.batch}: must be at least 1")

    def measure(self, subject: Subject) -> Mapping[str, float]:
        """See `Meter.measure`."""
        network = deployed_on(subject.architecture, subject.build, self.device)
        inputs = inputs_on(subject.batch(self.batch), self.device)
        return network_latency(network, inputs, self.device).metrics()


@checked
@dataclass(frozen=True)
class MemoryMeter(Meter):
    """``inference_peak_memory_bytes``: the most memory that building and running the network takes.

    As `raynas.tasks.device.device_memory` measures it; no metric where the system does
    not tell.

    Args:
        device: ``"cpu"`` or ``"cuda"``.
        batch: Examples in the pass.

    Raises:
        TaskError: An argument is out of its range.
    """

    device: str = "cpu"
    batch: int = 1

    def __post_init__(self) -> None:
        if self.batch < 1:
            raise TaskError(f"batch={self.batch}: must be at least 1")
        if self.device not in ("cpu", "cuda"):
            raise TaskError(f"device={self.device!r}: use 'cpu' or 'cuda'")

    def measure(self, subject: Subject) -> Mapping[str, float]:
        """See `Meter.measure`."""
        import torch

        if self.device == "cuda":
            check_device("device='cuda'", "device='cpu'")
        with device_memory(float(self.device == "cuda")) as peak:
            network = deployed_on(subject.architecture, subject.build, self.device)
            with torch.inference_mode():
                called(network, inputs_on(subject.batch(self.batch), self.device))
            found = peak()
            del network
        return {f"inference_{name}": value for name, value in found.items()}


@checked
@dataclass(frozen=True)
class FunctionMeter(Meter):
    """What a function of the architecture returns: a lookup table, a device in a rack, a simulator.

    Args:
        function: Returns a number, or metrics by name.
        name: The metric that a plain number becomes.
        free: Whether the function costs next to nothing, as a table or a formula does, and may be
            called in the driver for every proposal; False for one that asks a device.
    """

    function: Callable[[Architecture], float | Mapping[str, float]]
    name: str
    free: bool = True  # type: ignore[misc] # a choice of the user's here

    def measure(self, subject: Subject) -> Mapping[str, float]:
        """See `Meter.measure`."""
        found: Any = self.function(subject.architecture)
        return dict(found) if isinstance(found, Mapping) else {self.name: float(found)}

    def __repr__(self) -> str:
        named = getattr(self.function, "__qualname__", type(self.function).__qualname__)
        return f"FunctionMeter({named}, {self.name!r}, code {code_of(self.function)[:12]})"
