"""Values that are secrets: marked ones, those in the environment, and those that a task holds."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from hashlib import pbkdf2_hmac
from typing import Any

from raynas.errors import ConfigurationError
from raynas.redaction.names import is_secret_name
from raynas.redaction.texts import HIDDEN, scrubbed

__all__ = ["Secret", "check_no_secret", "redacted", "secret", "secret_values", "settings_text"]

_FINGERPRINT = re.compile(r"a secret \([0-9a-f]{6}\)")
_SHORTEST_VARIABLE = 6  # characters, of variables whose name alone makes them secret
_DEPTH = 4  # objects within objects: a logger in a callback in a task
_LARGEST = 1000  # entries: data, and no settings
_ITERATIONS = 50_000
"""Chosen by hand: milliseconds a secret, so that digests of short ones are slow to guess."""


class Secret(str):
    """A string that is used like any other, and that raynas neither writes nor shows."""

    __slots__ = ()

    def __repr__(self) -> str:
        return repr(HIDDEN)


def secret(value: str) -> Secret:
    """Mark `value`, such as a token in a task's attribute, as not to be written or shown.

    It stays a `str`. A search notices when it changes by a salted hash of it.
    """
    return Secret(value)


def redacted(name: str, value: str | bytes) -> str | None:
    """What to write for `value` of a setting called `name`; None where it holds no secret.

    It has a salted hash, so that another secret gives another text.
    """
    plain = value if isinstance(value, str) else value.decode("utf-8", "replace")
    if _FINGERPRINT.search(plain):
        return None
    if isinstance(value, Secret) or is_secret_name(name):
        return f"a secret ({_fingerprint(name, plain)})"
    shown = scrubbed(plain)
    return None if shown == plain else f"{shown}, with a secret ({_fingerprint(name, plain)})"


def settings_text(values: Mapping[str, Any]) -> str:
    """``name=value, …`` for people, with secrets hidden."""
    return ", ".join(f"{name}={_setting(name, value)}" for name, value in values.items())


def secret_values(*holders: object, words: bool = True) -> frozenset[str]:
    """The secrets in the environment, and among the attributes of `holders` and what these hold.

    Args:
        holders: Objects, such as a task.
        words: Whether those of letters only count, such as ``postgres``, which may be names too.
    """
    found = [
        value
        for name, value in os.environ.items()
        if is_secret_name(name) and len(value) >= _SHORTEST_VARIABLE and not os.path.exists(value)
    ]
    for holder in holders:
        found += _secrets_in("", holder, _DEPTH)
    return frozenset(value for value in found if words or not value.isalpha())


def check_no_secret(name: str) -> None:
    """Refuse the name of a search that is or holds a secret.

    Raises:
        ConfigurationError: It does.
    """
    if scrubbed(name, secret_values(words=False)) != name:
        raise ConfigurationError(
            "name holds a secret, and names are stored and shown: give another name (--name)"
        )


def _secrets_in(name: str, value: object, depth: int) -> Iterator[str]:
    if isinstance(value, str | bytes):
        if isinstance(value, Secret) or is_secret_name(name):
            yield value if isinstance(value, str) else value.decode("utf-8", "replace")
    elif depth > 0:
        for key, entry in _entries(value):
            inner = key if isinstance(key, str) and not is_secret_name(name) else name
            yield from _secrets_in(inner, entry, depth - 1)


def _entries(value: object) -> Iterable[tuple[object, object]]:
    """What a container or an object holds, by key or name, where it is not a table of data."""
    match value:
        case Mapping() | list() | tuple() if len(value) > _LARGEST:
            return ()
        case Mapping():
            return value.items()
        case list() | tuple():
            return enumerate(value)
        case type():
            return ()
        case _:
            return getattr(value, "__dict__", {}).items()


def _setting(name: str, value: object) -> str:
    hidden = redacted(name, value) if isinstance(value, str | bytes) else None
    if hidden is None:
        return str(value)
    return HIDDEN if hidden.startswith("a secret") else scrubbed(str(value))


@lru_cache(maxsize=256)
def _fingerprint(name: str, value: str) -> str:
    """Six digits: enough to notice a change, too few to prove a guess; slow to try many."""
    salt = f"raynas {name}".encode()
    return pbkdf2_hmac("sha256", value.encode("utf-8", "replace"), salt, _ITERATIONS).hex()[:6]
