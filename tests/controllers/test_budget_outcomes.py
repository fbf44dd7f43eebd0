"""Searches over budgets, some of whose trainings fail or are outside a bound."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np
import pytest

from raynas import AskTell
from raynas.controllers.budget_outcomes import rewarded_or_not, ruled_out, trained, with_ruled_out
from raynas.controllers.by_name import within_bounds
from raynas.controllers.multi_budget import MultiBudget
from raynas.rewards import AtMost, Constrained, Metric
from raynas.space import Space, choice, searchable
from raynas.trials import BOUND, Completed, Failed, History, Infeasible, Measurement, Trial

SHORT, FULL = 1 / 16, 1.0


@searchable
class Layers:
    one: int = choice(0, 1, 2, 3)
    two: int = choice(0, 1, 2, 3)
    three: int = choice(0, 1, 2, 3)
    four: int = choice(0, 1, 2, 3)
    five: int = choice(0, 1, 2, 3)


SPACE = Space(Layers)
ALL = list(SPACE.enumerate())
Rule = Callable[[Layers], bool]


def quality(net: Layers) -> float:
    return net.one + net.two + net.three + net.four + 2.0 * (net.one == net.five)


def size(net: Layers) -> float:
    return float(net.one + net.two + net.three + net.four)


def too_large(net: Layers) -> bool:
    return size(net) > 9


def wide_first(net: Layers) -> bool:
    return net.one == 3


def large_pair(net: Layers) -> bool:
    return net.two == 3 and net.three >= 2


FAILING = [too_large, wide_first, large_pair]
"""Each fails where the best ones are."""


def searched(fails: Rule, seed: int, cost: float = 5.0, fresh: bool = False) -> History:
    """The trials of a search, two at a time; `fresh` makes a new controller for each proposal."""
    controller, history = MultiBudget(SPACE, (SHORT, FULL)), History()
    while history.cost < cost:
        if fresh:
            controller = MultiBudget(SPACE, (SHORT, FULL))
        rng = np.random.default_rng([seed, len(history)])
        proposed = controller.propose_training(history, rng)
        assert proposed is not None
        history = history.asked(Trial(len(history), proposed[0], budget=proposed[1]))
        if len(history.running) == 2:
            trial = history.running[0]
            good = Completed(Measurement({}), quality(trial.architecture) * trial.budget**0.1)
            outcome = Failed("out of memory") if fails(trial.architecture) else good
            history = history.told(trial.number, outcome, float(len(history)))
    return history


def share_of_failures(history: History) -> float:
    """Among the second half of what ended."""
    ended = history.ended[len(history.ended) // 2 :]
    return mean(isinstance(trial.outcome, Failed) for trial in ended)


@pytest.mark.parametrize(
    ("fails", "share"), [(too_large, 0.35), (wide_first, 0.05), (large_pair, 0.05)]
)
def test_a_search_keeps_away_from_what_fails_and_finds_the_best_of_the_rest(
    fails: Rule, share: float
) -> None:
    """The best that is not too large is beside what is."""
    histories = [searched(fails, seed) for seed in range(4)]
    assert mean(map(share_of_failures, histories)) < share
    best = max(quality(net) for net in ALL if not fails(net))
    found = [MultiBudget(SPACE, (SHORT, FULL)).recommend(history) for history in histories]
    assert all(trial is not None and not fails(trial.architecture) for trial in found)
    assert sum(quality(trial.architecture) == best for trial in found if trial is not None) >= 3


@pytest.mark.parametrize("fails", FAILING)
def test_what_failed_is_not_tried_at_another_budget(fails: Rule) -> None:
    history = searched(fails, 5, cost=8.0)
    failed = [trial.architecture for trial in history.failures]
    assert failed
    assert len(set(failed)) == len(failed)


def test_a_search_with_failures_is_the_same_after_a_restart() -> None:
    assert searched(large_pair, 1) == searched(large_pair, 1, fresh=True)


def limited(free: bool, bound: AtMost, seed: int, cost: float = 4.0, **options: Any) -> AskTell:
    """A search within a bound on the size, that is free to know or measured by a trial."""

    def known(net: Any, names: Collection[str]) -> Mapping[str, float]:
        return {name: size(net) for name in names} if free else {}

    reward = Constrained(Metric("quality"), (bound,))
    search = AskTell(SPACE, within_bounds("auto", [bound], known), seed, reward=reward, **options)
    while search.history.cost < cost:
        proposal = search.ask()
        if proposal is None:
            break
        net = proposal.architecture
        measured = {"quality": quality(net) * proposal.budget**0.1, "size": size(net)}
        search.tell(proposal.number, Measurement(measured))
    return search


BUDGETS: dict[str, Any] = {"budgets": (SHORT, FULL)}
LEARNING: dict[str, Any] = {"learn_from": [limited(False, AtMost("size", 12.0), 9, 20.0)]}


@pytest.mark.parametrize(("options", "cost"), [(BUDGETS, 4.0), (LEARNING, 25.0)])
@pytest.mark.parametrize("limit", [7.0, 2.0])
def test_a_bound_that_is_free_to_know_is_kept(
    options: dict[str, Any], cost: float, limit: float
) -> None:
    """One that leaves half of the space, or a fiftieth."""
    search = limited(True, AtMost("size", limit), 0, cost, **options)
    assert all(size(trial.architecture) <= limit for trial in search.history)
    best = search.recommend()
    assert best is not None
    inside = [quality(net) for net in ALL if size(net) <= limit]
    assert quality(best.architecture) == max(inside)


@pytest.mark.parametrize(("options", "cost"), [(BUDGETS, 6.0), (LEARNING, 60.0)])
@pytest.mark.parametrize("limit", [7.0, 2.0])
def test_a_bound_that_is_measured_is_learned(
    options: dict[str, Any], cost: float, limit: float
) -> None:
    """Few are outside, though there is little else left of the smaller part in the end."""
    search = limited(False, AtMost("size", limit), 0, cost, **options)
    history = search.history
    latest = history.ended[len(history) // 2 :]
    assert mean(isinstance(trial.outcome, Infeasible) for trial in latest) < 0.4
    best = search.recommend()
    assert best is not None
    assert quality(best.architecture) >= max(quality(n) for n in ALL if size(n) <= limit) - 1


@pytest.mark.parametrize(("options", "cost"), [(BUDGETS, 3.0), (LEARNING, 16.0)])
@pytest.mark.parametrize("free", [True, False])
def test_a_search_within_a_bound_is_the_same_after_restarts(
    tmp_path: Path, options: dict[str, Any], cost: float, free: bool
) -> None:
    bound = AtMost("size", 4.0)
    whole = limited(free, bound, 3, cost, **options).history
    for share in (0.2, 0.4, 0.5, 0.8, 1.0):
        store = tmp_path / "journal.log"
        with limited(free, bound, 3, share * cost, **options, store=store) as search:
            kept = [(trial.architecture, trial.budget) for trial in search.history]
    assert kept == [(trial.architecture, trial.budget) for trial in whole]


def test_a_part_that_was_tried_at_every_budget_ends_the_search() -> None:
    search = limited(True, AtMost("size", 0.0), 0, 100.0, **BUDGETS)
    tried = {(trial.architecture, trial.budget) for trial in search.history}
    assert len(tried) == len(search.history) == 4 * len(BUDGETS["budgets"])


def test_a_limit_holds_also_while_nothing_is_within() -> None:
    """A search for the bounds proposes no more than its limit either."""
    search = limited(False, AtMost("size", -1.0), 0, 9.0, **BUDGETS, trainings=2)
    assert not search.history.completed
    assert 2 - SHORT < search.history.cost <= 2
    assert search.recommend() is None


GOOD = Completed(Measurement({}), 1.0)
OUTSIDE = Infeasible("over its limit", Measurement({}), BOUND)
ONE, TWO, THREE = ALL[:3]


def history_of(*trials: tuple[Layers, float, Any]) -> History:
    return History(tuple(Trial(i, net, o, budget=b) for i, (net, b, o) in enumerate(trials)))


@pytest.mark.parametrize("bad", [Failed("x"), Infeasible("y"), OUTSIDE])
def test_what_ended_badly_is_ruled_out_until_it_has_a_reward_there_or_above(bad: Any) -> None:
    history = history_of((ONE, SHORT, GOOD), (TWO, SHORT, bad), (ONE, FULL, bad))
    assert set(ruled_out(history)) == {ONE, TWO}
    assert trained(history) == []
    again = history_of((TWO, SHORT, bad), (ONE, FULL, bad), (TWO, FULL, GOOD), (ONE, FULL, GOOD))
    assert ruled_out(again) == {}
    assert [trial.number for trial in trained(again)] == [2, 3]


def test_each_architecture_counts_once_in_the_chance_of_a_reward() -> None:
    history = history_of(
        (ONE, SHORT, GOOD), (TWO, SHORT, Failed("x")), (ONE, FULL, GOOD), (THREE, SHORT, None)
    )
    good, bad = rewarded_or_not(history)
    assert [trial.number for trial in good] == [0]
    assert [trial.number for trial in bad] == [1]
    here = history.at_budget(FULL)
    assert with_ruled_out(here, history).architectures == {ONE, TWO}
    assert with_ruled_out(here, History(history.trials[:1])) is here
