"""What a type checker knows of a search: architectures keep their class from space to history."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from mypy import api

PROJECT = Path(__file__).parent.parent

PROGRAM = """
import numpy as np
import raynas as nas
from raynas import History, integer, searchable
from raynas.controllers import Controller

@searchable
class Net:
    width: int = integer(1, 8)

class Smallest(Controller[Net]):
    def propose(self, history: History[Net], rng: np.random.Generator) -> Net | None:
        return None if history else Net(width=1)

loop = nas.AskTell(Net, seed=0)
proposal = loop.ask()
assert proposal is not None
"""


REVEALED = {
    "proposal": "raynas.trials.trial.Proposal[program.Net]",
    "proposal.architecture.width": "int",
    "loop.ask_batch(2)": "list[raynas.trials.trial.Proposal[program.Net]]",
    "loop.history": "raynas.trials.history.History[program.Net]",
    "loop.history[0]": "raynas.trials.trial.Trial[program.Net]",
    "loop.history.best(1)[0].architecture": "program.Net",
    "loop.history.failures[0].architecture": "program.Net",
    "Smallest(loop.space).recommend(loop.history)": "raynas.trials.trial.Trial[program.Net] | None",
    "nas.Space(Net).baseline": "program.Net",
    "nas.Search(Net, nas.FunctionTask(float))": "raynas.search.Search[program.Net]",
    "nas.Search(Net, nas.FunctionTask(float)).run().best()[0].architecture": "program.Net",
}


FORMER = "Metric"  # a name that still works, with a warning, but not for type checkers
WRONG = {
    "proposal.architecture.depth": '"Net" has no attribute "depth"',
    "loop.propose(3)": 'incompatible type "int"; expected "Net"',
    "nas.Serach": 'Module has no attribute "Serach"',
    f"nas.{FORMER}": f'Module has no attribute "{FORMER}"',
}
RIGHT = [
    f"def take_{number}(given: {name}) -> {name}: return given"
    for number, name in enumerate(["nas.Trial", "nas.Proposal", "History", "Controller"])
]


@pytest.fixture(scope="module")
def findings(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """What mypy finds in all lines; it shares the cache of the project's own run."""
    file = tmp_path_factory.mktemp("typed") / "program.py"
    shown = (f"reveal_type({expression})" for expression in REVEALED)
    file.write_text("\n".join([PROGRAM, *shown, *WRONG, *RIGHT]))
    options = {"config-file": PROJECT / "pyproject.toml", "cache-dir": PROJECT / ".mypy_cache"}
    output, errors, _ = api.run(
        [str(file), *(f"--{key}={value}" for key, value in options.items())]
    )
    assert not errors
    return re.findall(r"program\.py:\d+: (.*)", output)


def test_architectures_keep_their_type(findings: list[str]) -> None:
    expected = [f'note: Revealed type is "{shown}"' for shown in REVEALED.values()]
    assert findings[: len(REVEALED)] == expected


def test_only_what_does_not_fit_is_an_error(findings: list[str]) -> None:
    """Classes without a parameter take any architecture."""
    errors = findings[len(REVEALED) :]
    assert len(errors) == len(WRONG)
    for error, expected in zip(errors, WRONG.values(), strict=True):
        assert expected in error
