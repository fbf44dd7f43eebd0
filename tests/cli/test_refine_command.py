"""`raynas refine`: what it proposes can be searched as it stands."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

from raynas.cli.search_file import load_search

SEARCH = """
import raynas as nas
from raynas.space import choice, integer, searchable

@searchable
class Net:
    width: int = integer(1, 40)
    kernel: int = choice(1, 3, 5)

def value(net):
    return net.width + (-50.0 if net.kernel == 1 else 0.0)

search = nas.Search(space=Net, task=nas.FunctionTask(value), controller="random")
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A space whose kernel 1 is no good, tried as a whole."""
    path = tmp_path / "first.py"
    path.write_text(SEARCH)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    found, name = load_search(str(path))
    with found.open(name) as run:
        asktell = run._searcher.asktell
        while len(asktell.history) < 120 and (proposal := asktell.ask()):
            net = proposal.architecture
            asktell.tell(proposal.number, net.width + (-50.0 if net.kernel == 1 else 0.0))
    return path


def test_what_is_written_can_be_searched(  # type: ignore[no-untyped-def]
    run, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, out, _ = run("refine", file)
    assert code == 0
    assert "Net.kernel: drop 1" in out
    assert "risk: up to" in out
    assert "kernel: int = choice(3, 5)" in out
    code, out, _ = run("refine", file, "--to", "second.py")
    assert code == 0
    assert "wrote second.py" in out
    monkeypatch.delitem(sys.modules, "first", raising=False)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    found, _ = load_search("second.py")
    assert found.name == "first-refined"
    assert {c.path: c.values for c in found.space.columns}["kernel"] == (3, 5)
    assert len(sys.modules["raynas_search_second"].known) > 0
    monkeypatch.delitem(sys.modules, "first", raising=False)
    code, _, err = run("refine", file, "--to", "second.py")
    assert code == 2
    assert "there is such a file already" in err


def test_no_name_runs_code(  # type: ignore[no-untyped-def]
    run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file's name with quotation marks and code in it is text in what is written."""
    path = tmp_path / 'odd""" + print("owned") + """\'.py'
    path.write_text(SEARCH.replace('"random")', '"random", name="odd")'))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    found, name = load_search(str(path))
    with found.open(name) as search:
        asktell = search._searcher.asktell
        while len(asktell.history) < 120 and (proposal := asktell.ask()):
            net = proposal.architecture
            asktell.tell(proposal.number, net.width + (-50.0 if net.kernel == 1 else 0.0))
    code, _, err = run("refine", path, "--to", "second.py")
    assert code == 0, err
    text = (tmp_path / "second.py").read_text()
    tree = ast.parse(text)
    calls = [ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)]
    assert "print" not in calls
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    refined, _ = load_search("second.py")
    assert refined.name == "odd-refined"
