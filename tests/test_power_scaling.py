"""Rewards of any finite scale: the same search, the same stops, the same analysis."""

from __future__ import annotations

import math
import sys
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from raynas.analysis.choice_matrix import coded
from raynas.asktell import AskTell
from raynas.controllers.acquisition import standing, unit_of_standing
from raynas.dominance import crowding
from raynas.power_scaling import UnitScale
from raynas.report.choice_findings import choice_findings
from raynas.report.effects import EffectsModel, main_effect
from raynas.rewards import Metric, Pareto
from raynas.shortlist import noise_of, shortlist
from raynas.space import Space
from raynas.stopping import Convergence, ImprovementLeft, NoConvergence
from raynas.testing import ToyNet
from raynas.trials import Completed, History, Infeasible, Measurement, Trial

FACTORS = (1e160, 1e-160, 2.0**1000, 2.0**-900, 1e9)
SPACE = Space(ToyNet)


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=5))
def test_a_scale_loses_no_digit_and_its_squares_are_finite(values: list[float]) -> None:
    scale = UnitScale.of(values)
    scaled = scale(values)
    assert np.all(np.abs(scaled) <= 1)
    assert math.isfinite(float(np.square(scaled).sum()))
    largest = max(values, key=abs, default=0.0)
    assert scale.restored(float(scale(largest))) == largest


def test_what_is_too_large_becomes_the_largest_number() -> None:
    scale = UnitScale.of([1.7e308])
    assert scale.restored(2.0) == sys.float_info.max
    assert scale.restored(-2.0) == -sys.float_info.max


def quality(net: ToyNet) -> float:
    """Something to search for, of ordinary scale, with ties."""
    kinds = [type(block).__name__ for block in net.blocks]
    return net.width / 32 - abs(len(kinds) - 3) / 4 + kinds.count("Conv") / 8


@cache
def searched(controller: str, factor: float, trials: int, several: bool = False) -> list[ToyNet]:
    """What a search proposes whose rewards are `factor` times as large; some have none."""
    proposed = []
    objectives = Pareto(Metric("quality"), Metric("width", "min")) if several else None
    with AskTell(ToyNet, controller, seed=3, reward=objectives) as search:
        for number in range(trials):
            proposal = search.ask()
            assert proposal is not None
            proposed.append(proposal.architecture)
            reward: Any = factor * quality(proposal.architecture)
            if several:
                reward = (reward, -factor * proposal.architecture.width)
            search.tell(number, Infeasible("out of memory") if number % 7 == 5 else reward)
    return proposed


@pytest.mark.parametrize("factor", FACTORS[:3])
@pytest.mark.parametrize(
    ("controller", "trials", "several"),
    [
        ("auto", 20, False),
        ("auto", 16, True),
        ("tpe", 30, False),
        ("evolution", 60, False),
        ("local-search", 40, False),
        ("ppo", 60, False),
        ("nsga2", 60, True),
    ],
)
def test_rewards_of_any_scale_give_the_same_search(
    controller: str, trials: int, several: bool, factor: float
) -> None:
    assert searched(controller, factor, trials, several) == searched(
        controller, 1.0, trials, several
    )


@given(st.lists(st.integers(-50, 50), min_size=2, max_size=30), st.sampled_from(FACTORS))
def test_standing_does_not_depend_on_the_unit(values: list[int], factor: float) -> None:
    rewards = np.array(values, dtype=float)
    assert standing(factor * rewards) == pytest.approx(standing(rewards), abs=2e-9)
    unit = unit_of_standing(rewards)
    assert unit_of_standing(factor * rewards) == pytest.approx(factor * unit, rel=1e-9)
    assert crowding(factor * rewards[:, None]) == pytest.approx(crowding(rewards[:, None]))


def test_rewards_at_both_ends_of_all_numbers_keep_their_order() -> None:
    rewards = np.array([-1.7e308, 1.0, 2.0, 1.7e308])
    assert np.all(np.isfinite(standing(rewards)))
    assert np.argmax(standing(rewards)) == 3
    assert np.all(np.isfinite(crowding(rewards[:, None])[1:3]))


def told(factor: float, count: int = 200) -> History:
    """The history of a search that rises and settles, on architectures that come again."""
    rng = np.random.default_rng(0)
    pool = [SPACE.sample(rng) for _ in range(60)]
    found = History()
    for number in range(count):
        architecture = pool[int(rng.integers(len(pool)))]
        spread = 3.0 if number < 30 else 0.1
        reward = factor * (quality(architecture) - spread * float(rng.integers(1, 100)) / 100)
        trial = Trial(number, architecture, Completed(Measurement({}), reward), 0.0, 1.0)
        found = found.asked(trial)
    return found


@pytest.mark.parametrize("factor", FACTORS)
def test_stop_rules_and_analyses_do_not_depend_on_the_unit(factor: float) -> None:
    plain, scaled = told(1.0), told(factor)
    for rule in (Convergence(), ImprovementLeft(), NoConvergence(window=100)):
        assert rule.progress(scaled, 0.0) == pytest.approx(rule.progress(plain, 0.0), rel=1e-6)
        assert (rule.check(scaled, 0.0) is None) == (rule.check(plain, 0.0) is None)
    assert noise_of(scaled) == pytest.approx(factor * noise_of(plain), rel=1e-9)
    chosen = [[c.trials for c in shortlist(h, SPACE).chosen] for h in (plain, scaled)]
    assert chosen[0] == chosen[1]
    one, other = (coded(h, SPACE) for h in (plain, scaled))
    if math.frexp(factor)[0] == 0.5:  # elsewhere the forest's ties depend on the last digit
        assert choice_findings(other).importances == choice_findings(one).importances
        effects = [main_effect(EffectsModel(data), "width").expected for data in (one, other)]
        assert np.array_equal(effects[1], factor * effects[0])
    known, found = choice_findings(one).importances, choice_findings(other).importances
    assert found["PED-ANOVA"] == known["PED-ANOVA"]
    assert found["fANOVA"] == pytest.approx(known["fANOVA"], abs=0.1)
