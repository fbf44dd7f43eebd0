"""Databases as Optuna storages: the URL checked, the driver there, nothing secret in a message."""

from __future__ import annotations

import time
from typing import Any

from optuna.storages import RDBStorage
from sqlalchemy import event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError, NoSuchModuleError
from sqlalchemy.pool import NullPool

from raynas.errors import StoreError
from raynas.redaction import scrubbed, shown_url

__all__ = ["open_database"]

_ATTEMPTS = 10  # two seconds in all: other processes make the same tables meanwhile
IDLE_SECONDS = 60
"""How long a connection may do nothing within a transaction; Optuna's take milliseconds."""
_DRIVERS = {"postgresql": "psycopg", "mysql": "pymysql"}


def open_database(url: str) -> RDBStorage:
    """Optuna's storage in the database, whose tables other processes may be making as well.

    Raises:
        StoreError: `url` is not that of a database, or its driver is not installed.
        Exception: Whatever the driver raises, with nothing hidden; see `without_secrets`.
    """
    parsed = _parsed(url)
    full = parsed.render_as_string(hide_password=False)
    try:
        for attempt in range(_ATTEMPTS):
            try:
                RDBStorage(full, {"poolclass": NullPool}).remove_session()  # Leaves nothing open.
                break
            except DBAPIError as error:
                others = isinstance(error, IntegrityError) or "already exists" in str(error)
                if not others or attempt + 1 == _ATTEMPTS:
                    raise
                time.sleep(0.2)
        storage = RDBStorage(full, {"pool_pre_ping": True})
        _end_when_idle(storage, parsed.get_backend_name())
        return storage
    except NoSuchModuleError as error:
        raise StoreError(
            f"cannot open the store {shown_url(url)}: there is no database called "
            f"{parsed.drivername!r}; use postgresql://, mysql:// or sqlite:///"
        ) from error
    except ImportError as error:
        raise StoreError(_missing_driver(url, parsed, error)) from error


def _end_when_idle(storage: RDBStorage, backend: str) -> None:
    """Make the server end a connection that stays idle within a transaction.

    It learns only after hours that a machine vanished in the middle of one, and until then the rows
    that it had locked stay locked for the driver that takes over. MySQL has such a limit for all
    connections only; one that was idle outside a transaction is made anew when it is needed.
    """
    limits = {
        "postgresql": f"SET idle_in_transaction_session_timeout = '{IDLE_SECONDS}s'",
        "mysql": f"SET SESSION wait_timeout = {IDLE_SECONDS}",
        "mariadb": f"SET SESSION wait_timeout = {IDLE_SECONDS}",
    }
    if backend not in limits:
        return

    def limit(connection: Any, _: object) -> None:
        with connection.cursor() as cursor:
            cursor.execute(limits[backend])
        connection.commit()

    event.listen(storage.engine, "connect", limit)
    storage.engine.dispose()  # connections made before have no such limit


def _parsed(url: str) -> URL:
    """`url` with the driver that raynas's extras install, where it names none."""
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError) as error:
        raise StoreError(f"{_misread(url)}: {_RULE}") from error
    if "@" in (parsed.host or "") or "@" in (parsed.database or ""):
        raise StoreError(f"{_misread(url)}: {_RULE}")
    name = parsed.drivername
    if name in _DRIVERS:
        return parsed.set(drivername=f"{name}+{_DRIVERS[name]}")
    return parsed


_RULE = (
    "must be a URL such as postgresql://user:password@host:5432/database, in which @, :, /, ?, # "
    "and % of a password are written as %40, %3A, %2F, %3F, %23 and %25"
)


def _misread(url: str) -> str:
    return f"cannot open the store {shown_url(url)}: store={shown_url(url)!r} cannot be read"


def _missing_driver(url: str, parsed: URL, error: ImportError) -> str:
    extra = parsed.get_backend_name()
    driver = parsed.get_driver_name()
    what = f"pip install 'raynas[{extra}]'" if extra in _DRIVERS else f"install {driver}"
    if extra in _DRIVERS and driver != _DRIVERS[extra]:
        what = f"install it, or omit “+{driver}” and {what}"
    return (
        f"cannot open the store {shown_url(url)}: its driver {driver} is not installed "
        f"({scrubbed(str(error))}); {what}, here and on every machine that opens the store"
    )
