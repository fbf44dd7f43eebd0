"""More of a baseline: further rates, a general optimizer, a published figure, the questions."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from small_search import Data, Module, Net
from torch import nn

from raynas.errors import ConfigurationError
from raynas.preflight.baseline import Baseline, Run
from raynas.preflight.baseline_runs import BaselineTask, TrainingVariant
from raynas.preflight.first_configuration import answers_of
from raynas.preflight.more_optimizers import general_optimizers, more_rates
from raynas.preflight.published import Published, compared
from raynas.tasks import LightningTask


def baseline(values: dict[tuple[str, float], float], mode: Any = "max") -> Baseline:
    runs = [Run(TrainingVariant("in full", 90, "full"), 0.9, 0.9)]
    for (kind, rate), value in values.items():
        runs.append(Run(TrainingVariant(f"{kind} {rate}", 45, kind, rate), value, value))  # type: ignore[arg-type]
    return Baseline("accuracy", mode, tuple(runs), 0.5, 0.02, None, "", None, ())


def test_a_best_rate_at_an_edge_asks_for_the_next() -> None:
    at_the_top = baseline({("sgd", 0.1): 0.8, ("sgd", 0.01): 0.7, ("adam", 1e-3): 0.6})
    (following,) = more_rates(at_the_top)
    assert (following.kind, following.steps) == ("sgd", 45)
    assert following.learning_rate == pytest.approx(0.316, rel=1e-2)
    (lower,) = more_rates(baseline({("sgd", 0.1): 0.6, ("sgd", 0.01): 0.7}))
    assert lower.learning_rate == pytest.approx(0.00316, rel=1e-2)


def test_a_best_rate_between_others_does_not() -> None:
    inside = baseline({("sgd", 0.3): 0.7, ("sgd", 0.1): 0.8, ("sgd", 0.01): 0.7})
    assert more_rates(inside) == ()
    assert more_rates(baseline({})) == ()
    assert more_rates(baseline({("adam", 1e-3): 0.5})) == ()


def test_smaller_is_better_where_so_said() -> None:
    loss = baseline({("sgd", 0.1): 0.8, ("sgd", 0.01): 0.2}, mode="min")
    (following,) = more_rates(loss)
    assert following.learning_rate == pytest.approx(0.00316, rel=1e-2)


def test_the_general_optimizer_goes_around_the_best_rate_of_adam() -> None:
    found = general_optimizers(baseline({("adam", 3e-4): 0.7, ("adamw", 1e-3): 0.8}))
    rates = [setting.learning_rate for setting in found]
    assert rates == pytest.approx([1e-3 / 10**0.5, 1e-3, 1e-3 * 10**0.5])
    full = LightningTask(Module, Data, "accuracy", 90, validation="own", accelerator="cpu")
    from raynas.tasks import Context

    task = BaselineTask(full, [TrainingVariant("nadamw 0.01", 30, "nadamw", 0.01)])
    assert task.run(Net(16), Context(seed=1)).metrics["accuracy"] > 0.6


@pytest.mark.parametrize(
    ("value", "mode", "reproduced", "words"),
    [
        (0.91, "max", True, "the published figure is reproduced: 0.9 against 0.91 in table 2"),
        (0.8, "max", True, "the published figure is reproduced and more"),
        (0.95, "max", False, "is not reproduced: 0.9 against 0.95 in table 2 .noise 0.02"),
        (0.8, "min", False, "is not reproduced"),
    ],
)
def test_a_published_figure_is_compared(
    value: float, mode: Any, reproduced: bool, words: str
) -> None:
    import re

    found = compared(baseline({}, mode), Published(value, "table 2"))
    assert found[0] is reproduced
    assert re.search(words, found[1])


def test_a_published_figure_needs_a_source_and_a_training() -> None:
    with pytest.raises(ConfigurationError, match=r"published=0\.9 without a source: give --source"):
        Published(0.9, " ")
    none = Baseline(
        "accuracy",
        "max",
        (Run(TrainingVariant("in full", 9, "full")),),
        None,
        0.0,
        None,
        "",
        None,
        (),
    )
    assert compared(none, Published(0.9, "x"))[0] is None


class Tricky(Module):
    def __init__(self, network: nn.Module) -> None:
        super().__init__(nn.Sequential(network, nn.Dropout(0.5)))

    def configure_optimizers(self) -> Any:
        optimizer = torch.optim.RMSprop(self.parameters(), lr=0.01, weight_decay=0.2)
        return [optimizer], [torch.optim.lr_scheduler.StepLR(optimizer, 3)]


def answers(module: Any, **given: Any) -> dict[str, tuple[str, str]]:
    task = LightningTask(module, Data, "accuracy", 90, **given)
    return {one.question: (one.answer, one.advice) for one in answers_of(task, Net(16))}


def test_questions_are_answered_from_the_module() -> None:
    simple = answers(Module)
    assert simple["Is dropout on?"] == ("no, as far as its layers say", "")
    assert simple["Is weight decay on?"] == ("no", "")
    optimizer = "Is the optimizer a well-established one, with few settings?"
    assert simple[optimizer] == ("Adam", "")
    assert simple["Does the learning rate fall to zero?"] == ("yes, along a cosine", "")
    assert simple["Does it normalize over the batch?"][0] == "yes"
    tricky = answers(
        Tricky,
        averaging="ema",
        trainer={"gradient_clip_val": 1.0, "accumulate_grad_batches": 4},
    )
    assert tricky[optimizer][0] == "RMSprop"
    assert "begin with SGD, Adam or AdamW" in tricky[optimizer][1]
    assert tricky["Is dropout on?"][0] == "0.5"
    assert "begin with less" in tricky["Is dropout on?"][1]
    assert tricky["Is weight decay on?"] == (
        "0.2", "that is strong; tune it for the winners, not in the search",
    )  # fmt: skip
    assert tricky["Does the learning rate fall to zero?"][0] == "by the module's StepLR"
    assert tricky["Are weights averaged?"][0] == "yes, ema"
    clipping = tricky["Are gradients clipped, or accumulated?"]
    assert clipping[0] == "clipped at 1, accumulated over 4 batches"
    assert "accumulation brings no throughput" in clipping[1]
