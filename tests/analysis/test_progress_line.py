from __future__ import annotations

import re

import numpy as np
import pytest

from raynas import AskTell, History, Trial
from raynas.analysis.progress_line import ProgressLine
from raynas.testing import TinyNet
from raynas.trials import Failed


def label(trial: Trial) -> str:
    return f"trial {trial.number}"


def test_the_line_counts_what_ended_now_and_names_the_best() -> None:
    line = ProgressLine(limit=6, earlier=History(), label=label)
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
    line = ProgressLine(limit=6, earlier=loop.history, label=label)
    assert line.words(loop.history) == "1/6, 0:00:00, best reward 0.5 in trial 0, 0 running"


def test_a_limit_on_the_cost_is_what_a_search_over_budgets_nears() -> None:
    loop = AskTell(TinyNet, budgets=(1 / 4, 1.0), trainings=3)
    line = ProgressLine(500, loop.history, label, trainings=3)
    start = "0 trials, cost 0.00/3 full trainings, 0:00:00, no reward yet, 0 running"
    assert line.words(loop.history) == start
    net = loop.space.sample(np.random.default_rng(0))
    for budget in (1 / 4, 1.0):
        loop.tell(loop.propose(net, budget).number, 0.5)
    loop.propose(net, 1.0)
    assert line.share(loop.history) == pytest.approx(1.25 / 3)
    shown = line.words(loop.history)
    assert shown.startswith("2 trials, cost 1.25/3 full trainings, 0:00:00, about 0:00:00 to the")
    assert shown.endswith("1 running")
