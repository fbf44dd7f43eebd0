"""Observations: rewards and stopped learning curves on one scale."""

from __future__ import annotations

import numpy as np
import pytest

from raynas.controllers.observations import (
    Observation,
    normal_scores,
    observations,
    rewarded_metric,
)
from raynas.trials import Completed, Failed, History, Measurement, Outcome, Point, Stopped, Trial


def curve(*values: float, name: str = "loss") -> tuple[Point, ...]:
    """One point every ten steps."""
    return tuple(Point(10 * i, {name: v, "epoch": i}) for i, v in enumerate(values, 1))


def completed(reward: float, *losses: float) -> Completed:
    return Completed(Measurement({"acc": reward}, curve=curve(*losses)), reward)


def stopped(*losses: float) -> Stopped:
    return Stopped("halving", Measurement({"loss": losses[-1]}, curve=curve(*losses)))


def history_of(*ends: Outcome | None) -> History:
    return History(tuple(Trial(number, f"net {number}", end) for number, end in enumerate(ends)))


RACE = history_of(
    completed(0.9, 5.0, 3.0, 1.0),
    stopped(9.0),
    completed(0.8, 4.0, 4.0, 2.0),
    stopped(8.0),
    None,
    completed(0.7, 6.0, 5.0, 3.0),
    stopped(7.0, 6.0),
    Failed("x"),
)


def test_rewards_alone_are_ranked() -> None:
    found = observations(history_of(completed(3.0), None, completed(1.0), completed(2.0)))
    assert [o.number for o in found] == [0, 2, 3]
    assert [o.score for o in found] == pytest.approx(normal_scores([3.0, 1.0, 2.0]))
    assert all(o.noise == 0 and o.steps is None for o in found)


def test_the_metric_is_the_one_that_goes_with_the_reward() -> None:
    assert rewarded_metric(RACE) == ("loss", -1.0)


def test_curves_that_say_nothing_of_the_reward_are_left_out() -> None:
    """The loss falls as often as it rises with the reward, so that stopped trials are unknown."""
    ends = [completed(r, loss) for r, loss in [(1, 2.0), (2, 4.0), (3, 3.0), (4, 3.0), (5, 2.5)]]
    history = history_of(*ends, stopped(1.0))
    assert rewarded_metric(history) is None
    assert [o.number for o in observations(history)] == [0, 1, 2, 3, 4]


def test_stopped_trials_stand_below_those_that_outlived_them() -> None:
    scores = {o.number: o.score for o in observations(RACE)}
    assert sorted(scores, key=lambda n: -scores[n]) == [0, 2, 5, 6, 3, 1]
    assert sorted(scores.values()) == pytest.approx(sorted(normal_scores(range(6))))


def test_a_stop_is_seen_at_its_steps_with_the_noise_of_that_budget() -> None:
    """Between step 10 and the end, trials 0 and 2 changed places; after step 20 nothing moved."""
    found = {o.number: o for o in observations(RACE)}
    places = normal_scores(range(6))
    assert (found[1].steps, found[6].steps) == (10, 20)
    assert found[1].noise == pytest.approx(2 * (places[5] - places[4]) ** 2 / 3)
    assert found[6].noise == 0.0


def test_noise_is_large_where_it_cannot_be_measured() -> None:
    """A single completed trial has come by step 15."""
    ends = [completed(1.0, 3.0), completed(2.0, 2.0), completed(3.0, 1.0, 0.5), stopped(2.5, 2.0)]
    assert observations(history_of(*ends))[3].noise == 1.0


def test_a_trial_without_a_curve_stands_between_those_around_it() -> None:
    ends = [completed(0.9, 1.0), completed(0.5, 3.0), completed(0.1, 5.0), stopped(6.0)]
    bare = Completed(Measurement({"acc": 0.7}), 0.7)
    scores = [o.score for o in observations(history_of(*ends, bare))]
    assert scores[4] == pytest.approx((scores[0] + scores[1]) / 2)


def test_equal_values_have_equal_scores() -> None:
    assert normal_scores([1.0, 2.0, 1.0])[0] == normal_scores([1.0, 2.0, 1.0])[2]
    ends = [completed(0.5, 1.0), completed(0.5, 2.0), completed(0.2, 3.0), stopped(4.0)]
    scores = [o.score for o in observations(history_of(*ends))]
    assert scores[0] == scores[1] > scores[2] > scores[3]


def test_the_imputed_order_is_that_of_the_rewards_not_seen() -> None:
    """Halving on curves with noise: scores of all trials go with the rewards that they hide."""
    rng = np.random.default_rng(0)
    quality = rng.normal(size=81)
    curves = -quality[:, None] + rng.normal(size=(81, 3)) * [0.5, 0.3, 0.1]
    first = np.argsort(curves[:, 0])[:27]
    second = first[np.argsort(curves[first, 1])[:9]]
    length = np.ones(81, int) + np.isin(np.arange(81), first) + np.isin(np.arange(81), second)
    ends = [
        completed(-c[2], *c) if n == 3 else stopped(*c[:n])
        for c, n in zip(curves, length, strict=True)
    ]
    found = observations(history_of(*ends))
    scores = np.array([o.score for o in found])
    assert np.corrcoef(scores, quality)[0, 1] > 0.8
    assert isinstance(found[0], Observation)
    assert 0 < max(o.noise for o in found) < 1
