"""Helpers for tests, ours and third parties': toy spaces, a toy reward, and contracts to inherit.

Nothing here imports pytest; the contracts are classes whose methods pytest collects from a
subclass named ``Test…``.
"""

from raynas.testing.controllers import ControllerContract, simulate
from raynas.testing.spaces import (
    OPTIMUM,
    DeepNet,
    LoneNet,
    MixedNet,
    TinyNet,
    ToyNet,
    toy_reward,
    weighted_reward,
)

__all__ = [
    "OPTIMUM",
    "ControllerContract",
    "DeepNet",
    "LoneNet",
    "MixedNet",
    "TinyNet",
    "ToyNet",
    "simulate",
    "toy_reward",
    "weighted_reward",
]
