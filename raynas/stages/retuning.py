"""A stage that tunes the training of an architecture that was found: rate, decay and schedule.

During an architecture search these are held fixed, as the search would otherwise compare tunings.
They are tuned anew for what was found, and after the batch size or the size of the model changed.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from raynas.controllers.by_name import ControllerLike
from raynas.errors import ConfigurationError, TaskError
from raynas.search import Search
from raynas.space import Space, choice, real, searchable
from raynas.stages.recipe import Recipe
from raynas.stages.results import Results
from raynas.tasks.variation import Variant, Variation, overridden

__all__ = ["Retuning", "TrainingSettings"]

_ALLOWED = ("learning_rate", "weight_decay", "momentum", "dropout")
_RATES = ("lr", "initial_lr", "max_lr", "min_lr")


@searchable
class TrainingSettings(Variant):
    """How the optimizers of a module are set, relative to what the module sets itself.

    Attributes:
        learning_rate: Multiple of every learning rate, those of schedulers included.
        weight_decay: Weight decay of every parameter group that decays, or of all groups of an
            optimizer where none does; None leaves it as it is.
        schedule: ``"unchanged"``, or what replaces the module's schedulers: a ``"cosine"`` or
            ``"linear"`` fall to zero, or a ``"constant"`` rate.
        warmup: Share of the steps in which a schedule that replaces others rises from zero.
    """

    learning_rate: float = real(0.1, 10.0, log=True, default=1.0)
    weight_decay: float | None = choice(None, 0.0, 1e-5, 1e-4, 1e-3, 1e-2, 0.03, 0.1, default=None)
    schedule: str = choice("unchanged", "cosine", "linear", "constant", default="unchanged")
    warmup: float = choice(0.0, 0.05, 0.1, 0.2, default=0.0)

    @property
    def canonical(self) -> TrainingSettings:
        """Canonical form: without a schedule of its own, the warm-up has no meaning."""
        if self.schedule != "unchanged" or not self.warmup:
            return self
        return type(self)(self.learning_rate, self.weight_decay, self.schedule, 0.0)

    def adapt(self, module: Any, max_steps: int) -> None:
        """See `Variant.adapt`.

        Raises:
            TaskError: The module optimizes manually, and the schedule is to be replaced; or, once
                its optimizers are made, it has a scheduler whose rates cannot be multiplied.
        """
        if self.schedule != "unchanged" and not module.automatic_optimization:
            raise TaskError(
                f"schedule={self.schedule!r}: {type(module).__name__} optimizes manually, so its "
                "schedule cannot be replaced; give Retuning(settings=...) a subclass of "
                "TrainingSettings with `schedule: str = choice('unchanged')`"
            )

        def retuned(inherited: Callable[..., Any]) -> Callable[..., Any]:
            def configure_optimizers(module: Any) -> Any:
                return self._retuned(inherited(module), max_steps)

            return configure_optimizers

        overridden(module, "configure_optimizers", retuned)

    def _retuned(self, configured: Any, max_steps: int) -> Any:
        """What ``configure_optimizers`` returned, with these settings."""
        optimizers = [one for one in _leaves(configured) if hasattr(one, "param_groups")]
        schedulers = [one for one in _leaves(configured) if _schedules(one)]
        for optimizer in optimizers:
            self._set(optimizer.param_groups)
        if self.schedule == "unchanged":
            for scheduler in schedulers if self.learning_rate != 1 else ():
                _rescale(scheduler, self.learning_rate)
            return configured
        return optimizers, [self._scheduler(one, max_steps) for one in optimizers]

    def _set(self, groups: list[dict[str, Any]]) -> None:
        some_decay = any(group.get("weight_decay") for group in groups)
        for group in groups:
            for name in _RATES:
                if name in group:
                    group[name] = group[name] * self.learning_rate
            decays = group.get("weight_decay") if some_decay else "weight_decay" in group
            if self.weight_decay is not None and decays:
                group["weight_decay"] = self.weight_decay

    def _scheduler(self, optimizer: Any, max_steps: int) -> dict[str, Any]:
        from torch.optim.lr_scheduler import LambdaLR

        for group in optimizer.param_groups:
            peak = group.get("max_lr", group.get("initial_lr", group["lr"]))
            group["lr"] = group["initial_lr"] = peak
        return {"scheduler": LambdaLR(optimizer, self._share_at(max_steps)), "interval": "step"}

    def _share_at(self, max_steps: int) -> Callable[[int], float]:
        """Share of the peak learning rate by step."""
        rising = round(self.warmup * max_steps)

        def share(step: int) -> float:
            if step < rising:
                return (step + 1) / rising
            done = min(1.0, (step - rising) / max(1, max_steps - rising))
            if self.schedule == "cosine":
                return (1 + math.cos(math.pi * done)) / 2
            return 1 - done if self.schedule == "linear" else 1.0

        return share


@dataclass(frozen=True)
class Retuning(Recipe):
    """A stage that tunes how one of the best architectures so far is trained.

    Its trials train as those of the stage that it is built on; give ``options={"task": ...}`` for
    others, such as the full training.

    Attributes:
        rank: Which of the best to tune, from 0; a stage tunes one architecture, so that settings
            and architectures are never mixed. Give each of several winners a stage.
        settings: A searchable subclass of `TrainingSettings`, or its space.
        in_full: Whether the trials are full trainings, ``Search.full``.
        controller: Makes the proposals: an Optuna sampler by default.
    """

    rank: int = 0
    settings: type[TrainingSettings] | Space[Any] = TrainingSettings
    in_full: bool = False
    controller: ControllerLike = "optuna-gp"

    def __call__(self, found: Results) -> Search:
        """The stage's search."""
        earlier = self.earlier(found)
        ranked = earlier.top(self.rank + 1)
        if len(ranked) <= self.rank:
            raise ConfigurationError(
                f"rank={self.rank}: the stage {earlier.name!r} has only {len(ranked)} with a result"
            )
        search, architecture = earlier.as_network(ranked[self.rank])
        if self.in_full and search.full is None:
            raise ConfigurationError(
                "in_full=True: the stage before has no full training; give Search(full=...)"
            )
        space = Space.of(search.space)
        trained = search.full if self.in_full and search.full is not None else search.task
        full = None if search.full is None else Variation(search.full, space, architecture)
        return self.derived(
            search,
            Space.of(self.settings),
            self.controller,
            task=Variation(trained, space, architecture),
            full=full,
            reward=None,
            allow=(*search.allow, *_ALLOWED),
        )


def _leaves(configured: Any) -> list[Any]:
    """Optimizers and schedulers in what ``configure_optimizers`` returned."""
    if isinstance(configured, dict):
        return [leaf for value in configured.values() for leaf in _leaves(value)]
    if isinstance(configured, tuple | list):
        return [leaf for value in configured for leaf in _leaves(value)]
    return [configured]


def _schedules(one: Any) -> bool:
    return hasattr(one, "optimizer") and hasattr(one, "step")


def _rescale(scheduler: Any, factor: float) -> None:
    """Multiply the rates that a scheduler has in store.

    Raises:
        TaskError: It is none of torch's, so that where it keeps rates is not known.
    """
    method = "step" if hasattr(scheduler, "_schedulers") else "get_lr"
    made_by = next((c for c in type(scheduler).__mro__ if method in vars(c)), type(scheduler))
    if made_by.__module__ != "torch.optim.lr_scheduler":
        raise TaskError(
            f"learning_rate={factor:g}: it is not known where {type(scheduler).__name__} keeps its "
            "rates; give Retuning(settings=...) a subclass of TrainingSettings with `schedule: str "
            "= choice('cosine', 'linear', 'constant')`, which replaces it"
        )
    for name in ("base_lrs", "eta_min", "max_lrs", "min_lrs", "_last_lr"):
        value = getattr(scheduler, name, None)
        if isinstance(value, list):
            setattr(scheduler, name, [rate * factor for rate in value])
        elif isinstance(value, int | float):
            setattr(scheduler, name, value * factor)
    for inner in getattr(scheduler, "_schedulers", ()):
        _rescale(inner, factor)
