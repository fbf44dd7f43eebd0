"""Another task, with more metrics: what the network costs, measured before it is trained."""

from __future__ import annotations

import copy
import hashlib
import json
import os
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from raynas.arguments import checked
from raynas.errors import InfeasibleArchitecture, TaskError
from raynas.rewards import Bound
from raynas.rewards.bounds import kind_of
from raynas.tasks.base import Context, Task
from raynas.tasks.example_input import build_of, example_of, innermost
from raynas.tasks.log import announce
from raynas.tasks.meters.meter import CostMeter, Meter, Subject
from raynas.tasks.meters.network_fingerprint import code_of, digest_of_inputs, shapes_of, sources_of
from raynas.trials import Architecture, Measurement

if TYPE_CHECKING:
    from raynas.tasks.meters.profile import Inputs, Profile

__all__ = ["Measured", "bounds_of", "measured_alike", "measuring"]


@checked
class Measured(Task):
    """Runs `task`, and adds what `meters` measure to its metrics.

    They measure first, so that an architecture beyond one of the `bounds` ends as infeasible
    without being trained. Figures are kept by architecture, for later trials of the process
    and, in a folder `cache`, for later processes; a trial that runs again is not measured again.

    Args:
        task: Any task.
        *meters: What to measure.
        bounds: `raynas.rewards.AtMost` and `raynas.rewards.AtLeast` on what the meters measure.
        example_input: What a network takes, as a batch of one; the task's own by default.
        cache: Folder for figures, made where it does not exist. They are used again for the same
            meter, architecture, files that define its classes, example, arguments of `build` and
            version of torch. On a cluster it should be a folder that all machines share and that
            are alike: a latency measured on one is used on the others.

    Raises:
        TaskError: An argument is something else.
    """

    def __init__(
        self,
        task: Task,
        *meters: Meter,
        bounds: Sequence[Bound] = (),
        example_input: Inputs | None = None,
        cache: str | os.PathLike[str] | None = None,
    ) -> None:
        if not isinstance(task, Task):
            raise TaskError(f"task={task!r}: must be a raynas Task")
        for meter in meters:
            if not isinstance(meter, Meter):
                raise TaskError(f"meters contains {meter!r}: must be a raynas Meter")
        for bound in bounds:
            if not isinstance(bound, Bound):
                raise TaskError(f"bounds contains {bound!r}: must be AtMost or AtLeast")
        self.task = task
        self.metric = task.metric
        self.mode = task.mode
        self.meters = meters
        self.bounds = tuple(bounds)
        self.cache = None if cache is None else Path(cache).absolute()
        self._example_input = example_input
        self._known: dict[tuple[int, Architecture], dict[str, float]] = {}
        self._named: Task | None = None

    @property
    def max_steps(self) -> int:
        """The steps of the task inside, where it has any."""
        steps: int = self.task.max_steps  # type: ignore[attr-defined] # AttributeError is meant
        return steps

    @property
    def evaluations(self) -> int:
        """How often the task inside reports, where it says so."""
        evaluations: int = self.task.evaluations  # type: ignore[attr-defined] # likewise
        return evaluations

    def identity(self) -> Mapping[str, str]:
        """See `Task.identity`; that of the task inside where this was made by `around`.

        Predictions from other measurements are other metrics.
        """
        if self._named is not None:
            return self._named.identity()
        predicted = "; ".join(repr(meter) for meter in self.meters if meter.exact is not meter)
        return {**super().identity(), **({"predicted": predicted} if predicted else {})}

    def around(self, task: Task) -> Measured:
        """A copy with the same meters and bounds around another task, by whose identity it goes."""
        made = copy.copy(self)
        made.task, made.metric, made.mode, made._named = task, task.metric, task.mode, task
        return made

    def exactly(self) -> Measured:
        """A copy of this task, with what meters predict measured instead; see `Meter.exact`."""
        made = copy.copy(self)
        made.meters = tuple(meter.exact for meter in self.meters)
        made._known = {}
        return made

    def foreknown(self, architecture: Architecture, names: Collection[str]) -> Mapping[str, float]:
        """See `Task.foreknown`: what meters give that are free."""
        found: dict[str, float] = {}
        for number, meter in enumerate(self.meters):
            if meter.free and not set(names) <= found.keys():
                found |= self._figures(number, architecture)
        if rest := set(names) - found.keys():
            found |= self.task.foreknown(architecture, rest)
        return {name: value for name, value in found.items() if name in names}

    def keep(self, profiles: Iterable[tuple[Architecture, Profile]], example: Inputs) -> None:
        """Take over what was counted of networks, where the cost meters would count the same.

        That is on the meta device, where nothing but the shapes of the example counts.
        """
        if shapes_of(example) != shapes_of(self.example_input):
            return
        numbers = [n for n, meter in enumerate(self.meters) if isinstance(meter, CostMeter)]
        for architecture, profile in profiles if numbers else ():
            if profile.device == "meta":
                figures = CostMeter.figures(profile)
                self._known |= {(number, architecture): figures for number in numbers}

    def __repr__(self) -> str:
        return f"Measured({', '.join(map(repr, (self.task, *self.meters)))})"

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_known": {}}

    @property
    def example_input(self) -> Inputs | None:
        """What a network takes, as a batch of one; None where the task has no such example."""
        if self._example_input is None:
            with suppress(TaskError):
                self._example_input = example_of(self.task)
        return self._example_input

    def run(self, architecture: Architecture, context: Context) -> Measurement:
        """See `Task.run`."""
        start = time.perf_counter()
        figures: dict[str, float] = {}
        for number in range(len(self.meters)):
            figures |= self._figures(number, architecture)
        context.costs(figures)
        for bound in self.bounds:
            if bound.metric not in figures:
                raise TaskError(
                    f"bounds contains {bound!r}: the meters measure {', '.join(figures) or 'none'}"
                    " of this network; what was left out, as FLOPs where an operation has no "
                    "formula, is in the log. Bounds on what the task measures belong into "
                    "raynas.rewards.Constrained"
                )
            broken = bound.broken_by(figures)
            if broken is not None:
                raise InfeasibleArchitecture(
                    f"{broken}, so it was not trained",
                    kind=kind_of(bound, figures),
                    metrics=figures,
                )
        spent = time.perf_counter() - start
        found = self.task.run(architecture, context)
        return replace(found, metrics={**found.metrics, **figures}, seconds=found.seconds + spent)

    def _figures(self, number: int, architecture: Architecture) -> Mapping[str, float]:
        """What a meter, given by its position, measures; measured once."""
        key = number, architecture
        if key not in self._known:
            self._known[key] = self._stored(self.meters[number], architecture)
        return self._known[key]

    def _stored(self, meter: Meter, architecture: Architecture) -> dict[str, float]:
        """What the cache holds, or a new measurement, which is put there."""
        if self.cache is None:
            return self._measured(meter, architecture)
        name = self._name(meter, architecture)
        path = self.cache / f"{name}.json"
        with suppress(
            OSError,
            ValueError,
            TypeError,
            LookupError,
            AttributeError,
            ArithmeticError,
            RecursionError,
        ):
            stored = json.loads(path.read_text("utf-8"))["metrics"]
            return {name: float(value) for name, value in stored.items()}
        found = self._measured(meter, architecture)
        if os.path.lexists(path):
            announce("%s holds no figures of raynas's and is left as it is: move it away", path)
            return found
        entry = {"meter": repr(meter), "architecture": repr(architecture), "metrics": found}
        self.cache.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_name(f"{name}.{uuid4().hex}")
        unfinished.write_text(json.dumps(entry), "utf-8")
        os.replace(unfinished, path)
        return found

    def _name(self, meter: Meter, architecture: Architecture) -> str:
        """Name of the file of figures, which changes with everything that they depend on."""
        import torch

        task = innermost(self.task)
        module = getattr(task, "module", None)
        facts = (
            repr(meter),
            repr(architecture),
            sources_of(architecture),
            repr(getattr(task, "build", None)),
            code_of(module) if callable(module) else None,
            digest_of_inputs(self.example_input),
            torch.__version__,
        )
        return hashlib.sha256(repr(facts).encode()).hexdigest()

    def _measured(self, meter: Meter, architecture: Architecture) -> dict[str, float]:
        subject = Subject(architecture, self.example_input, build_of(self.task))
        return {name: float(value) for name, value in meter.measure(subject).items()}


def measuring(task: Task) -> Iterator[Measured]:
    """Every `Measured` in what wraps a task, the outermost first."""
    inner: object = task
    while isinstance(inner, Task):
        if isinstance(inner, Measured):
            yield inner
        inner = getattr(inner, "task", None)


def measured_alike(task: Task, full: Task) -> Task:
    """`full` within the meters and bounds of `task` that it does not have itself.

    What these predict is measured.
    """
    had = list(measuring(full))
    meters = {repr(meter) for one in had for meter in one.meters}
    bounds = {bound for one in had for bound in one.bounds}
    for one in reversed(list(measuring(task))):
        if not ({*map(repr, one.meters)} <= meters and {*one.bounds} <= bounds):
            full = one.around(full)
    return _exactly(full)


def _exactly(task: Task) -> Task:
    """`task` with what its meters predict measured instead."""
    made = task.exactly() if isinstance(task, Measured) else task
    wrapped = getattr(task, "task", None)
    if not isinstance(wrapped, Task) or (inner := _exactly(wrapped)) is wrapped:
        return made
    made = copy.copy(made)
    vars(made)["task"] = inner
    return made


def bounds_of(task: Task) -> tuple[Bound, ...]:
    """The bounds that a task keeps to before it trains."""
    return tuple(bound for one in measuring(task) for bound in one.bounds)
