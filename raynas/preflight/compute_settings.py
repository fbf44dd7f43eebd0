"""Settings of torch that change how fast a step is computed, and should change nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any

__all__ = ["COMPUTE_SETTINGS", "ComputeSetting", "applied"]


@dataclass(frozen=True)
class ComputeSetting:
    """A setting of a step's computation.

    Attributes:
        name: What it is called.
        change: What to write to adopt it.
        needs_gpu: Whether it does something on a GPU only.
        apply: Sets it for a module and returns what undoes it.
        speaks_against: Why it can do nothing for a module; empty where it may.
    """

    name: str
    change: str
    needs_gpu: bool
    apply: Callable[[Any], Callable[[], None]]
    speaks_against: Callable[[Any], str] = lambda _: ""


def applied(name: str, module: Any) -> AbstractContextManager[None]:
    """A context in which the setting called `name` is on for `module`; nothing for no name."""
    return _applied(name, module)


@contextmanager
def _applied(name: str, module: Any) -> Iterator[None]:
    if not name:
        yield
        return
    undo = COMPUTE_SETTINGS[name].apply(module)
    try:
        yield
    finally:
        undo()


def _channels_last(module: Any) -> Callable[[], None]:
    """Use channels-last memory for convolutions' weights; undoing is left to the module."""
    import torch

    kinds = {torch.nn.Conv2d: torch.channels_last, torch.nn.Conv3d: torch.channels_last_3d}
    for kind, memory_format in kinds.items():
        for layer in module.modules():
            if isinstance(layer, kind):
                layer.to(memory_format=memory_format)  # type: ignore[call-overload]
    return lambda: None


def _without_convolutions(module: Any) -> str:
    import torch

    layers = [m for m in module.modules() if isinstance(m, torch.nn.Conv2d | torch.nn.Conv3d)]
    return "" if layers else "the network has no convolutions over two or three dimensions"


def _benchmark(module: Any) -> Callable[[], None]:
    import torch

    del module
    was = torch.backends.cudnn.benchmark
    torch.backends.cudnn.benchmark = True

    def undo() -> None:
        torch.backends.cudnn.benchmark = was

    return undo


def _matmul(precision: str) -> Callable[[Any], Callable[[], None]]:
    def apply(module: Any) -> Callable[[], None]:
        import torch

        del module
        was = torch.get_float32_matmul_precision()
        torch.set_float32_matmul_precision(precision)
        return lambda: torch.set_float32_matmul_precision(was)

    return apply


def _tf32_convolutions(module: Any) -> Callable[[], None]:
    import torch

    del module
    was = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = True

    def undo() -> None:
        torch.backends.cudnn.allow_tf32 = was

    return undo


_IN_INIT = "in the module's __init__: "

COMPUTE_SETTINGS = {
    setting.name: setting
    for setting in (
        ComputeSetting(
            "channels_last",
            _IN_INIT
            + "self.to(memory_format=torch.channels_last), or channels_last_3d for volumes",
            False,
            _channels_last,
            _without_convolutions,
        ),
        ComputeSetting(
            "cudnn.benchmark",
            'LightningTask(..., trainer={"benchmark": True}, deterministic=False)',
            True,
            _benchmark,
            _without_convolutions,
        ),
        ComputeSetting(
            "TF32 in convolutions",
            _IN_INIT + "torch.backends.cudnn.allow_tf32 = True",
            True,
            _tf32_convolutions,
            _without_convolutions,
        ),
        ComputeSetting(
            "TF32 in matrix products",
            _IN_INIT + 'torch.set_float32_matmul_precision("high")',
            True,
            _matmul("high"),
        ),
        ComputeSetting(
            "bfloat16 in matrix products",
            _IN_INIT + 'torch.set_float32_matmul_precision("medium")',
            True,
            _matmul("medium"),
        ),
    )
}
"""By name: those that a step can be timed with."""
