from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from raynas.cli import main
from raynas.tasks import Context


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]):  # type: ignore[no-untyped-def]
    """Runs the command line in a folder of its own; gives exit code, stdout and stderr."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")

    def run(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["raynas", *map(str, arguments)])
        monkeypatch.setattr(sys, "path", list(sys.path))
        with pytest.raises(SystemExit) as end:
            main()
        out, err = capsys.readouterr()
        assert "Traceback" not in out + err
        return int(end.value.code or 0), out, err

    return run


@pytest.fixture
def without_ray(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Has searches run their trials in this process; gives what was tried."""
    tried: list[Any] = []

    def run_trials(searcher: Any, space: Any, task: Any, settings: Any) -> bool:
        asktell = searcher.asktell
        while searcher.check_rules() is None and (asked := asktell.ask()) is not None:
            tried.append(asked.architecture)
            context = Context(number=asked.number, seed=asked.number)
            asktell.tell(asked.number, task.run(asked.architecture, context))
        return False

    monkeypatch.setattr("raynas.tune.run.run_trials", run_trials)
    return tried
