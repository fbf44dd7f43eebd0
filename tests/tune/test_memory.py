"""A trial that really eats the machine's memory, until Ray's own monitor ends its worker."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from ray._common.utils import get_system_memory
from ray._private.utils import get_used_memory

from raynas.cli.search_file import load_search
from raynas.trials import Infeasible

GIB = 2**30
LEFT_FREE = 10 * GIB
ALLOWED = 4 * GIB  # tests beside this one take some of it
PATIENCE = 900.0

SEARCH = """
import time
import numpy as np
import raynas as nas
from raynas.space import integer, searchable

@searchable
class Net:
    width: int = integer(1, 4)

class Eats(nas.Task):
    def run(self, architecture, context):
        if architecture.width == 2:
            eaten = []
            while len(eaten) < 80:  # hundreds of MiB; twice what it takes to be ended
                eaten.append(np.ones(100 * 2**20, dtype=np.uint8))
                time.sleep(0.02)
            time.sleep(600)
        return nas.Measurement({"reward": float(architecture.width)})

search = nas.Search(
    space=Net,
    task=Eats(),
    controller="grid",
    rules=(),
    resources=nas.Resources(cpu=0.5),
    limits=nas.Limits(trials=4, parallel=2, trial_minutes=10),
)
"""


def test_a_trial_that_eats_the_machines_memory_is_infeasible_and_the_search_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    total, used = get_system_memory(), get_used_memory()  # as Ray's monitor sees them
    if total - used < LEFT_FREE:  # the kernel would end something else
        pytest.skip(f"it eats {ALLOWED / GIB:.0f} GiB: less than {LEFT_FREE / GIB:.0f} are free")
    threshold = (used + ALLOWED) / total
    (tmp_path / "eats.py").write_text(SEARCH)
    ended = subprocess.run(
        [sys.executable, "-c", "from raynas.cli import main; main()", "search", "eats.py"],
        cwd=tmp_path,
        env={
            **os.environ,
            "RAY_ADDRESS": "local",
            "RAY_memory_usage_threshold": f"{threshold:.4f}",
            "RAY_memory_monitor_refresh_ms": "100",
        },
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert ended.returncode == 0, ended.stderr
    monkeypatch.chdir(tmp_path)
    search, name = load_search("eats.py")
    with search.open(name, read_only=True) as opened:
        history = opened.history
    outcomes = {trial.architecture.width: trial for trial in history}
    assert {width: trial.reward for width, trial in outcomes.items()} == {1: 1, 2: None, 3: 3, 4: 4}
    assert isinstance(outcomes[2].outcome, Infeasible)
    why = "out of memory, also alone with a whole device: Ray ended the worker"
    assert why in str(outcomes[2].reason)
