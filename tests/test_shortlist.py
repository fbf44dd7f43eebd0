"""The shortlist: luck taken out, the front kept, near-duplicates dropped."""

from __future__ import annotations

import numpy as np
import pytest

from raynas.errors import ConfigurationError
from raynas.shortlist import noise_of, planned, shortlist, worth_repeating
from raynas.space import Graph, Space, integer, searchable
from raynas.trials import Completed, Failed, History, Measurement, Trial


@searchable
class Net:
    width: int = integer(0, 99)
    depth: int = integer(0, 9)


@searchable
class Drawn:
    """Its graph does not depend on `name`."""

    depth: int = integer(1, 9)
    name: int = integer(0, 9)

    def graph(self) -> Graph:
        nodes = ("input", *["conv"] * self.depth, "output")
        return Graph(nodes, tuple((n, n + 1) for n in range(self.depth + 1)))


def history_of(*results: tuple[object, float | tuple[float, ...]]) -> History:
    trials = []
    for number, (architecture, reward) in enumerate(results):
        values = reward if isinstance(reward, tuple) else (reward,)
        outcome = Completed(Measurement({}), values[0], values)
        trials.append(Trial(number, architecture, outcome, ended=float(number)))
    return History(tuple(trials))


def test_without_noise_the_best_come_first() -> None:
    history = history_of(*((Net(width, 0), float(width % 7)) for width in range(20)))
    listed = shortlist(history, Space(Net), 3)
    assert [c.trials for c in listed.chosen] == [(6,), (13,), (5,)]
    assert {c.why for c in listed.chosen} == {"best"}
    assert listed.noise == 0.0
    assert listed.next[0].trials == (12,)


def test_one_lucky_trial_counts_less_than_two_good_ones() -> None:
    rng = np.random.default_rng(0)
    others = [(Net(width, 1), float(rng.normal())) for width in range(30)]
    history = history_of((Net(50, 0), 2.5), (Net(60, 0), 2.4), (Net(60, 0), 2.4), *others)
    assert shortlist(history, Space(Net), 1, noise=0.0).chosen[0].trials == (0,)
    assert shortlist(history, Space(Net), 1, noise=0.8).chosen[0].trials == (1, 2)


def test_shrunk_scores_are_nearer_to_the_truth() -> None:
    rng = np.random.default_rng(1)
    truth = rng.normal(size=200)
    seen = truth + rng.normal(size=200)
    history = history_of(*((Net(n % 100, n // 100), float(r)) for n, r in enumerate(seen)))
    chosen = shortlist(history, Space(Net), 200, noise=1.0).chosen
    scores = np.array([c.score for c in chosen])
    true = np.array([truth[c.trials[0]] for c in chosen])
    raw = np.array([seen[c.trials[0]] for c in chosen])
    assert np.mean((scores - true) ** 2) < 0.7 * np.mean((raw - true) ** 2)
    assert scores[0] < raw[0]


def test_noise_is_pooled_over_what_was_tried_twice() -> None:
    history = history_of((Net(1, 1), 1.0), (Net(1, 1), 3.0), (Net(2, 1), 0.0), (Net(3, 1), 5.0))
    assert noise_of(history) == pytest.approx(2**0.5)
    assert noise_of(history_of((Net(1, 1), 1.0))) == 0.0


def test_the_front_comes_first() -> None:
    history = history_of(
        (Net(1, 0), (9.0, 1.0)), (Net(2, 0), (8.0, 0.5)), (Net(3, 0), (1.0, 9.0)),
        (Net(4, 0), (5.0, 5.0)), (Net(5, 0), (4.9, 4.9)),
    )  # fmt: skip
    listed = shortlist(history, Space(Net), 4)
    assert [(c.trials[0], c.why) for c in listed.chosen] == [
        (0, "front"), (3, "front"), (2, "front"), (1, "best"),
    ]  # fmt: skip


def test_what_does_the_same_is_a_near_duplicate() -> None:
    history = history_of((Drawn(3, 1), 1.0), (Drawn(3, 2), 0.9), (Drawn(4, 1), 0.8))
    listed = shortlist(history, Space(Drawn), 2)
    assert [c.trials[0] for c in listed.chosen] == [0, 2]
    assert [(c.trials[0], c.like, c.why) for c in listed.dropped] == [(1, 0, "duplicate")]


def test_the_chosen_differ_in_as_many_decisions_as_asked() -> None:
    history = history_of((Net(1, 1), 3.0), (Net(1, 2), 2.0), (Net(2, 2), 1.0))
    assert [c.trials[0] for c in shortlist(history, Space(Net), 2).chosen] == [0, 1]
    assert [c.trials[0] for c in shortlist(history, Space(Net), 2, apart=2).chosen] == [0, 2]


def test_a_near_tie_at_the_cut_is_worth_repeating_and_a_clear_one_is_not() -> None:
    rewards = [9.0, 5.0, 4.99, 1.0, 0.0, -1.0, 2.0, 3.0]
    history = history_of(*((Net(width, 0), reward) for width, reward in enumerate(rewards)))
    near = shortlist(history, Space(Net), 2, noise=0.5)
    repeated = worth_repeating(near, price=0.01)
    assert repeated is not None
    assert repeated.trials[0] in (1, 2)
    assert worth_repeating(near, price=10.0) is None
    assert worth_repeating(shortlist(history, Space(Net), 2, noise=0.0), 0.0) is None
    assert worth_repeating(shortlist(history, Space(Net), 8, noise=0.5), 0.0) is None


def test_a_front_has_no_cut_to_be_near() -> None:
    history = history_of(
        (Net(1, 0), (9.0, 1.0)), (Net(2, 0), (8.9, 1.1)),
        (Net(3, 0), (8.8, 1.2)), (Net(4, 0), (0.0, 0.0)),
    )  # fmt: skip
    listed = shortlist(history, Space(Net), 2, noise=0.1)
    assert listed.next
    assert worth_repeating(listed, price=0.0) is None


def test_each_is_planned_once_before_any_twice() -> None:
    a, b = Net(1, 1), Net(2, 2)
    assert planned([a, b], 2, History()) == [a, b, a, b]
    had = history_of((a, 1.0)).asked(Trial(1, a))
    assert planned([a, b], 2, had) == [b, b]
    failed = History((Trial(0, b, Failed("x")),))
    assert planned([a, b], 1, failed) == [a]


def test_arguments_are_checked() -> None:
    with pytest.raises(ConfigurationError, match="count=0: must be at least 1"):
        shortlist(History(), Space(Net), 0)
    with pytest.raises(ConfigurationError, match="noise=-1: must be 0 or above"):
        shortlist(History(), Space(Net), 1, noise=-1)
    assert shortlist(History(), Space(Net), 3).chosen == ()
