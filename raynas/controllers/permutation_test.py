"""Whether rewards depend on the architecture: a permutation test.

Good 2005, "Permutation, Parametric and Bootstrap Tests of Hypotheses", section 3.2: were rewards
noise, each way to exchange them among the architectures would be as likely as the one observed.
They are compared by how well a Gaussian process explains them that takes half of the variance for
noise, so that nothing is fitted and the same test suits exact and noisy rewards.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from raynas.controllers.gaussian_process import Kernel

__all__ = ["log_odds_of_structure", "share_explained_worse"]

_PERMUTATIONS = 200  # by hand: probabilities in steps of 0.005
_DIGITS = 9  # the last ones of what is equal differ between machines
_SHARPNESS = 2.0
"""After 24 short trainings of 20 searches each (benchmarks/cost.py), the odds are for structure on
NAS-Bench-201 and MNIST in 20, on spoken digits in 17, and with noise of 0.6 of the standard
deviation of the rewards on NAS-Bench-201 in 16; for noise in 15, 15 and 18 with shuffled rewards.
"""


def share_explained_worse(kernel: Kernel, x: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    """The share of permutations of `y` that the kernel explains worse than `y` itself.

    Rewards of noise have each share with the same probability, and rewards with structure shares
    near 1.

    Args:
        kernel: Covariance of rewards without noise; only its shape counts.
        x: Vectors, one a row.
        y: Rewards about their mean, in units of their standard deviation.
    """
    precision = np.linalg.inv(kernel(x, x) / kernel.variance + np.eye(len(y)))
    copies = np.tile(y, (_PERMUTATIONS, 1))
    permuted = np.random.default_rng(0).permuted(copies, axis=1)
    beyond = ((permuted @ precision) * permuted).sum(1) - y @ precision @ y
    return float((np.round(beyond, _DIGITS) > 0).mean())


def log_odds_of_structure(share: float, trials_a_decision: float) -> float:
    """Logarithm of the odds of structure against noise, where both are as likely beforehand.

    With structure the share is taken to have a beta distribution with the parameters b and 1, which
    is nearer to 1 the more trials there are; with noise b is 1.

    Args:
        share: What `share_explained_worse` gives.
        trials_a_decision: Trials in relation to the decisions of the space.
    """
    b = trials_a_decision**2 / _SHARPNESS
    return float(np.log(b) + (b - 1) * np.log(max(share, 0.5 / _PERMUTATIONS)))
