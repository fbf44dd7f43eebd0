"""`benchmarks/predictability.py` on a table that follows from the decisions, and on pure noise."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from raynas.space import Space, choice, repeat, searchable

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@searchable
class Edges:
    of: tuple[int, ...] = repeat(choice(0, 1, 2, 3), 6)


@pytest.mark.parametrize(
    ("noisy", "correlation", "until"),
    [(False, (0.95, 1), (1, 20)), (True, (-0.1, 0.1), (50, 2048))],
)
def test_what_follows_from_the_decisions_is_predicted_and_noise_is_not(
    noisy: bool,
    correlation: tuple[float, float],
    until: tuple[int, int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    from controller_bench.problem import Problem, Row
    from predictability import predicted

    rng = np.random.default_rng(0)
    space = Space(Edges)
    nets: list[Any] = list(space.enumerate())
    values = [rng.normal() if noisy else float(np.dot(net.of, range(1, 7))) for net in nets]
    rows = {net: Row(value, (), value, 1.0) for net, value in zip(nets, values, strict=True)}
    table = Problem("made up", space, rows.get, nets[0], float(np.sort(values)[-4]), 0.0)
    found = np.median(predicted(table, 3), axis=0)
    assert correlation[0] <= found[0] <= correlation[1]
    assert until[0] <= found[2] <= until[1]
