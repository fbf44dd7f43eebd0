"""Surrogates in spaces of many decisions."""

from __future__ import annotations

import numpy as np
import pytest

from raynas.controllers import RegularizedEvolution, Surrogate
from raynas.controllers.acquisition_optimizer import Candidates
from raynas.controllers.base import Controller
from raynas.controllers.features import Features
from raynas.controllers.gaussian_process import GaussianProcess, fit_kernel
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


def test_it_finds_more_than_evolution() -> None:
    for seed in range(2):
        found = best_of(Surrogate(SPACE), 90, seed)
        assert found > best_of(RegularizedEvolution(SPACE), 90, seed) + 3.0


def test_what_was_seen_of_a_block_counts_wherever_it_is_met() -> None:
    rng = np.random.default_rng(0)
    nets = [SPACE.sample(rng) for _ in range(300)]
    features = Features(SPACE)
    x, values = features(nets), np.array([value(net) for net in nets])
    y = (values - values.mean()) / values.std()
    prior = features.prior()
    process = GaussianProcess(fit_kernel(prior, x[:200], y[:200]), x[:200], y[:200])
    assert np.corrcoef(process.mean(x[200:]), y[200:])[0, 1] > 0.7
    names = ("kind", "size")
    assert [len(term) for term in prior.terms[:20]] == [len(names)] * 20
    weights = process.kernel.terms[0].weights
    for term in process.kernel.terms[1:20]:
        assert term.weights == pytest.approx(weights)


def test_the_untried_descendant_of_highest_promise_is_picked() -> None:
    rng = np.random.default_rng(0)
    nets = [SPACE.sample(rng) for _ in range(40)]
    ends = [Completed(Measurement({}), value(net)) for net in nets]
    history = History(tuple(Trial(n, nets[n], ends[n]) for n in range(40)))
    features = Features(SPACE)
    seen: list[np.ndarray] = []

    def promise(vectors: np.ndarray) -> np.ndarray:
        seen.append(vectors)
        return vectors @ np.arange(vectors.shape[1])

    parents = history.best(4)
    picked = Candidates(SPACE, features).most_promising_descendant(history, parents, promise, rng)
    assert [len(vectors) for vectors in seen] == [16, 64, 64]
    assert picked not in nets
    promises = promise(np.vstack(seen))
    assert promise(features([picked]))[0] == pytest.approx(promises.max())
    assert min(SPACE.distance(trial.architecture, picked) for trial in parents) <= 3


@searchable
class Few:
    bit: bool = choice(False, True)


def test_where_all_descendants_were_tried_it_proposes_at_random() -> None:
    space = Space(Few)
    ends = Completed(Measurement({}), 1.0)
    history = History((Trial(0, Few(False), ends), Trial(1, Few(True), ends)))
    candidates = Candidates(space, Features(space))
    picked = candidates.most_promising_descendant(
        history, history.completed, lambda vectors: vectors.sum(axis=1), np.random.default_rng(0)
    )
    assert picked in history.architectures
