"""What an architecture costs, before anything trains: parameters, FLOPs, memory, latency."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from raynas.errors import InfeasibleArchitecture, TaskError
from raynas.tasks.device import check_device
from raynas.tasks.meters.flop_counter import Counts, counted
from raynas.tasks.meters.latency import Latency, network_latency
from raynas.tasks.network_building import Build, built
from raynas.tasks.network_inputs import inputs_on
from raynas.trials import Architecture

if TYPE_CHECKING:
    from torch import nn

    from raynas.tasks.network_inputs import Inputs

__all__ = [
    "Inputs",
    "Latency",
    "Profile",
    "deployed_on",
    "inputs_on",
    "network_on",
    "profile",
    "try_build",
]


@dataclass(frozen=True)
class Profile:
    """What one architecture costs.

    Attributes:
        parameters: Number of parameters, shared ones once.
        flops: FLOPs of a forward pass of the example: those of matrix products, convolutions,
            attention, recurrent layers and Fourier transforms, a multiply-accumulate counted as
            two; additions, norms, activations, pooling and resizing are not counted
            (`torch.utils.flop_counter`, with `raynas.tasks.meters.flop_formulas` for what it
            lacks).
        activation_bytes: Sum of the sizes of what modules that call no other module put out in
            that pass; what a module computes in functions besides is not counted.
        device: Device of the count: ``"meta"``, or ``"cpu"`` where the network cannot be built
            or run without its data.
        latency: Latency, if it was asked for.
        uncounted: Operations with products that nobody has a formula for, such as
            ``aten::linalg_inv_ex``: `flops` leaves them out, and is too small where there are any.
    """

    parameters: int
    flops: int
    activation_bytes: int
    device: str
    latency: Latency | None = None
    uncounted: tuple[str, ...] = ()


def profile(
    architecture: Architecture,
    example_input: Inputs,
    *,
    device: str = "meta",
    latency_on: str | None = None,
    build: Build = built,
) -> Profile:
    """Build and run `architecture` once, in evaluation mode, and count.

    Args:
        architecture: The architecture.
        example_input: What its network takes, as a batch of one: a tensor, a tuple of arguments,
            a list as one argument, or a dict of keyword arguments, or of one argument where
            `forward` has no parameters of these names.
        device: Device to count on. On ``"meta"`` nothing is computed; a network that cannot do
            without its data, such as one that branches on them, is built and run on the CPU.
        latency_on: A real device to measure latency on, such as ``"cpu"`` or ``"cuda"``; None not
            to.
        build: Function from the architecture to its network; its method `build` by default.

    Raises:
        Exception: Whatever building or running the network raises on a real device.
    """
    count = _Counted(architecture, example_input, build)
    if device == "meta":
        device, (parameters, counts) = _on_meta_or_cpu(count)
    else:
        parameters, counts = count(device)
    latency = None
    if latency_on is not None:
        network = deployed_on(architecture, build, latency_on)
        latency = network_latency(network, inputs_on(example_input, latency_on), latency_on)
    return Profile(
        parameters, counts.flops, counts.activation_bytes, device, latency, counts.uncounted
    )


def try_build(architecture: Architecture, build: Build = built) -> None:
    """Build `architecture` on the meta device, or where it does not work there on the CPU.

    Raises:
        Exception: Whatever building it raises on the CPU.
    """
    _on_meta_or_cpu(lambda device: network_on(architecture, build, device))


@dataclass(frozen=True)
class _Counted:
    """Counts on a device: the parameters, and what the forward pass costs."""

    architecture: Any
    example_input: Any
    build: Build

    def __call__(self, device: str) -> tuple[int, Counts]:
        import torch

        # Where the data decide what is computed, initial weights do: let them always be the same.
        with torch.random.fork_rng([torch.device(device)] if device.startswith("cuda") else []):
            torch.manual_seed(0)
            network = network_on(self.architecture, self.build, device)
            counts = counted(network, inputs_on(self.example_input, device))
        # Only now, as lazy layers have no parameters before they run.
        return sum(parameter.numel() for parameter in network.parameters()), counts


def _on_meta_or_cpu(work: Callable[[str], Any]) -> tuple[str, Any]:
    """What `work` gives on the meta device, or else on the CPU, and on which."""
    try:
        return "meta", work("meta")
    except (InfeasibleArchitecture, TaskError):
        raise
    except Exception:
        return "cpu", work("cpu")


def deployed_on(architecture: Architecture, build: Build, device: str) -> nn.Module:
    """The network of `architecture` as it is deployed, with few bits where these were chosen.

    Raises:
        TaskError: See `network_on`.
    """
    from raynas.quantization import deployed

    return deployed(network_on(architecture, build, device))


def network_on(architecture: Architecture, build: Build, device: str) -> nn.Module:
    """The network of `architecture`, on `device` and in evaluation mode.

    Raises:
        TaskError: `build` gives something else, or torch finds no such GPU.
    """
    import torch

    if torch.device(device).type == "cuda":
        check_device(f"device={device!r}", "device='cpu'")
    with torch.device(device):
        network = build(architecture)
    if not isinstance(network, torch.nn.Module):
        raise TaskError(
            f"build() of {architecture!r} returned a {type(network).__name__}: it must return a "
            "torch.nn.Module"
        )
    return network.to(device).eval()
