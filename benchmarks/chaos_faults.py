"""The faults that `benchmarks/chaos.py` injects besides kills: one function each.

Each takes a search of one trial at a time to some results, does what its name says, lets the search
go on or gives the same command again, and counts as a kill does.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from chaos_kills import compare, descendants, finish, is_worker
from chaos_rounds import Result, Round
from chaos_site import PATIENCE, Site, Whole
from chaos_stores import Outcomes

PROJECT = Path(__file__).parent.parent
HALF = 60
OUTAGE_SECONDS = 60.0
SIGNAL_SECONDS = 0.5

# The driver's clock goes on by an hour while nothing happens, as that of a laptop whose lid was
# closed. The search may take twelve minutes.
JUMP = """
import os, time
_real, _flag = time.time, {flag!r}
if os.environ.get("JUMPING"):
    time.time = lambda: _real() + 3600 * os.path.exists(_flag)
"""

TWO_MACHINES = """
import sys
from ray.cluster_utils import Cluster
cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
second = cluster.add_node(num_cpus=1)
cluster.wait_for_nodes()
(raylet,) = second.all_processes["raylet"]
print(cluster.address, raylet.process.pid, flush=True)
sys.stdin.read()
cluster.shutdown()
"""


class WrongError(Exception):
    """What a fault did is not what it should do."""


def full_disk(site: Site, result: Result) -> None:
    """The disk is full: the search ends with a message; with room it goes on."""
    place = site.journal.parent.parent
    place.mkdir()
    run("mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", str(place))
    code = site.start().wait(timeout=PATIENCE)
    before = site.reader.outcomes()
    expect(code == 2 and before, f"exit code {code} after {len(before)} results: {site.said()}")
    expect("No space left" in site.said(), site.said())
    result.message = site.message
    run("mount", "-o", "remount,size=64m", str(place))
    go_on(site, before, result)


def interrupted_twice(site: Site, result: Result) -> None:
    """Ctrl-C, and again before the first one has ended the search."""
    process = site.start()
    site.wait_for(HALF, process)
    process.send_signal(signal.SIGINT)
    time.sleep(SIGNAL_SECONDS)
    process.send_signal(signal.SIGINT)
    process.wait(timeout=PATIENCE)
    go_on(site, site.reader.outcomes(), result)


def torn_last_line(site: Site, result: Result) -> None:
    """The machine dies in the middle of a write: half a line is at the journal's end."""
    process = site.start()
    site.wait_for(HALF, process)
    process.kill()
    process.wait()
    before = site.reader.outcomes()
    last = site.journal.read_bytes().splitlines(keepends=True)[-1]
    with site.journal.open("ab") as journal:
        journal.write(last[: len(last) // 2])
    go_on(site, before, result)


def second_driver(site: Site, result: Result) -> None:
    """The same command while the first one runs: it is refused, and told who holds the search."""
    process = site.start()
    site.wait_for(HALF // 2, process)
    code = site.start().wait(timeout=PATIENCE)
    expect(process.poll() is None, "the first ended before the second was refused")
    expect(code == 2 and f"in use by process {process.pid}" in site.said(), site.said())
    result.message = site.message
    process.wait(timeout=PATIENCE)
    compare(site.reader.outcomes(), site.reader.outcomes(), result)


def folder_removed(site: Site, result: Result) -> None:
    """Somebody removes the results: the search ends with a message and keeps what it knows."""
    lost(site, result, lambda: shutil.rmtree(site.journal.parent.parent))


def journal_replaced(site: Site, result: Result) -> None:
    """An identical copy takes the journal's place, as rsync and editors do."""

    def replace() -> None:
        copy = site.journal.with_name("copy")
        shutil.copy2(site.journal, copy)
        copy.replace(site.journal)

    lost(site, result, replace)


def journal_shortened(site: Site, result: Result) -> None:
    """The journal is cut to a third in place."""
    lost(site, result, lambda: os.truncate(site.journal, site.journal.stat().st_size // 3))


def lost(site: Site, result: Result, fault: Callable[[], object]) -> None:
    """Do that to the journal of a running search, and go on with what it wrote beside it."""
    process = site.start()
    site.wait_for(HALF, process)
    before = site.reader.outcomes()
    fault()
    code = process.wait(timeout=PATIENCE)
    expect(code == 2 and "all in the journal" in site.said(), site.said())
    result.message = site.message
    (kept,) = site.journal.parent.glob("*.rescued-*.log")
    kept.replace(site.journal)
    go_on(site, before, result)


def raylet_killed(site: Site, result: Result) -> None:
    """Ray's raylet is killed: the search ends with a message, and goes on."""
    ray_killed(site, result, "/raylet")


def head_killed(site: Site, result: Result) -> None:
    """Ray's head (GCS) is killed."""
    ray_killed(site, result, "/gcs_server")


def ray_killed(site: Site, result: Result, program: str) -> None:
    """A process of the search's own Ray is killed."""
    ends(site, result, "was killed", lambda driver: kill_ray(driver, program, signal.SIGKILL))


def head_stopped(site: Site, result: Result) -> None:
    """Ray's head accepts connections and answers nothing, as one that swaps."""
    ends(
        site,
        result,
        "has not answered",
        lambda driver: kill_ray(driver, "/gcs_server", signal.SIGSTOP),
    )


def object_store_removed(site: Site, result: Result) -> None:
    """The object store's socket is removed, and a worker killed, whose successor looks for it."""

    def remove(driver: int) -> None:
        options = arguments_of(ray_process(driver, "/raylet"))
        (socket,) = [o.partition("=")[2] for o in options if o.startswith("--store_socket_name=")]
        Path(socket).unlink()
        for pid in filter(is_worker, descendants(driver)):
            os.kill(pid, signal.SIGKILL)

    ends(site, result, "was removed", remove)


def ends(site: Site, result: Result, said: str, fault: Callable[[int], object]) -> None:
    """Do that to a driver, whose search ends with a message that has `said`; and go on."""
    process = site.start()
    site.wait_for(HALF, process)
    before = site.reader.outcomes()
    fault(process.pid)
    code = process.wait(timeout=PATIENCE)
    expect(code == 2 and said in site.said(), f"exit code {code}: {site.said()}")
    result.message = site.message
    go_on(site, before, result)


def kill_ray(driver: int, program: str, number: signal.Signals) -> None:
    """Send a signal to a process of a driver's own Ray."""
    os.kill(ray_process(driver, program), number)


def machine_gone(site: Site, result: Result) -> None:
    """A machine of a cluster dies: what ran there runs again elsewhere, and the search goes on."""
    cluster = subprocess.Popen(
        [sys.executable, "-c", TWO_MACHINES],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "RAY_agent_register_timeout_ms": "180000", "RAY_AUTH_MODE": "token"},
        text=True,
    )
    assert cluster.stdin is not None  # noqa: S101 - pipes, as asked
    assert cluster.stdout is not None  # noqa: S101
    try:
        site.address, _, raylet = cluster.stdout.readline().strip().partition(" ")
        expect(raylet, "the cluster did not start")
        process = site.start()
        site.wait_for(HALF, process)
        before = site.reader.outcomes()
        os.kill(int(raylet), signal.SIGKILL)
        expect(process.wait(timeout=PATIENCE) == 0, site.said())
        compare(before, site.reader.outcomes(), result)
    finally:
        site.address = "local"
        cluster.stdin.close()
        cluster.wait()


def ray_process(driver: int, program: str) -> int:
    """The process of a driver's own Ray that runs `program`."""
    (pid,) = [pid for pid in descendants(driver) if arguments_of(pid)[0].endswith(program)]
    return pid


def arguments_of(pid: int) -> list[str]:
    """The command line of a process."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")
    except OSError:
        return [""]


def clock_jump(site: Site, result: Result) -> None:
    """The clock jumps by an hour, in a search that may take twelve minutes."""
    flag = site.folder / "jump"
    text = site.file.read_text().replace("parallel=1)", "parallel=1, hours=0.2)")
    site.file.write_text(JUMP.format(flag=str(flag)) + text)
    process = site.start(JUMPING="1")
    site.wait_for(HALF, process)
    flag.touch()
    process.wait(timeout=PATIENCE)
    compare(site.reader.outcomes(), site.reader.outcomes(), result)
    expect("clock jumped" in (site.journal.parent / "events.jsonl").read_text(), "no jump was seen")
    expect(len(site.reader.outcomes()) == site.round.trials, "the jump ended the search")


def store_unreachable(site: Site, result: Result) -> None:
    """The database is away for a minute: the search waits, and goes on by itself."""
    sys.path.append(str(PROJECT / "cluster" / "testing"))
    from database import postgresql

    site.folder.chmod(0o755)
    with postgresql(site.folder, "127.0.0.1") as server:
        there = Site(site.round, site.folder, site.address, server.url)
        process = there.start()
        there.wait_for(HALF, process)
        before = there.reader.outcomes()
        server.stop()
        time.sleep(OUTAGE_SECONDS)
        server.start()
        expect(process.wait(timeout=PATIENCE) == 0, site.said())
        after = there.reader.outcomes()
    compare(before, after, result)
    result.unfinished = site.round.trials - len(after)


FAULTS: dict[str, Callable[[Site, Result], None]] = {
    "full disk": full_disk,
    "store away for a minute": store_unreachable,
    "Ctrl-C twice": interrupted_twice,
    "clock jumps by an hour": clock_jump,
    "torn last line": torn_last_line,
    "second driver": second_driver,
    "folder removed": folder_removed,
    "journal replaced": journal_replaced,
    "journal shortened": journal_shortened,
    "raylet killed": raylet_killed,
    "Ray's head killed": head_killed,
    "Ray's head stopped": head_stopped,
    "Ray's object store removed": object_store_removed,
    "machine of a cluster gone": machine_gone,
}


def inject(round_: Round, folder: Path, whole: Whole) -> Result:
    """Play the round of a fault."""
    site, result = Site(round_, folder), Result(kills=1)
    try:
        FAULTS[round_.victim](site, result)
        if site.journal.exists():
            finish(site, {}, result, whole)
    finally:
        if site.journal.parent.parent.is_mount():
            run("umount", str(site.journal.parent.parent))
    return result


def go_on(site: Site, before: Outcomes, result: Result) -> None:
    """The same command again, to the end."""
    code = site.start().wait(timeout=PATIENCE)
    expect(code == 0, f"exit code {code}: {site.said()}")
    compare(before, site.reader.outcomes(), result)


def run(*command: str) -> None:
    """Run a command that must succeed."""
    subprocess.run(command, check=True)


def expect(holds: object, otherwise: str) -> None:
    """Fail with `otherwise` unless it `holds`."""
    if not holds:
        raise WrongError(otherwise)
