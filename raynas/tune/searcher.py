"""The NAS controller as a Ray Tune searcher: Tune's names on one side, ask-and-tell behind."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from ray.tune.result import DEFAULT_METRIC
from ray.tune.search import Searcher

from raynas.arguments import checked
from raynas.asktell import AskTell
from raynas.controllers import make_controller
from raynas.controllers.by_name import ControllerLike
from raynas.errors import ConfigurationError, RaynasError, StoreError
from raynas.redaction import scrubbed
from raynas.rewards import Reward
from raynas.space import Space
from raynas.stopping import StopRule, first_stop
from raynas.store import Again as TryAgain
from raynas.store import StoreLike
from raynas.trials import History, Mode, Point, Proposal, Stop, Stopped
from raynas.tune.clock_jumps import Clock
from raynas.tune.event_log import Events
from raynas.tune.initial_points import Evaluated, Points
from raynas.tune.objectives import check_agreed, check_objectives, keys_of, make_reward
from raynas.tune.pacing import Pacing
from raynas.tune.result_metrics import point_in
from raynas.tune.retry_policy import Again, Care
from raynas.tune.schedulers import ONLY_FOR_BOHB
from raynas.tune.trainable import ALONE, LOG, MORE, STEP
from raynas.tune.trial_configs import Configs
from raynas.tune.trial_ending import ending_of, not_taken, without_secrets
from raynas.tune.trial_numbers import TrialNumbers

__all__ = ["NASSearcher"]


@checked
class NASSearcher(Searcher):
    """Searches an architecture space inside any `ray.tune.Tuner`.

    Each trial's config holds the architecture's decisions, flat, as `Space.to_config` gives them
    (`Space.from_config` makes the architecture of them), and its number as ``trial_number``.
    Without a `space` it is the Tuner's ``param_space`` that is searched, as
    `raynas.tune.param_space.from_tune` reads it, and a trial's config has that shape and nothing
    else in it.
    A trial's reward is `metric` of its last result, also where a scheduler ended it early; several
    metrics make it a search for the front between them. Population based training goes with no
    searcher: Ray refuses it.

    Proposals are stored before Tune sees them and results before anything reacts to them, so with
    a `store` a new `Tuner` with an equal searcher goes on where a killed one was.

    Args:
        space: A searchable class, its `Space`, a dict of Tune's domains, or None for the Tuner's
            ``param_space``.
        controller: A name such as ``"auto"``, or what makes a controller from a space.
        metric: Key of the result to search for, or a list of keys; TuneConfig's where Tune passes
            it on, which it does where ``param_space`` is not empty.
        mode: ``"max"`` or ``"min"``, or a list with one for each metric; TuneConfig's where Tune
            passes it on. With a mode and no metric it is the value that a trainable returns that
            counts.
        seed: Whole number from 0 on.
        store: Journal file, database URL or Optuna storage; None keeps the history in memory.
        name: Name of the search in the store.
        read_only: Whether only to look at a stored search, also while another process runs it.
        reward: Used instead of `metric` and `mode`.
        identity: What else gives results their meaning; see `AskTell`.
        keep: What of a stored search may have changed; see `AskTell`.
        again: What of a stored search to try once more; see `AskTell`.
        rules: Stop rules; after one fires, no trial is started.
        trials: Number of proposals at which to stop asking, evaluated points included.
        points_to_evaluate: What to try first: configs, nested or with keys such as ``"a/b"``, or
            architectures.
        evaluated_rewards: The metric of each of `points_to_evaluate`, which are not tried then.

    Raises:
        ConfigurationError: An argument is out of its range.
    """

    def __init__(
        self,
        space: type[Any] | Space[Any] | Mapping[str, Any] | None = None,
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
        again: TryAgain = False,
        rules: Sequence[StopRule] = (),
        trials: int | None = None,
        points_to_evaluate: Sequence[Any] | None = None,
        evaluated_rewards: Sequence[Any] | None = None,
    ) -> None:
        check_objectives(metric, mode)
        super().__init__(metric=metric, mode=mode)  # type: ignore[arg-type] # lists are meant
        self._configs = Configs(space)
        self._arguments: dict[str, Any] = {
            "controller": controller,
            "seed": seed,
            "store": store,
            "name": name,
            "read_only": read_only,
            "identity": identity,
            "keep": keep,
            "again": again,
        }
        self._reward = reward
        self._trials = trials
        self._numbers = TrialNumbers()
        self._pacing = Pacing()
        self._asktell: AskTell[Any] | None = None
        self.rules = tuple(rules)
        self.care = Care()
        self.events = Events(None)
        self.scrub: Callable[..., str] = scrubbed
        self.noted: Callable[[], None] = _nothing
        self._clock = Clock()
        self.keeps_stopped = False
        self._careful = False
        self.stop: Stop | None = None
        self.error: RaynasError | None = None
        self._points = Points.of(points_to_evaluate, evaluated_rewards)
        self._check_controller()

    @classmethod
    def of(cls, asktell: AskTell[Any], rules: Sequence[StopRule], trials: int) -> NASSearcher:
        """A searcher that asks and tells an open `asktell`, whose owner closes it."""
        searcher = cls(asktell.space, reward=asktell.reward, rules=rules, trials=trials)
        searcher._arguments["seed"] = asktell.seed
        searcher._asktell = asktell
        return searcher

    @property
    def asktell(self) -> AskTell[Any]:
        """The search behind this searcher; opens its store on first use."""
        if self._asktell is None:
            reward = self._reward or make_reward(self._metric, self._mode)
            self._metric = self._metric or (None if self._reward else DEFAULT_METRIC)
            asktell = AskTell(self._configs.known_space(), reward=reward, **self._arguments)
            try:
                for number in self._numbers.values():
                    asktell.claim(number)
            except StoreError:
                asktell.close()
                raise
            self._asktell = asktell
            if not self._arguments["read_only"]:
                self._points.tell(asktell, self._configs.architecture, self._metric)
        return self._asktell

    @property
    def history(self) -> History:
        """All proposals and outcomes so far; an immutable snapshot."""
        return self.asktell.history

    def close(self) -> None:
        """Let go of the store, so that another process, or an equal searcher, can open it."""
        if self._asktell is not None:
            self._asktell.close()

    def check_rules(self) -> Stop | None:
        """Apply the stop rules now; the first stop found stays."""
        self._check_clock()
        if self.stop is None:
            self.stop = first_stop(self.rules, self.history, time.time())
        self.noted()
        return self.stop

    def set_search_properties(
        self, metric: str | None, mode: str | None, config: dict[str, Any], **spec: Any
    ) -> bool:
        """Take metric, mode and, if there is no space, param_space; called by Tune, at first.

        Raises:
            ConfigurationError: `config` cannot be a space, is another one than before, or has
                something to choose beside a space; or metric or mode contradict the searcher's.
        """
        del spec
        self._configs.search(config)
        self._check_controller()
        if self._reward is None:
            check_agreed("metric", self._metric, metric)
            check_agreed("mode", self._mode, mode)
            self._metric, self._mode = self._metric or metric, self._mode or mode
        return True

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
        if self.care.must_wait(self._numbers) or len(self._numbers) >= self._pacing.most:
            return None
        if full and not self.asktell.waiting and not self.care.alone:
            return self._finished()
        if self._comes_back():
            return None
        alone = self.care.next_alone(trial_id)
        if alone is not None:
            self.asktell.again(alone)
        proposal = self._next()
        if proposal is None:
            self._configs.exhausted(self.history)
            return self._finished()
        self._numbers[trial_id] = proposal.number
        self.events.say("asked", trial=proposal.number, alone=alone is not None)
        config = self._configs.proposed(proposal, len(self.asktell.budgets) > 1)
        return config if alone is None else {**config, ALONE: True}

    def _next(self) -> Proposal | None:
        """The next proposal: what waits to run again, then the given points, then a new one."""
        read = self._configs.architecture
        wanted = None if self.asktell.waiting else self._points.following(self.history, read)
        if wanted is not None:
            return self.asktell.propose(wanted)
        return self.asktell.ask(self._free)

    @property
    def _free(self) -> int:
        """How many trials can start now; at least the one that Tune asks for."""
        return self._pacing.free(len(self._numbers), self._trials, len(self.history))

    def _comes_back(self) -> bool:
        """See `Pacing.comes_back`; nothing waits while no trial or a single one may run."""
        if not self._numbers or self.care.alone:
            return False
        return self._pacing.comes_back(lambda: self.asktell.is_prepared(self._free))

    def add_evaluated_point(
        self,
        parameters: dict[str, Any],
        value: Any,
        error: bool = False,
        pruned: bool = False,
        intermediate_values: list[float] | None = None,
    ) -> None:
        """Take in a point evaluated elsewhere, once; see `ray.tune.search.Searcher`.

        `value` may be a list with one for each metric; `intermediate_values` are not used.
        """
        del intermediate_values
        self._points.evaluated.append(Evaluated(parameters, value, error, pruned))
        if self._asktell is not None:
            self._points.tell(self._asktell, self._configs.architecture, self._metric)

    def _finished(self) -> str | None:
        """Nothing more to propose, once nothing is in flight that may have to run again."""
        return None if self._numbers and self._careful else str(Searcher.FINISHED)

    def on_trial_result(self, trial_id: str, result: dict[str, Any]) -> None:
        """Take in a report of a running trial."""
        self._pacing.heard()
        number = self._number_of(trial_id, result)
        if number is not None and STEP in result:
            for step, metrics in result.get(MORE, ()):
                self._report(number, Point(step, metrics))
            self._report(number, point_in(result))

    def set_max_concurrency(self, max_concurrent: int) -> bool:
        """Take over the limit on trials in flight; called by Tune.

        Its own limiter would not pass on the end of a trial that Tune restarted.
        """
        self._pacing.most = self._pacing.at_once = max_concurrent
        return True

    def on_trial_complete(
        self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False
    ) -> None:
        """Store how a trial ended, then apply the stop rules.

        What goes wrong here is kept and raised by the next `suggest`: Tune would tell the trial
        a second time, as an error.
        """
        self._pacing.heard()
        number = self._number_of(trial_id, result)
        if number is None or self.error:
            return
        try:
            ended = self.history[number].outcome is not None
            del self._numbers[trial_id]
            if not ended:
                self._configs.note_objects(self.asktell, number, result)
                self._check_clock()
                self._end(trial_id, number, None if error else result)
                self.check_rules()
        except Exception as problem:
            self.error = not_taken(number, problem, self.scrub)

    def on_pause(self, trial_id: str) -> None:
        """Refuse the scheduler that calls this, with a ConfigurationError."""
        del trial_id
        raise ConfigurationError(f"scheduler=HyperBandForBOHB(...): {ONLY_FOR_BOHB}")

    def careful(self, care: Care, events: Events) -> None:
        """Make trials run again as `care` finds, and tell `events`; under an `Overseer` only."""
        self.care, self.events, self._careful = care, events, True

    def number(self, trial_id: str) -> int | None:
        """The number of one of Tune's trials in flight."""
        return self._numbers.get(trial_id)

    def settle(self) -> None:
        """Take off what the clock jumped, make outcomes durable: each second, and at the end.

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
        if result is not None and STEP in result:
            self._report(number, point_in(result))
        keys = [] if self._reward is not None else keys_of(self._metric)
        ending = ending_of(trial_id, number, result, self.care, self.history, keys)
        ending = without_secrets(ending, self.scrub)
        log = self.scrub((result or {}).get(LOG, ""))
        if isinstance(ending, Again):
            self.events.log(number, ending.why, ending.log or log)
            self.events.say("again", trial=number, why=ending.why, alone=ending.alone)
            runs = [{**run, "why": self.scrub(run["why"])} for run in self.care.runs[number]]
            self.asktell.note(number, "runs", runs)
            if not ending.alone:
                self.asktell.again(number)
            return
        outcome = self.asktell.tell(number, ending, sync=False)
        self.care.over(trial_id, number, self.keeps_stopped and isinstance(outcome, Stopped))
        told = self.history[number]
        self.events.log(number, told.reason or "completed", log)
        kind = type(outcome).__name__.lower()
        self.events.say(kind, trial=number, reward=told.reward, reason=told.reason)

    def _number_of(self, trial_id: str, result: Mapping[str, Any] | None) -> int | None:
        return self._numbers.find(trial_id, result, lambda: self.asktell, self._configs)

    def save(self, checkpoint_path: str) -> None:
        """Write which of Tune's trials has which number; the rest is in the store."""
        self._numbers.write(checkpoint_path)

    def restore(self, checkpoint_path: str) -> None:
        """Read what `save` wrote.

        Raises:
            ConfigurationError: There is no store to take the history from. Tune only logs that and
                begins anew, so the next `suggest` raises it too.
        """
        if self._arguments["store"] is None:
            self.error = ConfigurationError(
                "store=None: this run cannot be resumed, since its history was in memory only; "
                "give NASSearcher(store='search.journal') and begin a new one"
            )
            raise self.error
        self._numbers = TrialNumbers.read(checkpoint_path)
        self._asktell = None

    def __getstate__(self) -> dict[str, Any]:
        fresh: dict[str, Any] = {"_asktell": None, "events": Events(None), "care": Care()}
        fresh |= {"_clock": Clock(), "scrub": scrubbed, "noted": _nothing}
        return {**self.__dict__, **fresh}

    def _check_controller(self) -> None:
        if self._configs.space is not None:
            make_controller(self._arguments["controller"], self._configs.space)


def _nothing() -> None:
    """Nothing is to be noted when rules were applied."""
