"""Searches whose driver or workers are killed again and again, for `benchmarks/chaos.py`."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from chaos_rounds import Result, Round
from chaos_site import PATIENCE, Site
from chaos_stores import Outcomes, database

STARTS_KILLED = 0.5
"""Chance that a driver is killed while it starts, before one that is killed after more results."""

RAY = """
import sys, ray
from raynas.tune.ray_session import start
start(address="local", num_cpus=2, include_dashboard=False)
print(ray.get_runtime_context().gcs_address, flush=True)
sys.stdin.read()
"""


@dataclass(frozen=True)
class Ray:
    """A Ray that outlives the drivers: where it is, and the process that started it."""

    address: str
    pid: int


@contextmanager
def cluster() -> Iterator[Ray]:
    """A Ray of this script."""
    process = subprocess.Popen(
        [sys.executable, "-c", RAY],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "RAY_agent_register_timeout_ms": "180000"},
        text=True,
    )
    assert process.stdin is not None  # noqa: S101 - pipes, as asked
    assert process.stdout is not None  # noqa: S101
    try:
        address = process.stdout.readline().strip()
        if not address:
            raise SystemExit("Ray did not start")
        yield Ray(address, process.pid)
    finally:
        process.stdin.close()
        process.wait()


def play(round_: Round, folder: Path, ray: Ray, reference: Callable[[Round], object]) -> Result:
    """Run one round in `folder`."""
    with database(round_.store, folder) as url:
        site = Site(round_, folder, ray.address if round_.in_cluster else "local", url)
        return kill_again_and_again(site, ray, reference)


def kill_again_and_again(site: Site, ray: Ray, reference: Callable[[Round], object]) -> Result:
    """Run a search to its end in spite of what happens to it."""
    round_, result = site.round, Result()
    rng = random.Random(f"{round_}")
    before: Outcomes = {}
    step = max(1, round_.trials // (round_.kills + 1))
    process = None
    seconds = 0.0
    for target in range(step, round_.trials - 1, step):
        if process is None and seconds and rng.random() < STARTS_KILLED:
            before = kill_at_start(site, rng.uniform(0, seconds), before, result)
        begun = time.monotonic()
        process = process or site.start()
        if not site.wait_for(target, process):
            break
        seconds = seconds or time.monotonic() - begun
        time.sleep(rng.uniform(0, 0.3))
        if process.poll() is not None or not kill(process, ray.pid, round_.victim, rng):
            break
        result.kills += 1
        if round_.victim == "driver":
            process = None
            compare(before, site.reader.outcomes(), result)
            before = site.reader.outcomes()
    if not result.kills:
        raise SystemExit(f"{round_}: the search ended before anything was killed: {site.said()}")
    (process or site.start()).wait(timeout=PATIENCE)
    finish(site, before, result, reference)
    return result


def kill_at_start(site: Site, seconds: float, before: Outcomes, result: Result) -> Outcomes:
    """SIGKILL a driver so long after its start; what is stored then."""
    process = site.start()
    time.sleep(seconds)
    if process.poll() is None:
        kill(process, 0, "driver", random.Random())
        result.kills += 1
    after = site.reader.outcomes()
    compare(before, after, result)
    return after


def finish(
    site: Site,
    before: Outcomes,
    result: Result,
    reference: Callable[[Round], object],
) -> None:
    """Compare what a search came to with what it had, and with one that nobody killed."""
    after = site.reader.outcomes()
    compare(before, after, result)
    result.unfinished = site.round.trials - len(after)
    if result.unfinished:
        result.message = site.message
    result.failed = sum(data.get("kind") == "failed" for data in after.values())
    if site.round.parallel == 1:
        result.equal = site.reader.told() == reference(site.round)


def kill(process: subprocess.Popen[bytes], ray: int, victim: str, rng: random.Random) -> bool:
    """SIGKILL the driver, or one of its workers; whether there was one."""
    if victim == "driver":
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        return True
    deadline = time.monotonic() + PATIENCE
    while process.poll() is None and time.monotonic() < deadline:
        workers = [pid for pid in descendants(ray) if is_worker(pid)]
        if workers:
            os.kill(rng.choice(workers), signal.SIGKILL)
            return True
        time.sleep(0.05)
    return False


def descendants(pid: int) -> list[int]:
    """The processes below `pid`."""
    try:
        threads = list(Path(f"/proc/{pid}/task").iterdir())
        children = [int(c) for t in threads for c in (t / "children").read_text().split()]
    except OSError:
        return []
    return children + [below for child in children for below in descendants(child)]


def is_worker(pid: int) -> bool:
    """Whether a process runs trials."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().startswith(b"ray::raynas_trial")
    except OSError:
        return False


def compare(before: Outcomes, after: Outcomes, result: Result) -> None:
    """Count the results that a kill took or changed, and the trials that ended twice."""
    result.lost += sum(number not in after for number in before)
    result.repeated += sum(after.get(n, data) != data for n, data in before.items())
    result.repeated += sum("twice" in after[n] for n in after.keys() - before.keys())
