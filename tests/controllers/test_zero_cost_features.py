"""Scores that cost no training, as features of the surrogate."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from raynas.controllers import Auto, Deduplicated, Random, SurrogatePareto
from raynas.controllers.features import Features
from raynas.controllers.surrogate_model import SurrogateModel
from raynas.space import Space, choice, integer, repeat, searchable
from raynas.testing import simulate


@searchable
class Cell:
    edges: tuple[str, ...] = repeat(choice("conv", "pool", "skip"), 5)
    width: int = integer(8, 64, step=8)


SPACE = Space(Cell)


def sampled(count: int, seed: int = 0) -> list[Cell]:
    rng = np.random.default_rng(seed)
    return [SPACE.sample(rng) for _ in range(count)]


def flow(net: Cell) -> float:
    return net.edges.count("conv") * 10.0 + net.width


def test_scores_of_other_architectures_are_predicted() -> None:
    known = {net: {"flow": flow(net)} for net in sampled(100)}
    features = Features(SPACE, known)
    others = sampled(50, seed=1)
    (column,) = features.hints
    predicted = features(others)[:, column].ravel()
    assert np.corrcoef(predicted, [flow(net) for net in others])[0, 1] > 0.95


def test_what_cannot_be_predicted_is_left_out() -> None:
    rng = np.random.default_rng(0)
    known = {
        net: {"flow": flow(net), "dice": rng.normal(), "same": 1.0, "none": float("nan")}
        for net in sampled(100)
    }
    assert Features(SPACE, known)._hints.names == ("flow",)


def test_without_scores_nothing_is_added() -> None:
    assert Features(SPACE, {}).width == Features(SPACE).width == Features(SPACE, None).width


def test_too_few_scores_are_left_out() -> None:
    known = {net: {"flow": flow(net)} for net in sampled(15)}
    assert not Features(SPACE, known).hints


@pytest.mark.parametrize("several", [False, True])
def test_a_search_with_scores_goes_on_as_any(several: bool) -> None:
    known = {net: {"flow": flow(net)} for net in sampled(60)}
    make = SurrogatePareto if several else Auto

    def controller(space: Space[Cell]) -> Deduplicated:
        return Deduplicated(make(space, scores=known))

    history = simulate(controller, SPACE, flow, 25, parallel=3)
    assert len(history.architectures) == 25
    again = controller(SPACE).propose(history, np.random.default_rng(5))
    assert again == controller(SPACE).propose(history, np.random.default_rng(5))


def test_scores_that_tell_all_make_better_predictions() -> None:
    def reward(net: Cell) -> float:
        """Needs more results to learn than there are trials."""
        return sum(a != b for a, b in pairwise(net.edges)) + (net.width // 8) % 2

    def missed(scores: dict[Cell, dict[str, float]] | None) -> float:
        history = simulate(Random, SPACE, reward, 40)
        others = sampled(100, seed=1)
        features = Features(SPACE, scores)
        mean = SurrogateModel(features).process(history).mean(features(others))
        return 1 - float(np.corrcoef(mean, [reward(net) for net in others])[0, 1])

    scores = {net: {"oracle": reward(net)} for net in sampled(500, seed=2)}
    assert missed(scores) < missed(None)
