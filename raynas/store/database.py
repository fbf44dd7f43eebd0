"""Databases as stores: which URLs mean one, and how it is opened."""

from __future__ import annotations

import time

from optuna.storages import RDBStorage
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

__all__ = ["open_database"]

_ATTEMPTS = 10
_DRIVERS = {"postgresql": "psycopg", "mysql": "pymysql"}


def open_database(url: str) -> RDBStorage:
    """Optuna's storage in the database, whose tables other processes may be making as well."""
    url = _with_driver(url)
    for attempt in range(_ATTEMPTS):
        try:
            RDBStorage(url, {"poolclass": NullPool}).remove_session()  # Leaves nothing open.
            break
        except DBAPIError as error:
            if "already exists" not in str(error) or attempt + 1 == _ATTEMPTS:
                raise
            time.sleep(0.2)
    return RDBStorage(url, {"pool_pre_ping": True})


def _with_driver(url: str) -> str:
    """`url` with the driver that raynas's extras install, where it names none."""
    for database, driver in _DRIVERS.items():
        if url.startswith(f"{database}://"):
            return url.replace(database, f"{database}+{driver}", 1)
    return url
