"""Look at the data of a search before anything trains."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any

from raynas.errors import TaskError
from raynas.preflight.data_sampling import heavy_policies, read_examples
from raynas.preflight.data_verdict import DataFitness, DataSet, judge
from raynas.preflight.time_limits import within
from raynas.search import Search
from raynas.space import Space
from raynas.space.guidelines import Finding
from raynas.tasks import LightningTask
from raynas.tasks.example_input import innermost
from raynas.tasks.lightning.data import LightningData
from raynas.tasks.lightning.held_out_data import HeldOutError
from raynas.tasks.lightning.split import Split, data_module, stage1, validation_loader
from raynas.tasks.lightning.targets import targets_of

__all__ = ["check_data"]

_LONGER = 10  # times the patience of one read: all targets, or a download


def check_data(
    search: Search,
    *,
    examples: int = 50_000,
    seconds: float = 120.0,
    patience: float = 60.0,
    say: Callable[[str], None] = lambda _: None,
) -> DataFitness:
    """Look at the data of a search: see `raynas.preflight.DataFitness` for what is found.

    Args:
        search: Search whose task is a LightningTask.
        examples: How many to read at most of the training set, and of the validation set.
        seconds: How long to read each of them at most.
        patience: Seconds to wait for one example; ten times as long for the data module, and for
            all targets.
        say: Called with a sentence about each step that begins.

    Raises:
        TaskError: There is nothing to look at, such as no validation set or no data set that is
            read by position; or an example did not come in time.
    """
    for name, value in (("examples", examples), ("seconds", seconds), ("patience", patience)):
        if not value > 0:
            raise TaskError(f"{name}={value:g}: must be above 0")
    task = innermost(search.task)
    if not isinstance(task, LightningTask):
        raise TaskError(
            f"task: a {type(task).__name__} has no data to look at; use a LightningTask"
        )
    full = innermost(search.full) if search.full is not None else None
    last = full if isinstance(full, LightningTask) else task

    def read(dataset: Any, name: str, first: Any = None) -> DataSet:
        say(f"reading the {name}")
        targets = within(_LONGER * patience, lambda: targets_of(dataset), f"targets of the {name}")
        found = read_examples(
            dataset, examples, seconds, patience, task.data.seed, f"the {name}", first
        )
        return DataSet(targets, len(dataset), found)

    say("preparing the data")
    modules = [
        within(_LONGER * patience, partial(data_module, data), "preparing the data")
        for data in (task.data, last.data)
    ]
    validating = _mapped(validation_loader(modules[1]), "validation set")
    training = _mapped(modules[0].train_dataloader(), "training set")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # classes too small to be stratified, which is judged
        split, doubts = within(
            _LONGER * patience, lambda: _split(task.data), "splitting the training set"
        )
    assert split.positions is not None  # noqa: S101 - as stage 1 has them
    found = read(training, "training set", split.positions[1])
    loader = modules[0].train_dataloader()
    policies = heavy_policies(training, modules[0], getattr(loader, "collate_fn", None))
    policies = tuple(dict.fromkeys((*policies, *heavy_policies(_baseline_module(search, task)))))
    found = replace(found, read=replace(found.read, policies=policies))
    both = (found, read(validating, "validation set"))
    say("comparing the parts")
    judged = judge(*both, split)
    return replace(judged, findings=(*doubts, *judged.findings))


def _baseline_module(search: Search, task: LightningTask) -> Any:
    """The LightningModule of the baseline, which may augment batches; None where it has none."""
    with suppress(Exception):  # of the user's code, or of a space without a baseline
        return task.made(Space.of(search.space).baseline)[1]
    return None


def _split(data: LightningData) -> tuple[Split, list[Finding]]:
    """Stage 1's split of all the training data, and what speaks against it."""
    plan = replace(data, validation="split", fraction=1.0, balance=False)
    try:
        return stage1(plan), []
    except HeldOutError as error:
        as_it_is = replace(plan, held_out=lambda dataset: dataset)
        if as_it_is.order == "auto":
            as_it_is = replace(as_it_is, order="random")
        return stage1(as_it_is), [Finding("held-out part", "error", str(error))]


def _mapped(loader: Any, name: str) -> Any:
    """The data set of `loader`, which can be read by position."""
    if isinstance(loader, list | tuple) and loader:
        loader = loader[0]
    dataset: Any = getattr(loader, "dataset", None)
    if not hasattr(dataset, "__getitem__") or not hasattr(dataset, "__len__"):
        kind = type(loader if dataset is None else dataset).__name__
        raise TaskError(
            f"data: the {name} is a {kind}, which cannot be read by position; give a torch "
            "DataLoader over a map-style data set"
        )
    if len(dataset) == 0:
        raise TaskError(f"data: the {name} has no examples")
    return dataset
