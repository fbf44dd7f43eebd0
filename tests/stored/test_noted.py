"""What a running search notes of its stop rules."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest

import raynas as nas
from raynas.stopping import StopRule
from raynas.testing import ToyNet
from raynas.trials import History


class Watched(StopRule):
    """Never stops; notes in which threads it is applied, and cannot say how near it is."""

    def __init__(self) -> None:
        self.threads: set[int] = set()

    def check(self, history: History, now: float) -> None:
        self.threads.add(threading.get_ident())

    def state(self, history: History, now: float) -> str:
        self.threads.add(threading.get_ident())
        raise ValueError("no idea")

    def progress(self, history: History, now: float) -> float:
        self.threads.add(threading.get_ident())
        return 0.5


@pytest.mark.usefixtures("ray_session")
def test_rules_are_applied_in_one_thread_also_to_be_noted(tmp_path: Path) -> None:
    """A rule may keep a model, which two threads would mix up."""
    rule = Watched()
    search = nas.Search(
        ToyNet,
        nas.FunctionTask(lambda net: net.width),
        rules=(rule,),
        limits=nas.Limits(trials=3, parallel=1),
        name="watched",
        folder=tmp_path,
    )
    result = search.run()
    assert len(result.history.completed) == 3
    assert rule.threads == {threading.get_ident()}
    noted = json.loads((tmp_path / "watched" / "rules.json").read_text())
    assert noted["rules"][0] == {"state": "cannot be shown: no idea", "progress": 0.0}
    assert noted["stop"]["rule"] == "trial limit"
