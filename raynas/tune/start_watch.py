"""Whether workers start: a search in which none does says so, and does not wait without a word."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from ray.tune.experiment import Trial

from raynas.errors import RaynasError
from raynas.store.log import announce
from raynas.tune.ray_session import is_own_session, session_logs
from raynas.wording import duration

__all__ = ["StartWatch"]

_FIRST_WORD_SECONDS = 30.0
"""A worker starts in 5 to 10 s on a quiet machine. Each further word comes after twice the time."""
_OWN_SESSION_SECONDS = 900.0
"""Longer than workers take to start on a machine whose load is a hundred times its cores."""


@dataclass
class StartWatch:
    """Notices that trials wait for workers and that none runs.

    Attributes:
        is_own: Whether the session is the search's own, in which nobody else takes resources and
            no machine can be added: after a quarter of an hour waiting longer does not help.
        say: Tells the user; takes a text.
        clock: Seconds.
    """

    is_own: Callable[[], bool] = is_own_session
    say: Callable[[str], None] = lambda text: announce("%s", text)
    clock: Callable[[], float] = time.monotonic
    _since: float | None = field(default=None, init=False)
    _looked: float = field(default=0.0, init=False)
    _next_word: float = field(default=_FIRST_WORD_SECONDS, init=False)

    def look(self, trials: Iterable[Trial]) -> RaynasError | None:
        """Tell the user where none of Tune's `trials` has a worker for long.

        Returns:
            The error that ends the search, where waiting does not help.
        """
        states = {trial.status: trial for trial in trials}
        waiting = states.get(Trial.PENDING)
        if waiting is None or Trial.RUNNING in states:
            self._since, self._next_word = None, _FIRST_WORD_SECONDS
            return None
        now = self.clock()
        if self._since is None or now - self._looked > _FIRST_WORD_SECONDS:  # stopped by Ctrl-Z
            self._since = now
        self._looked = now
        waited = now - self._since
        if waited < self._next_word:
            return None
        self._next_word *= 2
        is_own = self.is_own()
        what = f"no worker has started for {duration(waited)}: {_why(waiting, is_own)}"
        if waited < _OWN_SESSION_SECONDS or not is_own:
            self.say(what)
            return None
        return RaynasError(
            f"{what}. Every result until then is stored; run the same command again to go on"
        )


def _why(trial: Trial, is_own: bool) -> str:
    """What a trial waits for, and where to look."""
    request: Any = trial.placement_group_factory
    wanted = request.required_resources.items()
    reserved = ", ".join(f"{amount:g} {name}" for name, amount in wanted if amount)
    if is_own:
        return (
            f"a trial reserves {reserved}, and this session is the search's own, so the machine is "
            f"very busy or something of Ray's does not work; its logs are in {session_logs()}"
        )
    return (
        f"a trial reserves {reserved}, which other jobs may hold, or machines are still starting; "
        "`ray status` on the head shows both"
    )
