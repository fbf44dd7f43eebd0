from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

gc.disable()  # until the test modules are imported: a third of the time that takes

# A machine that is busy with other things fails no test.
settings.register_profile("raynas", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("raynas")


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]):  # type: ignore[no-untyped-def]
    """Runs the command line in a folder of its own; gives exit code, stdout and stderr."""
    from raynas.cli import main

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


@pytest.fixture(scope="session")
def ray_session() -> Iterator[None]:
    """One local Ray session of two CPUs and two simulated GPUs for all tests that run trials."""
    import ray

    from raynas.tune.ray_session import start

    start(num_cpus=2, num_gpus=2, include_dashboard=False)
    yield
    ray.shutdown()


@pytest.fixture
def without_ray(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Has searches run their trials in this process, see `trials_here`; gives what was tried."""
    from trials_here import run_trials

    tried: list[Any] = []
    monkeypatch.setattr("raynas.tune.run.run_trials", partial(run_trials, trying=tried.append))
    return tried


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the tests that take minutes, so that others run beside them to the end."""
    items.sort(key=lambda item: "/tests/cluster/" not in item.path.as_posix())


def pytest_collection_finish() -> None:
    """Spare each garbage collection what the test modules have imported, which takes a second."""
    from raynas.garbage import freeze_imported

    freeze_imported()
    gc.enable()
