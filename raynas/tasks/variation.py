"""Try other ways to train one architecture: augmentation policies, or training settings.

What is searched here is a variant of the training, never of the network: the architecture is fixed,
and a variant changes the LightningModule around it before it is trained.
"""

from __future__ import annotations

import copy
import functools
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any

from raynas.errors import TaskError
from raynas.tasks.base import Context, Task
from raynas.tasks.example_input import innermost
from raynas.tasks.lightning import LightningTask
from raynas.trials import Architecture, Measurement

if TYPE_CHECKING:
    from raynas.space import Space

__all__ = ["AdaptedModule", "Variant", "Variation", "overridden", "variation_of", "varied"]


class Variant(ABC):
    """A way to train: the base class of what a `Variation` searches.

    Subclasses are searchable classes, so that a space of variants is declared as one of
    architectures is.
    """

    @abstractmethod
    def adapt(self, module: Any, max_steps: int) -> None:
        """Change `module`, a LightningModule that was just made, for a training of `max_steps`.

        Raises:
            TaskError: The module cannot be trained in this way.
        """


class AdaptedModule:
    """Makes a LightningModule, and lets a variant change it.

    Args:
        make: Class or function of the module, as in `LightningTask.module`.
        variant: What changes the module.
        max_steps: Length of the training.
    """

    def __init__(self, make: Callable[[Any], Any], variant: Variant, max_steps: int) -> None:
        self.make = make
        self.variant = variant
        self.max_steps = max_steps
        name = getattr(make, "__qualname__", type(make).__qualname__)
        self.__qualname__ = f"{name} with {variant!r}"

    def __call__(self, network: Any) -> Any:
        """The module around `network`."""
        module = self.make(network)
        self.variant.adapt(module, self.max_steps)
        return module


class Variation(Task):
    """Trains one architecture in different ways.

    Args:
        task: A LightningTask.
        space: What the architecture is a member of.
        architecture: What to train.

    Raises:
        TaskError: `task` is another kind of task.
    """

    def __init__(self, task: Task, space: Space[Any], architecture: Architecture) -> None:
        inner = innermost(task)
        if not isinstance(inner, LightningTask):
            raise TaskError(
                f"task={task!r}: only the training of a LightningTask can be varied; "
                "give the search one"
            )
        space.check(architecture)
        self.task: Task = inner
        self.space = space
        self.architecture = architecture
        self.metric = inner.metric
        self.mode = inner.mode

    @property
    def max_steps(self) -> int:
        """Length of a trial, in optimizer steps."""
        return self._lightning.max_steps

    @property
    def evaluations(self) -> int:
        """Number of validations of a trial."""
        return self._lightning.evaluations

    def identity(self) -> Mapping[str, str]:
        """See `Task.identity`: the task's, and the architecture."""
        return {
            **self.task.identity(),
            "class": type(self).__qualname__,
            "architecture": self.space.key(self.architecture),
        }

    def run(self, architecture: Architecture, context: Context) -> Measurement:
        """See `Task.run`; what is tried is a `Variant`."""
        return varied(self._lightning, architecture).run(self.architecture, context)

    def foreknown(self, architecture: Architecture, names: Collection[str]) -> Mapping[str, float]:
        """See `Task.foreknown`: what is known of the fixed architecture."""
        del architecture
        return self.task.foreknown(self.architecture, names)

    @property
    def _lightning(self) -> LightningTask:
        assert isinstance(self.task, LightningTask)  # noqa: S101 - checked when it was made
        return self.task


def varied(task: LightningTask, variant: Variant) -> LightningTask:
    """`task` with its modules adapted by `variant`.

    Raises:
        TaskError: `variant` is not one.
    """
    if not isinstance(variant, Variant):
        raise TaskError(
            f"{variant!r} is no way to train: declare it as a searchable subclass of "
            "raynas.tasks.variation.Variant"
        )
    made = copy.copy(task)
    made.module = AdaptedModule(task.module, variant, task.max_steps)
    return made


def variation_of(task: Task | None) -> Variation | None:
    """The `Variation` that `task` is or wraps, if there is one."""
    while isinstance(task, Task):
        if isinstance(task, Variation):
            return task
        task = getattr(task, "task", None)
    return None


def overridden(module: Any, method: str, make: Callable[[Any], Callable[..., Any]]) -> None:
    """Override a method of one LightningModule.

    Args:
        module: Module whose class becomes a subclass of what it was, of the same name.
        method: Name of the method.
        make: Takes the inherited function and returns the one that replaces it.
    """
    cls = type(module)
    inherited = getattr(cls, method)
    replaced = functools.wraps(inherited)(make(inherited))
    names = {"__module__": cls.__module__, "__qualname__": cls.__qualname__, method: replaced}
    module.__class__ = type(cls.__name__, (cls,), names)
