"""Examples that come with Ray Tune, with NASSearcher as their searcher and fewer trials."""

from __future__ import annotations

import importlib
import runpy
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import ray
import torch
from ray import cloudpickle, tune

import raynas as nas

cloudpickle.register_pickle_by_value(sys.modules[__name__])  # workers cannot import it
TRIALS = 2  # each has workers of its own
PUBLISHED = Path(tune.__file__).parent / "examples"

pytestmark = pytest.mark.usefixtures("ray_session")


@pytest.fixture
def searchers(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[nas.NASSearcher]:
    """The searchers that an example made; it finds the tests' session and a folder to write to."""
    made: list[nas.NASSearcher] = []

    class Remembered(nas.NASSearcher):
        def __init__(self, *given: Any, **named: Any) -> None:
            super().__init__(*given, **named)
            made.append(self)

        __reduce__ = object.__reduce__

    plain = tune.TuneConfig

    def with_searcher(**given: Any) -> tune.TuneConfig:
        given["search_alg"] = given.get("search_alg") or Remembered()
        return plain(**{**given, "num_samples": TRIALS})

    monkeypatch.setattr(tune, "TuneConfig", with_searcher)
    monkeypatch.setattr("ray.tune.search.optuna.OptunaSearch", Remembered)
    monkeypatch.setattr(ray, "init", lambda **_: None)
    for module in ("ray.train.constants", "ray.tune.experiment.experiment"):
        monkeypatch.setattr(f"{module}.DEFAULT_STORAGE_PATH", str(tmp_path / "results"))
    monkeypatch.setattr(sys, "argv", ["example", "--smoke-test"])
    return made


def the_only_one(searchers: list[nas.NASSearcher]) -> nas.NASSearcher:
    """The searcher, with all of the example's trials in its history."""
    (searcher,) = searchers
    assert len(searcher.history.completed) == TRIALS
    return searcher


def test_a_class_trainable_with_hyperband(searchers: list[nas.NASSearcher]) -> None:
    found = runpy.run_path(str(PUBLISHED / "hyperband_example.py"), run_name="__main__")
    history = the_only_one(searchers).history
    best = found["results"].get_best_result()
    assert best.metrics["episode_reward_mean"] == max(history.rewards)
    assert 10 <= best.config["width"] < 90
    assert 0 <= best.config["height"] < 100


def test_a_function_with_asha_where_optuna_was(searchers: list[nas.NASSearcher]) -> None:
    found = runpy.run_path(str(PUBLISHED / "optuna_example.py"))
    assert found["OptunaSearch"] is not None
    found["run_optuna_tune"](smoke_test=True)
    history = the_only_one(searchers).history
    for trial in history.completed:
        # of which ASHA may have ended some early
        assert 0 <= trial.outcome.measurement.metrics["iterations"] < 100


# What Lightning 2 took away of what the example still uses.
LIGHTNING_2 = {
    "        gpus=math.ceil(num_gpus),\n": "",
    "    def validation_epoch_end(self, outputs):": "    def unused(self, outputs):",
    '        return {"val_loss": loss, "val_accuracy": acc}': (
        '        self.log_dict({"ptl/val_loss": loss, "ptl/val_accuracy": acc})'
    ),
}


def digits(*_: Any, **__: Any) -> dict[str, list[dict[str, Any]]]:
    """Instead of a download: a few of scikit-learn's digits, as large as those of MNIST."""
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    large = np.pad(images.reshape(-1, 8, 8)[:512] / 16, ((0, 0), (10, 10), (10, 10)))
    pairs = [
        {"image": torch.tensor(image, dtype=torch.float32)[None], "label": int(label)}
        for image, label in zip(large, labels, strict=False)
    ]
    return {"train": pairs[:384], "test": pairs[384:]}


def test_a_lightning_module_with_tunes_callback(
    searchers: list[nas.NASSearcher], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    source = (PUBLISHED / "mnist_ptl_mini.py").read_text()
    for old, new in LIGHTNING_2.items():
        assert old in source
        source = source.replace(old, new)
    example = tmp_path / "mnist_ptl_mini.py"
    example.write_text(source)
    as_it_is = SimpleNamespace(
        Compose=lambda _: lambda image: image, ToTensor=lambda: None, Normalize=lambda *_: None
    )
    importlib.import_module("torchmetrics")  # which looks for the real torchvision
    monkeypatch.setitem(sys.modules, "torchvision", SimpleNamespace(transforms=as_it_is))
    monkeypatch.setitem(sys.modules, "datasets", SimpleNamespace(load_dataset=digits))
    found = runpy.run_path(str(example))
    found["tune_mnist"](num_epochs=2)
    history = the_only_one(searchers).history
    for trial in history.completed:
        assert trial.reward == -trial.outcome.measurement.metrics["loss"]
        assert 0 <= trial.outcome.measurement.metrics["acc"] <= 1
