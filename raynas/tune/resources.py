"""What a trial needs of a machine, and how many trials fit."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from raynas.errors import ConfigurationError

__all__ = ["Resources", "fitting"]

_LEAST = 0.0001  # what Ray tells apart from nothing


@dataclass(frozen=True)
class Resources:
    """What one trial reserves.

    Args:
        cpu: CPU cores, not necessarily whole.
        gpu: GPUs: a share of one, so that several trials use a device at once, or a whole number;
            ``"auto"`` for the share that the largest architecture's memory allows, measured when
            the search starts, and none where there is no GPU.

    Raises:
        ConfigurationError: A value is out of its range.
    """

    cpu: float = 1.0
    gpu: float | Literal["auto"] = 0.0

    def __post_init__(self) -> None:
        amounts = (self.cpu,) if self.gpu == "auto" else (self.cpu, self.gpu)
        for value in amounts:
            if not isinstance(value, int | float) or not math.isfinite(value):
                raise ConfigurationError(f"resources {value!r}: must be a finite number")
        if self.cpu < _LEAST:
            raise ConfigurationError(f"resources cpu={self.cpu}: must be at least {_LEAST}")
        if self.gpu == "auto":
            return
        shared = self.gpu == 0 or _LEAST <= self.gpu <= 1
        if not shared and (self.gpu < 1 or self.gpu != int(self.gpu)):
            raise ConfigurationError(
                f"resources gpu={self.gpu}: must be 0, a share from {_LEAST} to 1, or whole"
            )

    @property
    def gpus(self) -> float:
        """`gpu` as a number.

        Raises:
            ConfigurationError: It is ``"auto"``, which a search settles when it starts.
        """
        if self.gpu == "auto":
            raise ConfigurationError("resources gpu='auto': is settled by raynas.Search only")
        return self.gpu

    @property
    def devices(self) -> float:
        """What an hour of a trial is counted in: GPUs, a whole one for ``"auto"``, or else CPUs."""
        return 1.0 if self.gpu == "auto" else self.gpu or self.cpu

    def as_dict(self) -> dict[str, float]:
        """As Ray names them."""
        return {"cpu": self.cpu, "gpu": self.gpus}


def fitting(resources: Resources, nodes: list[Mapping[str, float]]) -> int:
    """How many trials can run at once on `nodes`, given each node's CPUs and GPUs.

    Raises:
        ConfigurationError: Not a single one.
    """
    count = sum(_on_node(resources, node) for node in nodes)
    if not count:
        most = {name: max((n.get(name, 0.0) for n in nodes), default=0.0) for name in _NAMES}
        raise ConfigurationError(
            f"resources cpu={resources.cpu:g}, gpu={resources.gpus:g}: no machine has as much (at "
            f"most {most['CPU']:g} CPUs, {most['GPU']:g} GPUs); ask for less, as in "
            f"Resources(cpu=1{', gpu=0' if resources.gpu else ''})"
        )
    return count


_NAMES = ("CPU", "GPU")
_ROUNDING = 1e-9


def _on_node(resources: Resources, node: Mapping[str, float]) -> int:
    by_cpu = int(node.get("CPU", 0.0) / resources.cpu + _ROUNDING)
    if not resources.gpus:
        return by_cpu
    gpus = int(node.get("GPU", 0.0))
    by_gpu = (
        gpus // int(resources.gpus)
        if resources.gpus >= 1
        else gpus * int(1 / resources.gpus + _ROUNDING)
    )
    return min(by_cpu, by_gpu)
