"""One writer a journal: a lock beside the file, and one that outlives the folder's removal."""

from __future__ import annotations

import errno
import fcntl
import os
import re
import socket
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path

from raynas.errors import StoreError
from raynas.store.log import announce

__all__ = ["JournalLock", "beside", "socket_name", "unlocked_mount"]

_ALWAYS_LOCAL = {"fuse.sshfs", "9p", "fuse.s3fs", "fuse.gcsfuse", "fuse.rclone", "fuse.goofys"}
_LOCAL_OPTIONS = {"nolock", "local_lock=all", "local_lock=flock", "nobrl", "localflock"}
_NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP}
_ESCAPED = re.compile(r"\\([0-7]{3})")
_HOLDER = re.compile(rb"process \d+ on [\w.-]+\n")
_LONGEST = 400  # chosen by hand: bytes read of what a file says of its holder
_NETWORK = {"nfs", "nfs4", "cifs", "smb3", "lustre"}


class JournalLock:
    """Held by the one process that writes a journal; released with it, however it ends.

    The lock file ``<journal>.in-use`` reaches other machines too, where the file system has locks.
    On Linux a socket name that stands for the path keeps other processes of this machine away
    even where somebody removed the folder.

    Args:
        path: The journal.

    Raises:
        StoreError: Another process holds it.
    """

    def __init__(self, path: Path) -> None:
        self._files: list[int] = []
        self._path = path
        self._holder = beside(path, ".holder")
        try:
            self._take_name()
            beside(path, "").parent.mkdir(parents=True, exist_ok=True)
            self._files.append(file := self._lock_file())
            self._lock(file)
            self._note_holder()
        except BaseException:
            self.release()
            raise

    def take_in(self, journal: int) -> None:
        """Lock the open journal too, which may be the same file under another name.

        Args:
            journal: File descriptor of the journal, whose owner closes it.

        Raises:
            StoreError: Another process holds it.
        """
        try:
            fcntl.flock(journal, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise self._refusal() from None
        except OSError as error:  # That there are no locks here was said when this was made.
            if error.errno not in _NO_LOCKS:
                raise

    def release(self) -> None:
        """Let another process write."""
        while self._files:
            os.close(self._files.pop())

    def __del__(self) -> None:
        self.release()

    def _note_holder(self) -> None:
        """Say who holds the lock, in a file that nobody else has made."""
        if os.path.lexists(self._holder):
            if self._holder.is_symlink() or not self._holder.is_file():
                return
            there = self._holder.read_bytes()[:_LONGEST]
            if there and not _HOLDER.fullmatch(there):
                return
        self._holder.write_text(_this_process() + "\n")

    def _lock_file(self) -> int:
        """The file whose lock reaches other machines; nothing is ever written to it."""
        path = beside(self._path, ".in-use")
        if path.is_symlink() or path.is_dir():
            raise StoreError(
                f"{path} was not made by raynas, and {self._path} needs a file of that name: move "
                "it away, or give this search another name"
            )
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o644)

    def _take_name(self) -> None:
        """Bind a socket to a name that stands for the path, where the system has such names."""
        with suppress(AttributeError), socket.socket(socket.AF_UNIX) as taken:
            try:
                taken.bind(socket_name(self._path, os.getuid()))
            except OSError as error:
                if error.errno == errno.EADDRINUSE:
                    raise self._refusal() from None
            else:
                self._files.append(taken.detach())

    def _lock(self, file: int) -> None:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise self._refusal() from None
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                raise
            _say_unlocked(self._path, "its file system has no locks")
        else:
            mount = _mount_without_locks(self._path)
            if mount:
                _say_unlocked(self._path, f"{mount} keeps locks to one machine")

    def _refusal(self) -> StoreError:
        who = "another process"
        with suppress(OSError):
            there = self._holder.read_bytes()[:_LONGEST]
            who = there.decode().strip() if _HOLDER.fullmatch(there) else who
        if who == _this_process():
            who = "this very process"
        return StoreError(
            f"{self._path} is in use by {who}: wait for it, end it, or give this search another "
            "name"
        )


def beside(path: Path, ending: str) -> Path:
    """A file beside the journal at `path`, the same whatever symbolic links lead there."""
    resolved = path.absolute().resolve()
    return resolved.with_name(resolved.name + ending)


def socket_name(path: Path, user: int) -> str:
    """The name of the socket that stands for the journal at `path`, as `user` writes it."""
    resolved = os.fsencode(beside(path, ""))
    return f"\0raynas-{user}-{blake2b(resolved, digest_size=16).hexdigest()}"


def unlocked_mount(mounts: str, path: str) -> str | None:
    """The mount of `path` in words, where its locks do not reach other machines.

    Args:
        mounts: The text of ``/proc/mounts``.
        path: An absolute path without symbolic links.
    """
    found: tuple[str, str, str] | None = None
    for line in mounts.splitlines():
        fields = line.split()
        if len(fields) < 4:
            continue
        point = _ESCAPED.sub(lambda found: chr(int(found[1], 8)), fields[1])
        inside = path == point or path.startswith(point.rstrip("/") + "/")
        if inside and (found is None or len(point) >= len(found[0])):
            found = point, fields[2], fields[3]
    if found is None:
        return None
    point, kind, options = found
    local = kind in _ALWAYS_LOCAL or (
        kind in _NETWORK and not _LOCAL_OPTIONS.isdisjoint(options.split(","))
    )
    return f"the {kind} file system at {point}" if local else None


def _mount_without_locks(path: Path) -> str | None:
    with suppress(OSError):
        return unlocked_mount(Path("/proc/mounts").read_text(), str(path.parent.resolve()))
    return None


def _say_unlocked(path: Path, why: str) -> None:
    announce(
        "nothing keeps a second driver off %s: %s. Make sure that one process at a time runs this "
        "search, or store it in a database (store='postgresql://...')",
        path,
        why,
    )


def _this_process() -> str:
    return f"process {os.getpid()} on {os.uname().nodename}"
