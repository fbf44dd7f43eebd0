"""How well latency is predicted from some fifty measurements, on tables of devices and here.

``python benchmarks/latency_predictor.py --table nasbench201_cifar10.csv --devices FOLDER`` where
FOLDER has, for devices in ``NAME.pt``, the latencies of NAS-Bench-201's architectures, and in
``str_arch2idx.pt`` their order: ``data/nasbench201`` of the repository of HELP (Lee et al. 2021,
"HELP: Hardware-Adaptive Efficient Latency Prediction for NAS via Meta-Learning", NeurIPS).
``--here N`` measures N architectures of the spoken-digits space on this machine instead.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from raynas.space import Space
from raynas.tasks.meters.cost_features import choice_features, operation_features
from raynas.tasks.meters.cost_model import fit_cost_model
from search_spaces.nasbench201 import OPERATIONS, NASBench201Cell

HELD_OUT = 1000
CEILING = 4000
_OPERATION = re.compile(r"([a-z_0-9]+)~\d")


def cell_of(key: str) -> NASBench201Cell:
    """The cell of six digits, one an edge."""
    return NASBench201Cell(tuple(OPERATIONS[int(digit)] for digit in key))


def devices_of(
    table: Path, folder: Path | None
) -> tuple[list[str], dict[str, NDArray[np.float64]]]:
    """The keys of all cells, and by device their latencies."""
    frame = pd.read_csv(table, dtype={"arch": str})
    found = {"NAS-Bench-201's GPU": frame["latency_s"].to_numpy(dtype=float)}
    if folder is None:
        return list(frame["arch"]), found
    order = torch.load(next(folder.rglob("str_arch2idx.pt")), weights_only=True)
    places = {
        "".join(str(OPERATIONS.index(name)) for name in _OPERATION.findall(text)): place
        for text, place in order.items()
    }
    rows = [places[key] for key in frame["arch"]]
    for path in sorted(folder.rglob("*.pt")):
        values = None if path.stem == "str_arch2idx" else torch.load(path, weights_only=True)
        if isinstance(values, list) and len(values) == len(rows):
            found[path.stem] = np.array(values, dtype=float)[rows]
    return list(frame["arch"]), found


def judged(
    features: Sequence[Mapping[str, Any]], y: NDArray[np.float64], count: int, seed: int, test: Any
) -> dict[str, Any]:
    """A model of `count` random measurements, judged on the rows `test`."""
    rng = np.random.default_rng(seed)
    others = np.setdiff1d(np.arange(len(y)), test)
    train = rng.choice(others, count, replace=False)
    model = fit_cost_model([features[i] for i in train], list(y[train]))
    predicted = model([features[i] for i in test])
    values = np.array([one.value for one in predicted])
    errors = np.abs(values / y[test] - 1)
    inside = [p.low <= v <= p.high for p, v in zip(predicted, y[test], strict=True)]
    return {
        "within": float(np.mean(errors <= 0.1)),
        "q95": float(np.quantile(errors, 0.95)),
        "cross-validated": model.share_within(0.1),
        "covered": float(np.mean(inside)),
        "width": model.factor - 1,
        "kind": model.kind,
    }


def ceiling(features: Sequence[Mapping[str, Any]], y: NDArray[np.float64], test: Any) -> float:
    """Share within 10 % of boosted trees of thousands of measurements: what noise leaves."""
    from sklearn.ensemble import HistGradientBoostingRegressor

    names = sorted({(g, n) for one in features for g in one for n in one[g]})
    rows = np.array([[one[g].get(n, 0.0) for g, n in names] for one in features])
    others = np.setdiff1d(np.arange(len(y)), test)
    train = np.random.default_rng(0).choice(others, min(CEILING, len(others)), replace=False)
    model = HistGradientBoostingRegressor(max_iter=400).fit(rows[train], np.log(y[train]))
    return float(np.mean(np.abs(np.exp(model.predict(rows[test])) / y[test] - 1) <= 0.1))


def main(arguments: Sequence[str]) -> None:
    """Print a table as Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--table", type=Path)
    parser.add_argument("--devices", type=Path)
    parser.add_argument("--counts", type=int, nargs="+", default=[30, 50, 100])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--here", type=int, default=0)
    parser.add_argument("--save", type=Path, help="CSV file for every run")
    options = parser.parse_args(arguments)
    if options.here:
        from latency_here import main as here

        here(options.here, options.counts, options.seeds, options.save)
        return
    keys, devices = devices_of(options.table, options.devices)
    space = Space.of(NASBench201Cell)
    rng = np.random.default_rng(0)
    some = rng.choice(len(keys), HELD_OUT + CEILING, replace=False)
    test = np.arange(HELD_OUT)
    example = torch.zeros(1, 3, 32, 32)
    features = []
    for place in some:
        cell = cell_of(keys[place])
        operations = operation_features(cell, lambda a: a.build(cells_per_stage=1), example)
        features.append({"operations": operations, "choices": choice_features(space, cell)})
    rows = []
    for device, latencies in devices.items():
        y = latencies[some]
        most = ceiling(features, y, test)
        for count in options.counts:
            runs = [judged(features, y, count, seed, test) for seed in range(options.seeds)]
            rows += [{"device": device, "count": count, "ceiling": most, **run} for run in runs]
            means = pd.DataFrame(runs).drop(columns="kind").mean()
            print(
                f"| {device} | {count} | {means['within']:.1%} | {means['q95']:.1%} "
                f"| {means['cross-validated']:.1%} | {means['covered']:.1%} "
                f"| {means['width']:.1%} | {most:.1%} |",
                flush=True,
            )
    if options.save:
        pd.DataFrame(rows).to_csv(options.save, index=False)


if __name__ == "__main__":
    main(sys.argv[1:])
