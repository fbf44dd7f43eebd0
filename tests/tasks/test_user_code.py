"""What a process makes of what another one packed; each test starts such processes, without Ray."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from raynas.errors import TaskError
from raynas.tasks import user_code
from raynas.tasks.user_code import Packed, ShippedModule

PACK = """
import pickle, sys
from pathlib import Path
from raynas.tasks.user_code import packed

class Pair:
    def __init__(self, left):
        self.left = left

    class Inner:
        pass

def doubled(pair):
    return Pair(2 * pair.left)

if __name__ == "__main__":
    Path(sys.argv[1]).write_bytes(pickle.dumps(packed((doubled, Pair(4)))))
"""
UNPACK = """
import multiprocessing, os, pickle, sys, tempfile
from pathlib import Path

def main():
    packed = pickle.loads(Path(sys.argv[1]).read_bytes())
    packed.enter()
    with tempfile.TemporaryDirectory() as folder:
        doubled, pair = packed.unpacked(folder)
        assert type(pickle.loads(pickle.dumps(pair))) is type(pair)
        assert type(pickle.loads(pickle.dumps(pair.Inner()))) is pair.Inner
        for method in ("fork", "spawn", "forkserver"):
            with multiprocessing.get_context(method).Pool(1) as pool:
                assert pool.map(doubled, [pair])[0].left == 8, method

if __name__ == "__main__":
    main()
"""


def python(*arguments: object, folder: Path, code: int = 0) -> str:
    """What a new Python process says."""
    done = subprocess.run(
        [sys.executable, *map(str, arguments)], cwd=folder, capture_output=True, text=True
    )
    assert done.returncode == code, done.stderr
    return done.stdout + done.stderr


def test_classes_of_a_script_can_be_pickled_where_they_arrive(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(PACK)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "worker.py").write_text(UNPACK)
    python("script.py", "packed", folder=tmp_path)
    (tmp_path / "script.py").write_text("raise SystemExit('edited meanwhile')")
    python("other/worker.py", "packed", folder=tmp_path)


def test_modules_are_searched_for_in_the_order_of_the_process_that_packed(tmp_path: Path) -> None:
    for folder in ("first", "second", "only_there"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "twice.py").write_text(f"PLACE = {folder!r}")
    (tmp_path / "only_there" / "here.py").write_text("")
    pack = (
        "import pickle, sys; sys.path[:0] = ['first', 'second']; "
        "from raynas.tasks.user_code import packed; import twice; assert twice.PLACE == 'first'; "
        "open('packed', 'wb').write(pickle.dumps(packed(1)))"
    )
    unpack = (
        "import pickle, sys, os; sys.path[:0] = ['second', os.path.abspath('only_there')]; "
        "packed = pickle.load(open('packed', 'rb')); os.chdir('only_there'); packed.enter(); "
        "import twice, here; assert twice.PLACE == 'first', twice; "
        f"assert os.getcwd() == {str(tmp_path)!r}"
    )
    python("-c", pack, folder=tmp_path)
    python("-c", unpack, folder=tmp_path)


@pytest.mark.parametrize("imported_there", [True, False])
def test_a_module_that_is_already_another_one_is_refused(
    tmp_path: Path, imported_there: bool
) -> None:
    (tmp_path / "colorsys.py").write_text("")
    pack = (
        f"import pickle, sys; sys.path.remove(''); {'import colorsys; ' * imported_there}"
        "from raynas.tasks.user_code import packed; "
        "open('packed', 'wb').write(pickle.dumps(packed(1)))"
    )
    unpack = (
        "import pickle, colorsys; packed = pickle.load(open('packed', 'rb'))\n"
        "try: packed.enter()\n"
        "except Exception as error: print(error)"
    )
    python("-c", pack, folder=tmp_path)
    said = python("-c", unpack, folder=tmp_path)
    assert "module 'colorsys' is " in said
    assert f"and {tmp_path / 'colorsys.py'} in its workers, since Ray imported it first" in said
    assert "rename the one of your own, or start the search in another folder" in said


def made(folder: Path, **changes: Any) -> Packed:
    given = {
        "path": (),
        "own": frozenset(),
        "origins": {},
        "sources": (),
        "settings": {},
        "value": b"",
    }
    return Packed(**{"folder": str(folder), **given, **changes})


@pytest.fixture
def process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put back what `Packed.enter` changes."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.chdir(os.getcwd())


@pytest.mark.usefixtures("process")
def test_a_missing_working_directory_is_refused_with_host_and_fix(tmp_path: Path) -> None:
    host = os.uname().nodename
    with pytest.raises(
        TaskError, match=f"working directory .*/gone: there is no such folder on {host}.*submit"
    ):
        made(tmp_path / "gone").enter()


@pytest.mark.usefixtures("process")
def test_a_shipped_working_directory_takes_the_place_of_a_missing_one(tmp_path: Path) -> None:
    (tmp_path / "shipped" / "package").mkdir(parents=True)
    gone = tmp_path / "gone"
    made(gone, path=(str(gone / "package"), str(gone))).enter(str(tmp_path / "shipped"))
    assert os.getcwd() == str(tmp_path / "shipped")
    assert sys.path[:2] == [str(tmp_path / "shipped" / "package"), str(tmp_path / "shipped")]


def test_the_rest_of_a_module_is_made_of_its_text_once_it_is_asked_for() -> None:
    text = b"class Kept: pass\nclass Rest(Kept): pass\nruns.append(1)\n"
    module = user_code._Arrived(ShippedModule("rest_of_it", "rest_of_it.py", text))
    runs: list[int] = []
    kept = type("Kept", (), {"__module__": "rest_of_it"})
    module.Kept, module.runs = kept, runs
    with pytest.raises(AttributeError, match="has no attribute 'absent'"):
        _ = module.absent
    assert runs == []
    assert module.Rest.__name__ == "Rest"
    assert module.Kept is kept
    assert runs == [1]
    with pytest.raises(AttributeError, match="has no attribute 'absent'"):
        _ = module.absent


LOAD = """
import multiprocessing, pickle, sys
from raynas.cli.search_file import load_search

if __name__ == "__main__":
    search, name = load_search(sys.argv[1])
    net = sys.modules[search.task.function.__module__].Net(3)
    open(sys.argv[1], "w").write("raise SystemExit('edited meanwhile')")
    for method in ("fork", "spawn", "forkserver"):
        with multiprocessing.get_context(method).Pool(1) as pool:
            assert pool.map(search.task.function, [net]) == [3.0], method
"""
SEARCH = """
import raynas as nas
from raynas.space import integer, searchable

@searchable
class Net:
    width: int = integer(1, 8)

def width(net):
    assert isinstance(net, Net)
    return float(net.width)

search = nas.Search(Net, nas.FunctionTask(width))
"""


def test_children_of_the_process_that_read_a_search_file_can_import_it(tmp_path: Path) -> None:
    (tmp_path / "my-search.v2.py").write_text(SEARCH)
    (tmp_path / "load.py").write_text(LOAD)
    python("load.py", "my-search.v2.py", folder=tmp_path)
