"""raynas' Gaussian process and BoTorch's in the same search: trials to the best, and seconds.

A search of expected improvement over all architectures of a table, four at random first. Only the
process differs: raynas' on its vectors of architectures (`raynas`), BoTorch's `SingleTaskGP` on the
same vectors (`botorch`), and its `MixedSingleTaskGP` on the choices as categories (`categories`).
All are fitted again before each proposal, to rewards on the scale of `standing`.

    pip install botorch
    python benchmarks/gaussian_process.py --data FOLDER --problems nb201,mnist --seeds 5

FOLDER has nasbench201_cifar10.csv. A regret is the distance from the highest reward of the table,
and seconds are of processor time a proposal.
"""

from __future__ import annotations

import argparse
import statistics
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from cost_problems import PROBLEMS
from numpy.typing import NDArray

from raynas import Space
from raynas.controllers.acquisition import log_expected_improvement, standing
from raynas.controllers.features import Features
from raynas.controllers.gaussian_process import GaussianProcess, fit_kernel

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]
Predict = Callable[[NDArray[np.int64], Vector], tuple[Vector, Vector]]

AT_RANDOM = 4
LOOKED_AT = (20, 40, 60)


def raynas(space: Space[Any], architectures: list[Any]) -> Predict:
    """Means and deviations of all architectures from the rewards of some."""
    features = Features(space)
    x, prior = features(architectures), features.prior()

    def predict(tried: NDArray[np.int64], y: Vector) -> tuple[Vector, Vector]:
        process = GaussianProcess(fit_kernel(prior, x[tried], y), x[tried], y)
        found = process.posterior(x)
        return found.means, np.sqrt(found.variances)

    return predict


def botorch(space: Space[Any], architectures: list[Any]) -> Predict:
    """As `raynas`, by `SingleTaskGP`."""
    from botorch.models import SingleTaskGP

    return _of_botorch(Features(space)(architectures), SingleTaskGP)


def categories(space: Space[Any], architectures: list[Any]) -> Predict:
    """As `raynas`, by `MixedSingleTaskGP`."""
    from botorch.models import MixedSingleTaskGP

    rows = [list(_leaves(space.to_config(one))) for one in architectures]
    codes = np.stack([np.unique(c, return_inverse=True)[1] for c in np.array(rows).T], axis=1)
    everything = list(range(codes.shape[1]))
    return _of_botorch(
        codes.astype(float), lambda x, y: MixedSingleTaskGP(x, y, cat_dims=everything)
    )


def _leaves(config: Any) -> list[str]:
    """The values of a configuration, in its order."""
    parts = config.values() if isinstance(config, dict) else config
    if isinstance(config, dict | list | tuple):
        return [leaf for part in parts for leaf in _leaves(part)]
    return [str(config)]


def _of_botorch(x: Matrix, make: Callable[[Any, Any], Any]) -> Predict:
    import torch
    from botorch.fit import fit_gpytorch_mll
    from gpytorch.mlls import ExactMarginalLogLikelihood

    everything = torch.tensor(x, dtype=torch.float64)

    def predict(tried: NDArray[np.int64], y: Vector) -> tuple[Vector, Vector]:
        model = make(everything[tried], torch.tensor(y, dtype=torch.float64)[:, None])
        fit_gpytorch_mll(ExactMarginalLogLikelihood(model.likelihood, model))
        with torch.no_grad():
            found = model.posterior(everything[:, None])
        return found.mean.numpy().ravel(), found.variance.sqrt().numpy().ravel()

    return predict


PROCESSES: dict[str, Callable[[Space[Any], list[Any]], Predict]] = {
    "raynas": raynas,
    "botorch": botorch,
    "categories": categories,
}


def search(predict: Predict, rewards: Vector, seed: int) -> tuple[list[float], float]:
    """Regret after each trial, and seconds a proposal."""
    rng = np.random.default_rng(seed)
    tried = [int(place) for place in rng.permutation(len(rewards))[:AT_RANDOM]]
    began = time.process_time()
    while len(tried) < min(LOOKED_AT[-1], len(rewards)):
        y = standing(rewards[tried])
        means, deviations = predict(np.array(tried), y)
        promises = log_expected_improvement(means, np.maximum(deviations, 1e-9), float(y.max()))
        promises[tried] = -np.inf
        tried.append(int(np.argmax(promises)))
    seconds = (time.process_time() - began) / (len(tried) - AT_RANDOM)
    return list(rewards.max() - np.maximum.accumulate(rewards[tried])), seconds


def main() -> None:
    """Run all, and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--problems", default="nb201,mnist", help="by comma, of cost.py")
    parser.add_argument("--processes", default=",".join(PROCESSES), help="by comma")
    parser.add_argument("--seeds", type=int, default=5)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    looks = " | ".join(f"{count} trials" for count in LOOKED_AT)
    print(f"| problem | process | {looks} | seconds |\n|---|---|" + "--:|" * (len(LOOKED_AT) + 1))
    for name in options.problems.split(","):
        problem = PROBLEMS[name](options.data)
        architectures = list(problem.space.enumerate())
        table = problem.trainings[-1]
        known = [one for one in architectures if problem.name_of(one) in table]
        rewards = np.array([statistics.mean(table[problem.name_of(one)]) for one in known])
        for process in options.processes.split(","):
            predict = PROCESSES[process](problem.space, known)
            runs = [search(predict, rewards, seed) for seed in range(options.seeds)]
            cells = []
            for count in LOOKED_AT:
                found = [regrets[count - 1] for regrets, _ in runs]
                error = statistics.stdev(found) / len(found) ** 0.5 if len(found) > 1 else 0.0
                cells.append(f"{statistics.mean(found):.3g} ± {error:.2g}")
            seconds = statistics.median(seconds for _, seconds in runs)
            print(f"| {name} | {process} | {' | '.join(cells)} | {seconds:.3f} |", flush=True)


if __name__ == "__main__":
    main()
