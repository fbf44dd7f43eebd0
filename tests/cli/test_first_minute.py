"""The first minute: what each command imports, looking without the search file, new, and JSON."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from raynas.cli.lazy import COMMANDS
from raynas.cli.place import Place, place_in
from raynas.cli.search_file import load_search, sources_of
from raynas.cli.watch import screen
from raynas.errors import ConfigurationError
from raynas.trials import Failed, Measurement

SEARCH = """
import raynas as nas
from raynas.space import choice, integer, repeat, searchable

@searchable
class Conv:
    kernel: tuple = choice((3, 3), (5, 5))

@searchable
class Net:
    width: int = integer(8, 64, step=8)
    blocks: tuple = repeat(Conv, 1, 3)

search = nas.Search(space=Net, task=nas.FunctionTask(lambda net: net.width), name="looked")
"""

LOADED = """
import sys
sys.argv = ["raynas", *sys.argv[1:]]
from raynas.cli import main
try:
    main()
except SystemExit as end:
    assert not end.code, end.code
heavy = {"ray", "torch", "raynas.search", "pytorch_lightning", "sklearn"}
if "report" not in sys.argv:
    heavy.add("pandas")
assert not heavy & sys.modules.keys(), heavy & sys.modules.keys()
"""


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The results of a search of 30 ended trials and one in flight, which no process runs."""
    made = tmp_path_factory.mktemp("searched")
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(made)
        patched.setattr(sys, "path", list(sys.path))
        (made / "s.py").write_text(SEARCH)
        found, name = load_search("s.py")
        with found.open(name) as run:
            for number in range(31):
                run.asktell.ask()
                if number % 5 == 2:
                    run.asktell.tell(number, Failed("RuntimeError: boom"))
                elif number < 30:
                    run.asktell.tell(number, float(number))
    return made


@pytest.fixture
def folder(results: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of them, recorded as the results of the search file beside them."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    shutil.copytree(results, tmp_path, dirs_exist_ok=True)
    found, name = load_search("s.py")
    with found.open(name) as run:
        run.sources = sources_of("s.py")
        run._record()
    return tmp_path


@pytest.mark.parametrize(
    "arguments",
    [
        ["--version"],
        ["--help"],
        ["status", "s.py"],
        ["status", "raynas-results/looked"],
        ["watch", "--once", "s.py"],
        ["trial", "s.py", "3"],
        ["report", "s.py"],
        ["search", "--help"],
    ],
    ids=" ".join,
)
def test_looking_loads_neither_ray_nor_torch_nor_the_search(
    folder: Path, arguments: list[str]
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOADED, *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        env={**os.environ, "COLUMNS": "100"},
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_every_command_is_listed_and_can_be_imported(run) -> None:  # type: ignore[no-untyped-def]
    _, listed, _ = run("--help")
    for name, (_, words) in COMMANDS.items():
        assert f"{name} " in listed
        assert words in listed
        assert len(words) <= 62
        code, out, _ = run(name, "--help")
        assert code == 0
        assert "Usage: raynas " + name in out


def test_what_is_stored_equals_what_the_file_says(run, folder: Path) -> None:  # type: ignore[no-untyped-def]
    _, stored, _ = run("status", "--json", "raynas-results/looked")
    (folder / "s.py").write_text(SEARCH + "\n# edited since\n")
    _, by_file, _ = run("status", "--json", "s.py")
    one, other = json.loads(stored), json.loads(by_file)
    own = {rule["rule"] for rule in one["rules"]} - {"ImprovementLeft", "TimeLimit"}
    for found in (one, other):
        found["rules"] = [rule for rule in found["rules"] if rule["rule"] in own]
    assert one == other
    assert one["trials"]["running"] == 1
    assert one["driver"]["state"] == "gone"
    for number in ("0", "2", "30"):
        _, stored, _ = run("trial", "--json", "raynas-results/looked", number)
        _, by_file, _ = run("trial", "--json", "s.py", number)
        assert json.loads(stored) == json.loads(by_file)


def test_a_search_that_nobody_runs_says_so(run, folder: Path) -> None:  # type: ignore[no-untyped-def]
    for command in (["status"], ["watch", "--once"]):
        _, out, _ = run(*command, "s.py")
        assert "No process runs this search any more" in out
        assert "1 trial was in flight" in out
    found, name = load_search("s.py")
    with found.open(name):
        _, out, _ = run("status", "s.py")
        assert "No process" not in out


def test_time_stands_still_for_a_search_that_nobody_runs(  # type: ignore[no-untyped-def]
    run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was in flight when the search was killed does not use up its time limit."""
    _, before, _ = run("status", "--json", "s.py")
    weeks = SimpleNamespace(time=lambda: time.time() + 1e7)
    monkeypatch.setattr("raynas.stored.look.time", weeks)
    _, after, _ = run("status", "--json", "s.py")
    assert json.loads(after) == json.loads(before)
    assert json.loads(after)["stop"] is None
    _, out, _ = run("watch", "--once", "s.py")
    assert "1 in flight" in out
    assert "Ended by" not in out
    found, name = load_search("s.py")
    with found.open(name) as searching:  # its process lives: the time goes on
        assert searching.time_reached() > time.time() + 9e6


def test_watch_fits_a_small_terminal_with_the_failures_in_view(folder: Path) -> None:
    from rich.console import Console

    from raynas.cli.search_file import opened

    console = Console(width=80, height=24, color_system=None)
    with opened("s.py", None, None) as run, console.capture() as shown:
        console.print(screen(run.view(), 80, 24))
    lines = shown.get().rstrip("\n").split("\n")
    assert len(lines) < 24
    assert max(map(len, lines)) <= 80
    assert "6 failed: RuntimeError: boom" in lines[-1]


OWN_REWARD = """
from raynas.objective import Objective
from raynas.rewards import Reward

class Error(Reward):
    objectives = ("error",)
    shown_as = (Objective("error", "min"),)

    def __call__(self, measurement):
        return -measurement.metrics["value"]
"""


def test_a_reward_of_the_users_is_shown_in_its_own_direction(run, folder: Path) -> None:  # type: ignore[no-untyped-def]
    own = SEARCH.replace(', name="looked"', ', name="own", reward=Error()')
    (folder / "own.py").write_text(OWN_REWARD + own)
    found, name = load_search("own.py")
    with found.open(name) as opened:
        opened.sources = sources_of("own.py")
        opened._record()
        opened.asktell.ask()
        opened.asktell.tell(0, Measurement({"value": 0.25}))
    for target in ("raynas-results/own", "own.py"):
        code, out, err = run("status", target)
        assert (code, err) == (0, "")
        assert "best error 0.25 in trial 0" in out


def test_advice_names_a_file_where_a_folder_was_looked_at(run, folder: Path) -> None:  # type: ignore[no-untyped-def]
    with load_search("s.py")[0].open("looked") as opened:
        for number in range(30, 110):
            if number > 30:
                opened.asktell.ask()
            opened.asktell.tell(number, Failed("RuntimeError: boom"))
    code, out, err = run("report", "raynas-results/looked")
    assert (code, err) == (0, "")
    assert "`raynas search FILE" in out
    assert "search raynas-results" not in out


def test_a_folder_without_a_search_is_refused(run, folder: Path) -> None:  # type: ignore[no-untyped-def]
    code, _, err = run("status", "raynas-results")
    assert code == 2
    assert "no search of raynas stored its results here; give one of" in err
    code, _, err = run("status", "raynas-results/looked", "--name", "x")
    assert code == 2
    assert "needs no --name and no --folder: omit them" in err


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("search = nas.Search(space=Net, task=t)", Place("f", "raynas-results", None)),
        ("search = nas.Search(a, b, name='n', folder='x')", Place("n", "x", None)),
        ("other = Search(a, b, store='j.log')", Place("f-other", "raynas-results", "j.log")),
        ("search = nas.Search(a, b, name=f())", None),
        ("search = nas.Search(**settings)", None),
        ("search = nas.Search(a, b)\nsearch = g(search)", None),
        ("search = make()", None),
        ("def f(:", None),
    ],
)
def test_the_place_of_results_is_read_from_the_text(
    tmp_path: Path, text: str, place: Place | None
) -> None:
    (tmp_path / "f.py").write_text(text)
    assert place_in(tmp_path / "f.py", None) == place


MINE = """
import pytorch_lightning as pl
import torch

class Module(pl.LightningModule):
    def __init__(self, hidden=16, norm=False, num_classes=10, lr=1e-2, seed=3):
        super().__init__()

    def validation_step(self, batch, index):
        self.log("val_loss", 1.0)

class Images(Module):
    def __init__(self, network):
        super().__init__()

    def validation_step(self, batch, index):
        self.log("val_loss", 1.0)
        self.log("val_accuracy", 1.0)

class Inheriting(Images):
    def __init__(self, network, wide=True):
        super().__init__(network)

class Silent(pl.LightningModule):
    def __init__(self, depth=3):
        super().__init__()

def data(): ...
"""


def test_new_writes_a_search_file_and_never_replaces_one(  # type: ignore[no-untyped-def]
    run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine_new.py").write_text(MINE)
    mine = ("--module", "mine_new.Module", "--data", "mine_new.data")
    code, out, err = run("new", "a.py", *mine)
    assert (code, err) == (0, "")
    assert "wrote a.py. Next: `raynas check a.py`" in out
    assert "from mine_new import Module, data\n" in (tmp_path / "a.py").read_text()
    found, _ = load_search("a.py")
    assert found.space.size == 3 * 2
    assert (found.task.metric, found.task.mode) == ("val_loss", "min")
    code, _, err = run("new", "a.py", *mine)
    assert code == 2
    assert "there is such a file already; give a new name" in err
    images = ("--module", "mine_new.Images", "--data", "mine_new.data")
    code, _, err = run("new", "b.py", *images)
    assert code == 2
    assert "its arguments network have no default" in err
    code, _, err = run("new", "b.py", *images, "--space", "mnasnet", "--build", "num_classes=10")
    assert (code, err) == (0, "")
    found, _ = load_search("b.py")
    assert (found.task.metric, found.task.mode) == ("val_accuracy", "max")
    code, _, err = run("new", "c.py", *images, "--space", "nothing")
    assert code == 2
    assert "--space nothing: use one of darts" in err
    assert not (tmp_path / "c.py").exists()


def test_new_finds_the_metric_that_an_inherited_validation_logs(  # type: ignore[no-untyped-def]
    run, tmp_path: Path
) -> None:
    (tmp_path / "mine_logs.py").write_text(MINE)
    given = ("--data", "mine_logs.data", "--space", "mnasnet", "--build", "num_classes=10")
    assert run("new", "d.py", "--module", "mine_logs.Inheriting", *given)[0] == 0
    found, _ = load_search("d.py")
    assert (found.task.metric, found.task.mode) == ("val_accuracy", "max")
    silent = ("--module", "mine_logs.Silent", "--data", "mine_logs.data")
    code, _, err = run("new", "e.py", *silent)
    assert code == 2
    assert "--metric: the source of Silent logs no metric whose name has 'val' in it" in err


def test_a_search_is_looked_at_by_its_file_whatever_store_and_seed_the_command_line_gave(  # type: ignore[no-untyped-def]
    run, tmp_path: Path
) -> None:
    (tmp_path / "s.py").write_text(SEARCH)
    found, name = load_search("s.py")
    given = dataclasses.replace(found, store=tmp_path / "else" / "where.log", seed=3)
    with given.open(name) as elsewhere:
        elsewhere._record()
        proposal = elsewhere.asktell.ask()
        elsewhere.asktell.tell(proposal, 7.0)
    with found.look(name) as looking:
        assert looking.history.rewards == (7.0,)
    with pytest.raises(ConfigurationError, match=r"go on with --store .*where\.log"):
        found.open(name)


def test_a_search_file_with_a_former_name_works_with_a_warning_that_is_shown(
    tmp_path: Path,
) -> None:
    former = SEARCH.replace("repeat, searchable", "repeat, searchable\nfrom raynas import Metric")
    former = former.replace('name="looked"', 'reward=Metric("reward")')
    (tmp_path / "s.py").write_text(former)
    program = [sys.executable, "-m", "raynas", "check", "--no-train", "s.py"]
    done = subprocess.run(program, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0
    assert done.stderr.count(" is called raynas.rewards.Metric now") == 1
    assert "s.py:4: DeprecationWarning" in done.stderr
