"""The trainings that a baseline is judged by, as one task, which chooses by the trial's number."""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from raynas.errors import InfeasibleArchitecture
from raynas.tasks import Context, LightningTask, Task
from raynas.tasks.example_input import TARGET_NAMES, example_of
from raynas.trials import Architecture, Measurement
from raynas.wording import counted

__all__ = ["BaselineTask", "OptimizerKind", "TrainingVariant", "blinded", "settings_of"]


OptimizerKind = Literal["sgd", "adam", "adamw", "rmsprop", "nadamw"]


@dataclass(frozen=True)
class TrainingVariant:
    """One training.

    Attributes:
        name: What it is called.
        steps: Optimizer steps.
        kind: ``"full"``: the baseline as the search file has it. ``"short"``: the same with fewer
            steps. ``"blind"``: as ``"short"``, with inputs that are all zero, so that it can learn
            nothing but how frequent targets are. ``"linear"``: with a linear layer as the network.
            Otherwise with this optimizer in place of the module's.
        learning_rate: Learning rate of that optimizer.
    """

    name: str
    steps: int
    kind: Literal["full", "short", "blind", "linear"] | OptimizerKind
    learning_rate: float | None = None


def settings_of(
    steps: int, share: float, optimizers: Sequence[tuple[OptimizerKind, Sequence[float]]] = ()
) -> tuple[TrainingVariant, ...]:
    """The trainings: one in full, and others of `share` of its steps to compare.

    Args:
        steps: Optimizer steps of the full training.
        share: Part of them that the others take.
        optimizers: Optimizers to try, each with learning rates: SGD and RMSprop with momentum 0.9,
            Adam and AdamW with betas 0.9 and 0.999 and epsilon 1e-8; AdamW with weight decay 0.01,
            the others without. The cosine schedule is fitted to the shorter training.
    """
    short = max(1, round(share * steps))
    found = [
        TrainingVariant("in full", steps, "full"),
        TrainingVariant("sees nothing", short, "blind"),
        TrainingVariant("linear", short, "linear"),
    ]
    if optimizers:
        found.append(TrainingVariant("as it is", short, "short"))
        found += [
            TrainingVariant(f"{kind} {rate:g}", short, kind, rate)
            for kind, rates in optimizers
            for rate in rates
        ]
    return tuple(found)


class BaselineTask(Task):
    """Runs the n-th of `settings` in trial n.

    Args:
        full: The full training.
        settings: What to run.
    """

    def __init__(self, full: LightningTask, settings: Sequence[TrainingVariant]) -> None:
        self.full = full
        self.settings = tuple(settings)
        self.metric = full.metric
        self.mode = full.mode

    def identity(self) -> Mapping[str, str]:
        """See `Task.identity`: that of the full training, and the settings."""
        names = ", ".join(f"{one.name} ({counted(one.steps, 'step')})" for one in self.settings)
        return {**self.full.identity(), "settings": names}

    def run(self, architecture: Architecture, context: Context) -> Measurement:
        """See `Task.run`."""
        setting = self.settings[context.number]
        task = copy.copy(self.full)
        task.max_steps = setting.steps
        task.evaluations = min(task.evaluations, setting.steps)
        if setting.kind == "linear":
            linear = _linear(self.full, architecture)
            task.module = lambda _: self.full.module(linear())
        elif setting.kind == "blind":
            task.module = lambda network: _blind(self.full.module(network))
        elif setting.learning_rate is not None:
            task.module = lambda network: _with_optimizer(self.full.module(network), setting)
        return task.run(architecture, context)


def _linear(task: LightningTask, architecture: Architecture) -> Callable[[], Any]:
    """Makes a linear network with the inputs and outputs of the baseline's."""
    import torch

    example = example_of(task)
    if not hasattr(architecture, "build"):
        raise InfeasibleArchitecture("the module builds the network itself")
    if not isinstance(example, torch.Tensor) or not example.is_floating_point():
        raise InfeasibleArchitecture("the network takes something else than one tensor of numbers")
    with torch.no_grad():
        output = architecture.build(**task.build).eval()(example)
    if not isinstance(output, torch.Tensor) or output.ndim < 2:
        raise InfeasibleArchitecture("the network gives something else than a tensor an example")
    inputs, shape = example[0].numel(), tuple(output.shape[1:])

    def make() -> Any:
        return torch.nn.Sequential(
            torch.nn.Flatten(),
            torch.nn.Linear(inputs, output[0].numel()),
            torch.nn.Unflatten(1, shape),
        )

    return make


def _with_optimizer(module: Any, setting: TrainingVariant) -> Any:
    import torch

    if not module.automatic_optimization:
        raise InfeasibleArchitecture(
            "left out, as the module optimizes by hand (automatic_optimization = False), so that "
            "no other optimizer can be put in"
        )
    rate = setting.learning_rate or 0.0

    def configure_optimizers() -> Any:
        weights = [weight for weight in module.parameters() if weight.requires_grad]
        if setting.kind == "sgd":
            return torch.optim.SGD(weights, lr=rate, momentum=0.9)
        if setting.kind == "adam":
            return torch.optim.Adam(weights, lr=rate, betas=(0.9, 0.999), eps=1e-8)
        if setting.kind == "rmsprop":
            return torch.optim.RMSprop(weights, lr=rate, momentum=0.9)
        if setting.kind == "nadamw":
            return torch.optim.NAdam(
                weights, lr=rate, weight_decay=0.01, decoupled_weight_decay=True
            )
        return torch.optim.AdamW(weights, lr=rate, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01)

    module.configure_optimizers = configure_optimizers
    return module


def _blind(module: Any) -> Any:
    """`module`, whose steps are given batches without inputs."""
    for name in ("training_step", "validation_step"):
        step = getattr(module, name)

        def without(batch: Any, *rest: Any, step: Any = step, **options: Any) -> Any:
            return step(blinded(batch), *rest, **options)

        setattr(module, name, functools.wraps(step)(without))
    return module


def blinded(batch: Any) -> Any:
    """`batch` with zeros for its inputs: its first part, or all but the targets of a mapping."""
    if isinstance(batch, Mapping):
        return {
            k: value if str(k).lower() in TARGET_NAMES else _zeros(value)
            for k, value in batch.items()
        }
    if isinstance(batch, tuple | list) and len(batch) > 1:
        return type(batch)([_zeros(batch[0]), *batch[1:]])
    raise InfeasibleArchitecture(f"a batch is a {type(batch).__name__}, not inputs and targets")


def _zeros(value: Any) -> Any:
    import torch

    if isinstance(value, tuple | list):
        return type(value)([_zeros(part) for part in value])
    return torch.zeros_like(value) if isinstance(value, torch.Tensor) else value
