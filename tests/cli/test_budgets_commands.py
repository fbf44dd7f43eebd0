"""A search over budgets by the command line, from the search to the ranking by one model."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

FILE = """
import raynas as nas
from raynas.space import choice, searchable

@searchable
class Net:
    width: int = choice(8, 16, 32, 64)
    depth: int = choice(1, 2, 3, 4, default=2)

def train(net, budget):
    return net.width**0.3 - 0.1 * net.depth / budget**0.1

search = nas.Search(Net, nas.FunctionTask(train), budgets=(1 / 8, 1), limits=LIMITS)
"""


def write(folder: Path, limits: str) -> Path:
    file = folder / "nets.py"
    file.write_text(FILE.replace("LIMITS", f"nas.Limits({limits})"))
    return file


def test_from_the_search_to_the_ranking(run: Any, without_ray: list[Any], tmp_path: Path) -> None:
    file = write(tmp_path, "trainings=2")
    code, out, err = run("search", file)
    assert (code, err) == (0, "")
    assert "cost 2.00 full trainings; the limit is 2." in out
    assert f"Write the winner, trained in full: `raynas export {file}`" in out
    assert f"To go on: `raynas search {file} --trainings 4`." in out
    tried = len(without_ray)
    code, out, err = run("search", file, "--trainings", 4)
    assert (code, err) == (0, "")
    assert len(without_ray) > tried
    assert "cost 4.00 full trainings; the limit is 4." in out
    code, out, err = run("train", file, "--top", 3)
    assert (code, err) == (0, "")
    assert "P(best)" in out
    assert "The order is by what is expected of another full training" in out
    table = (tmp_path / "raynas-results/nets-full/full.csv").read_text()
    assert "probability best" in table
    code, out, err = run("status", file, "--json")
    assert (code, err) == (0, "")
    found = json.loads(out)
    probabilities = [row["probability"] for row in found["full"]["architectures"]]
    assert len(probabilities) >= 3
    assert probabilities[0] == max(probabilities)
    assert sum(probabilities) <= 1 + 1e-9
    assert found["believed"][0]["probability"] == probabilities[0]
    best = found["full"]["architectures"][0]["search_trial"]
    code, out, _ = run("status", file)
    assert code == 0
    assert f"In full: {len(probabilities)} trainings ended; the best:\n  trial {best}:" in out
    assert "Believed best after a full training: trial" in out


def test_a_limit_in_trainings_wants_budgets(run: Any, tmp_path: Path) -> None:
    file = tmp_path / "nets.py"
    text = FILE.replace("budgets=(1 / 8, 1), limits=LIMITS", "full=nas.FunctionTask(train)")
    file.write_text(text.replace("def train(net, budget)", "def train(net, budget=1)"))
    code, _, err = run("search", file, "--trainings", 2)
    assert code == 2
    assert "limits trainings=2: without Search(budgets=...) a trial has no cost" in err


def test_without_a_full_training_the_advice_is_to_train(
    run: Any, without_ray: list[Any], tmp_path: Path
) -> None:
    file = write(tmp_path, "trainings=0.5")
    code, out, _ = run("search", file)
    assert code == 0
    assert f"Train the best in full: `raynas train {file}`. To go on:" in out


def test_what_was_not_worth_a_training_is_told(
    run: Any, without_ray: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write(tmp_path, "trainings=3")
    assert run("search", file)[0] == 0
    monkeypatch.setattr("raynas.full_training.contenders.shortlisted", lambda _: 4)
    code, out, _ = run("train", file, "--no-baseline")
    assert code == 0
    skipped = re.search(
        r"Not trained: (\d) architectures, by now the best with a probability of less than a "
        r"tenth; --top 4 trains them as well\.",
        out,
    )
    assert skipped is not None
    tried = len(without_ray)
    code, out, _ = run("train", file, "--no-baseline", "--top", 4)
    assert code == 0
    assert len(without_ray) == tried + int(skipped[1])
    assert "Not trained" not in out
