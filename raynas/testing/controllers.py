"""The contract of a controller, as tests to inherit.

```python
class TestMine(ControllerContract):
    def make(self, space):
        return Mine(space)
```
"""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Callable, Container
from typing import Any, TypeAlias

import numpy as np

from raynas.controllers import Controller, Deduplicated, Random
from raynas.space import Space
from raynas.testing.spaces import (
    DeepNet,
    LoneNet,
    MixedNet,
    TinyNet,
    ToyNet,
    toy_reward,
    weighted_reward,
)
from raynas.trials import (
    Completed,
    Failed,
    History,
    Infeasible,
    Measurement,
    Outcome,
    Stopped,
    Trial,
)

__all__ = ["ControllerContract", "Evaluate", "simulate"]

Evaluate: TypeAlias = Callable[[Any], float | tuple[float, ...]]
"""From an architecture to its reward, or to its objectives."""


def simulate(
    make: Callable[[Space[Any]], Controller],
    space: Space[Any],
    evaluate: Evaluate,
    trials: int,
    *,
    seed: int = 0,
    parallel: int = 1,
    faults: bool = False,
    restarts: Container[int] = (),
) -> History:
    """The history of a search without any machinery, the same at every call.

    Args:
        make: Makes the controller for `space`.
        space: What to search.
        evaluate: Function from an architecture to its reward, or to several objectives.
        trials: How many proposals to ask for; fewer where the controller returns None.
        seed: Seed of the search; with a proposal's number it seeds that proposal's generator.
        parallel: How many trials run at once. They end out of order.
        faults: Whether every third trial fails, is infeasible or is stopped, in turn.
        restarts: Numbers of the proposals before which the controller is made anew, as in a
            process that starts after a crash.

    Returns:
        All trials, the last of which are still running.

    Raises:
        SpaceError: A proposal lies outside the space.
    """
    controller = make(space)
    history = History()
    while len(history) < trials:
        if len(history.running) >= parallel:
            trial = history.running[(7 * len(history)) % parallel]
            outcome = _outcome(trial, evaluate, faults)
            history = history.told(trial.number, outcome, ended=float(len(history)))
        number = len(history)
        if number in restarts:
            controller = make(space)
        architecture = controller.propose(history, np.random.default_rng([seed, number]))
        if architecture is None:
            break
        space.check(architecture)
        history = history.asked(Trial(number, architecture, started=float(number)))
    return history


def _outcome(trial: Trial, evaluate: Evaluate, faults: bool) -> Outcome:
    if faults and trial.number % 3 == 2:
        faulty = (Failed("Killed"), Infeasible("too large"), Stopped("a scheduler"))
        return faulty[trial.number // 3 % 3]
    value = evaluate(trial.architecture)
    objectives = value if isinstance(value, tuple) else (value,)
    return Completed(Measurement({"reward": objectives[0]}), objectives[0], objectives)


class ControllerContract(ABC):
    """What every controller promises. Inherit it, give `make`, and let pytest collect it.

    Attributes:
        trials: How many proposals a search of these tests has: more than the controller needs to
            come past its beginning, such as a first random population.
    """

    trials: int = 80

    @abstractmethod
    def make(self, space: Space[Any]) -> Controller:
        """A fresh controller for `space`, always with the same arguments."""

    def test_proposals_are_members_of_the_space(self) -> None:
        """Each proposal is an architecture of the space, also where trials have no reward."""
        space = Space(ToyNet)
        history = self._search(space)
        assert len(history) == self.trials
        for trial in history:
            space.check(trial.architecture)

    def test_a_fresh_instance_proposes_the_same(self) -> None:
        """The proposal follows from the constructor's arguments, the history and the generator."""
        space = Space(ToyNet)
        used = self.make(space)
        trials = self._search(space).trials
        for number in range(0, self.trials, 5):
            seen = History(trials[:number])
            proposals = [
                controller.propose(seen, np.random.default_rng([1, number]))
                for controller in (used, self.make(space))
            ]
            assert proposals[0] == proposals[1], f"fresh and used differ at proposal {number}"

    def test_the_global_generator_plays_no_part(self) -> None:
        """Neither NumPy's global generator nor its seed changes a proposal, or is changed."""
        space = Space(ToyNet)
        history = self._search(space)
        proposals = []
        for seed in (1, 2):
            np.random.seed(seed)
            before = np.random.get_state()
            proposals.append(self.make(space).propose(history, np.random.default_rng(0)))
            after = np.random.get_state()
            assert repr(before) == repr(after), "NumPy's global generator was drawn from"
        assert proposals[0] == proposals[1], "NumPy's global seed changed the proposal"

    def test_the_history_is_not_changed(self) -> None:
        """A controller reads the history and leaves it as it was."""
        space = Space(ToyNet)
        history = self._search(space)
        before = copy.deepcopy(history)
        self.make(space).propose(history, np.random.default_rng(0))
        assert history == before, "the history was changed"

    def test_a_history_without_rewards_is_tolerated(self) -> None:
        """Running, failed, infeasible and stopped trials alone lead to a proposal too."""
        space = Space(ToyNet)
        ends = (None, Failed(""), Infeasible("too large"), Stopped("a scheduler"))
        trials = tuple(
            Trial(number, space.sample(np.random.default_rng(number)), ends[number % len(ends)])
            for number in range(self.trials)
        )
        space.check(self.make(space).propose(History(trials), np.random.default_rng(0)))

    def test_equal_rewards_are_tolerated(self) -> None:
        """A reward that never differs leads to proposals too."""
        space = Space(ToyNet)
        history = simulate(self.make, space, lambda _: 0.0, self.trials, parallel=2)
        assert len(history) == self.trials

    def test_a_space_of_one_is_tolerated(self) -> None:
        """Where there is nothing to decide, the only architecture or None is proposed."""
        space = Space(LoneNet)
        history = simulate(self.make, space, lambda net: float(net.depth), self.trials)
        assert history.architectures <= {LoneNet(3)}

    def test_a_resumed_search_equals_the_uninterrupted_one(self) -> None:
        """Replay: with four in flight and ends out of order, restarts change nothing."""
        space = Space(ToyNet)
        uninterrupted = self._search(space)
        for restarts in ({1}, {self.trials // 2, self.trials - 1}, range(self.trials)):
            resumed = self._search(space, restarts)
            assert resumed == uninterrupted, f"restarts at {restarts} led elsewhere"

    def test_several_objectives_are_tolerated(self) -> None:
        """A history of two objectives leads to proposals, after restarts to the same ones."""
        space = Space(ToyNet)
        reward = weighted_reward(space)
        self._check_replay(space, lambda net: (toy_reward(net), reward(net)))

    def test_an_infinite_space_is_tolerated(self) -> None:
        """Real numbers, shared choices, subsets and constraints, replayed over restarts."""
        space = Space(MixedNet)
        self._check_replay(space, weighted_reward(space))

    def test_hundreds_of_conditional_choices_are_tolerated(self) -> None:
        """A large conditional space leads to members of it, from random ones on."""
        space = Space(DeepNet)
        before = simulate(Random, space, weighted_reward(space), self.trials // 2, parallel=2)
        controller = self.make(space)
        for seed in range(2):
            space.check(controller.propose(before, np.random.default_rng(seed)))

    def test_an_exhausted_space_ends_in_none(self) -> None:
        """A controller in `Deduplicated` proposes each architecture once, and then None."""
        space = Space(TinyNet)
        history = simulate(
            lambda space: Deduplicated(self.make(space), attempts=3),
            space,
            lambda net: float(net.depth),
            int(space.size) + 1,
            parallel=2,
        )
        assert len(history) == space.size
        assert history.architectures == set(space.enumerate())

    def _check_replay(self, space: Space[Any], evaluate: Evaluate) -> None:
        trials = self.trials // 2 + 10
        restarts = {trials // 2, trials - 5, trials - 1}
        uninterrupted = self._search(space, (), evaluate, trials)
        resumed = self._search(space, restarts, evaluate, trials)
        assert resumed == uninterrupted, f"restarts at {restarts} led elsewhere"

    def _search(
        self,
        space: Space[Any],
        restarts: Container[int] = (),
        evaluate: Evaluate = toy_reward,
        trials: int | None = None,
    ) -> History:
        return simulate(
            self.make,
            space,
            evaluate,
            trials or self.trials,
            parallel=4,
            faults=True,
            restarts=restarts,
        )
