"""The arithmetic of a plan (W7)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from raynas.analysis.recorded_plan import read_prediction, save_plan
from raynas.errors import ConfigurationError
from raynas.search_cost import Range, SearchPlan, seconds_of_history, usual_trials
from raynas.stopping import (
    Convergence,
    FailedLimit,
    FailureShare,
    MoneyLimit,
    NoConvergence,
    TimeLimit,
    TrialLimit,
)
from raynas.trials import Completed, History, Measurement, Trial


def exactly(value: float) -> Range:
    return Range(value, value, value)


def plan(**given: Any) -> SearchPlan:
    values: dict[str, Any] = {
        "trials": exactly(2000),
        "seconds": exactly(7200),
        "parallel": 20,
        "gpu": 0.5,
        "cpu": 1,
        "limit": 5000,
        "price": 2.0,
        "full_seconds": 30 * 7200,
        "full_trainings": 10,
        "words": "x",
    }
    return SearchPlan(**{**values, **given})


def test_two_thousand_trials_at_a_thirtieth_are_67_full_trainings() -> None:
    found = plan().full_equivalents
    assert found is not None
    assert found.likely == pytest.approx(2000 / 30)


def test_days_money_and_gpus() -> None:
    made = plan()
    assert made.days.likely == pytest.approx(2000 / 20 * 2 / 24)
    assert made.device_hours.likely == pytest.approx(2000 * 2 * 0.5)
    assert made.money is not None
    assert made.money.likely == pytest.approx(4000)
    assert made.gpus_reserved == 10
    assert made.stage2_hours == pytest.approx(10 * 60)
    assert plan(gpu=0, cpu=3).device_hours.likely == pytest.approx(12_000)
    assert plan(gpu=0.3, parallel=3).gpus_reserved == 1


def test_what_is_not_known_is_left_out() -> None:
    made = plan(price=None, full_seconds=None)
    assert (made.money, made.full_equivalents, made.stage2_hours) == (None, None, None)


def test_a_product_is_wider_than_its_factors_but_not_as_wide_as_both_at_worst() -> None:
    found = Range(1, 2, 4).times(Range(10, 20, 40))
    assert found.likely == pytest.approx(40)
    assert found.high == pytest.approx(40 * 2**2**0.5)
    assert found.low == pytest.approx(40 / 2**2**0.5)
    known = Range(1, 2, 4).times(exactly(3))
    assert [known.low, known.likely, known.high] == pytest.approx([3, 6, 12])


def test_stop_rules_save_what_lies_beyond_them() -> None:
    rules = (
        Convergence(), NoConvergence(window=400), FailureShare(), FailedLimit(900),
        TimeLimit(24.0), MoneyLimit(500.0, 2.0, 0.5), TrialLimit(5000),
    )  # fmt: skip
    found = {saving.rule: saving.trials for saving in plan().savings(rules)}
    assert found == {
        "convergence": 2000,
        "no convergence": 400,
        "failure share": 50,
        "failed limit": 1800,
        "time limit": 240,  # 20 at a time, 2 hours each, for 24 hours
        "money limit": 250,  # 250 device hours, of 1 a trial
        "trial limit": 5000,
    }
    assert plan(limit=100).savings([TimeLimit(1e6)])[0].trials == 100


def test_usual_trials_are_capped_by_the_limit_and_the_space() -> None:
    assert usual_trials(10_000, 1e20) == Range(1000, 3000, 5000)
    assert usual_trials(2000, 1e20) == Range(1000, 2000, 2000)
    assert usual_trials(5000, 60) == Range(60, 60, 60)
    assert usual_trials(5000, 1e9, 600) == Range(200, 600, 1000)


def history(*seconds: float) -> History:
    done = Completed(Measurement({"x": 1.0}), 1.0)
    return History(tuple(Trial(k, k, done, 100.0, 100.0 + s) for k, s in enumerate(seconds)))


def test_seconds_of_trials_that_ran() -> None:
    found = seconds_of_history(history(8, 9, 10, 11, 12))
    assert found is not None
    assert found.likely == 10
    assert found.high == pytest.approx(10 + 2 * (2.5 / 5) ** 0.5)
    assert seconds_of_history(history(8, 9, 10, 11)) is None


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"parallel": 0}, "parallel=0: must be at least 1"),
        ({"price": 0}, "price=0: must be above 0"),
    ],
)
def test_bad_figures_are_refused(given: Any, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        plan(**given)
    with pytest.raises(ConfigurationError, match="range 2, 1, 3: must be above 0 and rise"):
        Range(2, 1, 3)


def test_the_report_reads_what_was_planned(tmp_path: Path) -> None:
    assert read_prediction(tmp_path) is None
    save_plan(plan(words="from nothing"), tmp_path)
    found = read_prediction(tmp_path)
    assert found is not None
    assert (found.trials, found.seconds, found.parallel) == (2000, 7200, 20)
    assert found.words == "from nothing"
    (tmp_path / "plan.json").write_text("{}")
    assert read_prediction(tmp_path) is None
