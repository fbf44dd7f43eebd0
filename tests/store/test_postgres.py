"""A store in PostgreSQL: held by one driver, and waited for while the server is away."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

import raynas as nas
from raynas.errors import StoreError
from raynas.store import database
from raynas.testing import TinyNet

PROGRAMS = ("initdb", "pg_ctl", "createdb")
LIBRARY = Path("/usr/lib/postgresql")


def program(name: str) -> str | None:
    """Where a program of PostgreSQL is, which Debian does not put on the path."""
    found = sorted(LIBRARY.glob(f"*/bin/{name}"))
    return shutil.which(name) or (str(found[-1]) if found else None)


class Server:
    """A server on loopback, run as an unprivileged user where we are root."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"postgresql://tester@127.0.0.1:{self.port}/postgres"
        self.run("initdb", "-D", "data", "-U", "tester", "-A", "trust", "-E", "UTF8")
        self.start()

    def start(self) -> None:
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories=''"
        self.run("pg_ctl", "-D", "data", "-w", "-l", "log", "-o", options, "start")

    def stop(self) -> None:
        self.run("pg_ctl", "-D", "data", "-w", "-m", "immediate", "stop")

    def database(self, name: str) -> str:
        """A new database's address."""
        self.run("createdb", "-h", "127.0.0.1", "-p", str(self.port), "-U", "tester", name)
        return f"{self.url.rpartition('/')[0]}/{name}"

    def run(self, name: str, *arguments: str) -> None:
        user = {"user": "nobody"} if os.getuid() == 0 else {}
        subprocess.run(
            [str(program(name)), *arguments],
            cwd=self.folder,
            check=True,
            stdout=subprocess.DEVNULL,
            env={**os.environ, "LC_ALL": "C"},
            **user,  # type: ignore[arg-type]
        )


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    pytest.importorskip("psycopg")
    if not all(map(program, PROGRAMS)):
        pytest.skip("PostgreSQL's server is not installed: apt-get install postgresql")
    with tempfile.TemporaryDirectory(prefix="raynas-postgres-") as name:
        if os.getuid() == 0:  # Who may not run a server; and pytest's own folders are closed.
            shutil.chown(name, "nobody")
        running = Server(Path(name))
        yield running
        running.stop()


def search(url: str) -> nas.AskTell[Any]:
    return nas.AskTell(TinyNet, "random", store=url)


def test_one_driver_at_a_time_and_what_it_stored_is_there(server: Server) -> None:
    with search(server.url) as first:
        proposal = first.ask()
        assert proposal is not None
        first.tell(proposal.number, 0.5)
        with pytest.raises(StoreError, match=r"is in use by this very process, heard of \d+ s ago"):
            search(server.url)
    with search(server.url) as second:
        assert second.history.rewards == (0.5,)


def test_a_server_that_is_away_is_waited_for_and_nothing_is_written_twice(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    with search(server.url) as running:
        before = len(running.history)
        proposals = [running.ask(), running.ask()]
        with away(server):
            running.tell(before, 0.75)
        with away(server):
            proposals.append(running.ask())
        assert [p.number for p in proposals if p] == [before, before + 1, before + 2]
    assert "does not answer" in caplog.text
    assert "answers again" in caplog.text
    with search(server.url) as again:
        assert len(again.history) == before + 3
        assert again.history.rewards[-1] == 0.75


def test_several_may_be_the_first_in_an_empty_database(server: Server) -> None:
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


@contextmanager
def away(server: Server) -> Iterator[None]:
    """The server is down, and comes back in a second."""
    server.stop()
    back = threading.Timer(1.0, server.start)
    back.start()
    yield
    back.join()


def test_what_a_driver_had_locked_when_its_machine_vanished_is_free_again(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A connection left open in the middle of a transaction, as by a machine without power."""
    monkeypatch.setattr(database, "IDLE_SECONDS", 1)
    url = server.database("vanished")
    with search(url) as known:
        assert known.ask() is not None
    lost = database.open_database(url)
    connection = lost.engine.connect()
    connection.execute(text("SELECT * FROM studies, study_user_attributes, trials FOR UPDATE"))
    connection.execute(text("UPDATE study_user_attributes SET value_json = value_json"))
    with search(url) as second:
        assert second.ask() is not None
    with pytest.raises(DBAPIError, match="terminating connection due to idle-in-transaction"):
        connection.execute(text("SELECT 1"))
    connection.invalidate()
    lost.engine.dispose()
