"""The role of a task."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from raynas.redaction import is_secret_name, redacted
from raynas.trials import Architecture, Measurement, Mode

if TYPE_CHECKING:
    from raynas.tasks.gpu_footprint import Footprint

__all__ = ["Context", "Task", "identity_of"]


def _ignore(step: int, metrics: Mapping[str, float]) -> None:
    """Default of `Context.report`, which tells nobody."""


def _keep_nothing(path: Path) -> None:
    """Default of `Context.keep`, which keeps nothing."""


def _no_costs(metrics: Mapping[str, float]) -> None:
    """Default of `Context.costs`, which tells nobody."""


def _nothing_kept() -> Path | None:
    """Default of `Context.kept`, which finds nothing."""
    return None


@dataclass(frozen=True)
class Context:
    """What a task may know about the trial that it runs in.

    Attributes:
        number: The proposal's number.
        seed: Made from the search's seed and the number; all randomness should come from it.
        gpu: GPUs that the trial may use, as a share of one or a whole number; 0 means CPU only.
        report: Takes an optimizer step and the metrics at it, while the trial runs.
        keep: Takes a checkpoint file, which it copies to where it outlives this process and
            machine; the latest one replaces those before it.
        kept: The latest checkpoint of an earlier run of this very trial, as a local file, or None.
        weights: File to which a task that trains a module writes its weights; None to keep none.
        costs: Takes metrics that are known before training, such as the parameters: from then on
            they are part of every report, so that a reward that needs them is known there.
        budget: Length of the training, as a share of a full one.
    """

    number: int = 0
    seed: int = 0
    gpu: float = 0.0
    report: Callable[[int, Mapping[str, float]], None] = _ignore
    keep: Callable[[Path], None] = _keep_nothing
    kept: Callable[[], Path | None] = _nothing_kept
    weights: Path | None = None
    costs: Callable[[Mapping[str, float]], None] = _no_costs
    budget: float = 1.0


class Task(ABC):
    """Tries one architecture. Runs in a worker process that is used for many trials.

    Attributes:
        metric: The metric that a search rewards where it is given no reward of its own.
        mode: Whether larger (``"max"``) or smaller (``"min"``) values of it are better.
        takes_budgets: Whether `run` goes by `Context.budget`, so that a search over several
            budgets can use the task. A LightningTask is shortened by raynas.
    """

    metric: str = "reward"
    mode: Mode = "max"
    takes_budgets: bool = False

    def identity(self) -> Mapping[str, str]:
        """What gives this task's measurements their meaning, as text by name.

        A search whose task has another identity than when it began is refused. These are the
        task's class and its plain attributes, and of others their class; what starts with an
        underscore is left out, and so is code. Of a secret it has a salted hash; see
        `raynas.redaction.secret`.
        """
        return identity_of(self, vars(self))

    @abstractmethod
    def run(self, architecture: Architecture, context: Context) -> Measurement:
        """Measure `architecture`, and free what that took.

        Raises:
            InfeasibleArchitecture: This architecture cannot be tried; the search goes on.
            TaskError: No architecture can be; the search ends if none has completed yet.
            Exception: Anything else fails this trial only.
        """

    def foreknown(self, architecture: Architecture, names: Collection[str]) -> Mapping[str, float]:
        """Values of the metrics `names` that are known of `architecture` before it is tried.

        Called in the driver, for proposals: it must cost next to nothing, and give just what `run`
        will measure. By default nothing is known.

        Raises:
            Exception: Whatever building the network raises.
        """
        del architecture, names
        return {}

    def footprint(self, architecture: Architecture, context: Context) -> Footprint:
        """How much of a GPU trying `architecture` takes; for ``Resources(gpu="auto")``.

        Called where the whole device is free. Runs the trial unless it is overridden.
        """
        from raynas.tasks.gpu_footprint import gpu_footprint

        return gpu_footprint(lambda: self.run(architecture, context))


def identity_of(task: Task, attributes: Mapping[str, object]) -> dict[str, str]:
    """What `Task.identity` gives of a task with these attributes."""
    shown = {"class": _named(task), "metric": task.metric, "mode": task.mode}
    plain = {name: value for name, value in attributes.items() if not name.startswith("_")}
    return {**{name: _shown(value, name) for name, value in plain.items()}, **shown}


_LONGEST = 200  # characters of an identity's entry; a digest tells longer ones apart


def _shown(value: object, name: str = "") -> str:
    """`value` as text that is the same in every process and on every machine."""
    match value:
        case str() | bytes():
            text = redacted(name, value) or repr(value)
        case None | bool() | int() | float():
            text = repr(value)
        case Path():
            text = value.name
        case Mapping():
            text = ", ".join(
                f"{_shown(key)}: {_shown(entry, name if is_secret_name(name) else str(key))}"
                for key, entry in value.items()
            )
        case list() | tuple():
            text = ", ".join(_shown(entry, name) for entry in value)
        case _:
            text = _named(value)
    if len(text) <= _LONGEST:
        return text
    return f"{text[:_LONGEST]}… ({sha256(text.encode()).hexdigest()[:12]})"


def _named(value: object) -> str:
    """The name of a function or class, or of what an object is."""
    return getattr(value, "__qualname__", None) or type(value).__qualname__
