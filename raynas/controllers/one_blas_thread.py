"""Linear algebra in one thread while a controller computes.

A surrogate's matrices have a few hundred rows. More threads hardly shorten what they take, and
where all cores are busy with trials they spend twenty times that in waiting for each other. In one
thread results do not depend on the number of cores either, to the last digit.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from threadpoolctl import ThreadpoolController

__all__ = ["one_blas_thread"]


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Make BLAS compute in one thread, and afterwards in as many as before.

    Also a decorator: ``@one_blas_thread()``.
    """
    with _libraries().limit(limits=1, user_api="blas"):
        yield


@cache
def _libraries() -> ThreadpoolController:
    """The libraries with threads that are loaded by now."""
    return ThreadpoolController()
