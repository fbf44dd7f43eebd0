"""URLs of stores: told apart from paths, and kept out of messages where they hold secrets."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, unquote

from raynas.errors import StoreError
from raynas.redaction import is_secret_name, scrubbed, shown_url

__all__ = ["is_database", "without_secrets"]

_SCHEME = re.compile(r"[A-Za-z][\w+.-]+:/")


def is_database(where: str) -> bool:
    """Whether `where` is meant as a URL rather than a path.

    Raises:
        StoreError: It is neither: what follows the scheme are not two slashes.
    """
    if "://" in where:
        return True
    if _SCHEME.match(where):
        scheme = where.partition(":")[0]
        raise StoreError(
            f"store={shown_url(where)!r}: a database URL has two slashes after the colon, as in "
            f"{scheme}://user@host/database, and a path has no colon before its first slash"
        )
    return False


def without_secrets(message: str, where: str) -> str:
    """`message` without the credentials in `where`, in whatever form a driver repeats them."""
    if "://" not in where:
        return scrubbed(message)
    rest = where.partition("://")[2]
    login, _, place = rest.rpartition("@")
    password = login.partition(":")[2]
    secrets = [password, unquote(password)]
    secrets += [v for k, v in parse_qsl(place.partition("?")[2]) if is_secret_name(k)]
    parts = [part for value in secrets for part in re.split("[@:/]", value)]
    return scrubbed(message, {*secrets, *parts})
