"""A PostgreSQL server of our own, for as long as a test runs."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_INSTALLED = "/usr/lib/postgresql/*/bin"
_PORT = 5477


@contextmanager
def postgresql(folder: Path, address: str) -> Iterator[str]:
    """URL of an empty database at `address`, gone afterwards.

    Raises:
        FileNotFoundError: PostgreSQL is not installed.
    """
    server = next((p for p in sorted(Path("/").glob(_INSTALLED[1:]))[::-1]), None)
    if server is None:
        found = shutil.which("initdb")
        if found is None:
            raise FileNotFoundError("there is no PostgreSQL on this machine: install postgresql")
        server = Path(found).parent
    data = folder / "postgresql"
    data.mkdir()
    user = _unprivileged()
    os.chown(data, user.pw_uid, user.pw_gid)

    def run(*command: str) -> None:
        subprocess.run(  # noqa: S603
            command,
            user=user.pw_uid,
            group=user.pw_gid,
            extra_groups=[],
            cwd=data,
            stdout=subprocess.DEVNULL,
            check=True,
        )

    run(str(server / "initdb"), "-D", str(data / "db"), "-U", "raynas", "-A", "trust")
    network = address.rpartition(".")[0]
    with (data / "db" / "pg_hba.conf").open("a") as rules:
        rules.write(f"host all all {network}.0/24 trust\n")
    control = (str(server / "pg_ctl"), "-D", str(data / "db"), "-w", "-l", str(data / "log"))
    options = f"-h {address} -p {_PORT} -k {data}"
    run(*control, "-o", options, "start")
    try:
        yield f"postgresql://raynas@{address}:{_PORT}/postgres"
    finally:
        run(*control, "-m", "immediate", "stop")


def _unprivileged() -> pwd.struct_passwd:
    try:
        return pwd.getpwnam("postgres")
    except KeyError:
        return pwd.getpwnam("nobody")
