import pytest

from raynas.errors import ConfigurationError
from raynas.rewards import Metric, Pareto, judge
from raynas.trials import Completed, Infeasible, Measurement

BOTH = Pareto(Metric("accuracy"), Metric("latency", "min"))


def test_every_objective_is_there_and_the_first_is_the_reward() -> None:
    measured = Measurement({"accuracy": 0.9, "latency": 3.0})
    assert judge(BOTH, measured) == Completed(measured, 0.9, (0.9, -3.0))
    assert BOTH.objectives == ("accuracy", "-latency")


@pytest.mark.parametrize("metrics", [{"accuracy": 0.9}, {"accuracy": 0.9, "latency": float("nan")}])
def test_one_objective_without_a_number_makes_the_trial_infeasible(metrics: dict) -> None:
    outcome = judge(BOTH, Measurement(metrics))
    assert isinstance(outcome, Infeasible)
    assert "latency" in outcome.reason


def test_what_it_is_shown_as_says_all_that_it_depends_on() -> None:
    assert repr(BOTH) == (
        "Pareto(Metric(name='accuracy', mode='max'), Metric(name='latency', mode='min'))"
    )


def test_one_reward_is_no_front() -> None:
    with pytest.raises(ConfigurationError, match="at least two rewards"):
        Pareto(Metric("accuracy"))


def test_a_front_of_fronts_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="a reward of one number"):
        Pareto(Metric("accuracy"), BOTH)
