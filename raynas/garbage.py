"""Garbage collection while modules are imported, and afterwards.

Torch, Lightning and Ray make a million objects when they are imported, hardly one of them garbage,
and each full collection looks at all of them: a third of the CPU time of a process's start, and
much of that of every collection after it.
"""

from __future__ import annotations

import atexit
import gc
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["freeze_at_exit", "freeze_imported", "importing"]

_OBJECTS = 200_000  # as mypy has it: some ten collections while torch and Lightning are imported
_usual: list[tuple[int, int, int]] = []
_frozen = False


@contextmanager
def importing() -> Iterator[None]:
    """Collect garbage rarely in here, until `freeze_imported` is called.

    Where garbage collection is switched off, or set to fewer collections, that is left as it is.
    """
    usual = gc.get_threshold()
    if 0 < usual[0] < _OBJECTS:
        _usual.append(usual)
        gc.set_threshold(_OBJECTS, *usual[1:])
    try:
        yield
    finally:
        _collect_as_usual()


def freeze_imported() -> None:
    """Keep what is in memory out of later garbage collections, those at the process's end included.

    Called when the user's code has been imported. Freezes nothing from the second time on: what is
    garbage by then could never be freed.
    """
    global _frozen
    _collect_as_usual()
    if not _frozen:
        _frozen = True
        gc.freeze()


def freeze_at_exit() -> None:
    """Collect no garbage when the process ends, where nothing but raynas's own code runs."""
    atexit.unregister(gc.freeze)
    atexit.register(gc.freeze)


def _collect_as_usual() -> None:
    if _usual:
        usual = _usual.pop()
        if gc.get_threshold()[0] == _OBJECTS:  # or the user's code has set it
            gc.set_threshold(*usual)
