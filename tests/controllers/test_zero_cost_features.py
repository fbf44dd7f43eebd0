"""Scores that cost no training, as features of the surrogate."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from raynas import AskTell
from raynas.controllers import Auto, Deduplicated, Random, SurrogatePareto
from raynas.controllers.by_name import ControllerLike
from raynas.controllers.features import Features
from raynas.controllers.multi_budget_model import MultiBudgetModel
from raynas.controllers.surrogate_model import SurrogateModel
from raynas.errors import ConfigurationError
from raynas.space import Space, choice, integer, repeat, searchable
from raynas.testing import simulate
from raynas.trials import History


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


def alternation(net: Cell) -> float:
    """Needs more results to learn than there are trials."""
    return sum(a != b for a, b in pairwise(net.edges)) + (net.width // 8) % 2


def searched(controller: ControllerLike) -> History:
    """A search over budgets whose short rewards are half of the full ones."""
    search = AskTell(Cell, controller=controller, budgets=(1 / 16, 1), seed=0)
    for _ in range(20):
        proposal = search.ask()
        assert proposal is not None
        search.tell(proposal.number, alternation(proposal.architecture) * (1 + proposal.budget) / 2)
    return search.history


def test_a_search_over_budgets_takes_the_scores_of_the_default_controller() -> None:
    known = {net: {"oracle": alternation(net)} for net in sampled(500, seed=2)}
    proposed = [
        [(trial.architecture, trial.budget) for trial in searched(controller)]
        for controller in (
            "auto",
            Auto,
            lambda space: Auto(space, scores=known),
            lambda space: Deduplicated(Auto(space, scores=known)),
        )
    ]
    assert proposed[0] == proposed[1] != proposed[2] == proposed[3]


def test_architectures_of_an_earlier_search_have_scores_too() -> None:
    features = Features(SPACE, {net: {"flow": flow(net)} for net in sampled(100)})
    nets = sampled(20, seed=1)
    rows, kept = features.of_configs([SPACE.to_config(net) for net in nets])
    assert features.hints
    assert kept == list(range(20))
    assert np.array_equal(rows, features(nets))


def test_a_controller_of_ones_own_is_not_taken_for_the_default_one() -> None:
    class Mine(Auto):
        pass

    with pytest.raises(ConfigurationError, match="it cannot choose among several budgets; use"):
        AskTell(Cell, controller=Mine, budgets=(1 / 16, 1))


def test_scores_that_tell_all_make_better_predictions() -> None:
    def missed(scores: dict[Cell, dict[str, float]] | None) -> list[float]:
        history = simulate(Random, SPACE, alternation, 40)
        others = sampled(100, seed=1)
        features = Features(SPACE, scores)
        alone = SurrogateModel(features).process(history).mean(features(others))
        several = MultiBudgetModel(features, (1.0,)).process(history)
        assert several is not None
        found = (alone, several.predict(features(others), several.top).means)
        truth = [alternation(net) for net in others]
        return [1 - float(np.corrcoef(means, truth)[0, 1]) for means in found]

    scores = {net: {"oracle": alternation(net)} for net in sampled(500, seed=2)}
    assert all(x < y for x, y in zip(missed(scores), missed(None), strict=True))
