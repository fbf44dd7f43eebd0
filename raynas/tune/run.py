"""Run a search's trials on Ray Tune until the searcher is done, a rule fires or a signal comes.

Nothing here is remembered from run to run: each start makes a new `Tuner`, and its files go with
it. The store, behind the searcher, is the only state.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any
from uuid import uuid4

import ray
from ray import tune
from ray.tune import Stopper

from raynas import asktell
from raynas.errors import RaynasError, in_a_line
from raynas.space import Space
from raynas.tasks import Task
from raynas.tune.callbacks import make_callbacks
from raynas.tune.checkpoints import Checkpoints
from raynas.tune.event_log import Events
from raynas.tune.gpu_sharing import settled
from raynas.tune.pulse import Pulse
from raynas.tune.ray_session import ray_session, trials_at_once
from raynas.tune.resources import Resources
from raynas.tune.retry_policy import Care
from raynas.tune.scheduler_wrapper import Overseer, TrialTimeLimits
from raynas.tune.schedulers import SchedulerLike, make_scheduler, replay, scorer
from raynas.tune.scratch_folder import EXPERIMENT, folder_for_tune
from raynas.tune.searcher import NASSearcher
from raynas.tune.serialization import ship_by_value, shipped
from raynas.tune.trainable import ALONE, WorkerConfig, trainable

__all__ = ["Settings", "run_trials", "ship_by_value"]

_TUNE_SETTINGS = {
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "TUNE_DISABLE_SIGINT_HANDLER": "1",
    "TUNE_DISABLE_STRICT_METRIC_CHECKING": "1",
    "TUNE_GLOBAL_CHECKPOINT_S": "3600",
    "RAY_AIR_NEW_OUTPUT": "0",
    "RAY_CHDIR_TO_TRIAL_DIR": "0",
    # A trial without a GPU must not see those that other trials reserved.
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "1",
}
_SECONDS_BETWEEN_CHECKS = 1.0  # limits are in minutes and hours


@dataclass(frozen=True)
class Settings:
    """How a search runs its trials.

    Attributes:
        seed: Seed of the trials' randomness.
        resources: What each trial reserves.
        parallel: The most trials at a time; None for as many as fit.
        patience: How long a trial may take.
        scheduler: Ends trials early, by name or of Ray's; None lets all run to their end.
        callbacks: Ray's callbacks, or the names of loggers.
        folder: Folder of the search's results, for events, logs and loggers.
        checkpoints: Folder or URL for the checkpoints of running trials.
        mark: Identifies the search in its checkpoints, see `Checkpoints`.
        spares_repeats: Whether `scheduler` ends only the first trial of an architecture early, and
            the checkpoints of those that it ended are kept, to go on from.
    """

    seed: int
    resources: Resources
    parallel: int | None
    patience: TrialTimeLimits
    scheduler: SchedulerLike
    callbacks: tuple[Any, ...]
    folder: Path
    checkpoints: str
    mark: str = ""
    spares_repeats: bool = False


def run_trials(searcher: NASSearcher, space: Space[Any], task: Task, settings: Settings) -> bool:
    """Run trials until the searcher has no more; returns whether a signal cut that short.

    Uses the Ray session that exists, a cluster, or a local one of its own: see `ray_session`.

    Args:
        searcher: Proposes trials and records their outcomes.
        space: What it proposes from.
        task: Tries a proposal.
        settings: How.

    Raises:
        RaynasError: The search cannot go on; whatever ended is in the store.
        ConfigurationError: The resources cannot be had.
    """
    loggers = make_callbacks(settings.callbacks, settings.folder, searcher.asktell.reward)
    events = Events(settings.folder)
    with (
        closing(events),
        _Ending(searcher) as ending,
        _environment(),
        Pulse(ending.lose) as pulse,
        ray_session(),
        folder_for_tune(settings.folder if loggers else None) as folder,
        pulse.watching(),
    ):
        ending.listen()  # once more: Ray sets handlers of its own when it starts
        kept = Checkpoints(settings.checkpoints, settings.mark)
        care = Care(uuid4().hex, forget=kept.forget)
        searcher.careful(care, events)
        searcher.keeps_stopped = settings.spares_repeats
        events.say("started", process=os.getpid(), host=os.uname().nodename)
        tuner = _tuner(searcher, space, task, settings, care.token, ending, loggers, folder)
        try:
            if not ending.interrupted:
                tuner.fit()
        except RaynasError:
            raise
        except Exception as error:
            raise searcher.error or RaynasError(_why(error)) from error
        finally:
            searcher.settle()
            events.say("ended", interrupted=ending.interrupted, stop=searcher.stop)
        if searcher.error is not None:
            raise searcher.error
        return ending.interrupted


def _tuner(
    searcher: NASSearcher,
    space: Space[Any],
    task: Task,
    settings: Settings,
    token: str,
    ending: _Ending,
    loggers: list[Any],
    folder: str,
) -> tune.Tuner:
    nodes: list[dict[str, Any]] = ray.nodes()  # type: ignore[no-untyped-call]
    alive = [node["Resources"] for node in nodes if node["Alive"]]
    resources = settled(settings.resources, space, task)
    at_once = trials_at_once(resources, settings.parallel)
    plan = WorkerConfig(
        token=token,
        payload=shipped(space, task),
        seed=settings.seed,
        cpu=resources.cpu,
        gpu=resources.gpus,
        memory=resources.memory,
        checkpoints=settings.checkpoints,
        mark=settings.mark,
    )
    inner, name = make_scheduler(settings.scheduler, task)
    score = scorer(searcher.asktell.reward)
    if inner is not None:
        replay(inner, searcher.history, score)
    last = getattr(task, "max_steps", None)
    overseer = Overseer(
        searcher, inner, name, score, settings.patience, last, settings.spares_repeats
    )
    ending.end_running = overseer.end_running
    return tune.Tuner(
        tune.with_resources(trainable(plan), _requests(resources, resources.alone(alive))),
        tune_config=tune.TuneConfig(
            search_alg=searcher,
            scheduler=overseer,
            num_samples=-1,
            max_concurrent_trials=at_once,
            reuse_actors=True,
            trial_name_creator=_short_name,
            trial_dirname_creator=_short_name,
        ),
        run_config=tune.RunConfig(
            name=EXPERIMENT,
            storage_path=folder,
            stop=ending,
            verbose=0,
            callbacks=loggers,
            failure_config=tune.FailureConfig(max_failures=0),
            checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
        ),
    )


def _requests(usual: Resources, alone: Resources) -> Callable[[dict[str, Any]], Any]:
    """Resources that a trial reserves, by its config."""
    made = {
        flag: tune.PlacementGroupFactory(wanted.requests(), strategy=wanted.strategy)
        for flag, wanted in ((False, usual), (True, alone))
    }
    return lambda config: made[bool(config.get(ALONE))]


class _Ending(Stopper):
    """Ends the run, leaving trials in flight unfinished: on a rule, an error or a signal."""

    def __init__(self, searcher: NASSearcher | None = None) -> None:
        self.searcher = searcher
        self.end_running: Callable[[], None] | None = None
        self.interrupted = False
        self._checked = 0.0
        self._handlers: dict[int, Any] = {}
        self._lost: RaynasError | None = None

    def __call__(self, trial_id: str, result: dict[str, Any]) -> bool:
        """No trial is stopped on its own here."""
        del trial_id, result
        return False

    def stop_all(self) -> bool:
        """Asked by Tune at every step of its loop."""
        if self.searcher is None or not self._is_over(self.searcher):
            return False
        if self.end_running is not None:
            self.end_running()
        return True

    def _is_over(self, searcher: NASSearcher) -> bool:
        if self.interrupted or searcher.error is not None:
            return True
        if time.monotonic() - self._checked > _SECONDS_BETWEEN_CHECKS:
            self._checked = time.monotonic()
            searcher.check_rules()
        return searcher.stop is not None

    def lose(self, error: RaynasError) -> None:
        """End the run with `error`, also where it waits for a Ray that is gone."""
        self._lost = error
        if self.searcher is not None:
            self.searcher.error = self.searcher.error or error
        if self._handlers:  # Inside Ray, the main thread looks for signals only.
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    def __enter__(self) -> _Ending:
        self.listen()
        return self

    def listen(self) -> None:
        """Take SIGINT and SIGTERM for the wish to end, the first time that one comes."""
        if threading.current_thread() is threading.main_thread() and not self.interrupted:
            for number in (signal.SIGINT, signal.SIGTERM):
                before = signal.signal(number, self._interrupt)
                self._handlers.setdefault(number, before)

    def __exit__(self, *_: object) -> None:
        self._restore_handlers()

    def __reduce__(self) -> tuple[Any, ...]:
        # Tune pickles its stopper into files of its own, which raynas never reads.
        return (_Ending, ())

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        del number
        if self._lost is not None:
            if not _is_storing(frame):
                raise self._lost
            return
        self.interrupted = True
        self._restore_handlers()

    def _restore_handlers(self) -> None:
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        self._handlers = {}


def _is_storing(frame: FrameType | None) -> bool:
    """Whether something is being stored, which must not be left half done."""
    while frame is not None:
        if frame.f_code.co_filename == asktell.__file__:
            return True
        frame = frame.f_back
    return False


@contextmanager
def _environment() -> Iterator[None]:
    """Settings that Ray reads from the environment, where the user has set none."""
    added = {key: value for key, value in _TUNE_SETTINGS.items() if key not in os.environ}
    os.environ.update(added)
    tune_log = logging.getLogger("ray.tune")
    level = tune_log.level
    tune_log.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        tune_log.setLevel(level)
        for key in added:
            del os.environ[key]


def _short_name(trial: Any) -> str:
    return str(trial.trial_id)


def _why(error: BaseException) -> str:
    return (
        f"the run ended by {in_a_line(error)}. Every result until then is stored; "
        "run the same command again to go on"
    )
