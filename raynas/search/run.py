"""A search that is open: its trials run on Ray Tune, and their results go to its store."""

from __future__ import annotations

import math
import os
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, replace
from functools import cached_property, partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from typing_extensions import TypeVar

from raynas.analysis.provenance import of_now, record_run
from raynas.analysis.units import bound_words
from raynas.asktell import AskTell
from raynas.controllers.by_name import ControllerLike, within_bounds
from raynas.controllers.earlier_search import learned_identity
from raynas.controllers.feasible import FeasibleSpace
from raynas.errors import ConfigurationError, RaynasError
from raynas.redaction import scrubbed, secret_values
from raynas.rewards import Metric
from raynas.search.kept_weights import KeptWeights
from raynas.search.limits import Limits
from raynas.search.result import SearchResult
from raynas.search.validation import check_name
from raynas.space import Space
from raynas.stopping import SpaceExhausted, StopRule, first_stop, until
from raynas.store import earlier_searches
from raynas.store.search_identity import BUDGETS, LEARN_FROM
from raynas.stored import Look, Notes, read_snapshot, shown_store, write_snapshot
from raynas.stored.look import JOURNAL, STORE_VARIABLE, store_of
from raynas.stored.snapshot import FILE as SNAPSHOT
from raynas.tasks import Task
from raynas.tasks.budgeted import budgeted
from raynas.tasks.log import announce
from raynas.trials import Measurement, Stop, Stopped
from raynas.wording import counted, shown_architectures

if TYPE_CHECKING:
    from raynas.search.definition import Search
    from raynas.tune.searcher import NASSearcher

__all__ = ["SearchRun", "script_name"]

A = TypeVar("A", default=Any)

_CHECKPOINTS = "checkpoints"
_CHECKPOINTS_VARIABLE = "RAYNAS_CHECKPOINTS"


class SearchRun(Look[A]):
    """An open search: holds its store until closed, as a context manager.

    Args:
        search: What to run.
        name: Name of the search in its store.
        read_only: Whether only to look at it, also while another process runs it.
    """

    def __init__(self, search: Search[A], name: str, read_only: bool) -> None:
        check_name(name)
        self.search = search
        self.name = name
        self.folder = Path(search.folder).absolute() / name
        self.space = Space.of(search.space)
        self.reward = search.reward or Metric(search.task.metric, search.task.mode)
        self.rules = self._rules()
        self.sources: tuple[Path, ...] = _own_script()
        self._store = search.store or os.environ.get(STORE_VARIABLE) or self._noted_store(read_only)
        if not read_only:
            self._check_store()
        several = len(search.budgets) > 1
        self.task = self._budgeted() if several else search.task
        self._identity = {f"task: {key}": text for key, text in self.task.identity().items()}
        if several:
            self._identity[BUDGETS] = repr(tuple(search.budgets))
        earlier = earlier_searches(search.learn_from) if search.learn_from else ()
        if earlier:
            self._identity[LEARN_FROM] = learned_identity(earlier)
        self.asktell = AskTell(
            self.space,
            self._controller(),
            search.seed,
            store=self._store,
            name=name,
            read_only=read_only,
            reward=self.reward,
            identity=self._identity,
            keep=search.keep,
            again=search.again,
            budgets=search.budgets,
            trainings=math.inf if search.limits.trainings is None else search.limits.trainings,
            trials=search.limits.trials,
            learn_from=earlier,
        )
        self.earlier = self.history
        if read_only:
            self._recall()

    def __enter__(self) -> SearchRun[A]:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.asktell.store.close()

    def _noted_store(self, read_only: bool) -> str | Path:
        """The journal in the folder or, to look only, the store that the latest start was given."""
        journal = self.folder / JOURNAL
        known = read_snapshot(self.folder) if read_only and not journal.exists() else None
        return journal if known is None or known.store is None else store_of(known, self.folder)

    def _check_store(self) -> None:
        """Refuse to begin anew beside results whose trials are in another store."""
        known, here = read_snapshot(self.folder), shown_store(self._store, self.folder)
        if known is not None and None not in (known.store, here) and known.store != here:
            raise ConfigurationError(
                f"the trials of the results in {self.folder} are in {known.store}, and this run "
                f"would begin a new search in {here}: go on with --store {known.store}, or begin "
                f"one with --name NAME; if you moved the store, remove {self.folder / SNAPSHOT}"
            )

    @cached_property
    def _searcher(self) -> NASSearcher:
        """What Tune asks; made when trials are to run, as it imports Ray."""
        from raynas.tune.searcher import NASSearcher

        searcher = NASSearcher.of(self.asktell, self.rules, self.search.limits.trials)
        known = secret_values(self.search.task, self.search.full, self.search.reward)
        searcher.scrub = partial(scrubbed, values=known)
        return searcher

    def _budgeted(self) -> Task:
        """The task at several budgets, whose full trainings keep their weights."""
        task = budgeted(self.search.task, self.search.full)
        task.full = KeptWeights(task.full, self.folder)
        return task

    def _controller(self) -> ControllerLike:
        """The search's controller, within the bounds of reward and task where there are any."""
        bounds = self.search.bounds
        if not bounds:
            return self.search.controller
        return within_bounds(self.search.controller, bounds, self.search.task.foreknown)

    def _rules(self) -> tuple[StopRule, ...]:
        search = self.search
        return until(
            (
                *search.rules,
                *search.limits.rules(search.resources.devices, search.budgets[0]),
                *((SpaceExhausted(self.space.size),) if len(search.budgets) == 1 else ()),
            ),
            search.until,
        )

    def _recall(self) -> None:
        """Take over the limits of the latest start, which may have been on its command line."""
        notes = self.asktell.store.notes_on_search
        with suppress(ConfigurationError, TypeError, KeyError):
            self.search = replace(
                self.search, limits=Limits(**notes["limits"]), until=notes["until"]
            )
            self.rules = self._rules()
            self.asktell.limit_to(self.search.limits.trainings, self.search.limits.trials)

    @property
    def subject(self) -> str:
        """How much there is to try, in words."""
        return shown_architectures(self.space.size)

    @property
    def limit(self) -> int:
        """See `Look.limit`."""
        return self.search.limits.trials

    @property
    def reserved(self) -> Mapping[str, float]:
        """See `Look.reserved`; without GPUs where the share is still to be measured."""
        resources = self.search.resources
        return (replace(resources, gpu=0) if resources.gpu == "auto" else resources).as_dict()

    @property
    def mended(self) -> bool:
        """Whether the store ended in a half-written line, which was cut off."""
        return self.asktell.store.mended

    def go(self) -> SearchResult[A]:
        """Run trials until a rule stops the search or a signal interrupts it.

        Trials in flight when a rule fires are recorded as stopped by it; those in flight at a
        signal stay open and run again, under their own number, at the next start that a rule does
        not stop at once.

        Raises:
            RaynasError: The search cannot go on; whatever ended is in the store.
        """
        from raynas.tune.run import Settings, run_trials
        from raynas.tune.scheduler_wrapper import TrialTimeLimits

        mark = self.asktell.store.notes_on_search.get("mark") or uuid4().hex
        as_started = {
            "limits": asdict(self.search.limits),
            "until": list(self.search.until),
            "mark": mark,
        }
        self.asktell.store.note_on_search(as_started)
        self._take_up_deferred()
        stop = self._searcher.check_rules()
        if stop is not None:
            return SearchResult(self.history, stop, self.folder, self.space)
        self._say_bounds()
        record_run(self.folder, of_now(self.search.seed, self.search.task, Path.cwd()))
        limits = self.search.limits
        settings = Settings(
            seed=self.search.seed,
            resources=self.search.resources,
            parallel=limits.parallel,
            patience=TrialTimeLimits(
                _seconds(limits.trial_minutes), _seconds(limits.silent_minutes)
            ),
            scheduler=self.search.scheduler,
            callbacks=tuple(self.search.callbacks),
            folder=self.folder,
            checkpoints=self._checkpoints(),
            mark=mark,
            spares_repeats=not self._is_bounded,
        )
        self._record()
        notes = Notes(self.rules, lambda: self.history, self.folder)
        notes.write()
        self._searcher.noted = notes.update
        stop = self._tried(run_trials(self._searcher, self.space, self.task, settings))
        notes.write(stop)
        return SearchResult(self.history, stop, self.folder, self.space)

    def _take_up_deferred(self) -> None:
        """Let trials that waited for a device run once more, unless a rule ends the search first.

        Limits on trials count them as running; so a search that a limit has ended goes on.
        """
        now = time.time()
        waiting = [trial.number for trial in self.history.deferred]
        as_if = self.history
        for number in waiting:
            as_if = as_if.reopened(number, now)
        if first_stop(self.rules, as_if, now) is not None:
            return
        for number in waiting:
            self.asktell.reopen(number)
        for number in reversed(waiting):
            self.asktell.again(number)

    def _tried(self, interrupted: bool) -> Stop | None:
        """Why no more trials run; None where a signal interrupted them."""
        stop = self._searcher.check_rules()
        if stop is not None:
            for trial in self.history.running:
                seen = trial.points[-1:]
                so_far = [Measurement(p.metrics, steps=p.step, curve=trial.points) for p in seen]
                self.asktell.tell(trial.number, Stopped(stop.rule, *so_far))
            return stop
        if interrupted:
            return None
        if self.history.running:
            raise RaynasError(
                f"Ray Tune ended with {counted(len(self.history.running), 'trial')} in flight and "
                "gave no reason; run the same command again to go on"
            )
        return _NOTHING_LEFT

    def _record(self) -> None:
        """Store what it takes to look at the search without its file."""
        write_snapshot(
            self.folder,
            name=self.name,
            sources=self.sources,
            store=self._store,
            seed=self.search.seed,
            identity=self._identity,
            space=self.space,
            reward=self.reward,
            rules=self.rules,
            limit=self.limit,
            reserved=self.reserved,
        )

    def _say_bounds(self) -> None:
        """Say before the first trial what part of the space the bounds that are free leave.

        Raises:
            ConfigurationError: Nothing within them was found.
        """
        bounds = self.search.bounds
        if not bounds or len(self.history) or not self._is_bounded:
            return
        part = FeasibleSpace(self.space, bounds, self.search.task.foreknown)
        if not part.free:
            return
        survey = part.survey
        share = survey.inside / survey.drawn
        shown = f"{share:.2g}" if share else f"under {1 / survey.drawn:.1g}"
        words = "Within bounds (%s): a share of %s of the space, by %s random architectures. %s"
        advice = _RARE if share < _RARELY else "Nothing outside is tried."
        limits = ", ".join(map(bound_words, part.free))
        announce(words, limits, shown, f"{survey.drawn:,}", advice)

    @property
    def _is_bounded(self) -> bool:
        """Whether proposals are kept within bounds."""
        return True

    def _checkpoints(self) -> str:
        """Folder of this search's checkpoints, apart from those of others in the same place."""
        given = self.search.checkpoints or os.environ.get(_CHECKPOINTS_VARIABLE)
        if not given:
            return str(self.folder / _CHECKPOINTS)
        return f"{str(given).rstrip('/')}/{self.name}"


def _seconds(minutes: float | None) -> float | None:
    return None if minutes is None else minutes * 60


_RARELY = 0.05
"""Share of the space within bounds; chosen by hand: below, most random starts are outside."""
_RARE = (
    "Hardly anything meets them: the search begins with what does, but a looser bound, or a space "
    "with more that meets it, finds better ones sooner; `raynas profile` shows what costs most."
)
_NOTHING_LEFT = Stop(
    "controller",
    "The controller has nothing more to propose.",
    "Train the best in full: `raynas train FILE`, or search a larger space.",
)


def _own_script() -> tuple[Path, ...]:
    """The script that runs, unless it is a command."""
    script = Path(getattr(sys.modules["__main__"], "__file__", None) or "")
    return (script.absolute(),) if script.suffix == ".py" and script.is_file() else ()


def script_name() -> str:
    """The name that a search has by default in a script."""
    return Path(sys.argv[0]).stem or "search"
