"""Whatever a command writes may be there already, from somebody else: a file, a link, a folder.

The names are found out by running each command in a fresh folder. Then every one of them is taken,
and the command runs again: it refuses by name or goes on, and nothing that was there has changed.
Trials run in this process instead of on Ray.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import pytest

MINE = """
import raynas as nas
from raynas.space import integer, searchable

@searchable
class Net:
    a: int = integer(0, 9, default=2)
    b: int = integer(0, 9, default=2)

search = nas.Search(
    Net,
    nas.FunctionTask(lambda net: net.a / 10, metric="score"),
    full=nas.FunctionTask(lambda net: net.a / 10, metric="score"),
    controller="random",
    limits=nas.Limits(trials=3),
    rules=(),
)
chain = nas.Stages({"first": search, "second": lambda found: search})
"""

TRAINED = """
import pytorch_lightning as pl
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import raynas as nas
from raynas.space import choice, searchable

@searchable
class Net:
    width: int = choice(2, 3, 4, 5, 6, 7, 8, default=2)

    def build(self):
        return nn.Sequential(nn.Linear(3, self.width), nn.Linear(self.width, 1))

class Module(pl.LightningModule):
    def __init__(self, network):
        super().__init__()
        self.network = network

    def training_step(self, batch, index):
        return nn.functional.mse_loss(self.network(batch[0]), batch[1])

    def validation_step(self, batch, index):
        self.log("loss", nn.functional.mse_loss(self.network(batch[0]), batch[1]))

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.01)

def data():
    inputs = torch.randn(200, 3, generator=torch.Generator().manual_seed(0))
    pairs = TensorDataset(inputs, inputs.sum(dim=1, keepdim=True))
    return DataLoader(pairs, batch_size=8, shuffle=True), DataLoader(pairs, batch_size=8)

task = nas.LightningTask(Module, data, "loss", max_steps=4, mode="min")
search = nas.Search(
    Net, task, full=nas.LightningTask(Module, data, "loss", 8, mode="min", validation="own"),
    controller="random", limits=nas.Limits(trials=2), rules=(),
)
"""
MODULE = (
    TRAINED[: TRAINED.index("task = ")]
    .replace("network):", "width: int = 4):")
    .replace("self.network = network", "self.network = nn.Linear(3, 1)")
)

FUNCTION = ("text", "link", "dangling", "folder")
LIGHTNING = ("text",)


@dataclass(frozen=True)
class Case:
    """A command, what ran before it, and how its names are taken."""

    command: tuple[str, ...]
    before: tuple[tuple[str, ...], ...] = ()
    kinds: tuple[str, ...] = FUNCTION
    unwritten: str = ""


SEARCH = ("search", "mine.py")
CHAIN = ("search", "mine.py:chain")
FULL = ("train", "mine.py", "--top", "1", "--no-baseline")
TRAIN = ("search", "trained.py", "--no-check")
REPORT = "report.html trials.csv trials.json .made-by-raynas search.json rules.json"
MODELS = ("proxy", "trained.py", "models", "--candidates", "6", "--models", "5", "--full", "4")
DESIGN = (
    "proxy",
    "trained.py",
    "design",
    "--data",
    "1",
    "--limit",
    "0.99",
    "--steps",
    "4",
    "--all",
)
NEW = ("new", "fresh.py", "--module", "module.Module", "--data", "module.data", "--metric", "loss")
CASES = {
    "search": Case(SEARCH),
    "again": Case((*SEARCH, "--again"), (SEARCH,)),
    "report": Case(("report", "mine.py"), (SEARCH,), unwritten=REPORT),
    "train": Case(FULL, (SEARCH,)),
    "stages": Case(CHAIN, kinds=LIGHTNING),
    "stages report": Case(("report", "mine.py:chain"), (CHAIN,), unwritten=REPORT),
    "repair": Case(("repair", "raynas-results/mine/journal.log"), (SEARCH,)),
    "refine": Case(("refine", "mine.py", "--to", "next.py"), ((*SEARCH, "--trials", "50"),)),
    "plan": Case(("plan", "mine.py"), (SEARCH,)),
    "new": Case(NEW),
    "check": Case(("check", "trained.py"), kinds=LIGHTNING),
    "profile": Case(("profile", "trained.py"), kinds=LIGHTNING),
    "data": Case(("data", "trained.py"), kinds=LIGHTNING),
    "baseline": Case(("baseline", "trained.py", "--no-optimizers"), kinds=LIGHTNING),
    "speed": Case(
        ("speed", "trained.py", "--cpu", "--no-compile", "--seconds", "0.02", "--max-batch", "16"),
        kinds=LIGHTNING,
    ),
    "augment": Case(
        ("augment", "trained.py", "--max-steps", "8", "--trials", "1", "-q"), kinds=LIGHTNING
    ),
    "proxy variance": Case(("proxy", "trained.py", "variance", "--repeats", "2"), kinds=LIGHTNING),
    "proxy design": Case(DESIGN, (MODELS,), kinds=LIGHTNING),
    "export": Case(("export", "trained.py", "--format", "weights"), (TRAIN,), ("text", "folder")),
    "status": Case(("status", "mine.py"), (SEARCH,), unwritten=REPORT),
    "watch": Case(("watch", "mine.py", "--once"), (SEARCH,), unwritten=REPORT),
    "trial": Case(("trial", "mine.py", "0"), (SEARCH,), unwritten=REPORT),
}

Run = Callable[..., tuple[int, str, str]]


def tree(root: Path) -> dict[str, str | bytes]:
    """Everything below `root`: a file's content, where a link leads, or that it is a folder."""
    found: dict[str, str | bytes] = {}
    for folder, folders, files in os.walk(root):
        for path in (Path(folder, name) for name in (*folders, *files)):
            name = path.relative_to(root).as_posix()
            if path.is_symlink():
                found[name] = f"link to {os.readlink(path)}"
            else:
                found[name] = "folder" if path.is_dir() else path.read_bytes()
    return found


def take(path: Path, kind: str, elsewhere: Path) -> None:
    """Put something of somebody else's at `path`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    other = elsewhere / path.name
    match kind:
        case "text":
            path.write_text("precious")
        case "link":
            other.write_text("precious")
            path.symlink_to(other)
        case "dangling":
            path.symlink_to(other)
        case "folder":
            path.mkdir()
            (path / "inner").write_text("precious")


class Sweep:
    """Runs one command in folders of its own."""

    def __init__(
        self, case: Case, run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        self.case, self._run, self._patch, self._tmp = case, run, monkeypatch, tmp_path
        dates = map(str, count())  # pages say the minute that they are of: no two are the same
        for page in ("html_page", "proxy_page", "stages"):
            monkeypatch.setattr(f"raynas.report.{page}.moment", lambda *_, **__: next(dates))
        self._prepared = tmp_path / "prepared"
        self._prepared.mkdir()
        for name, text in {"mine": MINE, "trained": TRAINED, "module": MODULE}.items():
            (self._prepared / f"{name}.py").write_text(text)
        self._enter(self._prepared)
        for before in case.before:
            code, _, err = run(*before)
            assert code in (0, 1), err
        for folder in (self._prepared / "raynas-results").glob("*"):
            for name in case.unwritten.split():
                (folder / name).unlink(missing_ok=True)

    def fresh(self) -> Path:
        """A new folder with what the command needs."""
        shutil.rmtree(folder := self._tmp / "work", ignore_errors=True)
        shutil.copytree(self._prepared, folder, symlinks=True)
        self._enter(folder)
        if self.case.command[0] == "repair":
            journal = folder / self.case.command[1]
            lines = journal.read_bytes().splitlines(keepends=True)
            journal.write_bytes(b"".join(lines[:4] + lines[5:]))
        return folder

    def run(self) -> tuple[int, str]:
        """Exit code of the command, and all that it printed."""
        code, out, err = self._run(*self.case.command)
        return code, out + err

    def _enter(self, folder: Path) -> None:
        (folder / "tmp").mkdir(exist_ok=True)
        self._patch.chdir(folder)
        self._patch.setattr("tempfile.tempdir", str(folder / "tmp"))


def written(sweep: Sweep) -> tuple[list[str], set[str]]:
    """Names of the files that the command makes, and of those that it changes or deletes."""
    folder = sweep.fresh()
    before = tree(folder)
    code, said = sweep.run()
    assert code in (0, 1), said
    after = tree(folder)
    made = [name for name in after if name not in before and after[name] != "folder"]
    stays = [name for name in made if "raynas-modules-" not in name and "__pycache__" not in name]
    return stays, {name for name in before if after.get(name) != before[name]}


def see_survivors(sweep: Sweep, kind: str, names: list[str], own: set[str]) -> None:
    """Run the command with its names taken, then without those it refused, until it goes on."""
    left = list(names)
    while True:
        folder = sweep.fresh()
        elsewhere = folder / "elsewhere"
        elsewhere.mkdir()
        for name in left:
            take(folder / name, kind, elsewhere)
        before = tree(folder)
        code, said = sweep.run()
        after = tree(folder)
        assert {name for name in before if after.get(name) != before[name]} <= own
        new = {name for name in after if name not in before and name.startswith("elsewhere/")}
        assert all(name.startswith("elsewhere/journal.log") for name in new)
        refused = {name for name in left if name in said}
        refused = refused or {name for name in left if Path(name).name in said}
        assert code in (0, 1) or refused, said
        if not refused:
            return
        left = [name for name in left if name not in refused]


@pytest.fixture
def short_folder() -> Iterator[Path]:
    """A folder with a short path, as loader workers have sockets in the temporary folder.

    Their paths have at most 107 characters (unix(7)); beyond, PyTorch waits for the worker without
    end.
    """
    folder = Path(tempfile.mkdtemp(prefix="names-"))
    yield folder
    shutil.rmtree(folder)


@pytest.mark.usefixtures("without_ray")
@pytest.mark.parametrize("name", CASES)
def test_what_is_there_already_survives_or_is_refused_by_name(
    name: str, run: Run, monkeypatch: pytest.MonkeyPatch, short_folder: Path
) -> None:
    sweep = Sweep(CASES[name], run, monkeypatch, short_folder)
    names, own = written(sweep)
    for kind in CASES[name].kinds:
        see_survivors(sweep, kind, names, own)
