"""A surrogate's model of a long history."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from raynas.controllers import Surrogate
from raynas.controllers.subsampling import kept_of
from raynas.space import Space, choice, repeat, searchable
from raynas.trials import Completed, History, Infeasible, Measurement, Trial


@searchable
class Edges:
    of: tuple[int, ...] = repeat(choice(0, 1, 2, 3), 8)


def outcome(net: Any) -> Completed | Infeasible:
    """The sum of the choices; none where the first three are alike."""
    if len({*net.of[:3]}) == 1:
        return Infeasible("three alike")
    return Completed(Measurement({"reward": 1.0}), float(sum(net.of)))


def test_a_fresh_controller_proposes_the_same_of_more_trials_than_the_model_sees() -> None:
    space = Space(Edges)
    rng = np.random.default_rng(0)
    nets = list(dict.fromkeys(space.sample(rng) for _ in range(570)))
    history = History(tuple(Trial(i, net, outcome(net)) for i, net in enumerate(nets)))
    assert len(history.completed) > 500
    kept = Surrogate(space)
    for _ in range(8):
        number = len(history)
        proposed = kept.propose(history, np.random.default_rng([0, number]))
        if number % 4 == 1:
            fresh = Surrogate(space)
            assert proposed == fresh.propose(history, np.random.default_rng([0, number]))
        history = history.asked(Trial(number, proposed)).told(number, outcome(proposed), 0.0)


@pytest.mark.parametrize("count", [501, 700, 5000])
def test_a_model_sees_the_best_the_latest_and_others_from_everywhere(count: int) -> None:
    rewards = np.random.default_rng(count).random(count)
    kept = kept_of(rewards, 500)
    assert len(kept) == 500
    assert list(kept) == sorted({*kept})
    assert {*kept} >= {*np.argsort(-rewards)[:250]} | {*range(count - 50, count)}
    assert np.diff(kept).max() < 4 * count / 200


def test_one_more_trial_changes_few_of_those_seen() -> None:
    rewards = np.random.default_rng(0).random(3000)
    for count in range(501, 3000, 100):
        before, after = {*kept_of(rewards[:count], 500)}, {*kept_of(rewards[: count + 1], 500)}
        assert len(after - before) <= 4
