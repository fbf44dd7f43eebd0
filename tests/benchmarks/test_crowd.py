"""`benchmarks/crowd.py`: the simulation counts idle workers, and `threads.py` what was lost."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(autouse=True)
def _importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))


@pytest.mark.parametrize(
    ("seconds_a_trial", "least", "most"),
    [(0.001, 0.99, 1.0), (1.2, 0.4, 0.6)],  # 100 workers ask for 1.67 trials a second
)
def test_workers_are_idle_where_the_driver_is_too_slow(
    seconds_a_trial: float, least: float, most: float
) -> None:
    from crowd import Driver, simulate

    searcher: Any = SimpleNamespace(
        suggest=lambda _: {"ops/0": "a"}, on_trial_complete=lambda *_: None
    )
    driver = Driver(searcher, seconds_a_trial, clock=lambda: 0.0)
    figures = simulate(driver, workers=100, trials=1000)
    assert least <= figures["busy"] <= most


def test_a_searcher_fills_slots_with_proposals_of_its_own(tmp_path: Path) -> None:
    from crowd import Driver, fill, made

    driver = Driver(made(tmp_path / "journal.log", 12), 0.0)
    fill(driver, known=6, slots=12)
    history = driver.searcher.history
    driver.searcher.close()
    assert len(history.completed) == 6
    assert len(history.running) == 12
    assert len(history.architectures) == 18


def test_what_threads_lost_or_changed_is_counted(tmp_path: Path) -> None:
    from threads import Wide, judged, play

    store = str(tmp_path / "journal.log")
    given = play(store, threads=4, trials=12)
    nothing = {"lost": 0, "changed": 0, "twice": 0, "too many": 0}
    assert judged(store, given) == {"told": 12, **nothing}
    changed = {**given, 3: Wide(widths=(1, 2, 3, 4, 5, 6)), 50: given[0]}
    del changed[7]
    assert judged(store, changed) == {
        "told": 12,
        "lost": 1,
        "changed": 1,
        "twice": 0,
        "too many": 1,
    }
