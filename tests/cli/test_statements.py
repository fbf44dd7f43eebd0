"""Every sentence that people read is supported by the trials that there are, however few."""

from __future__ import annotations

import html
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from raynas import FunctionTask, Limits, Search
from raynas.analysis.full_training import correlation, rows_of
from raynas.cli import plan as plan_command
from raynas.cli.search_file import load_search
from raynas.cli.show_proxy import say_findings, say_repeats
from raynas.cli.terminal import Terminal
from raynas.objective import Objective
from raynas.preflight.data_findings import DataPart, of_size
from raynas.preflight.learning_curves import shape_of
from raynas.preflight.search_plan import plan_search
from raynas.proxy.checks import check_trials
from raynas.proxy.repeats import Repeats
from raynas.proxy.variance import variance_of
from raynas.search_cost import Range, SearchPlan
from raynas.testing.spaces import ToyNet
from raynas.trials import Completed, Failed, History, Infeasible, Measurement, Trial

FILE = """
import raynas as nas
from raynas.rewards import AtMost, Constrained, Metric, Pareto
from raynas.testing.spaces import ToyNet

best = Metric("val_mae", "min")
search = nas.Search(
    space=ToyNet,
    task=nas.FunctionTask(lambda net: net.depth, "val_mae", "min"),
    reward={reward},
    limits=nas.Limits(trials={limit}),
    name="tiny",
)
"""
REWARDS = {
    "max": 'Metric("val_acc")',
    "min": "best",
    "bounded": 'Constrained(best, (AtMost("ms", 90.0),))',
    "front": 'Constrained(Pareto(best, Metric("ms", "min")), (AtMost("ms", 90.0),))',
}
NOUNS = (
    "architectures|batches|causes|choices|cores|days|epochs|errors|examples|failures|hours|lines|"
    "metrics|minutes|models|options|results|runs|scores|seconds|steps|times|trainings|trials|"
    "warnings|workers"
)
UNSUPPORTED = {
    "a plural of one": rf"(?<![\d.,:])1 (?:(?!of\b)[a-z-]+ ){{0,2}}?(?:{NOUNS})\b",
    "a singular of several": r"(?<![\d.,])(?:\d*[2-9]|\d*1\d|\d+0) "
    r"(?:trial|step|model|training(?! example))\b",
    "a time without its zone": r"(?<![\d:+])\d\d:\d\d(?::\d\d)?(?![\d:]| UTC|\+00:00)",
    "what is no value": r"\b(?:nan|None|inf)\b",
    "what is to be typed, twice": r"Next: (?:Next|To go on)",
    "a name in place of the file": r"\bFILE\b",
    "two full stops": r"(?<!\.)\.\.(?![./])",
}
OF_A_HANDFUL = {
    "an interval": r"\d \(-?\d[\d.]* to -?\d",
    "a trend": r"\bconverged\b|last fifth|still improves: |nine tenths of the trials",
    "a share of the trials too small for one": r"worst 2 %",
    "more than there are": r"five best|best tenth",
    "a choice that matters": r"Which choices matter: |fANOVA",
}


def unsupported(text: str, trials: int) -> list[str]:
    """What `text` says that so many trials do not support, or that is no plain English."""
    kinds = UNSUPPORTED if trials >= 50 else UNSUPPORTED | OF_A_HANDFUL
    return [
        f"{kind}: {found.group()!r} in {text[max(0, found.start() - 60) : found.end() + 40]!r}"
        for kind, pattern in kinds.items()
        for found in re.finditer(pattern, text)
    ]


@pytest.mark.parametrize(
    "text",
    [
        "1 trials ended", "After 1 completed trials", "3 trial ended", "ended at 10:54",
        "at 10:54:12", "best nan", "Next: To go on: `x`", "`raynas report FILE`", "Done..",
        "tau 1.00 (1.00 to 1.00)", "when a search has converged", "The worst 2 % of the trials",
        "The five best in color.",
    ],
)  # fmt: skip
def test_the_scanner_sees(text: str) -> None:
    assert unsupported(text, 3)


@pytest.mark.parametrize(
    "text",
    ["1 trial ended", "11 trials", "1 of 5 trials", "2026-11-29 10:54 UTC", "0:01:10 to the limit",
     "2026-11-29T10:54:01+00:00", "0.1 hours", "trial 12", "1,000 trials"],
)  # fmt: skip
def test_the_scanner_leaves_alone(text: str) -> None:
    assert not unsupported(text, 3)


@pytest.fixture(params=REWARDS)
def reward(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.mark.parametrize("count", [1, 3, 5, 10])
def test_what_is_shown_of_a_search(  # type: ignore[no-untyped-def]
    run, reward: str, count: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "net.py"
    file.write_text(FILE.format(reward=REWARDS[reward], limit=count))
    monkeypatch.setattr(sys, "path", list(sys.path))
    tried(file, count, failing=reward != "max")
    shown = []
    for command in ("status", "report", "watch"):
        code, out, err = run(command, "net.py", *(["--once"] if command == "watch" else []))
        assert (code, err) == (0, ""), command
        assert "To go on: " in out
        assert "`raynas search net.py" in out
        shown.append(out)
    for number in range(count):
        shown.append(run("trial", "net.py", number)[1])
    text = "\n".join([*shown, page_text(tmp_path / "raynas-results" / "tiny" / "report.html")])
    assert not unsupported(text, count)
    assert not re.search(r"(?<![\w.-])-(?:0\.7|3\d\.)\d", text), "a metric is shown negated"
    assert f"{count} completed trial" in text or "cannot tell" in text


def tried(file: Path, count: int, failing: bool) -> None:
    """Tell a search's store `count` results; some failed and infeasible from three trials on."""
    found, name = load_search(str(file))
    rng = np.random.default_rng(count)
    with found.open(name) as search:
        for number in range(count):
            search.asktell.ask()
            value = 0.7 + 0.09 * float(rng.random())
            result: Any = Measurement(
                {"val_mae": value, "val_acc": value, "ms": 30 + 9 * value}, 2.0
            )
            if failing and number == 1:
                result = Failed("Traceback\nValueError: shapes do not match")
            if failing and number == 4:
                result = Infeasible("too deep")
            search.asktell.tell(number, result)


def page_text(path: Path) -> str:
    """What the page says, without its scripts; the names and hovers of figures too."""
    page = path.read_text("utf-8")
    names = re.findall(r'"name":"([^"]*)"', page[page.rindex('id="figures"') :])
    page = re.sub(r"<script.*?</script>|<style.*?</style>", "", page, flags=re.S)
    page = re.sub(r"<tr>.*?(?:started|versions|machine).*?</tr>", "", page)
    return html.unescape(re.sub(r"</t[dh]>|<[^>]+>", " | ", page)) + "\n".join(names)


@pytest.mark.parametrize("gpu", [0.0, 1.0])
@pytest.mark.parametrize("one", [True, False])
def test_what_is_shown_of_a_plan(gpu: float, one: bool, capsys: pytest.CaptureFixture[str]) -> None:
    few = Range(1.0, 1.0, 1.0) if one else Range(900.0, 1000.0, 3000.0)
    limits = Limits(trials=1 if one else 5000, hours=1.0, device_hours=1.0, money=1.0, price=1.0)
    made = SearchPlan(few, few, 1, gpu, 1.0, limits.trials, 1.0, 1.0, 1, "1 trial")
    console = Terminal(width=200)
    console.print(plan_command._figures(made))
    console.print(plan_command._savings(made, made.savings(limits.rules(1.0))))
    assert not unsupported(capsys.readouterr().out, 1000)


@pytest.mark.parametrize("limit", [1, 10, 5000])
def test_a_plan_does_not_call_its_limit_convergence(limit: int, tmp_path: Path) -> None:
    task = FunctionTask(lambda net: net.depth)
    search = Search(ToyNet, task, limits=Limits(trials=limit), folder=tmp_path)
    words = plan_search(search, "tiny", parallel=1).words
    assert "converge" not in words
    assert not unsupported(words, limit)


@pytest.mark.parametrize("count", [2, 3, 5, 10])
@pytest.mark.parametrize("mode", ["max", "min"])
def test_what_is_shown_of_repeats(
    count: int, mode: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    sign = 1 if mode == "max" else -1
    scores = sign * np.random.default_rng(0).normal(0.75, 0.01, count)
    say_repeats(Repeats((variance_of(list(scores)),), None, ()), Objective("val_mae", mode))
    out = capsys.readouterr().out
    assert "0.7" in out
    assert "-0.7" not in out
    assert not unsupported(out, 50)


@pytest.mark.parametrize("count", [0, 1, 2, 3, 5, 10])
def test_what_is_shown_of_a_proxys_checks(count: int, capsys: pytest.CaptureFixture[str]) -> None:
    ends = [Completed(Measurement({"val_mae": 0.7 + n / 50}), -0.7 - n / 50) for n in range(count)]
    for extra in ([], [Failed("out of memory")], [Infeasible("no")]):
        trials = [Trial(n, n, end, 0.0, 1.0) for n, end in enumerate([*ends, *extra])]
        say_findings(
            check_trials(History(tuple(trials), (Objective("val_mae", "min"),)), ["val_mae"])
        )
        out = capsys.readouterr().out
        assert not unsupported(out, count)
        assert "-0.7" not in out


@pytest.mark.parametrize("size", [0, 1, 2, 999, 5000])
def test_what_is_said_of_few_examples(size: int) -> None:
    parts = tuple(DataPart(name, max(size, 1), ()) for name in ("all", "trains", "validates"))
    for kind in ("classes", "regression"):
        assert not any(unsupported(one.message, 50) for one in of_size(parts, kind))  # type: ignore[arg-type]


@pytest.mark.parametrize("noise", [0.0, 0.2])
def test_a_curve_within_noise_gives_no_advice_on_steps(noise: float) -> None:
    found = shape_of([(1, 0.5), (5, 0.55), (10, 0.6)], 10, "max", noise=noise)
    assert found is not None
    assert ("does not tell how many steps" in found.advice) is (noise > 0)
    assert found.steps in (10, 20)
    assert not unsupported(found.advice, 3)


@pytest.mark.parametrize(("count", "known"), [(3, False), (4, False), (5, True), (10, True)])
def test_ranks_of_a_handful_have_no_tau(count: int, known: bool) -> None:
    ends = [Completed(Measurement({"reward": float(n)}), float(n)) for n in range(count)]
    history = History(tuple(Trial(n, n, end, 0.0, 1.0) for n, end in enumerate(ends)))
    match = correlation(rows_of(history, history, None))
    assert (match is not None) is known
    if match is not None:
        assert match.low < match.tau
