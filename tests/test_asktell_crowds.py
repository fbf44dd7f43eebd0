"""One search from many threads and processes."""

from __future__ import annotations

import copy
import os
import pickle
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from optuna.storages import InMemoryStorage

from raynas.asktell import AskTell
from raynas.errors import ConfigurationError, StoreError
from raynas.space import integer, repeat, searchable


@searchable
class Wide:
    widths: tuple[int, ...] = repeat(integer(0, 99), 4)


def search_at(store: Any, controller: Any = "random") -> AskTell[Any]:
    return AskTell(Wide, controller, store=store)


@pytest.fixture(params=["memory", "journal", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    return {
        "memory": InMemoryStorage(),
        "journal": tmp_path / "journal.log",
        "sqlite": f"sqlite:///{tmp_path / 'search.db'}",
    }[request.param]


def test_threads_lose_and_repeat_nothing(store: Any) -> None:
    threads, each = 8, 5
    search = search_at(store)

    def work(_: int) -> list[tuple[int, Any]]:
        asked = []
        for _ in range(each):
            proposal = search.ask()
            assert proposal is not None
            search.tell(proposal.number, float(sum(proposal.architecture.widths)))
            asked.append((proposal.number, proposal.architecture))
        return asked

    with ThreadPoolExecutor(threads) as pool:
        asked = dict(pair for pairs in pool.map(work, range(threads)) for pair in pairs)
    assert sorted(asked) == list(range(threads * each))
    search.close()
    with search_at(store) as again:
        for trial in again.history:
            assert trial.architecture == asked[trial.number]
            assert trial.reward == float(sum(trial.architecture.widths))
        assert len(again.history.completed) == threads * each


def test_a_forked_copy_is_refused_and_releases_nothing(store: Any) -> None:
    search = search_at(store)
    search.ask()
    receive, send = os.pipe()
    child = os.fork()
    if child == 0:  # Whatever happens, the child must not come back into the tests.
        try:
            with search:
                search.ask()
        except StoreError as error:
            os.write(send, str(error).encode())
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    os.close(send)
    said = os.read(receive, 10_000).decode()
    os.close(receive)
    assert f"this AskTell belongs to process {os.getpid()}, and process {child} has" in said
    assert search.ask().number == 1  # type: ignore[union-attr]
    if isinstance(store, Path):
        with pytest.raises(StoreError, match="is in use by this very process"):
            search_at(store)
    search.close()


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, pickle.dumps])
def test_a_copy_is_refused(copied: Any) -> None:
    with pytest.raises(ConfigurationError, match="an AskTell cannot be pickled or copied"):
        copied(search_at(None))


class Hasty(InMemoryStorage):
    """Another writer adds a trial between the look at the store and the write."""

    hasty = False

    def create_new_trial(self, study_id: int, template_trial: Any = None) -> int:
        if self.hasty:
            self.hasty = False
            super().create_new_trial(study_id, template_trial)
        return super().create_new_trial(study_id, template_trial)


def test_a_lost_race_leaves_nothing_open_and_can_be_run_again() -> None:
    storage = Hasty()
    search = search_at(storage)
    search.ask()
    storage.hasty = True
    with pytest.raises(StoreError, match="proposal 1 is in the store already"):
        search.ask()
    assert [trial.state.name for trial in storage.get_all_trials(0)] == [
        "RUNNING",
        "RUNNING",
        "PRUNED",
    ]
    proposal = search.ask()
    assert proposal is not None
    assert proposal.number == 3
    search.tell(3, 1.0)
    assert search.history.rewards == (1.0,)
