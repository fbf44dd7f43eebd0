"""One example of what a task's networks take, for profiling them, and how the task builds them."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from raynas.errors import TaskError
from raynas.tasks.base import Task
from raynas.tasks.lightning import LightningTask
from raynas.tasks.lightning.loader_collections import first_batch, is_collection
from raynas.tasks.lightning.split import data_module
from raynas.tasks.network_building import Build, built

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["TARGET_NAMES", "build_of", "example_of", "example_of_shape", "innermost"]

TARGET_NAMES = frozenset({"label", "labels", "target", "targets", "y", "mask", "masks"})
"""Names under which dictionary batches hold what is to be predicted."""

_FIX = "give it a tensor attribute `example_input`, or pass --input 3,32,32 (one example's shape)"


def example_of(task: Task) -> Any:
    """A batch of one example, without its label, as the networks that `task` trains take it.

    That is the task's attribute `example_input` if it has one: a tensor that is a batch of one, a
    tuple of arguments, or a list or dict of tensors (see `raynas.tasks.meters.profile.profile`).
    For a LightningTask it is otherwise the first example of the training set, of which a first
    element that is a tuple holds several arguments, and of a dictionary the tensors that are no
    targets.

    Raises:
        TaskError: There is none.
    """
    given = getattr(task, "example_input", None)
    if given is not None:
        return given
    task = innermost(task)
    if not isinstance(task, LightningTask):
        raise TaskError(f"a {type(task).__name__} has no example of what a network takes: {_FIX}")
    batch = _first_batch(data_module(task.data).train_dataloader())
    first = batch[0] if isinstance(batch, tuple | list) and batch else batch
    if isinstance(first, Mapping):
        return _inputs_of(first)
    parts = tuple(first) if isinstance(first, tuple | list) else (first,)
    if not parts or not all(hasattr(part, "is_meta") for part in parts):
        kind = type(first).__name__
        raise TaskError(
            f"data: the first batch starts with a {kind}, not with a tensor: give the task a "
            "tensor attribute `example_input`, or pass --input 3,32,32 (one example's shape)"
        )
    single = tuple(part[:1] for part in parts)
    return single if len(single) > 1 else single[0]


def example_of_shape(text: str) -> Tensor:
    """Zeros for a text such as ``3,32,32``, or ``128:long`` for whole numbers such as tokens.

    Raises:
        TaskError: `text` is something else.
    """
    import torch

    match = re.fullmatch(r"(\d+(?:,\d+)*)(:long)?", text.replace(" ", ""))
    shape = [int(number) for number in match[1].split(",")] if match else [0]
    if match is None or min(shape) < 1:
        raise TaskError(
            f"input={text!r}: give the shape of one example, as in 3,32,32, or 128:long for "
            "whole numbers"
        )
    return torch.zeros((1, *shape), dtype=torch.long if match[2] else torch.float32)


def build_of(task: Task) -> Build:
    """How networks are made: by `architecture.build`, or where it has none by the task."""
    task = innermost(task)

    def build(architecture: Any) -> Any:
        if not isinstance(task, LightningTask):
            return built(architecture)
        if not hasattr(architecture, "build"):
            return task.module(architecture)
        return built(architecture, **task.build)

    return build


def innermost(task: Task) -> Task:
    """The task that is wrapped by `task`, or by one that it wraps; itself where it wraps none."""
    while isinstance(inner := getattr(task, "task", None), Task):
        task = inner
    return task


def with_innermost(task: Task, inner: Task) -> Task:
    """A copy of `task` around `inner` instead of the innermost task that it wraps."""
    wrapped = getattr(task, "task", None)
    if not isinstance(wrapped, Task):
        return inner
    around = copy.copy(task)
    vars(around)["task"] = with_innermost(wrapped, inner)
    return around


def _inputs_of(batch: Mapping[Any, Any]) -> Any:
    """What of a dictionary batch is no target, for one example: a tensor, or several by name.

    Raises:
        TaskError: There is no such tensor.
    """
    inputs = {
        name: value[:1]
        for name, value in batch.items()
        if hasattr(value, "is_meta") and str(name).lower() not in TARGET_NAMES
    }
    if not inputs:
        raise TaskError(
            f"data: a batch is a dictionary of {', '.join(map(str, batch))}, none of which is a "
            f"tensor that a network takes: {_FIX}"
        )
    return inputs if len(inputs) > 1 else next(iter(inputs.values()))


def _first_batch(loader: Any) -> Any:
    """A batch of the first example, or the first batch of a loader that has no examples."""
    if is_collection(loader):
        return first_batch(loader)
    dataset: Any = getattr(loader, "dataset", None)
    if getattr(loader, "batch_size", None) is not None and hasattr(dataset, "__getitem__"):
        return loader.collate_fn([dataset[0]])
    return next(iter(loader))
