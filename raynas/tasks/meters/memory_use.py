"""The architecture of a space that should take most memory to train, found without training."""

from __future__ import annotations

from typing import Any

from raynas.errors import TaskError
from raynas.space import Space
from raynas.tasks.base import Task
from raynas.tasks.meters.space_profile import profile_space
from raynas.trials import Architecture

__all__ = ["largest"]

_SAMPLES = 64  # of which the largest is taken: larger than 95 % of the space with 96 % confidence
_BYTES_A_PARAMETER = 16  # weight, gradient and Adam's two moments, in 32 bits


def largest(space: Space[Any], task: Task) -> Architecture:
    """The architecture, of a sample and the baseline, that should take most memory to train.

    By parameters and activations counted without computing anything; the baseline, or any where
    there is none, where `task` has no networks to count.
    """
    try:
        sample = profile_space(space, task=task, samples=_SAMPLES).profiles
    except TaskError:
        sample = ()
    if not sample:
        return space.baseline
    return max(
        sample,
        key=lambda pair: pair[1].activation_bytes + _BYTES_A_PARAMETER * pair[1].parameters,
    )[0]
