"""Options of `raynas baseline`, `speed` and `plan` for a whole project."""

from __future__ import annotations

import json
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from raynas.preflight.baseline import Run, judge_baseline
from raynas.preflight.baseline_runs import BaselineTask, settings_of
from raynas.preflight.problem_kind import kind_of, usual_optimizers
from raynas.space import Space
from raynas.trials import Completed, History, Stop, Trial

FILE = """
import pytorch_lightning as pl
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import raynas as nas
from raynas.space import choice, searchable

@searchable
class Net:
    width: int = choice(4, 16, default=16)

    def build(self):
        return nn.Sequential(nn.Linear(2, self.width), nn.ReLU(), nn.Linear(self.width, 2))

def circle(count, seed):
    inputs = torch.randn(count, 2, generator=torch.Generator().manual_seed(seed))
    return TensorDataset(inputs, (inputs.norm(dim=1) < 1.18).long())

class Data(pl.LightningDataModule):
    def train_dataloader(self):
        return DataLoader(circle(256, 0), batch_size=32, shuffle=True)

    def val_dataloader(self):
        return DataLoader(circle(200, 1), batch_size=200)

class Module(pl.LightningModule):
    def __init__(self, network):
        super().__init__()
        self.network = network

    def training_step(self, batch, index):
        return nn.functional.cross_entropy(self.network(batch[0]), batch[1])

    def validation_step(self, batch, index):
        right = self.network(batch[0]).argmax(1) == batch[1]
        self.log("accuracy", right.float().mean())

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters(), lr=0.02)

def task(steps, **given):
    return nas.LightningTask(Module, Data, "accuracy", steps, accelerator="cpu", **given)

search = nas.Search(
    space=Net,
    task=task(20),
    full=task(60, validation="own"),
    limits=nas.Limits(trials=1000, parallel=4),
)
"""

BUDGETS = """
import raynas as nas
from raynas.space import choice, searchable

@searchable
class Net:
    width: int = choice(*range(8), default=0)
    depth: int = choice(*range(8), default=0)

first = nas.Search(Net, nas.FunctionTask(lambda net: net.width), name="first",
                   limits=nas.Limits(trials=40, parallel=2, price=3))
search = nas.Stages({"architecture": first, "again": lambda results: first})
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "own.py"
    made.write_text(FILE)
    return made


def cells(out: str, first: str) -> list[str]:
    """The cells of the table row whose first is `first`."""
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in out.splitlines()]
    return next(row[1:] for row in rows if row and row[0] == first)


# plan


def test_plan_bills_every_device_and_every_phase(run: Any, file: Path) -> None:
    code, out, err = run(
        "plan", file, "--trials", 2, "--hours", 3, "--full-hours", 60, "--price", 2, "--top", 5,
        "--policies", 0, "--start-minutes", 30, "--device", "slow:1", "--device", "fast:6:4",
    )  # fmt: skip
    assert (code, err) == (0, "")
    assert cells(out, "search")[:2] == ["6 (3 to 6)", "0.0625 (0.0312 to 0.0625)"]
    assert cells(out, "full trainings")[:3] == ["300", "3.12", "600"]
    assert cells(out, "start of the devices")[:3] == ["2", "0.0208", "4"]
    # 180 of the baseline, 720 of the study, 2 of waiting, 6 of the search, 300 in full
    assert cells(out, "all of it")[0].startswith("1,208 (")
    assert cells(out, "4 *")[1] == "4"
    assert cells(out, "slow")[:3] == ["1", "1x", cells(out, "slow")[2]]
    assert cells(out, "slow")[2].startswith("1,208 (")
    assert cells(out, "fast")[2].startswith("1,821 (")  # (1,206 / 4 + 2) * 6
    assert out.index("slow") < out.index("fast")
    assert "augmentation" not in out


def test_plan_is_one_line_of_json(run: Any, file: Path) -> None:
    code, out, err = run(
        "plan", file, "--json", "--full-hours", 60, "--hours", 3, "--device", "a:2:2"
    )
    assert (code, err) == (0, "")
    found = json.loads(out)
    project = found["project"]
    phases = {one["name"]: one for one in project["phases"]}
    assert phases["augmentation"]["hours"]["likely"] == 31 * 60 / 4
    assert project["money"] is None
    assert project["by_device"][0]["name"] == "a"
    assert [row["parallel"] for row in project["by_parallel"]] == [1, 4, 5, 10, 20, 50, 100]
    assert "stages" not in found


def test_plan_of_stages_shows_each_and_which_one_follows(run: Any, tmp_path: Path) -> None:
    file = tmp_path / "chain.py"
    file.write_text(BUDGETS)
    code, out, err = run("plan", file)
    assert (code, err) == (0, "")
    assert "The 2 stages" in out
    assert cells(out, "architecture")[:4] == ["40", "80", "1.67", "240"]
    assert "not known yet: the stage 'again' is built on 'architecture'" in out
    assert "`raynas plan FILE:STAGE` shows that of another stage" in out
    code, out, _ = run("plan", f"{file}:architecture", "--json")
    assert code == 0
    assert "stages" not in json.loads(out)
    _, out, _ = run("plan", file, "--json")
    first, second = json.loads(out)["stages"]
    assert first["money"]["likely"] == 240
    assert (second["stage"], "money" in second) == ("again", False)


@pytest.mark.parametrize(
    ("command", "options", "words"),
    [
        ("plan", ["--device", "t4"], "device='t4': give NAME:PRICE or NAME:PRICE:SPEED"),
        ("plan", ["--device", "t4:-1"], "device='t4:-1': give NAME:PRICE"),
        ("plan", ["--price", "-2"], "price=-2: must be above 0 and finite"),
        ("plan", ["--trials", "nan"], "trials=nan: must be above 0 and finite"),
        ("plan", ["--policies", "-1"], "policies=-1: must not be below 0, and finite"),
        ("plan", ["--start-minutes", "inf"], "start-minutes=inf: must not be below 0"),
        ("plan", ["--top", "-1"], "top=-1: must not be below 0"),
        ("baseline", ["--published", "0.9"], "published=0.9 without a source: give --source"),
        ("baseline", ["--kind", "video"], "kind='video': use one of images, volumes"),
        ("speed", ["--target", "0.9", "--scaling", "cubic"], "scaling='cubic': use linear or"),
        ("speed", ["--target", "0.9", "--batches", "8,many"], "batches='8,many': give whole num"),
    ],
)
def test_bad_options_get_one_line(
    run: Any, file: Path, command: str, options: list[str], words: str
) -> None:
    code, _, err = run(command, file, *options)
    assert code == 2
    assert words in err
    assert err.count("\n") == 1


# baseline


class Trainings:
    """Stands in for the study of a baseline: runs its trainings here, one after another."""

    def __init__(self, search: Any, more: Any, kind: Any, optimizers: bool, **_: Any) -> None:
        self.full = search.full
        self.architecture: Any = Space.of(search.space).baseline
        usual = usual_optimizers(kind or kind_of(self.full, self.architecture).kind)
        settings = tuple(more) or settings_of(60, 0.5, usual if optimizers else ())
        self.task = BaselineTask(self.full, settings)
        self.trials: list[Trial] = []

    def go(self) -> Any:
        from raynas.tasks import Context

        for number in range(len(self.task.settings)):
            found = self.task.run(self.architecture, Context(number=number, seed=0))
            outcome = Completed(found, found.metrics["accuracy"])
            self.trials.append(Trial(number, self.architecture, outcome, 0.0, 1.0))
        return type("Result", (), {"stop": Stop("all trained", "All ended.", "Look.")})()

    def baseline(self) -> Any:
        return judge_baseline(self.task, History(tuple(self.trials)), 200)

    def runs(self) -> tuple[Run, ...]:
        return self.baseline().runs


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Lets `raynas baseline` run its trainings without Ray; the arguments of each opening."""
    opened: list[dict[str, Any]] = []

    @contextmanager
    def open_baseline(search: Any, name: str, **given: Any) -> Any:
        opened.append(given)
        yield Trainings(search, **{"more": (), **given})

    @contextmanager
    def quietly(_: Any) -> Any:
        yield

    monkeypatch.setattr("raynas.preflight.baseline.open_baseline", open_baseline)
    monkeypatch.setattr("raynas.cli.progress.progress", quietly)
    return opened


def test_baseline_compares_with_a_published_figure(run: Any, file: Path, here: Any) -> None:
    code, out, err = run("baseline", file, "--published", "0.5", "--source", "a table", "--general")
    assert (code, err) == (0, "")
    assert "The published figure is reproduced and more" in out
    assert "against 0.5 in a table (noise" in out
    assert "Kind of problem: tables, linear layers on rows of numbers" in out
    assert "Usual optimizers: sgd, adam, adamw." in out
    for name in ("sgd 0.1", "adam 0.001", "adamw 0.0003"):
        assert cells(out, name)
    assert any(line.startswith("│ nadamw") for line in out.splitlines())
    assert any("nadamw" in one.name for one in here[-1]["more"])
    assert here[-1]["suffix"] == "-baseline-general"
    kept = json.loads((file.parent / "raynas-results" / "own" / "baseline.json").read_text())
    assert [one for one in kept["runs"] if one["setting"]["kind"] == "nadamw"]


def test_baseline_that_does_not_reach_the_figure_says_what_to_look_for(
    run: Any, file: Path, here: Any
) -> None:
    code, out, _ = run(
        "baseline", file, "--published", "1.5", "--source", "a paper", "--no-optimizers"
    )
    assert code == 0
    assert "The published figure is not reproduced" in out
    assert "Look for what differs (steps, data, augmentation, schedule)" in out
    assert "sgd" not in out.partition("at its end")[2]
    assert len(here) == 1


def test_baseline_takes_the_kind_that_is_given(run: Any, file: Path, here: Any) -> None:
    code, out, _ = run("baseline", file, "--kind", "language")
    assert code == 0
    assert "Kind of problem: language, as given. Usual optimizers: adam, adamw." in out
    assert here[0]["kind"] == "language"
    assert cells(out, "adamw 0.0001")


# speed


def test_speed_shows_settings_what_to_write_and_what_needs_a_gpu(run: Any, file: Path) -> None:
    code, out, err = run(
        "speed", file, "--seconds", "0.003", "--max-batch", 16, "--no-compile", "--cpu",
        "--step-seconds", 60,
    )  # fmt: skip
    assert (code, err) == (0, "")
    assert "settings that should change the speed only, with 32 a batch" in out
    assert cells(out, "pin_memory") == ["needs a GPU", "", "DataLoader(..., pin_memory=True)"]
    assert cells(out, "persistent_workers")[1] == "same"
    assert "times as fast (" in cells(out, "persistent_workers")[0]
    assert "no convolutions" in cells(out, "channels_last")[0]
    assert "needs 2 GPUs" in out
    kept = json.loads((file.parent / "raynas-results" / "own" / "speed.json").read_text())
    assert {one["name"] for one in kept["settings"]} >= {"pin_memory", "prefetch_factor"}


def test_speed_with_a_target_finds_the_critical_batch(run: Any, file: Path) -> None:
    code, out, err = run(
        "speed", file, "--target", "0.6", "--batches", "16,32,64", "--scaling", "sqrt", "--cpu"
    )
    assert (code, err) == (0, "")
    assert "Steps to accuracy 0.6" in out
    assert cells(out, "16")
    page = file.parent / "raynas-results" / "own" / "critical-batch.html"
    assert "Steps to the target" in page.read_text()
    kept = json.loads(page.with_suffix(".json").read_text())
    assert [point["batch"] for point in kept["points"]] == [16, 32, 64]
