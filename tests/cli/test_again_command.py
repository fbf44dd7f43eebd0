"""Mistakes are mended and the same command is given with --again; rules are gone beyond."""

from __future__ import annotations

from pathlib import Path

import pytest

from raynas.store.journal import JournalLedger

FILE = """
import raynas as nas
from raynas.space import integer, searchable

@searchable
class Net:
    width: int = integer(1, 60)

def short(net):
    {short}

def full(net):
    {full}

search = nas.Search(
    space=Net,
    task=nas.FunctionTask(short),
    full=nas.FunctionTask(full),
    controller="random",
    limits=nas.Limits(trials=6, parallel=1, failed={failed}),
)
"""
FINE = "return float(net.width)"
WRONG = "raise ValueError('mistake')"


def write(
    folder: Path, short: str = FINE, full: str = FINE, failed: int = 9, more: str = ""
) -> Path:
    file = folder / "mine.py"
    file.write_text(FILE.format(short=short, full=full, failed=failed))
    return file


def test_a_search_and_its_full_trainings_are_tried_again(  # type: ignore[no-untyped-def]
    run, tmp_path: Path, without_ray: list[object]
) -> None:
    file = write(tmp_path, short=WRONG, failed=4)
    code, out, _ = run("search", file)
    assert code == 1
    assert (
        f"Once what made trials fail is fixed: `raynas search {file} --again` tries 4 trials" in out
    )
    assert f"To go on: `raynas search {file} --until trials`." in out

    write(tmp_path, full=WRONG, failed=4)
    code, out, _ = run("search", file)
    assert (code, "mistake" in out) == (1, True)
    code, out, _ = run("search", file, "--again", "--trials", "5")
    assert code == 0
    assert "Ended by the rule “trial limit”: 5 trials ended; the limit is 5." in out
    assert "mistake" not in out
    code, out, _ = run("status", file)
    assert "5 of at most 5 trials ended (" in out

    train = ("train", file, "--top", "2", "--no-baseline")
    code, out, _ = run(*train)
    assert code == 1
    assert f"is fixed: `raynas train {file} --top 2 --no-baseline --again`." in out
    write(tmp_path, failed=4)
    code, out, _ = run(*train)
    assert (code, "mistake" in out) == (1, True)
    code, out, _ = run(*train, "--again")
    assert (code, "mistake" in out) == (0, False)
    assert "Trained in full, best first" in out


def test_a_search_goes_on_beyond_a_rule(run, tmp_path: Path, without_ray: list[object]) -> None:  # type: ignore[no-untyped-def]
    file = write(tmp_path, short="return float('nan')", failed=3)
    code, out, _ = run("search", file)
    assert "Ended by the rule “failed limit”" in out
    code, out, _ = run("search", file, "--until", "trials")
    assert "Ended by the rule “trial limit”: 6 trials ended; the limit is 6." in out
    code, out, _ = run("status", file)
    assert "failed" not in out.replace("trials failed", "")
    assert "6 of at most 6 trials ended" in out
    code, _, err = run("search", file, "--until", "lunch")
    assert code == 2
    assert "until='lunch': there is no such rule; use one of " in err


def test_a_proxy_is_worked_out_again(run, tmp_path: Path, without_ray: list[object]) -> None:  # type: ignore[no-untyped-def]
    file = write(tmp_path, short=WRONG)
    variance = ("proxy", file, "variance", "--repeats", "2")
    code, out, err = run(*variance)
    assert code == 2
    assert "mistake" in err
    assert "2 trainings ended without a score; once that is fixed, the same command with" in out
    write(tmp_path, short="import random; return net.width + random.random()")
    assert run(*variance)[0] == 2
    code, out, err = run(*variance, "--again")
    assert (code, err) == (0, "")
    assert "2 trainings to go" in out


@pytest.mark.parametrize("command", [["status"], ["report"], ["watch", "--once"], ["trial", "0"]])
def test_commands_that_look_change_no_byte_of_the_store(  # type: ignore[no-untyped-def]
    run, tmp_path: Path, command: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from raynas.asktell import AskTell

    file = write(tmp_path)
    journal = tmp_path / "raynas-results" / "mine" / "journal.log"
    from raynas.cli.search_file import load_search

    search = load_search(str(file))[0]
    with search.open("mine") as opened:
        asktell: AskTell[object] = opened._searcher.asktell
        asktell.ask()
        asktell.tell(0, 1.0)
    before = journal.read_bytes()
    monkeypatch.setattr(JournalLedger, "_write", lambda *_: pytest.fail("written"))
    code, _, err = run(command[0], file, *command[1:])
    assert (code, err) == (0, "")
    assert journal.read_bytes() == before
