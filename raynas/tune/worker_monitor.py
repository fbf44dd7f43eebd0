"""What a worker watches while a trial runs: its words, its memory; and how it says why it dies.

Words go through the key-value store of Ray's head, which outlives the worker. A trial of less than
a second costs nothing there.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

import psutil
import ray
from ray.experimental.internal_kv import _internal_kv_del, _internal_kv_get, _internal_kv_put

__all__ = ["Log", "WorkerMonitor", "forget_word", "last_word", "used_by"]

_SPACE = b"raynas"
_SECONDS = 0.5  # what the last words of a dying worker may lack
_TAIL_BYTES = 16_000  # the end of a log, which a store keeps
_MOST_PRINTED = 100_000_000  # bytes: a task that prints each step fills disks
_NODE_SHARE = 0.93  # Ray's own monitor kills at 0.95, and with it the run.


def last_word(token: str, number: int) -> dict[str, Any]:
    """What the worker last let know: ``log``, ``verdict``, ``why``, ``begun`` and ``at``."""
    with suppress(Exception):
        text = _internal_kv_get(_key(token, number), namespace=_SPACE)
        if text:
            word: dict[str, Any] = json.loads(text)
            if word.get("host") == os.uname().nodename and word.get("file"):
                with suppress(OSError):
                    word["log"] = _tail(Path(word["file"]))
            return word
    return {}


def forget_word(token: str, number: int) -> None:
    """Remove what `last_word` gives."""
    with suppress(Exception):
        _internal_kv_del(_key(token, number), namespace=_SPACE)


def _logs() -> Path:
    """Folder of Ray's logs of this session: a worker that is killed leaves its own behind."""
    node = ray._private.worker._global_node
    return Path(node.get_logs_dir_path() if node else tempfile.gettempdir())


class Log:
    """Everything that this process prints, also from below Python, while it is open."""

    def __init__(self) -> None:
        self.path = _logs() / f"raynas-worker-{os.getpid()}-{uuid4().hex}.log"
        self._file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        for stream in (sys.stdout, sys.stderr):
            with suppress(AttributeError):  # a line that cannot be encoded fails no trial
                stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]

    @contextmanager
    def capturing(self) -> Iterator[Log]:
        """Take what is printed from now on, and hand it on to where it went before."""
        os.ftruncate(self._file, 0)
        before = [os.dup(number) for number in (1, 2)]
        _flush()
        for number in (1, 2):
            os.dup2(self._file, number)
        try:
            yield self
        finally:
            _flush()
            for number, old in zip((1, 2), before, strict=True):
                os.dup2(old, number)
            if os.fstat(self._file).st_size:
                with suppress(OSError):
                    os.write(1, self.tail().encode())
            for old in before:
                os.close(old)

    def whole(self, number: int) -> Path:
        """File for the whole output of trial `number`, if it is too long to be sent."""
        return self.path.with_name(f"raynas-trial-{number}-{uuid4().hex}.json")

    def shorten(self) -> None:
        """Keep the end only of what was printed, where it is much."""
        if self.size() > _MOST_PRINTED:
            end = self.tail()
            os.ftruncate(self._file, 0)
            os.write(self._file, f"[… what was printed before is left out …]\n{end}".encode())

    def size(self) -> int:
        """Bytes printed so far."""
        return os.fstat(self._file).st_size

    def tail(self) -> str:
        """The end of what was printed."""
        _flush()
        return _tail(self.path)

    def close(self) -> None:
        """Remove the file."""
        os.close(self._file)
        self.path.unlink(missing_ok=True)


class WorkerMonitor:
    """Looks after the trials of this process, twice a second, in a thread of its own.

    Args:
        token: Token of the run.
        memory: Bytes that a trial may use; None for what the machine has.
    """

    def __init__(self, token: str, memory: int | None) -> None:
        self._token = token
        self._memory = memory
        self._log = Log()
        self._number: int | None = None
        self._since = 0.0
        self._begun = 0.0
        self._said: tuple[int, int] = (-1, -1)
        self._over = threading.Event()
        threading.Thread(target=self._look, name="raynas-watch", daemon=True).start()

    @contextmanager
    def trial(self, number: int) -> Iterator[Log]:
        """Watch over trial `number`."""
        self.begin(number)
        try:
            with self._log.capturing():
                yield self._log
        finally:
            self._number = None

    def begin(self, number: int) -> None:
        """Note that trial `number` runs here from now on."""
        self._number = number
        self._since = time.monotonic()
        self._begun = time.time()

    def die(self, verdict: str, why: str) -> None:
        """Let know why, and end this process."""
        self._say(verdict=verdict, why=why)
        os._exit(1)

    def close(self) -> None:
        """Watch no more."""
        self._over.set()
        self._log.close()

    def _look(self) -> None:
        while not self._over.wait(_SECONDS):
            number = self._number
            if number is None or time.monotonic() - self._since < _SECONDS:
                continue
            with suppress(OSError):
                self._check_memory()
                self._log.shorten()
                size = self._log.size()
                if (number, size) != self._said:
                    self._said = number, size
                    self._say()

    def _check_memory(self) -> None:
        used = used_by(os.getpid())
        if self._memory is not None and used > self._memory:
            self.die("memory", f"used {_gib(used)} of the {_gib(self._memory)} it may")
        share = _node_share()
        if share > _NODE_SHARE and used >= max(map(used_by, _workers()), default=0):
            self.die("memory", f"used {_gib(used)} when {share:.0%} of the machine's were taken")

    def _say(self, **more: str) -> None:
        number = self._number
        if number is None:
            return
        word = {
            "at": time.time(),
            "begun": self._begun,
            "host": os.uname().nodename,
            "pid": os.getpid(),
            "file": str(self._log.path),
            "log": _tail(self._log.path),
            **more,
        }
        with suppress(Exception):
            _internal_kv_put(_key(self._token, number), json.dumps(word), namespace=_SPACE)


def _key(token: str, number: int) -> str:
    return f"{token}/{number}"


def _tail(path: Path) -> str:
    with path.open("rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - _TAIL_BYTES))
        return file.read().decode(errors="replace")


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with suppress(Exception):
            stream.flush()


def used_by(pid: int) -> int:
    """Bytes in memory of a process with its children, such as those that load its data.

    It is asked twice a second, and psutil reads all processes of the machine to find children.
    """
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        shared = int(Path(f"/proc/{pid}/statm").read_text().split()[2])
        children = [
            child
            for thread in Path(f"/proc/{pid}/task").iterdir()
            for child in (thread / "children").read_text().split()
        ]
    except (OSError, ValueError, IndexError):
        return 0
    own = (pages - shared) * os.sysconf("SC_PAGESIZE")
    return own + sum(used_by(int(child)) for child in children)


def _workers() -> list[int]:
    """The processes of this machine that run trials."""
    pids = []
    for folder in Path("/proc").iterdir():
        with suppress(OSError):
            if folder.name.isdecimal() and (folder / "cmdline").read_bytes().startswith(b"ray::"):
                pids.append(int(folder.name))
    return pids


def _node_share() -> float:
    """The part of the machine's, or container's, memory that is in use."""
    with suppress(OSError, ValueError):
        limit = int(Path("/sys/fs/cgroup/memory.max").read_text())
        stat = dict(
            line.split() for line in Path("/sys/fs/cgroup/memory.stat").read_text().splitlines()
        )
        current = int(Path("/sys/fs/cgroup/memory.current").read_text())
        return (current - int(stat["inactive_file"])) / limit
    machine = psutil.virtual_memory()
    return float(1 - machine.available / machine.total)


def _gib(size: float) -> str:
    return f"{size / 2**30:.2f} GiB"
