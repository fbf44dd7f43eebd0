"""Kill real searches at random, run the same command again, and count what was lost or repeated.

    python benchmarks/chaos.py --minutes 30

Each round is a search of its own, in a process of its own: over a table or of Lightning trainings
(examples/digits.py), with 1, 2 or 8 trials at a time; or a loop that asks and tells without Ray,
which does little else than propose and write. Its driver is killed with SIGKILL, again and
again: at a random moment while it starts, or after some further results and a random moment; or its
workers are. With seed 0 Ray ends with its driver, as on a laptop; with the others it goes on, as in
a cluster. Then come the faults of `benchmarks/chaos_faults.py`, once each. At the end every search
is compared with what was stored before each kill, and where one trial ran at a time with one that
nobody killed.

Other parts of the page are faults without Ray (`benchmarks/chaos_damage.py`), damaged journals
(`benchmarks/chaos_mutations.py`) and threads (`benchmarks/threads.py`). What is found is kept in
`docs/benchmarks/chaos.jsonl`, and not done again; the page is written from all that is kept.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path

from chaos_page import Entry, State, page
from chaos_stores import DatabaseReader, JournalReader, Outcomes, Reader, database

COMMAND = [sys.executable, "-c", "from raynas.cli import main; main()"]
EXAMPLES = Path(__file__).parent.parent / "examples"
PAGE = Path(__file__).parent.parent / "docs" / "benchmarks" / "chaos.md"
PARTS = ["damage", "mutations", "threads", "loops", "kills", "faults"]
PATIENCE = 900.0
STARTS_KILLED = 0.5
"""Chance that a driver is killed while it starts, before one that is killed after more results."""
ASKTELL = "ask and tell"
POLL_SECONDS = {"journal": 0.02, "sqlite": 0.2, "postgresql": 0.1}

TABLE_SEARCH = """
import time
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
LOOP = """
import os
import sys
from raynas.asktell import AskTell
from raynas.space import choice, repeat, searchable

@searchable
class Cell:
    edges: tuple[int, ...] = repeat(choice(0, 1, 2, 3, 4), 5)

def look_up(cell):
    return (3 * sum(cell.edges) + 7 * cell.edges[0] * cell.edges[3]) % 23

store = os.environ.get("RAYNAS_STORE", "raynas-results/killed/journal.log")
with AskTell(Cell, "evolution", store=store, name="killed") as search:
    while len(search.history.ended) < {trials}:
        proposal = search.ask()
        search.tell(proposal.number, float(look_up(proposal.architecture)))
"""
RAY = """
import sys, ray
from raynas.tune.ray_session import start
start(address="local", num_cpus=2, include_dashboard=False)
print(ray.get_runtime_context().gcs_address, flush=True)
sys.stdin.read()
"""


@dataclass(frozen=True)
class Round:
    """A search to kill.

    Attributes:
        kind: ``"table"``, ``"lightning"``, or ``"ask and tell"`` for the loop without Ray.
        parallel: Trials at a time.
        victim: ``"driver"``, ``"worker"`` or the name of another fault.
        seed: Of the moments.
        store: ``"journal"``, ``"sqlite"`` or ``"postgresql"``.
    """

    kind: str
    parallel: int
    victim: str
    seed: int
    store: str = "journal"

    @property
    def trials(self) -> int:
        """How many trials the search has."""
        return {"lightning": 12, "table": 120, ASKTELL: 600}[self.kind]

    @property
    def kills(self) -> int:
        """How often it is killed."""
        return {"lightning": 3, "table": 9, ASKTELL: 20}[self.kind]

    @property
    def in_cluster(self) -> bool:
        """Whether Ray goes on when its driver is killed."""
        return self.seed > 0


@dataclass
class Result:
    """What a round found: kills, and how many results were lost, changed or asked twice."""

    kills: int = 0
    lost: int = 0
    repeated: int = 0
    unfinished: int = 0
    failed: int = 0
    equal: bool | None = None
    message: str = ""


def rounds() -> list[Round]:
    """All rounds, mixed, so that any part is a sample; those with Rays of their own come last."""
    found = []
    for seed in (1, 0, 2, 3, 4):
        found.append(Round("table", 1, "driver", seed))
        if seed in (1, 2, 3, 4):
            found.append(Round("table", 2, "driver", seed))
        if seed in (1, 2):
            found.append(Round("table", 8, "driver", seed))
            found.append(Round("table", 2, "worker", seed))
            found.append(Round("lightning", seed, "driver", seed))
        if seed == 3:
            found.append(Round("table", 8, "worker", seed))
            found.append(Round("lightning", 8, "driver", seed))
    for kind in ("postgresql", "sqlite"):
        found += [Round("table", 1, "driver", seed, kind) for seed in (1, 0)]
        found += [Round("table", 2, "driver", seed, kind) for seed in (2, 3)]
        found.append(Round("table", 8, "driver", 1, kind))
        found.append(Round("table", 2, "worker", 1, kind))
        found.append(Round("lightning", 2, "driver", 1, kind))
    return sorted(found, key=lambda round_: not round_.in_cluster)


def loops() -> list[Round]:
    """The rounds without Ray."""
    return [
        Round(ASKTELL, 1, "driver", seed, store) for seed in (1, 2, 3) for store in POLL_SECONDS
    ]


class Site:
    """A folder in which the search of a round runs."""

    def __init__(
        self, round_: Round, folder: Path, address: str = "local", database_url: str = ""
    ) -> None:
        self.round = round_
        self.folder = folder
        self.address = address
        self.store = {"RAYNAS_STORE": database_url} if database_url else {}
        self.file = EXAMPLES / "digits.py"
        if round_.kind != "lightning" or round_.parallel > 2:
            self.file = self._write()

    def _write(self) -> Path:
        cpu = min(1.0, 2 / self.round.parallel)
        file = self.folder / "searched.py"
        if self.round.kind == "lightning":  # as it is, but with room for more at a time
            whole, part = "Resources(cpu=1)", f"Resources(cpu={cpu})"
            text = self.file.read_text().replace(whole, part)
            if part not in text:
                raise SystemExit(f"{self.file} reserves no {whole}")
        elif self.round.kind == ASKTELL:
            text = LOOP.format(trials=self.round.trials)
        else:
            text = TABLE_SEARCH.format(
                seconds=0.02 * self.round.parallel,
                trials=self.round.trials,
                parallel=self.round.parallel,
                cpu=cpu,
            )
        file.write_text(text)
        return file

    @property
    def journal(self) -> Path:
        """Where the search keeps its history, unless that is in a database."""
        return self.folder / "raynas-results" / "killed" / "journal.log"

    @cached_property
    def reader(self) -> Reader:
        """Reads what the search has stored."""
        url = self.store.get("RAYNAS_STORE")
        return DatabaseReader(url) if url else JournalReader(self.journal)

    def start(self, name: str = "killed", **variables: str) -> subprocess.Popen[bytes]:
        """Run `raynas search`."""
        options = {"name": name, "trials": self.round.trials, "parallel": self.round.parallel}
        given = [f"--{option}={value}" for option, value in options.items()]
        search = [*COMMAND, "search", str(self.file), *given]
        return subprocess.Popen(
            [sys.executable, str(self.file)] if self.round.kind == ASKTELL else search,
            cwd=self.folder,
            env={**os.environ, "RAY_ADDRESS": self.address, "RAY_AUTH_MODE": "token"}
            | self.store
            | variables,
            stdout=subprocess.DEVNULL,
            stderr=(self.folder / "said").open("ab"),
        )

    def said(self) -> str:
        """What went to stderr, in one line."""
        return " ".join((self.folder / "said").read_text(errors="replace").split())

    @property
    def message(self) -> str:
        """The last message that went there; empty where there was none."""
        if not self.said():
            return ""
        return "raynas: " + self.said().rpartition("raynas: ")[2].replace(str(self.folder), "…")

    def wait_for(self, target: int, process: subprocess.Popen[bytes]) -> bool:
        """Wait until `target` trials have ended; False where `process` ended before."""
        deadline = time.monotonic() + PATIENCE
        while self.reader.count() < target:
            if process.poll() is not None:
                return False
            if time.monotonic() > deadline:
                raise SystemExit(f"{self.round}: no progress")
            time.sleep(POLL_SECONDS[self.round.store])
        return True


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


class Whole:
    """What a search of each kind finds that nobody kills, one trial at a time; run when needed."""

    def __init__(self, folder: Path, address: str) -> None:
        self._folder = folder
        self._address = address
        self._known: dict[str, object] = {}

    def __call__(self, round_: Round) -> object:
        """What `told` gives of it."""
        if round_.kind not in self._known:
            folder = self._folder / round_.kind
            folder.mkdir()
            site = Site(replace(round_, store="journal"), folder, self._address)
            site.start().wait(timeout=PATIENCE)
            self._known[round_.kind] = site.reader.told()
        return self._known[round_.kind]


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


def main() -> None:
    """Do what the state file does not have yet, until the time is over, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=60.0, help="Begin nothing after these.")
    parser.add_argument("--state", type=Path, default=PAGE.with_suffix(".jsonl"))
    parser.add_argument("--out", type=Path, default=PAGE)
    parser.add_argument("--parts", nargs="*", default=PARTS, help=f"Of {', '.join(PARTS)}.")
    parser.add_argument("--stores", nargs="*", default=list(POLL_SECONDS), help="Of the kills.")
    parser.add_argument("--mutations", type=int, default=5000, help="Damaged journals to judge.")
    options = parser.parse_args()
    state = State(options.state)
    until = time.monotonic() + options.minutes * 60
    for entry in found(options, state, until):
        state.add(entry)
        print(entry, flush=True)
        options.out.write_text(page(state.entries))
    options.out.write_text(page(state.entries))


def found(options: argparse.Namespace, state: State, until: float) -> Iterator[Entry]:
    """What is not known yet, one after the other, of the parts asked for."""
    parts = options.parts
    from chaos_damage import DAMAGE, inflicted
    from chaos_faults import FAULTS
    from chaos_mutations import prove_all
    from threads import STORES, measured

    if "damage" in parts:
        for name in DAMAGE:
            if not state.has(damage=name):
                yield {"damage": name, "message": inflicted(name)}
    if "mutations" in parts and not state.has_any("mutations"):
        yield {"mutations": dict(prove_all(options.mutations))}
    if "threads" in parts:
        for store in STORES:
            if not state.has(threads=store):
                yield {"threads": store, **measured(store, 8, 10_000)}
    faults = [Round("table", 1, fault, 0) for fault in FAULTS if "faults" in parts]
    kinds = ("loops", loops(), nullcontext(Ray("", 0))), ("kills", rounds(), cluster())
    for part, known, ray in kinds:
        wanted = [r for r in known if part in parts and r.store in options.stores]
        wanted += faults if part == "kills" else []
        left = [round_ for round_ in wanted if not state.has(round=asdict(round_))]
        yield from played(left, until, ray)


def played(wanted: list[Round], until: float, rays: AbstractContextManager[Ray]) -> Iterator[Entry]:
    """Play rounds until the time is over, those in a cluster in this Ray."""
    from chaos_faults import FAULTS, inject

    if not wanted:
        return
    with rays as ray, tempfile.TemporaryDirectory(prefix="chaos-") as kept:
        whole = Whole(Path(kept), ray.address)
        for round_ in wanted:
            if time.monotonic() > until:
                return
            with tempfile.TemporaryDirectory(prefix="chaos-") as folder:
                if round_.victim in FAULTS:
                    result = inject(round_, Path(folder), whole)
                else:
                    result = play(round_, Path(folder), ray, whole)
            yield {"round": asdict(round_), "result": asdict(result)}


if __name__ == "__main__":
    main()
