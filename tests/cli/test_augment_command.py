"""`raynas augment`: a search over policies for any search file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

FILE = """
import pytorch_lightning as pl
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import raynas as nas
from raynas.space import choice, searchable

@searchable
class Net:
    width: int = choice(2, 4, default=2)

    def build(self):
        return nn.Sequential(nn.Flatten(), nn.Linear(3, self.width), nn.Linear(self.width, 1))

class Module(pl.LightningModule):
    def __init__(self, network):
        super().__init__()
        self.network = network

    def training_step(self, batch, index):
        return nn.functional.mse_loss(self.network(batch[0]), batch[1])

    def validation_step(self, batch, index):
        self.log("loss", nn.functional.mse_loss(self.network(batch[0]), batch[1]))

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.01)

def data():
    inputs = torch.randn(80, SHAPE, generator=torch.Generator().manual_seed(0))
    pairs = TensorDataset(inputs, inputs.flatten(1).sum(dim=1, keepdim=True))
    return DataLoader(pairs, batch_size=8), DataLoader(pairs, batch_size=8)

search = nas.Search(
    Net, nas.LightningTask(Module, data, "loss", max_steps=4, mode="min"), limits=nas.Limits(2)
)
"""


@pytest.fixture
def ran(without_ray: list[Any], tmp_path: Path) -> list[Any]:
    """What was tried."""
    (tmp_path / "small.py").write_text(FILE.replace("SHAPE", "3"))
    return without_ray


Run = Callable[..., tuple[int, str, str]]


def test_policies_are_searched_for_the_baseline(run: Run, ran: list[Any], tmp_path: Path) -> None:
    code, out, err = run("augment", "small.py", "--max-steps", 16, "--trials", 3)
    assert (code, err) == (0, "")
    assert len(ran) == 3
    assert repr(ran[0]) == "TableRandAugment(count=0, magnitude=1)"
    assert "(without augmentation " in out
    folder = tmp_path / "raynas-results" / "small-augmentation"
    assert (folder / "report.html").exists()
    assert run("augment", "small.py", "--max-steps", 16, "--trials", 3)[0] == 0
    assert len(ran) == 3
    code, out, _ = run("status", folder)
    assert code == 0
    assert "small-augmentation: 3 of at most 3 trials ended" in out


def test_a_trial_or_the_best_can_be_trained(run: Run, ran: list[Any]) -> None:
    run("search", "small.py", "--no-check", "--quiet")
    options = ("--max-steps", 16, "--trials", 1, "-q")
    assert run("augment", "small.py", "--of", "best", *options)[0] == 0
    code, _, err = run("augment", "small.py", "--of", 9, *options)
    assert code == 2
    assert "of='9': use baseline, best, or a trial's number below 2" in err


@pytest.mark.parametrize(
    ("shape", "options", "message"),
    [
        ("3", (), "which may be too few for augmentation to pay"),
        ("3", ("--policy", "x"), "policy='x': use auto, or one of image-rand, image-auto"),
        (
            "2, 2, 2, 2",
            (),
            r"policy='auto': which policy suits inputs of the shape (1, 2, 2, 2, 2)",
        ),
        ("3", ("--data-fraction", "2"), "data_fraction=2.0: must be above 0 and at most 1"),
    ],
)
def test_what_it_cannot_do(
    run: Run, ran: list[Any], tmp_path: Path, shape: str, options: tuple[str, ...], message: str
) -> None:
    (tmp_path / "small.py").write_text(FILE.replace("SHAPE", shape))
    code, _, err = run("augment", "small.py", *options)
    assert code == 2
    assert message in err
    assert ran == []
