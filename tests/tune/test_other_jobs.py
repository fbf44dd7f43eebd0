"""Ray jobs in the shapes of published ones, with nothing but their `search_alg` exchanged.

The jobs are written for this test. Where a library would be too heavy, a stand-in takes its place
that has the same call and is as strict: XGBoost's ``train(params)`` and LightGBM's warn of or
refuse parameters that they do not know, as do the fields of Hugging Face's ``TrainingArguments``
and of RLlib's algorithm configs. Optuna, Tune, Ray Train and torch are real.
"""

from __future__ import annotations

import dataclasses
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from made_by_tune import proposed
from ray import cloudpickle, tune
from ray.tune.schedulers import ASHAScheduler, HyperBandForBOHB, MedianStoppingRule
from ray.tune.search import ConcurrencyLimiter
from ray.tune.search.optuna import OptunaSearch
from ray.tune.tune import _Config
from sklearn.datasets import load_digits
from sklearn.ensemble import GradientBoostingClassifier, HistGradientBoostingClassifier

import raynas as nas
from raynas.errors import ConfigurationError

cloudpickle.register_pickle_by_value(sys.modules[__name__])  # workers cannot import it
TRIALS = 2
Job = Callable[[Any, Path], Any]


def digits() -> tuple[Any, Any]:
    images, labels = load_digits(return_X_y=True)
    return images[:300] / 16, labels[:300] % 2


def settings(folder: Path) -> tune.RunConfig:
    return tune.RunConfig(name="user", storage_path=str(folder), verbose=0)


# Optuna's search, as in Ray's guide to it.

OPTUNA = {
    "steps": 3,
    "width": tune.uniform(0, 20),
    "height": tune.uniform(-100, 100),
    "activation": tune.choice(["relu", "tanh"]),
}


def objective(config: dict[str, Any]) -> None:
    for step in range(config["steps"]):
        score = 0.1 * config["height"] + 1 / (0.1 + config["width"] * step / 100)
        tune.report({"iterations": step, "mean_loss": score})


def tune_optuna(search_alg: Any, folder: Path) -> Any:
    return tune.Tuner(
        objective,
        tune_config=tune.TuneConfig(
            metric="mean_loss",
            mode="min",
            search_alg=ConcurrencyLimiter(search_alg, max_concurrent=2),
            scheduler=ASHAScheduler(),
            num_samples=TRIALS,
        ),
        run_config=settings(folder),
        param_space=OPTUNA,
    ).fit()


# XGBoost: the whole config goes to `train`.

XGBOOST = {
    "objective": "binary:logistic",
    "eval_metric": ["logloss", "error"],
    "max_depth": tune.randint(1, 9),
    "min_child_weight": tune.choice([1, 2, 3]),
    "subsample": tune.uniform(0.5, 1.0),
    "eta": tune.loguniform(1e-4, 1e-1),
}


def xgb_train(params: dict[str, Any], images: Any, labels: Any) -> Iterator[dict[str, float]]:
    unknown = params.keys() - XGBOOST.keys()
    assert not unknown, f"Parameters: {unknown} are not used."
    assert isinstance(params["max_depth"], int)
    model = GradientBoostingClassifier(
        n_estimators=2,
        max_depth=params["max_depth"],
        learning_rate=params["eta"],
        subsample=params["subsample"],
        min_samples_leaf=params["min_child_weight"],
    ).fit(images, labels)
    for predicted in model.staged_predict(images):
        yield {"eval-error": float(np.mean(predicted != labels))}


def train_breast_cancer(config: dict[str, Any], data: Any = None) -> None:
    for evaluation in xgb_train(config, *data):
        tune.report(evaluation)


def tune_xgboost(search_alg: Any, folder: Path) -> Any:
    return tune.Tuner(
        tune.with_resources(tune.with_parameters(train_breast_cancer, data=digits()), {"cpu": 1}),
        tune_config=tune.TuneConfig(
            metric="eval-error",
            mode="min",
            num_samples=TRIALS,
            search_alg=search_alg,
            scheduler=ASHAScheduler(max_t=2, grace_period=1, reduction_factor=2),
        ),
        run_config=settings(folder),
        param_space=XGBOOST,
    ).fit()


# LightGBM, over a dict that Tune searches whole.

LIGHTGBM = {
    "objective": "binary",
    "metric": ["binary_error", "binary_logloss"],
    "verbose": -1,
    "boosting_type": tune.choice(["gbdt", "dart"]),
    "num_leaves": tune.qlograndint(8, 64, 8),
    "min_data_in_leaf": tune.qrandint(10, 50, 10),
    "learning_rate": tune.qloguniform(1e-2, 1e-1, 1e-2),
    "seed": tune.sample_from(lambda: int(np.random.randint(0, 2**16))),
}


def lgb_train(params: dict[str, Any], images: Any, labels: Any) -> float:
    assert params.keys() == LIGHTGBM.keys()
    model = HistGradientBoostingClassifier(
        max_iter=2,
        max_leaf_nodes=params["num_leaves"],
        min_samples_leaf=params["min_data_in_leaf"],
        learning_rate=params["learning_rate"],
        random_state=params["seed"],
    )
    return 1 - float(model.fit(images, labels).score(images, labels))


def train_lgbm(config: dict[str, Any]) -> dict[str, Any]:
    return {"binary_error": lgb_train(config, *digits()), "done": True}


def tune_lightgbm(search_alg: Any, folder: Path) -> Any:
    return tune.Tuner(
        train_lgbm,
        tune_config=tune.TuneConfig(
            metric="binary_error", mode="min", num_samples=TRIALS, search_alg=search_alg
        ),
        run_config=settings(folder),
        param_space=LIGHTGBM,
    ).fit()


# Hugging Face: `Trainer.hyperparameter_search` hands its keyword arguments on to `tune.run`.


@dataclasses.dataclass
class TrainingArguments:
    learning_rate: float = 5e-5
    weight_decay: float = 0.0
    num_train_epochs: int = 3
    per_device_train_batch_size: int = 8
    max_steps: int = -1


HUGGING_FACE = {
    "per_device_train_batch_size": tune.choice([16, 32, 64]),
    "learning_rate": tune.uniform(1e-5, 5e-5),
    "weight_decay": tune.uniform(0.0, 0.3),
    "num_train_epochs": tune.choice([2, 3, 4, 5]),
    "max_steps": 1,
}


class Trainer:
    def __init__(self, args: TrainingArguments) -> None:
        self.args = args

    def train(self, trial: dict[str, Any]) -> float:
        known = {field.name for field in dataclasses.fields(self.args)}
        assert trial.keys() <= known, "there is no corresponding field in `TrainingArguments`"
        for name, value in trial.items():
            setattr(self.args, name, type(getattr(self.args, name))(value))
        return self.args.learning_rate * self.args.num_train_epochs

    def hyperparameter_search(self, hp_space: Any, n_trials: int, **options: Any) -> Any:
        def train(trial: dict[str, Any], local_trainer: Any) -> None:
            tune.report({"objective": local_trainer.train(trial)})

        trainable = tune.with_parameters(train, local_trainer=self)
        return tune.run(trainable, config=hp_space(None), num_samples=n_trials, **options)


def tune_hugging_face(search_alg: Any, folder: Path) -> Any:
    return Trainer(TrainingArguments()).hyperparameter_search(
        hp_space=lambda _: HUGGING_FACE,
        n_trials=TRIALS,
        metric="objective",
        mode="max",
        search_alg=search_alg,
        scheduler=MedianStoppingRule(),
        resources_per_trial={"cpu": 1},
        storage_path=str(folder),
        name="user",
        verbose=0,
    )


# RLlib: a registered class, and a config object that is more than what is searched.


class Callbacks:
    """Stands for RLlib's `DefaultCallbacks`: a class in a config."""


class PPOConfig(_Config):  # type: ignore[misc]
    """Stands for RLlib's `AlgorithmConfig`."""

    def __init__(self) -> None:
        self.settings: dict[str, Any] = {
            "env": "CartPole",
            "env_config": {"corridor_length": tune.choice([5, 10])},
            "policies": {"default": (None, {"gamma": tune.uniform(0.9, 1.0)})},
            "callbacks": Callbacks,
            "num_workers": 0,
            "lr": 5e-5,
            "train_batch_size": 4000,
            "model": {"fcnet_hiddens": tune.choice([[64, 64], [128]]), "custom": {}},
            "evaluation": None,
            "clip_param": tune.sample_from(lambda config: config["lr"] * 100),
        }

    def training(self, **settings: Any) -> PPOConfig:
        self.settings.update(settings)
        return self

    def to_dict(self) -> dict[str, Any]:
        return self.settings


RLLIB = PPOConfig().training(
    lr=tune.loguniform(1e-5, 1e-3), train_batch_size=tune.choice([500, 1000])
)


class PPO(tune.Trainable):
    def setup(self, config: dict[str, Any]) -> None:
        assert config.keys() == RLLIB.settings.keys(), "Cannot set an attribute on AlgorithmConfig"
        assert config["callbacks"].__name__ == "Callbacks"
        assert config["clip_param"] == config["lr"] * 100
        self.reward = 0.0

    def step(self) -> dict[str, Any]:
        self.reward += self.config["lr"] * len(self.config["model"]["fcnet_hiddens"])
        return {"env_runners": {"episode_return_mean": self.reward}}

    def save_checkpoint(self, checkpoint_dir: str) -> None:
        Path(checkpoint_dir, "reward").write_text(str(self.reward))

    def load_checkpoint(self, checkpoint_dir: str) -> None:  # type: ignore[override]
        self.reward = float(Path(checkpoint_dir, "reward").read_text())


def tune_rllib(search_alg: Any, folder: Path) -> Any:
    tune.register_trainable("PPO", PPO)
    return tune.Tuner(
        "PPO",
        param_space=RLLIB,
        tune_config=tune.TuneConfig(
            metric="env_runners/episode_return_mean",
            mode="max",
            search_alg=search_alg,
            num_samples=TRIALS,
        ),
        run_config=tune.RunConfig(
            name="user",
            storage_path=str(folder),
            verbose=0,
            stop={"training_iteration": 2},
            checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=True),
        ),
    ).fit()


# The CIFAR example of Ray and PyTorch, on digits.

CIFAR = {
    "l1": tune.sample_from(lambda _: 2 ** np.random.randint(2, 9)),
    "l2": tune.sample_from(lambda _: 2 ** np.random.randint(2, 9)),
    "lr": tune.loguniform(1e-4, 1e-1),
    "batch_size": tune.choice([2, 4, 8, 16]),
    "num_epochs": 2,
    "device": "cpu",
}


def train_cifar(config: dict[str, Any]) -> None:
    images, labels = (torch.as_tensor(part) for part in digits())
    net = torch.nn.Sequential(
        torch.nn.Linear(64, config["l1"]),
        torch.nn.ReLU(),
        torch.nn.Linear(config["l1"], config["l2"]),
        torch.nn.ReLU(),
        torch.nn.Linear(config["l2"], 2),
    ).to(config["device"])
    optimizer = torch.optim.SGD(net.parameters(), lr=config["lr"], momentum=0.9)
    for _ in range(config["num_epochs"]):
        batch = torch.randperm(len(images))[: config["batch_size"]]
        loss = torch.nn.functional.cross_entropy(net(images[batch].float()), labels[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        with tempfile.TemporaryDirectory() as folder:
            torch.save(net.state_dict(), Path(folder, "checkpoint.pt"))
            checkpoint = tune.Checkpoint.from_directory(folder)
            tune.report({"loss": float(loss)}, checkpoint=checkpoint)


def tune_cifar(search_alg: Any, folder: Path) -> Any:
    results = tune.Tuner(
        tune.with_resources(tune.with_parameters(train_cifar), resources={"cpu": 1, "gpu": 0}),
        tune_config=tune.TuneConfig(
            metric="loss",
            mode="min",
            search_alg=search_alg,
            scheduler=ASHAScheduler(max_t=2, grace_period=1, reduction_factor=2),
            num_samples=TRIALS,
        ),
        run_config=settings(folder),
        param_space=CIFAR,
    ).fit()
    best = results.get_best_result("loss", "min")
    with best.checkpoint.as_directory() as folder_of_best:
        weights = torch.load(Path(folder_of_best, "checkpoint.pt"), weights_only=True)
    assert weights["0.weight"].shape == (best.config["l1"], 64)
    return results


# `tune.run` of old, with a lambda over the spec, a normal distribution and a returned value.

OLD = {
    "batch": tune.choice([8, 16]),
    "epochs": tune.sample_from(lambda spec: spec.config.batch * 2),
    "bias": tune.randn(0, 0.1),
    "noise": tune.qrandn(0, 1, 0.5),
    "layers": [{"units": tune.randint(4, 9)}, {"units": tune.lograndint(4, 9)}],
}


def train_old(config: dict[str, Any]) -> float:
    assert config["epochs"] == config["batch"] * 2
    return float(config["bias"] + sum(layer["units"] for layer in config["layers"]))


def tune_old(search_alg: Any, folder: Path) -> Any:
    search_alg = type(search_alg)(mode="max") if search_alg.mode is None else search_alg
    analysis = tune.run(
        train_old,
        config=OLD,
        num_samples=TRIALS,
        search_alg=search_alg,
        resources_per_trial={"cpu": 1},
        stop={"training_iteration": 5},
        storage_path=str(folder),
        name="user",
        verbose=0,
    )
    assert analysis.get_best_config("_metric", "max").keys() == OLD.keys()
    return analysis


# Ray Train inside Tune.

TRAIN = {
    "train_loop_config": {"lr": tune.loguniform(1e-4, 1e-1), "hidden": tune.choice([4, 8])},
    "folder": "",
}


def train_loop(config: dict[str, Any]) -> None:
    import ray.train

    assert config.keys() == {"lr", "hidden"}
    ray.train.report({"loss": config["lr"] * config["hidden"]})


def train_driver(config: dict[str, Any]) -> None:
    from ray.train import RunConfig, ScalingConfig
    from ray.train.v2.api.data_parallel_trainer import DataParallelTrainer
    from ray.tune.integration.ray_train import TuneReportCallback

    DataParallelTrainer(  # what TorchTrainer is, without torch's process group
        train_loop,
        train_loop_config=config["train_loop_config"],
        scaling_config=ScalingConfig(num_workers=1, resources_per_worker={"CPU": 0.5}),
        run_config=RunConfig(
            name=f"trial-{tune.get_context().get_trial_id()}",
            storage_path=config["folder"],
            callbacks=[TuneReportCallback()],
        ),
    ).fit()


def tune_train(search_alg: Any, folder: Path) -> Any:
    return tune.Tuner(
        tune.with_resources(train_driver, {"cpu": 0.01}),
        param_space={**TRAIN, "folder": str(folder)},
        tune_config=tune.TuneConfig(
            metric="loss", mode="min", search_alg=search_alg, num_samples=1, max_concurrent_trials=1
        ),
        run_config=settings(folder),
    ).fit()


# A model that takes the config as its arguments, with classes and functions among the options.


class Model(torch.nn.Module):
    def __init__(self, hidden: int, act: Any, loss: Any, init: Any, optimizer: Any) -> None:
        super().__init__()
        self.layers = torch.nn.Sequential(torch.nn.Linear(64, hidden), act(), init)
        self.loss = loss
        options = {key: value for key, value in optimizer.items() if key != "cls"}
        self.optimizer = optimizer["cls"](self.parameters(), **options)


MODEL = {
    "hidden": tune.randint(4, 9),
    "act": tune.choice([torch.nn.ReLU, torch.nn.Tanh]),
    "loss": torch.nn.CrossEntropyLoss(),
    "init": tune.choice([torch.nn.Identity(), torch.nn.Dropout(0.5)]),
    "optimizer": tune.choice(
        [
            {"cls": torch.optim.SGD, "lr": tune.loguniform(1e-3, 1e-1)},
            {"cls": torch.optim.Adam, "lr": 1e-3, "amsgrad": tune.sample_from(lambda: True)},
        ]
    ),
}


def train_model(config: dict[str, Any]) -> None:
    model = Model(**config)
    images, labels = (torch.as_tensor(part) for part in digits())
    tune.report({"loss": float(model.loss(model.layers(images.float()), labels))})


def tune_model(search_alg: Any, folder: Path) -> Any:
    return tune.Tuner(
        train_model,
        param_space=MODEL,
        tune_config=tune.TuneConfig(
            metric="loss",
            mode="min",
            search_alg=search_alg,
            num_samples=TRIALS,
            max_concurrent_trials=1,
            reuse_actors=True,
        ),
        run_config=settings(folder),
    ).fit()


JOBS: dict[str, Job] = {
    "optuna": tune_optuna,
    "xgboost": tune_xgboost,
    "lightgbm": tune_lightgbm,
    "hugging face": tune_hugging_face,
    "rllib": tune_rllib,
    "cifar": tune_cifar,
    "tune.run": tune_old,
    "train": tune_train,
    "model": tune_model,
}


@pytest.mark.usefixtures("ray_session")
@pytest.mark.parametrize("name", JOBS)
def test_a_job_runs_with_only_its_searcher_exchanged(name: str, tmp_path: Path) -> None:
    searcher = nas.NASSearcher(mode="max") if name == "tune.run" else nas.NASSearcher()
    results = JOBS[name](searcher, tmp_path)
    trials = results.trials if hasattr(results, "trials") else results._experiment_analysis.trials
    assert [trial.status for trial in trials] == ["TERMINATED"] * len(searcher.history)
    rewards = [trial.reward for trial in searcher.history.completed]
    assert len(rewards) == len(searcher.history) == (1 if name == "train" else TRIALS)


# The oracle: what Optuna's searcher, or Tune without one, makes of the same param_space.

PARAM_SPACES = {
    "optuna": OPTUNA,
    "xgboost": XGBOOST,
    "lightgbm": {**LIGHTGBM, "num_leaves": tune.lograndint(8, 64)},  # Optuna refuses the quantum
    "hugging face": HUGGING_FACE,
    "rllib": {k: v for k, v in RLLIB.settings.items() if k != "policies"},
    "cifar": CIFAR,
    "train": TRAIN,
}


def kinds(config: Any, path: str = "") -> set[tuple[str, str]]:
    """Every place of a config and the type of what stands there."""
    inner = {(path, type(config).__name__)}
    parts = config.items() if isinstance(config, dict) else ()
    return inner.union(*(kinds(part, f"{path}/{key}") for key, part in parts))


@pytest.mark.filterwarnings("ignore:Choices for a categorical distribution")
@pytest.mark.parametrize("name", PARAM_SPACES)
def test_configs_have_the_shape_that_optunas_searcher_gives_them(name: str) -> None:
    param_space = PARAM_SPACES[name]
    ours, theirs = (
        set().union(*map(kinds, proposed(searcher, param_space, 12)))
        for searcher in (nas.NASSearcher(controller="random"), OptunaSearch(seed=0))
    )
    assert ours == theirs


def test_the_scheduler_of_bohb_is_refused_at_its_first_pause() -> None:
    limited = ConcurrencyLimiter(nas.NASSearcher(OPTUNA, metric="loss"), max_concurrent=2)
    controller: Any = SimpleNamespace(search_alg=SimpleNamespace(searcher=limited))
    scheduler = HyperBandForBOHB(metric="loss", mode="min", max_t=2)
    trial: Any = type("Trial", (), {"trial_id": "a", "status": "RUNNING"})()
    scheduler.on_trial_add(controller, trial)
    with pytest.raises(ConfigurationError, match=r"HyperBandForBOHB\(...\): it works with TuneB"):
        scheduler.on_trial_result(controller, trial, {"loss": 1.0, "training_iteration": 2})


@pytest.mark.parametrize("domain", [tune.grid_search([1, 2]), {"deep": tune.grid_search([1, 2])}])
def test_a_grid_is_refused_by_name(domain: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"grid_search\(...\) cannot be carried"):
        proposed(nas.NASSearcher(), {"x": domain, "y": tune.randint(0, 2)}, 1)
