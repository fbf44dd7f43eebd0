"""`raynas proxy`: the laboratory from end to end, and what bad input gets."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from raynas.cli.search_file import load_search
from raynas.store.earlier_searches import earlier_searches

SEARCH = """
import pytorch_lightning as pl
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
import raynas as nas
from raynas.space import choice, searchable

@searchable
class Net:
    width: int = choice(1, 2, 4, 8, 16, 32, default=4)
    act: str = choice("relu", "tanh", default="relu")

    def build(self, factor: float = 1.0) -> nn.Module:
        width = max(1, round(self.width * factor))
        act = nn.ReLU() if self.act == "relu" else nn.Tanh()
        return nn.Sequential(nn.Linear(8, width), act, nn.Linear(width, 4))

class Module(pl.LightningModule):
    def __init__(self, network):
        super().__init__()
        self.network = network
    def training_step(self, batch, _):
        return nn.functional.cross_entropy(self.network(batch[0]), batch[1])
    def validation_step(self, batch, _):
        self.log("acc", (self.network(batch[0]).argmax(1) == batch[1]).float().mean())
    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters(), lr=0.02)

class Data(pl.LightningDataModule):
    def setup(self, stage):
        x = torch.randn(600, 8, generator=torch.Generator().manual_seed(0))
        y = (x[:, 0] * x[:, 1] > 0).long() + 2 * (x[:, 2] > 0).long()
        self.train, self.val = TensorDataset(x[:400], y[:400]), TensorDataset(x[400:], y[400:])
    def train_dataloader(self):
        return DataLoader(self.train, batch_size=20, shuffle=True)
    def val_dataloader(self):
        return DataLoader(self.val, batch_size=200)

search = nas.Search(
    space=Net,
    task=nas.LightningTask(Module, Data, "acc", max_steps=10),
    full=nas.LightningTask(Module, Data, "acc", max_steps=120, validation="own"),
)
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "mine.py"
    path.write_text(SEARCH)
    return path


def learns_from_the_reference_models(file: Path) -> None:
    """A search over budgets begins with one of the better ones, or what resembles it."""
    rounds = sorted((file.parent / "raynas-results").glob("mine-proxy-models-*"))
    counts = [len(each.trials) for each in earlier_searches(rounds)]
    assert (counts[0], counts[-1]) == (6, 4)
    search, name = load_search(str(file))
    search = replace(
        search, budgets=(1 / 12, 1), learn_from=rounds, rules=(), folder=file.parent / "budgets"
    )
    with search.open(name) as budgets:
        first = budgets.asktell.ask()
    (whole,) = earlier_searches(rounds[-1:])
    best = max(whole.trials, key=lambda trial: trial.reward)
    assert first.budget == 1 / 12
    assert first.architecture.width >= int(best.config["width"]) / 2


def test_from_models_to_the_last_check(run, file: Path, without_ray: list[object]) -> None:  # type: ignore[no-untyped-def]
    folder = file.parent / "raynas-results/mine-proxy"
    small = ("--candidates", "6", "--models", "5", "--full", "4")
    code, out, err = run("proxy", file, "models", *small)
    assert (code, err) == (0, "")
    assert "full trainings. A predicted score is off by" in out
    models = json.loads((folder / "models.json").read_text())
    assert [row["known"] for row in models["models"]].count(True) == 4
    design = ("--data", "1", "--limit", "0.99", "--steps", "24", "--evaluations", "3")
    code, out, err = run("proxy", file, "design", *design, "--tau", "0.01", "--all")
    assert err == ""
    assert code in (0, 1)
    assert "Taken: " in out or "No candidate reaches tau" in out
    found = json.loads((folder / "design.json").read_text())
    assert len(found["candidates"][0]["readings"]) == 3
    assert (folder / "proxy.html").stat().st_size > 1_000_000
    again, repeated, _ = run("proxy", file, "design", *design, "--tau", "0.01", "--all")
    assert again == code
    assert "trainings to go" not in repeated
    learns_from_the_reference_models(file)


def test_variance(run, file: Path, ray_session: None) -> None:  # type: ignore[no-untyped-def]
    code, out, err = run("proxy", file, "variance", "--repeats", "2", "--parallel", "1")
    assert (code, err) == (0, "")
    assert "told apart at 95 %" in out
    found = json.loads((file.parent / "raynas-results/mine-proxy/variance.json").read_text())
    assert len(found["variances"][0]["scores"]) == 2


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["design"], "run `raynas proxy FILE models` first"),
        (["check"], "run `raynas proxy FILE design` first"),
        (["variance", "--repeats", "1"], "repeats=1: must be at least 2"),
        (["variance", "--steps", "0"], "steps=0: must be at least 1"),
        (["smoothness", "--evaluations", "3"], "evaluations=3: must be from 6 to"),
        (["models", "--full", "2"], "the last being 4 at least"),
        (["models", "--candidates", "500"], "the space has only 12 architectures"),
        (["design", "--tau", "1.5"], "goal tau=1.5: must be above 0 and below 1"),
        (["design", "--data", "x"], "data='x': must be numbers with commas"),
        (["design", "--data", "2"], "data=2.0: must be above 0 and at most 1"),
        (["design", "--build", "half"], "build='half': must be an argument and its values"),
        (["check", "--fresh", "2"], "fresh=2: must be at least 5"),
        (["models", "--parallel", "0"], "parallel=0: must be at least 1"),
    ],
)
def test_bad_input_is_one_line(run, file: Path, arguments: list[str], words: str) -> None:  # type: ignore[no-untyped-def]
    code, _, err = run("proxy", file, *arguments)
    assert code == 2
    assert words in err
    assert len(err.splitlines()) == 1


def test_a_task_that_trains_nothing_has_no_proxy(run, file: Path) -> None:  # type: ignore[no-untyped-def]
    file.write_text(
        "import raynas as nas\nfrom raynas.space import choice, searchable\n"
        "@searchable\nclass Net:\n    width: int = choice(1, 2)\n"
        "task = nas.FunctionTask(lambda net: net.width)\n"
        "search = nas.Search(space=Net, task=task, full=task)\n"
    )
    code, _, err = run("proxy", file, "models")
    assert code == 2
    assert "a FunctionTask has no steps, data or network of its own to reduce" in err
