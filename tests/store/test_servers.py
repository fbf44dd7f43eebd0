"""A store in a server's database: held by one driver, and waited for while the server is away."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from servers import MySQL, PostgreSQL
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

import raynas as nas
from raynas.errors import StoreError
from raynas.store import database
from raynas.testing import TinyNet


@pytest.fixture(scope="module", params=[PostgreSQL, MySQL], ids=["postgresql", "mysql"])
def server(request: pytest.FixtureRequest) -> Iterator[PostgreSQL | MySQL]:
    kind: type[PostgreSQL | MySQL] = request.param
    if reason := kind.missing():
        pytest.skip(reason)
    # Not a folder of pytest's own: those are closed to the user who runs the server.
    with tempfile.TemporaryDirectory(prefix=f"raynas-{kind.__name__}-") as name:
        running = kind(Path(name))
        yield running
        running.stop()


def search(url: str) -> nas.AskTell[Any]:
    return nas.AskTell(TinyNet, "random", store=url)


@contextmanager
def away(server: PostgreSQL | MySQL) -> Iterator[None]:
    """The server is down at once, and comes back in a second."""
    server.stop()
    back = threading.Timer(1.0, server.start)
    back.start()
    yield
    back.join()


def test_one_driver_at_a_time_and_what_it_stored_is_there(server: PostgreSQL | MySQL) -> None:
    url = server.database("one")
    with search(url) as first:
        proposal = first.ask()
        assert proposal is not None
        first.tell(proposal.number, 0.5)
        with pytest.raises(StoreError, match=r"is in use by this very process, heard of \d+ s ago"):
            search(url)
    with search(url) as second:
        assert second.history.rewards == (0.5,)


@pytest.mark.parametrize("stored", [(), (0.5,)], ids=["empty", "one stored"])
def test_a_server_that_is_away_is_waited_for_and_nothing_is_written_twice(
    server: PostgreSQL | MySQL, stored: tuple[float, ...], caplog: pytest.LogCaptureFixture
) -> None:
    before = len(stored)
    url = server.database(f"away{before}")
    with search(url) as earlier:
        for reward in stored:
            proposal = earlier.ask()
            assert proposal is not None
            earlier.tell(proposal.number, reward)
    with search(url) as running:
        assert len(running.history) == before
        proposals = [running.ask(), running.ask()]
        with away(server):
            running.tell(before, 0.75)
        with away(server):
            proposals.append(running.ask())
        assert [p.number for p in proposals if p] == [before, before + 1, before + 2]
    assert "does not answer" in caplog.text
    assert "answers again" in caplog.text
    with search(url) as again:
        assert len(again.history) == before + 3
        assert again.history.rewards == (*stored, 0.75)


def test_several_may_be_the_first_in_an_empty_database(server: PostgreSQL | MySQL) -> None:
    """Drivers of different searches, and readers of searches that are not there yet."""

    def open_(url: str, number: int, refused: list[str]) -> None:
        try:
            nas.AskTell(TinyNet, store=url, name=f"{number}", read_only=number % 2 == 1).close()
        except StoreError as error:
            refused.append(str(error))

    for attempt in range(4):
        url = server.database(f"empty{attempt}")
        refused: list[str] = []
        threads = [threading.Thread(target=open_, args=(url, n, refused)) for n in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(refused) == 3, refused
        assert all("holds no search named" in reason for reason in refused), refused


# PostgreSQL has a limit for connections idle in a transaction, MySQL one for all that are idle
IDLE = {
    PostgreSQL: (1, "terminating connection due to idle-in-transaction"),
    MySQL: (2, "Lost connection|gone away"),
}


def test_what_a_driver_had_locked_when_its_machine_vanished_is_free_again(
    server: PostgreSQL | MySQL, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A connection left open in the middle of a transaction, as by a machine without power."""
    seconds, ended = IDLE[type(server)]
    monkeypatch.setattr(database, "IDLE_SECONDS", seconds)
    url = server.database("vanished")
    with search(url) as known:
        assert known.ask() is not None
    lost = database.open_database(url)
    connection = lost.engine.connect()
    connection.execute(text("SELECT * FROM studies, study_user_attributes, trials FOR UPDATE"))
    connection.execute(text("UPDATE study_user_attributes SET value_json = value_json"))
    with search(url) as second:
        assert second.ask() is not None
    with pytest.raises(DBAPIError, match=ended):
        connection.execute(text("SELECT 1"))
    connection.invalidate()
    lost.engine.dispose()
