"""The Trainer of a trial: the user's arguments, and what a trial decides."""

from __future__ import annotations

import copy
import inspect
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from raynas.errors import TaskError
from raynas.tasks.lightning.step_budget import StepBudget

__all__ = ["TrainerArguments", "check_trainer_arguments", "make_trainer"]

TrainerArguments = Mapping[str, Any] | Callable[[], Mapping[str, Any]]

_BY_MAX_STEPS = "the length of a trial is LightningTask(max_steps=...)"
_BY_EVALUATIONS = "how often a trial validates is LightningTask(evaluations=...)"
_BY_RESOURCES = "a trial trains on the devices that Search(resources=...) reserves"
_DECIDED = {
    "max_steps": _BY_MAX_STEPS,
    "max_epochs": f"{_BY_MAX_STEPS}, from which the number of epochs follows",
    "val_check_interval": _BY_EVALUATIONS,
    "check_val_every_n_epoch": _BY_EVALUATIONS,
    "accelerator": f"{_BY_RESOURCES}; LightningTask(accelerator='cpu') keeps to CPUs",
    "devices": _BY_RESOURCES,
    "num_nodes": _BY_RESOURCES,
    "precision": "give LightningTask(precision=...)",
    "deterministic": "give LightningTask(deterministic=...)",
    "fast_dev_run": "use `raynas check`, which trains and validates on a batch",
    "overfit_batches": "it validates on training batches; limit_train_batches takes fewer of them",
    "barebones": "it logs no metrics, so that there would be no reward",
}
_REFUSED_CALLBACKS = {
    "StochasticWeightAveraging": "it counts whole epochs, and a trial ends at a step; use "
    "LightningTask(averaging='swa'), or Lightning's WeightAveraging",
    "LearningRateFinder": "each trial would train with a rate of its own; find one before the "
    "search, with `raynas baseline`",
    "BatchSizeFinder": "each trial would train with a batch size of its own; find one before the "
    "search, with `raynas speed`",
}


def check_trainer_arguments(given: TrainerArguments | None) -> None:
    """Refuse what a trial decides itself.

    Raises:
        TaskError: `given` is not a mapping, or has an argument that a trial decides.
    """
    if given is None or (callable(given) and not isinstance(given, Mapping)):
        return
    if not isinstance(given, Mapping) or not all(isinstance(name, str) for name in given):
        raise TaskError(
            f"trainer={given!r}: must be a dictionary of arguments for Lightning's Trainer, or a "
            "function that makes one"
        )
    for name, reason in _DECIDED.items():
        if name in given:
            raise TaskError(f"trainer={{{name!r}: {given[name]!r}}}: {reason}")


def make_trainer(
    package: str,
    given: TrainerArguments | None,
    first: Any,
    last: Any,
    folder: Path,
    budget: StepBudget,
    strategy: str = "auto",
    **decided: Any,
) -> Any:
    """A Trainer of Lightning that ends with a step budget.

    Its `max_epochs` is the number of epochs that the budget takes, so that schedules over epochs
    end with it. The given arguments are copied, so that callbacks and loggers begin anew.

    Args:
        package: ``"pytorch_lightning"`` or ``"lightning.pytorch"``.
        given: The user's arguments, or what makes them.
        first: A callback that comes before the user's.
        last: Callback that comes after them.
        folder: Folder of loggers and callbacks, unless the user says otherwise.
        budget: Step budget, by which `last` counts.
        strategy: Strategy if the user gives none.
        decided: Other arguments, which count before the user's.

    Raises:
        TaskError: An argument is one that a trial decides, or none of the Trainer's.
    """
    arguments = _copied(given)
    known = inspect.signature(import_module(package).Trainer).parameters
    for name in arguments:
        if name not in known:
            raise TaskError(
                f"trainer={{{name!r}: ...}}: Lightning's Trainer has no such argument; it takes "
                f"{', '.join(one for one in known if one not in _DECIDED)}"
            )
    callbacks = arguments.pop("callbacks", None) or []
    callbacks = list(callbacks) if isinstance(callbacks, Sequence) else [callbacks]
    for one in callbacks:
        refuse_callback(one)
    checkpoints = any(hasattr(one, "best_model_path") for one in callbacks)
    defaults: dict[str, Any] = {
        "default_root_dir": str(folder),
        "num_sanity_val_steps": 0,
        "enable_checkpointing": checkpoints,
        "enable_progress_bar": False,
        "enable_model_summary": False,
    }
    if "logger" not in arguments:
        defaults["logger"] = _logger(package, folder)
    arguments = {**defaults, "strategy": strategy, **arguments, **decided}
    trainer = _trainer_class(package)(
        max_steps=budget.max_steps,
        max_epochs=-1,
        val_check_interval=budget.max_steps,
        check_val_every_n_epoch=None,
        callbacks=[first, *callbacks, last],
        **arguments,
    )
    trainer.raynas_budget = budget
    return trainer


def refuse_callback(one: Any) -> None:
    """Refuse a callback that a trial of a step budget cannot run as it is meant.

    Raises:
        TaskError: It is one of these.
    """
    reason = _REFUSED_CALLBACKS.get(type(one).__name__)
    if reason is not None:
        raise TaskError(f"callbacks: {type(one).__name__}: {reason}")


def _copied(given: TrainerArguments | None) -> dict[str, Any]:
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        made = given()
        check_trainer_arguments(made)
        return dict(made)
    try:
        return copy.deepcopy(dict(given))
    except Exception as error:
        raise TaskError(
            f"trainer={dict(given)!r} cannot be copied for each trial ({type(error).__name__}: "
            f"{error}); give a function that makes the dictionary"
        ) from error


@cache
def _trainer_class(package: str) -> Any:
    """Lightning's Trainer, whose limits read as those of the trial."""
    base = import_module(package).Trainer
    inside = (f"{package}.trainer.", f"{package}.loops.")
    shows = f"{package}.callbacks.progress."

    def limit(name: str) -> property:
        def read(self: Any) -> Any:
            caller = sys._getframe(1).f_globals.get("__name__", "")
            if caller.startswith(inside):  # the Trainer itself needs what its loops go by
                return getattr(self.fit_loop, name)
            if name == "max_epochs" and caller.startswith(shows):
                return None  # a progress bar of batches is enough
            budget: StepBudget = self.raynas_budget
            return budget.max_steps if name == "max_steps" else budget.epochs(self)

        return property(read)

    def estimated(self: Any) -> int:
        if self.train_dataloader is None:
            self.fit_loop.setup_data()  # as Lightning does, which draws a random number for it
        budget: StepBudget = self.raynas_budget
        return budget.max_steps

    limits = {name: limit(name) for name in ("max_steps", "max_epochs")}
    return type("Trainer", (base,), {**limits, "estimated_stepping_batches": property(estimated)})


def _logger(package: str, folder: Path) -> Any:
    made = _logger_class(package)()
    made.folder = str(folder)
    return made


@cache
def _logger_class(package: str) -> Any:
    """A logger that takes whatever a module logs, by any method, and keeps none of it.

    It is the one that Lightning itself puts in the place of the user's in a `fast_dev_run`, with a
    name and a folder.
    """
    base = import_module(f"{package}.loggers.logger").DummyLogger
    folder = property(lambda self: self.folder)
    return type(
        "TrialLogger",
        (base,),
        {
            "save_dir": folder,
            "log_dir": folder,
            "name": property(lambda _: "raynas"),
            "version": property(lambda _: "trial"),
        },
    )
