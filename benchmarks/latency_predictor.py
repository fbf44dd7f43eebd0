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


def features_of(space: Space[Any], net: Any, build: Any, example: Any) -> dict[str, Any]:
    """What `fit_cost_model` takes of an architecture."""
    operations, each = operation_features(net, build, example)
    choices = choice_features(space, net)
    return {"operations": operations, "choices": choices, "each operation": each}


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


def ceiling(keys: Sequence[str], y: NDArray[np.float64], test: Any) -> float:
    """Share within 10 % of boosted trees fitted to all other cells: what noise leaves."""
    from sklearn.ensemble import HistGradientBoostingRegressor

    digits = np.array([[int(digit) for digit in key] for key in keys])
    edges = (digits[:, :, None] == np.arange(len(OPERATIONS))).astype(float)
    rows = np.hstack([edges.reshape(len(keys), -1), edges.sum(axis=1)])
    others = np.setdiff1d(np.arange(len(y)), test)
    model = HistGradientBoostingRegressor(max_iter=300).fit(rows[others], np.log(y[others]))
    return float(np.mean(np.abs(np.exp(model.predict(rows[test])) / y[test] - 1) <= 0.1))


def here(measured: int, counts: Sequence[int], seeds: int) -> None:
    """Print the same of random architectures for spoken digits, measured on this machine."""
    sys.path.insert(0, str(Path(__file__).parent / "laboratory"))
    from speech import SpeechNet

    from raynas.tasks.meters.meter import LatencyMeter, Subject

    torch.set_num_threads(1)
    space, example = Space.of(SpeechNet), torch.randn(1, 32, 32)
    rng, meter = np.random.default_rng(0), LatencyMeter()
    features, latencies = [], []
    for _ in range(measured):
        net = space.sample(rng)
        latencies.append(meter.measure(Subject(net, example))["latency_p50"])
        features.append(features_of(space, net, lambda a: a.build(), example))
    y = np.array(latencies)
    for count in counts:
        runs = []
        for seed in range(seeds):
            order = np.random.default_rng(seed).permutation(measured)
            runs.append(judged(features, y, count, seed, order[: measured - count]))
        means = pd.DataFrame(runs).drop(columns="kind").mean()
        print(
            f"| this CPU | {count} | {means['within']:.1%} | {means['q95']:.1%} "
            f"| {means['cross-validated']:.1%} | {means['covered']:.1%} | {means['width']:.1%} |",
            flush=True,
        )


def main(arguments: Sequence[str]) -> None:
    """Print a table as Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--table", type=Path)
    parser.add_argument("--devices", type=Path)
    parser.add_argument("--counts", type=int, nargs="+", default=[30, 50, 100])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--held-out", type=int, default=1500)
    parser.add_argument("--more", type=int, default=500, help="cells to draw measurements from")
    parser.add_argument("--ceiling", action="store_true", help="what thousands would reach")
    parser.add_argument("--here", type=int, default=0)
    parser.add_argument("--save", type=Path, help="CSV file for every run")
    options = parser.parse_args(arguments)
    if options.here:
        here(options.here, options.counts, options.seeds)
        return
    keys, devices = devices_of(options.table, options.devices)
    space = Space.of(NASBench201Cell)
    rng = np.random.default_rng(0)
    some = rng.choice(len(keys), options.held_out + options.more, replace=False)
    test = np.arange(options.held_out)
    example = torch.zeros(1, 3, 32, 32)
    features = []
    for place in some:
        cell = cell_of(keys[place])
        features.append(features_of(space, cell, lambda a: a.build(cells_per_stage=1), example))
    rows = []
    for device, latencies in devices.items():
        y = latencies[some]
        most = ceiling(keys, latencies, some[test]) if options.ceiling else float("nan")
        for count in options.counts:
            runs = [judged(features, y, count, seed, test) for seed in range(options.seeds)]
            rows += [{"device": device, "count": count, "ceiling": most, **run} for run in runs]
            means = pd.DataFrame(runs).drop(columns="kind").mean()
            print(
                f"| {device} | {count} | {means['within']:.1%} | {means['q95']:.1%} "
                f"| {means['cross-validated']:.1%} | {means['covered']:.1%} "
                f"| {means['width']:.1%} |" + (f" {most:.1%} |" if options.ceiling else ""),
                flush=True,
            )
    if options.save:
        pd.DataFrame(rows).to_csv(options.save, index=False)


if __name__ == "__main__":
    main(sys.argv[1:])
