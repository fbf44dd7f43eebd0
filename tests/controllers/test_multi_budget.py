"""A controller that chooses architectures and budgets together."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from raynas.controllers.budgets import checked_budgets, shown_budgets
from raynas.controllers.cost_limit import CostLimit
from raynas.controllers.features import Features
from raynas.controllers.multi_budget import MultiBudget
from raynas.controllers.multi_budget_model import MultiBudgetModel
from raynas.errors import ConfigurationError
from raynas.space import Space, choice, searchable
from raynas.testing import TinyNet, ToyNet, toy_reward
from raynas.trials import Completed, Failed, History, Infeasible, Measurement, Trial

BUDGETS = (1 / 16, 1 / 4, 1.0)
Reward = Callable[[Any, float], float]


@searchable
class Cell:
    one: str = choice("a", "b", "c", "d")
    two: str = choice("a", "b", "c", "d")
    three: str = choice("a", "b", "c", "d")
    four: str = choice("a", "b", "c", "d")
    five: str = choice("a", "b", "c", "d")


def quality(cell: Cell) -> float:
    """What the decisions add up to, and what two of them are worth together."""
    places = ["abcd".index(label) for label in (cell.one, cell.two, cell.three, cell.four)]
    return sum(places) + 2.0 * (cell.one == cell.five)


def chance(cell: Cell, seed: int = 0) -> float:
    """As large as `quality`, but without any relation to the decisions."""
    rng = np.random.default_rng([seed, zlib.crc32(repr(cell).encode())])
    return float(6 + 3 * rng.normal())


def with_noise(noisy: int) -> Reward:
    """Rewards that are noise of their own at so many of the lowest budgets."""
    lengths = BUDGETS[:noisy]
    return lambda cell, budget: (
        chance(cell, lengths.index(budget)) if budget in lengths else quality(cell)
    )


def noisy(net: Any, budget: float) -> float:
    """The toy reward, the shorter the training the more distorted, always alike."""
    chance = np.random.default_rng([zlib.crc32(repr(net).encode()), round(budget * 100)])
    return budget**0.2 * toy_reward(net) + (1 - budget) * 0.05 * float(chance.normal())


def searched(
    trials: int, reward: Reward = noisy, fresh: bool = False, **options: Any
) -> tuple[MultiBudget, History]:
    """A search of two workers; `fresh` makes a new controller for each proposal."""
    space = Space(options.pop("space", ToyNet))
    budgets = options.pop("budgets", BUDGETS)
    controller = MultiBudget(space, budgets, **options)
    history = History()
    while len(history) < trials:
        if fresh:
            controller = MultiBudget(space, budgets, **options)
        proposed = controller.propose_training(history, np.random.default_rng([7, len(history)]))
        if proposed is None:
            break
        architecture, budget = proposed
        history = history.asked(Trial(len(history), architecture, budget=budget))
        if len(history.running) == 2:
            trial = history.running[0]
            value = reward(trial.architecture, trial.budget)
            history = history.told(trial.number, Completed(Measurement({}), value), 0.0)
    return controller, history


def ended(history: History, reward: Reward = noisy) -> History:
    """`history` once what runs has ended."""
    for trial in history.running:
        value = reward(trial.architecture, trial.budget)
        history = history.told(trial.number, Completed(Measurement({}), value), 0.0)
    return history


def test_a_fresh_controller_proposes_what_one_with_a_past_does() -> None:
    _, kept = searched(40)
    _, fresh = searched(40, fresh=True)
    assert kept == fresh
    assert {trial.budget for trial in kept} > {BUDGETS[0]}


@pytest.mark.parametrize("unit", [100.0, 1e-9, 0.9e308])
def test_rewards_in_another_unit_lead_to_the_same_search(unit: float) -> None:
    """In percent, say, or so large that differences of two overflow."""
    limit = CostLimit(trainings=12)
    _, history = searched(60, limit=limit)
    _, other = searched(60, lambda net, budget: unit * noisy(net, budget), limit=limit)
    assert [(t.architecture, t.budget) for t in other] == [
        (t.architecture, t.budget) for t in history
    ]
    assert len(history.at_budget(1.0)) > 1


def test_budgets_whose_rewards_differ_in_size_make_a_model() -> None:
    def reward(net: Any, budget: float) -> float:
        return noisy(net, budget) * (1e-12 if budget < 1 else 1e300)

    controller, history = searched(60, reward, limit=CostLimit(trainings=12))
    assert controller.recommend(ended(history, reward)) is not None


def test_no_architecture_is_tried_twice_at_a_budget_and_all_are_in_the_end() -> None:
    _, history = searched(100, lambda net, budget: float(net.depth) * budget, space=TinyNet)
    tried = {(trial.architecture, trial.budget) for trial in history}
    assert len(tried) == len(history) == 18


def test_no_more_is_proposed_than_the_limit_in_full_trainings() -> None:
    _, history = searched(1000, limit=CostLimit(2.6))
    assert 2.6 - BUDGETS[0] < history.cost <= 2.6


@pytest.mark.parametrize(
    ("trainings", "budgets"),
    [
        (1.0, BUDGETS),
        (2.6, BUDGETS),
        (3.0, (1 / 8, 1.0)),
        (1.5, (1 / 60, 1.0)),
        (9.0, (1 / 2, 1.0)),
    ],
)
def test_a_search_at_its_limit_has_a_winner_trained_in_full(
    trainings: float, budgets: tuple[float, ...]
) -> None:
    controller, history = searched(1000, limit=CostLimit(trainings), budgets=budgets)
    history = ended(history)
    assert history.cost <= trainings < history.cost + budgets[0]
    winner = controller.recommend(history)
    assert winner is not None
    assert winner.budget == 1.0
    assert all(belief.trial == winner for belief in controller.beliefs(history, 1))


def test_the_last_of_so_many_trials_is_a_full_training() -> None:
    controller, history = searched(9, limit=CostLimit(trials=9))
    assert [trial.budget == 1 for trial in history] == [False] * 8 + [True]
    winner = controller.recommend(ended(history))
    assert winner is not None
    assert winner.number == 8


def test_below_the_cost_of_a_full_training_there_is_none() -> None:
    controller, history = searched(1000, limit=CostLimit(0.9))
    assert max(trial.budget for trial in history) < 1
    assert controller.recommend(ended(history)) is not None


@pytest.mark.parametrize("mislead", [-1.0, 0.0])
def test_short_trainings_that_mislead_get_little_of_the_cost(mislead: float) -> None:
    """Reversed, and the same whatever the architecture."""

    def reward(net: Any, budget: float) -> float:
        return toy_reward(net) if budget == 1 else mislead * noisy(net, budget)

    limit = CostLimit(trainings=20.0)
    controller, history = searched(1000, reward, budgets=(1 / 16, 1.0), limit=limit)
    assert len(history.at_budget(1.0)) >= (10 if mislead else 18)
    found = controller.recommend(ended(history))
    assert found is not None
    assert found.budget == 1.0
    assert (
        toy_reward(found.architecture)
        >= max(toy_reward(trial.architecture) for trial in history.at_budget(1.0)) - 0.05
    )


def share_at(history: History, budget: float) -> float:
    """Share of the cost that trials of a budget have."""
    return budget * len(history.at_budget(budget)) / history.cost


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_short_trainings_of_noise_are_given_up_before_any_full_one(seed: int) -> None:
    """No limit: nobody says that a check is affordable, and none has to be paid for."""

    def reward(cell: Any, budget: float) -> float:
        return quality(cell) if budget == 1 else chance(cell, seed)

    _, history = searched(40, reward, space=Cell, budgets=(1 / 16, 1.0))
    first = history.trials.index(history.at_budget(1.0)[0])
    assert 10 <= first <= 35
    assert share_at(History(history.trials[: first + 12]), 1.0) > 0.7


@pytest.mark.parametrize("trainings", [8, 10, 12])
def test_short_trainings_that_say_the_opposite_are_used_the_other_way_round(
    trainings: float,
) -> None:
    """As a search that has only full trainings, at the same cost, does not find the best."""

    def reward(cell: Any, budget: float) -> float:
        return quality(cell) if budget == 1 else -quality(cell)

    limit, found = CostLimit(trainings), []
    for budgets in ((1 / 16, 1.0), (1.0,)):
        controller, history = searched(1000, reward, space=Cell, budgets=budgets, limit=limit)
        best = controller.recommend(ended(history, reward))
        assert best is not None
        found.append(quality(best.architecture))
    assert found[0] == max(map(quality, Space(Cell).enumerate())) > found[1]


@pytest.mark.parametrize("trainings", [8, 12, 60])
def test_two_full_trainings_show_whether_short_ones_are_believed(trainings: float) -> None:
    """One is of the best, the other one of the first, which nothing has chosen."""
    _, history = searched(
        150, lambda cell, budget: quality(cell), limit=CostLimit(trainings), space=Cell
    )
    best, ordinary = history.at_budget(1.0).trials[:2]
    before = History(history.trials[: best.number])
    assert 0 <= before.cost - min(trainings / 4, 6) < BUDGETS[1]
    assert quality(best.architecture) == max(quality(trial.architecture) for trial in before)
    assert ordinary.architecture in History(history.trials[:4]).architectures


@pytest.mark.parametrize("highest", [11, 12])
def test_where_many_share_the_best_short_reward_full_trainings_come_at_once(highest: int) -> None:
    """No limit: otherwise they come when six full trainings' worth has been spent."""

    def reward(cell: Any, budget: float) -> float:
        return quality(cell) if budget == 1 else min(quality(cell), highest)

    _, history = searched(60, reward, space=Cell, budgets=(1 / 16, 1.0))
    first, second = history.at_budget(1.0)
    before = History(history.trials[: first.number])
    assert before.rewards.count(highest) == 10
    assert before.cost < 3
    assert second.number == first.number + 1


def test_short_trainings_that_tell_something_are_not_given_up() -> None:
    """Without a limit, the first full training comes when six have been spent."""
    _, history = searched(110, lambda cell, budget: quality(cell), space=Cell, budgets=(1 / 16, 1))
    first = history.at_budget(1.0)[0].number
    assert History(history.trials[:first]).cost >= 6


def test_above_short_trainings_of_noise_the_others_share_the_cost() -> None:
    controller, history = searched(90, with_noise(1), space=Cell, limit=CostLimit(30))
    history = ended(history, with_noise(1))
    assert share_at(history, BUDGETS[0]) < 0.2
    assert len(history.at_budget(BUDGETS[1])) > len(history.at_budget(1.0)) > 0
    trust = controller.trust(history)
    assert trust[0].correlation < 0.5 < trust[1].correlation
    best = controller.recommend(history)
    assert best is not None
    assert quality(best.architecture) >= 12


def test_where_only_full_trainings_tell_something_they_have_the_rest_of_the_cost() -> None:
    controller, history = searched(60, with_noise(2), space=Cell, limit=CostLimit(30))
    assert share_at(history, 1.0) > 0.6
    best = controller.recommend(ended(history, with_noise(2)))
    assert best is not None
    assert best.budget == 1.0
    assert quality(best.architecture) >= 12


@pytest.mark.parametrize("noisy", [1, 2])
def test_a_search_above_noise_is_the_same_after_a_restart(noisy: int) -> None:
    options = {"space": Cell, "limit": CostLimit(30)}
    _, kept = searched(50, with_noise(noisy), **options)
    _, fresh = searched(50, with_noise(noisy), fresh=True, **options)
    assert kept == fresh
    assert len(kept.at_budget(BUDGETS[noisy])) > 5


def test_a_search_that_stalls_tries_what_is_a_decision_from_the_best() -> None:
    """The best one lies where every slope falls, so that a model never looks there."""
    peak = Cell("d", "d", "d", "d", "d")

    def reward(cell: Any, budget: float) -> float:
        return 20.0 if cell == peak else quality(cell) - 6 * (cell.five == "d")

    limit = CostLimit(trainings=8)
    controller, history = searched(150, reward, space=Cell, budgets=(1 / 32, 1.0), limit=limit)
    best = controller.recommend(ended(history, reward))
    assert best is not None
    assert best.architecture == peak
    assert best.budget == 1.0
    near = list(Space(Cell).neighbors(peak))
    assert len(near) == 15
    assert set(near) <= set(history.at_budget(1 / 32).architectures)


def blurred(seed: int) -> Callable[[Any], float]:
    """Qualities with noise of half of their standard deviation."""
    deviation = float(np.std([quality(cell) for cell in Space(Cell).enumerate()]))
    return lambda cell: quality(cell) + 0.5 * deviation * (chance(cell, seed) - 6) / 3


@pytest.mark.parametrize("seed", range(6))
def test_noisy_short_trainings_that_tell_something_are_not_given_up(seed: int) -> None:
    short = blurred(seed)
    controller, history = searched(
        90,
        lambda cell, budget: quality(cell) if budget == 1 else short(cell),
        space=Cell,
        budgets=(1 / 16, 1.0),
    )
    assert history.cost < 6
    assert not history.at_budget(1.0).trials
    best = controller.recommend(history)
    assert best is not None
    assert quality(best.architecture) >= 12


def structure(short: Callable[[Any], float], full: Callable[[Any], float], count: int) -> float:
    """What is believed of 14 short trainings after so many full ones of other architectures."""
    space, budgets = Space(Cell), [1 / 16] * 14 + [1.0] * count
    rng = np.random.default_rng(0)
    cells = dict.fromkeys(space.sample(rng) for _ in range(100))
    history = History()
    for number, (cell, budget) in enumerate(zip(cells, budgets, strict=False)):
        history = history.asked(Trial(number, cell, budget=budget))
        reward = full(cell) if budget == 1 else short(cell)
        history = history.told(number, Completed(Measurement({}), reward), 0.0)
    return MultiBudgetModel(Features(space), (1 / 16, 1.0)).structure(history)


def test_full_trainings_speak_for_short_ones_or_against_them() -> None:
    """By whether they are related to them: in the mean over ten tables."""

    def believed(full: Callable[[int], Callable[[Any], float]], count: int) -> float:
        return float(np.mean([structure(blurred(s), full(s), count) for s in range(10)]))

    without = believed(blurred, 0)
    related = believed(lambda seed: quality, 12)
    unrelated = believed(lambda seed: lambda cell: chance(cell, seed + 50), 12)
    assert unrelated < without < related


def lowest_that_tells(kinds: Sequence[str], counts: Sequence[int], seed: int) -> int:
    """Place of the budget after so many random trials at each of a kind."""
    budgets, space = (1 / 27, 1 / 9, 1 / 3, 1.0), Space(Cell)
    rng = np.random.default_rng(seed)
    history = History()
    for level, count in enumerate(counts):
        cells = dict.fromkeys(space.sample(rng) for _ in range(100))
        for cell in [*cells][:count]:
            number = len(history)
            history = history.asked(Trial(number, cell, budget=budgets[level]))
            noise = chance(cell, 10 * seed + level)
            reward = {"noise": noise, "equal": 0.1, "good": quality(cell)}[kinds[level]]
            history = history.told(number, Completed(Measurement({}), reward), 0.0)
    model = MultiBudgetModel(Features(space), budgets)
    trusts = MultiBudget(space, budgets).trust(history)
    left_out = [trust.correlation for trust in trusts[: model.first(history)]]
    assert len({round(some, 9) for some in left_out}) < 2
    assert all(some < 0.5 for some in left_out)
    return model.first(history)


@pytest.mark.parametrize(
    ("kinds", "counts", "place"),
    [
        ("noise noise noise", (32, 32, 32, 12), 3),
        ("noise noise good", (32, 32, 32, 12), 2),
        ("noise good good", (32, 32, 32, 12), 1),
        ("good good good", (32, 32, 32, 12), 0),
        ("noise noise good", (32, 0, 32, 12), 1),
        ("noise noise noise", (4, 32, 32, 12), 0),
        ("good good noise", (32, 32, 32, 12), 0),
        ("equal good noise", (32, 32, 32, 12), 1),
        ("equal equal good", (32, 32, 32, 12), 2),
    ],
)
def test_as_many_of_the_lowest_budgets_are_left_out_as_are_noise(
    kinds: str, counts: tuple[int, ...], place: int
) -> None:
    """Not those that have been asked for too little, nor good ones below one of noise."""
    found = [lowest_that_tells([*kinds.split(), "good"], counts, s) for s in range(8)]
    assert max(found) == place
    assert np.mean(found) >= place / 2


@pytest.mark.parametrize("budgets", [BUDGETS, (1.0,)])
def test_equal_rewards_and_failures_do_not_end_a_search(budgets: tuple[float, ...]) -> None:
    _, history = searched(20, lambda net, budget: 0.5, budgets=budgets)
    assert len(history) == 20
    controller = MultiBudget(Space(ToyNet), budgets)
    ended: Sequence[Any] = (Failed("x"), Infeasible("y"))
    failed = History(tuple(replace(t, outcome=ended[t.number % 2]) for t in history))
    assert controller.propose_training(failed, np.random.default_rng(0)) is not None
    assert controller.recommend(failed) is None
    assert controller.beliefs(failed) == []
    assert controller.trust(failed) == []


@pytest.mark.parametrize("truth", [0.4, 0.6])
def test_a_lucky_full_training_is_not_what_is_recommended(truth: float) -> None:
    """Its neighbors and a short training of its own speak against it, and so may a second one."""
    controller, history = searched(80, limit=CostLimit(trainings=12))
    history = ended(history)
    known = controller.recommend(history)
    full = history.at_budget(1.0).architectures
    left = [trial.architecture for trial in history if trial.architecture not in full]
    mediocre = max((net for net in left if toy_reward(net) <= truth), key=toy_reward)
    number = len(history)
    told = history.asked(Trial(number, mediocre, budget=1.0))
    told = told.told(number, Completed(Measurement({}), max(history.rewards) + 0.01), 0.0)
    assert told.best(1)[0].architecture == mediocre
    found = controller.recommend(told)
    assert known is not None
    assert found is not None
    assert found.architecture == known.architecture
    space = Space(ToyNet)
    proposed = MultiBudget(space, BUDGETS).propose(told, np.random.default_rng(1))
    assert space.contains(proposed)


@pytest.mark.parametrize("lucky", [True, False])
def test_a_surprising_full_training_is_repeated_once_and_then_believed_or_not(lucky: bool) -> None:
    peak = Cell("a", "a", "b", "b", "c")
    shares = (1 / 2, 1.0)
    rng = np.random.default_rng(0)
    history, lengths = History(), (*[1 / 2] * 40, *[1.0] * 8)
    for net, budget in zip([Space(Cell).sample(rng) for _ in range(48)], lengths, strict=True):
        history = history.asked(Trial(len(history), net, budget=budget))
    history = history.asked(Trial(len(history), peak, budget=1.0))

    def reward(cell: Any, budget: float) -> float:
        rewards = [trial.reward for trial in history.at_budget(1.0).completed]
        first = 20.0 not in rewards
        return 20.0 if cell == peak and (first or not lucky) else quality(cell)

    history = ended(history, reward)
    for step in range(30):
        controller = MultiBudget(Space(Cell), shares)
        proposed = controller.propose_training(history, np.random.default_rng([8, step]))
        assert proposed is not None
        history = history.asked(Trial(len(history), proposed[0], budget=proposed[1]))
        history = ended(history, reward)
    full = [trial.architecture for trial in history.at_budget(1.0)]
    assert full.count(peak) == 2
    best = MultiBudget(Space(Cell), shares).recommend(history)
    assert best is not None
    assert (best.architecture == peak) is not lucky


def test_beliefs_and_trust_say_what_the_model_knows() -> None:
    controller, history = searched(44)
    beliefs = controller.beliefs(history, 5)
    assert len(beliefs) == 5
    means = [belief.mean for belief in beliefs]
    assert means == sorted(means, reverse=True)
    assert means[0] == 0.0
    assert all(belief.deviation > 0 for belief in beliefs)
    assert beliefs[0].trial == controller.recommend(history)
    assert 0 < sum(belief.probability for belief in beliefs) <= 1
    trusts = controller.trust(history)
    assert [trust.budget for trust in trusts] == list(BUDGETS[:-1])
    assert all(trust.low <= trust.correlation <= trust.high for trust in trusts)
    assert sum(trust.trials for trust in trusts) <= len(history.completed)


def test_what_is_believed_ranks_each_architecture_once() -> None:
    controller, history = searched(40)
    believed = controller.believed(history)
    architectures = [trial.architecture for trial in believed]
    assert len(set(architectures)) == len(architectures)
    assert believed.best(1)[0].architecture == controller.recommend(history).architecture  # type: ignore[union-attr]
    assert controller.believed(History()) == History()


@pytest.mark.parametrize(
    "budgets", [(), (0.5,), (0.5, 0.25, 1), (0, 1), (0.5, 0.5, 1), ("1",), "1", 1, (True,), None]
)
def test_budgets_rise_to_one(budgets: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"budgets=.*must be shares of a full"):
        checked_budgets(budgets)


def test_budgets_are_shown_as_fractions() -> None:
    assert shown_budgets(checked_budgets([1 / 60, 1 / 4, 1])) == "1/60, 1/4, 1"


def test_some_architectures_are_random_first() -> None:
    with pytest.raises(ConfigurationError, match="initial=0: must be at least 1"):
        MultiBudget(Space(ToyNet), BUDGETS, initial=0)
