"""The search loop turned inside out: ask for an architecture, tell how it ended. No Ray."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import numpy as np

from raynas.arguments import checked, checked_call, checked_whole
from raynas.controllers.budgets import checked_budgets, shown_budgets
from raynas.controllers.by_name import ControllerLike, make_controller
from raynas.controllers.cost_limit import CostLimit
from raynas.controllers.planner import Planner
from raynas.controllers.search_beliefs import SearchBeliefs, budget_controller
from raynas.errors import ConfigurationError, StoreError
from raynas.mutual_exclusion import Exclusive, exclusive
from raynas.report_limits import bounded_metrics, bounded_outcome
from raynas.rewards import Metric, Reward, check_shown, outcome_of, rejudged
from raynas.space import Space
from raynas.store import Again, Store, StoreLike, earlier_searches
from raynas.store.live_curves import LiveCurves
from raynas.store.rescue import Rescue
from raynas.store.search_identity import identity_of
from raynas.store.sole_writer import AnotherWriterError, ask_alone
from raynas.trials import History, Measurement, Outcome, Point, Proposal, Trial
from raynas.trials.proposal_number import proposal_number
from raynas.wording import counted

if TYPE_CHECKING:
    from raynas.controllers.budget_beliefs import Belief, Trust

__all__ = ["AskTell"]

A = TypeVar("A")


@partial(checked, own_words=False)  # it opens files
class AskTell(Exclusive, Generic[A]):
    """A search that is driven from outside, one proposal at a time or several at once.

    ```python
    search = AskTell(Net, seed=0)
    proposal = search.ask()
    search.tell(proposal.number, evaluate(proposal.architecture))
    ```

    With a store, the history is durable: the same call again goes on where it was, first with
    the proposals whose outcome was never reported, under their own numbers.

    Any number of threads may use one object; each call waits for its turn. A process of its own
    needs an object of its own: a forked copy is refused, and so is pickling.

    Args:
        space: A searchable class, or its `Space`.
        controller: A name such as ``"auto"``, or what makes a controller from a space.
        seed: Whole number from 0 on; with the proposal's number it determines each proposal.
        store: Journal file, database URL or Optuna storage; None keeps the history in memory.
        name: Name of the search in the store.
        read_only: Whether only to look at a stored search, also while another process runs it.
        reward: Turns measurements into rewards. Needed only where `tell` is given measurements;
            stored, and refused when it changed.
        identity: What else gives results their meaning, as text; refused when changed.
        keep: What of these may have changed: ``"reward"``, of which earlier rewards are computed
            anew from the stored measurements, ``"task"`` and ``"seed"``. What had no reward under
            another task is tried once more.
        again: Try once more what has ended without a reward; of a search that has changed, set
            the results aside and begin anew, as ``"all"`` does with any.
        budgets: Lengths of a training among which the controller chooses, as shares of a full
            one, rising to 1; each is a training of its own. They are in `Proposal.budget`.
        trainings: What all proposals may cost together, in full trainings, where there are
            several budgets; no more is proposed then. The last full training within it is that of
            the architecture believed to be best.
        trials: How many proposals there will be; where there are several budgets, the last one is
            a full training.
        learn_from: Earlier searches, on other data or of spaces with some of the same decisions;
            see `raynas.store.earlier_searches`. What they tell of this one is learned. A digest of
            what they found is stored, and refused when it changed.

    Raises:
        ConfigurationError: An argument is out of its range.
        StoreError: See `raynas.store.Store`.
    """

    def __init__(
        self,
        space: type[A] | Space[A],
        controller: ControllerLike = "auto",
        seed: Any = 0,
        *,
        store: StoreLike = None,
        name: str = "search",
        read_only: bool = False,
        reward: Reward | None = None,
        identity: Mapping[str, str] | None = None,
        keep: Collection[str] = (),
        again: Again = False,
        budgets: Sequence[float] = (1.0,),
        trainings: float = math.inf,
        trials: float = math.inf,
        learn_from: Sequence[Any] = (),
    ) -> None:
        super().__init__()
        self.space = Space.of(space)
        self.seed = checked_whole("seed", seed)
        self.reward = reward or Metric("reward")
        check_shown(self.reward)
        self.budgets = checked_budgets(budgets)
        earlier = earlier_searches(learn_from) if learn_from else ()
        limit = CostLimit(trainings, trials)
        self._several = budget_controller(
            controller, self.space, self.reward, self.budgets, limit, earlier
        )
        self._beliefs = SearchBeliefs(self._several)
        self._planner = Planner(self._several or make_controller(controller, self.space), self.seed)
        self.store: Store[A] = Store(
            store,
            name,
            self.space,
            identity_of(seed, self.reward, self.budgets, earlier, identity or {}),
            objectives=len(self.reward.objectives),
            keep=keep,
            again=again,
            read_only=read_only,
        )
        self._rescue = Rescue(self.store)
        self._history = self._loaded()
        self._again: deque[Trial[A]] = deque()
        self._curves = LiveCurves(self.store, self.reward)
        for number in self.store.to_try_again(self._history):
            self.reopen(number)
        self._again.extend(self._history.running)

    def __enter__(self) -> AskTell[A]:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the store, so that another process, or a new object, can open it."""
        if not self.is_forked:  # such a copy does not hold it
            with self._lock:
                self._planner.close()
                self.store.close()

    @property
    def history(self) -> History[A]:
        """All proposals and outcomes so far; an immutable snapshot."""
        return self._history

    @exclusive
    def follow(self) -> History[A]:
        """What is stored by now, with ``read_only=True``; reads only what is new."""
        self._history = self.store.follow(self._history)
        return self._history

    @property
    def waiting(self) -> int:
        """How many proposals of an earlier process are still to be asked again."""
        return len(self._again)

    @exclusive
    @checked_call
    def claim(self, number: int) -> None:
        """Say that proposal `number`, of an earlier process, is running already.

        Raises:
            StoreError: The store has no such proposal.
        """
        if not 0 <= number < len(self._history):
            raise StoreError(
                f"the store has no trial {number}, which the run to be resumed has: it holds "
                f"{counted(len(self._history), 'trial')}; give store= the one that the run began "
                "with, or begin a new run"
            )
        self._again = deque(trial for trial in self._again if trial.number != number)

    @exclusive
    def ask(self, free: int = 1) -> Proposal[A] | None:
        """The next proposal, durable on return; None when the space is exhausted.

        Args:
            free: How many proposals the caller can start now, this one included. From eight on,
                up to 100 are planned together, which costs much less than one by one.

        Raises:
            StoreError: It could not be stored, or another process writes to the same search.
        """
        if self._again:
            trial = self._again[0]
            started = self.store.restart(trial.number)
            self._again.popleft()
            self._history = self._history.restarted(trial.number, started)
            return Proposal(trial.number, trial.architecture, trial.budget)
        if self._several is not None:
            rng = np.random.default_rng([self.seed, len(self._history)])
            proposed = self._several.propose_training(self._history, rng)
            return None if proposed is None else self._asked(*proposed)
        architecture = self._planner.propose(self._history, free)
        return None if architecture is None else self._asked(architecture)

    @exclusive
    def is_prepared(self, free: int = 1) -> bool:
        """Whether `ask` would return at once; where not, proposals are made in the background.

        For an event loop that must not wait for a controller: ask once this is true. With several
        budgets proposals are made one at a time, when they are asked for.

        Args:
            free: How many proposals the caller can start now.
        """
        planned = self._several is None and not self._again
        return not planned or self._planner.is_prepared(self._history, free)

    @exclusive
    @checked_call
    def propose(self, architecture: A, budget: float | None = None) -> Proposal[A]:
        """Make `architecture`, chosen by the caller, the next proposal; durable on return.

        Args:
            architecture: Architecture of the space.
            budget: Budget of the trial, one of the search's; None for the lowest.

        Raises:
            ConfigurationError: The search has no such budget.
            SpaceError: The architecture is not one of the space.
            StoreError: See `ask`.
        """
        self.space.check(architecture)
        given = self.budgets[0] if budget is None else budget
        if given not in self.budgets:
            raise ConfigurationError(
                f"budget={budget!r}: must be one of the search's, {shown_budgets(self.budgets)}"
            )
        return self._asked(architecture, given)

    @exclusive
    @checked_call
    def ask_batch(self, count: int) -> list[Proposal[A]]:
        """Up to `count` proposals, fewer where the space is exhausted; see `ask`."""
        found: list[Proposal[A]] = []
        while len(found) < count and (proposal := self.ask(count - len(found))) is not None:
            found.append(proposal)
        return found

    def _asked(self, architecture: A, budget: float = 1.0) -> Proposal[A]:
        number = len(self._history)
        try:
            trial = ask_alone(self.store, number, architecture, budget)
        except AnotherWriterError:
            self._history = self._loaded()
            raise
        self._history = self._history.asked(trial)
        return Proposal(number, architecture, budget)

    @exclusive
    @checked_call
    def again(self, number: int) -> None:
        """Let the next `ask` give proposal `number`, which has no outcome, once more."""
        self.claim(number)
        self._again.appendleft(self._history[number])

    @exclusive
    @checked_call
    def reopen(self, number: int) -> None:
        """Let proposal `number`, which ended without a reward, run once more under its number."""
        started = self.store.reopen(self._history[proposal_number(number, self._history, "reopen")])
        self._history = self._history.reopened(number, started)

    @exclusive
    @checked_call
    def report(self, number: int | Proposal[Any], point: Point) -> None:
        """Take in what a running proposal measured so far; each step once.

        The reward at it is stored at most once a second, for those who look on. What comes after
        the proposal's end is left out.

        Args:
            number: The proposal, or its number.
            point: The step, and the metrics there.

        Raises:
            ConfigurationError: There is no such proposal.
            StoreError: It could not be stored.
        """
        number = proposal_number(number, self._history, "report")
        trial = self._history[number]
        if trial.outcome is not None:
            return
        last = trial.points[-1] if trial.points else None
        if last is not None and last.step >= point.step:
            return
        known = () if last is None else last.metrics
        kept = Point(point.step, bounded_metrics(point.metrics, bounded=known))
        self._history = self._history.reported(number, kept)
        self._curves.show(number, point)

    @exclusive
    def slept(self, seconds: float) -> None:
        """Take `seconds` during which nothing ran, as on a suspended machine, off all runs."""
        for trial in self._history.running:
            started = self.store.restart(trial.number, trial.started + seconds)
            self._history = self._history.restarted(trial.number, started)

    @exclusive
    def tell(
        self,
        number: int | Proposal[Any],
        result: float | tuple[float, ...] | Measurement | Outcome,
        *,
        sync: bool = True,
    ) -> Outcome:
        """Store how proposal `number` ended, durable on return.

        Args:
            number: A proposal that is running, or its number.
            result: A reward, or a tuple of as many objectives as the search's reward has, larger
                being better; a measurement, from which the search's reward is computed; or an
                outcome such as ``Infeasible("too large")``.
            sync: False leaves it to the next `ask`, or to ``store.flush()``, to make sure that
                the machine's end does not lose it; that of the process never does.

        Returns:
            The outcome as stored. NaN and infinite rewards are infeasible.

        Raises:
            ConfigurationError: No such proposal is running, or the reward is not a number.
            StoreError: It could not be stored.
        """
        number = proposal_number(number, self._history, "tell")
        if self._history[number].outcome is not None:
            raise ConfigurationError(
                f"tell(number={number}): this proposal has ended; tell each proposal once"
            )
        outcome = bounded_outcome(outcome_of(result, self.reward))
        self._rescue.ending = number, outcome
        started = self._history[number].started
        ended = self.store.tell(number, outcome, sync=sync, started=started)
        self._rescue.ending = None
        self.claim(number)
        self._curves.end(number)
        self._history = self._history.told(number, outcome, ended)
        return outcome

    @exclusive
    @checked_call
    def note(self, number: int, key: str, value: Any) -> None:
        """Store something about proposal `number`, which runs; durable on return."""
        self.store.note(proposal_number(number, self._history, "note"), key, value)

    @exclusive
    def flush(self) -> None:
        """Make what was reported with ``sync=False`` durable; raise if the store is gone."""
        self.store.flush()

    def recommend(self) -> Trial[A] | None:
        """The completed trial believed to be best; see `Controller.recommend`."""
        return self._planner.recommend(self._history)

    @checked_call
    def beliefs(self, count: int = 10, more: Sequence[Trial[A]] = ()) -> list[Belief]:
        """What is believed of the best at the full budget; empty with one budget, or no model.

        Args:
            count: How many are wanted.
            more: Full trainings that count as well, such as those of stage 2. What the search
                tried itself is shown by the search's trials.
        """
        return self._beliefs.beliefs(self._history, count, more)

    def believed(self) -> History:
        """What a shortlist goes by: see `MultiBudget.believed`; with one budget the history."""
        return self._beliefs.believed(self._history)

    @checked_call
    def limit_to(self, trainings: float | None, trials: float) -> None:
        """Make proposals and the final choice go by other limits than were given; see `AskTell`."""
        self._beliefs.limit_to(trainings, trials)

    @checked_call
    def trust(self, more: Sequence[Trial[A]] = ()) -> list[Trust]:
        """How far each lower budget goes with the full one; see `beliefs` for `more`."""
        return self._beliefs.trust(self._history, more)

    @contextmanager
    def turn(self) -> Iterator[None]:
        """See `Exclusive.turn`; a `LostStoreError` says what was rescued."""
        with super().turn(), self._rescue.watched(lambda: self._history):
            yield

    def _loaded(self) -> History[A]:
        """What is stored, with the rewards computed anew where the reward has changed."""
        return rejudged(self.store.load(), self.reward, self.store.rejudged)
