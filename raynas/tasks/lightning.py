"""Train an architecture with PyTorch Lightning for a fixed number of steps: the proxy task."""

from __future__ import annotations

import copy
import importlib
import inspect
import logging
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from raynas.errors import TaskError
from raynas.tasks.averaging import Average, Averaging
from raynas.tasks.base import Context, Task
from raynas.tasks.device import best_precision, deterministic, device_memory
from raynas.tasks.footprint import Footprint, gpu_footprint
from raynas.tasks.pretrained import FrozenBlock, Pretrained
from raynas.tasks.random_state import seed_all
from raynas.tasks.ranks import Whole, on_ranks, ranks
from raynas.tasks.resuming import Checkpoints, ResumableLoader, read_checkpoint
from raynas.tasks.split import data_module, split_loaders, validation_loader
from raynas.tasks.training_parts import (
    Cosine,
    Curve,
    FiniteLoss,
    Part,
    StepsTaken,
    callback,
    floats,
)
from raynas.trials import Architecture, Measurement, Mode

__all__ = ["LightningTask", "quiet"]

_STEPS_FOR_MEMORY = 5
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


class LightningTask(Task):
    """Trains for `max_steps` optimizer steps and reads a logged metric.

    The training set is split into about 90 % to train on and 10 % to validate on, stratified by
    class (W1); the data module's own validation set is left for the full training of the best.
    The number of steps is the budget (P1), and the learning rate falls to zero over just that
    number along a cosine, unless the module brings schedulers of its own.

    Args:
        module: Makes the LightningModule, of `pytorch_lightning` or `lightning.pytorch`. Called
            with the network that `architecture.build()` returns, or with the architecture
            itself where its class has no `build`.
        data: A LightningDataModule, or a tuple of two data loaders, for training and validation, or
            what makes one of these.
        metric: The logged metric that the search rewards, as in ``self.log("val_accuracy", …)``.
        max_steps: Optimizer steps of a trial.
        build: Arguments for `architecture.build`, such as ``{"num_classes": 10}``.
        mode: Whether larger (``"max"``) or smaller (``"min"``) values of it are better.
        validation: ``"split"`` holds out a part of the training set; ``"own"`` uses the data
            module's `val_dataloader`.
        validation_share: Part held out.
        split_seed: Seed of the split and of the data module's set-up; the same for all trials.
        data_fraction: Part of what is left to train on that is used, above 0 and up to 1; of
            classes alike. A smaller part is a part of every larger one.
        balance: Whether that part has as many examples of each class, as far as there are.
        precision: As Lightning's Trainer takes it, such as ``"bf16-mixed"`` or ``"16-mixed"``;
            ``"auto"`` is bf16-mixed on GPUs that have it in hardware, 16-mixed with loss scaling on
            others with tensor cores, 32-true on older ones and on CPUs.
        schedule: ``"cosine"``, or ``"none"`` to leave learning rates alone.
        evaluations: How often to validate: every ``max_steps / evaluations`` batches, rounded up,
            and after the last step.
        checkpoint_every: Steps from one checkpoint to the next, from the latest of which a trial
            that was cut off goes on, bit-equal on a CPU; None to begin anew. What Lightning or
            torchmetrics have added up over a training epoch so far is not kept.
        averaging: Validate on an average of the weights, which steadies scores: ``"ema"`` or
            ``"swa"``, see `raynas.tasks.averaging`; None on the newest weights.
        pretrained: Weights of blocks that do not depend on the space (W14).
        deterministic: Whether a GPU is to use deterministic algorithms where torch has such.
        accelerator: ``"auto"`` trains on the GPUs that the trial reserves; ``"cpu"`` on CPUs in
            any case.

    A trial that reserves several GPUs trains on all of them, data-parallel, in a process each
    (`raynas.tasks.ranks`). Each takes batches of the loader's size from its own share of the
    training set, so a step sees as many times more examples, and the learning rate may want to be
    another; each validates on the whole validation set.

    A trial ends as infeasible at the step whose training loss is NaN or infinite. Beside what the
    module logs, there are the metrics ``parameters`` and, where it can be measured,
    ``peak_memory_bytes``, see `raynas.tasks.device`.

    Raises:
        TaskError: An argument is out of its range.
    """

    def __init__(
        self,
        module: Callable[[Any], Any],
        data: Callable[[], Any],
        metric: str,
        max_steps: int,
        *,
        build: Mapping[str, Any] | None = None,
        mode: Mode = "max",
        validation: Literal["split", "own"] = "split",
        validation_share: float = 0.1,
        split_seed: int = 0,
        data_fraction: float = 1.0,
        balance: bool = False,
        precision: str = "auto",
        schedule: Literal["cosine", "none"] = "cosine",
        evaluations: int = 1,
        checkpoint_every: int | None = None,
        averaging: Average | None = None,
        pretrained: Sequence[Pretrained] = (),
        deterministic: bool = True,
        accelerator: Literal["auto", "cpu"] = "auto",
    ) -> None:
        for holds, message in (
            (max_steps >= 1, f"max_steps={max_steps}: must be at least 1"),
            (
                1 <= evaluations <= max_steps,
                f"evaluations={evaluations}: must be from 1 to max_steps={max_steps}",
            ),
            (validation in ("split", "own"), f"validation={validation!r}: use 'split' or 'own'"),
            (
                0 < validation_share < 1,
                f"validation_share={validation_share}: must be above 0 and below 1",
            ),
            (
                0 < data_fraction <= 1,
                f"data_fraction={data_fraction}: must be above 0 and at most 1",
            ),
            (
                validation == "split" or (data_fraction == 1 and not balance),
                f"data_fraction={data_fraction}, balance={balance} with validation='own': only a "
                "part of the split training set can be taken; use validation='split'",
            ),
            (
                precision in _PRECISIONS,
                f"precision={precision!r}: use one of {', '.join(_PRECISIONS)}",
            ),
            (schedule in ("cosine", "none"), f"schedule={schedule!r}: use 'cosine' or 'none'"),
            (
                checkpoint_every is None or checkpoint_every >= 1,
                f"checkpoint_every={checkpoint_every}: must be at least 1, or None",
            ),
            (
                averaging in ("ema", "swa", None),
                f"averaging={averaging!r}: use 'ema', 'swa' or None",
            ),
            (
                not isinstance(pretrained, str | Pretrained)
                and all(isinstance(one, Pretrained) for one in pretrained),
                f"pretrained={pretrained!r}: must be a list of raynas.Pretrained",
            ),
            (
                accelerator in ("auto", "cpu"),
                f"accelerator={accelerator!r}: use 'auto' or 'cpu'",
            ),
            (_makes(module), f"module={module!r}: must be a class, or a function that makes it"),
            (_makes(data), f"data={data!r}: must be a class, or a function that makes it"),
        ):
            if not holds:
                raise TaskError(message)
        self.module = module
        self.data = data
        self.metric = metric
        self.max_steps = max_steps
        self.build = dict(build or {})
        self.mode = mode
        self.validation = validation
        self.validation_share = validation_share
        self.split_seed = split_seed
        self.data_fraction = data_fraction
        self.balance = balance
        self.precision = precision
        self.schedule = schedule
        self.evaluations = evaluations
        self.checkpoint_every = checkpoint_every
        self.averaging = averaging
        self.pretrained = tuple(pretrained)
        self.deterministic = deterministic
        self.accelerator = accelerator

    def run(self, architecture: Architecture, context: Context) -> Measurement:
        """See `Task.run`."""
        if context.gpu > 1 and ranks() == 1:
            self._check_parallel(context.gpu)
            return on_ranks(int(context.gpu), self, architecture, context)
        gpu = context.gpu if self.accelerator == "auto" else 0.0
        start = time.perf_counter()
        seed_all(self.split_seed)  # Data are read once a process: they must not depend on whose.
        train, validation = self._loaders()
        seed_all(context.seed)
        with (
            quiet(),
            deterministic(self.deterministic and gpu > 0),
            device_memory(gpu) as peak_memory,
        ):
            metrics, steps, curve = self._train(architecture, train, validation, context)
            metrics |= peak_memory()
        return Measurement(metrics, time.perf_counter() - start, steps, tuple(curve.points))

    def identity(self) -> Mapping[str, str]:
        """See `Task.identity`; of pretrained blocks, their weights count."""
        return {**super().identity(), "pretrained": ", ".join(map(repr, self.pretrained))}

    def footprint(self, architecture: Architecture, context: Context) -> Footprint:
        """See `Task.footprint`; a few steps and a validation show it."""
        short = copy.copy(self)
        short.max_steps, short.evaluations = min(self.max_steps, _STEPS_FOR_MEMORY), 1
        return gpu_footprint(lambda: short.run(architecture, context))

    def _train(
        self, architecture: Architecture, train: Any, validation: Any, context: Context
    ) -> tuple[dict[str, float], int, Curve]:
        """The last metrics, the number of steps and the learning curve."""
        from torch.utils.data import DataLoader

        package, module = self.made(architecture)
        curve = Curve(context)
        parts: list[Part] = [FiniteLoss(), StepsTaken()]
        parts += [FrozenBlock(one, one.find(module)) for one in self.pretrained if one.frozen]
        if self.schedule == "cosine":
            parts.append(Cosine(self.max_steps))
        if self.averaging is not None:
            parts.append(Averaging(self.averaging, self.max_steps))
        parts.append(curve)
        identity = f"{self.max_steps} steps of {architecture!r}, seed {context.seed}"
        resumed = context.kept() if self.checkpoint_every is not None else None
        position = read_checkpoint(resumed, identity)
        if ranks() > 1:
            train, validation = _shared(train), Whole(validation)
        elif self.checkpoint_every is not None or isinstance(train, DataLoader):
            train = ResumableLoader(train, position)
        if self.checkpoint_every is not None:
            parts.append(Checkpoints(context, train, self.checkpoint_every, identity))
        trainer = self._trainer(package, parts, context.gpu if self.accelerator == "auto" else 0.0)
        resume = _resuming(trainer, resumed) if position is not None else {}
        trainer.fit(module, train, validation, **resume)
        metrics = floats(trainer.callback_metrics)
        if not curve.points or curve.points[-1].step < trainer.global_step:
            trainer.validate(module, validation, verbose=False)
            metrics |= floats(trainer.callback_metrics)
        self._check_metric(metrics)
        metrics["parameters"] = float(sum(weights.numel() for weights in module.parameters()))
        return metrics, trainer.global_step, curve

    def _trainer(self, package: str, parts: list[Part], gpu: float) -> Any:
        return importlib.import_module(package).Trainer(
            accelerator="gpu" if gpu else "cpu",
            devices=ranks(),
            strategy="auto" if ranks() == 1 else "ddp",
            precision=best_precision(gpu) if self.precision == "auto" else self.precision,
            max_steps=self.max_steps,
            max_epochs=-1,
            val_check_interval=-(-self.max_steps // self.evaluations),
            check_val_every_n_epoch=None,
            num_sanity_val_steps=0,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            callbacks=[callback(package, parts)],
        )

    def _check_parallel(self, gpu: float) -> None:
        if self.checkpoint_every is not None:
            raise TaskError(
                f"checkpoint_every={self.checkpoint_every} with resources gpu={gpu:g}: a trial on "
                "several GPUs that was cut off begins anew; give checkpoint_every=None"
            )

    def _loaders(self) -> tuple[Any, Any]:
        if self.validation == "split":
            return split_loaders(
                self.data,
                self.validation_share,
                self.split_seed,
                self.data_fraction,
                self.balance,
            )
        data = data_module(self.data)
        return data.train_dataloader(), validation_loader(data)

    def made(self, architecture: Architecture) -> tuple[str, Any]:
        """The name of the Lightning package that the module comes from, and the module.

        Pretrained blocks have their weights.

        Raises:
            TaskError: The module is something else, or a block is not of its checkpoint's shapes.
        """
        has_network = hasattr(architecture, "build")
        network = architecture.build(**self.build) if has_network else architecture
        module = self.module(network)
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

    def _check_metric(self, metrics: Mapping[str, float]) -> None:
        if self.metric not in metrics:
            logged = ", ".join(sorted(metrics)) or "nothing"
            raise TaskError(
                f"metric={self.metric!r}: the module logs {logged}; "
                f"use one of these, or log it in validation_step: self.log({self.metric!r}, ...)"
            )


def _shared(train: Any) -> Any:
    """`train`, of which Lightning gives each process a share of its own."""
    from torch.utils.data import DataLoader

    if not isinstance(train, DataLoader):
        raise TaskError(
            f"data: train_dataloader() gives a {type(train).__name__}: on several GPUs it must be "
            "a torch DataLoader, of which each gets a share"
        )
    return train


def _makes(value: Any) -> bool:
    return callable(value) or isinstance(value, tuple) or hasattr(value, "train_dataloader")


def _resuming(trainer: Any, path: Path | None) -> dict[str, Any]:
    """Arguments of `Trainer.fit` that make it go on from `path`, which was read safely before."""
    safe = "weights_only" in inspect.signature(trainer.fit).parameters
    return {"ckpt_path": str(path), **({"weights_only": True} if safe else {})}


@contextmanager
def quiet() -> Iterator[None]:
    """Without the advice that Lightning gives to people who train by hand."""
    loggers = [logging.getLogger(name) for name in ("pytorch_lightning", "lightning.pytorch")]
    levels = [logger.level for logger in loggers]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="(pytorch_)?lightning")
        for logger in loggers:
            logger.setLevel(logging.ERROR)
        try:
            yield
        finally:
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)
