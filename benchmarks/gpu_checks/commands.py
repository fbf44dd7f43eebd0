"""The commands that measure devices, as a user types them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import torch

from gpu_checks.check import Place, Row, check

__all__ = ["commands"]

_FILE = """
import raynas as nas
from gpu_checks.networks import Classifier, Net, data

search = nas.Search(
    space=nas.Space(Net, baseline=Net({width}, 2)),
    task=nas.LightningTask(Classifier, data(1024, 16, 64), "val_loss", 20, mode="min"),
    resources=nas.Resources(cpu=1, gpu={gpu}),
)
"""


@check(
    150,
    raynas_speed="`raynas speed` names the device, and its times, memory and share are positive",
    raynas_profile="`raynas profile --latency` shows a latency",
)
def commands(place: Place) -> Iterator[Row]:
    """See the claims."""
    file = Path(place.folder, "search.py")
    file.write_text(_FILE.format(width=place.pick(64, 8), gpu=place.pick(0.25, 0)))
    yield _speed(place, file)
    done = _raynas("profile", str(file), "--latency", "--samples", place.pick("10", "3"))
    found = re.findall(r"latency[^\n]*\d[^\n]*", done.stdout)
    holds = done.returncode == 0 and bool(found)
    seen = found[0] if found else _last(done)
    yield Row.judged("raynas profile", holds, " ".join(seen.split()))


def _speed(place: Place, file: Path) -> Row:
    limits = ("--minutes", place.pick("0.8", "5"), "--seconds", place.pick("0.3", "0.05"))
    most = ("--max-batch", place.pick("256", "16"), "--patience", place.pick("60", "900"))
    done = _raynas(
        *("speed", str(file), "--no-compile", "--folder", place.folder, "--name", "speed"),
        *(*limits, *most),
    )
    written = Path(place.folder, "speed", "speed.json")
    if done.returncode or not written.is_file():
        return Row.judged("raynas speed", False, _last(done))
    found = json.loads(written.read_text())
    timings = [timing for each in found["timings"].values() for timing in each]
    times = [timing["seconds"] for timing in timings if not timing["error"]]
    memory = max((timing["memory"] or 0 for timing in timings), default=0)
    share = found["sharing"]
    name = torch.cuda.get_device_name() if place.gpu else ""
    holds = bool(times) and min(times) > 0 and found["gpu"] is place.gpu
    if place.gpu:
        holds = holds and found["device"] == name and memory > 0 and bool(share)
        holds = holds and 0 < share["gpu"] <= 1
    seen = (
        f"{found['device']}: batch {found['recommended']}, "
        f"{share['trials'] if share else '?'} trials a device, {memory / 2**20:.0f} MiB at most"
    )
    return Row.judged("raynas speed", holds, seen, skipped=found["skipped"])


def _raynas(*arguments: str) -> subprocess.CompletedProcess[str]:
    path = {"PYTHONPATH": ":".join(sys.path), "COLUMNS": "160"}
    return subprocess.run(
        [sys.executable, "-m", "raynas", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **path},
    )


def _last(done: subprocess.CompletedProcess[str]) -> str:
    lines = (done.stdout + done.stderr).strip().splitlines() or ["nothing printed"]
    return f"exit code {done.returncode}: {lines[-1]}"
