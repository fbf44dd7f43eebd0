"""A PostgreSQL server of our own, for as long as a test runs."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_INSTALLED = "usr/lib/postgresql/*/bin"


class Postgresql:
    """A running server; made by `postgresql`.

    Attributes:
        url: Of its empty database.
    """

    def __init__(self, programs: Path, data: Path, address: str) -> None:
        with socket.socket() as free:
            free.bind((address, 0))
            port = free.getsockname()[1]
        self.url = f"postgresql://raynas@{address}:{port}/postgres"
        self._programs = programs
        self._data = data
        self._options = f"-h {address} -p {port} -k {data}"
        self._user = _unprivileged()
        os.chown(data, self._user.pw_uid, self._user.pw_gid)
        self._run("initdb", "-D", str(data / "db"), "-U", "raynas", "-A", "trust")
        network = address.rpartition(".")[0]
        with (data / "db" / "pg_hba.conf").open("a") as rules:
            rules.write(f"host all all {network}.0/24 trust\n")
        self.start()

    def start(self) -> None:
        """Serve."""
        self._control("-o", self._options, "start")

    def stop(self) -> None:
        """Serve no more, as after a crash."""
        self._control("-m", "immediate", "stop")

    def _control(self, *command: str) -> None:
        log = str(self._data / "log")
        self._run("pg_ctl", "-D", str(self._data / "db"), "-w", "-l", log, *command)

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(  # noqa: S603
            [str(self._programs / program), *arguments],
            user=self._user.pw_uid,
            group=self._user.pw_gid,
            extra_groups=[],
            cwd=self._data,
            stdout=subprocess.DEVNULL,
            check=True,
        )


@contextmanager
def postgresql(folder: Path, address: str) -> Iterator[Postgresql]:
    """A server at `address`, gone afterwards; needs root.

    Raises:
        FileNotFoundError: PostgreSQL is not installed.
    """
    programs = next((p for p in sorted(Path("/").glob(_INSTALLED))[::-1]), None)
    if programs is None:
        found = shutil.which("initdb")
        if found is None:
            raise FileNotFoundError("there is no PostgreSQL on this machine: install postgresql")
        programs = Path(found).parent
    data = folder / "postgresql"
    data.mkdir()
    server = Postgresql(programs, data, address)
    try:
        yield server
    finally:
        server.stop()


def _unprivileged() -> pwd.struct_passwd:
    try:
        return pwd.getpwnam("postgres")
    except KeyError:
        return pwd.getpwnam("nobody")
