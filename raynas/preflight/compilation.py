"""Time `torch.compile` in a process of its own: it compiles for minutes and cannot be stopped."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
import tempfile
from dataclasses import asdict
from typing import Any

from raynas.errors import raised_in
from raynas.garbage import importing
from raynas.preflight.step_time import Steps, Timing, time_steps
from raynas.tasks import LightningTask
from raynas.tasks.user_code import Packed, packed
from raynas.wording import counted

__all__ = ["main", "time_compiled"]

_CODE = "from raynas.preflight.compilation import main; main()"


def time_compiled(
    task: LightningTask, steps: Steps, batch: Any, *, gpu: bool, seconds: float, patience: float
) -> Timing:
    """See `raynas.preflight.step_time.time_steps`; taking too long is a result here too."""
    payload = pickle.dumps(packed((task, steps, batch, gpu, seconds, patience)))
    try:
        done = subprocess.run(  # noqa: S603 - our own code, and no shell
            [sys.executable, "-c", _CODE],
            input=payload,
            capture_output=True,
            timeout=patience,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Timing(steps.batch, error=f"not done after {counted(patience, 'second')}")
    if done.returncode:
        said = raised_in(done.stderr.decode(errors="replace"))
        return Timing(steps.batch, error=said or "no reason")
    return Timing(**json.loads(done.stdout.splitlines()[-1]))


def main() -> None:
    """What the process runs: reads what to time from stdin, and writes the timing to stdout."""
    sent: Packed = pickle.load(sys.stdin.buffer)  # noqa: S301 - made by our own process
    sent.enter()
    with tempfile.TemporaryDirectory() as folder:
        with importing():
            task, steps, batch, gpu, seconds, patience = sent.unpacked(folder)
        found = time_steps(task, steps, batch, gpu=gpu, seconds=seconds, patience=patience)
    sys.stdout.write("\n" + json.dumps(asdict(found)) + "\n")
    sys.stdout.flush()
