"""The real `ray up`, on made-up hosts of this machine, where it allows them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parent.parent.parent / "cluster" / "testing" / "survives.py"
CANNOT = 77


def test_a_search_on_a_launched_cluster_survives_the_loss_of_a_worker_and_of_the_head() -> None:
    ended = subprocess.run([sys.executable, SCRIPT], capture_output=True, text=True)
    last = (ended.stdout.splitlines() or [""])[-1]
    if ended.returncode == CANNOT:
        pytest.skip(last)
    assert ended.returncode == 0, ended.stdout[-8000:] + ended.stderr[-4000:]
    assert "equal to the local search, trial by trial" in ended.stdout
