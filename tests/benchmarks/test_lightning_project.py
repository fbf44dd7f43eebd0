"""The comparison of a Lightning project's own training with a trial."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
PROJECT = """
import pytorch_lightning as pl
import torch
from torch.utils.data import DataLoader, TensorDataset, random_split


class Module(pl.LightningModule):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Sequential(torch.nn.Dropout(0.5), torch.nn.Linear(4, 1))

    def training_step(self, batch, index):
        loss = (self.layer(batch[0]) - batch[1]).square().mean()
        self.log("loss", loss)
        return loss

    def validation_step(self, batch, index):
        self.log("val_loss", (self.layer(batch[0]) - batch[1]).square().mean())

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters(), lr=0.01)


class Data(pl.LightningDataModule):
    def setup(self, stage):
        inputs = torch.randn(40, 4)
        examples = TensorDataset(inputs, inputs.sum(dim=1, keepdim=True))
        self.train, self.validation = random_split(examples, [32, 8])

    def train_dataloader(self):
        return DataLoader(self.train, batch_size=8, shuffle=True)

    def val_dataloader(self):
        return DataLoader(self.validation, batch_size=8)


module, data = Module, Data
"""


@pytest.fixture(autouse=True)
def _import_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [str(BENCHMARKS), *sys.path])


def test_a_project_is_trained_both_ways_and_compared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from lightning_project import main

    file = tmp_path / "project.py"
    file.write_text(PROJECT)
    monkeypatch.setattr(sys, "argv", ["", str(file), "--steps", "6"])
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 0
    assert "equal: 2 tensors, all metrics" in capsys.readouterr().out


def test_differences_are_named() -> None:
    from lightning_project import Training, differences

    alone = Training({"w": torch.zeros(2), "b": torch.zeros(1)}, {"loss": 1.0, "nan": float("nan")})
    trial = Training({"w": torch.ones(2)}, {"loss": 1.5, "nan": float("nan")})
    assert differences(alone, alone) == []
    assert differences(alone, trial) == [
        "weights w: differ by up to 1",
        "weights b: not in the trial, or of another shape",
        "metric loss: 1.0 by Lightning, 1.5 in the trial",
    ]


def test_a_file_without_the_functions_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lightning_project import main

    file = tmp_path / "project.py"
    file.write_text("module = dict\n")
    monkeypatch.setattr(sys, "argv", ["", str(file)])
    with pytest.raises(SystemExit, match=r"project.py: defines no function data\(\)"):
        main()
