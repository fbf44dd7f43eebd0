"""Train a few architectures of a search for a step, to see what would end its trials."""

from __future__ import annotations

import copy
import re
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import cloudpickle
import numpy as np

from raynas.errors import InfeasibleArchitecture, RaynasError, SpaceError, in_a_line
from raynas.rewards import Metric
from raynas.rewards.figures import Unmeasured
from raynas.search import Search
from raynas.space import Space
from raynas.tasks import Context, LightningTask, Task
from raynas.tasks.example_input import build_of, innermost
from raynas.tasks.meters.profile import network_on
from raynas.trials import BOUND, DEFERRED, Architecture, Measurement

__all__ = ["Check", "dry_run"]

_SAMPLES = 32  # a failure of a tenth of the space shows in 97 of 100 runs
_SMALLER_IS_BETTER = {
    "loss",
    "error",
    "err",
    "mse",
    "mae",
    "rmse",
    "perplexity",
    "ppl",
    "nll",
    "wer",
}
_LARGER_IS_BETTER = {"acc", "accuracy", "auc", "auroc", "f1", "iou", "map", "psnr", "ssim", "bleu"}
_TURNED_ROUND = {"neg", "negative", "minus", "inv", "inverse", "1"}


@dataclass(frozen=True)
class Check:
    """One thing that was tried.

    Attributes:
        what: A few words, such as ``"task, largest architecture"``.
        result: ``"holds"``, ``"problem"``, or ``"note"`` for what a user should know.
        words: What was found, and what to do about it.
    """

    what: str
    result: Literal["holds", "problem", "note"]
    words: str


def dry_run(
    search: Search, *, quick: bool = False, say: Callable[[str], None] = lambda _: None
) -> tuple[Check, ...]:
    """Train architectures of a search for a step, as its trials and its full trainings would.

    The baseline, the smallest and the largest of a sample, and a random one are built and trained
    for one step, as an epoch of one batch, and validated on one, with callbacks and schedulers.
    Only a LightningTask, or what wraps one, is run.

    Args:
        search: What to try.
        quick: Try only the search's task, and one architecture.
        say: Called with a sentence about each step that begins.
    """
    tasks = {"task": search.task}
    if not quick and search.full is not None:
        tasks["full"] = search.full
    found: list[Check] = []
    chosen: dict[str, Architecture] = {}
    for name, task in tasks.items():
        found.append(_pickles(name, search, task))
        if not isinstance(innermost(task), LightningTask):
            found.append(Check(name, "note", f"a {type(task).__name__} is not tried out"))
            continue
        chosen = chosen or _chosen(search, quick)
        measured: Measurement | None = None
        for kind, architecture in chosen.items():
            say(f"{name}: training the {kind} architecture for a step")
            result, one = _tried(name, kind, task, architecture)
            measured = one or measured
            found.append(result)
        if measured is not None:
            found += _judged(name, search, task, measured)
    return tuple(found)


def _chosen(search: Search, quick: bool) -> dict[str, Architecture]:
    """Architectures to try, by what they are."""
    space: Space[Any] = Space.of(search.space)
    found: dict[str, Architecture] = {}
    with suppress(SpaceError):
        found["baseline"] = space.baseline
    rng = np.random.default_rng(search.seed)
    if quick:
        return found or {"random": space.sample(rng)}
    build = build_of(search.task)
    sizes: list[tuple[int, Architecture]] = []
    for _ in range(_SAMPLES):
        architecture = space.sample(rng)
        with suppress(Exception):  # what cannot be built is the space check's to say
            network = network_on(architecture, build, "meta")
            sizes.append((sum(p.numel() for p in network.parameters()), architecture))
    if sizes:
        sizes.sort(key=lambda pair: pair[0])
        found |= {"smallest": sizes[0][1], "largest": sizes[-1][1]}
    found["random"] = space.sample(rng)
    return found


def _tried(
    name: str, kind: str, task: Task, architecture: Architecture
) -> tuple[Check, Measurement | None]:
    import torch

    what = f"{name}, {kind} architecture"
    try:
        measured = _brief(task, architecture).run(
            architecture, Context(gpu=float(torch.cuda.is_available()))
        )
    except InfeasibleArchitecture as error:
        apart = error.kind in (BOUND, DEFERRED)  # no fault: a search only tries what is within
        wrong = kind == "baseline" and not apart
        result: Literal["problem", "note"] = "problem" if wrong else "note"
        return Check(what, result, f"infeasible: {error}"), None
    except RaynasError as error:
        return Check(what, "problem", str(error)), None
    except Exception as error:
        return Check(what, "problem", f"{in_a_line(error)}{_where(error)}"), None
    words = "built, trained for a step, validated"
    return Check(what, "holds", words), measured


def _brief(task: Task, architecture: Architecture) -> Task:
    """`task`, which trains for a step, in an epoch of one batch, and validates on a batch."""
    made = copy.copy(task)
    if not isinstance(made, LightningTask):
        vars(made)["task"] = _brief(vars(task)["task"], architecture)
        return made
    given = made.trainer
    # By hand, a step may take several batches.
    short = {"limit_train_batches": 1} if made.made(architecture)[1].automatic_optimization else {}

    def trainer() -> Mapping[str, Any]:
        own = given() if callable(given) else copy.deepcopy(dict(given or {}))
        return {**short, **own, "limit_val_batches": 1}

    made.trainer = trainer
    made.max_steps = made.evaluations = 1
    made.checkpoint_every = None
    return made


def _where(error: Exception) -> str:
    """File and line of the user's code that `error` came from."""
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if "site-packages" not in frame.filename
        and f"{Path('raynas', 'tasks')}" not in frame.filename
    ]
    last = frames[-1] if frames else None
    return f" ({Path(last.filename).name}, line {last.lineno})" if last is not None else ""


def _pickles(name: str, search: Search, task: Task) -> Check:
    """Whether the task reaches worker processes, as the task that it is."""
    what = f"{name}, sent to workers"
    try:
        cloudpickle.dumps((search.space, task))  # not read back: that would change live classes
    except Exception as error:
        return Check(
            what,
            "problem",
            f"it cannot be pickled ({in_a_line(error)}): make such objects where they are used, in "
            "the functions that are given as module= and data=",
        )
    return Check(what, "holds", "it can be pickled")


def _judged(name: str, search: Search, task: Task, measured: Measurement) -> Iterator[Check]:
    """Whether the reward finds its metrics, and `mode` goes with the metric's name."""
    reward = search.reward or Metric(task.metric, task.mode)
    missing = [
        bound.metric
        for bound in getattr(reward, "bounds", ())
        if bound.metric not in measured.metrics
    ]
    value = Unmeasured(f"the task measured no {missing[0]!r}") if missing else reward(measured)
    if isinstance(value, Unmeasured):
        have = ", ".join(sorted(measured.metrics))
        yield Check(
            f"{name}, reward",
            "problem",
            f"{value.reason}, which {reward!r} needs; there are {have}: log it in validation_step, "
            "or wrap the task in raynas.meters.Measured with a meter of it",
        )
    else:
        yield Check(f"{name}, reward", "holds", f"{reward!r} finds what it needs")
    parts = (reward, getattr(reward, "reward", None), *getattr(reward, "rewards", ()))
    for metric in parts:
        expected = _expected_mode(metric.name) if isinstance(metric, Metric) else None
        if expected is not None and expected != metric.mode:
            yield Check(
                f"{name}, mode",
                "problem",
                f"{metric!r}: by its name, {'smaller' if expected == 'min' else 'larger'} values "
                f"are better; give mode={expected!r}, or rename the metric",
            )


def _expected_mode(metric: str) -> Literal["min", "max"] | None:
    words = set(re.split(r"[^a-z0-9]+", metric.lower()))
    smaller, larger = words & _SMALLER_IS_BETTER, words & _LARGER_IS_BETTER
    if bool(smaller) == bool(larger) or words & _TURNED_ROUND:
        return None
    return "min" if smaller else "max"
