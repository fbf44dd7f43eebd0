"""``Resources(gpu="auto")``: how many trials share a device, measured before the search starts."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any

import numpy as np
import ray

from raynas.errors import RaynasError, SpaceError, TaskError
from raynas.space import Space
from raynas.tasks import Context, Task
from raynas.tasks.gpu_footprint import Footprint
from raynas.tasks.meters.memory_use import largest
from raynas.tune.ray_session import alive, grows
from raynas.tune.resources import Resources
from raynas.tune.serialization import shipped, unpacked

__all__ = ["settled"]

_log = logging.getLogger("raynas")


def settled(resources: Resources, space: Space[Any], task: Task) -> Resources:
    """`resources` with a share of a GPU in place of ``"auto"``.

    Where there are GPUs, a trial of the largest architecture found runs alone on one, and the share
    is such that as many trials fit as its memory allows; without GPUs it is none.

    Raises:
        TaskError: That trial failed by something else than a lack of memory.
    """
    if resources.gpu != "auto":
        return resources
    if not grows() and not any(node.get("GPU", 0) >= 1 for node in alive()):
        return replace(resources, gpu=0.0)
    probe = ray.remote(num_cpus=resources.cpu, num_gpus=1, max_calls=1)(_probe)
    try:
        found: Footprint = ray.get(probe.remote([shipped(space, task)]))
    except ray.exceptions.RayTaskError as error:
        cause = error.cause
        if isinstance(cause, RaynasError):
            raise cause from error
        raise TaskError(
            f"resources gpu='auto': the trial that measures memory failed ({cause!r}); fix that, "
            "or give the share yourself, as in Resources(gpu=0.5)"
        ) from error
    gib = 2**30
    _log.info(
        "the largest architecture takes %.1f of %.1f GiB of a GPU: %d trials share one",
        *(found.taken / gib, found.device / gib, found.trials),
    )
    return replace(resources, gpu=int(10_000 / found.trials) / 10_000)


def _probe(payloads: list[ray.ObjectRef[Any]]) -> Footprint:
    (payload,) = payloads  # in a list, since Ray reads what it is given as such
    space, task = unpacked(payload)
    try:
        architecture = largest(space, task)
    except SpaceError:
        architecture = space.sample(np.random.default_rng(0))
    return task.footprint(architecture, Context(gpu=1.0))
