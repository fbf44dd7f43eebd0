"""Surrogates in spaces of many decisions."""

from __future__ import annotations

import numpy as np
import pytest

from raynas.controllers import RegularisedEvolution, Surrogate
from raynas.controllers.base import Controller
from raynas.controllers.features import Features
from raynas.controllers.offspring import most_promising_mutant
from raynas.space import Space, choice, repeat, searchable
from raynas.trials import Completed, History, Measurement, Trial


@searchable
class Block:
    kind: str = choice("a", "b", "c")
    size: int = choice(1, 2, 3, 4)


@searchable
class Net:
    blocks: tuple[Block, ...] = repeat(Block, 20)


SPACE = Space(Net)
EFFECTS = np.random.default_rng(5).normal(size=(20, 3, 4))


def value(net: Net) -> float:
    return float(sum(EFFECTS[i, "abc".index(b.kind), b.size - 1] for i, b in enumerate(net.blocks)))


def best_of(controller: Controller, trials: int, seed: int) -> float:
    history = History()
    for number in range(trials):
        net = controller.propose(history, np.random.default_rng([seed, number]))
        assert net is not None
        outcome = Completed(Measurement({}), value(net))
        history = history.asked(Trial(number, net)).told(number, outcome, 1.0)
    return max(history.rewards)


def test_it_finds_more_than_the_evolution_whose_mutants_it_picks_from() -> None:
    gains = [
        best_of(Surrogate(SPACE), 60, seed) - best_of(RegularisedEvolution(SPACE), 60, seed)
        for seed in range(3)
    ]
    assert np.median(gains) > 1.0


def test_the_untried_mutant_of_highest_promise_is_picked() -> None:
    rng = np.random.default_rng(0)
    nets = [SPACE.sample(rng) for _ in range(40)]
    ends = [Completed(Measurement({}), value(net)) for net in nets]
    history = History(tuple(Trial(n, nets[n], ends[n]) for n in range(40)))
    features = Features(SPACE)
    seen: list[np.ndarray] = []

    def promise(vectors: np.ndarray) -> np.ndarray:
        seen.append(vectors)
        return vectors @ np.arange(vectors.shape[1])

    picked = most_promising_mutant(SPACE, features, history, promise, rng)
    (vectors,) = seen
    assert picked not in nets
    assert promise(features([picked]))[0] == pytest.approx(promise(vectors).max())
    recent = [net for net in nets[-30:] if SPACE.distance(net, picked) <= 1]
    assert recent


@searchable
class Few:
    bit: bool = choice(False, True)


def test_where_all_mutants_were_tried_it_proposes_at_random() -> None:
    space = Space(Few)
    ends = Completed(Measurement({}), 1.0)
    history = History((Trial(0, Few(False), ends), Trial(1, Few(True), ends)))
    rng = np.random.default_rng(0)
    picked = most_promising_mutant(space, Features(space), history, pytest.fail, rng)
    assert picked in history.architectures
