"""Optuna's samplers: what they see of a history, and what they gain by it."""

from __future__ import annotations

from typing import Any

import numpy as np
import optuna
import pytest
from optuna.samplers import RandomSampler
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from raynas.controllers import Controller, Random
from raynas.controllers.optuna import OptunaSampler, gp, nsga3, tpe
from raynas.errors import ConfigurationError
from raynas.space import Space, integer, repeat, searchable
from raynas.testing import ToyNet, simulate, toy_reward
from raynas.trials import Completed, Failed, History, Infeasible, Measurement, Stopped, Trial


@searchable
class Numbers:
    numbers: tuple[int, ...] = repeat(integer(0, 9), 5)


class Watching(RandomSampler):
    """Keeps what the study holds whenever it is asked."""

    seen: list[list[FrozenTrial]]

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        self.seen.append(study.get_trials(states=[s for s in TrialState if s != TrialState.FAIL]))


def watched(*histories: History, space: Space[Any]) -> list[list[FrozenTrial]]:
    """What a sampler sees that is asked after each of `histories`."""

    class Sampler(Watching):
        seen: list[list[FrozenTrial]] = []  # noqa: RUF012 - each call has a class of its own

    controller = OptunaSampler(space, lambda seed: Sampler(seed=seed))
    for history in histories:
        controller.propose(history, np.random.default_rng(0))
    return [trials[:-1] for trials in Sampler.seen]


def shown(trials: list[FrozenTrial]) -> list[Any]:
    return [(t.state, t.values, t.params, t.user_attrs) for t in trials]


SPACE = Space(ToyNet)
NETS = [SPACE.sample(np.random.default_rng(seed)) for seed in range(6)]
ENDS = (
    Completed(Measurement({}), 0.5),
    None,
    Infeasible("too large"),
    Failed("x"),
    Stopped("halving", Measurement({"loss": 1.0})),
    Stopped("limits"),
)
HISTORY = History(tuple(Trial(n, net, end) for n, (net, end) in enumerate(zip(NETS, ENDS))))  # noqa: B905


def test_the_study_holds_the_history_in_ask_order() -> None:
    (trials,) = watched(HISTORY, space=SPACE)
    assert [t.user_attrs["raynas:number"] for t in trials] == [0, 1, 2, 3, 4]
    assert [t.params for t in trials] == [SPACE.to_config(net) for net in NETS[:5]]
    assert trials[0].values == [0.5]
    pruned = [TrialState.PRUNED] * 3
    assert [t.state for t in trials] == [TrialState.COMPLETE, TrialState.RUNNING, *pruned]


def test_what_is_kept_between_proposals_equals_what_is_made_anew() -> None:
    """Ends, new trials and histories that do not follow."""
    later = HISTORY.told(1, Completed(Measurement({}), 0.1), 1.0).asked(Trial(6, NETS[0]))
    other = History(HISTORY.trials[:1])
    kept = watched(HISTORY, later, other, HISTORY, space=SPACE)
    for history, trials in zip((HISTORY, later, other, HISTORY), kept, strict=True):
        (anew,) = watched(history, space=SPACE)
        assert shown(trials) == shown(anew)


def test_the_number_of_objectives_is_that_of_the_rewards() -> None:
    two = History((Trial(0, NETS[0], Completed(Measurement({}), 0.5, (0.5, -2.0))),))
    _, trials = watched(History(), two, space=SPACE)
    assert trials[0].values == [0.5, -2.0]


def test_each_proposal_has_a_seed_of_its_own() -> None:
    controller = OptunaSampler(SPACE, tpe)
    rng = np.random.default_rng(0)
    assert len({controller.propose(History(), rng) for _ in range(5)}) > 1


def mean_best(make: Any, trials: int) -> float:
    runs = [simulate(make, SPACE, toy_reward, trials, seed=seed) for seed in range(2)]
    return float(np.mean([max(run.rewards) for run in runs]))


def test_tpe_beats_random_search() -> None:
    assert mean_best(lambda space: OptunaSampler(space, tpe), 60) > mean_best(Random, 60)


def test_nsga3_evolves() -> None:
    """The mean of the last block is well above that of the first, which is random."""

    def evolved(space: Space[Any]) -> Controller:
        return OptunaSampler(space, lambda seed: nsga3(seed, population=10))

    history = simulate(evolved, Space(Numbers), lambda net: float(sum(net.numbers)), 60)
    assert np.mean(history.rewards[-10:]) > np.mean(history.rewards[:10]) + 4


def test_a_resumed_search_by_gaussian_process_equals_the_uninterrupted_one() -> None:
    """Of the samplers that ship it is too slow for the whole contract."""

    def make(space: Space[Any]) -> Controller:
        return OptunaSampler(space, lambda seed: gp(seed, startup=3))

    runs = [
        simulate(make, SPACE, toy_reward, 8, parallel=2, restarts=restarts)
        for restarts in ((), {5, 7})
    ]
    assert runs[0] == runs[1]


def test_what_makes_no_sampler_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="it must make an Optuna sampler"):
        OptunaSampler(SPACE, lambda seed: optuna.pruners.NopPruner())  # type: ignore[arg-type, return-value]
