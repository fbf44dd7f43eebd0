"""The folder in which a search runs that `benchmarks/chaos.py` kills."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import replace
from functools import cached_property
from pathlib import Path

from chaos_rounds import ASKTELL, Round
from chaos_stores import DatabaseReader, JournalReader, Reader

COMMAND = [sys.executable, "-c", "from raynas.cli import main; main()"]
EXAMPLES = Path(__file__).parent.parent / "examples"
PATIENCE = 900.0
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
