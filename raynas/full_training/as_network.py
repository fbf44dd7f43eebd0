"""What a search found, as an architecture and the search that trains it."""

from __future__ import annotations

from dataclasses import replace

from raynas.search import Search
from raynas.tasks import LightningTask, Task
from raynas.tasks.variation import Variation, variation_of, varied
from raynas.trials import Architecture

__all__ = ["as_network"]


def as_network(search: Search, found: Architecture) -> tuple[Search, Architecture]:
    """`search` and `found` themselves, or those of the network where ways to train were searched.

    A search over the training of a fixed architecture (`raynas.tasks.variation.Variation`) finds a
    way to train. As a network, that is the fixed architecture in its own space, trained as found.
    """
    variation = variation_of(search.task)
    if variation is None:
        return search, found
    task = _settled(search.task, found)
    full = None if search.full is None else _settled(search.full, found)
    bare = replace(search, space=variation.space, task=task, full=full, controller="random")
    return bare, variation.architecture


def _settled(task: Task, found: Architecture) -> Task:
    """`task` with what was found instead of the variation; other tasks as they are."""
    variation = variation_of(task)
    if not isinstance(variation, Variation) or not isinstance(variation.task, LightningTask):
        return task
    return varied(variation.task, found)
