"""Database servers on loopback for tests, run as an unprivileged user where we are root."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, text

__all__ = ["MySQL", "PostgreSQL"]

PATIENCE = 60.0
DEBIAN = sorted(map(str, Path("/usr/lib/postgresql").glob("*/bin")), reverse=True)
PLACES = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin:/usr/bin:/usr/local/bin", *DEBIAN])


def program(*names: str) -> str | None:
    """Where the first of these that there is lies, which may not be on the path."""
    return next((found for name in names if (found := shutil.which(name, path=PLACES))), None)


class Server:
    """What both kinds have: a folder, a free port, and a user who may run a server."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.user: dict[str, Any] = {}
        if os.getuid() == 0:
            self.user = {"user": "nobody"}
            shutil.chown(folder, "nobody")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]

    def run(self, *command: str) -> None:
        subprocess.run(
            command,
            cwd=self.folder,
            check=True,
            stdout=subprocess.DEVNULL,
            env={**os.environ, "LC_ALL": "C"},
            **self.user,
        )


class PostgreSQL(Server):
    """Started with the object; `stop` leaves it no time to end anything."""

    @staticmethod
    def missing() -> str | None:
        """What is to be installed first."""
        if not find_spec("psycopg"):
            return "psycopg is not installed: pip install 'raynas[postgresql]'"
        if not all(map(program, ("initdb", "pg_ctl", "createdb"))):
            return "PostgreSQL's server is not installed: apt-get install postgresql"
        return None

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.call("initdb", "-D", "data", "-U", "tester", "-A", "trust", "-E", "UTF8")
        self.start()

    def start(self) -> None:
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories=''"
        self.call("pg_ctl", "-D", "data", "-w", "-l", "log", "-o", options, "start")

    def stop(self) -> None:
        self.call("pg_ctl", "-D", "data", "-w", "-m", "immediate", "stop")

    def database(self, name: str) -> str:
        """A new database's address."""
        self.call("createdb", "-h", "127.0.0.1", "-p", str(self.port), "-U", "tester", name)
        return f"postgresql://tester@127.0.0.1:{self.port}/{name}"

    def call(self, name: str, *arguments: str) -> None:
        self.run(str(program(name)), *arguments)


class MySQL(Server):
    """MariaDB where there is one; started with the object, and killed by `stop`."""

    @staticmethod
    def missing() -> str | None:
        """What is to be installed first."""
        if not find_spec("pymysql"):
            return "pymysql is not installed: pip install 'raynas[mysql]'"
        if not program("mariadbd", "mysqld"):
            return "no MySQL server is installed: apt-get install mariadb-server"
        return None

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.program = str(program("mariadbd", "mysqld"))
        self.options = ["--no-defaults", f"--datadir={folder / 'data'}"]
        if installer := program("mariadb-install-db"):
            self.run(installer, *self.options, "--auth-root-authentication-method=normal")
        else:
            self.run(self.program, *self.options, "--initialize-insecure")
        self.start()

    def start(self) -> None:
        place = f"--port={self.port}", f"--socket={self.folder / 'socket'}"
        command = [self.program, *self.options, *place, "--bind-address=127.0.0.1"]
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
        engine = create_engine(f"mysql+pymysql://root@127.0.0.1:{self.port}")
        with engine.begin() as connection:
            connection.execute(text(f"CREATE DATABASE {name} CHARACTER SET utf8mb4"))
        engine.dispose()
        return f"mysql://root@127.0.0.1:{self.port}/{name}"
