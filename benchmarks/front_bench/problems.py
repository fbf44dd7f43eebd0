"""What is searched for a front: a space, the objectives of its architectures, and what is possible.

Objectives are maximized. In tables each is 0 for the table's worst and 1 for its best, so that
hypervolume has no unit; in the synthetic spaces each is 0 for the mean of random architectures and
1 for its own optimum, which no one architecture reaches in two of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from controller_bench.synthetic import synthetic
from controller_bench.tables import macro, nb201
from numpy.typing import NDArray

from raynas import Space
from raynas.dominance import hypervolume, non_dominated

__all__ = ["NAMES", "FrontProblem", "problem"]

Points = NDArray[np.float64]

_TABLES: Mapping[str, tuple[str, tuple[str, ...], tuple[str, float] | None]] = {
    "nb201-latency": ("nb201", ("val_200", "latency_s"), None),
    "nb201-flops": ("nb201", ("val_200", "flops_m"), None),
    "nb201-params": ("nb201", ("val_200", "params_m"), None),
    "nb201-costs": ("nb201", ("latency_s", "params_m"), None),
    "nb201-three": ("nb201", ("val_200", "latency_s", "params_m"), None),
    "nb201-four": ("nb201", ("val_200", "latency_s", "params_m", "train_time_200_s"), None),
    "nb201-bounded": ("nb201", ("val_200", "latency_s"), ("flops_m", 0.2)),
    "nb201-tight": ("nb201", ("val_200", "latency_s"), ("train_time_200_s", 0.01)),
    "macro-flops": ("macro", ("mean_acc", "flops"), None),
}
_RUNS = {
    "val_200": ("val_200_s0", "val_200_s1", "val_200_s2"),
    "mean_acc": ("test_acc_0", "test_acc_1", "test_acc_2"),
}
_SYNTHETIC = {
    "synthetic-30": (30, 2),
    "synthetic-100": (100, 2),
    "synthetic-200": (200, 2),
    "synthetic-30-four": (30, 4),
}
NAMES = (*_TABLES, *_SYNTHETIC)

_SPREAD = 0.03
_OTHER_INSTANCE = 1000


@dataclass(frozen=True)
class FrontProblem:
    """A space whose architectures have several objectives.

    Attributes:
        space: What is searched.
        true: From an architecture to its objectives.
        draw: From an architecture and a generator to those of a single training.
        references: Corners from which hypervolume is measured, by name.
        whole: For each, the hypervolume that others are shares of: that of the table's own front,
            or of the box up to all optima.
        excess: From an architecture to how far it is outside the bound, as a share of the limit;
            None without a bound.
    """

    space: Space[Any]
    true: Callable[[Any], tuple[float, ...]]
    draw: Callable[[Any, np.random.Generator], tuple[float, ...]]
    references: Mapping[str, tuple[float, ...]]
    whole: Mapping[str, float]
    excess: Callable[[Any], float] | None = None

    @property
    def objectives(self) -> int:
        """How many there are."""
        return len(next(iter(self.references.values())))

    def shares(self, points: Points) -> dict[str, float]:
        """What `points` dominate, as a share of what is possible, for each reference."""
        return {
            name: hypervolume(points, corner) / self.whole[name]
            for name, corner in self.references.items()
        }


def problem(name: str, data: Path | None, seed: int) -> FrontProblem:
    """The problem `name` for a run of this seed: of a synthetic one, instances of its own."""
    if name in _SYNTHETIC:
        return _landscapes(*_SYNTHETIC[name], seed)
    if name not in _TABLES:
        raise SystemExit(f"--problems {name}: no such problem; there are {', '.join(NAMES)}")
    if data is None:
        raise SystemExit(f"--problems {name}: give the folder of its table with --data FOLDER")
    return _table(name, data)


def _landscapes(size: int, count: int, seed: int) -> FrontProblem:
    """`count` independent landscapes of one space."""
    made = [synthetic(size, seed + _OTHER_INSTANCE * i) for i in range(count)]

    def true(net: Any) -> tuple[float, ...]:
        rows = (one.look_up(net) for one in made)
        return tuple(row.true for row in rows if row is not None)

    def draw(net: Any, rng: np.random.Generator) -> tuple[float, ...]:
        noise = _SPREAD * rng.standard_normal(count)
        return tuple(value + float(e) for value, e in zip(true(net), noise, strict=True))

    return FrontProblem(made[0].space, true, draw, {"mean": (0.0,) * count}, {"mean": 1.0})


@lru_cache(maxsize=4)
def _table(name: str, data: Path) -> FrontProblem:
    family, columns, bounded = _TABLES[name]
    file, made = {
        "nb201": ("nasbench201_cifar10.csv", nb201),
        "macro": ("nasbench_macro.csv", macro),
    }[family]
    frame = pd.read_csv(data / file, dtype={"arch": str})
    signs = np.array([1.0 if column in _RUNS else -1.0 for column in columns])
    raw = signs * frame[list(columns)].to_numpy(float)
    low, span = raw.min(axis=0), np.ptp(raw, axis=0)
    points = (raw - low) / span
    place = {str(arch): row for row, arch in enumerate(frame["arch"])}
    runs = [
        (j, (frame[list(_RUNS[column])].to_numpy(float) - low[j]) / span[j])
        for j, column in enumerate(columns)
        if column in _RUNS
    ]
    costs = None if bounded is None else frame[bounded[0]].to_numpy(float)
    limit = 0.0 if bounded is None else float(np.quantile(costs, bounded[1]))
    inside = points if costs is None else points[costs <= limit]
    front = inside[non_dominated(inside)]
    references = {"worst": (0.0,) * len(columns), "mean": tuple(inside.mean(axis=0).tolist())}

    def draw(net: Any, rng: np.random.Generator) -> tuple[float, ...]:
        row = place[net.key]
        values = points[row].copy()
        for j, single in runs:
            known = single[row][~np.isnan(single[row])]
            values[j] = known[int(rng.integers(len(known)))]
        return tuple(values.tolist())

    return FrontProblem(
        made(data).space,
        lambda net: tuple(points[place[net.key]].tolist()),
        draw,
        references,
        {key: hypervolume(front, corner) for key, corner in references.items()},
        None if costs is None else lambda net: float(costs[place[net.key]]) / limit - 1.0,
    )
