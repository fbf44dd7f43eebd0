"""The surrogate: what it proposes, and what it is made of."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm

from raynas.controllers import Auto, Controller, Deduplicated, Random, Surrogate
from raynas.controllers.acquisition import log_expected_improvement, standing
from raynas.controllers.features import Features
from raynas.controllers.gaussian_process import (
    GaussianProcess,
    Prior,
    TermPrior,
    _negative_log_likelihood,
    fit_kernel,
)
from raynas.errors import ConfigurationError
from raynas.space import Space, choice, integer, real, repeat, searchable
from raynas.testing import ToyNet, simulate, toy_reward
from raynas.trials import Completed, History, Infeasible, Measurement, Point, Stopped, Trial
from search_spaces.graph import NASBenchGraph


@searchable
class Cell:
    edges: tuple[str, ...] = repeat(choice("conv", "pool", "skip"), 5)
    width: int = integer(8, 64, step=8)
    rate: float = real(0.1, 10.0, log=True)


def completed(number: int, architecture: object, reward: float) -> Trial:
    return Trial(number, architecture, Completed(Measurement({"r": reward}), reward))


def test_it_finds_more_than_random_search_does() -> None:
    space = Space(ToyNet)

    def best(make: object) -> float:
        runs = [simulate(make, space, toy_reward, 40, seed=s, parallel=2) for s in range(3)]
        return float(np.mean([max(run.rewards) for run in runs]))

    assert best(lambda s: Deduplicated(Surrogate(s))) > best(lambda s: Deduplicated(Random(s)))


@pytest.mark.parametrize(("trials", "rises", "leaps"), [(25, 0, 1), (24, 0, 0), (25, 1, 0)])
def test_every_second_proposal_of_a_stalled_search_leaps_to_where_the_model_knows_less(
    trials: int, rises: bool, leaps: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    space = Space(Cell)
    rng = np.random.default_rng(0)
    best = space.sample(rng)
    around = [best, *(space.mutate(best, rng) for _ in range(trials - 1))]
    rewards = (number**0.5 * (1 if rises else -1) for number in range(trials))
    history = History(tuple(map(completed, range(trials), around, rewards)))

    def deviation() -> float:
        surrogate = Surrogate(space)
        proposal = surrogate.propose(history, np.random.default_rng(0))
        vectors = Features(space)([space.canonical(proposal)])
        return float(surrogate._model.process(history).predict(vectors)[1][0])

    found = deviation()
    monkeypatch.setattr("raynas.controllers.surrogate._LEAP", 0.0)
    assert found > 1.02 * deviation() if leaps else found == deviation()


def test_running_trials_are_not_proposed_once_more() -> None:
    space = Space(ToyNet)
    history = simulate(Surrogate, space, toy_reward, 30)
    for number in range(30, 38):
        architecture = Surrogate(space).propose(history, np.random.default_rng(number))
        assert architecture not in history.architectures
        history = history.asked(Trial(number, architecture))


def test_it_keeps_away_from_where_trials_fail() -> None:
    space = Space(Cell)
    rng = np.random.default_rng(0)
    history = History()
    for number in range(40):
        net = space.sample(rng)
        wide = net.width > 32
        end = Infeasible("out of memory") if wide else None
        trial = completed(number, net, float(net.width))
        history = history.asked(Trial(number, net, end) if wide else trial)
    proposals = [
        Surrogate(space).propose(history, np.random.default_rng(seed)) for seed in range(10)
    ]
    assert np.mean([net.width > 32 for net in proposals]) <= 0.3


def test_stopped_trials_tell_where_not_to_look() -> None:
    space = Space(Cell)
    rng = np.random.default_rng(0)
    trials = []
    for number in range(60):
        net = space.sample(rng)
        good = net.edges.count("conv") / 5
        curve = (Point(10, {"r": good / 2}),)
        if good < 0.5 and number > 8:
            end = Stopped("asha", Measurement({"r": good / 2}, steps=10, curve=curve))
        else:
            end = Completed(Measurement({"r": good}, steps=20, curve=curve), good)
        trials.append(Trial(number, net, end))
    process = Surrogate(space)._model.process(History(tuple(trials)))
    assert len(process.fitted) == 60
    stopped = sum(isinstance(trial.outcome, Stopped) for trial in trials)
    completed, early = process.fitted[: 60 - stopped], process.fitted[60 - stopped :]
    assert len(early) == stopped > 0
    assert early.mean() < completed.mean()


def test_a_lucky_reward_is_not_recommended() -> None:
    space = Space(Cell)
    rng = np.random.default_rng(1)
    history = History()
    for number in range(120):
        net = space.sample(rng)
        reward = net.edges.count("conv") + rng.normal(0, 0.7)
        history = history.asked(completed(number, net, reward))
    lucky, expected = history.best(1)[0], Surrogate(space).recommend(history)
    assert expected is not None
    assert expected.architecture.edges.count("conv") >= lucky.architecture.edges.count("conv")


def test_initial_below_one_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"initial=0: must be at least 1"):
        Surrogate(Space(ToyNet), initial=0)


class TestFeatures:
    def test_labels_differ_by_one_and_numbers_by_their_distance(self) -> None:
        features = Features(Space(Cell))
        skip, low = ("skip",) * 5, Cell(("skip",) * 5, 8, 0.1)
        x = features([low, Cell(("conv", *skip[1:]), 8, 0.1), Cell(skip, 36 + 4, 1.0)])
        end = features.totals[0].start
        squares = ((x[:, None, :end] - x[None, :, :end]) ** 2).sum(-1)
        assert squares[0, 1] == pytest.approx(1.0)
        assert squares[0, 2] == pytest.approx((4 / 7) ** 2 + 0.5**2)

    def test_totals_do_not_depend_on_places(self) -> None:
        features = Features(Space(Cell))
        one, other = features(
            [
                Cell(("conv", "pool", "skip", "skip", "skip"), 8, 1.0),
                Cell(("skip", "skip", "skip", "pool", "conv"), 8, 1.0),
            ]
        )
        start = features.totals[0].start
        assert one[start:] == pytest.approx(other[start:])
        assert not np.allclose(one[:start], other[:start])

    def test_an_inactive_decision_differs_from_any_value(self) -> None:
        space = Space(ToyNet)
        features = Features(space)
        rng = np.random.default_rng(0)
        nets = [space.sample(rng) for _ in range(50)]
        x = features(nets)
        assert x.shape == (50, features.width)
        assert len(np.unique(x, axis=0)) == len(set(nets))


def _part(groups: list[slice], variance: float, names: tuple[str, ...] = ()) -> TermPrior:
    return TermPrior(tuple(groups), 1.6, variance, names)


class TestGaussianProcess:
    def test_the_gradient_of_the_likelihood_is_right(self) -> None:
        space = Space(Cell)
        features, rng = Features(space), np.random.default_rng(0)
        x = features([space.sample(rng) for _ in range(20)])
        y, extra = rng.standard_normal(20), rng.random(20)
        names = tuple("edge" if i < 5 else str(i) for i in range(len(features.decisions)))
        parts = [_part([group], 0.1, (names[i],)) for i, group in enumerate(features.decisions)]
        parts += [_part(features.decisions, 0.5, names), _part(features.totals, 0.4)]
        prior = Prior.of(x, parts)
        at = prior.mean + 0.1 * rng.standard_normal(len(prior.mean))
        _, slope = _negative_log_likelihood(prior, at, x, y, extra)
        for place in range(len(at)):
            step = np.zeros(len(at))
            step[place] = 1e-5
            high, _ = _negative_log_likelihood(prior, at + step, x, y, extra)
            low, _ = _negative_log_likelihood(prior, at - step, x, y, extra)
            assert slope[place] == pytest.approx((high - low) / 2e-5, rel=1e-3, abs=1e-5)

    def test_the_fit_tells_decisions_that_matter_from_those_that_do_not(self) -> None:
        space = Space(Cell)
        features, rng = Features(space), np.random.default_rng(0)
        nets = [space.sample(rng) for _ in range(80)]
        x = features(nets)
        y = np.array([(net.edges[0] == "conv") - (net.edges[0] == "pool") for net in nets], float)
        prior = Prior.of(x, [_part(features.decisions, 1.0)])
        kernel = fit_kernel(prior, x, (y - y.mean()) / y.std())
        weights = [kernel.terms[0].weights[group].max() for group in features.decisions]
        assert weights[0] > 3 * max(weights[1:5])

    def test_it_interpolates_and_is_sure_only_near_observations(self) -> None:
        space = Space(Cell)
        features, rng = Features(space), np.random.default_rng(0)
        x = features([space.sample(rng) for _ in range(30)])
        y = rng.standard_normal(20)
        prior = Prior.of(x, [_part(features.decisions, 1.0)], noise=1e-6)
        process = GaussianProcess(prior.kernel(prior.mean), x[:20], y)
        mean, deviation = process.predict(x)
        assert mean[:20] == pytest.approx(y, abs=1e-3)
        assert deviation[:20].max() < deviation[20:].min()


class TestExpectedImprovement:
    @pytest.mark.parametrize("mean", [-3.0, -0.5, 0.0, 2.0])
    def test_it_is_the_integral_that_it_stands_for(self, mean: float) -> None:
        value, _ = quad(lambda v: (v - 0.3) * norm.pdf(v, mean, 0.7), 0.3, mean + 12)
        logs = log_expected_improvement(np.array([mean]), np.array([0.7]), 0.3)
        assert logs[0] == pytest.approx(math.log(value), rel=1e-4)

    def test_it_orders_hopeless_candidates_too(self) -> None:
        logs = log_expected_improvement(np.array([-80.0, -60.0, -40.0]), np.ones(3), 0.0)
        assert np.all(np.isfinite(logs))
        assert np.all(np.diff(logs) > 0)


def _area(points: np.ndarray, reference: np.ndarray) -> float:
    area, height = 0.0, reference[1]
    for x, y in sorted(points.tolist(), reverse=True):
        if x > reference[0] and y > height:
            area += (x - reference[0]) * (y - height)
            height = y
    return area


def test_the_front_is_found_where_random_search_finds_less_of_it() -> None:
    space = Space(Cell)

    def both(net: Cell) -> tuple[float, float]:
        return float(net.edges.count("conv")) + net.width / 64, -net.width * net.rate

    def front_area(make: Callable[[Space[Any]], Controller]) -> float:
        controller, history = make(space), History()
        for number in range(40):
            net = controller.propose(history, np.random.default_rng([3, number]))
            values = both(net)
            end = Completed(Measurement({}), values[0], values)
            history = history.asked(Trial(number, net, end))
        points = np.array([trial.objectives for trial in history.front()])
        return _area(points, np.array([0.0, -640.0]))

    assert front_area(lambda s: Deduplicated(Auto(s))) > front_area(Random)


def test_equivalent_architectures_are_one() -> None:
    space = Space(NASBenchGraph)
    history = simulate(lambda s: Deduplicated(Surrogate(s)), space, lambda net: -len(net.key), 30)
    assert len({trial.architecture.key for trial in history}) == 30
    assert all(trial.architecture.canonical == trial.architecture for trial in history)


class TestStanding:
    def test_the_good_keep_their_distances_and_the_bad_do_not(self) -> None:
        scores = standing(np.array([-1e9, 1.0, 2.0, 3.0, 5.0]))
        assert scores[4] - scores[3] == pytest.approx(2 * (scores[3] - scores[2]))
        assert scores[0] > -3
        assert scores.mean() == pytest.approx(0.0)
        assert scores.std() == pytest.approx(1.0)

    def test_equal_rewards_stand_equally(self) -> None:
        assert list(standing(np.full(4, 0.7))) == [0.0] * 4
