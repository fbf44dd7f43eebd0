"""A reduced training: which part of the data, the input and the network a proxy takes."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import product
from typing import Any

from raynas.errors import ConfigurationError
from raynas.tasks import LightningTask, Task

__all__ = ["Setting", "lightning", "proxy_task", "settings_of"]


@dataclass(frozen=True)
class Setting:
    """What is reduced, besides the steps.

    Args:
        data: Part of the training examples, above 0 and up to 1; classes as in all of them.
        input: Length of each side of the input, as a part of the whole, above 0 and up to 1. The
            network must take inputs of any size, as one with global pooling does.
        build: Arguments for the architecture's `build`, such as ``{"width_factor": 0.5}``: what
            a narrower or less deep network is, only the architecture knows.

    Raises:
        ConfigurationError: A part is out of its range.
    """

    data: float = 1.0
    input: float = 1.0
    build: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("data", "input"):
            value = getattr(self, name)
            if not isinstance(value, int | float) or not 0 < value <= 1:
                raise ConfigurationError(f"{name}={value!r}: must be above 0 and at most 1")
        object.__setattr__(self, "build", dict(self.build))

    def __str__(self) -> str:
        parts = [f"data {self.data:.3g}"] if self.data < 1 else []
        parts += [f"input {self.input:.3g}"] if self.input < 1 else []
        parts += [f"{name} {value}" for name, value in self.build.items()]
        return ", ".join(parts) or "fewer steps only"

    @property
    def slug(self) -> str:
        """The setting as part of a file name."""
        words = "".join(
            letter if letter.isalnum() or letter == "." else "-" for letter in str(self)
        )
        return "-".join(filter(None, words.split("-")))

    def as_json(self) -> dict[str, Any]:
        """The setting as JSON data; `Setting(**data)` is the inverse."""
        return asdict(self)


def settings_of(
    data: Sequence[float] = (1.0,),
    inputs: Sequence[float] = (1.0,),
    build: Mapping[str, Sequence[Any]] | None = None,
) -> tuple[Setting, ...]:
    """All combinations, those that reduce most first, as they are the cheapest.

    Args:
        data: Parts of the data.
        inputs: Parts of the input's side.
        build: Values for each argument of `build`.
    """
    names, values = tuple(build or {}), tuple((build or {}).values())
    made = [
        Setting(part, side, dict(zip(names, chosen, strict=True)))
        for part, side, *chosen in product(data, inputs, *values)
    ]
    return tuple(sorted(made, key=lambda setting: (setting.input, setting.data)))


def proxy_task(
    task: LightningTask, setting: Setting, steps: int, *, evaluations: int = 1
) -> LightningTask:
    """`task` reduced: `steps` optimizer steps, with a schedule fitted to them, under `setting`.

    It trains on a part of stage 1's training data and validates on stage 1's validation data.

    Args:
        task: What to reduce.
        setting: What is reduced, and by how much.
        steps: Optimizer steps.
        evaluations: How often to validate.

    Raises:
        ConfigurationError: There are no steps, or the task cannot be reduced like this.
    """
    if steps < 1:
        raise ConfigurationError(f"steps={steps}: must be at least 1")
    made = copy.copy(task)
    made.max_steps = steps
    made.evaluations = min(evaluations, steps)
    made.data = replace(made.data, validation="split", fraction=setting.data)
    made.checkpoint_every = None
    made.build = {**task.build, **setting.build}
    if setting.input < 1:
        made.module = OnSmallInput(task.module, setting.input)
    return made


@dataclass(frozen=True)
class OnSmallInput:
    """Makes the module around a network that sees its input made smaller."""

    module: Callable[[Any], Any]
    side: float

    def __call__(self, network: Any) -> Any:
        """The module of `network`."""
        from torch import nn

        from raynas.proxy.resized_input import Resized

        if not isinstance(network, nn.Module):
            raise ConfigurationError(
                f"input={self.side:g}: the architecture has no `build` that gives a network, "
                "so its input cannot be made smaller here; leave input at 1"
            )
        return self.module(Resized(network, self.side))


def lightning(task: Task, what: str) -> LightningTask:
    """`task`, which must be a LightningTask.

    Raises:
        ConfigurationError: It is not; `what` says what cannot be done then.
    """
    if not isinstance(task, LightningTask):
        raise ConfigurationError(
            f"task: a {type(task).__name__} has no steps, data or network of its own to reduce, "
            f"so there is no {what}; give Search(task=LightningTask(...))"
        )
    return task
