"""The search loop turned inside out."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from optuna.storages import InMemoryStorage

from raynas import AskTell
from raynas.controllers import Random
from raynas.errors import ConfigurationError, SpaceError, StoreError
from raynas.rewards import Metric, Pareto, Reward
from raynas.space import Space
from raynas.testing import OPTIMUM, LoneNet, TinyNet, ToyNet, toy_reward
from raynas.trials import Completed, Failed, Infeasible, Measurement, Point, Stopped


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return tmp_path / "journal.log"


def search_of(space: Any = ToyNet, *args: Any, **options: Any) -> AskTell[Any]:
    return AskTell(space, *args, **options)


def asked(search: AskTell[Any], count: int) -> list[Any]:
    return [search.ask().architecture for _ in range(count)]  # type: ignore[union-attr]


def test_a_search_finds_a_good_architecture() -> None:
    search = AskTell(ToyNet, seed=0)
    for number in range(60):
        proposal = search.ask()
        assert proposal is not None
        assert proposal.number == number
        search.tell(proposal.number, toy_reward(proposal.architecture))
    (best,) = search.history.best(1)
    assert best.reward is not None
    assert best.reward > 0.85
    assert best.reward == toy_reward(best.architecture)


def test_proposals_run_in_parallel_and_end_in_any_order() -> None:
    search = search_of()
    asked(search, 3)
    for number in (2, 0):
        search.tell(number, float(number))
    assert [trial.number for trial in search.history.running] == [1]
    assert search.history.rewards == (0.0, 2.0)
    assert search.waiting == 0


def test_the_history_is_a_snapshot() -> None:
    search = search_of()
    before = search.history
    asked(search, 1)
    assert len(before) == 0
    assert len(search.history) == 1


def test_the_space_is_a_class_or_a_space() -> None:
    space = Space(ToyNet)
    assert search_of(space).space is space
    assert asked(search_of(space), 3) == asked(search_of(ToyNet), 3)


def test_equal_seeds_propose_the_same() -> None:
    once, again, other = (asked(search_of(seed=seed), 5) for seed in (3, 3, 4))
    assert once == again
    assert once != other


def test_each_proposal_has_a_generator_of_seed_and_number() -> None:
    search = search_of(controller=Random, seed=5)
    expected = [Space(ToyNet).sample(np.random.default_rng([5, number])) for number in range(4)]
    assert asked(search, 4) == expected


@pytest.mark.parametrize("seed", [-1, 1.0, True, None, "0"])
def test_seeds_that_are_no_whole_numbers_are_refused(seed: Any) -> None:
    with pytest.raises(
        ConfigurationError, match=f"seed={seed!r}: must be a whole number from 0 on"
    ):
        search_of(seed=seed)


def test_what_is_no_space_is_refused() -> None:
    with pytest.raises(SpaceError, match="int is not a search space"):
        search_of(int)


def test_an_unknown_controller_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="controller='best' is unknown"):
        search_of(controller="best")


@pytest.mark.parametrize("controller", ["auto", "random"])
def test_an_exhausted_space_ends_in_none(controller: str) -> None:
    search = search_of(TinyNet, controller)
    nets = asked(search, 6)
    assert set(nets) == set(Space(TinyNet).enumerate())
    assert search.ask() is None
    search.tell(0, 1.0)
    assert search.ask() is None


def test_a_space_of_one_is_asked_once() -> None:
    search = search_of(LoneNet)
    assert asked(search, 1) == [LoneNet(3)]
    assert search.ask() is None


@pytest.mark.parametrize("reward", [math.nan, math.inf, -math.inf])
def test_a_reward_that_is_not_finite_is_infeasible(reward: float) -> None:
    search = search_of()
    asked(search, 2)
    assert search.tell(0, reward) == Infeasible(
        f"reward is {reward}", search.history[0].outcome.measurement
    )
    completed = Completed(Measurement({"a": 1.0}), reward)
    expected = Infeasible(f"reward is {reward}", Measurement({"a": 1.0}))
    assert search.tell(1, completed) == expected
    assert search.history.rewards == ()


@pytest.mark.parametrize("reward", [2, 2.0, np.float32(2), np.int64(2)])
def test_any_real_number_is_a_reward(reward: Any, journal: Path) -> None:
    search = search_of(store=journal)
    asked(search, 1)
    assert search.tell(0, reward) == Completed(Measurement({"reward": 2.0}), 2.0)
    search.store.close()
    assert search_of(store=journal).history.rewards == (2.0,)


@pytest.mark.parametrize("result", ["0.5", None, True, [0.5]])
def test_what_is_no_result_is_refused(result: Any) -> None:
    search = search_of()
    asked(search, 1)
    with pytest.raises(
        ConfigurationError, match=r"tell\(result=.*\): give a number, a Measurement or an outcome"
    ):
        search.tell(0, result)
    assert search.history[0].outcome is None


def test_a_measurement_is_judged_by_the_reward_of_the_search() -> None:
    search = search_of(reward=Metric("loss", "min"))
    asked(search, 2)
    measurement = Measurement({"loss": 0.5})
    assert search.tell(0, measurement) == Completed(measurement, -0.5)
    other = Measurement({"accuracy": 0.5})
    assert search.tell(1, other) == Infeasible("the task measured no 'loss'", other)


@pytest.mark.parametrize(
    "outcome",
    [Infeasible("too large"), Failed("x"), Stopped("median"), Completed(Measurement({}), 1.0)],
)
def test_an_outcome_is_stored_as_it_is(outcome: Any) -> None:
    search = search_of()
    asked(search, 1)
    assert search.tell(0, outcome) == outcome
    assert search.history[0].outcome == outcome


@pytest.mark.parametrize("number", [-1, 1, 7, "0", 0.0, None])
def test_an_unknown_number_is_refused(number: Any) -> None:
    search = search_of()
    asked(search, 1)
    with pytest.raises(
        ConfigurationError, match=rf"tell\(number={number!r}\): there is no proposal"
    ):
        search.tell(number, 1.0)
    with pytest.raises(ConfigurationError, match=f"number={number!r}.*: (there is no|must be) "):
        search.report(number, Point(1, {"reward": 1.0}))


def test_a_proposal_is_given_as_itself_or_by_its_number() -> None:
    search = search_of()
    first, second = search.ask_batch(2)
    search.report(first, Point(1, {"reward": 0.5}))
    assert search.history[0].points == (Point(1, {"reward": 0.5}),)
    assert search.tell(first, 1.0) == search.history[0].outcome
    assert search.tell(np.int64(second.number), 2.0) == search.history[1].outcome
    assert search.history.rewards == (1.0, 2.0)


def test_a_report_after_the_end_is_left_out() -> None:
    search = search_of()
    asked(search, 1)
    search.tell(0, 1.0)
    search.report(0, Point(1, {"reward": 0.5}))
    assert search.history[0].points == ()


def test_a_second_tell_is_refused() -> None:
    search = search_of()
    asked(search, 1)
    search.tell(0, 1.0)
    with pytest.raises(ConfigurationError, match=r"number=0\): this proposal has ended; tell each"):
        search.tell(0, 2.0)
    assert search.history.rewards == (1.0,)


def test_unfinished_proposals_come_first_under_their_own_numbers(journal: Path) -> None:
    search = search_of(store=journal)
    nets = asked(search, 4)
    search.tell(1, 1.0)
    search.store.close()
    again = search_of(store=journal)
    assert again.waiting == 3
    proposals = [again.ask() for _ in range(4)]
    assert [(p.number, p.architecture) for p in proposals if p] == [
        *((number, nets[number]) for number in (0, 2, 3)),
        (4, proposals[3].architecture),  # type: ignore[union-attr]
    ]
    assert again.waiting == 0
    assert again.history[0].started > search.history[0].started


def test_a_claimed_proposal_is_not_asked_again(journal: Path) -> None:
    search = search_of(store=journal)
    asked(search, 2)
    search.store.close()
    again = search_of(store=journal)
    again.claim(0)
    assert again.ask().number == 1  # type: ignore[union-attr]
    assert again.ask().number == 2  # type: ignore[union-attr]
    again.tell(0, 1.0)
    assert again.history.rewards == (1.0,)


def test_a_proposal_told_before_it_was_asked_again_is_done(journal: Path) -> None:
    """Its result was at hand after all, so that it need not run again."""
    search = search_of(store=journal)
    asked(search, 2)
    search.store.close()
    again = search_of(store=journal)
    again.tell(0, 1.0)
    assert again.waiting == 1
    assert [again.ask().number, again.ask().number] == [1, 2]  # type: ignore[union-attr]


def played(store: Path | None, interruptions: tuple[int, ...] = ()) -> list[Any]:
    """A search of 60 proposals, three at once; at `interruptions` its process is begun anew.

    A killed process leaves three proposals in flight. All three are asked again, so that the
    events are those of the uninterrupted search.
    """
    search = search_of(store=store, seed=7)
    running: list[Any] = []
    for event in range(60):
        if event in interruptions:
            search.store.close()
            search = search_of(store=store, seed=7)
            numbers = sorted(proposal.number for proposal in running)
            assert [search.ask().number for _ in numbers] == numbers  # type: ignore[union-attr]
        if len(running) == 3:
            proposal = running.pop(event % 3)
            reward = toy_reward(proposal.architecture) if event % 5 else math.nan
            search.tell(proposal.number, reward)
        running.append(search.ask())
    return [(trial.architecture, trial.outcome) for trial in search.history]


def test_a_resumed_search_equals_the_uninterrupted_one(journal: Path) -> None:
    resumed = played(journal, interruptions=(1, 20, 21, 45))
    uninterrupted = played(None)
    assert repr(resumed) == repr(uninterrupted)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"seed": 1}, "seed was 0, now 1"),
        ({"reward": Metric("loss", "min")}, r"reward was Metric\(name='reward', mode='max'\), now"),
        ({"space": TinyNet}, r"space: width was range\(8, 33, 8\), now absent"),
    ],
)
def test_a_changed_search_is_refused(journal: Path, options: Any, message: str) -> None:
    search = search_of(store=journal)
    search.tell(0, toy_reward(asked(search, 1)[0]))
    search.store.close()
    with pytest.raises(StoreError, match=message):
        search_of(**{"store": journal, **options})


def test_another_controller_may_go_on(journal: Path) -> None:
    search = search_of(store=journal)
    search.tell(0, toy_reward(asked(search, 1)[0]))
    search.store.close()
    again = search_of(controller="random", store=journal)
    assert again.history.rewards == search.history.rewards


def test_two_writers_to_one_search_are_noticed() -> None:
    storage = InMemoryStorage()
    first, second = search_of(store=storage), search_of(store=storage)
    asked(first, 1)
    with pytest.raises(
        StoreError, match="proposal 0 is in the store already: another process, or another Ask"
    ):
        second.ask()
    assert len(storage.get_all_trials(0)) == 1
    assert second.ask().number == 1  # type: ignore[union-attr]


def test_a_search_that_is_not_there_is_not_begun(journal: Path) -> None:
    with pytest.raises(StoreError, match="there is no search at"):
        search_of(store=journal, read_only=True)


def test_the_optimum_is_worth_more_than_its_neighbors() -> None:
    assert all(toy_reward(net) < 1 for net in Space(ToyNet).neighbors(OPTIMUM))


def test_a_closed_search_can_be_opened_again_in_the_same_process(journal: Path) -> None:
    with search_of(store=journal) as search:
        search.ask()
        with pytest.raises(StoreError, match="in use by this very process"):
            search_of(store=journal)
    with search_of(store=journal) as again:
        assert again.waiting == 1


@dataclass(frozen=True)
class Weighed(Reward):
    weigh: Any

    def __call__(self, measurement: Measurement) -> float:
        return float(self.weigh(measurement.metrics["reward"]))


def test_a_reward_that_is_shown_otherwise_in_every_process_is_refused(journal: Path) -> None:
    with pytest.raises(ConfigurationError, match="differs from run to run"):
        search_of(store=journal, reward=Weighed(lambda reward: reward))
    assert not journal.exists()


FRONT = Pareto(Metric("accuracy"), Metric("latency", "min"))


def test_several_objectives_are_told_as_a_tuple_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "journal.log"
    with AskTell(ToyNet, store=path, reward=FRONT) as search:
        told = [(0.5, -1.0), (0.9, -4.0), (0.4, -2.0), (0.9, -4.0)]
        for values in told:
            search.tell(search.ask().number, values)
        history = search.history
    assert [trial.objectives for trial in history] == told
    assert [trial.number for trial in history.front()] == [0, 1, 3]
    with AskTell(ToyNet, store=path, reward=FRONT) as again:
        assert [trial.objectives for trial in again.history] == told


@pytest.mark.parametrize("result", [0.5, (0.5,), (0.5, "fast"), (1.0, 2.0, 3.0)])
def test_another_number_of_objectives_is_refused(result: object) -> None:
    search = AskTell(ToyNet, reward=FRONT)
    search.ask()
    with pytest.raises(ConfigurationError, match="a tuple of 2 numbers"):
        search.tell(0, result)
