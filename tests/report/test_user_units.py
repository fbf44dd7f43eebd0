"""What people read is in the unit and direction of what they measure, whatever the history."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from raynas.cli.progress import say_report
from raynas.cli.watch import screen
from raynas.dashboard.follower import row_of
from raynas.objective import Objective
from raynas.report import SearchView
from raynas.report.figure_style import Drawing
from raynas.report.files import write_report
from raynas.report.html_page import page
from raynas.report.markup import to_html
from raynas.report.sections import sections
from raynas.report.trial_page import trial_blocks
from raynas.rewards import AtMost, Clipped, Constrained, Metric, Pareto, Reward
from raynas.space import Space, choice, integer, searchable
from raynas.stopping import (
    Convergence,
    DeviceTimeLimit,
    FailedLimit,
    FailureShare,
    ImprovementLeft,
    MoneyLimit,
    NoConvergence,
    SpaceExhausted,
    StopRule,
    TimeLimit,
    TrialLimit,
)
from raynas.trials import Completed, Failed, History, Measurement, Point, Trial


@searchable
class Net:
    width: int = integer(1, 8)
    kernel: int = choice(3, 5, 7)
    act: str = choice("relu", "silu", "gelu")


SPACE = Space(Net)
MIN = Metric("val_mae", "min")
RULES: tuple[StopRule, ...] = (
    FailureShare(),
    Convergence(),
    NoConvergence(20),
    ImprovementLeft(),
    TrialLimit(1),
    FailedLimit(1),
    TimeLimit(0.001),
    DeviceTimeLimit(0.001),
    MoneyLimit(0.001, 1.0),
    SpaceExhausted(1),
)


def history(values: list[float | None], reward: Reward = MIN) -> History:
    rng = np.random.default_rng(0)
    trials = []
    for number, value in enumerate(values):
        outcome: Any = Failed("Traceback\nValueError: no")
        if value is not None:
            metrics = {"val_mae": value, "ms": value + 1}
            curve = tuple(Point(step, {"val_mae": value * 2 / step}) for step in (1, 2))
            measured = Measurement(metrics, 2.0, 2, curve)
            judged = reward(measured)
            objectives = judged if isinstance(judged, tuple) else (judged,)
            outcome = Completed(measured, objectives[0], objectives)  # type: ignore[arg-type]
        trials.append(
            Trial(number, SPACE.sample(rng), outcome, 100.0 * number, 100.0 * number + 60)
        )
    return History(tuple(trials), reward.shown_as)


def view(values: list[float | None], reward: Reward = MIN) -> SearchView:
    return SearchView(
        "mae", SPACE, history(values, reward), reward, RULES, limit=1, reserved={"cpu": 1.0},
        now=1e6,
    )  # fmt: skip


def shown(seen: SearchView) -> str:
    """All that the terminal, the report, the dashboard and the tables show, without plotly."""
    out = io.StringIO()
    from rich.console import Console

    Console(file=out, width=400).print(screen(seen, 400, 50))
    with contextlib.redirect_stdout(out):
        for rule in seen.rules:
            say_report(seen.history, rule.check(seen.history, seen.now), None, "x.py")
    texts = [out.getvalue()]
    for part in sections(seen):
        for block in part.blocks:
            drawn = isinstance(block, Drawing)
            texts.append(f"{block.words} {plain(block.figure)}" if drawn else to_html(block))
    for trial in seen.history:
        texts.append(str(row_of(trial, seen.history.shown_as)))
        texts += [to_html(b) for b in trial_blocks(seen, trial) if not isinstance(b, Drawing)]
    return "\n".join(texts)


def plain(figure: Any) -> str:
    """A figure as JSON, in which plotly would have written arrays in base64."""
    return json.dumps(figure.to_plotly_json(), default=lambda value: np.asarray(value).tolist())


def negated(text: str) -> list[str]:
    """Numbers below zero, and names with a minus, that no figure above zero can give."""
    without = re.sub(r'"(?:tickangle|opacity|y|x|range)":-?[\d.]+', "", text)
    return re.findall(r"(?<![\w.-])-0\.7\d+|-val_mae|-ms\b", without)


@settings(max_examples=4, deadline=None)
@given(st.lists(st.one_of(st.none(), st.floats(0.71, 0.79)), min_size=1, max_size=6))
def test_a_minimized_metric_is_never_shown_negated(values: list[float | None]) -> None:
    assert negated(shown(view(values))) == []


@pytest.mark.parametrize("count", [3, 30])
@pytest.mark.parametrize(
    "reward",
    [
        MIN,
        Pareto(MIN, Metric("ms", "min")),
        Constrained(MIN, (AtMost("ms", 9.0),)),
        Clipped(MIN, -0.8, 0.0),
    ],
)
def test_so_it_is_with_every_reward_and_length(reward: Reward, count: int, tmp_path: Path) -> None:
    values: list[float | None] = [*np.linspace(0.79, 0.71, count)]
    seen = view(values, reward)
    text = shown(seen)
    assert negated(text) == []
    assert "val_mae" in text
    files = write_report(seen, tmp_path)
    assert negated(files.table.read_text()) == []
    assert negated(files.data.read_text()) == []
    assert json.loads(files.data.read_text())["objectives"][0]["mode"] == "min"


@pytest.mark.parametrize("values", [[0.75], [None], [0.75, None], [0.75, 0.72, None]])
def test_numbers_agree_in_number(values: list[float | None]) -> None:
    words = re.sub(r"<[^>]*>", " ", shown(view(values)))
    nouns = "trials|times|causes|architectures|models|hours|days|results|files|warnings"
    assert re.findall(rf"(?<![\d.,])1 (?:\w+ )?(?:{nouns})\b", words) == []


def test_stops_are_sentences_with_the_metric_and_what_to_type_to_go_on() -> None:
    seen = view([0.75 - 0.03 * (n == 0) for n in range(60)])
    rules = [*RULES[4:-1], ImprovementLeft(), NoConvergence(20), Convergence(window=20)]
    for rule in rules:
        stop = rule.check(seen.history, seen.now)
        if stop is None:
            continue
        assert re.match(r"[A-Z\d].*\.$", stop.reason), stop
        assert re.search(r"To go on: .*`raynas search FILE", stop.advice), stop
        if isinstance(rule, ImprovementLeft | NoConvergence | Convergence):
            assert "val_mae" in stop.reason, stop
            assert "0.7" in stop.reason, stop
    stop = ImprovementLeft(estimate=lambda *_: 0.0).check(seen.history, 0.0)
    assert stop is not None
    assert stop.reason.startswith(
        "No untried architecture is expected to beat the best val_mae (0.72)"
    )


def test_the_page_and_a_trial_give_the_same_time_with_its_zone() -> None:
    seen = dataclasses.replace(view([0.75]), now=60.0)
    assert "1970-01-01 00:01 UTC" in page(seen, [])
    assert "1970-01-01 00:00:00 UTC" in str(trial_blocks(seen, seen.history[0]))


@pytest.mark.parametrize("seed", range(10))
def test_no_importance_is_claimed_of_noise(seed: int) -> None:
    rng = np.random.default_rng(seed)
    seen = view([*rng.normal(1, 0.1, size=31)])
    seen = dataclasses.replace(seen, history=_shuffled(seen.history, seed))
    (part,) = [part for part in sections(seen) if part.key == "choices"]
    words = "".join(to_html(block) for block in part.blocks if not isinstance(block, Drawing))
    assert "no choice explains more than noise does" in words


def test_an_importance_names_how_many_trials_took_each_option() -> None:
    rng = np.random.default_rng(0)
    nets = [SPACE.sample(rng) for _ in range(60)]
    trials = tuple(
        Trial(n, net, Completed(Measurement({"val_mae": net.kernel / 10}), -net.kernel / 10), 0, 1)
        for n, net in enumerate(nets)
    )
    seen = dataclasses.replace(view([]), history=History(trials, MIN.shown_as))
    (part,) = [part for part in sections(seen) if part.key == "choices"]
    drawings = [block for block in part.blocks if isinstance(block, Drawing)]
    words = "".join(to_html(block) for block in part.blocks if not isinstance(block, Drawing))
    assert [d.title for d in drawings if d.key.startswith("effect_")] == ["kernel"]
    assert "Not shown: 2 other choices explain no more than noise" in drawings[0].words
    for kernel in (3, 5, 7):
        assert f"{kernel}: {sum(net.kernel == kernel for net in nets)}" in words


def test_an_objective_converts_both_ways() -> None:
    assert Objective("a", "min").figure(Objective("a", "min").figure(0.3)) == 0.3
    assert str(Objective("a", "min").figure(0.0)) == "0.0"
    assert Objective("a", "min").show(-0.11184) == "0.11184"


def _shuffled(history: History, seed: int) -> History:
    """The same rewards beside architectures drawn with another seed."""
    rng = np.random.default_rng(1000 + seed)
    trials = (dataclasses.replace(t, architecture=SPACE.sample(rng)) for t in history)
    return History(tuple(trials), history.shown_as)
