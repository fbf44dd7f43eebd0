"""`WarmStart` begins with what is known; `best_scored` says what to begin with."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from raynas.controllers import Controller, Deduplicated, Random, WarmStart, best_scored
from raynas.errors import ConfigurationError
from raynas.space import Space
from raynas.testing import OPTIMUM, TinyNet, ToyNet, simulate, toy_reward
from raynas.trials import Architecture, Completed, Failed, History, Measurement, Trial

SPACE = Space(TinyNet)
A, B, C = TinyNet(1, "conv"), TinyNet(1, "pool"), TinyNet(2, "skip")
RNG = np.random.default_rng(0)
EARLIER = History(
    (Trial(0, A, Completed(Measurement({}), 1.0)), Trial(1, B), Trial(2, C, Failed("x")))
)


class Watching(Controller):
    """Keeps the histories that it is given."""

    def __init__(self, space: Space[Any]) -> None:
        super().__init__(space)
        self.seen: list[History] = []

    def propose(self, history: History, rng: np.random.Generator) -> Architecture | None:
        self.seen.append(history)
        return self.space.sample(rng)


def test_given_architectures_come_first_and_once() -> None:
    def make(space: Space[Any]) -> Controller:
        return Deduplicated(WarmStart(Random(space), [C, A]))

    history = simulate(make, SPACE, lambda _: 0.0, 20, parallel=3)
    assert [trial.architecture for trial in history[:2]] == [C, A]
    assert len(history) == SPACE.size


def test_what_the_history_holds_is_not_asked_again() -> None:
    warm = WarmStart(Random(SPACE), [A, B])
    assert warm.propose(History((Trial(0, A),)), RNG) == B


def test_an_earlier_history_comes_before_this_one() -> None:
    """Its running trials never end, and are left out."""
    inner = Watching(SPACE)
    WarmStart(inner, earlier=EARLIER).propose(History((Trial(0, B, Failed("y")),)), RNG)
    assert [(t.number, t.architecture, t.outcome) for t in inner.seen[0]] == [
        (0, A, EARLIER[0].outcome),
        (1, C, EARLIER[2].outcome),
        (2, B, Failed("y")),
    ]


def test_what_is_kept_between_proposals_equals_what_is_made_anew() -> None:
    inner = Watching(SPACE)
    warm = WarmStart(inner, earlier=EARLIER)
    first = History((Trial(0, A), Trial(1, B)))
    for history in (first, first.told(0, Failed("z"), 1.0).asked(Trial(2, C)), History()):
        warm.propose(history, RNG)
        fresh = Watching(SPACE)
        WarmStart(fresh, earlier=EARLIER).propose(history, RNG)
        assert inner.seen[-1] == fresh.seen[0]


def test_earlier_trials_are_neither_repeated_nor_recommended() -> None:
    warm = WarmStart(Deduplicated(Random(SPACE)), earlier=EARLIER)
    seen = {warm.propose(History(), np.random.default_rng(seed)) for seed in range(50)}
    assert len(seen) == SPACE.size - 2
    assert not {A, C} & seen
    assert warm.recommend(History()) is None


def test_nothing_to_start_with_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="WarmStart has nothing to start with: give first"):
        WarmStart(Random(SPACE))


def test_an_earlier_search_over_budgets_gives_the_trials_of_one() -> None:
    space = Space(TinyNet)
    nets = [space.sample(np.random.default_rng(seed)) for seed in range(3)]
    earlier = History(
        tuple(
            Trial(number, net, Completed(Measurement({}), float(number)), budget=budget)
            for number, (net, budget) in enumerate(zip(nets, (0.5, 0.5, 1.0), strict=True))
        )
    )
    with pytest.raises(ConfigurationError, match=r"several budgets, .*; give earlier.comparable"):
        WarmStart(Random(space), earlier=earlier)
    WarmStart(Random(space), earlier=earlier.comparable)


def test_architectures_of_other_spaces_are_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"first\[1\] = ToyNet.* is not in Space\(TinyNet"):
        WarmStart(Random(SPACE), [A, OPTIMUM])
    with pytest.raises(ConfigurationError, match=r"earlier\[0\] = ToyNet"):
        WarmStart(Random(SPACE), earlier=History((Trial(0, OPTIMUM),)))


def test_the_best_scored_come_first_and_others_differ_from_it() -> None:
    space = Space(ToyNet)
    found = best_scored(space, toy_reward, 5, pool=400)
    rng = np.random.default_rng(0)
    scores = sorted({space.sample(rng): 0 for _ in range(400)}, key=toy_reward, reverse=True)
    assert found[0] == scores[0]
    assert len(set(found)) == 5
    assert set(found) <= set(scores[:20])
    alike = np.mean([space.distance(scores[0], other) for other in scores[1:5]])
    assert np.mean([space.distance(found[0], other) for other in found[1:]]) > alike


def test_a_misleading_score_still_gives_architectures_that_differ() -> None:
    found = best_scored(Space(ToyNet), lambda _: 0.0, 4, pool=100)
    assert len(set(found)) == 4


def test_scores_that_are_not_finite_leave_an_architecture_out() -> None:
    found = best_scored(SPACE, lambda net: float("nan") if net.depth == 1 else 1.0, 10)
    assert {net.depth for net in found} == {2}
    assert len(found) == 3
    assert best_scored(SPACE, lambda _: float("inf")) == ()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"count": 0}, "count=0: must be at least 1"),
        ({"pool": 0}, "pool=0: must be at least 1"),
        ({"share": 0.0}, "share=0.0: must be above 0, and at most 1"),
    ],
)
def test_wrong_arguments_are_refused(arguments: Any, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        best_scored(SPACE, lambda _: 0.0, **arguments)
