"""Train an architecture with PyTorch Lightning for a fixed number of steps: the proxy task."""

from __future__ import annotations

import copy
import inspect
import time
import warnings
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

import numpy as np

from raynas.arguments import checked
from raynas.errors import TaskError
from raynas.tasks.base import Context, Task, identity_of
from raynas.tasks.device import best_precision, check_device, deterministic, device_memory
from raynas.tasks.gpu_footprint import Footprint, gpu_footprint
from raynas.tasks.lightning.data import LightningData
from raynas.tasks.lightning.ddp import on_ranks, ranks
from raynas.tasks.lightning.epoch_metrics import EpochMetrics
from raynas.tasks.lightning.pretrained import FrozenBlock, Pretrained
from raynas.tasks.lightning.quiet_loggers import quiet
from raynas.tasks.lightning.resume import TrainingCheckpoints, read_checkpoint
from raynas.tasks.lightning.step_budget import StepBudget
from raynas.tasks.lightning.trainer import (
    TrainerArguments,
    check_trainer_arguments,
    make_trainer,
)
from raynas.tasks.lightning.training_callback import (
    Cosine,
    FiniteLoss,
    TrainingCallback,
    callback,
    floats,
)
from raynas.tasks.lightning.trial_data import TrialData
from raynas.tasks.lightning.weight_averaging import Average, Averaging
from raynas.tasks.process_state import restored
from raynas.tasks.random_state import seed_all
from raynas.tasks.weights import save_weights
from raynas.trials import Architecture, Measurement, Mode

__all__ = ["LightningTask"]

_STEPS_FOR_MEMORY = 5  # chosen by hand: the optimizer's state is there after the first
_PRECISIONS = (
    "auto",
    "bf16-mixed",
    "16-mixed",
    "32-true",
    "64-true",
    "bf16-true",
    "16-true",
    "transformer-engine",
    "transformer-engine-float16",
)


@checked
class LightningTask(Task):
    """Trains with Lightning's Trainer for `max_steps` steps and reads a logged metric.

    A trial is the training that ``Trainer.fit(module, datamodule=...)`` would be, with the user's
    own data module, hooks, callbacks, schedulers and Trainer arguments; what a trial decides itself
    is listed under `trainer`. In stage 1, the training set is split into about 90 % to train on and
    10 % to validate on, stratified by class; the data module's own validation set is left for the
    full training of the best. The learning rate falls to zero along a cosine, unless the module
    brings schedulers of its own.

    Args:
        module: Makes the LightningModule, of `pytorch_lightning` or `lightning.pytorch`. Called
            with the network that `architecture.build()` returns, or with the architecture
            itself where its class has no `build`.
        data: A LightningDataModule class, or a function that makes a data module or a tuple of two
            data loaders, for training and validation; or a `LightningData` of one of these, which
            has further arguments.
        metric: The logged metric that the search rewards, as in ``self.log("val_accuracy", …)``.
        max_steps: Length of a trial, in optimizer steps. With manual optimization: in batches in
            which an optimizer stepped. `trainer.max_epochs` and
            `trainer.estimated_stepping_batches` follow from it, so that schedules end with it.
        build: Arguments for `architecture.build`, such as ``{"num_classes": 10}``.
        mode: Whether larger (``"max"``) or smaller (``"min"``) values of the metric are better.
        validation: Validation data of stage 1; see `LightningData`, also for the next four.
        validation_share: `LightningData.share`.
        split_seed: `LightningData.seed`.
        data_fraction: `LightningData.fraction`.
        balance: Balance of the classes; see `LightningData`.
        precision: Precision, as Lightning's Trainer takes it, such as ``"bf16-mixed"`` or
            ``"16-mixed"``; ``"auto"`` is bf16-mixed on GPUs that have it in hardware, 16-mixed with
            loss scaling on others with tensor cores, 32-true on older ones and on CPUs.
        schedule: ``"cosine"``, or ``"none"`` to leave learning rates alone.
        evaluations: Number of validations, evenly spaced over the steps, the last one after the
            last step.
        checkpoint_every: Steps from one checkpoint to the next, from the latest of which a trial
            that was cut off goes on, bit-equal on a CPU; None to begin anew.
        averaging: Validate on an average of the weights, which steadies scores: ``"ema"`` or
            ``"swa"``, see `raynas.tasks.lightning.weight_averaging`; None on the newest weights.
        pretrained: Weights of blocks that do not depend on the space.
        trainer: Further arguments for Lightning's Trainer, such as ``{"gradient_clip_val": 1.0,
            "callbacks": [...]}``, or a function that makes them. They are copied for every trial.
            Those that a trial decides (its length, validations, devices and precision) are refused.
            Loggers and callbacks write to a folder that is removed after the trial, unless they
            are given another.
        deterministic: Whether a GPU is to use deterministic algorithms where torch has such.
        accelerator: ``"auto"`` trains on the GPUs that the trial reserves; ``"cpu"`` on CPUs in
            any case.

    A trial that reserves several GPUs trains on all of them, data-parallel, in a process each
    (`raynas.tasks.lightning.ddp`). Each takes batches of the loader's size from its own share of
    the training set, so a step sees as many times more examples, and the learning rate may want to
    be another; each validates on the whole validation set.

    A trial ends as infeasible at the step whose training loss is NaN or infinite. What else ends a
    training early, such as EarlyStopping, is recorded with its measurement. Beside what the module
    logs, there are the metrics ``parameters`` and, where it can be measured, ``peak_memory_bytes``,
    see `raynas.tasks.device`.

    Raises:
        TaskError: An argument is out of its range.
    """

    def __init__(
        self,
        module: Callable[[Any], Any],
        data: Any,
        metric: str,
        max_steps: int,
        *,
        build: Mapping[str, Any] | None = None,
        mode: Mode = "max",
        validation: Literal["split", "own"] | None = None,
        validation_share: float | None = None,
        split_seed: int | None = None,
        data_fraction: float | None = None,
        balance: bool | None = None,
        precision: str = "auto",
        schedule: Literal["cosine", "none"] = "cosine",
        evaluations: int = 1,
        checkpoint_every: int | None = None,
        averaging: Average | None = None,
        pretrained: Sequence[Pretrained] = (),
        trainer: TrainerArguments | None = None,
        deterministic: bool = True,
        accelerator: Literal["auto", "cpu"] = "auto",
    ) -> None:
        for holds, message in (
            (
                _whole(max_steps) and max_steps >= 1,
                f"max_steps={max_steps!r}: must be a whole number from 1 on",
            ),
            (
                _whole(evaluations) and 1 <= evaluations <= max_steps,
                f"evaluations={evaluations!r}: must be from 1 to max_steps={max_steps}",
            ),
            (
                isinstance(metric, str) and metric != "",
                f"metric={metric!r}: must be the name of a logged metric",
            ),
            (mode in ("max", "min"), f"mode={mode!r}: use 'max' or 'min'"),
            (
                precision in _PRECISIONS,
                f"precision={precision!r}: use one of {', '.join(_PRECISIONS)}",
            ),
            (schedule in ("cosine", "none"), f"schedule={schedule!r}: use 'cosine' or 'none'"),
            (
                checkpoint_every is None or (_whole(checkpoint_every) and checkpoint_every >= 1),
                f"checkpoint_every={checkpoint_every!r}: must be at least 1, or None",
            ),
            (
                averaging in ("ema", "swa", None),
                f"averaging={averaging!r}: use 'ema', 'swa' or None",
            ),
            (
                isinstance(pretrained, Sequence)
                and all(isinstance(one, Pretrained) for one in pretrained),
                f"pretrained={pretrained!r}: must be a list of raynas.tasks.Pretrained",
            ),
            (
                accelerator in ("auto", "cpu"),
                f"accelerator={accelerator!r}: use 'auto' or 'cpu'",
            ),
            (callable(module), f"module={module!r}: must be a class, or a function that makes it"),
        ):
            if not holds:
                raise TaskError(message)
        check_trainer_arguments(trainer)
        short = {
            "validation": validation,
            "share": validation_share,
            "seed": split_seed,
            "fraction": data_fraction,
            "balance": balance,
        }
        self.data = _as_data(data, {k: value for k, value in short.items() if value is not None})
        self.module = module
        self.metric = metric
        self.max_steps = int(max_steps)
        self.build = dict(build or {})
        self.mode = mode
        self.precision = precision
        self.schedule = schedule
        self.evaluations = int(evaluations)
        self.checkpoint_every = checkpoint_every
        self.averaging = averaging
        self.pretrained = tuple(pretrained)
        self.trainer = trainer
        self.deterministic = deterministic
        self.accelerator = accelerator

    def run(self, architecture: Architecture, context: Context) -> Measurement:
        """See `Task.run`."""
        if context.gpu > 1 and ranks() == 1:
            self._check_parallel(context.gpu)
            return on_ranks(int(context.gpu), self, architecture, context)
        gpu = context.gpu if self.accelerator == "auto" else 0.0
        if gpu:
            check_device(f"resources gpu={gpu:g}", "LightningTask(accelerator='cpu')")
        start = time.perf_counter()
        with (
            restored(),
            quiet(),
            deterministic(self.deterministic and gpu > 0),
            device_memory(gpu) as peak_memory,
            TemporaryDirectory(prefix="raynas-trial-") as folder,
        ):
            measured = self._train(architecture, gpu, context, Path(folder))
            metrics = {**measured.metrics, **peak_memory()}
        if measured.ended_early:
            warnings.warn(measured.ended_early, stacklevel=2)
        return replace(measured, metrics=metrics, seconds=time.perf_counter() - start)

    def identity(self) -> Mapping[str, str]:
        """See `Task.identity`; of pretrained blocks, their weights count."""
        shown = {**vars(self), **self.data.identity()}
        if not shown["trainer"]:
            del shown["trainer"]
        return {**identity_of(self, shown), "pretrained": ", ".join(map(repr, self.pretrained))}

    def foreknown(self, architecture: Architecture, names: Collection[str]) -> Mapping[str, float]:
        """See `Task.foreknown`: the parameters, counted on torch's meta device."""
        if "parameters" not in names:
            return {}
        import torch

        with torch.device("meta"):
            return {"parameters": _parameters(self._module(architecture))}

    def footprint(self, architecture: Architecture, context: Context) -> Footprint:
        """See `Task.footprint`; a few steps and a validation show it."""
        short = copy.copy(self)
        short.max_steps, short.evaluations = min(self.max_steps, _STEPS_FOR_MEMORY), 1
        return gpu_footprint(lambda: short.run(architecture, context))

    def _train(
        self, architecture: Architecture, gpu: float, context: Context, folder: Path
    ) -> Measurement:
        from raynas.tasks.lightning.loader_state import LoaderPositions
        from raynas.tasks.lightning.plain_state import PlainState

        seed_all(context.seed)
        package, module = self.made(architecture)
        identity = f"{self.max_steps} steps of {architecture!r}, seed {context.seed}"
        resumed = context.kept() if self.checkpoint_every is not None else None
        reached = read_checkpoint(resumed, identity)
        positions = LoaderPositions(reached) if self.checkpoint_every is not None else None
        data = TrialData(self.data, package, positions)
        budget = StepBudget(self.max_steps, self.evaluations, context, data.batches)
        first: list[TrainingCallback] = []
        parts = self._parts(module, budget)
        if self.checkpoint_every is not None and positions is not None:
            every = self.checkpoint_every
            parts.insert(0, EpochMetrics())
            keeping = TrainingCheckpoints(context, budget, positions, every, identity)
            first = [PlainState(package), keeping]  # before anything changes in a step
        trainer = self._trainer(package, budget, first, parts, gpu, folder)
        context.costs({"parameters": _parameters(module)})
        resume = {} if reached is None else _resuming(trainer, resumed)
        try:
            trainer.fit(module, **data.fit_arguments(), **resume)
        finally:
            data.close()
        ended_early = budget.ended_early(trainer)
        metrics = floats(trainer.callback_metrics)
        self._check_metric(metrics)
        metrics["parameters"] = _parameters(module)
        if context.weights is not None:
            save_weights(module, context.weights)
        return Measurement(metrics, 0.0, budget.steps, tuple(budget.points), ended_early)

    def _parts(self, module: Any, budget: StepBudget) -> list[TrainingCallback]:
        # The budget counts a step before others use its number.
        parts: list[TrainingCallback] = [FiniteLoss(), budget]
        parts += [FrozenBlock(one, one.find(module)) for one in self.pretrained if one.frozen]
        if self.schedule == "cosine":
            parts.append(Cosine(self.max_steps))
        if self.averaging is not None:
            parts.append(Averaging(self.averaging, self.max_steps))
        return parts

    def _trainer(
        self,
        package: str,
        budget: StepBudget,
        first: list[TrainingCallback],
        parts: list[TrainingCallback],
        gpu: float,
        folder: Path,
    ) -> Any:
        return make_trainer(
            package,
            self.trainer,
            callback(package, first, "FirstParts"),
            callback(package, parts),
            folder,
            budget=budget,
            accelerator="gpu" if gpu else "cpu",
            devices=ranks(),
            precision=best_precision(gpu) if self.precision == "auto" else self.precision,
            strategy="auto" if ranks() == 1 else "ddp",
        )

    def _check_parallel(self, gpu: float) -> None:
        if self.checkpoint_every is not None:
            raise TaskError(
                f"checkpoint_every={self.checkpoint_every} with resources gpu={gpu:g}: a trial on "
                "several GPUs that was cut off begins anew; give checkpoint_every=None"
            )

    def made(self, architecture: Architecture) -> tuple[str, Any]:
        """The name of the Lightning package that the module comes from, and the module.

        Pretrained blocks have their weights.

        Raises:
            TaskError: The module is something else, or a block is not of its checkpoint's shapes.
        """
        module = self._module(architecture)
        for cls in type(module).__mro__:
            for package in ("lightning.pytorch", "pytorch_lightning"):
                if cls.__module__.startswith(package + "."):
                    for given in self.pretrained:
                        given.load(module)
                    return package, module
        raise TaskError(
            f"module={self.module!r} made a {type(module).__name__}: it must make a "
            "LightningModule of pytorch_lightning or lightning.pytorch"
        )

    def _module(self, architecture: Architecture) -> Any:
        has_network = hasattr(architecture, "build")
        return self.module(architecture.build(**self.build) if has_network else architecture)

    def _check_metric(self, metrics: Mapping[str, float]) -> None:
        if self.metric not in metrics:
            logged = ", ".join(sorted(metrics)) or "nothing"
            raise TaskError(
                f"metric={self.metric!r}: the module logs {logged}; "
                f"use one of these, or log it in validation_step: self.log({self.metric!r}, ...)"
            )


def _parameters(module: Any) -> float:
    return float(sum(weights.numel() for weights in module.parameters()))


def _as_data(data: Any, short: Mapping[str, Any]) -> LightningData:
    """The data as one value, where some of it may be given as arguments of the task."""
    if not isinstance(data, LightningData):
        return LightningData(data, **short)
    if short:
        raise TaskError(
            f"{', '.join(short)} beside data=LightningData(...): give them to LightningData"
        )
    return data


def _whole(value: object) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def _resuming(trainer: Any, path: Path | None) -> dict[str, Any]:
    """Arguments of `Trainer.fit` that make it go on from `path`, which was read safely before."""
    safe = "weights_only" in inspect.signature(trainer.fit).parameters
    return {"ckpt_path": str(path), **({"weights_only": True} if safe else {})}
