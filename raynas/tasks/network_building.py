"""Building networks: by an architecture's method `build`, or by a function in its place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from raynas.errors import TaskError
from raynas.trials import Architecture

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import nn

__all__ = ["Build", "built"]

Build: TypeAlias = "Callable[[Architecture], nn.Module]"


def built(architecture: Architecture, **arguments: Any) -> nn.Module:
    """The network that `architecture` makes of itself, given `arguments`.

    Raises:
        TaskError: Its class has no method `build`.
    """
    build = getattr(architecture, "build", None)
    if build is None:
        raise TaskError(
            f"{type(architecture).__name__} has no method build(): give it one that returns a "
            "torch.nn.Module"
        )
    network: nn.Module = build(**arguments)
    return network
