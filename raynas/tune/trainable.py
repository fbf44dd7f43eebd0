"""The Tune trainable: runs a task in a worker, and says in one JSON text how that ended.

Every exception of the task is caught here, so that the worker stays alive for the next trial and
torch and Lightning are imported once; only a dying worker reaches Tune as an error.
"""

from __future__ import annotations

import json
import os
import pickle
import sys
import traceback
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
import ray
from ray import cloudpickle, tune

from raynas.errors import InfeasibleArchitecture, RaynasError, TaskError
from raynas.space import Space
from raynas.tasks import Context, Task
from raynas.trials import (
    Failed,
    Infeasible,
    Measurement,
    Outcome,
    measurement_from_json,
    outcome_from_json,
    outcome_to_json,
)

__all__ = ["NUMBER", "RESULT", "read_ending", "shipped", "trainable", "unpacked"]

NUMBER = "trial_number"
"""Key of a trial's config under which its number stands, beside the architecture's decisions."""
RESULT = "raynas"
"""Key of a trial's result under which the JSON text stands."""

_TRACEBACK_FRAMES = 30


def trainable(
    space: Space[Any], task: Task, seed: int, gpu: float
) -> Callable[[dict[str, Any]], None]:
    """A function for `tune.Tuner` that tries the architecture in its config with `task`.

    Space and task travel to the workers once, by value where they are of the user's own file.

    Raises:
        TaskError: They cannot be pickled.
    """
    payload = shipped(space, task)

    def raynas_trial(config: dict[str, Any]) -> None:
        tune.report({RESULT: _run(config, payload, seed, gpu)})

    return raynas_trial


def shipped(space: Space[Any], task: Task) -> ray.ObjectRef[Any]:
    """`space` and `task` on their way to the workers, who read them with `unpacked`.

    Raises:
        TaskError: They cannot be pickled.
    """
    try:
        pickled = cloudpickle.dumps((space, task))  # type: ignore[no-untyped-call]
    except Exception as error:
        raise TaskError(
            f"task={task!r} cannot be sent to the workers ({type(error).__name__}: {error}): "
            "make such objects where they are used, in run() or in the module's own methods"
        ) from error
    return ray.put((list(sys.path), pickled))


def read_ending(text: str) -> Measurement | Outcome:
    """What `trainable` reported: a measurement, or the outcome of a trial without one.

    Raises:
        TaskError: The task cannot run at all, whatever the architecture.
    """
    data = json.loads(text)
    if data["kind"] == "misconfigured":
        raise TaskError(data["message"])
    return measurement_from_json(data) if data["kind"] == "measured" else outcome_from_json(data)


def _run(config: Mapping[str, Any], payload: ray.ObjectRef[Any], seed: int, gpu: float) -> str:
    """Run the task; how that ended, as JSON text."""
    number = config[NUMBER]
    trial_seed = int(np.random.SeedSequence([seed, number]).generate_state(1)[0])
    context = Context(number, trial_seed, gpu, _report)
    if not gpu:
        # Ray leaves all of them visible, also those that other trials reserved.
        os.environ["CUDA_VISIBLE_DEVICES"] = ""
    try:
        space, task = unpacked(payload)
        decisions = {path: value for path, value in config.items() if path != NUMBER}
        measurement = task.run(space.from_config(decisions), context)
        if not isinstance(measurement, Measurement):
            raise TaskError(f"{task!r} returned {measurement!r}: run() must return a Measurement")
        return json.dumps({"kind": "measured", **asdict(measurement)})
    except InfeasibleArchitecture as error:
        return json.dumps(outcome_to_json(Infeasible(str(error))))
    except RaynasError as error:
        return json.dumps({"kind": "misconfigured", "message": str(error)})
    except Exception:
        failed = Failed(traceback.format_exc(limit=-_TRACEBACK_FRAMES))
        return json.dumps(outcome_to_json(failed))


def _report(step: int, metrics: Mapping[str, float]) -> None:
    # Below a key of their own, so that no metric's name means something to Tune.
    tune.report({"step": step, "metrics": dict(metrics)})


_kept: dict[str, tuple[Space[Any], Task]] = {}


def unpacked(payload: ray.ObjectRef[Any]) -> tuple[Space[Any], Task]:
    """Space and task, kept for the later trials of this process."""
    key = payload.hex()
    if key not in _kept:
        paths, pickled = ray.get(payload)
        sys.path.extend(path for path in paths if path not in sys.path)
        try:
            space, task = pickle.loads(pickled)  # noqa: S301 - made by our own driver
        except Exception as error:
            raise TaskError(
                f"the search file cannot be loaded in a worker: {type(error).__name__}: {error}; "
                "what it imports must be importable there too"
            ) from error
        _kept.clear()
        _kept[key] = space, task
    return _kept[key]
