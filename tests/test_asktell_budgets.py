"""Ask and tell with budgets: what is stored of them, proved and gone on with."""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from raynas.asktell import AskTell
from raynas.controllers.surrogate import Surrogate
from raynas.errors import ConfigurationError, DamagedStoreError, StoreError
from raynas.rewards import Metric, Pareto
from raynas.store.checksum_chain import DamageError
from raynas.store.outcome_digest import outcome_record, read_outcome
from raynas.store.repair import repair_journal
from raynas.testing import TinyNet, ToyNet, toy_reward
from raynas.trials import Completed, History, Measurement, Trial

BUDGETS = (1 / 16, 1 / 4, 1.0)
DONE = Completed(Measurement({"reward": 1.0}), 1.0)


def opened(where: Any, **options: Any) -> AskTell[Any]:
    return AskTell(ToyNet, store=where, **{"budgets": BUDGETS, **options})


def searched(where: Any, trials: int, deaths: int = 0) -> list[tuple[Any, float, float | None]]:
    """A search of two workers that dies so often at random moments, before or after a result."""
    rng = np.random.default_rng(deaths)
    ends = set(rng.choice(range(1, 2 * trials), deaths, replace=False).tolist())
    search, moment = opened(where), 0
    running: list[Any] = []
    while len(search.history) < trials or running:
        moment += 1
        if moment in ends:  # what was in flight is asked again
            search.close()
            search, running = opened(where), []
        if len(running) < 2 and (len(search.history) < trials or search.waiting):
            running.append(search.ask())
            continue
        proposal = running.pop(0)
        search.tell(proposal.number, toy_reward(proposal.architecture) * proposal.budget**0.2)
    search.close()
    return [(trial.architecture, trial.budget, trial.reward) for trial in search.history]


def test_a_search_that_was_killed_at_random_is_the_uninterrupted_one(tmp_path: Path) -> None:
    whole = searched(None, 24)
    assert {budget for _, budget, _ in whole} > {BUDGETS[0]}
    assert searched(tmp_path / "a.log", 24, deaths=6) == whole


def test_a_search_that_is_killed_within_each_budget_is_the_uninterrupted_one(
    tmp_path: Path,
) -> None:
    def run(where: Any, dies: bool) -> list[tuple[Any, float]]:
        search, seen = opened(where, trainings=8), set()
        while len(search.history.ended) < 22:
            proposal = search.ask()
            assert proposal is not None
            if dies and proposal.budget not in seen:
                seen.add(proposal.budget)
                search.close()
                search = opened(where, trainings=8)
                assert search.ask() == proposal
            reward = toy_reward(proposal.architecture) * proposal.budget**0.2
            search.tell(proposal.number, reward)
        search.close()
        return [(trial.architecture, trial.budget) for trial in search.history]

    whole = run(None, dies=False)
    assert {budget for _, budget in whole} >= {BUDGETS[0], 1.0}
    assert run(tmp_path / "a.log", dies=True) == whole


@pytest.mark.parametrize("seed", [0, 1])
def test_with_one_budget_a_search_is_that_of_the_default_controller(seed: int) -> None:
    search = AskTell(ToyNet, seed=seed, budgets=(1.0,))
    controller = Surrogate(search.space)
    history = History()
    for number in range(14):
        proposal = search.ask()
        assert proposal is not None
        rng = np.random.default_rng([seed, number])
        assert proposal.architecture == controller.propose(history, rng)
        reward = toy_reward(proposal.architecture)
        search.tell(number, reward)
        asked = history.asked(Trial(number, proposal.architecture))
        history = asked.told(number, Completed(Measurement({}), reward), 0.0)


@pytest.mark.parametrize("where", ["journal.log", "sqlite:///{}/search.db"])
def test_budgets_are_stored_with_proposals(tmp_path: Path, where: str) -> None:
    place = where.format(tmp_path) if "{}" in where else tmp_path / where
    with opened(place) as search:
        net = search.space.sample(np.random.default_rng(0))
        for budget in BUDGETS:
            search.tell(search.propose(net, budget).number, 1.0)
        search.ask()
        told = search.history
    with opened(place) as search:
        assert [trial.budget for trial in search.history] == [*BUDGETS, BUDGETS[0]]
        assert search.history[:3] == told[:3]
        proposal = search.ask()
        assert proposal is not None
        assert (proposal.number, proposal.budget) == (3, BUDGETS[0])


def test_a_search_without_budgets_stores_nothing_of_them(tmp_path: Path) -> None:
    with AskTell(ToyNet, "random", store=tmp_path / "a.log") as search:
        proposal = search.ask()
        assert proposal is not None
        assert proposal.budget == 1.0
        search.tell(proposal.number, 1.0)
    assert b"budget" not in (tmp_path / "a.log").read_bytes()


def test_other_budgets_are_another_search(tmp_path: Path) -> None:
    with opened(tmp_path / "a.log") as search:
        search.tell(search.ask().number, 1.0)  # type: ignore[union-attr]
    with pytest.raises(StoreError, match="is another one: budgets"):
        opened(tmp_path / "a.log", budgets=(1 / 8, 1.0))
    with pytest.raises(StoreError, match="is another one"):
        AskTell(ToyNet, store=tmp_path / "a.log")


def test_an_outcome_proves_the_length_of_its_training() -> None:
    record = outcome_record(3, {"width": 8}, DONE, 12.5, 0.25)
    assert read_outcome(record, 3, {"width": 8}, 0.25) == (DONE, 12.5)
    with pytest.raises(DamageError, match="has the outcome of a training of another length"):
        read_outcome(record, 3, {"width": 8}, 1.0)
    with pytest.raises(DamageError, match="has the outcome of a training of another length"):
        read_outcome(outcome_record(3, {"width": 8}, DONE, 12.5), 3, {"width": 8}, 0.25)


def test_a_changed_budget_in_a_database_is_found(tmp_path: Path) -> None:
    place = f"sqlite:///{tmp_path / 'search.db'}"
    with opened(place) as search:
        search.tell(search.ask().number, 1.0)  # type: ignore[union-attr]
    with sqlite3.connect(tmp_path / "search.db") as database:
        change = "update trial_user_attributes set value_json = '1.0' where key = 'budget'"
        assert database.execute(change).rowcount == 1
    with pytest.raises(DamagedStoreError, match=r"trial 0 .* of a training of another length"):
        opened(place)


def test_a_changed_budget_in_a_journal_is_found(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    with opened(path) as search:
        search.ask()
    path.write_bytes(re.sub(rb'"budget": ?0\.0625', b'"budget":0.2500', path.read_bytes()))
    with pytest.raises(StoreError, match="raynas repair"):
        opened(path)


def test_a_repair_takes_the_budget_from_the_outcome(tmp_path: Path) -> None:
    """Where the proposal is lost, its result still says what was trained for how long."""
    path = tmp_path / "a.log"
    with AskTell(TinyNet, store=path, budgets=BUDGETS) as search:
        for number, net in enumerate(search.space.enumerate()):
            search.propose(net, BUDGETS[number % 3])
            search.tell(number, 1.0)
        told = [(trial.architecture, trial.budget) for trial in search.history]
    lines = path.read_bytes().splitlines(keepends=True)
    lost = next(i for i, line in enumerate(lines) if b'"number":1,' in line and b'"params"' in line)
    path.write_bytes(b"".join(lines[:lost] + lines[lost + 1 :]))
    repair_journal(path)
    with AskTell(TinyNet, store=path, budgets=BUDGETS) as search:
        assert [(trial.architecture, trial.budget) for trial in search.history] == told


def test_proposals_of_the_caller_have_one_of_the_budgets() -> None:
    search = opened(None)
    architecture = search.space.sample(np.random.default_rng(0))
    assert search.propose(architecture).budget == BUDGETS[0]
    assert search.propose(architecture, 1.0).budget == 1.0
    with pytest.raises(
        ConfigurationError, match=r"budget=0\.5: must be one of the search's, 1/16, 1"
    ):
        search.propose(architecture, 0.5)


def test_the_limit_in_full_trainings_holds() -> None:
    search = opened(None, trainings=0.5)
    while (proposal := search.ask()) is not None:
        search.tell(proposal.number, toy_reward(proposal.architecture))
    assert search.history.cost <= 0.5 < search.history.cost + BUDGETS[0]


def test_a_controller_that_chooses_no_budgets_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="controller='random': it cannot choose among"):
        opened(None, controller="random")


def test_several_objectives_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="a search over budgets has one objective, and"):
        opened(None, reward=Pareto(Metric("a"), Metric("b")))


def test_with_one_budget_there_are_no_beliefs_about_budgets() -> None:
    search = AskTell(ToyNet)
    assert search.beliefs() == []
    assert search.trust() == []
    assert search.believed() is search.history


def test_further_full_trainings_count_as_if_the_search_had_made_them() -> None:
    apart, together = opened(None), opened(None)
    for _ in range(12):
        for search in (apart, together):
            proposal = search.ask()
            assert proposal is not None
            search.tell(proposal.number, toy_reward(proposal.architecture) * proposal.budget**0.2)
    best = sorted(apart.history.completed, key=lambda trial: trial.reward or 0.0)[-4:]
    more = []
    for number, trial in enumerate(best):
        reward = toy_reward(trial.architecture)
        more.append(Trial(number, trial.architecture, Completed(Measurement({}), reward)))
        proposal = together.propose(trial.architecture, 1.0)
        together.tell(proposal.number, reward)
    assert [trust.full for trust in apart.trust()] != [trust.full for trust in apart.trust(more)]
    assert apart.trust(more) == together.trust()
    ours, theirs = apart.beliefs(3, more), together.beliefs(3)
    assert [b.trial.architecture for b in ours] == [b.trial.architecture for b in theirs]
    assert [(b.mean, b.deviation) for b in ours] == [(b.mean, b.deviation) for b in theirs]
