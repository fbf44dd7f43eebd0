"""Whether a process runs a stored search at this moment, found out without disturbing it."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from uuid import uuid4

from raynas.store.writer_lock import beside, socket_name

__all__ = [
    "HELD_SECONDS",
    "LEASE",
    "Driver",
    "Holder",
    "driver_by_lease",
    "driver_of_journal",
    "released",
]

LEASE = "raynas:held"
"""Attribute of a study that says which process holds it."""
HELD_SECONDS = 30.0
"""How long a lease holds without being renewed: a driver renews it several times in that."""

_LATE = 2.0  # times the lease: a renewal that was missed once, for clocks and slow databases


@dataclass(frozen=True)
class Holder:
    """A process that holds a search.

    Attributes:
        pid: Process number.
        host: Name of the machine.
        machine: Tells apart machines, their boots and containers of one name.
        born: Start of the process in the system's ticks, as process numbers are used again.
        token: Token of this lease.
        renewed: Latest sign of life, in seconds since the epoch.
        seconds: How long the lease holds from then on.
    """

    pid: int = field(default_factory=os.getpid)
    host: str = field(default_factory=lambda: os.uname().nodename)
    machine: str = field(default_factory=lambda: _machine())
    born: str = field(default_factory=lambda: _born(os.getpid()))
    token: str = field(default_factory=lambda: uuid4().hex)
    renewed: float = field(default_factory=time.time)
    seconds: float = HELD_SECONDS

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}"

    def is_gone(self) -> bool:
        """Whether the process is known not to live any more, or has let go of the search."""
        ended = self.machine == _machine() and self.born != _born(self.pid)
        return ended or self.token in _released


def released(holder: Holder) -> None:
    """Remember that this process has let go, also where the database does not take that."""
    _released.add(holder.token)


_released: set[str] = set()


@dataclass(frozen=True)
class Driver:
    """The process that runs a search, or the last that did.

    Attributes:
        state: ``"running"``; ``"gone"`` where no process runs the search; ``"unknown"`` where that
            is unknown on this machine.
        who: The process in words; empty where none is known.
    """

    state: Literal["running", "gone", "unknown"]
    who: str = ""


def driver_of_journal(path: Path) -> Driver:
    """Who writes the journal at `path`; of another machine's process only the name is known."""
    try:
        who = beside(path, ".holder").read_text().strip()
        owner = beside(path, ".in-use").stat().st_uid
    except OSError:
        return Driver("gone")
    pid, _, host = who.removeprefix("process ").partition(" on ")
    if host != os.uname().nodename or not pid.isdecimal():
        return Driver("unknown", who)
    held = _holds_socket(socket_name(path, owner)) if os.path.exists(_SOCKETS) else _lives(int(pid))
    return Driver("running" if held else "gone", who)


def driver_by_lease(attrs: Mapping[str, Any]) -> Driver:
    """Who holds a study of a database, by its attributes."""
    with suppress(TypeError, ValueError):
        held: Any = attrs.get(LEASE)
        holder = Holder(**(json.loads(held) if isinstance(held, str) else held))
        late = time.time() - holder.renewed > _LATE * holder.seconds
        return Driver("gone" if late or holder.is_gone() else "running", str(holder))
    return Driver("gone")


_SOCKETS = "/proc/net/unix"


def _holds_socket(name: str) -> bool:
    """Whether a process of this machine holds the abstract socket `name`."""
    shown = "@" + name.removeprefix("\0")
    return any(line.split()[-1] == shown for line in Path(_SOCKETS).read_text().splitlines())


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _machine() -> str:
    """Identity of this boot of this machine or container; its name where that is unknown."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{os.uname().nodename}/{boot}/{os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return os.uname().nodename


def _born(pid: int) -> str:
    """Start of process `pid`; empty where there is none or the start is unknown."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] == "Z" else fields[19]
