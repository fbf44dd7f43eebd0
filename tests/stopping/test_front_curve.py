"""Fronts as curves, and the rules that follow them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import ArrayLike, NDArray

import raynas as nas
from raynas.dominance import hypervolume, non_dominated
from raynas.objective import Objective
from raynas.rewards import Metric, Pareto
from raynas.space import choice, repeat, searchable
from raynas.stopping import Convergence, ImprovementLeft, NoConvergence, StopRule, SurrogateGain
from raynas.stopping.front_curve import FrontCurve, front_curve
from raynas.stopping.improvement import expected_improvement_of_rewards
from raynas.trials import Completed, Failed, History, Measurement, Stopped, Trial

Floats = NDArray[np.float64]
SHOWN = (Objective("accuracy"), Objective("latency", "min"))


def history_of(points: ArrayLike) -> History:
    rows = np.asarray(points, dtype=float).tolist()
    trials = [
        Trial(n, n, Completed(Measurement({}), row[0], tuple(row))) for n, row in enumerate(rows)
    ]
    return History(trials, SHOWN)


def curve(points: ArrayLike) -> FrontCurve:
    found = front_curve(history_of(points))
    assert found is not None
    return found


def learning(seed: int, trials: int, learnt: int = 60) -> Floats:
    """Points that approach twelve places on a quarter of the unit circle, and then stay there."""
    rng = np.random.default_rng(seed)
    progress = np.minimum(1.0, np.arange(trials) / learnt)
    radius = progress - np.abs(rng.normal(size=trials)) * (0.02 + 0.5 * (1 - progress))
    angles = np.pi / 2 * rng.integers(12, size=trials) / 11
    return radius[:, None] * np.column_stack([np.cos(angles), np.sin(angles)])


@pytest.mark.parametrize(("objectives", "error"), [(2, 0.005), (3, 0.06), (4, 0.1)])
def test_the_curve_is_the_hypervolume_of_the_box(objectives: int, error: float) -> None:
    for seed in range(5):
        points = np.random.default_rng(seed).normal(size=(60, objectives))
        found = curve(points)
        corner = np.array(found.reference)
        scaled = (points - corner) / (points.max(axis=0) - corner)
        for count in (10, 30, 60):
            exact = hypervolume(scaled[:count], [0.0] * objectives)
            assert found.hypervolume[count - 1] == pytest.approx(exact, rel=error, abs=error)
        assert (np.diff(found.hypervolume) >= 0).all()


def test_nine_tenths_of_the_trials_are_better_than_the_reference_point() -> None:
    points = np.random.default_rng(0).normal(size=(101, 2))
    assert ((points > curve(points).reference).sum(axis=0) == 90).all()


def test_a_trial_is_as_far_behind_as_it_must_move_to_be_on_the_front() -> None:
    points = np.random.default_rng(1).normal(size=(50, 3))
    found = curve(points)
    sizes = points.max(axis=0) - found.reference
    assert np.flatnonzero(found.behind == 0).tolist() == non_dominated(points)
    for row in np.flatnonzero(found.behind):
        for factor, belongs in ((0.999, False), (1.001, True)):
            moved = points.copy()
            moved[row] += factor * found.behind[row] * sizes
            assert (row in non_dominated(moved)) is belongs


@pytest.mark.parametrize("factor", [1e-200, 1.0, 1e160])
def test_units_do_not_matter(factor: float) -> None:
    points = learning(0, 80)
    assert np.allclose(curve(points * [1.0, factor]).hypervolume, curve(points).hypervolume)


@pytest.mark.parametrize("points", [[[1.0, 2.0]] * 60, [[n, 3.0] for n in range(60)]])
def test_objectives_that_do_not_vary_are_no_obstacle(points: list[list[float]]) -> None:
    found = curve(points)
    assert np.isfinite(found.hypervolume).all()
    for rule in (Convergence(), NoConvergence(20), ImprovementLeft()):
        rule.check(history_of(points), 0.0)
        assert rule.state(history_of(points), 0.0)


def test_one_objective_has_no_front() -> None:
    assert front_curve(History()) is None
    assert front_curve(history_of([[1.0], [2.0]])) is None


def test_what_did_not_complete_counts_for_nothing() -> None:
    history = history_of(learning(0, 60))
    for outcome in (Failed("broken"), Stopped("ASHA", Measurement({"accuracy": 9.0}))):
        number = len(history)
        history = history.asked(Trial(number, number)).told(number, outcome, 0.0)
    found, before = front_curve(history), curve(learning(0, 60))
    assert found is not None
    assert np.array_equal(found.hypervolume, before.hypervolume)
    assert NoConvergence().state(history, 0.0).endswith("so far 60")


def first_stop(rule: StopRule, points: Floats, step: int = 20) -> int | None:
    ends = range(40, len(points) + 1, step)
    return next((end for end in ends if rule.check(history_of(points[:end]), 0.0)), None)


def test_convergence_stops_on_a_plateau_of_the_hypervolume() -> None:
    for seed in range(4):
        points = learning(seed, 400)
        stop = first_stop(Convergence(), points)
        assert stop is not None
        assert curve(points).growth(stop) < 0.01


def test_convergence_goes_on_while_the_front_does() -> None:
    for seed in range(4):
        assert first_stop(Convergence(), learning(seed, 400, learnt=1000)) is None


@pytest.mark.parametrize("rule", [Convergence(), NoConvergence(100), ImprovementLeft()])
def test_after_a_late_gain_a_front_must_stand_still_for_twice_as_long(rule: StopRule) -> None:
    """The ends of the front are found late: what came after them says little of what is left."""
    for seed in range(3):
        points = learning(seed, 600)
        points[:140] = np.minimum(points[:140], [0.9, 1.0])
        stop = first_stop(rule, points, step=10)
        found = curve(points[:stop])
        assert found.older_than(0.01) > 120
        assert stop is not None
        assert stop >= 2 * found.older_than(0.01) + 75


def test_random_points_never_settle() -> None:
    for seed in range(4):
        points = np.random.default_rng(seed).normal(size=(400, 2))
        assert first_stop(Convergence(), points) is None


def test_convergence_names_its_reference_point_in_the_users_units() -> None:
    points = learning(0, 400) + np.array([1.0, -3.0])
    points = points[: first_stop(Convergence(), points)]
    stop = Convergence().check(history_of(points), 0.0)
    accuracy, latency = curve(points).reference
    assert stop is not None
    assert stop.reason.startswith(
        f"The hypervolume of the front, above accuracy {accuracy:.3g}, latency {-latency:.3g}, has "
        "grown by no more than 0.25 % since "
    )
    assert "distance to the front" in stop.reason


def test_a_front_that_grows_in_its_middle_goes_on() -> None:
    """All are on the front, so that no trial is nearer to it than another."""
    angles = np.pi / 2 * np.concatenate([np.linspace(0, 0.1, 50), np.linspace(0.1, 0.9, 50)])
    points = np.column_stack([np.cos(angles), np.sin(angles)])
    assert NoConvergence(100).check(history_of(points), 0.0) is None
    mixed = np.random.default_rng(0).permutation(points)
    assert NoConvergence(100).check(history_of(mixed), 0.0) is not None


@pytest.mark.parametrize("objectives", [2, 3])
def test_noise_is_stopped_and_a_rise_is_not(objectives: int) -> None:
    noise = [np.random.default_rng(s).normal(size=(140, objectives)) for s in range(20)]
    soon = [
        any(NoConvergence(100).check(history_of(n[:end]), 0.0) for end in range(100, 141, 5))
        for n in noise
    ]
    assert sum(soon) >= 17
    rises = np.linspace(0, 4, 140)[:, None]
    for points in noise:
        assert NoConvergence(100).check(history_of(points + rises), 0.0) is None


def test_what_is_left_is_a_share_of_the_hypervolume() -> None:
    points = learning(0, 300)
    expected = curve(points).growth(150) / 150
    assert expected_improvement_of_rewards(history_of(points), 5.0) == expected
    assert expected_improvement_of_rewards(history_of(points[:199])) == float("inf")


@pytest.mark.parametrize(("gain", "stops"), [(2.9e-5, True), (3.1e-5, False)])
def test_it_stops_where_a_trial_adds_less_than_its_price(gain: float, stops: bool) -> None:
    rule = ImprovementLeft(estimate=lambda *_: gain)
    stop = rule.check(history_of(learning(0, 300)), 0.0)
    assert (stop is not None) is stops
    if stop is not None:
        assert "is expected to add more than 0.0029 % to the hypervolume" in stop.reason
        assert "above accuracy " in stop.reason
        assert "less than the price of a trial, 0.003 %" in stop.reason


def test_it_waits_while_the_front_grows() -> None:
    rule = ImprovementLeft(estimate=lambda *_: 0.0)
    growing = history_of(learning(0, 60))
    assert rule.check(growing, 0.0) is None
    assert "20 trials after the best, so far " in rule.state(growing, 0.0)


@searchable
class Net:
    depth: int = choice(*range(6))
    widths: tuple[int, ...] = repeat(choice(*range(6)), 3)


def test_the_surrogate_knows_when_a_front_is_complete() -> None:
    """What it expects falls to a hundredth once the front is known, and a trial is not worth it."""
    space = nas.Space(Net)

    def score(net: Net) -> tuple[float, float]:
        return float(net.depth + sum(net.widths)), -float(net.depth**2 + max(net.widths))

    search = nas.AskTell(space, "surrogate-pareto", reward=Pareto(Metric("a"), Metric("b")))
    gains: list[float] = []
    estimate: Callable[[History, float], float] = SurrogateGain(space)
    for count in range(60):
        proposal = search.ask()
        assert proposal is not None
        search.tell(proposal.number, score(proposal.architecture))
        if count in (15, 59):
            gains.append(estimate(search.history, 0.0))
    assert gains[1] < 0.1 * gains[0]
    assert estimate(history_of([[1.0, 2.0]] * 3), 0.0) == float("inf")
