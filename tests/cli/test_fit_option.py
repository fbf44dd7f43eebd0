"""`raynas profile --fit`, for what the meters of a search file predict."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

FILE = """
import raynas as nas
import torch
from torch import nn
from raynas.meters import FunctionMeter, Predicted
from raynas.space import integer, searchable

@searchable
class Net:
    width: int = integer(1, 200)
    def build(self):
        return nn.Sequential(nn.Linear(4, self.width), nn.ReLU(), nn.Linear(self.width, 2))

board = FunctionMeter(lambda net: 1e-4 + 1e-6 * net.width, "latency_p50", free=False)
search = nas.Search(
    Net,
    nas.meters.Measured(
        nas.FunctionTask(lambda net: 1.0),
        {meters}
        bounds=[nas.rewards.AtMost("latency_p50", 2e-4)],
        example_input=torch.zeros(1, 4),
    ),
)
"""


def test_profile_fits_from_the_command_line(run: Any, tmp_path: Path) -> None:
    Path("net.py").write_text(FILE.replace("{meters}", "Predicted(board, 'board.json'),"))
    code, out, _ = run("profile", "net.py", "--fit", "--samples", 30)
    assert code == 0
    shown = " ".join(out.split())
    assert "latency_p50: 30 measurements" in shown
    assert "cross-validated, 100% are within ±10%" in shown
    assert len(json.loads(Path("board.json").read_text())["entries"]) == 30


def test_fit_without_anything_to_fit_is_refused(run: Any, tmp_path: Path) -> None:
    Path("net.py").write_text(FILE.replace("{meters}", "board,"))
    code, _, err = run("profile", "net.py", "--fit")
    assert code == 2
    assert "fit: the search predicts nothing; give Measured a raynas.meters.Predicted" in err
