"""What failed is tried again when the user says so, and nothing that was stored is lost."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import optuna
import pytest

import raynas as nas
from raynas.errors import ConfigurationError, StoreError
from raynas.stopping import (
    Convergence,
    FailedLimit,
    FailureShare,
    SpaceExhausted,
    TrialLimit,
    until,
)
from raynas.store import Store
from raynas.testing import TinyNet
from raynas.trials import Completed, Failed, Infeasible


@pytest.fixture(params=["journal", "database"])
def where(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "journal":
        return str(tmp_path / "journal.log")
    return f"sqlite:///{tmp_path / 'search.db'}"


def opened(where: str, task: str = "first", **options: Any) -> nas.AskTell[Any]:
    return nas.AskTell(
        TinyNet, controller="random", store=where, identity={"task: kind": task}, **options
    )


def tried(where: str) -> list[Any]:
    """Four trials: completed, failed, infeasible, completed; their architectures."""
    with opened(where) as search:
        asked = [search.ask() for _ in range(4)]
        search.tell(0, 1.0)
        search.tell(1, Failed("Traceback: mistake"))
        search.tell(2, Infeasible("mistake"))
        search.tell(3, 3.0)
    return [proposal.architecture for proposal in asked if proposal]


def test_only_what_has_no_reward_is_tried_again_under_its_number(where: str) -> None:
    architectures = tried(where)
    with opened(where, again=True) as search:
        assert [trial.number for trial in search.history.running] == [1, 2]
        for number in (1, 2):
            proposal = search.ask()
            assert proposal is not None
            assert (proposal.number, proposal.architecture) == (number, architectures[number])
            search.tell(number, 10.0 + number)
        new = search.ask()
        assert new is not None
        assert new.number == 4
        search.tell(4, Failed("still wrong"))
    with opened(where, read_only=True) as search:
        assert [trial.reward for trial in search.history] == [1.0, 11.0, 12.0, 3.0, None]
        assert search.store.notes(1)["repeats"] == 1
    with opened(where) as search:
        assert not search.history.running


def test_what_a_killed_process_did_not_repeat_yet_is_repeated_by_the_next(where: str) -> None:
    tried(where)
    with opened(where, again=True) as search:
        search.ask()
        search.tell(1, 11.0)
    with opened(where) as search:
        assert [trial.number for trial in search.history.running] == [2]


def test_optuna_reads_both_the_failed_and_the_repeated_trial(tmp_path: Path) -> None:
    path = tmp_path / "journal.log"
    tried(str(path))
    with opened(str(path), again=True) as search:
        search.ask()
        search.tell(1, 11.0)
    backend = optuna.storages.journal.JournalFileBackend(str(path))
    study = optuna.load_study(study_name="search", storage=optuna.storages.JournalStorage(backend))
    states = [trial.state.name for trial in study.trials]
    assert states == ["COMPLETE", "FAIL", "FAIL", "COMPLETE", "COMPLETE", "RUNNING"]
    assert study.best_value == 11.0


def test_a_kept_task_does_not_keep_what_had_no_reward(where: str) -> None:
    tried(where)
    with opened(where, "second", keep=("task",), read_only=True) as search:
        assert len(search.history.unrewarded) == 2
    with opened(where, "second", keep=("task",)) as search:
        assert [trial.number for trial in search.history.running] == [1, 2]
        assert [trial.reward for trial in search.history.completed] == [1.0, 3.0]
        search.ask()
        search.tell(1, Infeasible("also now"))
    with opened(where, "second") as search:
        assert [trial.number for trial in search.history.unrewarded] == [1]


def test_a_changed_search_begins_anew_and_the_earlier_one_is_set_aside(where: str) -> None:
    architectures = tried(where)
    with pytest.raises(StoreError, match=r"task: kind was first, now second.* with --again"):
        opened(where, "second")
    with opened(where, "second", again=True) as search:
        assert not len(search.history)
        search.ask()
        search.tell(0, 7.0)
    with opened(where, "second") as search:
        assert [trial.reward for trial in search.history] == [7.0]
    aside = where if "://" in where else where.replace("journal.log", "journal.1.log")
    name = "search.1" if "://" in where else "search"
    with opened(aside, read_only=True, name=name) as search:
        assert [trial.architecture for trial in search.history] == architectures
        assert [trial.reward for trial in search.history] == [1.0, None, None, 3.0]


def test_a_link_under_the_name_of_what_is_set_aside_stays(tmp_path: Path) -> None:
    where = str(tmp_path / "journal.log")
    tried(where)
    (tmp_path / "journal.1.log").symlink_to(tmp_path / "nowhere")
    opened(where, "second", again=True).close()
    assert (tmp_path / "journal.1.log").is_symlink()
    assert not (tmp_path / "nowhere").exists()
    assert (tmp_path / "journal.2.log").is_file()


def test_all_begins_anew_though_nothing_changed(where: str) -> None:
    tried(where)
    for _ in range(2):
        with opened(where, again="all") as search:
            assert not len(search.history)
            search.ask()
            search.tell(0, 1.0)


def test_a_storage_of_the_users_is_left_as_it_is() -> None:
    storage: Any = optuna.storages.InMemoryStorage()
    tried(storage)
    with pytest.raises(StoreError, match="cannot be set aside in this storage: give the search an"):
        opened(storage, "second", again=True)
    assert len(storage.get_all_trials(0)) == 4


def test_a_reader_follows_a_search_whose_trials_run_again(where: str) -> None:
    tried(where)
    with opened(where, read_only=True) as reader:
        assert len(reader.follow().unrewarded) == 2
        with opened(where, again=True) as search:
            search.ask()
            search.tell(1, 11.0)
            assert [trial.reward for trial in reader.follow()] == [1.0, 11.0, None, 3.0]
            search.ask()
            search.tell(2, 12.0)
            assert [trial.reward for trial in reader.follow()] == [1.0, 11.0, 12.0, 3.0]


def test_a_store_that_repeats_what_is_not_there_is_refused(where: str) -> None:
    with opened(where) as search:
        search.ask()
        search.store.note(0, "repeats", 5)
    with pytest.raises(StoreError, match="trial 0 of the store repeats trial 5, which is not th"):
        opened(where)


@pytest.mark.parametrize("again", ["yes", None, 2])
def test_another_value_is_refused(again: Any) -> None:
    with pytest.raises(ConfigurationError, match=f"again={again!r}: use True, False or 'all'"):
        nas.Search(TinyNet, nas.FunctionTask(lambda net: 1.0), again=again)


RULES = (FailureShare(), Convergence(), FailedLimit(5), TrialLimit(9), SpaceExhausted(3))


@pytest.mark.parametrize(
    ("names", "left"),
    [
        ([], RULES),
        (["trials"], RULES[3:]),
        (["Convergence"], RULES[1:2] + RULES[3:]),
        (["failures", "failed-limit"], RULES[:1] + RULES[2:]),
    ],
)
def test_until_leaves_the_named_rules_and_the_limits(names: list[str], left: Any) -> None:
    assert until(RULES, names) == left


def test_until_an_unknown_rule_is_refused() -> None:
    known = "convergence, failed limit, failures, space exhausted, trial limit"
    with pytest.raises(ConfigurationError, match=f"no such rule; use one of {known}"):
        until(RULES, ["x"])
    with pytest.raises(ConfigurationError, match=re.escape("until=3: must be names of stop rules")):
        nas.Search(TinyNet, nas.FunctionTask(lambda net: 1.0), until=3)  # type: ignore[arg-type]


def test_limits_of_the_latest_start_are_shown(tmp_path: Path) -> None:
    def search(**limits: Any) -> nas.Search:
        return nas.Search(
            TinyNet,
            nas.FunctionTask(lambda net: 1.0),
            limits=nas.Limits(**limits),
            name="s",
            folder=tmp_path,
        )

    with search(trials=1).open() as run:
        run._searcher.asktell.ask()
        run._searcher.asktell.tell(0, 1.0)
        assert run.go().stop is not None
    with search(trials=99).open(read_only=True) as run:
        assert run.view().limit == 1
        assert "trials 1 of 1" in run.states()
        run._searcher.asktell.store._study.attrs["raynas:notes"] = {"limits": {"trials": "x"}}
    with search(trials=99).open() as run:
        assert run.view().limit == 99
        run._searcher.asktell.store.note_on_search({"limits": {"nonsense": 1}, "until": 3})
    with search(trials=99).open(read_only=True) as run:
        assert run.view().limit == 99


def test_a_searcher_lets_go_of_its_store(tmp_path: Path) -> None:
    first = nas.NASSearcher(TinyNet, metric="x", mode="max", store=tmp_path / "journal")
    first.close()
    first.suggest("a")
    with pytest.raises(StoreError, match="in use"):
        Store(tmp_path / "journal", "search", nas.Space(TinyNet), {})
    first.close()
    second = nas.NASSearcher(TinyNet, metric="x", mode="max", store=tmp_path / "journal")
    assert len(second.history) == 1
    second.close()


def test_a_trial_that_tune_restarted_takes_the_place_of_the_failed_one(tmp_path: Path) -> None:
    searcher = nas.NASSearcher(TinyNet, metric="loss", mode="min", store=tmp_path / "journal")
    configs = {name: searcher.suggest(name) for name in "ab"}
    searcher.on_trial_complete("a", error=True)
    assert "its trainable raised an error, or its worker process died" in str(
        searcher.history[0].reason
    )
    searcher.on_trial_complete("b", {"loss": 2.0})
    result = {f"config/{key}": value for key, value in configs["a"].items()}
    searcher.on_trial_result("new", {"loss": 5.0, **result})
    assert [trial.number for trial in searcher.history.running] == [0]
    searcher.on_trial_complete("new", {"loss": 4.0, **result})
    searcher.on_trial_complete("other", {"loss": 9.0, **result})
    assert [trial.reward for trial in searcher.history] == [-4.0, -2.0]
    assert isinstance(searcher.history[0].outcome, Completed)
    searcher.close()
