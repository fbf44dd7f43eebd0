"""SurrogatePareto: how far its front reaches, and what it makes of noise and of running trials."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from raynas import Space
from raynas.controllers import SurrogatePareto
from raynas.controllers.surrogate_model import _merits
from raynas.controllers.surrogate_pareto import _parents, _reference
from raynas.dominance import hypervolume
from raynas.space import choice, repeat, searchable
from raynas.trials import Completed, History, Measurement, Trial


@searchable
class Net:
    widths: tuple[int, ...] = repeat(choice(*range(5)), 6)


SPACE = Space(Net)


def scored(net: Any, rng: np.random.Generator | None = None) -> tuple[float, ...]:
    """Accuracy that saturates in the widths, and their cost: the front goes from end to end."""
    total = sum(width * (1 + place % 3) for place, width in enumerate(net.widths))
    accuracy = 1 - np.exp(-total / 12)
    noise = 0.05 * rng.standard_normal() if rng else 0.0
    return float(accuracy + noise), -float(sum(net.widths))


def searched(trials: int, seed: int, workers: int = 1, noisy: bool = False) -> History:
    controller, history = SurrogatePareto(SPACE), History()
    rng = np.random.default_rng(seed)
    while len(history.completed) < trials:
        while len(history.running) < workers:
            number = len(history)
            proposed = controller.propose(history, np.random.default_rng([seed, number]))
            history = history.asked(Trial(number, proposed))
        number = history.running[int(rng.integers(len(history.running)))].number
        point = scored(history[number].architecture, rng if noisy else None)
        history = history.told(number, Completed(Measurement({}), point[0], point), 0.0)
    return history


def share(history: History, corner: tuple[float, float] = (0.0, -24.0)) -> float:
    """The part of the best front's hypervolume that the front found dominates."""
    heavy = [2, 5, 1, 4, 0, 3]  # places by what a width there is worth
    best, widths = [], [0] * 6
    for place in heavy:
        for width in range(5):
            widths[place] = width
            best.append(scored(Net(tuple(widths))))
    found = [scored(trial.architecture) for trial in history.front()]
    return hypervolume(found, corner) / hypervolume(best, corner)


@pytest.mark.parametrize(
    ("workers", "noisy", "least"), [(1, False, 0.99), (8, False, 0.98), (1, True, 0.93)]
)
def test_the_front_reaches_from_end_to_end(workers: int, noisy: bool, least: float) -> None:
    assert share(searched(50, 0, workers, noisy)) > least


def test_hypervolume_counts_from_the_worst_trial_even_where_the_front_is_far_from_it() -> None:
    front = np.array([[1.0, 0.0], [0.0, 1.0]])
    known = np.vstack([front, [[-2.0, 0.5], [0.5, -3.0]]])
    assert _reference(known, front).tolist() == [-2.0, -3.0]
    assert _reference(front, front).tolist() == [-0.1, -0.1]


def test_the_ends_of_a_front_are_always_looked_around() -> None:
    points = [(float(n), -float(n)) for n in range(40)]
    trials = [Trial(n, n, Completed(Measurement({}), p[0], p)) for n, p in enumerate(points)]
    for seed in range(5):
        numbers = [t.number for t in _parents(History(trials), np.random.default_rng(seed))]
        assert len(numbers) == len(set(numbers)) == 12
        assert {0, 39} <= set(numbers)


def test_a_long_history_keeps_its_front_whatever_the_first_objective() -> None:
    """The half that is kept for being good is that of the first layers, not of high rewards."""
    rng = np.random.default_rng(0)
    points = [(n / 700, float(rng.normal())) for n in range(699)] + [(-5.0, 50.0)]
    trials = [Trial(n, n, Completed(Measurement({}), p[0], p)) for n, p in enumerate(points)]
    history = History(trials)
    merits = np.asarray(_merits(history.rewards, history.completed, 500))
    assert {trial.number for trial in history.front()} == set(np.flatnonzero(merits == 0).tolist())
    single = History([Trial(n, n, Completed(Measurement({}), p[0])) for n, p in enumerate(points)])
    assert _merits(single.rewards, single.completed, 500) is single.rewards


def test_what_is_left_shrinks_as_a_search_goes_on() -> None:
    history = searched(50, 0)
    controller = SurrogatePareto(SPACE)
    early = controller.expected_gain(History(history.trials[:15]))
    assert 0 <= controller.expected_gain(history) < 0.1 * early
    assert controller.expected_gain(History(history.trials[:3])) == float("inf")
