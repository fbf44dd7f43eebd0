"""`raynas profile`: what it says, and its exit codes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from raynas.tasks.meters import profile

FILE = """
import raynas as nas
from raynas.space import choice, integer, searchable
import pytorch_lightning as pl
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

@searchable
class Net:
    width: int = integer(1, 8, default=2)
    name: str = choice("a", "b", default="a")

    def build(self):
        {body}
        return nn.Linear(3, self.width)

class Data(pl.LightningDataModule):
    def train_dataloader(self):
        return DataLoader(TensorDataset(torch.zeros(4, 3), torch.zeros(4)), batch_size=2)

search = nas.Search(space=Net, task={task})
"""
LIGHTNING = "nas.LightningTask(pl.LightningModule, Data, metric='loss', max_steps=1)"
FUNCTION = "nas.FunctionTask(lambda net: net.width)"


def write(folder: Path, body: str = "", task: str = LIGHTNING) -> Path:
    file = folder / "my_space.py"
    file.write_text(FILE.format(body=body, task=task))
    return file


def cells(out: str, first: str) -> list[str]:
    """The cells of the table row whose first is `first`."""
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in out.splitlines()]
    return next(row[1:] for row in rows if row and row[0] == first)


def test_a_table_of_costs(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    code, out, err = run("profile", write(tmp_path))
    assert (code, err) == (0, "")
    assert out.startswith("my_space: 16 architectures, profiled all\n")
    assert cells(out, "parameters") == ["8", "4", "18", "32"]  # baseline, min, median, max
    assert cells(out, "FLOPs") == ["12", "6", "27", "48"]
    assert cells(out, "activation memory") == ["8 B", "4 B", "18 B", "32 B"]
    assert cells(out, "width") == ["100%", "100%"]
    assert "latency" not in out
    assert "could not" not in out


def test_operations_without_a_formula_are_named(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    body = """
        class Inverse(nn.Linear):
            def forward(self, x):
                return super().forward(x @ torch.linalg.inv(torch.eye(3, device=x.device)))

        return Inverse(3, self.width)
    """
    code, out, _ = run("profile", write(tmp_path, body), "--max-flops", "1e9")
    assert code == 0
    words = "FLOPs without aten::linalg_inv_ex, for which no formula is known, in 16 of 16"
    assert words in " ".join(out.split())
    assert "0.0% have at most 1 G FLOPs" in out


def test_limits_latency_and_sample(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    code, out, _ = run(
        *("profile", write(tmp_path), "--samples", "4", "--latency"),
        *("--max-parameters", "1e6", "--max-flops", "5"),
    )
    assert code == 0
    assert "16 architectures, profiled 4\n" in out
    assert "0.0% have at most 1 M parameters and 5 FLOPs." in out
    for part in ("p50", "p90", "p99"):
        assert out.count(f"latency {part} on ") == 1


def test_a_shape_stands_in_for_data(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    file = write(tmp_path, task=FUNCTION)
    code, out, _ = run("profile", file, "--input", "5,3")
    assert code == 0
    assert cells(out, "FLOPs")[0] == str(2 * 5 * 3 * 2)
    code, _, err = run("profile", file)
    assert code == 2
    assert "a FunctionTask has no example" in err
    assert "--input 3,32,32" in err
    assert err.count("\n") == 1


def test_what_cannot_be_built_is_grouped_and_counted(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    body = "if self.width > 6: raise ValueError(f'{self.width} is too wide')"
    code, out, _ = run("profile", write(tmp_path, body))
    assert code == 0
    assert "4 could not be built or run:\n4 x ValueError: 7 is too wide" in out
    assert "first: Net(width=7, name='a')" in out
    assert "100.0%" not in out


def test_a_space_of_which_nothing_runs_ends_with_code_1(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    code, out, err = run("profile", write(tmp_path, "raise ValueError('no')"))
    assert (code, err) == (1, "")
    assert "The baseline cannot be built or run: ValueError: no" in out
    assert "16 x ValueError: no" in out


def test_networks_that_need_their_data_are_counted_on_the_cpu(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    code, out, _ = run("profile", write(tmp_path, "torch.ones(1).item()"))
    assert code == 0
    assert "16 were counted on the CPU: they cannot be built or run without their data" in out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--samples", "0"], "samples=0: must be at least 1"),
        (["--input", "3x3"], "input='3x3': give the shape of one example"),
        (["--max-flops", "-1"], "max-flops=-1: must be above 0"),
        (["--max-parameters", "nan"], "max-parameters=nan: must be above 0"),
    ],
)
def test_bad_arguments_get_one_line(run, tmp_path: Path, arguments: list[str], words: str) -> None:  # type: ignore[no-untyped-def]
    write(tmp_path)
    code, _, err = run("profile", "my_space.py", *arguments)
    assert code == 2
    assert words in err
    assert err.count("\n") == 1


def test_the_bounds_of_the_file_are_known(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """Widths 1 to 8 have 4 parameters each: those up to 4 are within 16, half of the space."""
    bounds = "[nas.rewards.AtMost('parameters', 16), nas.rewards.AtMost('latency_p50', 5)]"
    meters = f"nas.meters.CostMeter(), nas.meters.LatencyMeter(), bounds={bounds}"
    file = write(tmp_path, task=f"nas.meters.Measured({LIGHTNING}, {meters})")
    code, out, _ = run("profile", file)
    assert code == 0
    assert "50.0% are within the bounds of the file: parameters at most 16." in out
    assert "latency_p50 at most 5 s is known by measuring only; --latency measures it" in out
    code, out, _ = run("profile", file, "--latency", "--samples", "3")
    assert "100.0% are within the bound of the file, as measured here: latency_p50 at mo" in out


def test_a_network_that_was_profiled_is_not_counted_again_for_a_bound(
    run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted = []
    original = profile._Counted.__call__

    def counting(self: Any, device: str) -> Any:
        counted.append(self.architecture)
        return original(self, device)

    monkeypatch.setattr(profile._Counted, "__call__", counting)
    bounds = "bounds=[nas.rewards.AtMost('flops', 50)]"
    meters = f"nas.meters.CostMeter(), {bounds}"
    file = write(tmp_path, task=f"nas.meters.Measured({LIGHTNING}, {meters})")
    code, out, _ = run("profile", file)
    assert code == 0
    assert "are within the bounds of the file: flops at most 50." in out
    assert len(counted) == 16 + 1, "the space, and its baseline"
    counted.clear()
    run("profile", file, "--input", "4,3")
    assert len(counted) > 17, "of another example"
