"""Which choices matter: fANOVA and PED-ANOVA, both as Optuna computes them."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np
import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, IntDistribution
from optuna.trial import FrozenTrial, TrialState

from raynas.analysis.choice_matrix import INACTIVE, Coded
from raynas.association import LEVEL, chances, contemporaries
from raynas.bridges.optuna import quiet_optuna
from raynas.power_scaling import UnitScale
from raynas.report.figure_style import BLUE, PURPLE, safe, styled

if TYPE_CHECKING:
    import plotly.graph_objects as go
    from optuna.importance import BaseImportanceEvaluator

__all__ = ["LEAST_TRIALS", "importance_figure", "importances", "supported"]

LEAST_TRIALS = 20
"""Fewer completed trials say nothing about what matters."""

_FANOVA_TRIALS = 200  # seconds of a report, as the cost grows fast
_FANOVA_TREES = 16  # a quarter of Optuna's default, for the seconds of a report
_FANOVA_CHOICES = 20  # as for its trials
_MOST_CATEGORIES = 16  # PED-ANOVA's counts need several trials each
_SHOWN = 15  # bars of a figure
_NO_TIME = datetime(2000, 1, 1)


def supported(data: Coded) -> tuple[str, ...]:
    """The choices that go with the reward more closely than noise does, in their order.

    Each trial is compared with its contemporaries, see `raynas.association`.
    """
    if len(data) < LEAST_TRIALS:
        return ()
    found = chances(data.codes, data.rewards, contemporaries(len(data)))
    return tuple(path for path, chance in zip(data.paths, found, strict=True) if chance < LEVEL)


def importances(data: Coded) -> dict[str, dict[str, float]]:
    """For each method the importance of each choice that `supported` names, largest first.

    All choices together, those that noise explains among them, sum to 1.

    fANOVA (Hutter, Hoos and Leyton-Brown 2014): the share of the reward's variance that a choice
    explains by itself, over at most 200 trials and the 20 choices that PED-ANOVA ranks first,
    since its cost grows fast. PED-ANOVA (Watanabe, Bansal and Hutter 2023): how
    much the best tenth of the trials differ from all in that choice. Empty where there are too
    few trials, all have the same reward, or noise explains as much.
    """
    if len(data) < LEAST_TRIALS or not data.paths or np.ptp(data.rewards) == 0:
        return {}
    known = supported(data)
    if not known:
        return {}
    from optuna.exceptions import ExperimentalWarning
    from optuna.importance import FanovaImportanceEvaluator, PedAnovaImportanceEvaluator

    data = replace(data, rewards=UnitScale.of(data.rewards)(data.rewards))
    with warnings.catch_warnings():  # of older versions of Optuna
        warnings.simplefilter("ignore", ExperimentalWarning)
        evaluator = PedAnovaImportanceEvaluator()
    ped = _evaluated(evaluator, _study(data, False))
    likely = sorted(ped, key=lambda path: -ped[path])[:_FANOVA_CHOICES]
    few = _with_choices(data.only(_FANOVA_TRIALS), [*likely, *known])
    fanova = FanovaImportanceEvaluator(n_trees=_FANOVA_TREES, seed=0)
    found = {"PED-ANOVA": ped, "fANOVA": _evaluated(fanova, _study(few, True))}
    shown = {
        method: {path: value for path, value in values.items() if path in known}
        for method, values in found.items()
    }
    return {method: values for method, values in shown.items() if any(values.values())}


def importance_figure(found: Mapping[str, Mapping[str, float]]) -> go.Figure:
    """Horizontal bars, a color a method, of the choices that matter most by either."""
    import plotly.graph_objects as go

    rank = {
        path: max(values.get(path, 0.0) for values in found.values())
        for values in found.values()
        for path in values
    }
    shown = sorted(rank, key=lambda path: -rank[path])[:_SHOWN][::-1]
    figure = go.Figure()
    for color, (method, values) in zip((PURPLE, BLUE), found.items(), strict=False):
        figure.add_bar(
            y=[safe(path) for path in shown],
            x=[values.get(path, 0.0) for path in shown],
            orientation="h",
            marker_color=color,
            hovertemplate="%{y}: %{x:.1%}<extra>" + method + "</extra>",
            name=method,
        )
    height = 110 + 34 * len(shown)
    return styled(
        figure,
        "importance",
        "",
        height=height,
        xaxis_tickformat=".0%",
        legend_traceorder="reversed",
    )


def _with_choices(data: Coded, paths: Sequence[str]) -> Coded:
    """`data` with the choices `paths` that still differ."""
    kept = [i for i, path in enumerate(data.paths) if path in paths and np.ptp(data.codes[:, i])]
    return Coded(
        tuple(data.paths[i] for i in kept),
        tuple(data.labels[i] for i in kept),
        data.codes[:, kept],
        data.rewards,
        tuple(data.ordered[i] for i in kept),
    )


def _study(data: Coded, inactive_is_a_value: bool) -> optuna.Study:
    """The trials as Optuna takes them. fANOVA wants each parameter in each trial."""
    with quiet_optuna():
        study = optuna.create_study(direction="maximize")
    distributions: dict[str, BaseDistribution] = {}
    for column, path in enumerate(data.paths):
        taken = np.unique(data.codes[:, column])
        kept = taken if inactive_is_a_value else taken[taken != INACTIVE]
        wide = inactive_is_a_value and (data.ordered[column] or len(kept) > _MOST_CATEGORIES)
        distributions[path] = (
            IntDistribution(int(kept.min()), int(kept.max()))
            if wide
            else CategoricalDistribution([int(code) for code in kept])
        )
    trials = []
    for number, (codes, reward) in enumerate(zip(data.codes, data.rewards, strict=True)):
        params = {
            path: int(code)
            for path, code in zip(data.paths, codes, strict=True)
            if inactive_is_a_value or code != INACTIVE
        }
        trials.append(_trial(number, params, distributions, float(reward)))
    study.add_trials(trials)
    return study


def _trial(
    number: int, params: dict[str, int], distributions: dict[str, BaseDistribution], reward: float
) -> FrozenTrial:
    return FrozenTrial(
        number=number,
        trial_id=number,
        state=TrialState.COMPLETE,
        value=reward,
        datetime_start=_NO_TIME,
        datetime_complete=_NO_TIME,
        params=params,
        distributions={path: distributions[path] for path in params},
        user_attrs={},
        system_attrs={},
        intermediate_values={},
    )


def _evaluated(evaluator: BaseImportanceEvaluator, study: optuna.Study) -> dict[str, float]:
    from optuna.importance import get_param_importances

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = get_param_importances(study, evaluator=evaluator)
    return {path: float(value) for path, value in found.items()}
