"""A task at several budgets: each training is the one that a task of that length would be."""

from __future__ import annotations

from typing import Any

import pytest

from raynas.errors import ConfigurationError
from raynas.tasks import Context, FunctionMeter, FunctionTask, Measured
from raynas.tasks.budgeted import budgeted
from tests.tasks.lightning.test_task import Net, task


def figures(measured: Any) -> dict[str, float]:
    return {k: v for k, v in measured.metrics.items() if k != "peak_memory_bytes"}


@pytest.mark.parametrize(("budget", "steps"), [(0.01, 1), (0.25, 4), (0.5, 8)])
def test_a_short_training_is_that_of_a_task_of_so_many_steps(budget: float, steps: int) -> None:
    """To the bit, and so with its schedule fitted to that number."""
    both = budgeted(task(max_steps=3), task(max_steps=16, validation="own"))
    short = both.run(Net(4), Context(seed=1, budget=budget))
    alone = task(max_steps=steps).run(Net(4), Context(seed=1))
    assert short.steps == alone.steps == steps
    assert figures(short) == figures(alone)


def test_a_full_training_is_the_full_task() -> None:
    both = budgeted(task(max_steps=3), task(max_steps=16, validation="own"))
    full = both.run(Net(4), Context(seed=1))
    alone = task(max_steps=16, validation="own").run(Net(4), Context(seed=1))
    assert full.steps == 16
    assert figures(full) == figures(alone)


def test_a_full_training_measures_what_a_trial_does() -> None:
    meter = FunctionMeter(lambda net: float(net.width), "width")
    both = budgeted(Measured(task(max_steps=3), meter), task(max_steps=4))
    for budget in (0.5, 1.0):
        assert both.run(Net(4), Context(budget=budget)).metrics["width"] == 4.0


def test_a_function_is_told_the_budget() -> None:
    both = budgeted(FunctionTask(lambda net, budget: budget * net), None)
    assert both.run(2.0, Context(budget=0.25)).metrics == {"reward": 0.5}
    assert both.run(2.0, Context()).metrics == {"reward": 2.0}


def test_the_own_number_of_steps_does_not_matter() -> None:
    """The budgets say how long trials are, so that another number makes no other search."""
    full = task(max_steps=16)
    assert budgeted(task(max_steps=3), full).identity() == budgeted(task(), full).identity()
    other = budgeted(task(), task(max_steps=17))
    assert other.identity() != budgeted(task(), full).identity()


def test_what_cannot_be_shortened_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="budgets: a FunctionTask takes none; give a Ligh"):
        budgeted(FunctionTask(lambda net: 1.0), None)
    with pytest.raises(ConfigurationError, match="full=None: budgets are shares of the steps of a"):
        budgeted(task(), None)
    with pytest.raises(ConfigurationError, match=r"but task has metric='val_loss'.*must be the"):
        budgeted(task(), task("val_accuracy"))
