"""Faults of a store, of what trials send and of processes: each once, with its message.

    python benchmarks/chaos_damage.py

Each function does what its name says to a search without Ray, sees that nothing is lost or moved,
and gives the message that the user reads.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from raynas.asktell import AskTell
from raynas.errors import RaynasError
from raynas.space import integer, searchable
from raynas.store.repair import repair_journal
from raynas.trials import Failed, Point

TRIALS, PLACE = 70, 10
HUGE = 50_000_000
REPORTS, MOST_SECONDS = 100_000, 5.0
URL = "postgresql:/user:password@host/db"
BASH = "/bin/bash"
SEARCH = """
import raynas as nas
from raynas.space import integer, searchable

@searchable
class Net:
    width: int = integer(1, 10_000)

search = nas.Search(
    Net, nas.FunctionTask(lambda net: float(net.width)), limits=nas.Limits(trials=2, parallel=1)
)
"""


LEAKING = """
import os
import raynas as nas
from raynas.space import integer, searchable

kept = []

@searchable
class Net:
    width: int = integer(1, 10_000)

def leaks(net):
    kept.append(bytearray(os.urandom(2**20)) * 200)
    with open("workers", "a") as file:
        print(os.getpid(), file=file)
    return float(net.width)

search = nas.Search(Net, nas.FunctionTask(leaks), limits=nas.Limits(trials=12, parallel=1))
"""


@searchable
class Net:
    """Its reward is its width, so that a reward on another architecture shows."""

    width: int = integer(1, 10_000)


class WrongError(Exception):
    """Something was lost, moved or not said."""


def searched(path: Path, seed: int = 0) -> Path:
    """A journal of 70 trials."""
    with AskTell(Net, "random", seed, store=path) as search:
        for _ in range(TRIALS):
            one_more(search)
    return path


def one_more(search: AskTell[Net]) -> None:
    """Ask and tell."""
    proposal = search.ask()
    if proposal is not None:
        search.tell(proposal.number, float(proposal.architecture.width))


def message_of(work: Callable[[], object]) -> str:
    """What an error of raynas's says."""
    try:
        work()
    except RaynasError as error:
        return " ".join(str(error).split())
    raise WrongError("it was not refused")


def judged(path: Path, least: int = TRIALS, seed: int = 0) -> None:
    """See that so many results are there, each on its own architecture."""
    with AskTell(Net, "random", seed, store=path) as search:
        completed = search.history.completed
    if len(completed) < least:
        raise WrongError(f"{least - len(completed)} results are lost")
    if any(trial.reward != float(trial.architecture.width) for trial in completed):
        raise WrongError("a reward stands on another architecture")


def refused_and_repaired(folder: Path, change: Callable[[list[bytes]], Any], least: int) -> str:
    """Damage a journal; the refusal and what the repair says."""
    path = searched(folder / "journal.log")
    lines = path.read_bytes().splitlines(keepends=True)
    change(lines)
    path.write_bytes(b"".join(lines))
    said = message_of(lambda: AskTell(Net, "random", store=path))
    repair = repair_journal(path)
    judged(path, least)
    kept = f"{repair.ended} of {TRIALS} results kept"
    return f"{said} → {'; '.join([*repair.damage, *repair.lost, kept])}"


def created(lines: list[bytes]) -> int:
    """The line that proposes trial 10."""
    about = b'"number":%d,' % PLACE
    return next(i for i, line in enumerate(lines) if about in line and b'"params"' in line)


def turned(lines: list[bytes], *places: int) -> None:
    """Turn a bit of the line that proposes trial 10, at each of these places."""
    at = created(lines)
    line = bytearray(lines[at])
    for place in places:
        line[place] ^= 1
    lines[at] = bytes(line)


def bit_turned(folder: Path) -> str:
    """One bit of a proposal."""
    return refused_and_repaired(folder, lambda lines: turned(lines, 90), TRIALS)


def two_bits_turned(folder: Path) -> str:
    """Two bits of a proposal, which cannot be turned back."""
    return refused_and_repaired(folder, lambda lines: turned(lines, 90, 120), TRIALS)


def line_deleted(folder: Path) -> str:
    """A proposal is gone."""
    return refused_and_repaired(folder, lambda lines: lines.pop(created(lines)), TRIALS)


def result_deleted(folder: Path) -> str:
    """A result is gone: that trial runs again."""
    return refused_and_repaired(folder, lambda lines: lines.pop(created(lines) + 1), TRIALS - 1)


def swapped_while_open(folder: Path) -> str:
    """The journal of another search takes the journal's place while the search runs."""
    other = searched(folder / "other.log", seed=1)
    path = searched(folder / "journal.log")
    search = AskTell(Net, "random", store=path)
    os.replace(other, path)
    said = message_of(lambda: one_more(search))
    search.close()
    (kept,) = folder.glob("*.rescued-*")
    judged(kept)
    return said.replace(str(folder), "…")


def folder_removed(folder: Path) -> str:
    """The folder is gone while the search runs."""
    path = folder / "results" / "journal.log"
    path.parent.mkdir()
    searched(path)
    search = AskTell(Net, "random", store=path)
    shutil.rmtree(path.parent)
    said = message_of(lambda: one_more(search))
    search.close()
    (kept,) = path.parent.glob("*.rescued-*")
    judged(kept)
    return said


def read_only_mount(folder: Path) -> str:
    """The store is on a file system that is mounted to be read."""
    with mounted(folder / "mounted") as place:
        path = searched(place / "journal.log")
        run("mount", "-o", "remount,ro", str(place))
        said = message_of(lambda: AskTell(Net, "random", store=path))
        with AskTell(Net, "random", store=path, read_only=True) as search:
            if len(search.history.completed) != TRIALS:
                raise WrongError("it cannot be looked at")
    return said


@contextmanager
def mounted(place: Path) -> Iterator[Path]:
    """A file system of its own; needs root."""
    place.mkdir()
    run("mount", "-t", "tmpfs", "tmpfs", str(place))
    try:
        yield place
    finally:
        run("umount", str(place))


def run(*command: str) -> None:
    """Run a command that must succeed."""
    subprocess.run(command, check=True)


def one_slash(folder: Path) -> str:
    """A database URL with one slash: nothing is created, and the password is not shown."""
    os.chdir(folder)
    before = set(Path.cwd().iterdir())
    said = message_of(lambda: AskTell(Net, store=URL))
    if "password" in said or set(Path.cwd().iterdir()) != before:
        raise WrongError(said)
    return said


def huge_errors(folder: Path) -> str:
    """Four errors of 50 MB."""
    path = folder / "journal.log"
    with AskTell(Net, "random", store=path) as search:
        for _ in range(4):
            proposal = search.ask()
            if proposal is not None:
                search.tell(proposal.number, Failed("x" * HUGE))
        texts = [trial.outcome.error for trial in search.history.unrewarded]
    if path.stat().st_size > HUGE / 10:
        raise WrongError(f"{path.stat().st_size:,} bytes")
    cut = texts[0].strip("x").strip()
    return f"“{cut}”; a journal of {path.stat().st_size / 1e3:,.0f} kB"


def many_reports(folder: Path) -> str:
    """A trial reports 100,000 times."""
    with AskTell(Net, "random", store=folder / "journal.log") as search:
        search.ask()
        begun = time.process_time()
        for step in range(REPORTS):
            search.report(0, Point(step, {"reward": float(step)}))
        seconds = time.process_time() - begun
        kept = len(search.history[0].points)
    if seconds > MOST_SECONDS:
        raise WrongError(f"{seconds:.1f} s")
    return f"{kept} points are kept; {seconds:.1f} s of the driver's CPU"


_inherited: list[AskTell[Net]] = []


def _asks() -> str:
    return message_of(_inherited[0].ask)


def fork_in_a_pool(folder: Path) -> str:
    """A pool of forked processes uses its parent's search."""
    with AskTell(Net, "random", store=folder / "journal.log") as search:
        search.ask()
        _inherited.append(search)
        with multiprocessing.get_context("fork").Pool(1) as pool:
            said: str = pool.apply(_asks)
        _inherited.clear()
        proposal = search.ask()
    if proposal is None or proposal.number != 1:
        raise WrongError("the parent cannot go on")
    return said


def told_from_threads(folder: Path) -> str:
    """Eight threads and an event loop ask and tell one search."""
    path = folder / "journal.log"

    async def awaited(search: AskTell[Net]) -> None:
        await asyncio.gather(*(asyncio.to_thread(one_more, search) for _ in range(TRIALS)))

    with AskTell(Net, "random", store=path) as search, ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: one_more(search), range(TRIALS)))
        asyncio.run(awaited(search))
    judged(path, 2 * TRIALS)
    return f"none; {2 * TRIALS} results are stored"


def limited(option: str) -> Callable[[Path], str]:
    """A search under a limit of the shell's."""

    def fault(folder: Path) -> str:
        (folder / "search.py").write_text(SEARCH)
        begun = time.monotonic()
        done = subprocess.run(
            [BASH, "-c", f"ulimit {option}; exec {sys.executable} -m raynas search search.py"],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
        said = " ".join(done.stderr.split())
        if done.returncode != 2 or "Traceback" in said:
            raise WrongError(f"exit code {done.returncode} after {time.monotonic() - begun:.0f} s")
        return said

    return fault


def memory_leaked(folder: Path) -> str:
    """A task keeps 200 MiB of each trial: its workers are replaced in time."""
    (folder / "search.py").write_text(LEAKING.replace("workers", str(folder / "workers")))
    command = [sys.executable, "-m", "raynas", "search", "search.py"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    trials = (folder / "workers").read_text().split()
    most = max(trials.count(worker) for worker in trials)
    if done.returncode or len(trials) != 12 or most > 6:
        raise WrongError(f"exit code {done.returncode}, {trials}: {done.stderr}")
    return f"none; {len(set(trials))} workers ran the {len(trials)} trials, one at most {most}"


DAMAGE: dict[str, Callable[[Path], str]] = {
    "a bit of a proposal is turned": bit_turned,
    "two bits of a proposal are turned": two_bits_turned,
    "a proposal's line is deleted": line_deleted,
    "a result's line is deleted": result_deleted,
    "another search's journal takes the place of an open one": swapped_while_open,
    "the folder of an open search is removed": folder_removed,
    "the store is on a read-only mount": read_only_mount,
    "a store's URL has one slash": one_slash,
    "four errors of 50 MB": huge_errors,
    "a trial reports 100,000 times": many_reports,
    "a pool of forked processes asks": fork_in_a_pool,
    "eight threads and an event loop ask and tell": told_from_threads,
    "a task leaks 200 MiB a trial": memory_leaked,
    "`ulimit -v 4000000`": limited("-v 4000000"),
    "`ulimit -f 1000`": limited("-f 1000"),
    "`ulimit -n 24`": limited("-n 24"),
}


def inflicted(name: str) -> str:
    """What is said of one of `DAMAGE`."""
    with tempfile.TemporaryDirectory(prefix="chaos-") as folder:
        return DAMAGE[name](Path(folder)).replace(folder, "…")


def main() -> None:
    """Print all messages."""
    for name in DAMAGE:
        try:
            print(f"{name}: {inflicted(name)}\n", flush=True)
        except Exception as error:
            print(f"{name}: FAILED {type(error).__name__}: {error}\n", flush=True)


if __name__ == "__main__":
    main()
