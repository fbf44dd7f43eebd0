"""Proposals are made one by one, together or in the background, and never lost or repeated."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, Future
from typing import Any

import numpy as np
import pytest

from raynas.asktell import AskTell
from raynas.controllers import Controller, Random
from raynas.controllers.planner import Planner
from raynas.space import Space, choice, repeat, searchable
from raynas.testing import TinyNet
from raynas.trials import Completed, History, Measurement, Trial


@searchable
class Edges:
    of: tuple[int, ...] = repeat(choice(0, 1, 2, 3), 8)


class ByHand(Executor):
    """Computes when the test says so."""

    def __init__(self) -> None:
        self.work: list[tuple[Future[Any], Any]] = []

    def submit(self, function: Any, /, *given: Any, **options: Any) -> Future[Any]:
        future: Future[Any] = Future()
        self.work.append((future, lambda: function(*given, **options)))
        return future

    def go(self) -> None:
        future, compute = self.work.pop()
        try:
            future.set_result(compute())
        except ValueError as error:
            future.set_exception(error)


class Counting(Controller):
    """Counts how often it is asked, and for how many."""

    def __init__(self, space: Space[Any]) -> None:
        super().__init__(space)
        self.asked: list[int] = []

    def propose(self, history: History, rng: np.random.Generator) -> Any:
        return self.propose_batch(history, 1, rng)[0]

    def propose_batch(
        self, history: History, count: int, rng: np.random.Generator
    ) -> Sequence[Any]:
        self.asked.append(count)
        return [self.space.sample(rng) for _ in range(count)]


@pytest.fixture
def controller() -> Counting:
    return Counting(Space(Edges))


@pytest.fixture
def background() -> ByHand:
    return ByHand()


@pytest.fixture
def planner(controller: Counting, background: ByHand) -> Planner:
    return Planner(controller, 0, background)


def known(count: int, running: int = 0) -> History:
    space, rng = Space(Edges), np.random.default_rng(7)
    ended = Completed(Measurement({}), 1.0)
    outcomes = [ended] * count + [None] * running
    return History([Trial(i, space.sample(rng), outcome) for i, outcome in enumerate(outcomes)])


def handed_out(planner: Planner, history: History, free: int) -> Iterator[Any]:
    for left in range(free, 0, -1):
        architecture = planner.propose(history, left)
        history = history.asked(Trial(len(history), architecture))
        yield architecture


def test_few_are_made_one_by_one(planner: Planner, controller: Counting) -> None:
    list(handed_out(planner, known(3), 7))
    assert controller.asked == [1] * 7


def test_many_are_made_together_and_all_handed_out(planner: Planner, controller: Counting) -> None:
    assert len(set(handed_out(planner, known(3), 130))) == 130
    assert controller.asked == [100, 30]


def test_what_is_prepared_is_handed_out_without_asking_again(
    planner: Planner, controller: Counting, background: ByHand
) -> None:
    history = known(3, running=2)
    assert not planner.is_prepared(history, 20)
    assert not planner.is_prepared(history, 20)
    assert controller.asked == []
    background.go()
    assert planner.is_prepared(history, 20)
    assert len(set(handed_out(planner, history, 20))) == 20
    assert controller.asked == [20]
    assert not background.work


def test_a_controller_without_batches_prepares_as_it_would_one_by_one(background: ByHand) -> None:
    space, history = Space(Edges), known(3)
    planner = Planner(Random(space), 5, background)
    planner.is_prepared(history, 12)
    background.go()
    prepared = list(handed_out(planner, history, 12))
    alone = Planner(Random(space), 5)
    assert prepared == [*handed_out(alone, history, 12)]


def told(history: History, number: int) -> History:
    return history.told(number, Completed(Measurement({}), 2.0), 0.0)


def test_what_was_planned_is_dropped_when_it_is_out_of_date(
    planner: Planner, controller: Counting
) -> None:
    history = known(3, running=20)
    planner.propose(history, 10)
    for number in range(3, 14):
        planner.propose(history, 5)  # nine are left, then eight ...
        history = told(history, number)
        if controller.asked != [10]:
            break
    assert controller.asked == [10, 1]
    assert number == 12  # after the nine


def test_for_one_place_a_new_result_counts_at_once(planner: Planner, controller: Counting) -> None:
    history = known(3, running=1)
    planner.propose(history, 10)
    planner.propose(history, 1)
    assert controller.asked == [10]
    planner.propose(told(history, 3), 1)
    assert controller.asked == [10, 1]


def test_results_that_keep_coming_do_not_starve_one_place(
    planner: Planner, controller: Counting, background: ByHand
) -> None:
    history = known(3, running=1)
    assert not planner.is_prepared(history, 1)
    background.go()
    assert planner.is_prepared(told(history, 3), 1)
    planner.propose(told(history, 3), 1)
    assert controller.asked == [1]


def test_what_others_have_tried_meanwhile_is_not_tried_again(
    planner: Planner, background: ByHand
) -> None:
    history = known(3)
    planner.is_prepared(history, 8)
    background.go()
    first = planner.propose(history, 8)
    fresh = Planner(Counting(Space(Edges)), 0)
    second = list(handed_out(fresh, history, 8))[1]
    history = history.asked(Trial(3, first)).asked(Trial(4, second))
    assert planner.propose(history, 6) not in (first, second)


def test_a_proposal_that_fails_in_the_background_fails_where_it_is_wanted(
    background: ByHand,
) -> None:
    class Broken(Random):
        def propose(self, history: History, rng: np.random.Generator) -> Any:
            raise ValueError("cannot propose")

    planner = Planner(Broken(Space(Edges)), 0, background)
    assert not planner.is_prepared(known(1), 3)
    background.go()
    assert planner.is_prepared(known(1), 3)
    with pytest.raises(ValueError, match="cannot propose"):
        planner.propose(known(1), 3)


def test_an_exhausted_space_is_found_in_the_background_too() -> None:
    search = AskTell(TinyNet, "auto")
    background = search._planner.background = ByHand()
    assert len(search.ask_batch(50)) == search.space.size
    assert not search.is_prepared(8)
    background.go()
    assert search.is_prepared(8)
    assert search.ask(8) is None


def test_a_thread_of_its_own_prepares(controller: Counting) -> None:
    planner = Planner(controller, 0)
    assert not planner.is_prepared(known(3), 9)
    assert planner.propose(known(3), 9) is not None  # waits
    assert controller.asked == [9]
    planner.close()


def test_what_is_prepared_is_no_trial(tmp_path: Any) -> None:
    path = tmp_path / "journal.log"
    with AskTell(Edges, "auto", store=path) as search:
        background = search._planner.background = ByHand()
        search.ask()
        search.is_prepared(10)
        background.go()
        assert search.is_prepared(10)
        search.ask(10)
    with AskTell(Edges, "auto", store=path) as again:
        assert len(again.history) == 2
