"""A store in MySQL or MariaDB: held by one driver, and waited for while the server is away."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError

import raynas as nas
from raynas.errors import StoreError
from raynas.store import database
from raynas.testing import TinyNet

PATIENCE = 60.0
SYSTEM = "/usr/sbin:/usr/bin:/usr/local/bin"


def program(*names: str) -> str | None:
    """Where a program of the server is, which may not be on the path."""
    return next((found for name in names if (found := shutil.which(name, path=SYSTEM))), None)


SERVER, INSTALLER = program("mariadbd", "mysqld"), program("mariadb-install-db")


class Server:
    """A server on loopback, run as an unprivileged user where we are root."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.options = ["--no-defaults", f"--datadir={folder / 'data'}"]
        self.user: dict[str, Any] = {"user": "nobody"} if os.getuid() == 0 else {}
        if INSTALLER is not None:
            first = [INSTALLER, *self.options, "--auth-root-authentication-method=normal"]
        else:
            first = [str(SERVER), *self.options, "--initialize-insecure"]
        subprocess.run(first, cwd=folder, check=True, stdout=subprocess.DEVNULL, **self.user)
        self.start()

    def start(self) -> None:
        place = f"--port={self.port}", f"--socket={self.folder / 'socket'}"
        command = [str(SERVER), *self.options, *place, "--bind-address=127.0.0.1"]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(command, cwd=self.folder, stderr=log, **self.user)
        deadline = time.monotonic() + PATIENCE
        while not self.answers():
            assert self.process.poll() is None, (self.folder / "log").read_text()[-2000:]
            assert time.monotonic() < deadline
            time.sleep(0.1)

    def answers(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port)).close()
        except OSError:
            return False
        return True

    def stop(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def database(self, name: str) -> str:
        """A new database's address."""
        root = f"mysql+pymysql://root@127.0.0.1:{self.port}"
        engine = create_engine(root)
        with engine.begin() as connection:
            connection.execute(text(f"CREATE DATABASE {name} CHARACTER SET utf8mb4"))
        engine.dispose()
        return f"mysql://root@127.0.0.1:{self.port}/{name}"


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    pytest.importorskip("pymysql")
    if SERVER is None:
        pytest.skip("no MySQL server is installed: apt-get install mariadb-server")
    with tempfile.TemporaryDirectory(prefix="raynas-mysql-") as name:
        if os.getuid() == 0:
            shutil.chown(name, "nobody")
        running = Server(Path(name))
        yield running
        running.stop()


def search(url: str) -> nas.AskTell[Any]:
    return nas.AskTell(TinyNet, "random", store=url)


@contextmanager
def away(server: Server) -> Iterator[None]:
    """The server is killed, and comes back in a second."""
    server.stop()
    back = threading.Timer(1.0, server.start)
    back.start()
    yield
    back.join()


def test_one_driver_at_a_time_and_what_it_stored_is_there(server: Server) -> None:
    url = server.database("one")
    with search(url) as first:
        proposal = first.ask()
        assert proposal is not None
        first.tell(proposal.number, 0.5)
        with pytest.raises(StoreError, match=r"is in use by this very process, heard of \d+ s ago"):
            search(url)
    with search(url) as second:
        assert second.history.rewards == (0.5,)


def test_a_server_that_is_away_is_waited_for_and_nothing_is_written_twice(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    url = server.database("away")
    with search(url) as running:
        proposals = [running.ask(), running.ask()]
        with away(server):
            running.tell(0, 0.75)
        with away(server):
            proposals.append(running.ask())
        assert [p.number for p in proposals if p] == [0, 1, 2]
    assert "does not answer" in caplog.text
    assert "answers again" in caplog.text
    with search(url) as again:
        assert len(again.history) == 3
        assert again.history.rewards == (0.75,)


def test_several_may_be_the_first_in_an_empty_database(server: Server) -> None:
    url = server.database("empty")
    refused: list[str] = []

    def open_(number: int) -> None:
        try:
            nas.AskTell(TinyNet, store=url, name=f"{number}", read_only=number % 2 == 1).close()
        except StoreError as error:
            refused.append(str(error))

    threads = [threading.Thread(target=open_, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(refused) == 3, refused
    assert all("holds no search named" in reason for reason in refused), refused


def test_what_a_driver_had_locked_when_its_machine_vanished_is_free_again(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A connection left open in the middle of a transaction, as by a machine without power."""
    monkeypatch.setattr(database, "IDLE_SECONDS", 2)
    url = server.database("vanished")
    with search(url) as known:
        assert known.ask() is not None
    lost = database.open_database(url)
    connection = lost.engine.connect()
    connection.execute(text("SELECT * FROM studies, study_user_attributes, trials FOR UPDATE"))
    connection.execute(text("UPDATE study_user_attributes SET value_json = value_json"))
    with search(url) as second:
        assert second.ask() is not None
    with pytest.raises(DBAPIError, match=r"Lost connection|gone away"):
        connection.execute(text("SELECT 1"))
    connection.invalidate()
    lost.engine.dispose()
