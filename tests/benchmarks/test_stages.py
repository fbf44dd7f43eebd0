"""How the trials of stages are counted against those of a joint search."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest


def loaded(name: str) -> Any:
    """A benchmark under a name of its own, as examples have modules of the same names."""
    file = Path(__file__).parents[2] / "benchmarks" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(f"benchmark_{name}", file)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


stages, stage_gains = loaded("stages"), loaded("stage_gains")


def test_the_first_trial_at_each_height_counts() -> None:
    assert stages.reached([0.1, 0.75, 0.6, 0.95]) == [2, 4, 4]
    assert stages.reached([0.1, 0.75]) == [2, None, None]


def test_what_was_not_reached_counts_against_stages(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [([50, None, None], [100, 180, None]), ([60, 90, None], [100, None, None])]
    file = tmp_path / "rows.jsonl"
    file.write_text(
        "".join(
            json.dumps(
                {"between": 0.1, "most": 200, "parts of 3": {"reached": s}, "joint": {"reached": j}}
            )
            + "\n"
            for s, j in rows
        )
    )
    stages.table(file)
    lines = capsys.readouterr().out.splitlines()[2:]
    assert lines == [
        "| 0.1 | 0.7 | 2 | 55 | 100 | 2 | 1 |",
        "| 0.1 | 0.8 | 2 | not reached | 190 | 1 | 1 |",
        "| 0.1 | 0.9 | 2 | not reached | not reached | 0 | 0 |",
    ]


def test_heights_go_from_the_median_to_the_best() -> None:
    values = stages.CoupledLandscape(0, 0.1)
    drawn = np.random.default_rng(5).integers(stages.OPTIONS, size=(400, stages.DECISIONS))
    heights = [values.height(values.of(one)) for one in drawn]
    assert abs(float(np.median(heights))) < 0.05
    assert max(heights) < 0.7
    assert values.height(values.best) == 1
    net = stages.Net(encoder=("b",) * 8, decoder=("c",) * 8, head=("d",) * 8)
    assert values(net) == values.of(np.repeat([1, 2, 3], 8))


def test_a_difference_has_an_interval_over_seeds() -> None:
    cells = stage_gains.compared([0.5, 0.6, 0.7], [0.6, 0.8, 0.7])
    assert cells == "0.6000 | 0.7000 | +0.1000 ± 0.2484"
