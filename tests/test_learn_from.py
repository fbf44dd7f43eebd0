"""Searches that learn from earlier ones, on other data and of overlapping spaces."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import optuna
import pytest

from raynas import FunctionTask, Limits, Search
from raynas.asktell import AskTell
from raynas.controllers.earlier_observations import observed
from raynas.controllers.earlier_search import EarlierSearch, EarlierTrial
from raynas.controllers.features import Features
from raynas.errors import ConfigurationError, StoreError
from raynas.rewards import Metric, Pareto
from raynas.space import Space, choice, integer, searchable
from raynas.store import earlier_searches
from raynas.testing import ToyNet, toy_reward
from raynas.trials import Measurement, Point, Stopped

SPACE = Space(ToyNet)


def other_data(net: Any, budget: float = 1.0) -> float:
    """Nearly the order of `toy_reward`, in another unit."""
    return 300 + 40 * toy_reward(net) - 0.05 * net.width * budget


def run_search(where: Any, reward: Any, trials: int, **options: Any) -> AskTell[Any]:
    search = AskTell(options.pop("space", ToyNet), store=where, **options)
    while len(search.history.ended) < trials and (proposal := search.ask()) is not None:
        search.tell(proposal.number, reward(proposal.architecture))
    return search


@pytest.fixture(scope="module")
def earlier() -> EarlierSearch:
    """30 trials on other data."""
    (found,) = earlier_searches([run_search(None, other_data, 30, controller="random", seed=5)])
    return found


def shuffled(earlier: EarlierSearch, seed: int) -> EarlierSearch:
    rewards = np.random.default_rng(seed).permutation([trial.reward for trial in earlier.trials])
    trials = zip(earlier.trials, rewards.tolist(), strict=True)
    return EarlierSearch("x", tuple(replace(trial, reward=reward) for trial, reward in trials))


def best_after(trials: int, **options: Any) -> float:
    history = run_search(None, toy_reward, trials, **options).history
    return max(history.rewards)


def test_what_is_known_helps_and_what_misleads_hardly_hurts(earlier: EarlierSearch) -> None:
    nothing = [best_after(12, seed=seed) for seed in range(5)]
    known = [best_after(12, seed=seed, learn_from=[earlier]) for seed in range(5)]
    wrong = [best_after(12, seed=s, learn_from=[shuffled(earlier, s)]) for s in range(5)]
    assert median(known) > median(nothing) + 0.05
    assert median(wrong) > median(nothing) - 0.1


def test_of_several_the_one_that_fits_counts(earlier: EarlierSearch) -> None:
    wrong = shuffled(earlier, 1)
    found = [best_after(14, seed=seed, learn_from=[wrong, earlier]) for seed in range(3)]
    alone = [best_after(14, seed=seed, learn_from=[earlier]) for seed in range(3)]
    assert median(found) > median(alone) - 0.1


def test_the_first_proposal_is_what_the_earlier_search_promises(earlier: EarlierSearch) -> None:
    proposal = AskTell(ToyNet, learn_from=[earlier]).ask()
    assert proposal is not None
    values = sorted(toy_reward(SPACE.from_config(trial.config)) for trial in earlier.trials)
    assert toy_reward(proposal.architecture) >= values[-3]


@pytest.mark.parametrize("budgets", [(1.0,), (1 / 16, 1 / 4, 1.0)])
def test_a_killed_search_that_learns_is_the_uninterrupted_one(
    tmp_path: Path, earlier: EarlierSearch, budgets: tuple[float, ...]
) -> None:
    options: Any = {"learn_from": [earlier], "budgets": budgets}
    whole = run_search(None, toy_reward, 16, **options).history
    for count in (1, 5, 11, 16):
        search = run_search(tmp_path / "a.log", toy_reward, count, **options)
        search.close()
    kept = [(trial.architecture, trial.budget) for trial in search.history]
    assert kept == [(trial.architecture, trial.budget) for trial in whole]


def test_what_was_learned_from_may_not_change(tmp_path: Path, earlier: EarlierSearch) -> None:
    run_search(tmp_path / "a.log", toy_reward, 5, learn_from=[earlier]).close()
    changed = EarlierSearch(earlier.name, earlier.trials[:-1])
    with pytest.raises(StoreError, match="is another one: learn_from was ToyNet, 30 trials, "):
        AskTell(ToyNet, store=tmp_path / "a.log", learn_from=[changed])
    with pytest.raises(StoreError, match=r"learn_from was .*, now absent"):
        AskTell(ToyNet, store=tmp_path / "a.log")
    with AskTell(ToyNet, store=tmp_path / "a.log", learn_from=[earlier]) as search:
        assert len(search.history) == 5


@pytest.mark.parametrize("place", ["journal", "database", "storage", "pair", "folder"])
def test_a_search_is_found_by_folder_or_store(tmp_path: Path, place: str) -> None:
    path = tmp_path / "journal.log"
    url = f"sqlite:///{tmp_path / 'a.db'}"
    storage = optuna.storages.InMemoryStorage()
    store: Any = {"database": url, "storage": storage}.get(place, path)
    budgets = (1 / 4, 1.0)
    with run_search(store, other_data, 8, name="first", budgets=budgets) as search:
        told = search.history
    if place == "pair":
        run_search(path, other_data, 4, name="second").close()
        with pytest.raises(StoreError, match=r"has the searches 'first', 'second'; give a pair"):
            earlier_searches([path])
        with pytest.raises(StoreError, match="has no search named 'third'"):
            earlier_searches([(path, "third")])
    given: Any = {"pair": (path, "first"), "folder": tmp_path}.get(place, store)
    (found,) = earlier_searches([given])
    assert found.name == "first"
    assert [(dict(t.config), t.reward, t.budget) for t in found.trials] == [
        (SPACE.to_config(t.architecture), t.reward, t.budget) for t in told
    ]


def with_stops(store: Any, stops: bool = True) -> AskTell[Any]:
    """A search of 24 trials, of which the worse half of those so far was ended halfway."""
    search = AskTell(ToyNet, "random", 5, store=store, reward=Metric("score"))
    seen: list[float] = []
    for _ in range(24):
        proposal = search.ask()
        assert proposal is not None
        value = toy_reward(proposal.architecture)
        seen.append(value)
        points = (Point(50, {"score": value - 1}), Point(100, {"score": value}))
        if stops and value < median(seen):
            ended = Stopped("median rule", Measurement({"score": value - 1}, curve=points[:1]))
            search.tell(proposal.number, ended)
        else:
            search.tell(proposal.number, Measurement({"score": value}, curve=points))
    return search


def test_trials_that_were_ended_early_count_by_their_curves(tmp_path: Path) -> None:
    """As they rank among the others, whether found in memory or in a store."""
    with with_stops(tmp_path / "a.log") as search:
        (known,) = earlier_searches([search])
    (stored,) = earlier_searches([tmp_path / "a.log"])
    assert (stored.trials, stored.ranked) == (known.trials, known.ranked)
    assert len(known.trials) < len(known.ranked) == 24
    truth = [toy_reward(SPACE.from_config(trial.config)) for trial in known.ranked]
    assert np.array_equal(np.argsort(truth), np.argsort([trial.reward for trial in known.ranked]))
    whole = observed(known, Features(SPACE))[-1]
    assert len(whole) == 24
    (without,) = earlier_searches([with_stops(None, stops=False)])
    assert without.ranked == ()
    assert known.digest != EarlierSearch("e", known.trials).digest


@pytest.mark.usefixtures("without_ray")
def test_a_run_of_search_learns_from_the_folder_of_another(tmp_path: Path) -> None:
    limits = Limits(trials=8, parallel=2)
    first = Search(ToyNet, FunctionTask(other_data), folder=tmp_path, name="a", limits=limits)
    first.run()
    second = Search(
        ToyNet,
        FunctionTask(toy_reward),
        folder=tmp_path,
        name="b",
        limits=limits,
        learn_from=[tmp_path / "a"],
    )
    found = second.run()
    assert len(found.history.completed) == 8
    with second.open(read_only=True) as look:
        assert look.asktell.recommend() is not None


def test_a_folder_without_a_search_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    (tmp_path / "a" / "journal.log").write_text("")
    with pytest.raises(StoreError, match=r"has no search of raynas; give one of .*a"):
        earlier_searches([tmp_path])
    with pytest.raises(StoreError, match="has no search of raynas; give its store"):
        earlier_searches([tmp_path / "b"])
    with pytest.raises(StoreError, match="there is no search at"):
        earlier_searches([tmp_path / "c.log"])


@searchable
class Smaller:
    """A part of `Larger`: other options, in another order, and a decision more."""

    width: int = choice(32, 8, 16)
    kind: str = choice("b", "a")
    dropout: bool = choice(False, True)


@searchable
class Larger:
    depth: int = integer(1, 3)
    width: int = choice(8, 16, 64)
    kind: str = choice("a", "b")


def test_decisions_are_matched_by_path_and_options_by_value() -> None:
    """32 is no option here; the depth is unknown, and dropout not asked for."""
    nets = [(8, "a"), (16, "b"), (32, "a"), (8, "b"), (16, "a")]
    trials = [EarlierTrial({"width": w, "kind": k, "dropout": True}, w) for w, k in nets]
    features = Features(Space(Larger))
    (found,) = observed(EarlierSearch("x", tuple(trials)), features)
    assert found.rewards.tolist() == [8, 16, 8, 16]
    depth, width, kind = features.decisions
    exact = features([Larger(2, w, k) for w, k in nets if w != 32])
    for decision in (width, kind):
        assert found.x[:, decision].tolist() == exact[:, decision].tolist()
    assert np.ptp(found.x[:, depth], axis=0).tolist() == [0.0, 0.0]
    assert found.x[0, depth][0] == pytest.approx(0.5, abs=0.05)


def test_a_search_learns_from_one_of_an_overlapping_space() -> None:
    def reward(net: Any) -> float:
        return (net.width == 16) + (net.kind == "b") + 0.01 * getattr(net, "depth", 0)

    first = run_search(None, reward, 14, space=Smaller)
    proposal = AskTell(Larger, learn_from=[first]).ask()
    assert proposal is not None
    assert (proposal.architecture.width, proposal.architecture.kind) == (16, "b")


@searchable
class Foreign:
    units: int = choice(1, 2, 3, 4, 5)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("folder", r"learn_from='folder': must be a list or tuple"),
        ([3], r"learn_from has 3: give results folders or stores"),
        ([EarlierSearch("e", ())], r"learn_from='e': nothing of it can be used"),
    ],
)
def test_what_cannot_be_learned_from_is_refused(given: Any, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        AskTell(ToyNet, learn_from=given)


def test_a_search_of_another_space_is_refused() -> None:
    foreign = run_search(None, lambda net: float(net.units), 5, space=Foreign)
    with pytest.raises(ConfigurationError, match="nothing of it can be used: it takes 4 completed"):
        AskTell(ToyNet, learn_from=[foreign])


def test_what_does_not_go_with_learning_is_refused(tmp_path: Path, earlier: EarlierSearch) -> None:
    two = Pareto(Metric("a"), Metric("b"))
    with pytest.raises(
        ConfigurationError,
        match="learn_from: a search that learns from others",
    ):
        AskTell(ToyNet, reward=two, learn_from=[earlier])
    with pytest.raises(ConfigurationError, match="controller='random': it cannot learn from other"):
        AskTell(ToyNet, "random", learn_from=[earlier])
    with AskTell(ToyNet, "random", reward=two, store=tmp_path / "a.log") as search:
        search.ask()
    with pytest.raises(ConfigurationError, match="has several objectives; give searches of one"):
        earlier_searches([tmp_path / "a.log"])


def test_rewards_that_were_changed_later_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    options: Any = {"controller": "random", "store": path}
    with AskTell(ToyNet, **options) as search:
        proposal = search.ask()
        assert proposal is not None
        search.tell(proposal.number, 1.0)
    changed = Metric("reward", "min")
    with AskTell(ToyNet, **options, reward=changed, keep=["reward"]) as search:
        assert search.history.rewards == (-1.0,)
    with pytest.raises(ConfigurationError, match="the reward of 'search' has changed since"):
        earlier_searches([path])
