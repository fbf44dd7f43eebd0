"""The plan of a project against sums over every trial, device and hour, done another way."""

from __future__ import annotations

import itertools
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_search import small_search

from raynas import FunctionTask, Limits, Search
from raynas.errors import ConfigurationError
from raynas.preflight.project_plan import DeviceOffer, ProjectPlan, parsed_offer, plan_project
from raynas.preflight.search_plan import mean_budget, plan_search
from raynas.search_cost import Range, SearchPlan
from raynas.space import choice, searchable


def plan(rng: np.random.Generator, **changes: Any) -> SearchPlan:
    """Any plan: figures of all sizes."""
    low, likely, high = sorted(rng.uniform(1, 3000, 3))
    quick, usual, slow = sorted(10 ** rng.uniform(0, 5, 3))
    given: dict[str, Any] = {
        "trials": Range(low, likely, high),
        "seconds": Range(quick, usual, slow),
        "parallel": int(rng.integers(1, 130)),
        "gpu": float(rng.choice([0.0, 0.25, 1.0, 4.0])),
        "cpu": float(rng.choice([1.0, 2.0, 8.0])),
        "limit": 5000,
        "price": float(rng.uniform(0.01, 40)),
        "full_seconds": float(10 ** rng.uniform(1, 6)),
        "full_trainings": int(rng.integers(0, 12)),
        "words": "",
    }
    return SearchPlan(**{**given, **changes})


def ledger(project: ProjectPlan, price: float, speed: float = 1.0) -> tuple[float, float]:
    """Money and days of what is likely, added up training by training.

    Each training holds its devices for its hours; so many run at a time, one phase after another.
    """
    search = project.search
    devices = search.gpu or search.cpu
    money = days = 0.0
    full = None if search.full_seconds is None else search.full_seconds / 3600
    for phase in project.phases:
        match phase.name:
            case "baseline":
                trainings, hours = 3.0, full
            case "proxy-task study":
                trainings, hours = 12.0, full
            case "search":
                trainings, hours = search.trials.likely, search.seconds.likely / 3600
            case "full trainings":
                trainings, hours = float(search.full_trainings), full
            case "augmentation":
                trainings, hours = 31.0, full and full / 4
            case "start of the devices":
                money += 5 / 60 * search.parallel * devices * price
                days += 5 / 60 / 24
                continue
        assert hours is not None
        hours /= speed
        whole = [hours] * int(trainings) + [hours * (trainings % 1)]
        money += sum(one * devices * price for one in whole)
        days += sum(whole) / phase.parallel / 24
    return money, days


@pytest.mark.parametrize("seed", range(20))
def test_money_and_days_are_those_of_every_training_added_up(seed: int) -> None:
    rng = np.random.default_rng(seed)
    search = plan(rng, full_seconds=None if seed % 5 == 0 else float(10 ** rng.uniform(1, 6)))
    project = plan_project(search)
    assert search.price is not None
    money, days = ledger(project, search.price)
    found = project.money(project.hours)
    assert found is not None
    assert found.likely == pytest.approx(money)
    assert project.days.likely == pytest.approx(days)
    for one in (project.hours, project.days, found):
        assert 0 < one.low <= one.likely <= one.high


@pytest.mark.parametrize("seed", range(10))
def test_the_cheapest_device_is_that_of_all_bills(seed: int) -> None:
    rng = np.random.default_rng(seed)
    project = plan_project(plan(rng, price=None))
    offers = [
        DeviceOffer(f"device{k}", float(rng.uniform(0.1, 30)), float(rng.uniform(0.2, 12)))
        for k in range(6)
    ]
    bills = {one.name: ledger(project, one.price, one.speed) for one in offers}
    rows = project.by_device(offers)
    assert [one.name for one, _, _ in rows] == sorted(bills, key=lambda name: bills[name][0])
    for one, cost, days in rows:
        assert (cost.likely, days.likely) == pytest.approx(bills[one.name])
        assert cost.low <= cost.likely <= cost.high


@pytest.mark.parametrize("seed", range(10))
def test_the_table_of_days_is_that_of_trials_dealt_to_slots(seed: int) -> None:
    rng = np.random.default_rng(seed)
    search = plan(rng)
    rows = plan_project(search).by_parallel()
    assert search.parallel in [count for count, _, _ in rows]
    for count, days, devices in rows:
        held = list(itertools.accumulate([search.gpu or search.cpu] * count))[-1]
        assert devices == math.ceil(held - 1e-9)
        slots = np.zeros(count)  # hours of each slot
        slots += search.trials.likely / count * search.seconds.likely / 3600
        assert days.likely == pytest.approx(slots.max() / 24)
        assert days.low <= days.likely <= days.high
    own = next(days for count, days, _ in rows if count == search.parallel)
    assert own.likely == pytest.approx(search.days.likely)


def test_the_range_of_a_sum_holds_about_as_often_as_that_of_its_parts() -> None:
    """Sums of phases that each lie within their ranges in 19 of 20 cases do so too."""
    project = plan_project(plan(np.random.default_rng(3), full_seconds=36000.0))
    rng = np.random.default_rng(0)
    total = np.zeros(4000)
    for phase in project.phases:
        spread = rng.normal(size=4000)
        low, likely, high = phase.hours.low, phase.hours.likely, phase.hours.high
        total += likely + np.where(spread < 0, likely - low, high - likely) * spread / 1.96
    inside = (project.hours.low <= total) & (total <= project.hours.high)
    assert inside.mean() > 0.93


# What is refused.


@pytest.mark.parametrize("name", ["trials", "hours", "price", "full_hours"])
@pytest.mark.parametrize("value", [0.0, -1.0, math.nan, math.inf])
def test_figures_are_above_zero_and_finite(tmp_path: Path, name: str, value: float) -> None:
    shown = f"{name.replace('_', '-')}={value:g}"
    with pytest.raises(ConfigurationError, match=f"{shown}: must be above 0 and finite"):
        plan_search(small_search(tmp_path), "small", **{name: value})  # type: ignore[arg-type]


@pytest.mark.parametrize("value", [-1.0, math.nan, math.inf])
@pytest.mark.parametrize("name", ["policies", "start_minutes"])
def test_figures_of_phases_are_finite(name: str, value: float) -> None:
    made = plan(np.random.default_rng(0))
    with pytest.raises(ConfigurationError, match="must not be below 0, and finite"):
        plan_project(made, **{name: value})  # type: ignore[arg-type]


def test_no_full_trainings_are_none_and_fewer_are_refused(tmp_path: Path) -> None:
    search = small_search(tmp_path)
    none = plan_project(plan_search(search, "small", full_hours=2, top=0))
    assert "full trainings" not in [phase.name for phase in none.phases]
    with pytest.raises(ConfigurationError, match="top=-1: must not be below 0"):
        plan_search(search, "small", top=-1)


@pytest.mark.parametrize("text", ["a100", "a100:free", "a100:0", "a100:-2", "a100:3:-1", "a100:3:"])
def test_devices_need_a_price(text: str) -> None:
    with pytest.raises(ConfigurationError, match=f"device={text!r}: give NAME:PRICE"):
        parsed_offer(text)


# Searches over budgets.


@searchable
class Net:
    width: int = choice(*range(10), default=0)
    depth: int = choice(*range(10), default=0)
    kernel: int = choice(*range(10), default=0)


def over_budgets(folder: Path, trainings: float | None) -> Search:
    return Search(
        Net,
        FunctionTask(lambda net, budget: budget),
        budgets=(1 / 16, 1 / 4, 1),
        limits=Limits(trainings=trainings, trials=5000, parallel=4),
        folder=folder,
    )


def test_a_search_over_budgets_costs_what_its_limit_says(tmp_path: Path) -> None:
    made = plan_search(over_budgets(tmp_path, 6), "b", full_hours=8, price=2)
    assert mean_budget((1 / 16, 1 / 4, 1)) == pytest.approx(1 / 4)
    assert made.trials.likely == pytest.approx(24)
    assert made.seconds.likely == 2 * 3600
    assert made.full_equivalents is not None
    assert made.money is not None
    assert (made.full_equivalents.likely, made.full_equivalents.high) == pytest.approx((6, 6))
    assert made.full_equivalents.low == pytest.approx(2)
    assert made.money.likely == pytest.approx(6 * 8 * 2)
    assert "the limit of 6 full trainings; 2.0 hours a trial, 25% of a full training" in made.words
    (saving,) = (s for s in made.savings(over_budgets(tmp_path, 6).limits.rules(1.0))
                 if s.rule == "training limit")  # fmt: skip
    assert (saving.trials, saving.case) == (24, "the cost of 6 full trainings is reached")


def test_a_search_over_budgets_without_a_limit_may_try_all(tmp_path: Path) -> None:
    made = plan_search(over_budgets(tmp_path, None), "b", full_hours=8)
    assert made.trials.high == 3000  # 1,000 architectures at each of three budgets
    assert made.seconds == Range(1800, 7200, 28800)
    unmeasured = plan_search(over_budgets(tmp_path, 6), "b")
    assert unmeasured.trials.likely == pytest.approx(24)
    assert "a usual figure" in unmeasured.words
