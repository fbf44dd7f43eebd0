"""What a trial needs of a machine, and how many trials fit."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from raynas.arguments import checked
from raynas.errors import ConfigurationError

__all__ = ["Resources", "fitting"]

_LEAST = 0.0001  # what Ray tells apart from nothing


@checked
@dataclass(frozen=True)
class Resources:
    """What one trial reserves.

    Args:
        cpu: CPU cores, not necessarily whole.
        gpu: GPUs: a share of one, so that several trials use a device at once, or a whole number;
            ``"auto"`` for the share that the largest architecture's memory allows, measured when
            the search starts, and none where there is no GPU.
        memory: Bytes of main memory that a trial may use; reserved, and a trial that takes more
            ends as one that ran out of memory. None for no limit but the machine's.
        custom: Amounts of resources that the cluster's machines were given by name, such as
            ``{"accelerator_type:A100": 0.001}``.
        bundles: Replacement for all this, for trials that spread over machines: what each part
            reserves, in Ray's names, such as ``[{"CPU": 1}, {"CPU": 2, "GPU": 1}]``; the trial
            itself runs in the first.
        strategy: How bundles are placed: ``"PACK"``, ``"SPREAD"``, ``"STRICT_PACK"`` or
            ``"STRICT_SPREAD"``.

    Raises:
        ConfigurationError: A value is out of its range.
    """

    cpu: float = 1.0
    gpu: float | Literal["auto"] = 0.0
    memory: int | None = None
    custom: Mapping[str, float] = field(default_factory=dict)
    bundles: Sequence[Mapping[str, float]] = ()
    strategy: str = "PACK"

    def __post_init__(self) -> None:
        self._check_rest()
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

    def _check_rest(self) -> None:
        if self.memory is not None and self.memory < 1:
            raise ConfigurationError(f"resources memory={self.memory}: must be bytes, or None")
        if self.strategy not in _STRATEGIES:
            raise ConfigurationError(
                f"resources strategy={self.strategy!r}: use one of {', '.join(_STRATEGIES)}"
            )
        amounts = [("custom", self.custom), *(("bundles", bundle) for bundle in self.bundles)]
        for name, amount in amounts:
            if not all(isinstance(a, int | float) and a >= 0 for a in amount.values()):
                raise ConfigurationError(f"resources {name}={amount!r}: amounts must be from 0 on")

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
        if self.gpu == "auto":
            return 1.0
        total = self.as_dict()
        return total["gpu"] or total["cpu"]

    def as_dict(self) -> dict[str, float]:
        """CPUs and GPUs of a trial in all, as Ray names them."""
        parts = self.requests()
        return {
            "cpu": float(sum(part.get("CPU", 0.0) for part in parts)),
            "gpu": float(sum(part.get("GPU", 0.0) for part in parts)),
        }

    def requests(self) -> list[dict[str, float]]:
        """What each part of a trial reserves, in Ray's names."""
        if self.bundles:
            return [dict(bundle) for bundle in self.bundles]
        memory = {} if self.memory is None else {"memory": float(self.memory)}
        whole = {"CPU": self.cpu, "GPU": self.gpus, **memory, **self.custom}
        return [{name: amount for name, amount in whole.items() if amount}]

    def alone(self, nodes: list[Mapping[str, float]]) -> Resources:
        """What a trial reserves to have a device, or without GPUs a machine, for itself."""
        if self.bundles:
            return self
        if self.gpus:
            return replace(self, gpu=max(1.0, self.gpus))
        fit = [node.get("CPU", 0.0) for node in nodes if _on_node(self, node)]
        return replace(self, cpu=max([self.cpu, *fit]))


def fitting(resources: Resources, nodes: list[Mapping[str, float]]) -> int:
    """How many trials can run at once on `nodes`, given each node's CPUs and GPUs.

    Raises:
        ConfigurationError: Not a single one.
    """
    if resources.bundles:
        return _fitting_bundles(resources, nodes)
    count = sum(_on_node(resources, node) for node in nodes)
    if not count:
        _refuse_custom(resources, nodes)
        most = {name: max((n.get(name, 0.0) for n in nodes), default=0.0) for name in _NAMES}
        raise ConfigurationError(
            f"resources cpu={resources.cpu:g}, gpu={resources.gpus:g}: no machine has as much (at "
            f"most {most['CPU']:g} CPUs, {most['GPU']:g} GPUs); ask for less, as in "
            f"Resources(cpu=1{', gpu=0' if resources.gpu else ''})"
        )
    return count


def _fitting_bundles(resources: Resources, nodes: list[Mapping[str, float]]) -> int:
    """How many times all bundles fit into what the nodes have in all."""
    wanted: Counter[str] = Counter()
    for bundle in resources.bundles:
        wanted.update(bundle)
    have: Counter[str] = Counter()
    for node in nodes:
        have.update(node)
    count = int(min((have[n] / a for n, a in wanted.items() if a), default=0) + _ROUNDING)
    if not count:
        raise ConfigurationError(
            f"resources bundles={list(resources.bundles)!r}: the machines have "
            f"{', '.join(f'{have[n]:g} {n}' for n in wanted)} in all; ask for less"
        )
    return count


def _refuse_custom(resources: Resources, nodes: list[Mapping[str, float]]) -> None:
    """Name the resource besides CPU and GPU that no machine has enough of."""
    memory = {} if resources.memory is None else {"memory": float(resources.memory)}
    for name, amount in {**memory, **resources.custom}.items():
        most = max((node.get(name, 0.0) for node in nodes), default=0.0)
        if most < amount:
            raise ConfigurationError(
                f"resources {name}={amount:g}: no machine has as much (at most {most:g}); "
                "ask for less, or start Ray with it"
            )


_STRATEGIES = ("PACK", "SPREAD", "STRICT_PACK", "STRICT_SPREAD")
_NAMES = ("CPU", "GPU")
_ROUNDING = 1e-9  # shares such as 1/3 add up to whole devices within it


def _on_node(resources: Resources, node: Mapping[str, float]) -> int:
    memory = {} if resources.memory is None else {"memory": float(resources.memory)}
    rest = {**memory, **resources.custom}
    by_rest = [int(node.get(name, 0.0) / a + _ROUNDING) for name, a in rest.items() if a]
    by_cpu = min([int(node.get("CPU", 0.0) / resources.cpu + _ROUNDING), *by_rest])
    if not resources.gpus:
        return by_cpu
    gpus = int(node.get("GPU", 0.0))
    by_gpu = (
        gpus // int(resources.gpus)
        if resources.gpus >= 1
        else gpus * int(1 / resources.gpus + _ROUNDING)
    )
    return min(by_cpu, by_gpu)
