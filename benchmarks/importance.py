"""Importances of choices against the truth: `python benchmarks/importance.py --data FOLDER`.

FOLDER has nasbench201_cifar10.csv and nasbench_macro.csv. As these tables have every combination,
the share of the variance that each choice explains by itself is known. Printed is how far the
shares that raynas and Optuna find from some trials are from it (half the sum of the differences: 0
to 1), and Spearman's correlation between the two, as means over seeds.
"""

from __future__ import annotations

import argparse
import warnings
from pathlib import Path

import numpy as np
import optuna
import pandas as pd
from numpy.typing import NDArray
from optuna.importance import FanovaImportanceEvaluator, get_param_importances
from scipy.stats import spearmanr

from raynas.analysis.choice_matrix import Coded
from raynas.report.importance import fanova
from raynas.report.regression_forest import RegressionForest

Floats = NDArray[np.float64]
TABLES = {"nasbench201_cifar10.csv": "val_200", "nasbench_macro.csv": "test_acc_0"}
TRIALS = (50, 100, 200, 500)


def read(folder: Path, name: str) -> Coded:
    """A table as trials."""
    table = pd.read_csv(folder / name, dtype={"arch": str})
    codes = np.array([[int(digit) for digit in arch] for arch in table["arch"]])
    paths = tuple(f"place {place}" for place in range(codes.shape[1]))
    labels = (tuple(map(str, range(codes.max() + 1))),) * len(paths)
    rewards = table[TABLES[name]].to_numpy(dtype=float)
    return Coded(paths, labels, codes, rewards, (False,) * len(paths))


def true_shares(table: Coded) -> Floats:
    """What each choice explains by itself, all together 1."""
    means = [
        [table.rewards[column == code].mean() for code in np.unique(column)]
        for column in table.codes.T
    ]
    return shares(np.var(means, axis=1))


def shares(values: Floats) -> Floats:
    """`values` divided by their sum."""
    return np.asarray(values / values.sum())


def by_optuna(data: Coded, seed: int) -> Floats:
    """What Optuna finds by fANOVA, with its defaults."""
    study = optuna.create_study(direction="maximize")
    options = {
        path: optuna.distributions.CategoricalDistribution(range(len(labels)))
        for path, labels in zip(data.paths, data.labels, strict=True)
    }
    for codes, reward in zip(data.codes.tolist(), data.rewards.tolist(), strict=True):
        params = dict(zip(data.paths, codes, strict=True))
        study.add_trial(optuna.create_trial(params=params, distributions=options, value=reward))
    found = get_param_importances(study, evaluator=FanovaImportanceEvaluator(seed=seed))
    return np.array([found[path] for path in data.paths])


def main() -> None:
    """Compare and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="folder of the tables")
    parser.add_argument("--seeds", type=int, default=10)
    options = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    warnings.simplefilter("ignore")
    print(f"{'table':<24} {'trials':>6} {'raynas':>7} {'Optuna':>7} {'correlation':>12}")
    for name in TABLES:
        table = read(options.data, name)
        truth = true_shares(table)
        for count in TRIALS:
            found = []
            for seed in range(options.seeds):
                rows = np.random.default_rng(seed).permutation(len(table))[:count]
                data = Coded(
                    table.paths, table.labels, table.codes[rows], table.rewards[rows], table.ordered
                )
                ours, peer = shares(fanova(RegressionForest(data, seed))), by_optuna(data, seed)
                far = [np.abs(one - truth).sum() / 2 for one in (ours, peer)]
                found.append([*far, spearmanr(ours, peer).statistic])
            ours, peer, alike = np.mean(found, axis=0)
            print(f"{name:<24} {count:>6} {ours:7.3f} {peer:7.3f} {alike:12.2f}", flush=True)


if __name__ == "__main__":
    main()
