"""`raynas check`: what it says, and its exit codes."""

from __future__ import annotations

from pathlib import Path

import pytest

FILE = """
import raynas as nas
from raynas.space import choice, integer, searchable
from torch import nn

@searchable
class Net:
    width: int = integer(1, 8)
    {fields}

    def build(self):
        {body}
        return nn.Linear(3, self.width)

search = nas.Search(
    space=Net,
    task=nas.FunctionTask(lambda net: net.width),
    limits=nas.Limits(trials=2, parallel=1),
)
"""


def write(folder: Path, fields: str = "", body: str = "") -> Path:
    file = folder / "my_space.py"
    file.write_text(FILE.format(fields=fields, body=body))
    return file


def test_a_good_space_passes(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    code, out, err = run("check", write(tmp_path))
    assert (code, err) == (0, "")
    assert out == (
        "my_space: 8 architectures\n"
        "Nothing speaks against it; 300 combinations were drawn and tried.\n"
    )


def test_errors_end_with_code_1_and_can_be_allowed(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    file = write(tmp_path, "batch_size: int = choice(32, 64); lr: float = choice(0.1, 0.2)")
    code, out, err = run("check", file)
    assert (code, err) == (1, "")
    assert "batch_size is a batch size, which is never tuned for the validation score" in out
    assert "2 errors.\nNext: take the errors out of the space, or pass --allow NAME" in out
    code, out, _ = run("check", file, "--allow", "batch_size")
    assert code == 1
    assert "1 error.\n" in out
    code, out, _ = run("check", file, "--allow", "batch_size", "--allow", "learning_rate")
    assert code == 0
    assert "Nothing speaks against it" in out


def test_warnings_and_advice_do_not_fail(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    fields = "dropout: float = choice(0.0, 0.1); norm: str = choice('batch')"
    body = "if self.width > 5: raise nas.InfeasibleArchitecture(f'too wide: {self.width}')"
    code, out, err = run("check", write(tmp_path, fields, body), "--samples", "100")
    assert (code, err) == (0, "")
    assert out.index("warning  dropout is regularization") < out.index("advice   norm has a single")
    assert "% of the combinations are infeasible (95 % interval " in out
    assert "of 100 drawn" in out
    assert "InfeasibleArchitecture: too wide: " in out
    assert "1 warning, 3 pieces of advice." not in out
    assert "1 warning, " in out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nosuch.py"], "FILE=nosuch.py: there is no such file"),
        (["my_space.py", "--allow", "lr"], "allow='lr' is unknown: use one of learning_rate,"),
        (["my_space.py", "--samples", "0"], "samples=0: must be at least 1"),
    ],
)
def test_bad_arguments_get_one_line(run, tmp_path: Path, arguments: list[str], words: str) -> None:  # type: ignore[no-untyped-def]
    write(tmp_path)
    code, _, err = run("check", *arguments)
    assert code == 2
    assert words in err
    assert err.count("\n") == 1


def test_a_search_warns_in_a_line_before_it_starts(  # type: ignore[no-untyped-def]
    run, tmp_path: Path, without_ray: list[object]
) -> None:
    code, out, _ = run("search", write(tmp_path, "lr: float = choice(0.1, 0.2)"))
    assert code == 0
    first, second, *_ = out.splitlines()
    assert first.startswith("Warning: the space searches 1 training setting")
    assert "see raynas check" in first
    assert second.startswith("my_space: 16 architectures")


def test_a_search_may_allow_a_training_setting(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    file = tmp_path / "allowed.py"
    file.write_text(
        "import raynas as nas\n"
        "from raynas.space import choice, searchable\n"
        "@searchable\n"
        "class Net:\n"
        "    batch_size: int = choice(32, 64)\n"
        "task = nas.FunctionTask(lambda net: 1.0)\n"
        "strict = nas.Search(space=Net, task=task)\n"
        "search = nas.Search(space=Net, task=task, allow=['batch_size'])\n"
    )
    assert run("check", f"{file}:strict")[0] == 1
    assert run("check", file)[0] == 0


TRAINS = """
import pytorch_lightning as pl
import raynas as nas
import torch
from raynas.space import integer, searchable
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

@searchable
class Net:
    width: int = integer(1, 4)

    def build(self):
        return nn.Linear(3, self.width)

class Module(pl.LightningModule):
    def __init__(self, network):
        super().__init__()
        self.network = network

    def training_step(self, batch, _):
        return self.network(batch[0]).square().mean()

    def validation_step(self, batch, _):
        self.log("val_loss", self.network(batch[0]).square().mean())

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.1)

def data():
    examples = TensorDataset(torch.randn(40, 3), torch.arange(40) % 2)
    return DataLoader(examples, 8, shuffle=True), DataLoader(examples, 8)

search = nas.Search(
    Net,
    nas.LightningTask(Module, data, {metric!r}, max_steps=4, mode="min"),
    limits=nas.Limits(trials=2, parallel=1),
    rules=(),
)
"""


def trains(folder: Path, metric: str = "val_loss") -> Path:
    file = folder / "trains.py"
    file.write_text(TRAINS.replace("{metric!r}", repr(metric)))
    return file


def test_a_dry_run_is_part_of_it(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    code, out, err = run("check", trains(tmp_path))
    assert (code, err) == (0, "")
    assert "holds  task, smallest architecture  built, trained for a step, validated" in out
    assert "\n       task, largest architecture" in out
    code, out, _ = run("check", trains(tmp_path, "val_los"))
    assert code == 1
    assert out.count("metric='val_los': the module logs val_loss") == 1
    assert all(f"task, {kind} architecture" in out for kind in ("smallest", "largest", "random"))
    assert "1 problem would end trials. Fix this, then run the same command again." in out
    code, out, _ = run("check", trains(tmp_path, "val_los"), "--no-train")
    assert (code, "task" in out) == (0, False)


def test_a_search_tries_a_step_before_its_first_trial(  # type: ignore[no-untyped-def]
    run, tmp_path: Path, without_ray: list[object]
) -> None:
    code, _, err = run("search", trains(tmp_path, "val_los"))
    assert code == 2
    assert "before the first trial, a training step was tried: task, random architecture: " in err
    assert "metric='val_los': the module logs val_loss" in err
    assert "--no-check starts the search all the same" in err
    code, _, err = run("search", trains(tmp_path, "val_los"), "--no-check")
    assert code == 2
    assert "before the first trial" not in err
    assert "metric='val_los': the module logs val_loss" in err


def test_a_search_that_trains_goes_past_its_check(  # type: ignore[no-untyped-def]
    run, tmp_path: Path, without_ray: list[object]
) -> None:
    code, out, err = run("search", trains(tmp_path))
    assert (code, err) == (0, "")
    assert "2 trials" in out
