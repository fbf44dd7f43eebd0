"""Search files of every kind: what is exported of them computes the same, or is refused.

Each file of ``corpus/`` says in its first line what becomes of it: ``file`` where one file of code
is enough, ``package`` where modules go with it, ``refused (reason)`` where there can be no code,
``weights refused`` and ``error`` where already the weights cannot be right.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

HERE = Path(__file__).parent
CORPUS = sorted(p for p in (HERE / "corpus").glob("*.py") if "search = " in p.read_text())
TOLERANCE = 1e-6


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the export of each file."""
    out = tmp_path_factory.mktemp("exported")
    done = subprocess.run(
        [sys.executable, str(HERE / "export_corpus.py"), str(HERE / "corpus"), str(out)],
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return out


def test_the_corpus_is_large_enough() -> None:
    assert len(CORPUS) >= 40


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.stem)
def test_what_is_exported_computes_the_same(exported: Path, path: Path) -> None:
    expected = re.match(r'"""([a-z ]+?)(?: \((.*)\))?: ', path.read_text())
    assert expected is not None
    kind, reason = expected.groups()
    told = json.loads((exported / f"{path.stem}.json").read_text())
    assert "crash" not in told, told["crash"]
    assert "architecture.json" in told["files"]
    if kind == "error":
        assert re.search(reason, told["error"])
        assert "model.safetensors" in told["files"], "weights were deleted"
        assert "model.py" not in told["files"]
        return
    assert "error" not in told, told["error"]
    if "refused" in kind:
        part = "weights" if kind == "weights refused" else "code"
        assert re.search(reason, told["left_out"][part]), told["left_out"]
        assert part in told["missing"]
        assert ("model.safetensors" in told["files"]) == (part == "code")
        assert "model.py" not in told["files"] or part == "weights"
        return
    assert told["left_out"] == {}
    assert ("model_code" in told["files"]) == (kind == "package"), told
    is_random = "random whatever the seed" in told["remarks"].get("code", "")
    assert is_random == (path.stem == "never_the_same")
    _compare(exported / path.stem, is_random)


def _compare(folder: Path, is_random: bool) -> None:
    """What the search's process and a user's computed from inputs that the export never saw."""
    asked = torch.load(folder / "asked.pt", weights_only=True)
    found = torch.load(folder / "found.pt", weights_only=True)
    assert "error" not in found, found["error"]
    assert list(found["state"]) == list(asked["state"])
    for name, value in asked["state"].items():
        assert torch.equal(found["state"][name], value), name
    for one, other in zip(asked["outputs"], found["outputs"], strict=True):
        assert one, "nothing was compared"
        _compare_outputs(one, other, is_random)


def _compare_outputs(one: list[Any], other: list[Any], is_random: bool) -> None:
    for expected, computed in zip(one, other, strict=True):
        assert expected.dtype == computed.dtype
        assert expected.shape == computed.shape
        assert is_random or torch.allclose(expected, computed, rtol=TOLERANCE, atol=TOLERANCE)


def test_copies_are_the_search_s_own_lines_but_for_imports(exported: Path) -> None:
    """Comments, texts and layout of a copied module stay."""
    import difflib

    original = (HERE / "corpus" / "helper_patched.py").read_text().splitlines()
    copied = (exported / "helper_patched/model_code/helper_patched.py").read_text().splitlines()
    changed = [line for line in difflib.ndiff(original, copied) if line[0] in "+-"]
    assert changed
    assert all(re.match(r"[+-] (import|from) ", line) for line in changed), changed
