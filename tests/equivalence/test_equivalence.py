"""A trial is the user's own training: equal to the bit to what plain Lightning makes of it."""

from __future__ import annotations

import hashlib
import shutil
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cloudpickle
import pytest
import torch
from shapes import SHAPES as USUAL
from shapes import Shape
from unusual_shapes import UNUSUAL

import raynas as nas
from raynas.space import choice, integer, searchable
from raynas.tasks.lightning import quiet
from raynas.tasks.random_state import seed_all
from raynas.trials import Measurement

SHAPES = USUAL | UNUSUAL
SEED = 5
EVALUATIONS = 3
OURS = ("parameters", "peak_memory_bytes")


@searchable
class Net:
    """A space; the shapes build their networks themselves."""

    width: int = integer(1, 4)


class CutOff(Exception):  # noqa: N818 - what ends a trial here is no error of its own
    pass


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of Lightning's, about settings that a shape is for
        yield
    torch.set_num_threads(before)


def plain(shape: Shape, folder: Path) -> tuple[Any, dict[str, float]]:
    """The module, and the logged metrics, after the project's own training."""
    seed_all(SEED)
    data = shape.data()
    seed_all(SEED)
    module = shape.module()
    trainer = shape.package.Trainer(
        max_epochs=shape.epochs,
        accelerator="cpu",
        devices=1,
        logger=shape.package.loggers.CSVLogger(folder),
        default_root_dir=folder,
        num_sanity_val_steps=0,
        enable_progress_bar=False,
        enable_model_summary=False,
        enable_checkpointing=False,
        **shape.trainer(),
    )
    with quiet():
        if isinstance(data, tuple):
            trainer.fit(module, *data)
        else:
            trainer.fit(module, datamodule=data)
    return module, {name: float(value) for name, value in trainer.callback_metrics.items()}


def trial(shape: Shape, context: nas.Context, **options: Any) -> tuple[Any, Measurement]:
    """The module, and the measurement, after a trial of the same training."""
    made: list[Any] = []

    def make(_: Net) -> Any:
        made.append(shape.module())
        return made[-1]

    task = nas.LightningTask(
        make,
        shape.data,
        shape.metric,
        shape.max_steps,
        mode="min",
        validation="own",
        schedule="none",
        evaluations=EVALUATIONS,
        trainer=shape.trainer,
        **options,
    )
    return made, task.run(Net(1), context)


def logged(measurement: Measurement) -> dict[str, float]:
    return {name: value for name, value in measurement.metrics.items() if name not in OURS}


def digest(module: Any) -> float:
    """A number that stands for all weights and buffers, exact as a float."""
    whole = hashlib.sha256()
    for name, value in module.state_dict().items():
        whole.update(name.encode())
        whole.update(value.detach().cpu().numpy().tobytes())
    return float(int.from_bytes(whole.digest()[:6], "big"))


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Any]:
    """Plain trainings, each done once."""
    known: dict[str, Any] = {}

    def of(name: str) -> Any:
        if name not in known:
            module, metrics = plain(SHAPES[name], tmp_path_factory.mktemp("plain"))
            known[name] = digest(module), metrics
        return known[name]

    return of


@pytest.mark.parametrize("name", SHAPES)
def test_a_trial_equals_plain_lightning(name: str, expected: Callable[[str], Any]) -> None:
    shape = SHAPES[name]
    made, measurement = trial(shape, nas.Context(seed=SEED))
    weights, metrics = expected(name)
    assert logged(measurement) == metrics
    assert digest(made[-1]) == weights
    if not measurement.ended_early:
        assert measurement.steps == shape.max_steps
        assert len(measurement.curve) == (EVALUATIONS if shape.validates else 1)


class Kept:
    """Keeps a trial's checkpoints in a folder, and cuts the trial off after some of them."""

    def __init__(self, folder: Path, most: int) -> None:
        self.file = folder / "kept.ckpt"
        self.left = most

    def keep(self, path: Path) -> None:
        shutil.copy(path, self.file)
        self.left -= 1
        if self.left == 0:
            raise CutOff

    def context(self) -> nas.Context:
        return nas.Context(
            seed=SEED, keep=self.keep, kept=lambda: self.file if self.file.exists() else None
        )


@pytest.mark.parametrize("name", [name for name, shape in SHAPES.items() if shape.resumable])
def test_a_trial_that_was_cut_off_equals_plain_lightning(
    name: str, expected: Callable[[str], Any], tmp_path: Path
) -> None:
    """Cut off in the middle of the first epoch and of the second one, and resumed each time."""
    shape = SHAPES[name]
    every = round(shape.max_steps * 0.22)
    for _ in range(2):
        with pytest.raises(CutOff):
            trial(shape, Kept(tmp_path, 1).context(), checkpoint_every=every)
        torch.manual_seed(99)  # another process
    made, measurement = trial(shape, Kept(tmp_path, 99).context(), checkpoint_every=every)
    weights, metrics = expected(name)
    assert digest(made[-1]) == weights
    assert logged(measurement) == metrics


@searchable
class Turn:
    """A shape, and how many trainings of it came before in the same worker."""

    turn: int = integer(0, 1)
    shape: str = choice(*SHAPES)


class InTurn(nas.Task):
    """Trains a shape and measures the digest of its weights; says how many trials came before."""

    metric = "digest"

    def run(self, architecture: Turn, context: nas.Context) -> Measurement:
        torch.set_num_threads(1)
        made, measurement = trial(SHAPES[architecture.shape], nas.Context(seed=SEED))
        SEEN.append(architecture.shape)
        own = {"digest": digest(made[-1]), "turn": len(SEEN)}
        return Measurement({**logged(measurement), **own})


SEEN: list[str] = []


def test_trials_of_a_reused_worker_equal_plain_lightning(
    expected: Callable[[str], Any], ray_session: None, tmp_path: Path
) -> None:
    """Those after trials of other shapes, and those after one of the same shape, too."""
    import shapes
    import unusual_shapes

    for module in (shapes, unusual_shapes, sys.modules[__name__]):
        cloudpickle.register_pickle_by_value(module)
    search = nas.Search(
        Turn,
        InTurn(),
        controller="grid",
        rules=(),
        limits=nas.Limits(trials=2 * len(SHAPES), parallel=1),
        resources=nas.Resources(cpu=1),
        name="turns",
        folder=tmp_path,
    )
    history = search.run().history
    failed = [str(trial.reason) for trial in history if trial not in history.completed]
    assert not failed
    found = {
        trial.architecture: dict(trial.outcome.measurement.metrics) for trial in history.completed
    }
    assert {metrics.pop("turn") for metrics in found.values()} == set(range(1, len(found) + 1))
    for name in SHAPES:
        weights, metrics = expected(name)
        for turn in (0, 1):
            assert found[Turn(turn, name)] == {**metrics, "digest": weights}, (turn, name)
