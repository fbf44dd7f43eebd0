"""A Tune scheduler around another one: what a search must see of Tune's trials besides results.

It is where Tune says that a worker died and why, where intermediate metrics become rewards for the
scheduler inside, and where a trial that takes too long is ended. Through it
`raynas.tune.tune_patches` reach Tune's controller.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ray
from ray.tune.experiment import Trial
from ray.tune.schedulers import FIFOScheduler, TrialScheduler

from raynas.errors import ConfigurationError
from raynas.report_limits import bounded_text
from raynas.trials import Measurement
from raynas.tune.schedulers import scored
from raynas.tune.searcher import NASSearcher
from raynas.tune.start_watch import StartWatch
from raynas.tune.trainable import METRICS, RESULT, STEP, read_ending
from raynas.tune.tune_patches import drop_finished, let_workers_start, survive_memory_kills
from raynas.wording import counted

__all__ = ["Overseer", "TrialTimeLimits"]

_SECONDS_BETWEEN_CHECKS = 1.0  # limits are in minutes and hours
_FINISHED_KEPT = 64  # Tune walks through all trials at each event
_LONGEST_START_SECONDS = 120.0  # imports on a busy machine take a minute
_MOST_READ = 1_000_000  # characters: more than a log keeps


@dataclass(frozen=True)
class TrialTimeLimits:
    """How long a trial may take.

    Attributes:
        run: Seconds of one run; None for any.
        silence: Seconds without a report or a printed line; None for any.
    """

    run: float | None = None
    silence: float | None = None


class Overseer(TrialScheduler):
    """Passes on to `inner` what Tune says, after the searcher has seen it.

    Args:
        searcher: Records why workers died, and which trials were stopped.
        inner: Decides which trials go on; all do where it is None.
        name: Name of `inner`, for the stopped trials' outcome.
        score: Maps a step and its metrics to the value that `inner` maximizes, or None.
        patience: How long a trial may take.
        last: The step of a trial's last report, at which it is trained: it is ended no more.
        spares_repeats: Whether only the first trial of an architecture is ended early.
    """

    def __init__(
        self,
        searcher: NASSearcher,
        inner: TrialScheduler | None,
        name: str,
        score: Callable[[int, Mapping[str, float]], float | None],
        patience: TrialTimeLimits,
        last: int | None = None,
        spares_repeats: bool = False,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._searcher = searcher
        self._inner = inner or FIFOScheduler()  # type: ignore[no-untyped-call]
        self._name = name
        self._score = score
        self._patience = patience
        self._at_end = last
        self._spares_repeats = spares_repeats
        self._unscored: dict[str, list[str]] = {}
        self._since: dict[str, float] = {}
        self._last: dict[str, dict[str, Any]] = {}
        self._checked = time.monotonic()
        self._starts = StartWatch()
        self._controller: Any = None

    def set_search_properties(self, metric: str | None, mode: str | None, **spec: Any) -> bool:
        """Called by Tune, at first."""
        del metric, mode
        self._inner.set_search_properties("reward", "max", **spec)
        return True

    def on_trial_add(self, tune_controller: Any, trial: Trial) -> None:
        """Called by Tune for each new trial."""
        self._take(tune_controller)
        self._inner.on_trial_add(tune_controller, trial)

    def on_trial_error(self, tune_controller: Any, trial: Trial) -> None:
        """Called by Tune where a worker died, before the searcher hears of the end."""
        self._since.pop(trial.trial_id, None)
        self._last.pop(trial.trial_id, None)
        number = self._searcher.number(trial.trial_id)
        if number is not None:
            self._searcher.care.died(trial.trial_id, number, _error_of(trial))
        self._inner.on_trial_error(tune_controller, trial)

    def on_trial_result(self, tune_controller: Any, trial: Trial, result: dict[str, Any]) -> str:
        """Called by Tune for each report: whether the trial goes on."""
        if STEP not in result:
            return str(TrialScheduler.CONTINUE)
        self._since[trial.trial_id] = time.monotonic()
        seen = self._scored(result)
        if seen is None:
            self._unscored[trial.trial_id] = sorted(_metrics_of(result))
            return str(TrialScheduler.CONTINUE)
        if self._spares_repeats and self._repeats(trial.trial_id):
            return str(TrialScheduler.CONTINUE)
        self._last[trial.trial_id] = seen
        decision = str(self._inner.on_trial_result(tune_controller, trial, seen))
        if self._at_end is not None and result[STEP] >= self._at_end:
            return str(TrialScheduler.CONTINUE)
        if decision == TrialScheduler.STOP:
            self._searcher.care.stopped_by[trial.trial_id] = self._name
        return decision

    def on_trial_complete(self, tune_controller: Any, trial: Trial, result: dict[str, Any]) -> None:
        """Called by Tune at the end of a trial."""
        self._since.pop(trial.trial_id, None)
        last = self._scored(result) or self._last.pop(trial.trial_id, None)
        self._last.pop(trial.trial_id, None)
        reported = self._unscored.pop(trial.trial_id, None)
        if reported is not None and last is None and self._name:
            self._refuse(result, reported)
        if last is None:  # It never reported: to a scheduler, it might as well not have begun.
            self._inner.on_trial_remove(tune_controller, trial)
        else:
            self._inner.on_trial_complete(tune_controller, trial, last)

    def on_trial_remove(self, tune_controller: Any, trial: Trial) -> None:
        """Called by Tune where a trial ends before it began."""
        self._inner.on_trial_remove(tune_controller, trial)

    def choose_trial_to_run(self, tune_controller: Any) -> Trial | None:
        """Called by Tune at every step of its loop."""
        trials = tune_controller.get_trials()
        if len(trials) > _FINISHED_KEPT:
            drop_finished(tune_controller, trials)
        if time.monotonic() - self._checked > _SECONDS_BETWEEN_CHECKS:
            self._checked = time.monotonic()
            self._end_late(trials)
            self._searcher.error = self._searcher.error or self._starts.look(trials)
            self._searcher.settle()
        return self._inner.choose_trial_to_run(tune_controller)

    def end_running(self) -> None:
        """End the workers of the trials in flight, for which Tune would wait ten seconds."""
        for trial in self._controller.get_trials() if self._controller is not None else ():
            actor = trial.temporary_state.ray_actor
            if trial.status == Trial.RUNNING and actor is not None:
                ray.kill(actor)

    def debug_string(self) -> str:
        """Shown by Tune, were it asked to."""
        return str(self._inner.debug_string())

    def save(self, checkpoint_path: str) -> None:
        """Nothing: each start makes a new one."""

    def restore(self, checkpoint_path: str) -> None:
        """Nothing: each start makes a new one."""

    def __getstate__(self) -> dict[str, Any]:
        # Tune pickles it into files of its own, which raynas never reads.
        return {}

    def _take(self, tune_controller: Any) -> None:
        """Patch the run's controller, once: Tune passes a new wrapper around it each time."""
        controller = getattr(tune_controller, "_tune_controller", tune_controller)
        if self._controller is not controller:
            self._controller = controller
            survive_memory_kills(controller)
            let_workers_start(controller)

    def _scored(self, result: Mapping[str, Any]) -> dict[str, Any] | None:
        """`result` as the scheduler inside takes it, or None where there is no number to go by."""
        if STEP not in result:
            return None
        seen = scored(self._inner, self._score, result[STEP], _metrics_of(result))
        return None if seen is None else {**result, **seen}

    def _refuse(self, result: Mapping[str, Any], reported: list[str]) -> None:
        """End a search whose scheduler has nothing to go by until a trial has ended."""
        ending = read_ending(result[RESULT]) if RESULT in result else None
        if not isinstance(ending, Measurement):
            return
        if scored(self._inner, self._score, ending.steps or 0, ending.metrics) is None:
            return
        missing = sorted(ending.metrics.keys() - set(reported))
        self._searcher.error = self._searcher.error or ConfigurationError(
            f"scheduler={self._name!r}: what it goes by is known at the end of a trial only, so it "
            f"could end none early; trials report {', '.join(reported) or 'nothing'}, and only at "
            f"their end {', '.join(missing)}. Reward what is reported, have the task report it "
            "(Context.costs for what is known beforehand), or give scheduler=None"
        )

    def _repeats(self, trial_id: str) -> bool:
        """Whether an earlier trial tried the same architecture."""
        number = self._searcher.number(trial_id)
        if number is None:
            return False
        architecture = self._searcher.history[number].architecture
        return any(one.architecture == architecture for one in self._searcher.history[:number])

    def _end_late(self, trials: list[Trial]) -> None:
        now = time.monotonic()
        for trial in trials:
            actor = trial.temporary_state.ray_actor
            if trial.status != Trial.RUNNING or actor is None:
                continue
            began = self._searcher.care.began.setdefault(trial.trial_id, now)
            why = self._late(trial.trial_id, began, now)
            if why:
                self._searcher.care.late(trial.trial_id, why)
                ray.kill(actor)

    def _late(self, trial_id: str, began: float, now: float) -> str | None:
        limit = self._patience.run
        if limit is not None and now - began > limit and self._over(trial_id, limit, now - began):
            return f"not at its end after {counted(round(limit / 60, 2), 'minute')}, its limit"
        limit = self._patience.silence
        if limit is None or now - max(began, self._since.get(trial_id, began)) <= limit:
            return None
        number = self._searcher.number(trial_id)
        heard = None if number is None else self._searcher.care.heard(number)
        if heard is not None and time.time() - heard <= limit:
            return None
        return f"not a word for {counted(round(limit / 60, 2), 'minute')}, its limit"

    def _over(self, trial_id: str, limit: float, waited: float) -> bool:
        """Whether a trial ran for `limit`, without what its worker took to start and import."""
        number = self._searcher.number(trial_id)
        begun = None if number is None else self._searcher.care.begun(number)
        if begun is None:
            return waited > limit + _LONGEST_START_SECONDS
        return time.time() - begun > limit


def _metrics_of(result: Mapping[str, Any]) -> dict[str, float]:
    """The metrics in one of Tune's flat results."""
    prefix = f"{METRICS}/"
    return {k.removeprefix(prefix): v for k, v in result.items() if k.startswith(prefix)}


def _error_of(trial: Trial) -> str:
    """Ray's message on the death of `trial`'s worker, at first only on this machine."""
    if trial.error_file is None:
        return ""
    path = Path(trial.error_file)
    with suppress(OSError), path.open(encoding="utf-8", errors="replace") as file:
        return bounded_text(file.read(_MOST_READ))
    return ""
