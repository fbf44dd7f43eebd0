"""Trials run in the folder, and with the modules, of the process that started the search."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from raynas.tasks import process_state

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
    _forget("mlxtend")  # that other tests of this process may have imported
    yield tmp_path
    _forget("mlxtend", "raynas_search_work")


def _forget(*packages: str) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] in packages]:
        del sys.modules[name]


def test_trials_have_the_folder_modules_and_classes_of_the_search(run: Any, project: Path) -> None:
    code, _, err = run("search", "work.py")
    assert code == 0, err
    found = rewards(project)
    assert len(found) == 10
    assert found == dict.fromkeys(found, 1.0)


CHANGES = """
import logging
import os
import sys
import zlib

import numpy as np
import torch

import raynas as nas
from raynas.space import choice, searchable

torch.set_default_dtype(torch.float64)
torch.set_float32_matmul_precision("high")
kept = []


@searchable
class Net:
    what: str = choice("first", "change", "last")


def found():
    umask = os.umask(0)
    os.umask(umask)
    return {
        "reward": 1,
        "pid": os.getpid(),
        "bits": torch.finfo(torch.zeros(1).dtype).bits,
        "high": torch.get_float32_matmul_precision() == "high",
        "meta": torch.zeros(1).is_meta,
        "grad": torch.is_grad_enabled(),
        "inference": torch.is_inference_mode_enabled(),
        "anomaly": torch.is_anomaly_enabled(),
        "threads": torch.get_num_threads(),
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "divide": np.geterr()["divide"] == "raise",
        "folder": zlib.crc32(os.getcwd().encode()),
        "environment": zlib.crc32(repr(sorted(os.environ.items())).encode()),
        "path": zlib.crc32(repr(sys.path).encode()),
        "stdout": id(sys.stdout),
        "level": logging.root.level,
        "umask": umask,
        "recursion": sys.getrecursionlimit(),
    }


def train(net):
    before = found()
    if net.what == "change":
        torch.set_default_dtype(torch.float16)
        torch.set_float32_matmul_precision("medium")
        torch.set_default_device("meta")
        torch.set_grad_enabled(False)
        torch.autograd.set_detect_anomaly(True)
        torch.set_num_threads(7)
        torch.use_deterministic_algorithms(True)
        kept.append(torch.inference_mode())
        kept[-1].__enter__()
        np.seterr(all="raise")
        os.chdir("/")
        os.environ["CHANGED"] = "1"
        sys.path.insert(0, "/changed")
        sys.stdout = open(os.devnull, "w")
        logging.root.setLevel(1)
        os.umask(0o077)
        sys.setrecursionlimit(5000)
        unchanged = {name for name, value in found().items() if value == before[name]}
        assert unchanged == {"reward", "pid"}, unchanged
    return before


search = nas.Search(
    Net, nas.FunctionTask(train), controller="grid", rules=(), name="changes",
    limits=nas.Limits(parallel=1), resources=nas.Resources(cpu=0.5),
)
"""


def test_a_trial_begins_as_the_driver_is_whatever_the_one_before_it_changed(
    run: Any, tmp_path: Path
) -> None:
    (tmp_path / "changes.py").write_text(CHANGES)
    with process_state.restored():
        code, _, err = run("search", "changes.py")
    assert code == 0, err
    found = metrics(tmp_path / "raynas-results" / "changes")
    assert list(found) == ["first", "change", "last"]
    assert found["first"] == found["change"] == found["last"]
    assert (found["first"]["bits"], found["first"]["high"]) == (64.0, 1.0)


def metrics(folder: Path) -> dict[str, Any]:
    trials = json.loads((folder / "trials.json").read_text())["trials"]
    return {
        trial["architecture"]["what"]: trial["outcome"]["measurement"]["metrics"]
        for trial in trials
    }
