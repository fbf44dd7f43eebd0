"""How the trials of stages are counted against those of a joint search."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import SimpleNamespace
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
with pytest.MonkeyPatch.context() as patch:
    patch.setitem(sys.modules, "stages", stages)  # as a script finds it beside itself
    oracle = loaded("stages_oracle")


def test_the_first_trial_at_each_height_counts() -> None:
    assert stages.reached([0.1, 0.75, 0.6, 0.95]) == [2, 2, 4, 4]
    assert stages.reached([0.1, 0.75]) == [2, 2, None, None]


def test_what_was_not_reached_counts_against_stages(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [
        {
            **{"between": 0.1, "broken": 0.0, "most": 200},
            **{"stages": {"reached": parts}, "joint": {"reached": joint}},
            "from baseline": {"reached": [9, 9, 9, None]},
        }
        for parts, joint in (
            ([20, 50, None, None], [90, 100, 180, None]),
            ([50, 60, 90, None], [80, 100, None, None]),
        )
    ]
    file = tmp_path / "rows.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    stages.table(file)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split(" | ")[4:] == [*stages.WAYS, "stages took fewer", "at most half |"]
    assert lines[2:] == [
        "| 0.1 | 0.0 | 0.5 | 2 | 35 | 85 | 9 | 2 | 1 |",
        "| 0.1 | 0.0 | 0.7 | 2 | 55 | 100 | 9 | 2 | 1 |",
        "| 0.1 | 0.0 | 0.8 | 2 | not reached | not reached | 9 | 1 | 1 |",
        "| 0.1 | 0.0 | 0.9 | 2 | not reached | not reached | not reached | 0 | 0 |",
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


def test_an_architecture_with_options_that_do_not_work_together_is_at_chance() -> None:
    whole, broken = stages.CoupledLandscape(0, 0.1), stages.CoupledLandscape(0, 0.1, broken=0.2)
    drawn = np.random.default_rng(5).integers(stages.OPTIONS, size=(400, stages.DECISIONS))
    works = np.array([broken.of(one) != broken.chance for one in drawn])
    expected = 0.8 ** (3 * (stages.LAYERS - 1))
    assert works.mean() == pytest.approx(expected, abs=3 * (expected / len(drawn)) ** 0.5)
    assert all(broken.of(one) == whole.of(one) for one in drawn[works])
    assert broken.of(np.zeros(stages.DECISIONS, dtype=int)) == whole.of(np.zeros(24, dtype=int))
    assert np.mean([whole.of(one) < broken.chance for one in drawn]) <= 0.01
    assert broken.median < broken.best < whole.best


def test_the_oracle_expects_what_a_gaussian_process_of_all_pairs_does() -> None:
    values = stages.CoupledLandscape(3, 0.5)
    rng = np.random.default_rng(0)
    x = rng.integers(stages.OPTIONS, size=(12, stages.DECISIONS))
    y = np.array([values.of(one) for one in x])
    near = np.repeat(x[:1], stages.OPTIONS, axis=0)
    near[:, 9] = np.arange(stages.OPTIONS)

    def features(codes: np.ndarray) -> np.ndarray:
        hot = np.eye(stages.OPTIONS)[codes]
        pairs = [w * (hot[:, i, :, None] * hot[:, j, None, :]) for i, j, w in values.pairs]
        blocks = [hot.reshape(len(codes), -1), *(pair.reshape(len(codes), -1) for pair in pairs)]
        return np.hstack([np.full((len(codes), 1), 10.0), *blocks])

    known, asked = features(x), features(near)
    inverse = np.linalg.inv(known @ known.T + 1e-3 * np.eye(len(x)))
    across = asked @ known.T
    means = y.mean() + across @ inverse @ (y - y.mean())
    variances = (asked * asked).sum(1) - ((across @ inverse) * across).sum(1)
    expected = oracle.log_expected_improvement(means, np.maximum(variances, 1e-6) ** 0.5, y.max())
    found = oracle.TrueProcess(values, x, y).options(x[0], 9, float(y.max()))
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_the_oracle_changes_a_part_at_a_time_and_then_the_whole() -> None:
    values = stages.CoupledLandscape(0, 0.1)
    tried: list[np.ndarray] = []
    recorded = SimpleNamespace(
        pairs=values.pairs, height=values.height, of=lambda z: tried.append(z) or values.of(z)
    )
    heights = oracle.searched(recorded, seed=0, most=18, part=5)
    assert heights == [values.height(values.of(one)) for one in tried]
    for part, of_part in enumerate((tried[:5], tried[5:10], tried[10:15])):
        others = np.delete(np.arange(24), np.arange(8 * part, 8 * part + 8))
        assert len({one[others].tobytes() for one in of_part}) == 1
    assert len({one.tobytes() for one in tried}) == len(tried) == 18
    assert max(heights[15:]) > max(heights[:15])


def test_a_difference_has_an_interval_over_seeds() -> None:
    cells = stage_gains.compared([0.5, 0.6, 0.7], [0.6, 0.8, 0.7])
    assert cells == "0.6000 | 0.7000 | +0.1000 ± 0.2484"
