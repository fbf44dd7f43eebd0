"""The whole project around a search, by hand-worked figures."""

from __future__ import annotations

import math

import pytest

from raynas.errors import ConfigurationError
from raynas.preflight.project_plan import DeviceOffer, Phase, parsed_offer, plan_project
from raynas.search_cost import Range, SearchPlan


def plan(**changes: object) -> SearchPlan:
    given: dict[str, object] = {
        "trials": Range(1000, 2000, 4000),
        "seconds": Range(3600, 3600, 3600),
        "parallel": 20,
        "gpu": 2.0,
        "cpu": 1.0,
        "limit": 5000,
        "price": 3.0,
        "full_seconds": 30 * 3600.0,
        "full_trainings": 10,
        "words": "",
    }
    return SearchPlan(**{**given, **changes})  # type: ignore[arg-type]


def test_phases_add_up() -> None:
    project = plan_project(plan(), policies=40, start_minutes=60)
    likely = {phase.name: phase.hours.likely for phase in project.phases}
    assert likely == {
        "baseline": 3 * 30,
        "proxy-task study": 12 * 30,
        "start of the devices": 20,
        "search": 2000,
        "full trainings": 300,
        "augmentation": pytest.approx(40 * 0.25 * 30),
    }
    assert project.hours.likely == pytest.approx(sum(likely.values()))
    assert project.part("upfront").likely == pytest.approx(90 + 360 + 20)
    both = project.part("upfront").likely + project.part("usage").likely
    assert both == pytest.approx(project.hours.likely)
    money = project.money(project.hours)
    assert money is not None
    assert money.likely == pytest.approx(project.hours.likely * 2 * 3)


def test_ranges_of_a_sum_are_narrower_than_all_at_their_worst() -> None:
    hours = plan_project(plan(), start_minutes=60, policies=0).hours
    worst = plan_project(plan(), start_minutes=60, policies=0).phases
    assert sum(p.hours.low for p in worst) < hours.low < hours.likely
    assert hours.likely < hours.high < sum(p.hours.high for p in worst)


def test_days_follow_from_trials_at_a_time_and_the_quota() -> None:
    rows = plan_project(plan(gpu=0.5)).by_parallel((10, 50))
    assert [(count, devices) for count, _, devices in rows] == [(10, 5), (50, 25)]
    assert rows[0][1].likely == pytest.approx(2000 / 10 / 24)
    assert rows[1][1].likely == pytest.approx(2000 / 50 / 24)


def test_a_fast_device_can_be_the_cheapest_though_its_hour_costs_more() -> None:
    project = plan_project(plan(price=None))
    slow, fast = DeviceOffer("slow", 1.0), DeviceOffer("fast", 2.0, 2.5)
    (first, cost, days), (second, more, longer) = project.by_device([slow, fast])
    assert (first, second) == (fast, slow)
    waiting = 5 / 60 * 20  # as long on a fast device as on a slow one
    trained = project.hours.likely - waiting
    assert cost.likely == pytest.approx((trained / 2.5 + waiting) * 2 * 2.0)
    assert more.likely == pytest.approx(project.hours.likely * 2)
    assert longer.likely - 5 / 60 / 24 == pytest.approx(2.5 * (days.likely - 5 / 60 / 24))
    assert project.money(project.hours) is None


def test_without_a_known_full_training_only_the_search_is_planned() -> None:
    names = [phase.name for phase in plan_project(plan(full_seconds=None)).phases]
    assert names == ["start of the devices", "search"]
    assert plan_project(plan()).smaller_first().likely == pytest.approx(2000 / 3)


def test_a_phase_is_as_long_as_its_trainings_at_a_time_make_it() -> None:
    assert Phase("x", "usage", Range(48, 48, 48), 2, "").days.likely == 1


def test_devices_are_read_from_text() -> None:
    assert parsed_offer("h100:6.5:2.2") == DeviceOffer("h100", 6.5, 2.2)
    assert parsed_offer("t4:0.35") == DeviceOffer("t4", 0.35, 1.0)
    for wrong in ("t4", "t4:", "t4:x", "t4:-1", "t4:1:0", ":1", "t4:1e999"):
        with pytest.raises(ConfigurationError, match="give NAME:PRICE or NAME:PRICE:SPEED"):
            parsed_offer(wrong)


@pytest.mark.parametrize("name", ["policies", "start_minutes"])
def test_figures_are_not_negative(name: str) -> None:
    with pytest.raises(ConfigurationError, match="must not be below 0"):
        plan_project(plan(), **{name: -1})  # type: ignore[arg-type]
    assert math.isfinite(plan_project(plan(), **{name: 0}).hours.likely)  # type: ignore[arg-type]
