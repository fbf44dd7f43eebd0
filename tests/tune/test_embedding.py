"""NASSearcher beside schedulers, callbacks, restores and Ray Train, all of them the users."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest
from ray import cloudpickle, tune
from ray.tune.schedulers import ASHAScheduler, PopulationBasedTraining
from ray.tune.search import ConcurrencyLimiter

import raynas as nas
from raynas.errors import ConfigurationError
from raynas.space import choice, integer, repeat, searchable
from raynas.tune.trainable import NUMBER


@searchable
class Layer:
    width: int = integer(1, 8)
    kind: str = choice("a", "b")


@searchable
class Net:
    layers: tuple[Layer, ...] = repeat(Layer, 1, 4)


cloudpickle.register_pickle_by_value(sys.modules[__name__])
PATIENCE = 900.0


def widths(net: Net) -> int:
    return sum(layer.width for layer in net.layers)


def train(config: dict[str, Any]) -> None:
    net = nas.space.architecture_in(config, Net)
    for step in range(config.get("steps", 1)):
        tune.report({"loss": 100.0 - widths(net) - step, "width": float(widths(net))})


def tuner(trainable: Any, searcher: Any, folder: Path, **options: Any) -> tune.Tuner:
    run = {key: options.pop(key) for key in ("stop", "callbacks") if key in options}
    return tune.Tuner(
        trainable,
        param_space=options.pop("param_space", {}),
        tune_config=tune.TuneConfig(
            search_alg=searcher,
            **{"num_samples": 6, "max_concurrent_trials": 2, "reuse_actors": True, **options},
        ),
        run_config=tune.RunConfig(name="user", storage_path=str(folder), verbose=0, **run),
    )


class Seen(tune.Callback):
    def __init__(self) -> None:
        self.completed: list[dict[str, Any]] = []

    def on_trial_complete(self, iteration: int, trials: list[Any], trial: Any, **_: Any) -> None:
        self.completed.append({**trial.config, "loss": trial.last_result["loss"]})


@pytest.mark.usefixtures("ray_session")
def test_asha_callbacks_stop_criteria_and_metric_of_tune_config(tmp_path: Path) -> None:
    searcher, seen = nas.NASSearcher(Net), Seen()
    results = tuner(
        train,
        searcher,
        tmp_path,
        param_space={"steps": 20},
        metric="loss",
        mode="min",
        scheduler=ASHAScheduler(grace_period=1, max_t=16, reduction_factor=2),
        stop={"training_iteration": 8},
        callbacks=[seen],
    ).fit()
    assert len(results) == len(searcher.history.completed) == len(seen.completed) == 6
    iterations = [result.metrics["training_iteration"] for result in results if result.metrics]
    assert min(iterations) < max(iterations) == 8
    for config in seen.completed:
        trial = searcher.history[config[NUMBER]]
        assert nas.space.architecture_in(config, Net) == trial.architecture
        assert trial.reward == -config["loss"]


@pytest.mark.usefixtures("ray_session")
def test_several_objectives_give_a_front(tmp_path: Path) -> None:
    searcher = nas.NASSearcher(Net, metric=["loss", "width"], mode=["min", "min"])
    tuner(train, ConcurrencyLimiter(searcher, 2), tmp_path, max_concurrent_trials=None).fit()
    assert len(searcher.history.completed) == 6
    for trial in searcher.history.completed:
        width = widths(trial.architecture)
        assert trial.objectives == (width - 100.0, -float(width))
    assert len({trial.objectives for trial in searcher.history.front()}) > 1


@pytest.mark.parametrize(
    ("metric", "mode"),
    [(["a", "b"], None), (["a", "b"], "max"), (["a", "b"], ["max"]), (["a"], ["max"]), ("a", [])],
)
def test_lists_that_do_not_pair_are_refused(metric: Any, mode: Any) -> None:
    with pytest.raises(ConfigurationError, match="give two lists of one length, at least 2"):
        nas.NASSearcher(Net, metric=metric, mode=mode)


def train_on_workers(config: dict[str, Any]) -> None:
    from ray.train import RunConfig, ScalingConfig
    from ray.train.torch import TorchTrainer
    from ray.tune.integration.ray_train import TuneReportCallback

    trainer = TorchTrainer(
        train_loop,
        train_loop_config=config,
        scaling_config=ScalingConfig(num_workers=2, resources_per_worker={"CPU": 0.5}),
        run_config=RunConfig(
            name=f"trial-{config[NUMBER]}",
            storage_path=config["folder"],
            callbacks=[TuneReportCallback()],
        ),
    )
    trainer.fit()


def train_loop(config: dict[str, Any]) -> None:
    import ray.train
    import torch
    from torch import distributed

    total = torch.tensor(float(widths(nas.space.architecture_in(config, Net))))
    distributed.all_reduce(total)
    ray.train.report({"loss": float(total)})


@pytest.mark.usefixtures("ray_session")
def test_a_trial_may_be_a_distributed_training_of_ray_train(tmp_path: Path) -> None:
    searcher = nas.NASSearcher(Net, metric="loss", mode="min")
    tuner(
        tune.with_resources(train_on_workers, {"cpu": 0.01}),
        searcher,
        tmp_path,
        param_space={"folder": str(tmp_path)},
        num_samples=1,
        max_concurrent_trials=1,
    ).fit()
    (trial,) = searcher.history.completed
    assert trial.reward == -2.0 * widths(trial.architecture)


class Interrupts(tune.Callback):
    """Ctrl-C after the third trial, once."""

    def __init__(self, done: Path) -> None:
        self.completed = 0
        self.done = done

    def on_trial_complete(self, iteration: int, trials: list[Any], trial: Any, **_: Any) -> None:
        self.completed += 1
        if self.completed == 3 and not self.done.exists():
            self.done.touch()
            os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.usefixtures("ray_session")
def test_an_interrupted_tuner_is_restored_and_repeats_nothing(tmp_path: Path) -> None:
    store = tmp_path / "search.journal"
    searcher = nas.NASSearcher(Net, metric="loss", mode="min", store=store)
    tuner(train, searcher, tmp_path, callbacks=[Interrupts(tmp_path / "interrupted")]).fit()
    before = searcher.history
    assert 3 <= len(before.completed) < 6
    searcher.asktell.store.close()  # as the end of the process does
    restored = tune.Tuner.restore(str(tmp_path / "user"), train)
    restored.fit()
    after = nas.NASSearcher(Net, metric="loss", mode="min", store=store, read_only=True).history
    assert len(after) == len(after.completed) == len(after.architectures) == 6
    for trial in before.completed:
        assert after[trial.number] == trial


@pytest.mark.usefixtures("ray_session")
def test_ray_refuses_population_based_training_beside_a_searcher(tmp_path: Path) -> None:
    """What docs/how-to/ray-tune.md says; were it to change, trials could swap architectures."""
    training = PopulationBasedTraining(hyperparam_mutations={"steps": [1, 2]})
    options = {"metric": "loss", "mode": "min", "param_space": {"steps": 1}}
    run = tuner(train, nas.NASSearcher(Net), tmp_path, scheduler=training, **options)
    with pytest.raises(ValueError, match="Search algorithms cannot be used with PopulationBased"):
        run.fit()
