"""What goes wrong with a store, in words that say which store it is and what to do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from optuna.exceptions import StorageInternalError

from raynas.errors import SpaceError, StoreError
from raynas.store.store_url import without_secrets

__all__ = ["explaining"]


@contextmanager
def explaining(verb: str, where: str, given: str) -> Iterator[None]:
    """Let whatever the block raises be a `StoreError`.

    Args:
        verb: What is being done to the store.
        where: The store in words.
        given: The store as its user gave it, whose secrets no message shows.

    Raises:
        StoreError: The block raised an error.
    """
    try:
        yield
    except SpaceError as error:
        raise StoreError(f"the store {where} does not fit the space: {error}") from error
    except StoreError:
        raise
    except Exception as problem:
        cause = _cause(problem)
        first = (str(cause).strip() or type(cause).__name__).splitlines()[0].rstrip(".")
        raise StoreError(
            f"cannot {verb} the store {where}: {without_secrets(first, given)}. "
            "Put that right and run the same command again; nothing stored is lost"
        ) from problem


def _cause(error: Exception) -> BaseException:
    """What is behind an error of Optuna's, which says that data may be invalid, whatever it was."""
    return (isinstance(error, StorageInternalError) and error.__cause__) or error
