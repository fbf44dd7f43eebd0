"""The durable history: what is on disk after each write, crashes and foreign hands."""

from __future__ import annotations

import dataclasses
import math
import os
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.storages import InMemoryStorage, JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState

from raynas.errors import StoreError
from raynas.space import Space, integer, searchable
from raynas.store import Store
from raynas.store.optuna_ledger import OptunaLedger
from raynas.testing import TinyNet, ToyNet
from raynas.testing.spaces import Conv, Skip
from raynas.trials import (
    Completed,
    Failed,
    History,
    Infeasible,
    Measurement,
    Outcome,
    Point,
    Stopped,
)

IDENTITY = {"seed": "0", "reward": "Metric('accuracy')"}
NETS = (
    ToyNet(8, (Skip(),)),
    ToyNet(16, (Conv(3, "relu"), Skip())),
    ToyNet(24, (Conv(5, "silu"),) * 4),
    ToyNet(32, (Skip(),) * 3),
    ToyNet(8, (Conv(1, "relu"),)),
)
CURVE = (Point(5, {"accuracy": 0.25}), Point(10, {"accuracy": 0.5}))
ENDS: tuple[Outcome, ...] = (
    Completed(Measurement({"accuracy": 0.5}, 1.5, 10, CURVE), 0.5),
    Infeasible("loss is inf", Measurement({"loss": math.inf})),
    Failed("Traceback\nValueError: ü\n"),
    Stopped("median", Measurement({"accuracy": 0.1})),
)


def opened(where: Any, space: Any = ToyNet, name: str = "search", **options: Any) -> Store[Any]:
    return Store(where, name, Space(space), options.pop("identity", IDENTITY), **options)


def filled(store: Store[Any]) -> History:
    """The history that `store` holds after five proposals, the last of which still runs."""
    trials = [store.ask(net) for net in NETS]
    for trial, outcome in zip(trials, ENDS, strict=False):
        ended = store.tell(trial.number, outcome)
        trials[trial.number] = dataclasses.replace(trial, outcome=outcome, ended=ended)
    return History(tuple(trials))


def without_start(history: History) -> list[Any]:
    """All of a history but the start of the trials in flight, which is that of the loading."""
    return [(t.number, t.architecture, t.outcome, t.ended and t.started, t.ended) for t in history]


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return tmp_path / "experiment" / "journal.log"


@pytest.fixture(params=["journal", "sqlite", "storage object"])
def where(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    return {
        "journal": tmp_path / "journal.log",
        "sqlite": f"sqlite:///{tmp_path / 'search.db'}",
        "storage object": InMemoryStorage(),
    }[request.param]


def test_a_new_search_is_empty(where: Any) -> None:
    assert opened(where).load() == History()


def test_what_was_stored_is_loaded(where: Any) -> None:
    store = opened(where)
    history = filled(store)
    store.close()
    loaded = opened(where).load()
    assert without_start(loaded) == without_start(history)
    assert [trial.number for trial in loaded.running] == [4]


def test_a_reloaded_search_goes_on_under_the_next_number(where: Any) -> None:
    store = opened(where)
    filled(store)
    store.close()
    again = opened(where)
    again.load()
    again.tell(4, ENDS[0])
    assert again.ask(NETS[0]).number == 5
    again.close()
    history = opened(where).load()
    assert history[4].outcome == ENDS[0]
    assert [trial.number for trial in history.running] == [5]


def test_nan_metrics_are_stored(where: Any) -> None:
    store = opened(where)
    store.ask(NETS[0])
    store.tell(0, Infeasible("loss is nan", Measurement({"loss": math.nan})))
    store.close()
    measurement = opened(where).load()[0].outcome.measurement
    assert math.isnan(measurement.metrics["loss"])


def test_two_searches_share_a_storage_under_two_names(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'search.db'}"
    first, second = opened(url), opened(url, TinyNet, "other")
    filled(first)
    assert second.load() == History()
    assert second.ask(TinyNet(1, "conv")).number == 0
    assert len(opened(url, read_only=True).load()) == 5


def test_the_history_in_memory_is_lost_with_its_store() -> None:
    store = opened(None)
    history = filled(store)
    assert without_start(store.load()) == without_start(history)
    assert opened(None).load() == History()


def test_a_restart_is_stored(journal: Path) -> None:
    store = opened(journal)
    trial = store.ask(NETS[0])
    started = store.restart(0)
    assert started >= trial.started
    store.tell(0, ENDS[0])
    store.close()
    assert opened(journal).load()[0].started == started


def test_every_write_is_on_disk_when_it_returns(journal: Path) -> None:
    """A reader of the file sees each proposal and each result without the writer's help."""
    store = opened(journal)

    def seen() -> list[TrialState]:
        storage = JournalStorage(JournalFileBackend(str(journal)))
        study = optuna.load_study(study_name="search", storage=storage)
        return [trial.state for trial in study.trials]

    store.ask(NETS[0])
    assert seen() == [TrialState.RUNNING]
    store.tell(0, ENDS[0])
    assert seen() == [TrialState.COMPLETE]


@pytest.mark.parametrize("torn", [b'{"op_code": 4, "worker_id": "ab', b"\x00\x00", b"{"])
def test_a_torn_last_line_is_mended_and_the_rest_intact(journal: Path, torn: bytes) -> None:
    store = opened(journal)
    history = filled(store)
    store.close()
    whole = journal.read_bytes()
    journal.write_bytes(whole + torn)
    again = opened(journal)
    assert again.mended
    assert without_start(again.load()) == without_start(history)
    assert journal.read_bytes() == whole
    assert again.ask(NETS[0]).number == 5


def test_a_torn_last_write_loses_that_write_only(journal: Path) -> None:
    store = opened(journal)
    store.ask(NETS[0])
    store.ask(NETS[1])
    store.close()
    journal.write_bytes(journal.read_bytes()[:-5])
    again = opened(journal)
    assert again.mended
    assert [trial.architecture for trial in again.load()] == [NETS[0]]
    assert again.ask(NETS[1]).number == 1


def test_a_whole_journal_needs_no_mending(journal: Path) -> None:
    store = opened(journal)
    assert not store.mended
    filled(store)
    store.close()
    assert not opened(journal).mended


@pytest.mark.parametrize(
    ("outcome", "state"),
    [
        (ENDS[0], TrialState.COMPLETE),
        (ENDS[1], TrialState.FAIL),
        (ENDS[2], TrialState.FAIL),
        (ENDS[3], TrialState.PRUNED),
    ],
)
def test_a_crash_between_the_two_writes_of_a_result_is_mended(
    where: Any, outcome: Outcome, state: TrialState, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = opened(where)
    store.ask(NETS[0])

    def die(*_: Any) -> None:
        raise KeyboardInterrupt("killed")

    whole: list[Any] = []
    with monkeypatch.context() as patch:
        patch.setattr(OptunaLedger, "finish", die)
        # A journal has both in one append, of which only the first line may reach the disk.
        patch.setattr(os, "write", lambda file, data: whole.append(data) or len(data))
        if isinstance(where, Path):
            store.tell(0, outcome)
            first, second = b"".join(whole).splitlines(keepends=True)
            with where.open("ab") as file:
                file.write(first + second[: len(second) // 2])
        else:
            with pytest.raises(KeyboardInterrupt, match="killed"):
                store.tell(0, outcome)
    assert study_in(where).trials[0].state == TrialState.RUNNING
    store.close()
    again = opened(where)
    assert again.mended == isinstance(where, Path)
    assert again.load()[0].outcome == outcome
    (frozen,) = study_in(where).trials
    assert frozen.state == state
    assert frozen.values == ([0.5] if state == TrialState.COMPLETE else None)


def storage_of(where: Any) -> Any:
    return JournalStorage(JournalFileBackend(str(where))) if isinstance(where, Path) else where


def study_in(where: Any) -> optuna.Study:
    return optuna.load_study(study_name="search", storage=storage_of(where))


def test_it_is_an_ordinary_optuna_study(where: Any) -> None:
    store = opened(where)
    filled(store)
    study = study_in(where)
    assert [trial.number for trial in study.trials] == [0, 1, 2, 3, 4]
    for trial, net in zip(study.trials, NETS, strict=True):
        assert trial.params == Space(ToyNet).to_config(net)
    states = (TrialState.COMPLETE, TrialState.FAIL, TrialState.FAIL, TrialState.PRUNED)
    assert [trial.state for trial in study.trials] == [*states, TrialState.RUNNING]
    assert study.direction == optuna.study.StudyDirection.MAXIMIZE
    assert (study.best_trial.number, study.best_value) == (0, 0.5)


@pytest.mark.parametrize(
    "there", ["precious", "process 1 on h\nprecious", "", "process 1 on h-1.x\n"]
)
def test_a_file_named_as_the_note_of_the_writer_is_left_alone(tmp_path: Path, there: str) -> None:
    note = tmp_path / "journal.log.holder"
    note.write_text(there)
    opened(tmp_path / "journal.log").close()
    kept = note.read_text() == there
    assert kept == ("precious" in there)


def test_a_second_opener_is_refused_while_the_first_is_there(journal: Path) -> None:
    first = opened(journal)
    with pytest.raises(
        StoreError, match=r"is in use by this very process: wait for it, end it, or"
    ):
        opened(journal)
    first.close()
    opened(journal).close()


def test_a_refused_store_is_not_held(journal: Path) -> None:
    store = opened(journal)
    filled(store)
    store.close()
    with pytest.raises(StoreError, match="is another one") as refused:
        opened(journal, TinyNet)
    opened(journal).close()
    assert refused.tb is not None  # the traceback, which holds the refused store, is still there


@searchable
class Wider(ToyNet):
    width: int = integer(8, 64, step=8)


@searchable
class Deeper(ToyNet):
    depth: int = integer(1, 2)


@pytest.mark.parametrize(
    ("space", "identity", "message"),
    [
        (ToyNet, {**IDENTITY, "seed": "1"}, "is another one: seed was 0, now 1. Undo the change"),
        (
            ToyNet,
            {**IDENTITY, "reward": "Metric('loss')"},
            r"reward was Metric\('accuracy'\), now Metric\('loss'\)",
        ),
        (Wider, IDENTITY, r"space: width was range\(8, 33, 8\), now range\(8, 65, 8\)"),
        (Deeper, IDENTITY, r"space: depth was absent, now range\(1, 3\)"),
        (TinyNet, IDENTITY, r"space: width was range\(8, 33, 8\), now absent;.* and \d+ more"),
    ],
    ids=["seed", "reward", "wider", "deeper", "another"],
)
def test_a_changed_search_is_refused_with_what_changed(
    where: Any, space: Any, identity: dict[str, str], message: str
) -> None:
    store = opened(where)
    filled(store)
    store.close()
    with pytest.raises(StoreError, match=message) as refused:
        opened(where, space, identity=identity)
    assert "start a new search with another name" in str(refused.value)


def test_a_study_of_somebody_else_is_refused(where: Any) -> None:
    store = opened(where, name="ours")
    store.close()
    study = optuna.create_study(study_name="search", storage=storage_of(where))
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=1)
    with pytest.raises(StoreError, match=r"study 'search' in .* was not made by raynas: give"):
        opened(where)


@pytest.fixture
def below_a_file(tmp_path: Path) -> Path:
    """A path that even root cannot write to."""
    (tmp_path / "file").write_text("")
    return tmp_path / "file" / "journal.log"


def test_a_place_that_cannot_be_written_is_named(below_a_file: Path) -> None:
    with pytest.raises(
        StoreError, match=rf"cannot open the store {below_a_file}: .*Put that right"
    ):
        opened(below_a_file)


def test_a_database_that_cannot_be_opened_is_named(below_a_file: Path) -> None:
    with pytest.raises(StoreError, match=f"cannot open the store sqlite:///{below_a_file}: .*"):
        opened(f"sqlite:///{below_a_file}")


def test_a_write_that_fails_says_so_and_holds_the_store(
    journal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = opened(journal)

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fdatasync", full)
    with pytest.raises(
        StoreError, match=r"cannot write the store .*: \[Errno 28\] No space left on device. Put"
    ):
        store.ask(NETS[0])
    with pytest.raises(StoreError, match="is in use by"):
        opened(journal)


def test_nothing_is_created_where_only_reading_was_asked(journal: Path, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"there is no search at .*: run `raynas search` first"):
        opened(journal, read_only=True)
    assert not journal.parent.exists()
    opened(journal).close()
    with pytest.raises(StoreError, match="holds no search named 'other': run `raynas search`"):
        opened(journal, name="other", read_only=True)
    assert opened(journal, read_only=True).load() == History()


def test_a_trial_that_does_not_fit_the_space_is_named(where: Any) -> None:
    """Somebody added a trial by another tool."""
    store = opened(where)
    study = study_in(where)
    study.enqueue_trial({"width": 8})
    message = (
        "changes the search, but was not written by raynas"
        if isinstance(where, Path)
        else r"does not fit the space: config has no '\w+"
    )
    with pytest.raises(StoreError, match=message):
        store.load()


def test_a_write_that_fails_half_way_can_be_made_again(
    journal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a disk that was full for a moment."""
    store = opened(journal)
    store.ask(NETS[0])

    write = os.write
    room = [20, 0]

    def half(file: int, data: bytes) -> int:
        free = room.pop(0)
        if not free:
            raise OSError(28, "No space left on device")
        return write(file, data[:free])

    before = journal.read_bytes()
    with monkeypatch.context() as full:
        full.setattr(os, "write", half)
        with pytest.raises(StoreError, match=r"cannot write the store .*No space left"):
            store.tell(0, ENDS[0])
    assert journal.read_bytes() == before
    store.tell(0, ENDS[0])
    store.close()
    assert opened(journal).load()[0].outcome == ENDS[0]


def test_a_lock_left_by_a_killed_writer_is_removed(journal: Path) -> None:
    store = opened(journal)
    store.close()
    lock = journal.with_name(journal.name + ".lock")
    lock.symlink_to(journal)
    opened(journal).ask(NETS[0])
    assert not lock.is_symlink()


def test_a_file_of_somebody_else_s_is_no_such_lock(journal: Path) -> None:
    opened(journal).close()
    other = journal.with_name(journal.name + ".lock")
    other.write_text("pinned versions")
    store = opened(journal)
    store.tell(store.ask(NETS[0]).number, ENDS[0])
    assert other.read_text() == "pinned versions"


def test_a_search_without_results_is_begun_anew_when_it_changed(journal: Path) -> None:
    store = opened(journal)
    store.ask(NETS[0])
    store.close()
    changed = Store(journal, "search", Space(TinyNet), {"seed": "1"})
    assert changed.load() == History()
    assert changed.ask(TinyNet(1, "conv")).number == 0


@pytest.mark.parametrize("content", [b"\x00\x01" * 100, b"a note without a line end", b"SQLite"])
def test_a_file_that_is_no_journal_is_refused_and_left_alone(journal: Path, content: bytes) -> None:
    journal.parent.mkdir(parents=True, exist_ok=True)
    journal.write_bytes(content)
    with pytest.raises(StoreError, match="is not a raynas journal and was left as it is"):
        opened(journal)
    assert journal.read_bytes() == content


def test_looking_changes_nothing(journal: Path, tmp_path: Path) -> None:
    store = opened(journal)
    store.ask(NETS[0])
    store.close()
    before = journal.read_bytes()
    with pytest.raises(StoreError, match="is another one"):
        Store(journal, "search", Space(TinyNet), {}, read_only=True)
    assert journal.read_bytes() == before
    url = f"sqlite:///{tmp_path / 'own.db'}"
    optuna.create_study(storage=url, study_name="search", direction="maximize")
    with pytest.raises(StoreError, match="holds no search"):
        opened(url, read_only=True)
    assert optuna.get_all_study_names(url) == ["search"]


def test_passwords_are_not_shown() -> None:
    with pytest.raises(StoreError, match=r"me:\*\*\*@127") as refused:
        opened("sqlite+nosuch://me:S3cret@127.0.0.1/db")
    assert "S3cret" not in str(refused.value)


def test_a_follower_sees_what_is_written_and_keeps_what_it_has(journal: Path) -> None:
    writer = opened(journal)
    written = filled(writer)
    follower = opened(journal, read_only=True)
    first = follower.load()
    assert without_start(first) == without_start(written)
    assert first[4].started == written[4].started
    assert follower.follow(first) is first
    writer.tell(4, ENDS[0])
    sixth = writer.ask(NETS[0])
    second = follower.follow(first)
    assert len(second) == 6
    assert second[4].outcome == ENDS[0]
    assert second[5] == sixth
    assert all(new is old for new, old in zip(second[:4], first, strict=False))


def test_a_clock_that_was_set_back_makes_no_negative_times(
    journal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = opened(journal)
    started = writer.ask(NETS[0]).started
    monkeypatch.setattr("time.time", lambda: started - 3600)
    assert writer.tell(0, ENDS[0], started=started) == started
    writer.ask(NETS[1])
    writer.tell(1, ENDS[0])
    monkeypatch.setattr("time.time", lambda: started)
    assert [t.ended - t.started for t in writer.load() if t.ended is not None] == [0.0, 0.0]
