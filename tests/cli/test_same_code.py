"""Trials run in the folder, and with the modules, of the process that started the search."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.usefixtures("ray_session")

BESIDE = '''
"""Beside the search file, under the name of an installed package."""
from dataclasses import dataclass

VALUE = "as read"

@dataclass
class Thing:
    name: str

def unused_by_the_task():
    return VALUE
'''
SEARCH = """
import pickle
import sys
from pathlib import Path

import torch
from torch.utils.data import DataLoader, Dataset

import raynas as nas
from raynas.space import choice, searchable
from mlxtend import Thing

PLACE = Path(__file__).parent


class Squares(Dataset):
    def __len__(self):
        return 4

    def __getitem__(self, index):
        return float(index**2)


class Module(torch.nn.Linear):
    pass


class Enclosing:
    class Inner:
        pass


@searchable
class Net:
    what: str = choice(
        "spawn", "forkserver", "fork", "save", "inner", "beside", "lazy", "again", "folder", "file"
    )


def loaded(method):
    loader = DataLoader(Squares(), num_workers=1, multiprocessing_context=method)
    return sum(float(batch) for batch in loader)


def train(net):
    match net.what:
        case "save":
            torch.save(Module(1, 1), PLACE / "model.pt")
            return isinstance(torch.load(PLACE / "model.pt", weights_only=False), Module)
        case "inner":
            return type(pickle.loads(pickle.dumps(Enclosing.Inner()))) is Enclosing.Inner
        case "beside":
            return pickle.loads(pickle.dumps(Thing("a"))) == Thing("a")
        case "lazy":
            from mlxtend import VALUE, Thing as Same, unused_by_the_task
            return VALUE == unused_by_the_task() == "as read" and Same is Thing
        case "again":
            import json
            return json.dumps({}) == "{}"
        case "folder":
            return Path("here.txt").exists() and Path.cwd() == PLACE
        case "file":
            return Path(__file__).name == "work.py"
        case method:
            return loaded(method) == 14


search = nas.Search(
    Net, nas.FunctionTask(lambda net: float(train(net))), controller="grid", rules=(), name="same",
    limits=nas.Limits(parallel=1, failed=20), resources=nas.Resources(cpu=0.5),
)
"""


def rewards(folder: Path) -> dict[str, Any]:
    trials = json.loads((folder / "raynas-results" / "same" / "trials.json").read_text())["trials"]
    return {
        trial["architecture"]["what"]: trial["outcome"].get("reward", trial["outcome"])
        for trial in trials
    }


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Path]:
    """A search file that is a link, and where it leads to a module of a telling name."""
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "mlxtend.py").write_text(BESIDE)
    (tmp_path / "real" / "work.py").write_text(SEARCH)
    (tmp_path / "work.py").symlink_to("real/work.py")
    (tmp_path / "here.txt").touch()
    yield tmp_path
    for name in ("mlxtend", "raynas_search_work"):
        sys.modules.pop(name, None)


def test_trials_have_the_folder_modules_and_classes_of_the_search(run: Any, project: Path) -> None:
    code, _, err = run("search", "work.py")
    assert code == 0, err
    found = rewards(project)
    assert len(found) == 10
    assert found == dict.fromkeys(found, 1.0)
