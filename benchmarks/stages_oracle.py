"""What parts and a joint search could reach if they knew how the decisions interact.

    python benchmarks/stages_oracle.py [--seeds 20] [--between 0.1 0.5] [--part 50]

Both ways search the landscapes of `benchmarks/stages.py` with the Gaussian process that these are
drawn from: it knows which pairs of decisions interact and how strongly. They differ in nothing but
what a trial may change, so that no other model or split of the trials explains a difference.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from stages import DECISIONS, HEIGHTS, LAYERS, OPTIONS, PARTS, CoupledLandscape, reached

from raynas.controllers.acquisition import log_expected_improvement

Vector = NDArray[np.float64]
Codes = NDArray[np.int64]

_CONSTANT = 100.0  # variance of the mean of all values, which is unknown
_JITTER = 1e-3
_INITIAL, _STARTS, _SWEEPS = 4, 3, 6


class TrueProcess:
    """The posterior of a landscape's values after some of them, under its own distribution."""

    def __init__(self, values: CoupledLandscape, x: Codes, y: Vector) -> None:
        self.x = x
        self.partners = [
            [
                (int(a if i == b else b), float(w) ** 2)
                for a, b, w in values.pairs
                if i in (a, b) and w
            ]
            for i in range(DECISIONS)
        ]
        self.pairs = values.pairs
        matches = x[:, None, :] == x[None, :, :]
        covariance = self._of_matches(matches) + _JITTER * np.eye(len(x))
        self.inverse = np.linalg.inv(covariance)
        self.variance = _CONSTANT + DECISIONS + sum(w * w for _, _, w in self.pairs)
        self.middle = float(y.mean())
        self.weights = self.inverse @ (y - self.middle)

    def _of_matches(self, matches: NDArray[np.bool_]) -> Vector:
        """Covariances, from which decisions two architectures have in common."""
        total = _CONSTANT + matches.sum(axis=-1).astype(float)
        for i, j, weight in self.pairs:
            total += weight * weight * (matches[..., i] & matches[..., j])
        return total

    def options(self, z: Codes, place: int, beyond: float) -> Vector:
        """The logarithm of the expected improvement for each option at one place of `z`."""
        matches = self.x == z
        matches[:, place] = False
        shared = 1.0 + sum(
            (weight * matches[:, j] for j, weight in self.partners[place]), np.zeros(len(self.x))
        )
        taken = np.arange(OPTIONS)[:, None] == self.x[:, place]
        across = self._of_matches(matches) + taken * shared
        means = self.middle + across @ self.weights
        variances = self.variance - ((across @ self.inverse) * across).sum(axis=1)
        return log_expected_improvement(means, np.sqrt(np.maximum(variances, 1e-6)), beyond)


def proposed(
    process: TrueProcess, y: Vector, free: Sequence[int], rest: Codes, rng: np.random.Generator
) -> Codes:
    """The architecture of highest expected improvement that sweeps over the decisions find."""
    tried, beyond = {row.tobytes() for row in process.x}, float(y.max())
    top: tuple[float, Codes] = -np.inf, rest
    for start in process.x[np.argsort(-y)[:_STARTS]]:
        z, value = rest.copy(), -np.inf
        z[list(free)] = start[list(free)]
        for _ in range(_SWEEPS):
            before = value
            for place in rng.permutation(free):
                near = np.repeat(z[None], OPTIONS, axis=0)
                near[:, place] = np.arange(OPTIONS)
                gains = process.options(z, place, beyond)
                gains[[row.tobytes() in tried for row in near]] = -np.inf
                if gains.max() > value + 1e-9:
                    value, z = float(gains.max()), near[int(np.argmax(gains))]
            if value == before:
                break
        if value > top[0]:
            top = value, z
    return top[1]


def searched(values: CoupledLandscape, seed: int, most: int, part: int) -> list[float]:
    """Heights of the trials: of `part` for each part and then the whole; all joint if it is 0."""
    rng = np.random.default_rng(seed)
    x, y = np.zeros((0, DECISIONS), dtype=np.int64), np.zeros(0)
    stages = [range(LAYERS * n, LAYERS * (n + 1)) for n in range(len(PARTS))] if part else []
    for number, free in enumerate([*stages, range(DECISIONS)]):
        rest = x[int(np.argmax(y))] if len(x) else np.zeros(DECISIONS, dtype=np.int64)
        begun, length = len(x), part if number < len(stages) else most - len(x)
        initial = 0 if part and number == len(stages) else _INITIAL
        while len(x) < begun + length:
            if len(x) < begun + initial:
                z = rest.copy()
                z[list(free)] = rng.integers(OPTIONS, size=len(free))
            else:
                z = proposed(TrueProcess(values, x, y), y, free, rest, rng)
            x, y = np.vstack([x, z]), np.append(y, values.of(z))
            if values.height(y[-1]) >= HEIGHTS[-1]:
                return [values.height(value) for value in y]
    return [values.height(value) for value in y]


def main() -> None:
    """Print, for each seed and problem, the trials to each height."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--between", type=float, nargs="+", default=[0.1, 0.5])
    parser.add_argument("--most", type=int, default=250)
    parser.add_argument("--part", type=int, default=50)
    options = parser.parse_args()
    for between in options.between:
        for seed in range(options.first, options.first + options.seeds):
            values = CoupledLandscape(seed, between)
            joint = reached(searched(values, seed, options.most, 0))
            parts = reached(searched(values, seed, options.most, options.part))
            print({"between": between, "seed": seed, "joint": joint, "parts": parts}, flush=True)


if __name__ == "__main__":
    main()
