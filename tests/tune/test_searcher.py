"""The searcher inside a Tuner of the user's own."""

from __future__ import annotations

import pickle
import sys
import time
from concurrent.futures import Executor, Future
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ray import cloudpickle, tune

import raynas as nas
from raynas.errors import ConfigurationError, StoreError
from raynas.space import Space, choice, integer, repeat, searchable
from raynas.stopping.budgets import TimeLimit
from raynas.trials import Completed, Failed, Stopped
from raynas.tune.param_space import from_param_dict


@searchable
class Layer:
    width: int = integer(1, 8)
    kind: str = choice("a", "b")


@searchable
class Net:
    layers: tuple[Layer, ...] = repeat(Layer, 1, 4)


def train(config: dict[str, Any]) -> None:
    net = Space(Net).from_config({k: v for k, v in config.items() if k not in EXTRA})
    for step in range(3):
        tune.report({"loss": np.float32(100) - sum(layer.width for layer in net.layers) - step})


EXTRA = ("trial_number", "epochs")

# Workers cannot import test modules.
cloudpickle.register_pickle_by_value(sys.modules[__name__])


def fit(
    searcher: nas.NASSearcher,
    folder: Path,
    trainable: Any = train,
    samples: int = 8,
    at_once: int = 1,
    **config: Any,
) -> Any:
    tuner = tune.Tuner(
        trainable,
        param_space=config,
        tune_config=tune.TuneConfig(
            search_alg=searcher,
            num_samples=samples,
            max_concurrent_trials=at_once,
            reuse_actors=True,
        ),
        run_config=tune.RunConfig(name="user", storage_path=str(folder), verbose=0),
    )
    return tuner.fit()


@pytest.mark.usefixtures("ray_session")
def test_a_users_own_tuner_searches_an_architecture_space(tmp_path: Path) -> None:
    searcher = nas.NASSearcher(Net, metric="loss", mode="min", seed=1)
    results = fit(searcher, tmp_path, at_once=2, epochs=3)
    assert len(results) == len(searcher.history.completed) == 8
    for trial in searcher.history:
        assert isinstance(trial.outcome, Completed)
        width = sum(layer.width for layer in trial.architecture.layers)
        assert trial.reward == -(100 - width - 2)
        assert "epochs" not in trial.outcome.measurement.metrics


@pytest.mark.parametrize("hours", [1.0, -2.0])
def test_a_clock_that_jumps_takes_no_trial_time(
    hours: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a laptop whose lid was closed: the first call after it already knows."""
    searcher = nas.NASSearcher(Net, metric="loss", mode="min", rules=[TimeLimit(0.1)])
    searcher.suggest("a")
    searcher.suggest("b")
    clock = time.time
    monkeypatch.setattr(time, "time", lambda: clock() + 3600 * hours)
    searcher.on_trial_complete("a", {"loss": 1.0})
    assert searcher.suggest("c") != tune.search.Searcher.FINISHED
    assert searcher.stop is None
    ended, running, _ = searcher.history
    assert 0 <= ended.ended - ended.started < 60
    assert abs(running.started - time.time()) < 60


def test_a_jump_is_taken_off_while_nothing_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """For those who look on while a long trial runs."""
    searcher = nas.NASSearcher(Net, metric="loss", mode="min")
    searcher.suggest("a")
    clock = time.time
    monkeypatch.setattr(time, "time", lambda: clock() + 3600)
    searcher.settle()
    (running,) = searcher.history
    assert abs(running.started - time.time()) < 60


@pytest.mark.usefixtures("ray_session")
def test_an_equal_searcher_in_a_new_tuner_goes_on(tmp_path: Path) -> None:
    def searcher() -> nas.NASSearcher:
        return nas.NASSearcher(Net, metric="loss", mode="min", store=tmp_path / "journal")

    first = searcher()
    fit(first, tmp_path)
    first.asktell.store.close()
    second = searcher()
    fit(second, tmp_path)
    assert second.history.trials[:8] == first.history.trials
    assert len(second.history.architectures) == 16


PARAM_SPACE = {
    "optimizer": {"lr": tune.choice([0.1, 0.2, 0.3]), "name": "sgd"},
    "widths": [tune.randint(1, 5), tune.qrandint(8, 64, 8)],
    "block": tune.choice([{"kind": "conv", "kernel": tune.choice([3, 5])}, {"kind": "skip"}]),
    "epochs": 3,
}


def train_dict(config: dict[str, Any]) -> None:
    assert config["epochs"] == 3
    assert config["optimizer"]["name"] == "sgd"
    assert 1 <= config["widths"][0] <= 4
    assert config["widths"][1] in range(8, 65, 8)
    assert ("kernel" in config["block"]) == (config["block"]["kind"] == "conv")
    tune.report({"loss": config["optimizer"]["lr"] + config["widths"][0]})


@pytest.mark.usefixtures("ray_session")
def test_a_tuners_own_param_space_is_searched_in_its_shape(tmp_path: Path) -> None:
    def searcher() -> nas.NASSearcher:
        return nas.NASSearcher(metric="loss", mode="min", store=tmp_path / "journal")

    first = searcher()
    results = fit(first, tmp_path, train_dict, **PARAM_SPACE)
    assert not results.errors
    assert len(results) == len(first.history.completed) == 8
    told = {trial.architecture: trial.reward for trial in first.history}
    for result in results:
        assert "trial_number" not in result.config
        architecture = from_param_dict(first.asktell.space, PARAM_SPACE, result.config)
        assert told[architecture] == -result.metrics["loss"]
    first.close()
    second = searcher()
    fit(second, tmp_path, train_dict, **PARAM_SPACE)
    assert len(second.history.completed) == 16


def test_a_proposal_has_the_shape_of_the_param_space() -> None:
    searcher = nas.NASSearcher(metric="loss", mode="max")
    searcher.set_search_properties(None, None, PARAM_SPACE)
    config = searcher.suggest("a")
    assert config.keys() == {"optimizer", "widths", "block", "epochs"}
    assert config["optimizer"].keys() == {"lr", "name"}


def test_a_searcher_keeps_its_param_space_when_pickled(tmp_path: Path) -> None:
    searcher = nas.NASSearcher(metric="loss", mode="max", store=tmp_path / "journal")
    searcher.set_search_properties(None, None, PARAM_SPACE)
    searcher.suggest("a")
    searcher.close()
    restored = pickle.loads(pickle.dumps(searcher))
    restored.on_trial_complete("a", {"loss": 2.0})
    restored.set_search_properties(None, None, PARAM_SPACE)
    assert restored.suggest("b").keys() == PARAM_SPACE.keys()
    assert [trial.reward for trial in restored.history] == [2.0, None]


def test_a_searcher_without_a_space_says_what_to_give() -> None:
    searcher = nas.NASSearcher(metric="loss", mode="max")
    with pytest.raises(
        ConfigurationError, match=r"space=None: give NASSearcher\(space=\.\.\.\), or"
    ):
        searcher.suggest("a")
    with pytest.raises(ConfigurationError, match="has nothing to choose: give it domains"):
        searcher.set_search_properties(None, None, {"epochs": 3})
    with pytest.raises(ConfigurationError, match="has nothing to choose: give it domains"):
        searcher.set_search_properties(None, None, {"seed": ("__fn_ph", "ab12")})


def test_a_function_of_optunas_trial_is_refused_as_a_space() -> None:
    def space(trial: Any) -> None:
        trial.suggest_float("lr", 0, 1)

    with pytest.raises(ConfigurationError, match=r"space=space: a function that calls trial\.sugg"):
        nas.NASSearcher(space=space, metric="loss", mode="min")  # type: ignore[arg-type]


def test_a_space_may_be_a_dict_of_domains() -> None:
    searcher = nas.NASSearcher({"lr": tune.loguniform(1e-3, 1)}, metric="loss", mode="max")
    assert searcher.set_search_properties(None, None, {"epochs": 3})
    assert searcher.suggest("a").keys() == {"lr"}
    with pytest.raises(ConfigurationError, match=r"\['lr'\] = .* has a space of its own"):
        searcher.set_search_properties(None, None, {"lr": tune.uniform(0, 1)})


def suggested(searcher: nas.NASSearcher, count: int) -> list[dict[str, Any]]:
    return [searcher.suggest(f"trial {number}") for number in range(count)]


def without_number(config: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in config.items() if key != "trial_number"}


FLAT_AND_NESTED = [
    {"optimizer/lr": 0.2, "widths": [2, 16], "block": {"kind": "skip"}},
    {
        "optimizer": {"lr": 0.3, "name": "sgd"},
        "widths": [4, 64],
        "block": {"kind": "conv", "kernel": 5},
        "epochs": 3,
    },
]


def test_points_to_evaluate_are_tried_first_and_once(tmp_path: Path) -> None:
    def searcher() -> nas.NASSearcher:
        made = nas.NASSearcher(
            metric="loss",
            mode="max",
            store=tmp_path / "journal",
            points_to_evaluate=FLAT_AND_NESTED,
        )
        made.set_search_properties(None, None, PARAM_SPACE)
        return made

    first = searcher()
    whole = {"optimizer": {"lr": 0.2, "name": "sgd"}, "widths": [2, 16], "epochs": 3}
    assert suggested(first, 1) == [{**whole, "block": {"kind": "skip"}}]
    first.on_trial_complete("trial 0", {"loss": 1.0})
    first.close()
    again = searcher()
    (second, third) = suggested(again, 2)
    assert second == FLAT_AND_NESTED[1]
    assert third not in FLAT_AND_NESTED
    assert [trial.reward for trial in again.history] == [1.0, None, None]


def test_evaluated_points_are_told_and_not_tried(tmp_path: Path) -> None:
    def searcher() -> nas.NASSearcher:
        return nas.NASSearcher(
            {"x": tune.randint(0, 4)},
            metric="loss",
            mode="min",
            store=tmp_path / "journal",
            points_to_evaluate=[{"x": 1}, {"x": 2}],
            evaluated_rewards=[5.0, 3.0],
        )

    first = searcher()
    first.add_evaluated_point({"x": 3}, None, error=True)
    assert suggested(first, 1) == [{"x": 0}]
    assert [type(t.outcome).__name__ for t in first.history][:3] == [*["Completed"] * 2, "Failed"]
    assert [trial.reward for trial in first.history] == [-5.0, -3.0, None, None]
    first.close()
    again = searcher()
    assert len(again.history) == 4


def test_points_that_end_early_have_no_reward() -> None:
    searcher = nas.NASSearcher(Net, metric="loss", mode="max")
    searcher.suggest("a")
    net = Net((Layer(8, "b"),))
    searcher.add_evaluated_point(Space(Net).to_config(net), 2.0, pruned=True)
    assert searcher.history[1].architecture == net
    assert isinstance(searcher.history[1].outcome, Stopped)
    searcher.add_evaluated_point(Space(Net).to_config(net), 4.0)
    assert len(searcher.history) == 2


def test_points_of_a_space_are_architectures_or_configs() -> None:
    nets = [Net((Layer(8, "b"),)), Net((Layer(7, "a"), Layer(6, "b")))]
    points = [nets[0], {**Space(Net).to_config(nets[1]), "trial_number": 9}]
    searcher = nas.NASSearcher(Net, metric="loss", mode="max", points_to_evaluate=points)
    configs = [Space(Net).from_config(without_number(c)) for c in suggested(searcher, 2)]
    assert configs == nets


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"points_to_evaluate": {"x": 1}}, r"points_to_evaluate=\{'x': 1\}: must be a list"),
        (
            {"points_to_evaluate": [{"x": 9}]},
            r"points_to_evaluate\[0\]: config\['x'\] = 9: give",
        ),
        ({"points_to_evaluate": [{}]}, r"points_to_evaluate\[0\]: config has no 'x': give a value"),
        (
            {"points_to_evaluate": [{"x": 1}], "evaluated_rewards": [1, 2]},
            "evaluated_rewards has 2 values for 1 points_to_evaluate: give one for each",
        ),
        (
            {"points_to_evaluate": [{"x": 1}], "evaluated_rewards": [[1, 2]]},
            r"points_to_evaluate\[0\]: \[1, 2\] is not a value for each of loss",
        ),
    ],
)
def test_points_that_cannot_be_taken_are_named(arguments: Any, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        nas.NASSearcher({"x": tune.randint(0, 4)}, metric="loss", mode="max", **arguments).suggest(
            "a"
        )


def test_another_param_space_is_refused() -> None:
    searcher = nas.NASSearcher(metric="loss", mode="max")
    searcher.set_search_properties(None, None, {"a": tune.randint(0, 3)})
    searcher.set_search_properties(None, None, {"a": tune.randint(0, 3), "epochs": 4})
    assert searcher.suggest("a")["epochs"] == 4
    with pytest.raises(ConfigurationError, match="param_space is another one than in this searche"):
        searcher.set_search_properties(None, None, {"a": tune.randint(0, 4)})


def broken(config: dict[str, Any]) -> None:
    raise RuntimeError("boom")


@pytest.mark.usefixtures("ray_session")
def test_a_users_trainable_that_raises_is_a_failed_trial(tmp_path: Path) -> None:
    searcher = nas.NASSearcher(Net, metric="loss", mode="max")
    fit(searcher, tmp_path, broken, samples=3)  # each has a worker of its own
    assert all(isinstance(trial.outcome, Failed) for trial in searcher.history)
    assert {trial.reason for trial in searcher.history} == {
        "its trainable raised an error, or its worker process died: see error.txt in the trial's "
        "folder of Ray's results"
    }
    assert len(searcher.history) == 3


def test_metric_and_mode_come_from_tune_config_where_tune_passes_them() -> None:
    searcher = nas.NASSearcher(Net)
    assert searcher.set_search_properties("loss", "min", {"epochs": 3})
    assert repr(searcher.asktell.reward) == "Metric(name='loss', mode='min')"


def test_without_a_metric_the_value_that_a_trainable_returns_counts() -> None:
    searcher = nas.NASSearcher(Net, mode="min")
    searcher.suggest("a")
    searcher.on_trial_complete("a", {"_metric": 2.0})
    assert searcher.history[0].reward == -2.0


def test_a_missing_metric_is_refused_at_the_first_proposal() -> None:
    with pytest.raises(ConfigurationError, match="metric=None: give NASSearcher"):
        nas.NASSearcher(Net).suggest("a")


@pytest.mark.parametrize(
    "value",
    [
        tune.uniform(0, 1),
        tune.grid_search([1, 2]),
        {"nested": {"deep": [tune.choice([1])]}},
        tune.sample_from(lambda: 1),
    ],
)
def test_tune_domains_beside_the_space_are_refused(value: Any) -> None:
    searcher = nas.NASSearcher(Net, metric="loss", mode="max")
    with pytest.raises(ConfigurationError, match=r"param_space\['lr'\].*constants only"):
        searcher.set_search_properties(None, None, {"lr": value})


def test_constants_beside_the_space_are_taken() -> None:
    searcher = nas.NASSearcher(Net, metric="loss", mode="max")
    assert searcher.set_search_properties(None, None, {"data": {"folder": "x"}, "epochs": 3})


def test_an_unknown_controller_is_refused_at_once() -> None:
    with pytest.raises(ConfigurationError, match="controller='best' is unknown: use one of auto"):
        nas.NASSearcher(Net, "best", metric="loss", mode="max")


def test_a_trial_is_told_once_however_often_tune_says_that_it_ended() -> None:
    searcher = nas.NASSearcher(Net, metric="loss", mode="max")
    searcher.suggest("a")
    searcher.on_trial_complete("a", {"loss": 1.0})
    searcher.on_trial_complete("a", None, error=True)
    searcher.on_trial_complete("unknown", {"loss": 1.0})
    assert [trial.reward for trial in searcher.history] == [1.0]


def test_a_restored_searcher_keeps_the_numbers_of_tunes_running_trials(tmp_path: Path) -> None:
    searcher = nas.NASSearcher(Net, metric="loss", mode="max", store=tmp_path / "journal")
    searcher.suggest("a")
    searcher.suggest("b")
    searcher.save(str(tmp_path / "state"))
    pickled = pickle.dumps(searcher)
    searcher.asktell.store.close()
    restored = pickle.loads(pickled)
    restored.restore(str(tmp_path / "state"))
    restored.on_trial_complete("b", {"loss": 2.0})
    assert restored.suggest("c")["trial_number"] == 2
    assert [trial.reward for trial in restored.history] == [None, 2.0, None]


def test_restoring_without_a_store_says_what_to_give(tmp_path: Path) -> None:
    searcher = nas.NASSearcher(Net, metric="loss", mode="max")
    searcher.save(str(tmp_path / "state"))
    for call in (lambda: searcher.restore(str(tmp_path / "state")), lambda: searcher.suggest("a")):
        with pytest.raises(ConfigurationError, match=r"store=None: .*give NASSearcher\(store="):
            call()


def test_restoring_with_another_store_names_the_store(tmp_path: Path) -> None:
    searcher = nas.NASSearcher(Net, metric="loss", mode="max", store=tmp_path / "journal")
    searcher.suggest("a")
    searcher.save(str(tmp_path / "state"))
    other = nas.NASSearcher(Net, metric="loss", mode="max", store=tmp_path / "moved")
    other.restore(str(tmp_path / "state"))
    other.on_trial_complete("a", {"loss": 1.0})
    with pytest.raises(StoreError, match="the store has no trial 0, which the run to be resumed"):
        other.suggest("b")


def test_the_scheduler_of_bohb_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"HyperBandForBOHB\(...\): it works with TuneB"):
        nas.NASSearcher(Net, metric="loss", mode="max").on_pause("a")


class ByHand(Executor):
    """Computes when the test says so."""

    def __init__(self) -> None:
        self.work: list[tuple[Future[Any], Any]] = []

    def submit(self, function: Any, /, *given: Any, **options: Any) -> Future[Any]:
        future: Future[Any] = Future()
        self.work.append((future, lambda: function(*given, **options)))
        return future

    def go(self) -> None:
        future, compute = self.work.pop()
        future.set_result(compute())


def crowd(workers: int, trials: int | None = None) -> tuple[nas.NASSearcher, ByHand]:
    searcher = nas.NASSearcher(Net, metric="score", mode="max", trials=trials)
    searcher.set_max_concurrency(workers)
    searcher.asktell._planner.background = background = ByHand()
    return searcher, background


def test_in_a_crowd_tunes_loop_goes_on_while_proposals_are_made(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    searcher, background = crowd(40)
    assert searcher.suggest("first") is not None  # nothing runs that could be looked after
    assert searcher.suggest("a") is None
    assert searcher.suggest("a") is None
    background.go()
    configs = [searcher.suggest(f"trial-{n}") for n in range(12)]
    assert all(configs)
    assert len(searcher.history) == 13
    now[0] += 0.2
    assert searcher.suggest("late") is None  # the loop has its turn, with proposals left
    assert searcher.suggest("late") is not None
    searcher.on_trial_complete("first", {"score": 1.0})
    now[0] += 0.2
    assert searcher.suggest("next") is not None
    assert not background.work


def test_no_more_is_prepared_than_trials_are_left(monkeypatch: pytest.MonkeyPatch) -> None:
    searcher, background = crowd(40, trials=10)
    searcher.suggest("first")
    assert searcher.suggest("a") is None
    background.go()
    given = [searcher.suggest(f"trial-{n}") for n in range(9)]
    assert all(given)
    assert searcher.suggest("more") == "FINISHED"
    assert not background.work


def test_few_trials_at_a_time_are_proposed_at_once() -> None:
    searcher, background = crowd(31)
    assert all(searcher.suggest(f"trial-{n}") for n in range(20))
    assert not background.work


def test_points_and_repetitions_need_no_preparation(tmp_path: Path) -> None:
    searcher, background = crowd(40)
    searcher.suggest("first")
    searcher.asktell.again(0)
    assert searcher.suggest("again")["trial_number"] == 0
    assert not background.work
