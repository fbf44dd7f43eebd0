"""What counts as a trial's metric, with Optuna's searcher in the same place as the oracle."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from ray import tune
from ray.tune.result import DEFAULT_METRIC
from ray.tune.search import ConcurrencyLimiter, Repeater, Searcher
from ray.tune.search.optuna import OptunaSearch

import raynas as nas
from raynas.errors import ConfigurationError, TaskError

PARAM_SPACE = {"x": tune.uniform(0, 10), "k": tune.randint(0, 5)}


def measured(searcher: Any) -> list[float]:
    """The values that a searcher took for its ended trials, negated where it maximizes."""
    if isinstance(searcher, nas.NASSearcher):
        return [-trial.reward for trial in searcher.history.completed]
    return [trial.value for trial in searcher._ot_study.trials if trial.state.is_finished()]


def ended(searcher: Any, wrap: Callable[[Any], Searcher], results: list[dict[Any, Any]]) -> Any:
    """`searcher` after trials with `results`, each of them at the same time."""
    wrapped = wrap(searcher)
    wrapped.set_search_properties(None, None, dict(PARAM_SPACE))
    running = [n for n in range(len(results)) if wrapped.suggest(str(n)) is not None]
    for number in running:
        result = {"training_iteration": 1, **results[number]}
        wrapped.on_trial_result(str(number), result)
        wrapped.on_trial_complete(str(number), result=result, error=False)
    wrapped.suggest("next")
    return searcher


@pytest.mark.parametrize(
    "value",
    [0.5, 3, True, np.float16(0.5), np.int64(3), np.bool_(True), np.array(0.5), Decimal("0.5")],
    ids=repr,
)
def test_all_kinds_of_numbers_are_taken_as_optunas_searcher_takes_them(value: Any) -> None:
    ours, theirs = (
        measured(ended(kind(metric="loss", mode="min"), lambda s: s, [{"loss": value}]))
        for kind in (nas.NASSearcher, OptunaSearch)
    )
    assert ours == theirs == [float(value)]


@pytest.mark.parametrize(
    ("result", "message"),
    [
        ({"acc": 1.0}, "the last result has no 'loss', only acc: report it, or name another metr"),
        ({"name": "a"}, "the last result has no 'loss', only no number: report it"),
        ({"loss": None}, "loss=None is of type NoneType: report a number"),
        ({"loss": "0.5"}, "loss='0.5' is of type str: report a number"),
        ({"loss": np.array([0.5])}, r"loss=array\(\[0.5\]\) is of type ndarray: report a number"),
    ],
)
def test_a_metric_that_no_trial_has_ends_the_run(result: Any, message: str) -> None:
    with pytest.raises(TaskError, match=message):
        ended(nas.NASSearcher(metric="loss", mode="min"), lambda s: s, [result])
    searcher = nas.NASSearcher(metric="loss", mode="min")
    ended(searcher, lambda s: s, [{"loss": 1.0}, result])
    assert searcher.history[1].reason is not None
    assert message.partition(":")[0].replace("\\", "") in searcher.history[1].reason


@pytest.mark.parametrize(
    "wrap",
    [
        lambda s: ConcurrencyLimiter(s, 2),
        lambda s: ConcurrencyLimiter(s, 2, batch=True),
        lambda s: Repeater(s, 2),
        lambda s: Repeater(s, 2, set_index=False),
        lambda s: ConcurrencyLimiter(Repeater(s, 2), 2),
    ],
)
@pytest.mark.parametrize("metric", ["loss", None])
def test_wrapped_searchers_take_what_optunas_takes(wrap: Any, metric: str | None) -> None:
    results = [{metric or DEFAULT_METRIC: float(number)} for number in range(4)]
    ours, theirs = (
        measured(ended(kind(metric=metric, mode="min"), wrap, results))
        for kind in (nas.NASSearcher, OptunaSearch)
    )
    assert ours == theirs != []


@pytest.mark.filterwarnings("ignore:Mean of empty slice")
def test_a_repeater_that_does_not_know_the_metric_is_named() -> None:
    """Optuna's searcher takes all of its trials as pruned."""
    results = [{DEFAULT_METRIC: 1.0}] * 2
    with pytest.raises(TaskError, match="Repeater does not know that the metric is '_metric': gi"):
        ended(nas.NASSearcher(mode="min"), lambda s: Repeater(ConcurrencyLimiter(s, 2), 2), results)


@pytest.mark.parametrize(
    ("own", "tuners", "message"),
    [
        (("loss", "min"), ("acc", "max"), r"TuneConfig\(metric='acc'\) contradicts metric='loss'"),
        (("loss", "min"), ("loss", "max"), r"TuneConfig\(mode='max'\) contradicts mode='min' of"),
        (
            (["loss", "acc"], ["min", "max"]),
            ("loss", "min"),
            r"contradicts metric=\['loss', 'acc'\] of NASSearcher: give it to the scheduler inst",
        ),
    ],
)
def test_a_tuner_that_contradicts_its_searcher_is_refused(
    own: Any, tuners: Any, message: str
) -> None:
    searcher = nas.NASSearcher(metric=own[0], mode=own[1])
    with pytest.raises(ConfigurationError, match=message):
        searcher.set_search_properties(*tuners, dict(PARAM_SPACE))


@pytest.mark.parametrize("own", [("loss", "min"), ("loss", None), (None, "min"), (None, None)])
def test_a_tuner_adds_what_its_searcher_leaves_open(own: Any) -> None:
    searcher = nas.NASSearcher(metric=own[0], mode=own[1])
    searcher.set_search_properties("loss", "min", dict(PARAM_SPACE))
    assert repr(searcher.asktell.reward) == "Metric(name='loss', mode='min')"


def test_the_metric_of_a_tuner_is_the_schedulers_beside_a_reward() -> None:
    searcher = nas.NASSearcher(reward=nas.rewards.Metric("acc"))
    searcher.set_search_properties("loss", "min", dict(PARAM_SPACE))
    assert repr(searcher.asktell.reward) == "Metric(name='acc', mode='max')"


def test_a_metric_without_its_mode_is_refused() -> None:
    """As where the TuneConfig has the mode, which Tune does not pass on without a param_space."""
    searcher = nas.NASSearcher(PARAM_SPACE, metric="loss")
    with pytest.raises(ConfigurationError, match=r"metric='loss' has no mode: give NASSearcher\(m"):
        searcher.suggest("a")
