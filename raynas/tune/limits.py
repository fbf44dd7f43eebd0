"""Limits of this process (`ulimit`) under which a Ray of its own cannot start, checked before.

Ray's processes end without a word under them, while Ray waits half a minute for each.
"""

from __future__ import annotations

import resource

from ray._private.utils import estimate_available_memory, resolve_object_store_memory

from raynas.errors import RaynasError

__all__ = ["check_limits"]

_GIB = 2**30  # bytes
_CODE_BYTES = 3 * _GIB // 2
"""Address space of a Ray process besides the object store: with 2 GiB it starts, with 0.5 not."""
_FILES = 64
"""Open files with which Ray starts; with 24 it does not."""


def check_limits() -> None:
    """Check that this process may start a Ray of its own.

    Raises:
        RaynasError: A limit on address space, file size or open files is too low for it.
    """
    available = estimate_available_memory()  # type: ignore[no-untyped-call]
    store = resolve_object_store_memory(available)
    space, _ = resource.getrlimit(resource.RLIMIT_AS)
    size, _ = resource.getrlimit(resource.RLIMIT_FSIZE)
    _, files = resource.getrlimit(resource.RLIMIT_NOFILE)  # Ray raises the soft limit itself.
    if _is_below(space, store + _CODE_BYTES):
        need = _gib(store + _CODE_BYTES)
        raise _refusal("v unlimited", "address space", _gib(space), need)
    if _is_below(size, store):
        raise _refusal("f unlimited", "file size", _gib(size), _gib(store))
    if _is_below(files, _FILES):
        raise _refusal("n 4096", "open files", str(files), str(_FILES))


def _is_below(limit: int, needed: int) -> bool:
    return limit != resource.RLIM_INFINITY and limit < needed


def _refusal(option: str, what: str, limit: str, needed: str) -> RaynasError:
    return RaynasError(
        f"cannot start Ray: this process is limited to {limit} of {what}, and Ray needs {needed} "
        f"here. Run `ulimit -{option}` before the search, or raise the limit where it is set: in "
        "the job's script, limits.conf or the container's options"
    )


def _gib(size: int) -> str:
    return f"{size / _GIB:.3g} GiB"
