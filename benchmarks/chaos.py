"""Kill real searches at random, run the same command again, and count what was lost or repeated.

    python benchmarks/chaos.py --minutes 30 --out docs/benchmarks/chaos.md --state chaos.jsonl

Each round is a search of its own, in a process of its own: over a table with 1, 2 or 8 trials at a
time, or of Lightning trainings (examples/digits.py). Its driver is killed with SIGKILL, again and
again, each time after a random number of further results; or a worker is. At the end it is compared
with what was stored before each kill, and where one trial ran at a time with a search that nobody
killed. Rounds that are in the state file are not run again.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

COMMAND = [sys.executable, "-c", "from raynas.cli import main; main()"]
EXAMPLES = Path(__file__).parent.parent / "examples"
PATIENCE = 900.0

TABLE_SEARCH = """
import itertools, random, time
import raynas as nas
from raynas.space import choice, repeat, searchable

@searchable
class Cell:
    edges: tuple[int, ...] = repeat(choice(0, 1, 2, 3, 4), 5)

def look_up(cell):
    time.sleep({seconds})
    return (3 * sum(cell.edges) + 7 * cell.edges[0] * cell.edges[3]) % 23

search = nas.Search(
    space=Cell,
    task=nas.FunctionTask(look_up),
    controller="evolution",
    rules=(),
    limits=nas.Limits(trials={trials}, parallel={parallel}),
    resources=nas.Resources(cpu={cpu}),
)
"""


@dataclass(frozen=True)
class Round:
    """A search to kill.

    Attributes:
        kind: ``"table"`` or ``"lightning"``.
        parallel: Trials at a time.
        victim: ``"driver"`` or ``"worker"``.
        seed: Of the moments.
    """

    kind: str
    parallel: int
    victim: str
    seed: int

    @property
    def trials(self) -> int:
        """How many trials the search has."""
        return 12 if self.kind == "lightning" else 300


@dataclass
class Result:
    """What a round found: kills, and how many results were lost, changed or asked twice."""

    kills: int = 0
    lost: int = 0
    repeated: int = 0
    unfinished: int = 0
    failed: int = 0
    equal: bool | None = None


def rounds() -> list[Round]:
    """All rounds, those that matter most first and mixed, so that any part of them is a sample."""
    found = []
    for seed in range(6):
        for parallel in (1, 2, 8):
            found.append(Round("table", parallel, "driver", seed))
        found.append(Round("table", 2, "worker", seed))
        if seed < 3:
            found.append(Round("lightning", 1 + seed % 2, "driver", seed))
    return found


def play(round_: Round, kills: int, folder: Path) -> Result:
    """Run one round in `folder`."""
    rng = random.Random(f"{round_}")
    file = write_search(round_, folder)
    journal = folder / "raynas-results" / "killed" / "journal.log"
    result = Result()
    before: dict[int, dict[str, object]] = {}
    step = max(1, round_.trials // (kills + 1))
    for target in range(step, round_.trials - 1, step):
        process = start(file, folder, "killed", round_)
        deadline = time.monotonic() + PATIENCE
        while len(outcomes(journal)) < target and process.poll() is None:
            if time.monotonic() > deadline:
                raise SystemExit(f"{round_}: no progress")
            time.sleep(0.02)
        time.sleep(rng.uniform(0, 0.3))
        if process.poll() is not None:
            break
        kill(process, round_.victim, rng)
        result.kills += 1
        if round_.victim == "worker":
            process.wait(timeout=PATIENCE)
        compare(before, outcomes(journal), result)
        before = outcomes(journal)
    process = start(file, folder, "killed", round_)
    process.wait(timeout=PATIENCE)
    after = outcomes(journal)
    compare(before, after, result)
    result.unfinished = round_.trials - len(after)
    result.failed = sum(kind_of(data) == "failed" for data in after.values())
    if round_.parallel == 1 and round_.victim == "driver":
        start(file, folder, "whole", round_).wait(timeout=PATIENCE)
        whole = folder / "raynas-results" / "whole" / "journal.log"
        result.equal = told(journal) == told(whole)
    return result


def kill(process: subprocess.Popen[bytes], victim: str, rng: random.Random) -> None:
    """SIGKILL the driver, or one of its workers."""
    if victim == "driver":
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        return
    for _ in range(100):
        workers = [pid for pid in descendants(process.pid) if is_worker(pid)]
        if workers:
            os.kill(rng.choice(workers), signal.SIGKILL)
            return
        time.sleep(0.05)


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


def compare(
    before: dict[int, dict[str, object]], after: dict[int, dict[str, object]], result: Result
) -> None:
    """Count the results that a kill took or changed, and the trials that ended twice."""
    result.lost += sum(number not in after for number in before)
    result.repeated += sum(after.get(n, data) != data for n, data in before.items())


def outcomes(journal: Path) -> dict[int, dict[str, object]]:
    """The outcome of each trial by number, as the journal has it; the first, were there two."""
    found: dict[int, dict[str, object]] = {}
    for line in lines(journal):
        if line["op_code"] == 8 and "outcome" in line["user_attr"]:
            number = line["trial_id"]
            if number in found:
                found[number] = {"twice": True}
            else:
                found[number] = line["user_attr"]["outcome"]
    return found


def kind_of(data: dict[str, object]) -> object:
    """How a trial ended."""
    return data.get("kind")


def told(journal: Path) -> list[tuple[object, object]]:
    """Each trial's decisions and reward, in ask order."""
    asked = [line["params"] for line in lines(journal) if line["op_code"] == 4]
    rewards = {n: data.get("reward") for n, data in outcomes(journal).items()}
    return [(params, rewards.get(number)) for number, params in enumerate(asked)]


def lines(journal: Path) -> list[dict[str, object]]:
    """The whole lines of a journal."""
    if not journal.exists():
        return []
    text = journal.read_bytes().splitlines(keepends=True)
    return [json.loads(line) for line in text if line.endswith(b"\n")]


def write_search(round_: Round, folder: Path) -> Path:
    """The search file of a round."""
    if round_.kind == "lightning":
        return EXAMPLES / "digits.py"
    file = folder / "table_search.py"
    cpu = min(1.0, 2 / round_.parallel)
    file.write_text(
        TABLE_SEARCH.format(
            seconds=0.02 * round_.parallel,
            trials=round_.trials,
            parallel=round_.parallel,
            cpu=cpu,
        )
    )
    return file


def start(file: Path, folder: Path, name: str, round_: Round) -> subprocess.Popen[bytes]:
    """Run `raynas search`."""
    options = ["--name", name, "--trials", str(round_.trials), "--parallel", str(round_.parallel)]
    return subprocess.Popen(
        [*COMMAND, "search", str(file), *options],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def report(found: list[tuple[Round, Result]]) -> str:
    """The page."""
    groups: dict[tuple[str, int, str], list[Result]] = {}
    for round_, result in found:
        groups.setdefault((round_.kind, round_.parallel, round_.victim), []).append(result)
    rows = [
        f"| {kind} | {parallel} | {victim} | {len(results)} | {sum(r.kills for r in results)} "
        f"| {sum(r.lost for r in results)} | {sum(r.repeated for r in results)} "
        f"| {sum(r.unfinished for r in results)} | {sum(r.failed for r in results)} "
        f"| {equal(results)} |"
        for (kind, parallel, victim), results in sorted(groups.items())
    ]
    drivers = sum(r.kills for round_, r in found if round_.victim == "driver")
    workers = sum(r.kills for round_, r in found if round_.victim == "worker")
    return "\n".join(
        [
            "# Killed at random",
            "",
            f"{drivers} SIGKILLs of drivers and {workers} of workers, over {len(found)} searches,",
            "by `benchmarks/chaos.py`. After each kill of a driver the same command was run again.",
            "Lost: results that were stored before a kill and not after it. Repeated: trials with",
            "another or a second result. Unfinished: trials without a result at the end. Failed:",
            "trials that ended as failed. Equal: whether decisions and rewards of all the sequence",
            "are those of a search that nobody killed, looked at where one trial ran at a time.",
            "",
            "| search | at a time | killed | searches | kills | lost | repeated | unfinished "
            "| failed | equal |",
            "|---|---|---|---|---|---|---|---|---|---|",
            *rows,
            "",
        ]
    )


def equal(results: list[Result]) -> str:
    """How many of the compared sequences are equal."""
    compared = [result.equal for result in results if result.equal is not None]
    return f"{sum(compared)} of {len(compared)}" if compared else ""


def main() -> None:
    """Play rounds until the time is over, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=60.0, help="Start no round after these.")
    parser.add_argument("--kills", type=int, default=8, help="Kills a search.")
    parser.add_argument("--state", type=Path, default=Path("chaos.jsonl"))
    parser.add_argument("--out", type=Path, default=Path("docs/benchmarks/chaos.md"))
    options = parser.parse_args()
    texts = options.state.read_text().splitlines() if options.state.exists() else []
    found = [(Round(**e["round"]), Result(**e["result"])) for e in map(json.loads, texts)]
    known = {round_ for round_, _ in found}
    until = time.monotonic() + options.minutes * 60
    for round_ in rounds():
        if round_ in known or time.monotonic() > until:
            continue
        with tempfile.TemporaryDirectory(prefix="chaos-") as folder:
            kills = min(options.kills, 3) if round_.kind == "lightning" else options.kills
            result = play(round_, kills, Path(folder))
        found.append((round_, result))
        with options.state.open("a") as file:
            file.write(json.dumps({"round": asdict(round_), "result": asdict(result)}) + "\n")
        print(round_, result, flush=True)
        options.out.parent.mkdir(parents=True, exist_ok=True)
        options.out.write_text(report(found))


if __name__ == "__main__":
    main()
