from __future__ import annotations

import re

from raynas import AskTell, History, Trial
from raynas.analysis.progress_line import ProgressLine
from raynas.testing import TinyNet
from raynas.trials import Failed


def label(trial: Trial) -> str:
    return f"trial {trial.number}"


def test_the_line_counts_what_ended_now_and_names_the_best() -> None:
    line = ProgressLine(limit=6, earlier=1, label=label)
    assert line.words(History()) == "0/6, 0:00:00, at most 0:00:00 left, no reward yet, 0 running"
    loop = AskTell(TinyNet, seed=0, controller="random")
    for outcome in (0.5, 0.75, Failed("broken")):
        proposal = loop.ask()
        assert proposal is not None
        loop.tell(proposal.number, outcome)
    loop.ask()
    pattern = (
        r"3/6, \d:\d\d:\d\d, at most \d:\d\d:\d\d left, best reward 0.75 in trial 1, 1 running"
    )
    assert re.fullmatch(rf"{pattern}, 1 without reward", line.words(loop.history))
