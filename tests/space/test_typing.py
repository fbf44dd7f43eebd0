"""What a type checker makes of a search space; mypy runs in strict mode on snippets."""

from __future__ import annotations

from pathlib import Path

import pytest
from mypy import api

import raynas

HEADER = """
from raynas.space import Space, choice, integer, repeat, searchable

@searchable
class Conv:
    kernel: int = choice(3, 5)
    activation: str = choice("relu", "silu")

@searchable
class Skip: ...

@searchable
class Net:
    width: int = integer(8, 64, step=8)
    head: Conv = choice(Conv)
    blocks: tuple[Conv | Skip, ...] = repeat(choice(Conv, Skip), 1, 4)
    convs: tuple[Conv, ...] = repeat(Conv, 2)
    depths: tuple[int, ...] = repeat(integer(1, 3), 2)
    classes: int = 10

net = Net(width=16, head=Conv(3, "relu"), blocks=(Skip(),), convs=(), depths=(1, 2))
"""


CORRECT = """
space: Space[Net] = Space(Net)
width: int = net.width
first: Conv | Skip = next(space.neighbors(net)).blocks[0]
kernel: int = space.from_json("").head.kernel
"""
REVEALED = """
reveal_type(net.width)
reveal_type(net.blocks)
reveal_type(Space(Net).from_json(""))
"""
WRONG = {
    'Conv(kernel="3", activation="relu")': "arg-type",
    "Conv(kernel=3)": "call-arg",
    'Conv(3, "relu", stride=2)': "call-arg",
    "net.depth": "attr-defined",
    "net.width = 8": "misc",
    "text: str = net.width": "assignment",
    "Space(Net).mutate(Skip(), None)": "arg-type",
    "@searchable\nclass Wrong:\n    width: str = integer(1, 2)": "assignment",
    "@searchable\nclass Wrong:\n    blocks: tuple[str, ...] = repeat(Conv, 1)": "arg-type",
}


@pytest.fixture(scope="module")
def complaints(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """What mypy says about each snippet below the header; one run, without NumPy, for speed."""
    folder = tmp_path_factory.mktemp("snippets")
    snippets = {f"snippet{i}": code for i, code in enumerate((CORRECT, REVEALED, *WRONG))}
    for name, code in snippets.items():
        (folder / f"{name}.py").write_text(HEADER + code + "\n")
    package = Path(raynas.__file__).parent
    sources = [folder, package / "errors.py", *(package / "space").glob("*.py")]
    options = ("--strict", "--no-error-summary", "--follow-imports=skip", "--config-file=")
    out, err, _ = api.run([*options, f"--cache-dir={folder / 'cache'}", *map(str, sources)])
    assert not err
    said = [line.replace(str(folder), "").lstrip("/") for line in out.splitlines()]
    return {
        code: [line for line in said if line.startswith(f"{name}.py:")]
        for name, code in snippets.items()
    }


def test_correct_use_passes(complaints: dict[str, list[str]]) -> None:
    assert complaints[CORRECT] == []


def test_architectures_have_the_declared_types(complaints: dict[str, list[str]]) -> None:
    shown = "\n".join(line.split('"')[1] for line in complaints[REVEALED])
    for old, new in {"snippet1.": "", "builtins.": "", "Union[Conv, Skip]": "Conv | Skip"}.items():
        shown = shown.replace(old, new)  # mypy 1 and 2 write them differently
    assert shown.splitlines() == ["int", "tuple[Conv | Skip, ...]", "Net"]


@pytest.mark.parametrize("code", WRONG)
def test_wrong_use_is_refused(complaints: dict[str, list[str]], code: str) -> None:
    assert any(f"[{WRONG[code]}]" in line for line in complaints[code])
