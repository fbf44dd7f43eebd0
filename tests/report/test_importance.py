"""Importances against the truth of full tables, and against Optuna's."""

from __future__ import annotations

from itertools import product

import numpy as np
import optuna
import pytest
from numpy.typing import NDArray
from optuna.importance import FanovaImportanceEvaluator, PedAnovaImportanceEvaluator
from scipy import stats

from raynas.analysis.choice_matrix import INACTIVE, Coded
from raynas.bridges.optuna import quiet_optuna
from raynas.report.importance import fanova, importances, ped_anova, supported
from raynas.report.regression_forest import RegressionForest

CHOICES, OPTIONS = 6, 4
CODES = np.array(list(product(range(OPTIONS), repeat=CHOICES)))

SINCE_5 = pytest.mark.skipif(
    int(optuna.__version__.split(".")[0]) < 5, reason="older ones omit choices that some lack"
)


class Table:
    """All combinations of six choices, with rewards to which they add less and less, and a pair."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        alone = self.rng.normal(size=(CHOICES, OPTIONS)) * np.geomspace(1, 0.1, CHOICES)[:, None]
        pair = self.rng.normal(size=(OPTIONS, OPTIONS))
        self.rewards = sum((alone[c][CODES[:, c]] for c in range(CHOICES)), np.zeros(len(CODES)))
        self.rewards += pair[CODES[:, 0], CODES[:, 2]]

    def main_effects(self) -> NDArray[np.float64]:
        """The variance of the mean reward of each choice's options; they sum to 1."""
        options = range(OPTIONS)
        means = [[self.rewards[CODES[:, c] == o].mean() for o in options] for c in range(CHOICES)]
        variances = np.var(means, axis=1)
        return np.asarray(variances / variances.sum())

    def tried(self, count: int) -> Coded:
        """Some of them."""
        rows = self.rng.permutation(len(CODES))[:count]
        labels = (tuple("abcd"),) * CHOICES
        return Coded(tuple("uvwxyz"), labels, CODES[rows], self.rewards[rows], (False,) * CHOICES)


def by_optuna(data: Coded, evaluator: optuna.importance.BaseImportanceEvaluator) -> list[float]:
    with quiet_optuna():
        study = optuna.create_study(direction="maximize")
    options = {p: optuna.distributions.CategoricalDistribution(range(OPTIONS)) for p in data.paths}
    for codes, reward in zip(data.codes.tolist(), data.rewards.tolist(), strict=True):
        params = {p: code for p, code in zip(data.paths, codes, strict=True) if code != INACTIVE}
        there = {path: options[path] for path in params}
        study.add_trial(optuna.create_trial(params=params, distributions=there, value=reward))
    found = optuna.importance.get_param_importances(study, evaluator=evaluator)
    return [found[path] for path in data.paths]


def test_fanova_is_nearer_to_the_truth_of_a_table_than_optunas_and_ranks_alike() -> None:
    ours, optunas, alike, first = [], [], [], []
    for seed in range(8):
        table = Table(seed)
        truth, data = table.main_effects(), table.tried(200)
        found = fanova(RegressionForest(data, seed))
        peer = by_optuna(data, FanovaImportanceEvaluator(seed=seed))
        ours.append(np.abs(found / found.sum() - truth).sum())
        optunas.append(np.abs(peer - truth).sum())
        alike.append(stats.spearmanr(found, peer).statistic)
        first.append(np.argmax(found) == np.argmax(peer))
    assert np.mean(ours) < np.mean(optunas)
    assert np.mean(alike) > 0.8
    assert np.mean(first) > 0.8


@pytest.mark.filterwarnings("ignore:PedAnova")
@pytest.mark.parametrize("lacking", [False, pytest.param(True, marks=SINCE_5)])
def test_ped_anova_is_that_of_optuna(lacking: bool) -> None:
    for seed in range(8):
        data = Table(seed).tried(200)
        if lacking:
            data.codes[data.codes[:, 1] < 2, 0] = INACTIVE
        found, peer = ped_anova(data), by_optuna(data, PedAnovaImportanceEvaluator())
        assert found / found.sum() == pytest.approx(peer, rel=1e-6)


def test_importances_of_all_choices_sum_to_1_and_only_those_asked_for_are_given() -> None:
    data = Table(0).tried(200)
    forest = RegressionForest(data)
    whole = importances(forest, data.paths)
    assert {method: sum(values.values()) for method, values in whole.items()} == {
        "PED-ANOVA": pytest.approx(1),
        "fANOVA": pytest.approx(1),
    }
    shown = supported(data)
    assert 0 < len(shown) < CHOICES
    assert importances(forest, shown) == {
        method: {path: values[path] for path in shown} for method, values in whole.items()
    }
