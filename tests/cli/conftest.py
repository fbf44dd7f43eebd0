from __future__ import annotations

from typing import Any

import pytest

from raynas.tasks import Context


@pytest.fixture
def without_ray(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Has searches run their trials in this process; gives what was tried."""
    tried: list[Any] = []

    def run_trials(searcher: Any, space: Any, task: Any, settings: Any) -> bool:
        asktell = searcher.asktell
        while searcher.check_rules() is None and (asked := asktell.ask()) is not None:
            tried.append(asked.architecture)
            context = Context(asked.number, asked.number, budget=asked.budget)
            asktell.tell(asked.number, task.run(asked.architecture, context))
        return False

    monkeypatch.setattr("raynas.tune.run.run_trials", run_trials)
    return tried
