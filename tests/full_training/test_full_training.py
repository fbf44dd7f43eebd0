"""Stage 2 without Ray: what is planned, trained, kept, shown and exported."""

from __future__ import annotations

import dataclasses
import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from safetensors import safe_open
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from raynas import FunctionTask, LightningTask, Search
from raynas.analysis.full_training import correlation, full_table, label_of, rows_of
from raynas.cli.show_training import say_full_training
from raynas.errors import ConfigurationError, InfeasibleArchitecture, RaynasError, StoreError
from raynas.export import standalone_code, write, write_export
from raynas.full_training import (
    NearTies,
    Study,
    best_of,
    full_task,
    open_again,
    open_training,
    plan_training,
    settled,
    train,
)
from raynas.full_training.stage2 import trained_of
from raynas.meters import CostMeter, Measured
from raynas.search import SearchResult
from raynas.space import Space, choice, searchable
from raynas.tasks import Context
from raynas.trials import Completed, History, Measurement, Point, Stopped, Trial

FACTOR = 2


def doubled(width: int) -> int:
    return FACTOR * width


@searchable
class Mlp:
    width: int = choice(2, 4, 8, default=2)
    act: str = choice("relu", "tanh", default="relu")

    def is_feasible(self) -> bool:
        return True

    def build(self, classes: int) -> nn.Module:
        if self.width > 100:
            raise InfeasibleArchitecture("too wide")
        act = nn.ReLU() if self.act == "relu" else nn.Tanh()
        return nn.Sequential(
            nn.Linear(3, doubled(self.width)), act, nn.Linear(doubled(self.width), classes)
        )


class Module(pl.LightningModule):
    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def training_step(self, batch: tuple[Tensor, Tensor], _: int) -> Tensor:
        return nn.functional.cross_entropy(self.network(batch[0]), batch[1])

    def validation_step(self, batch: tuple[Tensor, Tensor], _: int) -> None:
        self.log("acc", (self.network(batch[0]).argmax(1) == batch[1]).float().mean())

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.1)


class Data(pl.LightningDataModule):
    def __init__(self) -> None:
        super().__init__()
        x = torch.randn(64, 3, generator=torch.Generator().manual_seed(0))
        self.all = TensorDataset(x, (x[:, 0] > 0).long())

    def train_dataloader(self) -> DataLoader[Any]:
        return DataLoader(self.all, batch_size=16)

    def val_dataloader(self) -> DataLoader[Any]:
        return DataLoader(self.all, batch_size=64)


def made_search(folder: Path) -> Search:
    return Search(
        space=Mlp,
        task=LightningTask(Module, Data, "acc", max_steps=2, build={"classes": 2}),
        controller="random",
        folder=folder,
        name="mlp",
    )


def run_stage1(search: Search, rewards: list[float]) -> History:
    with search.open() as run:
        asktell = run._searcher.asktell
        for reward in rewards:
            proposal = asktell.ask()
            assert proposal is not None
            asktell.tell(proposal.number, reward)
        return run.history


def run_stage2(run: Study) -> History:
    """As Tune would, in this process."""
    asktell = run._searcher.asktell
    while (proposal := asktell.ask()) is not None:
        context = Context(proposal.number, seed=proposal.number)
        asktell.tell(proposal.number, run.search.task.run(proposal.architecture, context))
    return run.history


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Search, History, History]:
    """A search of four trials, and two of them and the baseline trained twice each."""
    search = made_search(tmp_path_factory.mktemp("results"))
    history = run_stage1(search, [0.1, 0.4, 0.2, 0.3])
    plan = plan_training(history, Space.of(search.space), 2, 2)
    with open_training(search, "mlp", plan, max_steps=8) as run:
        full = run_stage2(run)
    return search, history, full


def test_the_full_task_takes_all_the_data_and_the_steps_asked_for(tmp_path: Path) -> None:
    search = made_search(tmp_path)
    task = full_task(search, 30)
    assert isinstance(task, LightningTask)
    assert (task.max_steps, task.data.validation, search.task.max_steps) == (30, "own", 2)  # type: ignore[attr-defined]
    assert task.checkpoint_every == 3
    given = dataclasses.replace(search, full=LightningTask(Module, Data, "acc", max_steps=50))
    assert full_task(given).max_steps == 50  # type: ignore[attr-defined]
    assert full_task(given).data.validation == "split"  # type: ignore[attr-defined]


def test_how_long_a_full_training_is_must_be_said(tmp_path: Path) -> None:
    search = made_search(tmp_path)
    with pytest.raises(ConfigurationError, match="say how long a full training is with --max-ste"):
        full_task(search)
    with pytest.raises(ConfigurationError, match="max_steps=0: must be at least 1"):
        full_task(search, 0)
    function = dataclasses.replace(search, task=FunctionTask(lambda a: a.width))
    with pytest.raises(ConfigurationError, match="a FunctionTask has no full training of its own"):
        full_task(function)
    with pytest.raises(ConfigurationError, match="max_steps=3: a FunctionTask has no steps"):
        full_task(function, 3)


def test_nothing_to_train_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no trial of the search has a reward yet"):
        plan_training(History(), Space(Mlp))
    with pytest.raises(ConfigurationError, match="seeds=0: must be a whole number from 1 on"):
        plan_training(History(), Space(Mlp), seeds=0)


def test_the_shortlist_and_the_baseline_are_trained_as_often_as_asked(
    trained: tuple[Search, History, History],
) -> None:
    search, history, full = trained
    plan = plan_training(history, Space.of(search.space), 2, 2)
    assert plan.baseline == Mlp()
    assert len(full.completed) == 2 * len(plan.architectures)
    assert len(set(full.architectures)) == len(plan.architectures)
    folder = Path(search.folder) / "mlp-full" / "weights"
    assert len(list(folder.glob("*.safetensors"))) == len(full)


def test_trained_again_nothing_is_left_and_more_seeds_go_on(
    trained: tuple[Search, History, History],
) -> None:
    search, history, full = trained
    plan = plan_training(history, Space.of(search.space), 2, 2)
    with open_training(search, "mlp", plan, max_steps=8) as run:
        assert run._searcher.asktell.ask() is None
        assert run.states() == []
    with pytest.raises(StoreError, match="is another one"):
        open_training(search, "mlp", plan, max_steps=9)
    assert trained_of(search, "mlp") == (full, Path(search.folder) / "mlp-full")


def test_the_table_has_intervals_against_the_baseline(
    trained: tuple[Search, History, History],
) -> None:
    _, history, full = trained
    rows = rows_of(full, history, Mlp())
    (baseline,) = [row for row in rows if row.is_baseline]
    assert math.isnan(baseline.gain)
    for row in rows:
        assert len(row.trainings) == 2
        assert row.interval >= 0
        if not row.is_baseline:
            assert row.gain == pytest.approx(row.mean - baseline.mean)
            assert row.gain_interval == pytest.approx(row.interval * 2**0.5)
    assert list(full_table(rows)["full"]) == sorted((r.mean for r in rows), reverse=True)


def test_the_correlation_is_kendalls() -> None:
    from scipy.stats import kendalltau

    from raynas.analysis.full_training import Row

    pairs = [(1.0, 2.0), (2.0, 1.0), (3.0, 3.0), (4.0, 5.0), (5.0, 5.0)]
    rows = [
        Row(n, (n,), y, math.nan, x, False, math.nan, math.nan) for n, (x, y) in enumerate(pairs)
    ]
    found = correlation(rows)
    assert found is not None
    assert found.tau == pytest.approx(kendalltau(*zip(*pairs, strict=True)).statistic)
    assert -1 <= found.low <= found.tau <= found.high <= 1
    assert correlation(rows[:2]) is None


def test_a_task_around_a_lightning_task_keeps_weights_too(tmp_path: Path) -> None:
    """Measured in full training, the best has weights and can be exported."""
    plain = made_search(tmp_path)
    inner = LightningTask(Module, Data, "acc", max_steps=4, build={"classes": 2})
    full = Measured(inner, CostMeter())
    search = dataclasses.replace(plain, full=full)
    history = run_stage1(search, [0.1, 0.4])
    plan = plan_training(history, Space.of(search.space), 1, baseline=False)
    with open_training(search, "mlp", plan) as run:
        trained = run_stage2(run)
    assert isinstance(trained[0].outcome, Completed)
    assert "flops" in trained[0].outcome.measurement.metrics
    best = best_of(search, "mlp", history)
    assert best.weights is not None
    fresh, _ = best.build()
    assert not torch.equal(best.load()[0].weight, fresh[0].weight)
    assert inner.module is Module, "the user's task was changed"


def test_people_read_the_search_s_numbers_of_trials(
    trained: tuple[Search, History, History], capsys: pytest.CaptureFixture[str]
) -> None:
    """Architectures are trained in full in another order than they were tried."""
    search, history, full = trained
    plan = plan_training(history, Space.of(search.space), 2, 2)
    rows = rows_of(full, history, Mlp())
    tried = {trial.architecture: trial.number for trial in reversed(history)}
    assert [row.search_trial for row in rows] == [tried.get(row.architecture) for row in rows]
    assert any(row.search_trial not in (None, *row.trainings) for row in rows), "nothing to mix up"
    best = rows[0]
    with open_training(search, "mlp", plan, max_steps=8) as run:
        assert run.label(full[best.trainings[0]]) == (
            f"trial {best.search_trial} (full training {best.trainings[0]})"
        )
        say_full_training(rows, None, run, "net.py")
    shown = capsys.readouterr().out
    assert "A trial's number is that of the search; full trainings are counted apart." in shown
    assert [line for line in shown.splitlines() if line.startswith(("1: ", "2: "))] == [
        f"{rank}: {row.architecture!r}" for rank, row in enumerate(rows[:2], 1)
    ]
    assert "Next: `raynas export net.py` writes the best with its weights." in shown
    table = full_table(rows)
    assert table["trial"].dropna().tolist() == [
        row.search_trial for row in rows if row.search_trial is not None
    ]
    assert table["full trainings"][0] == " ".join(map(str, best.trainings))
    assert ".0" not in "".join(table.to_csv().splitlines()[1].split(",")[9])
    assert best_of(search, "mlp", history).label == (
        f"trial {best.search_trial} (full training {best.trainings[0]})"
    )
    assert label_of(None, 3) == "full training 3 (of an untried one)"


def test_the_best_is_loaded_with_its_weights(trained: tuple[Search, History, History]) -> None:
    search, history, full = trained
    best = best_of(search, "mlp", history)
    assert (best.stage, best.score) == (2, rows_of(full, history)[0].mean)
    x, labels = Data().all.tensors
    network = best.load()
    assert not network.training
    right = (network(x).argmax(1) == labels).float().mean()
    assert best.full_training is not None
    assert float(right) == pytest.approx(full[best.full_training].reward)
    assert history[best.trial].architecture == best.architecture
    assert isinstance(best.load(whole=True), Module)


def test_every_file_of_an_export_computes_what_the_network_does(
    trained: tuple[Search, History, History], tmp_path: Path
) -> None:
    search, history, _ = trained
    best = best_of(search, "mlp", history)
    made = write_export(best, tmp_path)
    assert made.left_out == {}
    assert set(made.files) == {"architecture", "code", "weights", "torch", "onnx"}
    x = torch.randn(5, 3)
    expected = best.load()(x)
    program = torch.export.load(made.files["torch"]).module()
    assert torch.allclose(program(x), expected, atol=1e-6)
    from onnxruntime import InferenceSession

    session = InferenceSession(made.files["onnx"])
    (output,) = session.run(None, {session.get_inputs()[0].name: x.numpy()})
    assert torch.allclose(torch.from_numpy(output), expected, atol=1e-5)
    data = json.loads(made.files["architecture"].read_text())
    assert Space(Mlp).from_json(json.dumps(data["architecture"])) == best.architecture


def test_the_code_of_an_export_needs_no_raynas(
    trained: tuple[Search, History, History], tmp_path: Path
) -> None:
    search, history, _ = trained
    best = best_of(search, "mlp", history)
    made = write_export(best, tmp_path, ("weights",))
    x = torch.arange(6.0).reshape(2, 3)
    script = (
        "import sys; sys.modules['raynas'] = None\n"
        "import torch, model\n"
        "x = torch.arange(6.0).reshape(2, 3)\n"
        f"print(model.load({str(made.files['weights'])!r})(x).tolist())"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert torch.allclose(torch.tensor(json.loads(done.stdout)), best.load()(x), atol=1e-6)
    assert "choice" not in made.files["code"].read_text()


def test_while_nothing_is_trained_the_best_has_no_weights(tmp_path: Path) -> None:
    search = made_search(tmp_path)
    history = run_stage1(search, [0.1, 0.9])
    best = best_of(search, "mlp", history)
    assert (best.stage, best.trial, best.score) == (1, 1, 0.9)
    with pytest.raises(RaynasError, match="trial 1 of the search has no weights, as it was"):
        best.load()
    made = write_export(best, tmp_path / "export")
    assert set(made.files) == {"architecture", "code"}
    assert made.left_out["weights"] == "not trained in full yet: run `raynas train`"
    with pytest.raises(RaynasError, match="no trial of the search has a reward yet"):
        best_of(dataclasses.replace(search, name="other"), "other", History())


@pytest.mark.parametrize("module", ["nasbench201", "nasbench_macro", "resnet", "mnasnet"])
def test_ready_spaces_come_along_as_code(module: str, tmp_path: Path) -> None:
    """What the networks are made of does not mention raynas, and has as many weights."""
    from importlib import import_module

    architecture = import_module(f"search_spaces.{module}").BASELINE
    code = standalone_code(architecture, {"num_classes": 7})
    assert "raynas" not in code
    assert "search_spaces" not in code
    space: dict[str, Any] = {"__name__": "made"}
    made = type(sys)("made")
    sys.modules["made"] = made
    try:
        exec(compile(code, "made.py", "exec"), vars(made))  # noqa: S102 - our own code
        space = vars(made)
        built = space["build"]()
    finally:
        del sys.modules["made"]
    shapes = [tuple(p.shape) for p in architecture.build(num_classes=7).parameters()]
    assert [tuple(p.shape) for p in built.parameters()] == shapes


def test_nothing_of_an_export_is_lost_where_a_part_of_it_fails(
    trained: tuple[Search, History, History], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    search, history, _ = trained
    best = best_of(search, "mlp", history)

    def fails(*_: object) -> float:
        raise ValueError("no such operator\nand a long story")

    monkeypatch.setitem(write._WRITERS, "onnx", fails)
    monkeypatch.setattr(write, "example_of", fails)
    made = write_export(best, tmp_path, run=lambda _: "out of memory")
    assert set(made.files) == {"architecture", "weights"}
    assert "in a fresh process it fails: out of memory" in made.left_out["code"]
    assert "for want of an example: ValueError: no such operator" in made.left_out["torch"]
    assert made.missing == ("code",)
    data = json.loads((tmp_path / "architecture.json").read_text())
    assert data["left_out"] == made.left_out
    assert (data["trial"], data["full_training"]) == (best.trial, best.full_training)
    with safe_open(made.files["weights"], "pt") as weights:
        assert len(weights.keys()) == 4


def test_weights_of_another_module_are_refused(trained: tuple[Search, History, History]) -> None:
    search, history, _ = trained
    best = best_of(search, "mlp", history)
    other = Mlp(4 if best.architecture.width != 4 else 8)
    with pytest.raises(RaynasError, match="does not fit Module as it is now, or is"):
        dataclasses.replace(best, architecture=other).load()


def test_a_format_that_is_none_is_refused(tmp_path: Path) -> None:
    search = made_search(tmp_path)
    history = run_stage1(search, [0.1])
    with pytest.raises(ConfigurationError, match="format='tflite': use some of weights, torch"):
        write_export(best_of(search, "mlp", history), tmp_path, ("tflite",))


def test_near_ties_are_tried_once_more_and_count_from_then_on(tmp_path: Path) -> None:
    search = made_search(tmp_path)
    history = run_stage1(search, [0.5, 0.1, 0.52, 0.51])
    assert open_again(search, "mlp", history, 1, 4) is None, "without noise there are no ties"
    with pytest.raises(ConfigurationError, match="repeats=-1: must be 0 or above"):
        open_again(search, "mlp", history, 1, -1, noise=0.1)
    again = open_again(search, "mlp", history, 1, 4, noise=0.1)
    assert again is not None
    with again:
        tried = run_stage2(again)
    assert 1 <= len(tried) <= 4
    near = {history[number].architecture for number in (0, 2, 3)}
    assert {trial.architecture for trial in tried} <= near
    known = settled(search, "mlp", history, 1, len(tried), noise=0.1)
    assert known is not None
    assert [trial.number for trial in known] == list(range(4 + len(tried)))
    assert known[:4] == history[:4]
    assert [trial.reward for trial in known[4:]] == [trial.reward for trial in tried]


def test_ties_that_still_run_are_not_tried_again_and_again() -> None:
    space = Space(Mlp)
    outcomes = [Completed(Measurement({}), reward) for reward in (0.0, 0.51, 0.52)]
    nets = [Mlp(2), Mlp(4), Mlp(8)]
    history = History(
        [Trial(n, net, o) for n, (net, o) in enumerate(zip(nets, outcomes, strict=True))]
    )
    ties = NearTies(space, history, 1, noise=0.1, apart=1, most=50)
    rng = np.random.default_rng(0)
    flying = History()
    while (net := ties.propose(flying, rng)) is not None:
        flying = flying.asked(Trial(len(flying), net))
    assert 2 <= len(flying) < 50
    assert len(set(flying.architectures)) > 1


def test_halving_validates_along_the_way_and_needs_steps(tmp_path: Path) -> None:
    search = made_search(tmp_path)
    history = run_stage1(search, [0.1, 0.2, 0.3])
    plan = plan_training(history, Space.of(search.space), 2)
    with open_training(search, "mlp", plan, max_steps=40, halving=True) as run:
        assert run.search.scheduler == "asha"
        assert run.search.task.evaluations == 9  # type: ignore[attr-defined]
    function = dataclasses.replace(
        search, task=FunctionTask(lambda a: a.width), full=FunctionTask(lambda a: a.width)
    )
    with pytest.raises(ConfigurationError, match="a FunctionTask cannot be ended early"):
        open_training(function, "mlp", plan, halving=True)


def test_what_ends_trials_of_the_search_early_leaves_full_trainings_alone(tmp_path: Path) -> None:
    task = LightningTask(Module, Data, "acc", max_steps=20, build={"classes": 2}, evaluations=9)
    search = dataclasses.replace(made_search(tmp_path), task=task, scheduler="asha")
    history = run_stage1(search, [0.1, 0.2, 0.3])
    plan = plan_training(history, Space.of(search.space), 2)
    with open_training(search, "mlp", plan, max_steps=40) as run:
        assert run.search.scheduler is None


def test_a_signal_among_near_ties_ends_all_of_stage_2(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    search = made_search(tmp_path)
    run_stage1(search, [0.5, 0.1, 0.52, 0.51])
    begun: list[str] = []

    def interrupted(study: Study) -> SearchResult:
        begun.append(study.name)
        return SearchResult(study.history, None, study.folder, study.space)

    monkeypatch.setattr(Study, "go", interrupted)
    found = train(search, 1, max_steps=8, noise=0.1)
    assert begun == ["mlp-again"]
    assert (found.stop, found.rows) == (None, ())


def test_what_was_stopped_gets_no_more_seeds_and_goes_on_where_that_is_asked(
    tmp_path: Path,
) -> None:
    search = made_search(tmp_path)
    history = run_stage1(search, [0.1, 0.4, 0.2])
    plan = plan_training(history, Space.of(search.space), 2, 2, baseline=False)
    with open_training(search, "mlp", plan, max_steps=8, halving=True) as run:
        asktell = run._searcher.asktell
        first, second = asktell.ask(), asktell.ask()
        assert first is not None
        assert second is not None
        curve = (Point(1, {"acc": 0.1}),)
        asktell.tell(first.number, Stopped("asha", Measurement({"acc": 0.1}, 1.0, 1, curve)))
        asktell.tell(second.number, 0.9)
        third = asktell.ask()
        assert third is not None
        assert third.architecture == second.architecture, "a second seed of what goes on"
        asktell.tell(third.number, 0.8)
        assert asktell.ask() is None
    again = dataclasses.replace(search, again=True)
    with open_training(again, "mlp", plan, max_steps=8) as run:
        resumed = run._searcher.asktell.ask()
        assert resumed is not None
        assert (resumed.number, resumed.architecture) == (first.number, first.architecture)
        assert run.search.limits.trials == 4
