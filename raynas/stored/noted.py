"""What a running search says of its stop rules, noted now and then for those who look at it."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from raynas.analysis.saved_results import load, save
from raynas.errors import RaynasError, message_of
from raynas.stopping import StopRule
from raynas.store.log import announce
from raynas.trials import History, Stop
from raynas.wording import moment

__all__ = ["NotedRule", "Notes", "noted_stop"]

_FILE = "rules.json"
_SECONDS = 15.0  # people look now and then, and rules with models take seconds
_LATEST = 1e11  # the year 5138: a damaged file


class NotedRule(StopRule):
    """A rule that only the running search applies; tells what was noted of it.

    A rule with a surrogate model takes seconds to apply, and one of the user's own is not known
    without the search file.

    Args:
        folder: Results folder of the search.
        index: Position of the rule among the search's.
        name: Name of the rule's class.
    """

    def __init__(self, folder: Path, index: int, name: str) -> None:
        self._path = folder / _FILE
        self._index = index
        self.name = name

    @property
    def costly(self) -> bool:
        """See `StopRule.costly`: there is no telling how it stood earlier."""
        return True

    def check(self, history: History, now: float) -> Stop | None:
        """See `StopRule.check`: nothing is found here; what the search found is `noted_stop`."""
        del history, now
        return None

    def state(self, history: History, now: float) -> str:
        """See `StopRule.state`."""
        del history, now
        noted = self._noted()
        if "state" not in noted:
            return "known to the running search only"
        return f"{noted['state']} (at {moment(float(noted['at']), to='minutes')})"

    def progress(self, history: History, now: float) -> float:
        """See `StopRule.progress`."""
        del history, now
        found = self._noted().get("progress", 0.0)
        return min(float(found), 0.99) if isinstance(found, int | float) and found > 0 else 0.0

    def _noted(self) -> dict[str, Any]:
        found = load(self._path) or {}
        rules = found.get("rules")
        mine = rules[self._index] if isinstance(rules, list) and self._index < len(rules) else {}
        at = found.get("at")
        whole = isinstance(mine, dict) and isinstance(at, int | float) and 0 <= at < _LATEST
        return {**mine, "at": found["at"]} if whole else {}


def noted_stop(folder: Path, history: History) -> Stop | None:
    """Why the search of `folder` ended, if it did and no trial has ended since."""
    found = load(folder / _FILE) or {}
    stop = found.get("stop")
    if not isinstance(stop, dict) or found.get("ended") != len(history.ended):
        return None
    return Stop(*(str(stop.get(key, "")) for key in ("rule", "reason", "advice")))


class Notes:
    """Writes what stop rules say to a file in a search's folder.

    Rules may keep models between calls, so whoever applies the rules calls this too, in one thread.

    Args:
        rules: Stop rules of the search.
        look: Gives its history.
        folder: Results folder. If it is not writable, a warning says so once.
    """

    def __init__(
        self, rules: tuple[StopRule, ...], look: Callable[[], History], folder: Path
    ) -> None:
        self._rules = rules
        self._look = look
        self._folder = folder
        self._written = -math.inf
        self._refused = False

    def update(self) -> None:
        """Write what the rules say, at most every 15 seconds."""
        if time.monotonic() - self._written >= _SECONDS:
            self.write()

    def write(self, stop: Stop | None = None) -> None:
        """Write what the rules say now, and why the search ended, if it did."""
        history, now = self._look(), time.time()
        rules = [_standing(rule, history, now) for rule in self._rules]
        ending = None if stop is None else asdict(stop)
        found = {"at": now, "ended": len(history.ended), "stop": ending, "rules": rules}
        try:
            save(found, self._folder / _FILE)
        except RaynasError as error:
            if not self._refused:
                announce("%s", error)
            self._refused = True
        self._written = time.monotonic()


def _standing(rule: StopRule, history: History, now: float) -> dict[str, Any]:
    """How near `rule` is to a stop; what a user's rule raises here is for show only."""
    try:
        return {"state": rule.state(history, now), "progress": rule.progress(history, now)}
    except Exception as error:
        return {"state": f"cannot be shown: {message_of(error)}", "progress": 0.0}
