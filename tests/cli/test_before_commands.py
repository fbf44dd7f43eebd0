"""`raynas data`, `baseline`, `speed` and `plan` at the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

FILE = """
import pytorch_lightning as pl
import torch
from torch.utils.data import DataLoader, TensorDataset

import raynas as nas
from raynas.space import choice, searchable

@searchable
class Net:
    width: int = choice(1, 2)

class Data(pl.LightningDataModule):
    def loader(self, count):
        inputs = torch.randn(count, 3, generator=torch.Generator().manual_seed(count))
        return DataLoader(TensorDataset(inputs, torch.arange(count) % {classes}), batch_size=8)

    def train_dataloader(self):
        return self.loader({count})

    {validation}

search = nas.Search(
    space=Net,
    task=nas.LightningTask(pl.LightningModule, Data, metric="accuracy", max_steps=30),
    full=nas.LightningTask(pl.LightningModule, Data, "accuracy", max_steps=900, validation="own"),
    limits=nas.Limits(trials=1000, parallel=4),
)
"""
VALIDATION = "def val_dataloader(self): return self.loader(40)"


def write(folder: Path, count: int = 1200, classes: int = 3, validation: str = VALIDATION) -> Path:
    file = folder / "own.py"
    file.write_text(FILE.format(count=count, classes=classes, validation=validation))
    return file


def cells(out: str, first: str) -> list[str]:
    """The cells of the table row whose first is `first`."""
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in out.splitlines()]
    return next(row[1:] for row in rows if row and row[0] == first)


def test_data_are_shown_and_kept(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    code, out, err = run("data", write(tmp_path))
    assert (code, err) == (0, "")
    assert out.startswith("own: targets are classes\n")
    assert cells(out, "training set") == ["1,200", "3", "400", "400", "1.00"]
    assert cells(out, "stage 1 validates on") == ["120", "3", "40", "40", "1.00"]
    assert cells(out, "0") == ["400 (33.3%)", "360 (33.3%)", "40 (33.3%)", "14 (35.0%)"]
    assert "warning  1,200 training examples are not many" in out
    assert "1 warning above: heed it before an architecture search." in out
    kept = json.loads((tmp_path / "raynas-results" / "own" / "data.json").read_text())
    assert kept["advised"] is True


def test_data_that_are_not_fit_end_with_code_1(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    code, out, _ = run("data", write(tmp_path, count=90, classes=1))
    assert code == 1
    assert "all training examples are of the class 0" in out
    assert "90 training examples are few" in out
    assert "An architecture search on these data is not advised." in out


def test_training_examples_without_targets_are_named(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    file = write(tmp_path)
    text = file.read_text()
    labeled = "return self.loader(1200)"
    assert labeled in text
    file.write_text(text.replace(labeled, "return DataLoader(TensorDataset(torch.randn(1200, 3)))"))
    code, out, err = run("data", file)
    assert (code, err) == (1, "")
    assert cells(out, "0") == ["", "", "", "14 (35.0%)"]
    assert "the training set's examples have no targets" in out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["data"], "val_dataloader() of Data gives nothing: give it a validation set"),
        (["data", "--examples", "0"], "examples=0: must be above 0"),
        (["baseline"], "Net has no baseline"),
        (["speed", "--seconds", "0"], "seconds=0: must be above 0"),
        (["plan", "--price", "0"], "price=0: must be above 0"),
        (["plan", "--parallel", "0"], "parallel=0: must be at least 1"),
    ],
)
def test_bad_calls_get_one_line(run, tmp_path: Path, arguments: list[str], words: str) -> None:  # type: ignore[no-untyped-def]
    write(tmp_path, validation="")
    command, *options = arguments
    code, _, err = run(command, "own.py", *options)
    assert code == 2
    assert words in err
    assert err.count("\n") == 1


def test_a_plan_is_shown_and_kept(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    file = write(tmp_path)
    code, out, err = run("plan", file, "--price", "2", "--full-hours", "60")
    assert (code, err) == (0, "")
    assert "2 seconds" not in out
    assert cells(out, "trials") == ["2", "2", "2"]  # the space has two
    assert cells(out, "hours of all trials")[1] == "4"
    assert cells(out, "cost of the search")[1] == "8.00"
    assert cells(out, "cost of these")[1] == "1,200.00"
    assert cells(out, "trial limit")[1] == "1,000"
    kept = json.loads((tmp_path / "raynas-results" / "own" / "plan.json").read_text())
    assert kept["parallel"] == 4
    assert "nothing is measured" in kept["words"]
