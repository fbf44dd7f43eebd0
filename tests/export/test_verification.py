"""What the check of exported code notices, and what formats it compares how."""

from __future__ import annotations

import sys
from collections import OrderedDict
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from raynas.errors import RaynasError
from raynas.export import fresh_process as fresh
from raynas.export.formats import usable_inputs, write_onnx, write_torch
from raynas.export.verification import Reference, check_code, difference

CODE = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self, rate=0.5, bias=True):
        super().__init__()
        self.linear, self.drop = nn.Linear(3, 2, bias=bias), nn.Dropout(rate)

    def forward(self, x):
        return {"out": self.drop(self.linear(x))}

def build():
    return Net()
"""
INPUTS = (torch.arange(12.0).reshape(4, 3),)


@pytest.fixture
def reference() -> Reference:
    space: dict[str, Any] = {"__name__": "made"}
    exec(CODE, space)  # noqa: S102 - our own
    fresh.seed_all()
    return Reference(fresh.record(space["build"](), INPUTS), INPUTS, None)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch):  # type: ignore[no-untyped-def]
    """Runs a job in this process."""
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    for name in [*filter(lambda name: name.startswith("search_spaces"), sys.modules)]:
        monkeypatch.delitem(sys.modules, name)

    def run(job: Path) -> str:
        fresh.main(str(job))
        return ""

    return run


def checked(folder: Path, code: str, reference: Reference, run: Any = None) -> float:
    (folder / "model.py").write_text(code)
    return check_code(folder / "model.py", reference, run)


def test_in_a_process_of_its_own_the_same_code_passes(
    tmp_path: Path, reference: Reference, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "sitecustomize.py").write_text("raise SystemExit(3)")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("GAIN", "2")
    code = CODE + "\nimport os\nassert 'GAIN' not in os.environ\n"
    assert checked(tmp_path, code, reference) == 0.0
    with pytest.raises(RaynasError, match="the exported code imports raynas"):
        checked(tmp_path, f"{code}\nimport raynas\n", reference)


def test_a_process_that_dies_is_told(tmp_path: Path, reference: Reference) -> None:
    code = "import os, sys\nsys.stderr.write('out of luck')\nsys.stderr.flush()\nos._exit(9)\n"
    with pytest.raises(RaynasError, match="in a fresh process it fails: out of luck"):
        checked(tmp_path, code, reference)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("import torch\n", "import search_spaces.fpn\n", r"imports search_spaces \(model.py:2\)"),
        ("return Net()", "raise SystemExit('no')", r"SystemExit: no \(model.py:14\)"),
        ("return Net()", "return Net(bias=False)", "submodule|tensor 'linear.bias'"),
        ("return Net()", "return Net(0.4)", "submodule 'drop' is another one: Dropout .*p=0.4"),
        (
            "return Net()",
            "torch.rand(1)\n    return Net()",
            "tensor 'linear.weight' is another one",
        ),
        ("self.drop(self", "self.drop(1.1 * self", "something else in eval mode .*0.1"),
        ('{"out": ', '{"logits": ', "something else in eval mode .*inf"),
        (
            "return {",
            "x = x + float(self.training)\n        return {",
            "something else in train mode",
        ),
    ],
)
def test_what_is_different_is_named(  # type: ignore[no-untyped-def]
    tmp_path: Path, reference: Reference, run, old: str, new: str, message: str
) -> None:
    assert old in CODE
    with pytest.raises(RaynasError, match=message):
        checked(tmp_path, CODE.replace(old, new), reference, run)


def test_without_inputs_structure_and_state_are_compared(  # type: ignore[no-untyped-def]
    tmp_path: Path, reference: Reference, run
) -> None:
    bare = Reference({k: reference.record[k] for k in ("structure", "state")}, None, None)
    assert checked(tmp_path, CODE, bare, run) != 0.0
    with pytest.raises(RaynasError, match="submodule 'drop'"):
        checked(tmp_path, CODE.replace("Net()", "Net(0.1)"), bare, run)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (torch.tensor([1.0, 2.0]), torch.tensor([1.0, 1.0]), 0.5),
        (torch.tensor([float("nan"), float("inf")]), torch.tensor([float("nan"), 0.0]), "inf"),
        (torch.tensor([float("nan"), 1.0]), torch.tensor([float("nan"), 1.0]), 0.0),
        (torch.tensor([1.0]), torch.tensor([float("nan")]), "inf"),
        (torch.tensor([1.0]), torch.tensor([1.0], dtype=torch.float64), "inf"),
        (torch.zeros(2), torch.zeros(3), "inf"),
        (torch.zeros(0), torch.zeros(0), 0.0),
        (torch.tensor([True]), torch.tensor([False]), 1.0),
        ("3", "4", "inf"),
        ("3", "3", 0.0),
        ("3", torch.zeros(1), "inf"),
    ],
)
def test_the_difference_of_outputs(one: Any, other: Any, expected: float | str) -> None:
    assert difference({"": one}, {"": other}) == float(expected)
    assert difference({"": one}, {"a": other}) == float("inf")


def test_nested_outputs_are_compared_whole() -> None:
    class Thing:
        def __init__(self) -> None:
            self.a, self.b = torch.ones(1), [torch.zeros(1)]

    nested = {"x": (torch.ones(2), [None, 3]), "y": Thing(), "z": OrderedDict(w=torch.ones(1))}
    places = dict(fresh.flat(nested))
    tensors = [place for place, leaf in places.items() if isinstance(leaf, Tensor)]
    assert tensors == ["['x'][0]", "['y'].a", "['y'].b[0]", "['z']['w']"]
    assert places["['x'][1][1]"] == "3"


class Heads(nn.Module):
    def __init__(self, rate: float = 0.0) -> None:
        super().__init__()
        self.rate = rate
        self.body, self.head, self.aux = nn.Linear(3, 4), nn.Linear(4, 2), nn.Linear(4, 1)

    def forward(self, x: Tensor) -> dict[str, Any]:
        z = self.body(x)
        if self.rate:
            z = nn.functional.dropout(z, self.rate, training=True)
        return {"logits": self.head(z), "aux": (self.aux(z), z)}


@pytest.mark.parametrize("write", [write_torch, write_onnx])
def test_programs_with_nested_outputs(tmp_path: Path, write: Any) -> None:
    assert write(tmp_path / "model", Heads().eval(), INPUTS) < 1e-6


def test_what_is_random_in_evaluation_mode_has_no_program_in_onnx(tmp_path: Path) -> None:
    with pytest.raises(RaynasError, match="the network is random in evaluation mode and the pro"):
        write_onnx(tmp_path / "model.onnx", Heads(0.5).eval(), INPUTS)


def test_a_program_that_computes_something_else_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "raynas.export.formats._exported", lambda *_: torch.export.export(Heads().eval(), INPUTS)
    )
    with pytest.raises(RaynasError, match="computes something else than the network"):
        write_torch(tmp_path / "model.pt2", Heads().eval(), INPUTS)


def test_the_second_example_is_another_one_where_the_network_takes_it() -> None:
    (zeros,) = usable_inputs(nn.Linear(3, 2), torch.zeros(1, 3))
    assert zeros.shape == (2, 3)
    assert zeros[1].abs().min() > 0

    class Whole(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            assert bool((x == x.round()).all())
            return x

    (whole,) = usable_inputs(Whole(), torch.ones(1, 3))
    assert torch.equal(whole, torch.ones(2, 3))
    (tokens,) = usable_inputs(nn.Embedding(5, 2), torch.tensor([[1, 2, 4]]))
    assert tokens.tolist() == [[1, 2, 4], [4, 2, 1]]
    with pytest.raises(RuntimeError, match="mat1 and mat2"):
        usable_inputs(nn.Linear(3, 2), torch.zeros(1, 4))
