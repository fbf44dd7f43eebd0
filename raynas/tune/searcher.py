"""The NAS controller as a Ray Tune searcher: Tune's names on one side, ask-and-tell behind."""

from __future__ import annotations

import json
import time
from collections.abc import Collection, Mapping, Sequence
from numbers import Real
from pathlib import Path
from typing import Any, cast

from ray.tune.search import Searcher

from raynas.arguments import checked
from raynas.asktell import AskTell
from raynas.controllers import make_controller
from raynas.controllers.by_name import ControllerLike
from raynas.errors import ConfigurationError, RaynasError, TaskError
from raynas.rewards import Metric, Pareto, Reward
from raynas.space import Space
from raynas.stopping import StopRule, first_stop
from raynas.store import StoreLike
from raynas.trials import Failed, History, Measurement, Mode, Outcome, Point, Stop, Stopped
from raynas.tune.care import Again, Care
from raynas.tune.clock import Clock
from raynas.tune.events import Events
from raynas.tune.param_space import from_tune, holds_domain, to_param_dict
from raynas.tune.trainable import ALONE, LOG, METRICS, MORE, NUMBER, RESULT, STEP, read_ending

__all__ = ["NASSearcher"]


@checked
class NASSearcher(Searcher):
    """Searches an architecture space inside any `ray.tune.Tuner`.

    Each trial's config holds the architecture's decisions, flat, as `Space.to_config` gives them
    (`Space.from_config` makes the architecture of them), and its number as ``trial_number``.
    Without a `space` it is the Tuner's ``param_space`` that is searched, as
    `raynas.tune.param_space.from_tune` reads it, and a trial's config has its shape.
    A trial's reward is `metric` of its last result, also where a scheduler ended it early; several
    metrics make it a search for the front between them. Population based training goes with no
    searcher: Ray refuses it.

    Proposals are stored before Tune sees them and results before anything reacts to them, so with
    a `store` a new `Tuner` with an equal searcher goes on where a killed one was.

    Args:
        space: A searchable class, its `Space`, or None for the Tuner's ``param_space``.
        controller: A name such as ``"auto"``, or what makes a controller from a space.
        metric: Key of the result to search for, or a list of keys; TuneConfig's where Tune passes
            it on, which it does where ``param_space`` is not empty.
        mode: ``"max"`` or ``"min"``, or a list with one for each metric.
        seed: Whole number from 0 on.
        store: Journal file, database URL or Optuna storage; None keeps the history in memory.
        name: Name of the search in the store.
        read_only: Only look at a stored search, also while another process runs it.
        reward: Used instead of `metric` and `mode`.
        identity: What else gives results their meaning; see `AskTell`.
        keep: What of a stored search may have changed; see `AskTell`.
        rules: Stop rules; after one fires, no trial is started.
        trials: Number of proposals at which to stop asking.

    Raises:
        ConfigurationError: An argument is out of its range.
    """

    def __init__(
        self,
        space: type[Any] | Space[Any] | None = None,
        controller: ControllerLike = "auto",
        *,
        metric: str | list[str] | None = None,
        mode: Mode | list[Mode] | None = None,
        seed: int = 0,
        store: StoreLike = None,
        name: str = "search",
        read_only: bool = False,
        reward: Reward | None = None,
        identity: Mapping[str, str] | None = None,
        keep: Collection[str] = (),
        rules: Sequence[StopRule] = (),
        trials: int | None = None,
    ) -> None:
        _check_objectives(metric, mode)
        super().__init__(metric=metric, mode=mode)  # type: ignore[arg-type] # lists are meant
        self._space: Space[Any] | None = None
        self._param_space: dict[str, Any] | None = None
        self._arguments: dict[str, Any] = {
            "controller": controller,
            "seed": seed,
            "store": store,
            "name": name,
            "read_only": read_only,
            "identity": identity,
            "keep": keep,
        }
        self._reward = reward
        self._trials = trials
        self._numbers: dict[str, int] = {}
        self._asktell: AskTell[Any] | None = None
        self.rules = tuple(rules)
        self.care = Care()
        self.events = Events(None)
        self._clock = Clock()
        self.at_once = 1
        self._careful = False
        self.stop: Stop | None = None
        self.error: RaynasError | None = None
        if space is not None:
            self._search_in(Space.of(space))

    @property
    def asktell(self) -> AskTell[Any]:
        """The search behind this searcher; opens its store on first use."""
        if self._asktell is None:
            space = self._known_space()
            self._asktell = AskTell(space, reward=self._make_reward(), **self._arguments)
            for number in self._numbers.values():
                self._asktell.claim(number)
        return self._asktell

    @property
    def history(self) -> History:
        """Everything asked and told so far; an immutable snapshot."""
        return self.asktell.history

    def check_rules(self) -> Stop | None:
        """Apply the stop rules now; the first stop found stays."""
        self._check_clock()
        if self.stop is None:
            self.stop = first_stop(self.rules, self.history, time.time())
        return self.stop

    def set_search_properties(
        self, metric: str | None, mode: str | None, config: dict[str, Any], **spec: Any
    ) -> bool:
        """Take metric, mode and, if there is no space, param_space; called by Tune, at first.

        Raises:
            ConfigurationError: `config` cannot be a space, is another one than before, or has
                something to choose beside a space.
        """
        del spec
        if self._space is None or self._param_space is not None:
            self._search_param_space(config)
        else:
            _refuse_domains(config)
        self._metric = metric or self._metric
        self._mode = mode or self._mode
        return True

    def set_max_concurrency(self, max_concurrent: int) -> bool:
        """How many trials run at once; called by Tune, which limits them all the same."""
        self.at_once = max_concurrent
        return False

    def suggest(self, trial_id: str) -> Any:
        """The next proposal, durable on return; FINISHED when the search is over.

        Raises:
            RaynasError: The search cannot go on.
        """
        if self.error is not None:
            raise self.error
        full = self._trials is not None and len(self.history) >= self._trials
        if self.check_rules():
            return Searcher.FINISHED
        if self.care.must_wait(self._numbers):
            return None
        if full and not self.asktell.waiting and not self.care.alone:
            return self._finished()
        alone = self.care.next_alone(trial_id)
        if alone is not None:
            self.asktell.again(alone)
        proposal = self.asktell.ask(max(1, self.at_once - len(self._numbers)))
        if proposal is None:
            return self._finished()
        self._numbers[trial_id] = proposal.number
        self.events.say("asked", trial=proposal.number, alone=alone is not None)
        config = {**self._config(proposal.architecture), NUMBER: proposal.number}
        return config if alone is None else {**config, ALONE: True}

    def _finished(self) -> str | None:
        """Nothing more to propose, once nothing is in flight that may have to run again."""
        return None if self._numbers and self._careful else str(Searcher.FINISHED)

    def on_trial_result(self, trial_id: str, result: dict[str, Any]) -> None:
        """Take in a report of a running trial."""
        number = self._numbers.get(trial_id)
        if number is not None and STEP in result:
            for step, metrics in result.get(MORE, ()):
                self._report(number, Point(step, metrics))
            self._report(number, _point(result))

    def on_trial_complete(
        self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False
    ) -> None:
        """Store how a trial ended, then apply the stop rules.

        What goes wrong here is kept and raised by the next `suggest`: Tune would tell the trial
        a second time, as an error.
        """
        number = self._numbers.pop(trial_id, None)
        if number is None or self.error or self.history[number].outcome is not None:
            return
        try:
            self._check_clock()
            self._end(trial_id, number, None if error else result)
            self.check_rules()
        except RaynasError as problem:
            self.error = problem
        except Exception as problem:
            self.error = RaynasError(
                f"the result of trial {number} could not be taken ({type(problem).__name__}: "
                f"{problem}); mend that and run the same command again: it runs once more"
            )

    def careful(self, care: Care, events: Events) -> None:
        """Have trials run again as `care` finds, and tell `events`; under an `Overseer` only."""
        self.care, self.events, self._careful = care, events, True

    def died(self, trial_id: str, error: str) -> None:
        """Why the worker of a trial died, as far as Ray knows; called before the trial's end."""
        number = self._numbers.get(trial_id)
        if number is not None:
            self.care.died(trial_id, number, error)

    def late(self, trial_id: str, why: str) -> None:
        """That a trial is being ended because it takes too long."""
        self.care.late(trial_id, why)

    def stopped(self, trial_id: str, by: str) -> None:
        """That a scheduler ends a trial."""
        self.care.stopped_by[trial_id] = by

    def began(self, trial_id: str, now: float) -> float:
        """When a trial was first seen running, on the clock of `now`."""
        return self.care.began.setdefault(trial_id, now)

    def heard(self, trial_id: str) -> float | None:
        """When a running trial last printed something, in seconds since the epoch."""
        number = self._numbers.get(trial_id)
        return None if number is None else self.care.heard(number)

    def begun(self, trial_id: str) -> float | None:
        """When the worker of a running trial began with it, in seconds since the epoch."""
        number = self._numbers.get(trial_id)
        return None if number is None else self.care.begun(number)

    def settle(self) -> None:
        """Take off what the clock jumped, make durable what was told: each second, and at the end.

        What goes wrong here is kept and raised by the next `suggest`.
        """
        try:
            self._check_clock()
            self.asktell.flush()
        except RaynasError as problem:
            self.error = self.error or problem

    def _check_clock(self) -> None:
        """Running time is what limits count: not that of a machine that slept, or a set clock."""
        jump = self._clock.jump()
        if jump:
            self.asktell.slept(jump)
            self.events.say("clock jumped", seconds=round(jump, 1))

    def _report(self, number: int, point: Point) -> None:
        try:
            self.asktell.report(number, point)
        except RaynasError as problem:
            self.error = self.error or problem

    def _end(self, trial_id: str, number: int, result: dict[str, Any] | None) -> None:
        """Store how a trial ended, or let it run once more."""
        ending = self._ending(trial_id, number, result)
        log = (result or {}).get(LOG, "")
        if isinstance(ending, Again):
            self.events.log(number, ending.why, ending.log or log)
            self.events.say("again", trial=number, why=ending.why, alone=ending.alone)
            self.asktell.note(number, "runs", self.care.runs[number])
            if not ending.alone:
                self.asktell.again(number)
            return
        outcome = self.asktell.tell(number, ending, sync=False)
        self.care.over(trial_id, number)
        told = self.history[number]
        self.events.log(number, told.reason or "completed", log)
        kind = type(outcome).__name__.lower()
        self.events.say(kind, trial=number, reward=told.reward, reason=told.reason)

    def save(self, checkpoint_path: str) -> None:
        """Write which of Tune's trials has which number; the rest is in the store."""
        Path(checkpoint_path).write_text(json.dumps(self._numbers))

    def restore(self, checkpoint_path: str) -> None:
        """Read what `save` wrote.

        Raises:
            ConfigurationError: There is no store to take the history from.
        """
        if self._arguments["store"] is None:
            raise ConfigurationError(
                "store=None: a search is resumed from its store; "
                "give NASSearcher(store='search.journal')"
            )
        self._numbers = json.loads(Path(checkpoint_path).read_text())
        self._asktell = None

    def __getstate__(self) -> dict[str, Any]:
        # A class that from_tune made cannot be found by name where the state is read.
        space = self._space if self._param_space is None else None
        fresh = {"_asktell": None, "events": Events(None), "care": Care(), "_clock": Clock()}
        return {**self.__dict__, **fresh, "_space": space}

    def _search_in(self, space: Space[Any]) -> None:
        if any(column.path == NUMBER for column in space.columns):
            raise ConfigurationError(f"a field of {space!r} is named {NUMBER!r}: rename it")
        make_controller(self._arguments["controller"], space)
        self._space = space

    def _search_param_space(self, param_space: dict[str, Any]) -> None:
        if NUMBER in param_space:
            raise ConfigurationError(f"a key of param_space is named {NUMBER!r}: rename it")
        if self._param_space is None:
            self._search_in(from_tune(param_space))
        elif from_tune(param_space).describe() != self._known_space().describe():
            raise ConfigurationError(
                "param_space is another one than in this searcher's first Tuner: "
                "give each Tuner a searcher of its own"
            )
        self._param_space = param_space

    def _known_space(self) -> Space[Any]:
        if self._space is None and self._param_space is not None:
            self._space = from_tune(self._param_space)
        if self._space is None:
            raise ConfigurationError(
                "space=None: give NASSearcher(space=...), or the Tuner a param_space to choose from"
            )
        return self._space

    def _config(self, architecture: Any) -> dict[str, Any]:
        """`architecture` as a trial sees it."""
        if self._param_space is not None:
            return to_param_dict(self._param_space, architecture)
        return dict(self._known_space().to_config(architecture))

    def _make_reward(self) -> Reward:
        if self._reward is not None:
            return self._reward
        if self._metric is None:
            raise ConfigurationError(
                "metric=None: give NASSearcher(metric=..., mode=...); Tune passes TuneConfig's on "
                "only where param_space is not empty"
            )
        if isinstance(self._metric, list):
            return Pareto(*map(Metric, self._metric, cast(list[Mode], self._mode)))
        return Metric(self._metric, cast(Mode, self._mode or "max"))

    def _ending(
        self, trial_id: str, number: int, result: Mapping[str, Any] | None
    ) -> Measurement | Outcome | Again:
        if result is None:
            return self.care.after_death(trial_id, number)
        if STEP in result:
            self._report(number, _point(result))
            trial = self.history[number]
            curve = trial.points
            seconds = max(0.0, time.time() - trial.started)
            last = curve[-1]
            measurement = Measurement(last.metrics, seconds, last.step, curve)
            return Stopped(self.care.stopped_by.pop(trial_id, "Ray Tune"), measurement)
        if RESULT not in result:
            return Measurement(_numbers(result), seconds=result.get("time_total_s", 0.0))
        try:
            ending = read_ending(result[RESULT])
        except TaskError as problem:
            if not self.history.completed:
                raise
            return Failed(str(problem))
        if isinstance(ending, MemoryError):
            return self.care.after_memory(number, str(ending))
        return ending


def _point(result: Mapping[str, Any]) -> Point:
    prefix = f"{METRICS}/"
    metrics = {k.removeprefix(prefix): v for k, v in result.items() if k.startswith(prefix)}
    return Point(result[STEP], metrics)


def _check_objectives(metric: object, mode: object) -> None:
    """Refuse lists that do not pair a mode with each of several metrics."""
    if not isinstance(metric, list) and not isinstance(mode, list):
        return
    paired = isinstance(metric, list) and isinstance(mode, list) and len(metric) == len(mode) > 1
    if not paired:
        raise ConfigurationError(
            f"metric={metric!r}, mode={mode!r}: give two lists of one length, at least 2, as in "
            "metric=['accuracy', 'ms'], mode=['max', 'min'], or two words"
        )


def _refuse_domains(config: Mapping[str, Any]) -> None:
    for key, value in config.items():
        if holds_domain(value):
            raise ConfigurationError(
                f"param_space[{key!r}] = {value!r}: NASSearcher has a space of its own; leave that "
                "away to search param_space, which otherwise may hold constants only"
            )


def _numbers(result: Mapping[str, Any]) -> dict[str, float]:
    """The numeric entries of a flat result, without the config and Tune's own."""
    return {
        key: float(value)
        for key, value in result.items()
        if isinstance(value, Real)
        and not isinstance(value, bool)
        and not key.startswith("config/")
        and key not in ("timestamp", "pid", "iterations_since_restore", "time_since_restore")
    }
