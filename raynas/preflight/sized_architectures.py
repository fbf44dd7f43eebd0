"""Architectures to time: the baseline, and of a sample the median and the largest."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from raynas.errors import SpaceError, TaskError
from raynas.search import Search
from raynas.space import Space
from raynas.tasks.meters.space_profile import profile_space
from raynas.trials import Architecture

__all__ = ["sized"]

_SAMPLES = 64  # the largest of them is among the largest 5 % in 19 of 20 cases
_BYTES_A_PARAMETER = 16  # weight, gradient and Adam's two moments, in 32 bits


def sized(space: Space[Any], search: Search) -> dict[str, Architecture]:
    """The baseline, and of a sample the median and the largest, by what training takes of memory.

    What is the same architecture is named once.
    """
    found: dict[str, Architecture] = {}
    with suppress(SpaceError):
        found["baseline"] = space.baseline
    sample = list(profile_space(space, task=search.task, samples=_SAMPLES).profiles)
    sample.sort(key=lambda pair: pair[1].activation_bytes + _BYTES_A_PARAMETER * pair[1].parameters)
    if sample:
        found.setdefault("median", sample[len(sample) // 2][0])
        found["largest"] = sample[-1][0]
    if not found:
        raise TaskError("no architecture of a sample can be built and run: see `raynas profile`")
    known: list[Architecture] = []
    for name in list(found):
        if found[name] in known:
            del found[name]
        else:
            known.append(found[name])
    return found
