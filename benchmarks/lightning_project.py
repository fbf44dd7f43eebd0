"""Whether raynas trains a Lightning project exactly as the project's own Trainer does.

`python benchmarks/lightning_project.py FILE` trains the project of FILE twice from one seed: by
`Trainer.fit(module, datamodule=data)`, and by `LightningTask(validation="own", schedule="none")`.
It prints the largest difference of the weights and of each logged metric, and exits with 1 if there
is any. FILE is a Python file that imports the project and defines

- ``module()``, which makes the LightningModule;
- ``data()``, which makes the LightningDataModule, or a tuple of two data loaders;
- optionally ``trainer()``, which makes further arguments for the Trainer, as a dictionary;
- optionally ``OPTIMIZER_STEPS``, the optimizer steps that one batch takes, where the module
  optimizes by hand: Lightning counts these, and raynas counts batches.

The data of all trials of a search are drawn from the seed of its split, whatever a trial's own seed
is. So that both trainings have the same data, the first makes and sets up its data from the same
generators.
"""

from __future__ import annotations

import argparse
import logging
import math
import runpy
import sys
import tempfile
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import torch

from raynas import Context, LightningTask
from raynas.tasks.random_state import isolated

SPLIT_SEED = 0


@dataclass(frozen=True)
class Project:
    """What a project's file defines."""

    module: Callable[[], Any]
    data: Callable[[], Any]
    trainer: Callable[[], Mapping[str, Any]]
    optimizer_steps: int

    @classmethod
    def read(cls, path: Path) -> Project:
        """The project of a file, which may import what lies beside it."""
        sys.path.insert(0, str(path.parent))
        names = runpy.run_path(str(path))
        for name in ("module", "data"):
            if not callable(names.get(name)):
                raise SystemExit(f"{path}: defines no function {name}()")
        return cls(
            names["module"],
            names["data"],
            names.get("trainer", dict),
            int(names.get("OPTIMIZER_STEPS", 1)),
        )


@dataclass(frozen=True)
class Training:
    """What a training ends with."""

    weights: Mapping[str, torch.Tensor]
    metrics: Mapping[str, float]


def main() -> None:
    """Train both ways and print where they differ."""
    arguments = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    arguments.add_argument("file", type=Path)
    arguments.add_argument("--steps", type=int, default=20)
    arguments.add_argument("--evaluations", type=int, default=2)
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument(
        "--epochs", type=int, default=-1, help="that the steps take, for schedules by epoch"
    )
    given = arguments.parse_args()
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore")
    project = Project.read(given.file)
    alone = by_lightning(project, given.steps, given.evaluations, given.seed, given.epochs)
    if not alone.metrics:
        raise SystemExit(f"{given.file}: the module logs no metric")
    metric = next(iter(alone.metrics))
    trial = by_raynas(project, metric, given.steps, given.evaluations, given.seed)
    found = differences(alone, trial)
    for name in sorted(alone.metrics):
        print(f"{name:32} {alone.metrics[name]:.8g}  {trial.metrics.get(name, math.nan):.8g}")
    print("\n".join(found) if found else f"equal: {len(alone.weights)} tensors, all metrics")
    raise SystemExit(1 if found else 0)


def by_lightning(
    project: Project, steps: int, evaluations: int, seed: int, epochs: int
) -> Training:
    """The training by Lightning's Trainer alone."""
    module = made(project.module, seed)
    pl = import_module(package_of(module))
    with isolated(SPLIT_SEED):
        data = project.data()
    given = project.trainer()
    batches = steps // evaluations * given.get("accumulate_grad_batches", 1)
    with tempfile.TemporaryDirectory() as folder:
        defaults = {
            "default_root_dir": folder,
            "logger": import_module(f"{pl.__name__}.loggers").CSVLogger(folder),
            "enable_checkpointing": False,
            "enable_progress_bar": False,
            "enable_model_summary": False,
        }
        trainer = pl.Trainer(
            **{**defaults, **given},
            accelerator="cpu",
            devices=1,
            max_steps=steps * project.optimizer_steps,
            max_epochs=epochs,
            val_check_interval=batches,
            check_val_every_n_epoch=None,
            num_sanity_val_steps=0,
        )
        if isinstance(data, tuple):
            trainer.fit(module, *data)
        else:
            draw_from_split(data)
            trainer.fit(module, datamodule=data)
    return training(module, trainer.callback_metrics)


def by_raynas(project: Project, metric: str, steps: int, evaluations: int, seed: int) -> Training:
    """The same training as a trial."""
    kept: list[Any] = []

    def module(_: Any) -> Any:
        kept.append(project.module())
        return kept[-1]

    task = LightningTask(
        module,
        project.data,
        metric=metric,
        max_steps=steps,
        evaluations=evaluations,
        validation="own",
        schedule="none",
        split_seed=SPLIT_SEED,
        precision="32-true",
        trainer=project.trainer,
        accelerator="cpu",
    )
    measured = task.run(None, Context(seed=seed))
    return training(kept[-1], measured.metrics)


def made(module: Callable[[], Any], seed: int) -> Any:
    """The module, with its weights drawn from `seed`."""
    import_module("pytorch_lightning").seed_everything(seed, verbose=False)
    return module()


def package_of(module: Any) -> str:
    """The Lightning package that the module comes from."""
    for cls in type(module).__mro__:
        for package in ("lightning.pytorch", "pytorch_lightning"):
            if cls.__module__.startswith(package + "."):
                return package
    raise SystemExit(f"module() makes a {type(module).__name__}, which is no LightningModule")


def draw_from_split(data: Any) -> None:
    """Let a data module draw from the generators of the split's seed."""
    for name in ("prepare_data", "setup", "train_dataloader", "val_dataloader"):
        own = getattr(data, name, None)
        if callable(own):
            setattr(data, name, isolated_call(own))


def isolated_call(own: Callable[..., Any]) -> Callable[..., Any]:
    """`own`, which draws from the generators of the split's seed."""

    def call(*args: Any, **kwargs: Any) -> Any:
        with isolated(SPLIT_SEED):
            return own(*args, **kwargs)

    return call


def training(module: Any, metrics: Mapping[str, Any]) -> Training:
    """What a trained module and its logged metrics hold."""
    weights = {name: tensor.detach().clone() for name, tensor in module.state_dict().items()}
    return Training(weights, {name: float(value) for name, value in metrics.items()})


def differences(alone: Training, trial: Training) -> list[str]:
    """Each weight and metric in which the trial differs, in words."""
    found = []
    for name, tensor in alone.weights.items():
        other = trial.weights.get(name)
        if other is None or other.shape != tensor.shape:
            found.append(f"weights {name}: not in the trial, or of another shape")
        elif not torch.equal(tensor.nan_to_num(), other.nan_to_num()):
            largest = (tensor.double() - other.double()).abs().max().item()
            found.append(f"weights {name}: differ by up to {largest:.3g}")
    for name, value in alone.metrics.items():
        mine = trial.metrics.get(name)
        same = mine is not None and (mine == value or (math.isnan(mine) and math.isnan(value)))
        if not same:
            found.append(f"metric {name}: {value!r} by Lightning, {mine!r} in the trial")
    return found


if __name__ == "__main__":
    main()
