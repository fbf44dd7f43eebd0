"""Whether Ray itself still runs, so that its death ends a search with a message of ours.

Ray ends the process of a driver whose raylet or head died, some time later and with pages of its
own logs. This looks every second, and is faster.
"""

from __future__ import annotations

import os
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import psutil
import ray
from ray.exceptions import RayError

from raynas.errors import RaynasError
from raynas.store.log import announce

__all__ = ["Pulse", "Vitals"]

_SECONDS = 1.0  # a tenth of the shortest silence that means death
_TIMES_TO_END = 20  # in all a second, for a process that has just been asked to end
_HEAD_SECONDS, _OWN_HEAD_SECONDS = 40.0, 3.0
"""How long a head may refuse connections: in a cluster it may come back; Ray waits for 60 s."""
_SILENT_SECONDS = 60.0
"""How long a head that accepts connections may leave calls unanswered, as Ray waits for nodes."""
_CALL_SECONDS = 5.0  # a call takes a millisecond
_RAYLET = (
    "Ray's raylet on this machine, process {}, was killed: by the system for want of memory, by "
    "`ray stop` or by hand"
)
_HEAD = "Ray's head at {} was killed or cannot be reached any more"
_SILENT = (
    "Ray's head at {} has not answered for {:.0f} s: it was stopped, or its machine has no memory "
    "or time left for it"
)
_FILE = (
    "{} was removed, by hand or by a program that cleans temporary folders, and Ray cannot start a "
    "worker without it: a cluster's Ray must be started anew on this machine"
)


@dataclass
class Vitals:
    """Reads off whether Ray runs.

    Attributes:
        raylet: Process id of this machine's raylet; None where it is not known.
        head: Host and port of the head (GCS); None where they are not known.
        patience: Seconds for which the head may refuse connections.
        sockets: The files of this machine's Ray at which workers find it.
        calls: Calls the head; whether it answered.
        clock: Seconds.
    """

    raylet: int | None
    head: tuple[str, int] | None
    patience: float
    sockets: tuple[str, ...] = ()
    calls: Callable[[], bool] = lambda: True
    clock: Callable[[], float] = time.monotonic
    _since: float | None = field(default=None, init=False)

    @classmethod
    def of_session(cls) -> Vitals:
        """Vital signs of the session that this process is connected to."""
        node: Any = ray._private.worker._global_node
        if node is None:  # through ray://, where a proxy drives
            return cls(None, None, _HEAD_SECONDS)
        host, _, port = node.gcs_address.rpartition(":")
        patience = _OWN_HEAD_SECONDS if node.is_head() else _HEAD_SECONDS
        raylet = _listener(node.raylet_socket_name)
        sockets = (node.raylet_socket_name, node.plasma_store_socket_name)
        return cls(
            raylet,
            (host.strip("[]"), int(port)),
            patience,
            tuple(filter(os.path.exists, sockets)),
            _called,
        )

    def lost(self) -> str | None:
        """What of Ray is gone, in words; None where all is well."""
        if self.raylet is not None and not _is_alive(self.raylet):
            return _RAYLET.format(self.raylet)
        for path in self.sockets:
            if not os.path.exists(path):
                return _FILE.format(path)
        return None if self.head is None else self._head_lost(self.head)

    def _head_lost(self, head: tuple[str, int]) -> str | None:
        is_up = _answers(head)
        now = self.clock()
        if is_up and self.calls():
            self._since = None
            return None
        if self._since is None:
            self._since = now
        waited = now - self._since
        address = ":".join(map(str, head))
        if is_up:
            return _SILENT.format(address, waited) if waited >= _SILENT_SECONDS else None
        return _HEAD.format(address) if waited >= self.patience else None


class Pulse:
    """Ends the run where Ray dies while `watching`.

    Where the run has not left this object's context after 20 seconds, because some call of Ray's
    never returns, the process ends with exit code 2, as it would by Ray. All that is stored stays.

    Args:
        end: Takes the error that the run is to end with; called from another thread, each second
            until the run is over.
        vitals: Makes what is looked at, once there is a session.
        leave: Ends the process.
        seconds: Seconds between two looks.
    """

    def __init__(
        self,
        end: Callable[[RaynasError], None],
        vitals: Callable[[], Vitals] = Vitals.of_session,
        leave: Callable[[int], Any] = os._exit,
        seconds: float = _SECONDS,
    ) -> None:
        self._end = end
        self._vitals = vitals
        self._leave = leave
        self._seconds = seconds
        self._resting = threading.Event()
        self._out = threading.Event()

    def __enter__(self) -> Pulse:
        return self

    def __exit__(self, *_: object) -> None:
        self._out.set()

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Look after the session that there is."""
        vitals = self._vitals()
        thread = threading.Thread(
            target=self._watch, args=(vitals,), name="raynas-pulse", daemon=True
        )
        thread.start()
        try:
            yield
        finally:
            self._resting.set()

    def _watch(self, vitals: Vitals) -> None:
        while not self._resting.wait(self._seconds):
            what = vitals.lost()
            if what is not None and not self._resting.is_set():
                self._finish(what)
                return

    def _finish(self, what: str) -> None:
        error = RaynasError(
            f"{what}. Every result until then is stored; run the same command again to go on"
        )
        for _ in range(_TIMES_TO_END):
            self._end(error)
            if self._out.wait(self._seconds):
                return
        announce("%s", error)
        self._leave(2)


def _listener(path: str) -> int | None:
    """The process that listens at a Unix socket; None where the system does not say."""
    with suppress(OSError, AttributeError), socket.socket(socket.AF_UNIX) as connection:
        connection.connect(path)
        size = struct.calcsize("3i")
        peer = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
        return int(struct.unpack("3i", peer)[0]) or None
    return None


def _is_alive(pid: int) -> bool:
    """Whether a process runs; one that nobody has waited for after its end does not."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def _called() -> bool:
    """Whether the head answers a call."""
    worker: Any = ray._private.worker.global_worker
    try:
        worker.gcs_client.internal_kv_exists(b"raynas", None, timeout=_CALL_SECONDS)
    except RayError:
        return False
    return True


def _answers(address: tuple[str, int]) -> bool:
    try:
        socket.create_connection(address, timeout=5.0).close()
    except OSError:
        return False
    return True
