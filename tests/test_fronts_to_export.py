"""From a search of several objectives to its networks: measured, ranked, chosen and exported."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

import raynas as nas
from raynas.analysis.full_training import Row, full_table, rows_of
from raynas.cli import show_training
from raynas.cli.show_training import say_full_training
from raynas.cli.terminal import Terminal
from raynas.errors import ConfigurationError
from raynas.full_training import full_task, open_training, plan_training
from raynas.full_training.picking import picked
from raynas.meters import CostMeter, LatencyMeter, Measured
from raynas.rewards import AtLeast, Metric, Pareto
from raynas.space import Space, choice, searchable
from raynas.tasks import Context, Task
from raynas.trials import BOUND, Completed, History, Infeasible, Measurement


@searchable
class Mlp:
    width: int = choice(2, 4, 8, 16, default=2)

    def build(self) -> nn.Module:
        return nn.Sequential(nn.Linear(3, self.width), nn.ReLU(), nn.Linear(self.width, 2))


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


def data() -> tuple[DataLoader[Any], DataLoader[Any]]:
    x = torch.randn(64, 3, generator=torch.Generator().manual_seed(0))
    whole = TensorDataset(x, (x[:, 0] > 0).long())
    return DataLoader(whole, batch_size=16), DataLoader(whole, batch_size=64)


def lightning(steps: int) -> nas.LightningTask:
    return nas.LightningTask(Module, data, "acc", steps)


class Around(Task):
    """A wrapper of a user's, which keeps what it wraps under a name of its own."""

    def __init__(self, mine: Task) -> None:
        self.mine = mine
        self.metric = mine.metric

    def run(self, architecture: Any, context: Context) -> Measurement:
        return self.mine.run(architecture, context)


REWARD = Pareto(Metric("acc"), Metric("latency_p50", "min"))


def made_search(folder: Path, full: Task | None, **options: Any) -> nas.Search:
    meters = (CostMeter(), LatencyMeter())
    return nas.Search(
        space=Mlp,
        task=Measured(lightning(2), *meters, bounds=options.pop("bounds", ())),
        reward=REWARD,
        full=full,
        controller="random",
        folder=folder,
        name="mlp",
        **options,
    )


def run_here(run: Any, task: Task) -> History:
    asktell = run._searcher.asktell
    while (proposal := asktell.ask()) is not None:
        try:
            found: Any = task.run(proposal.architecture, Context(proposal.number))
        except nas.InfeasibleArchitecture as error:
            found = Infeasible(str(error), Measurement(error.metrics), error.kind)
        asktell.tell(proposal.number, found)
    return run.history


def stage1(search: nas.Search) -> History:
    with search.open() as run:
        return run_here(run, search.task)


def stage2(search: nas.Search, history: History, **options: Any) -> History:
    plan = plan_training(history, Space.of(search.space), 3)
    with open_training(search, "mlp", plan, **options) as run:
        return run_here(run, run.search.task)


@pytest.mark.parametrize("wrap", [None, lambda t: t, lambda t: Measured(t, CostMeter())])
def test_a_full_training_measures_what_the_search_does_and_keeps_weights(
    tmp_path: Path, wrap: Any
) -> None:
    """Whatever `full` is: left out, a plain LightningTask, or one that measures less."""
    full = None if wrap is None else wrap(lightning(4))
    search = made_search(tmp_path, full)
    history = stage1(search)
    trained = stage2(search, history, max_steps=4)
    assert len(trained.completed) == len(trained) > 0
    for trial in trained:
        assert isinstance(trial.outcome, Completed)
        assert trial.outcome.measurement.metrics.keys() >= {"flops", "latency_p99", "acc"}
        assert (tmp_path / f"mlp-full/weights/{trial.number}.safetensors").exists()
    assert len(list((tmp_path / "mlp-full/weights").glob(".*.safetensors"))) == 0


def test_weights_are_kept_also_under_a_name_that_nobody_knows(tmp_path: Path) -> None:
    search = dataclasses.replace(made_search(tmp_path, Around(lightning(2))), controller="grid")
    history = stage1(search)
    stage2(search, history)
    state = load_file(tmp_path / "mlp-full/weights/0.safetensors")
    assert "network.0.weight" in state


def test_a_store_of_full_trainings_that_measured_less_goes_on(tmp_path: Path) -> None:
    """The meters that are added do not make it another study."""
    plain = lightning(4)
    search = made_search(tmp_path, plain)
    task = full_task(search)
    assert isinstance(task, Measured)
    alone = full_task(dataclasses.replace(search, task=lightning(2)))
    assert isinstance(alone, nas.LightningTask)
    assert task.identity() == alone.identity()


def test_bounds_of_the_search_hold_in_full_training(tmp_path: Path) -> None:
    """The baseline, which the search did not try, is outside them."""
    search = made_search(tmp_path, lightning(4), bounds=[AtLeast("parameters", 20)])
    history = stage1(search)
    assert {t.architecture.width for t in history.completed} == {4, 8, 16}
    assert len(history) == 3, "what is known to be outside was tried"
    trained = stage2(search, history)
    (baseline,) = [trial for trial in trained if trial.architecture == Mlp(2)]
    assert isinstance(baseline.outcome, Infeasible)
    assert baseline.outcome.kind == BOUND


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> tuple[nas.Search, History, History]:
    """A search over made-up figures in which one architecture is dominated."""
    acc = {2: 0.5, 4: 0.7, 8: 0.6, 16: 0.9}
    cost = {2: 1e-3, 4: 2e-3, 8: 3e-3, 16: 4e-3}
    task = nas.FunctionTask(
        lambda net: {"acc": acc[net.width], "latency_p50": cost[net.width]}, "acc"
    )
    search = nas.Search(
        space=Mlp,
        task=task,
        full=task,
        reward=REWARD,
        controller="grid",
        folder=tmp_path_factory.mktemp("made"),
        name="mlp",
    )
    history = stage1(search)
    plan = plan_training(history, Space.of(search.space), 4)
    with open_training(search, "mlp", plan) as run:
        return search, history, run_here(run, task)


def test_full_trainings_are_ranked_by_all_objectives(
    found: tuple[nas.Search, History, History], capsys: pytest.CaptureFixture[str]
) -> None:
    search, history, full = found
    rows = rows_of(full, history, Mlp())
    assert [row.architecture.width for row in rows] == [16, 4, 2, 8]
    assert [row.dominated_by for row in rows] == [None, None, None, 2]
    table = full_table(rows, REWARD.shown_as)
    assert table["objective: latency_p50"].tolist() == [4e-3, 2e-3, 1e-3, 3e-3]
    with open_training(search, "mlp", plan_training(history, Space(Mlp), 4)) as run:
        say_full_training(rows, None, run, "net.py")
    shown = capsys.readouterr().out
    assert "3 of 4 are on the front. Ranks in brackets are dominated, as another one is" in shown
    assert "better in one: 4 by 2." in shown
    assert "(4.00x)" in shown.replace("\n", "")
    assert "-0.00" not in shown


def test_any_point_of_the_front_can_be_had(found: tuple[nas.Search, History, History]) -> None:
    search, history, _ = found
    numbers = {trial.architecture.width: trial.number for trial in history}

    def widths(**wanted: Any) -> list[int]:
        return [best.architecture.width for best in picked(search, "mlp", history, **wanted)]

    assert widths(trials=[numbers[8], numbers[2]]) == [8, 2]
    assert widths(at_most={"latency_p50": 3.5e-3}) == [4]
    assert widths(knee=True, at_most={"latency_p50": 2e-3}, trials=[numbers[16]]) == [16, 4]
    (best,) = picked(search, "mlp", history, trials=[numbers[16]])
    assert best.stage == 2
    assert best.shown == "acc 0.9, latency_p50 4 ms"


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ({"trials": [9]}, "trial=9: the search has the trials 0 to 3"),
        ({"at_most": {"energy": 1}}, "at-most energy: no trial measured it; use one of acc, lat"),
        ({"at_most": {"latency_p50": 1e-4}}, r"nothing is within latency_p50 100 µs \(the least i"),
    ],
)
def test_what_cannot_be_had_is_said(
    found: tuple[nas.Search, History, History], wanted: Any, message: str
) -> None:
    search, history, _ = found
    with pytest.raises(ConfigurationError, match=message):
        picked(search, "mlp", history, **wanted)


def test_one_objective_has_no_knee_and_a_trial_without_reward_no_network(tmp_path: Path) -> None:
    search = nas.Search(
        space=Mlp, task=nas.FunctionTask(lambda net: 1.0), folder=tmp_path, name="m"
    )
    with search.open() as run:
        asktell = run._searcher.asktell
        for result in (1.0, Infeasible("too small")):
            asktell.tell(asktell.ask().number, result)
        history = run.history
    with pytest.raises(ConfigurationError, match="knee: the search has one objective"):
        picked(search, "m", history, knee=True)
    with pytest.raises(ConfigurationError, match=r"trial=1: it has no reward \(too small\)"):
        picked(search, "m", history, trials=[1])


@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize("width", [60, 80, 200])
def test_no_figure_of_the_table_is_cut_on_a_narrow_terminal(
    count: int, width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    objectives = (
        Metric("val/accuracy").shown_as
        + Metric("latency_p50", "min").shown_as
        + Metric("inference_peak_memory_bytes", "min").shown_as
    )[:count]
    rows = [
        Row(
            Mlp(w),
            (n,),
            0.9123456,
            float("nan"),
            0.8123456,
            n == 1,
            -0.0123456,
            float("nan"),
            n,
            (0.9123456, -1.2345e-3, -123456.0)[:count],
        )
        for n, w in enumerate((2, 4, 8))
    ]
    monkeypatch.setattr(show_training, "_console", Terminal(width=width))
    show_training._console.print(show_training._table(rows, objectives), crop=False)
    shown = capsys.readouterr().out
    assert "…" not in shown
    figures = ["0.91235", "0.81235", "-0.012346", "1.234", "(1.00x)", "120.6"]
    for figure in figures[: 3 if count == 1 else 5 if count == 2 else 6]:
        assert figure in shown
    assert "seeds" not in shown, "of one training each"


def test_a_front_that_does_not_bend_has_no_knee(tmp_path: Path) -> None:
    figures = {2: (0.5, 1e-3), 4: (0.9, 2e-3), 8: (0.9, 3e-3), 16: (0.4, 4e-3)}
    task = nas.FunctionTask(
        lambda net: dict(zip(("acc", "latency_p50"), figures[net.width], strict=True)), "acc"
    )
    search = dataclasses.replace(made_search(tmp_path, task), task=task, controller="grid")
    history = History()
    with pytest.raises(ConfigurationError, match="no trial of the search has a reward yet"):
        picked(search, "mlp", history, trials=[0])
    history = stage1(search)
    fast, good = (next(t.number for t in history if t.architecture.width == w) for w in (2, 4))
    with pytest.raises(ConfigurationError, match="the front has none") as refused:
        picked(search, "mlp", history, knee=True)
    for number, shown in ((fast, "acc 0.5, latency_p50 1 ms"), (good, "acc 0.9, latency_p50 2 ms")):
        assert f"trial {number} ({shown})" in str(refused.value)
    (best,) = picked(search, "mlp", history, at_most={"latency_p50": 1})
    assert best.trial == good, "of equal accuracy the faster one"
