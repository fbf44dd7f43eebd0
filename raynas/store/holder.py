"""Whether a process runs a stored search at this moment, found out without disturbing it."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from raynas.store.writer_lock import beside, socket_name

__all__ = ["Driver", "driver_by_lease", "driver_of_journal"]

_LATE = 2.0


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


def driver_by_lease(attrs: Mapping[str, Any], key: str) -> Driver:
    """Who holds a study of a database, by its attributes."""
    from raynas.store.lease import Holder

    with suppress(TypeError, ValueError):
        held: Any = attrs.get(key)
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
