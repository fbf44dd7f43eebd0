"""Trials that end in ways of their own, and what the commands make of them afterwards."""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from raynas.cli.trial import trial as show_trial
from raynas.errors import raised_in

pytestmark = pytest.mark.usefixtures("ray_session")

SEARCH = """
import _thread
import sys
import time

import raynas as nas
from raynas.space import choice, searchable

class Unspeakable(Exception):
    def __str__(self):
        raise RuntimeError("no text")

    @property
    def __notes__(self):
        raise RuntimeError("no notes")

def text():
    sys.exit("bad learning rate")

def number():
    sys.exit(3)

def none():
    sys.exit()

def several_lines():
    sys.exit("see the manual\\nof café")

def keyboard():
    raise KeyboardInterrupt("by hand")

def generator():
    raise GeneratorExit("closed")

def surrogate():
    raise ValueError("cannot read " + b"caf\\xe9.png".decode(errors="surrogateescape"))

def control():
    raise ValueError("nul \\0, bell \\a, \\x1b[31mred\\x1b[0m, clear \\x1b[2J")

def unspeakable():
    raise Unspeakable()

def infeasible():
    raise nas.InfeasibleArchitecture("too wide: \\udce9\\0")

def unspeakable_architecture():
    raise type("Unspeakable", (Unspeakable, nas.InfeasibleArchitecture), {})()

def group():
    raise ExceptionGroup("of \\udce9", [ValueError("\\0"), Unspeakable()])

def bytes_printed():
    sys.stdout.buffer.write(b"caf\\xe9 \\0 \\x1b[2J\\n")
    sys.stdout.flush()
    raise ValueError("after odd bytes")

def text_printed():
    print("caf\\udce9 \\0")
    print("caf\\udce9 \\0", file=sys.stderr)
    raise ValueError("after odd text")

def closed():
    sys.stdout.close()
    raise ValueError("after closing")

ENDS = {end.__name__: end for end in (
    text, number, none, several_lines, keyboard, generator, surrogate, control, unspeakable,
    infeasible, unspeakable_architecture, group, bytes_printed, text_printed, closed,
)}

@searchable
class Net:
    end: str = choice(*ENDS, "fine", "odd_metric")

def train(net):
    if net.end == "odd_metric":
        return {"reward": 1.0, "caf\\udce9": 2.0}
    return ENDS.get(net.end, float)()

search = nas.Search(
    Net, nas.FunctionTask(train), controller="grid", rules=(), name="odd",
    limits=nas.Limits(parallel=1, failed=20), resources=nas.Resources(cpu=0.5),
)
"""
# Before 3.13 Python cannot write a traceback of such an error.
_UNSPEAKABLE = (
    "raynas_search_odd.Unspeakable: <exception str() failed>"
    if sys.version_info >= (3, 13)
    else "Unspeakable: <its text cannot be computed>"
)
REASONS = {
    "text": "SystemExit: bad learning rate",
    "number": "SystemExit: 3",
    "none": "SystemExit",
    "several_lines": "SystemExit: see the manual",
    "keyboard": "KeyboardInterrupt: by hand",
    "generator": "GeneratorExit: closed",
    "surrogate": r"ValueError: cannot read caf\udce9.png",
    "control": r"ValueError: nul \x00, bell \x07, red, clear \x1b[2J",
    "unspeakable": _UNSPEAKABLE,
    "infeasible": r"too wide: \udce9\x00",
    "unspeakable_architecture": "<its text cannot be computed>",
    "bytes_printed": "ValueError: after odd bytes",
    "text_printed": "ValueError: after odd text",
    "closed": "ValueError: after closing",
}


def test_odd_ends_are_results_that_every_command_shows(
    run: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "odd.py").write_text(SEARCH, encoding="utf-8")
    code, out, err = run("search", "odd.py")
    assert code == 0, err
    for command in (["status"], ["report"], ["watch", "--once"]):
        code, out, err = run(command[0], "odd.py", *command[1:])
        assert (code, err) == (0, "")
        out.encode()
    folder = tmp_path / "raynas-results" / "odd"
    trials = json.loads((folder / "trials.json").read_text())["trials"]
    assert len(trials) == 17
    ends = {trial["architecture"]["end"]: trial for trial in trials}
    outcomes = {end: ends[end]["outcome"] for end in REASONS}
    found = {
        end: outcome["reason"] if outcome["kind"] == "infeasible" else raised_in(outcome["error"])
        for end, outcome in outcomes.items()
    }
    assert found == REASONS
    assert "ExceptionGroup" in ends["group"]["outcome"]["error"]
    assert ends["odd_metric"]["outcome"]["measurement"]["metrics"][r"caf\udce9"] == 2.0
    assert ends["fine"]["outcome"]["kind"] == "completed"
    with (folder / "trials.csv").open() as file:
        assert len(list(csv.DictReader(file))) == 17
    for trial in trials:
        show_trial("odd.py", trial["number"], None, None)
        assert not set(capsys.readouterr().out) & set("\0\x07\x1b")
    again = [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]
    assert not [event for event in again if event["event"] == "again"], "a worker died"
