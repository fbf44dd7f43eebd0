"""Questions to a first configuration: what its module and its task switch on already.

A first configuration should be simple and cheap: what it leaves out can be added later, and each
thing that is on has settings that want tuning.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from raynas.tasks import LightningTask
from raynas.trials import Architecture

__all__ = ["Answer", "answers_of"]

_HEAVY_DROPOUT = 0.3  # beyond the usual 0.1 to 0.3; chosen by hand
_STRONG_DECAY = 0.1  # ten times AdamW's default


@dataclass(frozen=True)
class Answer:
    """What a module says to a question.

    Attributes:
        question: What to ask of a first configuration.
        answer: What is so, as found in the module and the task.
        advice: What to do about it; empty where nothing.
    """

    question: str
    answer: str
    advice: str = ""


def answers_of(task: LightningTask, architecture: Architecture) -> tuple[Answer, ...]:
    """Answers from the module that `task` makes for `architecture`, without training it.

    Args:
        task: The full training.
        architecture: The baseline.
    """
    _, module = task.made(architecture)
    return (
        _optimizer(module),
        _decay(module),
        _dropout(module),
        _schedule(task, module),
        _averaging(task),
        _clipping(task),
        _pretrained(task),
        _normalization(module),
    )


def _optimizers(module: Any) -> list[Any]:
    """The optimizers that the module makes; none where that takes a trainer."""
    try:
        configured = copy.deepcopy(module).configure_optimizers()
    except Exception:  # of the user's code, such as one that asks its trainer
        return []
    return [one for one in _leaves(configured) if hasattr(one, "param_groups")]


def _leaves(configured: Any) -> Iterator[Any]:
    if isinstance(configured, dict):
        configured = list(configured.values())
    if isinstance(configured, tuple | list):
        for one in configured:
            yield from _leaves(one)
    else:
        yield configured


def _optimizer(module: Any) -> Answer:
    question = "Is the optimizer a well-established one, with few settings?"
    names = [type(one).__name__ for one in _optimizers(module)]
    if not names:
        return Answer(question, "it takes a trainer to know")
    usual = all(name in ("SGD", "Adam", "AdamW") for name in names)
    advice = "" if usual else "begin with SGD, Adam or AdamW; `--general` tries others later"
    return Answer(question, ", ".join(names), advice)


def _decay(module: Any) -> Answer:
    question = "Is weight decay on?"
    found = {
        group.get("weight_decay", 0.0) for one in _optimizers(module) for group in one.param_groups
    }
    if not found:
        return Answer(question, "it takes a trainer to know")
    strongest = max(found)
    advice = "that is strong; tune it for the winners, not in the search"
    return Answer(
        question,
        ", ".join(f"{value:g}" for value in sorted(found)) if strongest else "no",
        advice if strongest >= _STRONG_DECAY else "",
    )


def _dropout(module: Any) -> Answer:
    question = "Is dropout on?"
    rates = sorted(
        {
            float(part.p)
            for part in module.modules()
            if "dropout" in type(part).__name__.lower() and getattr(part, "p", None)
        }
    )
    if not rates:
        return Answer(question, "no, as far as its layers say")
    advice = (
        "a short proxy task favors less of it: hold it fixed in the search"
        if rates[-1] < _HEAVY_DROPOUT
        else "begin with less: a first configuration should learn fast, and a short proxy task "
        "favors less of it"
    )
    return Answer(question, ", ".join(f"{rate:g}" for rate in rates), advice)


def _schedule(task: LightningTask, module: Any) -> Answer:
    question = "Does the learning rate fall to zero?"
    try:
        own = [
            type(one).__name__
            for one in _leaves(copy.deepcopy(module).configure_optimizers())
            if hasattr(one, "optimizer") and hasattr(one, "step")
        ]
    except Exception:  # as above
        own = []
    if own:
        return Answer(question, f"by the module's {', '.join(own)}")
    if task.schedule == "cosine" and module.automatic_optimization:
        return Answer(question, "yes, along a cosine")
    return Answer(question, "no schedule", "a constant rate is simple; try schedule='cosine'")


def _averaging(task: LightningTask) -> Answer:
    question = "Are weights averaged?"
    return Answer(question, f"yes, {task.averaging}" if task.averaging else "no")


def _clipping(task: LightningTask) -> Answer:
    question = "Are gradients clipped, or accumulated?"
    arguments = task.trainer if isinstance(task.trainer, dict) else {}
    clip = arguments.get("gradient_clip_val")
    accumulated = arguments.get("accumulate_grad_batches", 1)
    words = [f"clipped at {clip:g}"] if clip else []
    advice = ""
    if accumulated and accumulated != 1:
        words.append(f"accumulated over {accumulated} batches")
        advice = "accumulation brings no throughput: take the batch size that trains fastest"
    return Answer(question, ", ".join(words) or "no", advice)


def _pretrained(task: LightningTask) -> Answer:
    count = len(task.pretrained)
    return Answer("Does it start from pretrained weights?", f"{count} blocks" if count else "no")


def _normalization(module: Any) -> Answer:
    question = "Does it normalize over the batch?"
    found = any("BatchNorm" in type(part).__name__ for part in module.modules())
    advice = "its statistics may want another batch size than the gradient" if found else ""
    return Answer(question, "yes" if found else "no", advice)
