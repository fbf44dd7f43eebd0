"""One driver a search, also in a database; and what a store may keep of a changed search."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from optuna.storages import RDBStorage
from sqlalchemy import text

import raynas as nas
from raynas.errors import ConfigurationError, StoreError
from raynas.rewards import Metric
from raynas.store.lease import LEASE, Holder, Lease
from raynas.testing import TinyNet
from raynas.trials import Completed, Measurement

NET = TinyNet(1, "conv")


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'search.db'}"


def search(where: Any, **changes: Any) -> nas.AskTell[Any]:
    arguments: dict[str, Any] = {"reward": Metric("a"), "identity": {"task: steps": "5"}}
    return nas.AskTell(TinyNet, store=where, **{**arguments, **changes})


def held_by(url: str, holder: Holder) -> None:
    """Write a lease into the database as a process elsewhere would have."""
    with RDBStorage(url).engine.begin() as connection:
        connection.execute(
            text("UPDATE study_user_attributes SET value_json = :text WHERE key = :key"),
            {"text": json.dumps(dataclasses.asdict(holder)), "key": LEASE},
        )


def test_a_second_driver_on_a_database_is_refused_and_told_who_holds_it(url: str) -> None:
    first = search(url)
    code = (
        "import raynas as nas; from raynas.testing import TinyNet\n"
        "from raynas.rewards import Metric\n"
        f"nas.AskTell(TinyNet, store={url!r}, reward=Metric('a'), identity={{'task: steps': '5'}})"
    )
    second = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert second.returncode == 1
    assert f"is in use by process {Holder().pid} on " in second.stderr
    assert "give this search another name" in second.stderr
    first.close()
    search(url).close()


def test_the_lease_of_a_process_that_died_here_is_taken_at_once(url: str) -> None:
    code = (
        "import os, raynas as nas; from raynas.testing import TinyNet\n"
        "from raynas.rewards import Metric\n"
        f"s = nas.AskTell(TinyNet, store={url!r}, reward=Metric('a'), "
        "identity={'task: steps': '5'})\n"
        "s.ask(); os._exit(9)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 9
    with search(url) as taken:
        assert len(taken.history.running) == 1


def test_a_silent_machine_is_watched_before_its_search_is_taken_over(
    url: str, caplog: pytest.LogCaptureFixture
) -> None:
    search(url).close()
    storage = RDBStorage(url)
    study = storage.get_study_id_from_name("search")
    elsewhere = Holder(pid=1, host="far", machine="far/1", born="1", seconds=0.3)
    Lease(storage, study, url).release()
    lease = Lease(storage, study, url)
    held_by(url, dataclasses.replace(elsewhere, seconds=600.0))
    with pytest.raises(StoreError, match=r"in use by process 1 on far, heard of \d+ s ago: wait"):
        Lease(storage, study, url)
    held_by(url, dataclasses.replace(elsewhere, renewed=time.time() - 100))
    Lease(storage, study, url).release()
    assert "was left by process 1 on far" in caplog.text
    lease.release()


def test_a_driver_whose_clock_is_another_one_is_seen_to_live(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    search(url).close()
    storage = RDBStorage(url)
    study = storage.get_study_id_from_name("search")
    Lease(storage, study, url).release()
    lease = Lease(storage, study, url)
    ahead = Holder(pid=1, host="far", machine="far/1", born="1", renewed=time.time() + 3600)
    held_by(url, ahead)
    renewed = dataclasses.replace(ahead, renewed=ahead.renewed + 10)
    monkeypatch.setattr("raynas.store.lease.time.sleep", lambda _: held_by(url, renewed))
    with pytest.raises(StoreError, match="in use by process 1 on far, heard of 0 s ago: wait"):
        Lease(storage, study, url)
    lease.release()


def test_a_lease_is_free_again_here_where_the_database_did_not_take_its_release(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise OSError("database or disk is full")

    with search(url) as first, monkeypatch.context() as patched:
        first.ask()
        patched.setattr("raynas.store.lease.delete", full)
        first.close()
    with search(url) as again:
        assert len(again.history) == 1


def test_what_a_database_says_is_passed_on_rather_than_what_optuna_makes_of_it(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with search(url) as first:
        with RDBStorage(url).engine.begin() as connection:
            connection.execute(text("DROP TABLE trial_params"))
        with pytest.raises(StoreError, match=r"cannot write the store .*no such table"):
            first.ask()


def test_a_driver_that_lost_its_search_writes_no_more(url: str) -> None:
    first = search(url)
    assert first.store._lease is not None
    other = Holder(pid=1, host="far", machine="far/1", born="1")
    held_by(url, other)
    first.store._lease._mine = dataclasses.replace(first.store._lease._mine, renewed=0.0)
    with pytest.raises(StoreError, match="was taken over by process 1 on far while this process"):
        first.ask()
    first.close()
    assert search(url, read_only=True).history == nas.History()


def filled(where: Any) -> None:
    with search(where) as first:
        for value in (1.0, 2.0):
            proposal = first.ask()
            assert proposal is not None
            first.tell(proposal.number, Measurement({"a": value, "b": -value}))
        first.ask()


@pytest.mark.parametrize("kind", ["journal", "database"])
def test_a_changed_reward_can_be_computed_anew_over_what_was_measured(
    tmp_path: Path, url: str, kind: str
) -> None:
    where = tmp_path / "journal.log" if kind == "journal" else url
    filled(where)
    with pytest.raises(
        StoreError, match=r"reward was .*'a'.*, now .*keep the results with `--keep"
    ):
        search(where, reward=Metric("b"))
    with search(where, reward=Metric("b"), keep=("reward",)) as kept:
        assert kept.history.rewards == (-1.0, -2.0)
        kept.tell(2, Measurement({"a": 9.0, "b": 5.0}))
    with search(where, reward=Metric("b")) as again:
        assert again.history.rewards == (-1.0, -2.0, 5.0)
    with pytest.raises(StoreError, match="reward was"):
        search(where)


def test_a_changed_task_is_named_and_can_be_kept(tmp_path: Path) -> None:
    where = tmp_path / "journal.log"
    filled(where)
    changed = {"identity": {"task: steps": "9"}}
    with pytest.raises(StoreError, match=r"task: steps was 5, now 9\. Undo the change, keep"):
        search(where, **changed)
    with pytest.raises(StoreError, match=r"`--keep seed --keep task`"):
        search(where, **changed, seed=1, keep=("task",))
    with search(where, **changed, keep=("task",)) as kept:
        assert all(isinstance(t.outcome, Completed) for t in kept.history[:2])


def test_what_cannot_be_kept_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="keep='space': use some of 'reward', 'task'"):
        nas.Search(TinyNet, nas.FunctionTask(float), keep="space")


class Configured(nas.FunctionTask):
    def __init__(self, steps: int, folder: Path) -> None:
        super().__init__(len)
        self.steps = steps
        self.folder = folder
        self._cache = object()


def test_a_task_is_known_by_its_class_and_its_plain_attributes() -> None:
    assert Configured(5, Path("/data/table.csv")).identity() == {
        "class": "Configured",
        "metric": "reward",
        "mode": "max",
        "function": "len",
        "steps": "5",
        "folder": "table.csv",
    }
