from __future__ import annotations

from typing import Any

import numpy as np
import optuna
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.trial import FixedTrial

from raynas.bridges.optuna import distribution, from_optuna, suggest, to_optuna, to_params
from raynas.errors import SpaceError
from raynas.space import Column, Interval, Space, choice, integer, searchable, subset
from raynas.testing import ToyNet
from raynas.testing.generated import spaces_and_seeds

MIXED = {
    "layers": IntDistribution(1, 4),
    "width": IntDistribution(8, 64, step=8),
    "optimizer.lr": FloatDistribution(1e-5, 1e-1, log=True),
    "drop-out": FloatDistribution(0.0, 0.5, step=0.25),
    "class": CategoricalDistribution(("a", None, 2)),
}


@settings(max_examples=50)
@given(spaces_and_seeds())
def test_what_a_trial_is_given_is_what_it_suggests(drawn: tuple[Space[Any], int]) -> None:
    space, seed = drawn
    architecture = space.sample(np.random.default_rng(seed))
    params = to_params(space, architecture)
    assert suggest(space, FixedTrial(params)) == architecture
    distributions = to_optuna(space)
    for name, value in params.items():
        assert distributions[name]._contains(distributions[name].to_internal_repr(value))


@settings(max_examples=50)
@given(spaces_and_seeds())
def test_optunas_samplers_suggest_members_from_active_columns(
    drawn: tuple[Space[Any], int],
) -> None:
    space, seed = drawn
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=seed))
    trial = study.ask()
    architecture = suggest(space, trial)
    space.check(architecture)
    assert trial.params.keys() == to_params(space, architecture).keys()
    distributions = to_optuna(space)
    for name, given_distribution in trial.distributions.items():
        assert given_distribution == distributions[name]


_BOUNDS = st.tuples(st.integers(-5, 5), st.integers(1, 3), st.integers(1, 3))
_DISTRIBUTIONS: st.SearchStrategy[BaseDistribution] = (
    _BOUNDS.map(lambda b: IntDistribution(b[0], b[0] + b[1] * b[2], step=b[1]))
    | _BOUNDS.map(lambda b: FloatDistribution(b[0], b[0] + b[1]))
    | _BOUNDS.map(lambda b: FloatDistribution(b[0], b[0] + b[1] * b[2], step=b[1]))
    | _BOUNDS.map(lambda b: FloatDistribution(b[1] / 7, b[1], log=True))
    | st.integers(2, 50).map(lambda high: IntDistribution(1, high, log=True))
    | st.lists(st.text("ab", max_size=2), min_size=2, unique=True).map(CategoricalDistribution)
)


@settings(max_examples=50)
@given(st.dictionaries(st.text("a_.-1", min_size=1, max_size=3), _DISTRIBUTIONS, max_size=4))
def test_distributions_round_trip(distributions: dict[str, BaseDistribution]) -> None:
    assert to_optuna(from_optuna(distributions)) == distributions


@pytest.mark.parametrize("at", [0, -1])
def test_both_bounds_are_included(at: int) -> None:
    params = {
        "layers": (1, 4)[at],
        "width": (8, 64)[at],
        "optimizer.lr": (1e-5, 1e-1)[at],
        "drop-out": (0.0, 0.5)[at],
        "class": ("a", 2)[at],
    }
    space = from_optuna(MIXED)
    architecture = suggest(space, FixedTrial(params))
    assert (architecture.layers, architecture.width) == (params["layers"], params["width"])
    assert to_params(space, architecture) == params


def test_steps_that_optuna_would_lose_are_listed() -> None:
    steps = Interval(0.5495143162539031, 2.5495143162539033, 1.0)
    listed = distribution(Column("x", steps))
    assert isinstance(listed, CategoricalDistribution)
    assert listed.choices == tuple(steps.unrank(rank) for rank in range(3))
    assert distribution(Column("x", Interval(0.1, 0.7, 0.3))) == FloatDistribution(
        0.1, 0.7, step=0.3
    )


def test_sizes_agree() -> None:
    finite = {name: d for name, d in MIXED.items() if name != "optimizer.lr"}
    assert from_optuna(finite).size == 4 * 8 * 3 * 3
    assert len(to_optuna(Space(ToyNet))) == len(Space(ToyNet).columns)


def test_a_distribution_of_one_value_is_no_decision() -> None:
    space = from_optuna({"a": IntDistribution(3, 3), "b": FloatDistribution(0.5, 0.5)})
    assert (space.size, to_optuna(space)) == (1, {})
    (architecture,) = space.enumerate()
    assert (architecture.a, architecture.b) == (3, 0.5)


@pytest.mark.parametrize(
    ("refused", "message"),
    [
        (CategoricalDistribution((1, True)), r"distributions\['n'\]: .*option True twice"),
    ],
)
def test_what_cannot_be_carried_is_refused_by_name(refused: BaseDistribution, message: str) -> None:
    with pytest.raises(SpaceError, match=message):
        from_optuna({"n": refused})


@searchable
class Even:
    width: int = integer(1, 2)

    def is_feasible(self) -> bool:
        return self.width == 2


def test_an_infeasible_suggestion_prunes_the_trial() -> None:
    assert suggest(Space(Even), FixedTrial({"width": 2})) == Even(2)
    with pytest.raises(optuna.TrialPruned, match=r"Even\(width=1\) breaks Even.is_feasible"):
        suggest(Space(Even), FixedTrial({"width": 1}))


@searchable
class Several:
    letters: tuple[str, ...] = subset("a", "b", "c", k=(1, 3))
    kind: str = choice("x", "y")


def test_labels_suggested_twice_become_the_next_free_ones() -> None:
    params = {"letters.length": 3, "letters[0]": "c", "letters[1]": "a", "letters[2]": "c"}
    architecture = suggest(Space(Several), FixedTrial({**params, "kind": "y"}))
    assert architecture == Several(("a", "b", "c"), "y")
