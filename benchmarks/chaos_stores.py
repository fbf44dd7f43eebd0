"""What the stores of killed searches hold, read without raynas while a search may write."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import sqlalchemy
from sqlalchemy.pool import NullPool

__all__ = [
    "STORES",
    "DatabaseReader",
    "JournalReader",
    "Outcomes",
    "Reader",
    "Told",
    "database",
]

STORES = ("journal", "sqlite", "postgresql")
"""The kinds of stores that `database` makes."""

Outcomes = dict[int, dict[str, Any]]
"""The stored outcome of each trial that has one, by number; ``{"twice": True}`` for a second."""
Told = list[tuple[Any, Any]]
"""Each trial's decisions and reward, in ask order."""

PROJECT = Path(__file__).parent.parent

_TABLES = ("trials", "trial_user_attributes", "trial_params")
_COUNT = "select count(*) from trial_user_attributes where key = 'outcome'"
_OUTCOMES = """
select trials.number, noted.value_json from trials
join trial_user_attributes noted on noted.trial_id = trials.trial_id where noted.key = 'outcome'
"""
_PARAMS = """
select trials.number, params.param_name, params.param_value from trials
join trial_params params on params.trial_id = trials.trial_id
"""


class Reader(Protocol):
    """Reads what is stored by now."""

    def count(self) -> int:
        """How many outcomes are stored, at little cost."""

    def outcomes(self) -> Outcomes:
        """The stored outcomes."""

    def told(self) -> Told:
        """Decisions and rewards."""


class JournalReader:
    """Reads a journal file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def count(self) -> int:
        """See `Reader.count`."""
        return self.path.read_bytes().count(b'"outcome":') if self.path.exists() else 0

    def outcomes(self) -> Outcomes:
        """See `Reader.outcomes`."""
        found: Outcomes = {}
        for line in self._lines():
            if line["op_code"] == 8 and "outcome" in line["user_attr"]:
                number = line["trial_id"]
                second = number in found
                found[number] = {"twice": True} if second else line["user_attr"]["outcome"]
        return found

    def told(self) -> Told:
        """See `Reader.told`."""
        asked = [line["params"] for line in self._lines() if line["op_code"] == 4]
        return _told(asked, self.outcomes())

    def _lines(self) -> list[dict[str, Any]]:
        """The whole lines."""
        if not self.path.exists():
            return []
        text = self.path.read_bytes().splitlines(keepends=True)
        return [json.loads(line) for line in text if line.endswith(b"\n")]


class DatabaseReader:
    """Reads the tables of an Optuna storage that holds one study."""

    def __init__(self, url: str) -> None:
        patience = {"timeout": 60} if url.startswith("sqlite") else {}
        self._engine = sqlalchemy.create_engine(url, poolclass=NullPool, connect_args=patience)
        self._made = False

    def count(self) -> int:
        """See `Reader.count`."""
        rows = self._rows(_COUNT)
        return int(rows[0][0]) if rows else 0

    def outcomes(self) -> Outcomes:
        """See `Reader.outcomes`."""
        found: Outcomes = {}
        for number, text in self._rows(_OUTCOMES):
            found[number] = {"twice": True} if number in found else json.loads(text)
        return found

    def told(self) -> Told:
        """See `Reader.told`."""
        asked: dict[int, dict[str, float]] = {}
        for number, name, value in self._rows(_PARAMS):
            asked.setdefault(number, {})[name] = value
        return _told([asked[number] for number in sorted(asked)], self.outcomes())

    def _rows(self, query: str) -> list[Any]:
        """What the database answers; nothing where it has no tables yet."""
        file = self._engine.url.database if self._engine.url.drivername == "sqlite" else None
        if file is not None and not Path(file).exists():  # Connecting would create it.
            return []
        self._made = self._made or all(map(sqlalchemy.inspect(self._engine).has_table, _TABLES))
        if not self._made:
            return []
        with self._engine.connect() as connection:
            return list(connection.execute(sqlalchemy.text(query)))


def _told(asked: list[Any], outcomes: Outcomes) -> Told:
    rewards = {number: outcome.get("reward") for number, outcome in outcomes.items()}
    return [(params, rewards.get(number)) for number, params in enumerate(asked)]


@contextmanager
def database(kind: str, folder: Path) -> Iterator[str]:
    """The URL of a new, empty database of a kind; empty text where the store is a journal."""
    if kind == "postgresql":
        sys.path.append(str(PROJECT / "cluster" / "testing"))
        from database import postgresql

        folder.chmod(0o755)
        with postgresql(folder, "127.0.0.1") as server:
            yield server.url
    else:
        yield f"sqlite:///{folder / 'search.db'}" if kind == "sqlite" else ""
