from __future__ import annotations

import re

from raynas import AskTell, History, Trial
from raynas.analysis.progress_line import ProgressLine
from raynas.testing import TinyNet
from raynas.trials import Failed


def label(trial: Trial) -> str:
    return f"trial {trial.number}"


def test_the_line_counts_what_ended_now_and_names_the_best() -> None:
    line = ProgressLine(limit=6, earlier=0, label=label)
    assert line.words(History()) == "0/6, 0:00:00, no reward yet, 0 running"
    loop = AskTell(TinyNet, seed=0, controller="random")
    for outcome in (0.5, 0.75, Failed("broken")):
        proposal = loop.ask()
        assert proposal is not None
        loop.tell(proposal.number, outcome)
    loop.ask()
    times = r"\d:\d\d:\d\d, about \d:\d\d:\d\d to the limit"
    pattern = rf"3/6, {times}, best reward 0.75 in trial 1, 1 running, 1 without reward"
    assert re.fullmatch(pattern, line.words(loop.history))


def test_what_ended_earlier_says_nothing_of_the_speed() -> None:
    loop = AskTell(TinyNet, seed=0, controller="random")
    proposal = loop.ask()
    assert proposal is not None
    loop.tell(proposal.number, 0.5)
    line = ProgressLine(limit=6, earlier=1, label=label)
    assert line.words(loop.history) == "1/6, 0:00:00, best reward 0.5 in trial 0, 0 running"
