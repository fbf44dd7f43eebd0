"""A forest divides all combinations, and what is read off its boxes is what counting gives."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from numpy.typing import NDArray

from raynas.analysis.choice_matrix import INACTIVE, Coded
from raynas.report.effects import EffectsModel
from raynas.report.importance import fanova
from raynas.report.regression_forest import RegressionForest

SIZES = (2, 3, 4, 3)


def trials(seed: int, count: int = 80, noise: float = 0.3) -> Coded:
    """Of four choices that interact, one of which is ordered and one not everywhere."""
    rng = np.random.default_rng(seed)
    codes = np.stack([rng.integers(0, size, count) for size in SIZES], axis=1)
    rewards = codes[:, 1] + 2.0 * (codes[:, 2] == 1) - (codes[:, 0] * codes[:, 3])
    codes[codes[:, 0] == 0, 3] = INACTIVE
    labels = tuple(tuple("abcd"[:size]) for size in SIZES)
    rewards = rewards + rng.normal(0, noise, count) + 100
    return Coded(tuple("wxyz"), labels, codes, rewards, (False, True, False, False))


def predicted(forest: RegressionForest, codes: NDArray[np.int64]) -> NDArray[np.float64]:
    """What each tree expects of each row, shape ``(trees, rows)``, box by box."""
    ends = [*forest.firsts[1:], len(forest.values)]
    found = np.full((len(ends), len(codes)), np.nan)
    for tree, (first, end) in enumerate(zip(forest.firsts, ends, strict=True)):
        for box, value in zip(forest.boxes[first:end], forest.values[first:end], strict=True):
            inside = np.ones(len(codes), dtype=bool)
            for column, options in enumerate(forest.options.slices):
                inside &= np.isin(codes[:, column], forest.options.codes[options][box[options]])
            assert np.isnan(found[tree, inside]).all(), "two boxes of a tree have a combination"
            found[tree, inside] = value
    assert not np.isnan(found).any(), "a combination is in no box"
    return found


def combinations(forest: RegressionForest) -> NDArray[np.int64]:
    options = forest.options
    return np.array(list(product(*(options.codes[part] for part in options.slices))))


@pytest.mark.parametrize("seed", range(5))
def test_each_combination_is_in_one_box_of_each_tree(seed: int) -> None:
    forest = RegressionForest(trials(seed), seed)
    found = predicted(forest, combinations(forest))
    assert len(np.unique(found, axis=0)) == len(found) == 64, "trees differ"
    assert (
        np.corrcoef(predicted(forest, forest.data.codes).mean(0), forest.data.rewards)[0, 1] > 0.9
    )


def test_a_box_holds_two_trials_at_least() -> None:
    forest = RegressionForest(trials(0, count=20))
    inside = np.stack([forest.boxes[:, taken].all(axis=1) for taken in forest.options.taken])
    assert inside.sum(axis=0).min() == 2


def test_what_one_choice_decides_is_found_exactly_and_nothing_else() -> None:
    data = trials(0, count=200)
    data = replace(data, rewards=np.array([0.0, 1e9, 1.0, -2.0])[data.codes[:, 2]])
    model = EffectsModel(data)
    expected = model.expected([2], [[0], [1], [2], [3]])
    assert np.allclose(expected, [0.0, 1e9, 1.0, -2.0], rtol=0, atol=1e-3)
    assert fanova(model.forest) == pytest.approx([0, 0, 1, 0])


def test_equal_rewards_leave_one_box_to_a_tree_and_no_importance() -> None:
    forest = RegressionForest(replace(trials(0), rewards=np.full(80, 0.1)))
    assert forest.boxes.all()
    assert len(forest.values) == 64
    assert fanova(forest).tolist() == [0, 0, 0, 0]


@pytest.mark.parametrize("seed", range(5))
def test_fanova_is_the_decomposition_of_each_tree_over_all_combinations(seed: int) -> None:
    forest = RegressionForest(trials(seed), seed)
    rows = combinations(forest)
    found = predicted(forest, rows)
    for column, share in enumerate(fanova(forest)):
        codes = np.unique(rows[:, column])
        means = np.stack([found[:, rows[:, column] == code].mean(axis=1) for code in codes])
        assert share == pytest.approx(np.mean(means.var(axis=0) / found.var(axis=1)))


@pytest.mark.parametrize("seed", range(5))
def test_an_expectation_is_the_mean_prediction_for_trials_changed_so(seed: int) -> None:
    model = EffectsModel(trials(seed), seed)
    for columns in ([0], [2], [3], [0, 1], [1, 3]):
        there = (model.data.codes[:, columns] != INACTIVE).all(axis=1)
        values = list(product(*(range(SIZES[column]) for column in columns)))
        expected = []
        for value in values:
            rows = model.data.codes[there].copy()
            rows[:, columns] = value
            expected.append(predicted(model.forest, rows).mean(axis=1))
        assert np.allclose(model.expected(columns, values), np.stack(expected, axis=1))
