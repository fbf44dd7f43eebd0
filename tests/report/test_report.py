from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from report_samples import HOSTILE, MIXED, SPACE, completed, history, long_history, view

from raynas import AskTell
from raynas.errors import RaynasError
from raynas.report import SearchView, best_table, page, search_curve, trials_frame, write_report
from raynas.report.best import _as_call
from raynas.report.figure_style import Drawing
from raynas.report.markup import to_html
from raynas.report.sections import Section, sections
from raynas.rewards import Metric
from raynas.stopping import FailureShare
from raynas.testing import TinyNet
from raynas.trials import History, Measurement


def test_the_frame_has_a_row_a_trial_with_its_end() -> None:
    frame = trials_frame(MIXED, SPACE)
    assert list(frame["number"]) == list(range(7))
    assert list(frame["outcome"]) == [
        "completed",
        "failed",
        "completed",
        "infeasible",
        "stopped",
        "running",
        "completed",
    ]
    assert list(frame["reward"].dropna()) == [0.5, 0.9, 0.7]
    assert frame["reason"][1] == "RuntimeError: boom"
    assert frame["error"][1] == "Traceback\n  ...\nRuntimeError: boom"
    assert frame["reason"][3] == "too large"
    assert frame["metric: accuracy"][0] == 0.5
    assert frame["choice: width"][2] == 3


def test_the_best_come_first_and_earlier_ones_at_ties() -> None:
    frame = best_table(history(completed(0.5), completed(0.9), completed(0.5)), count=2)
    assert list(frame["rank"]) == [1, 2]
    assert list(frame["trial"]) == [1, 0]


def test_the_curve_shows_every_reward_the_best_so_far_and_the_rest_at_its_foot() -> None:
    figure = search_curve(MIXED, "accuracy")
    traces = {trace.name: trace for trace in figure.data}
    assert list(traces["trial"].x) == [0, 2, 6]
    assert list(traces["trial"].y) == [0.5, 0.9, 0.7]
    assert list(traces["best so far"].y) == [0.5, 0.9, 0.9]
    assert list(traces["failed (1)"].x) == [1]
    assert list(traces["infeasible (1)"].x) == [3]
    assert list(traces["stopped early (1)"].x) == [4]
    low, high = figure.layout.yaxis.range
    assert low < 0.5
    assert high > 0.9


def test_a_low_outlier_does_not_flatten_the_curve() -> None:
    low, _ = search_curve(
        history(completed(-1e9), *[completed(0.5 + n / 1000) for n in range(99)]), "r"
    ).layout.yaxis.range
    assert low > 0.4


def test_what_users_typed_is_escaped_in_the_page() -> None:
    text = page(view(long_history()))
    assert HOSTILE not in text
    assert "<img" not in re.sub(r"<script>.*?</script>", "", text, flags=re.S)
    assert "document.title" in text  # it is there, as text


def test_the_page_holds_each_figure_and_no_address_to_fetch() -> None:
    text = page(view(long_history()))
    figures = json.loads(re.search(r'id="figures">(.*?)</script>', text, re.S)[1])  # type: ignore[index]
    for key in (
        "search_curve",
        "stop_rules",
        "tradeoff_0",
        "learning_curves",
        "importance",
        "effect_0",
        "cost",
    ):
        assert f"figure-{key}" in figures
        assert f'id="figure-{key}"' in text
    assert not re.search(r'<(script|link|img)[^>]*\b(src|href)="', text)
    assert 3e6 < len(text) < 7e6


def test_the_files_read_back(tmp_path: Path) -> None:
    files = write_report(view(MIXED, name="net"), tmp_path / "new" / "folder")
    assert list(pd.read_csv(files.table)["reward"].dropna()) == [0.5, 0.9, 0.7]
    data = json.loads(files.data.read_text())
    assert data["trials"][1]["outcome"]["error"].endswith("RuntimeError: boom")
    assert data["trials"][5]["outcome"] is None
    assert SPACE.from_json(json.dumps(data["trials"][2]["architecture"])) == MIXED[2].architecture


def test_an_empty_history_is_reported_too(tmp_path: Path) -> None:
    assert best_table(History()).empty
    assert "No trial has a reward yet" in page(view(History()))


def test_a_history_of_failures_alone_is_reported_too() -> None:
    alone = [trial.outcome for trial in MIXED.unrewarded]
    assert "2 of 2 trials (100.0%) ended without a reward" in page(view(history(*alone)))


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RaynasError, match=r"cannot write the report to .*file/x: Not a directory"):
        write_report(view(MIXED), tmp_path / "file" / "x", parts=[])


def test_no_part_of_a_report_compares_rewards_of_different_budgets() -> None:
    """What compares trials says of a search over budgets what it says of one budget's trials."""
    short = long_history()
    full = [
        replace(trial, number=len(short) + trial.number, budget=1.0, outcome=completed(1e3))
        for trial in short[:4]
    ]
    mixed = History((*(replace(trial, budget=0.25) for trial in short), *full))
    alone = {part.key: part for part in sections(view(short))}
    for part in sections(view(mixed)):
        if part.key in ("tradeoffs", "learning", "choices"):
            said, *blocks = part.blocks
            assert "completed trials at budget 0.25, a share of a full training" in to_html(said)
            assert list(map(plain, blocks)) == list(map(plain, alone[part.key].blocks))
    drawn = {block.key: block for part in sections(view(mixed)) for block in drawings(part)}
    assert max(drawn["search_curve"].figure.data[0].y) < 1e3
    best = best_table(mixed)
    assert list(best["budget"][:5]) == [1.0] * 4 + [0.25]
    assert "budget" not in best_table(short)
    assert [mixed.label(trial) for trial in (mixed[0], mixed[-1])] == [
        "trial 0, budget 0.25",
        f"trial {len(mixed) - 1}, budget 1",
    ]
    assert short.label(short[0]) == "trial 0"


def drawings(part: Section) -> list[Drawing]:
    return [block for block in part.blocks if isinstance(block, Drawing)]


def plain(block: Any) -> Any:
    return block.figure.to_plotly_json() if isinstance(block, Drawing) else to_html(block)


def test_an_architecture_in_json_is_shown_as_its_class_prints_it() -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        architecture = SPACE.sample(rng)
        assert _as_call(json.loads(SPACE.to_json(architecture))) == repr(architecture)


@pytest.mark.parametrize("closed", [False, True])
def test_a_search_driven_from_outside_has_a_report(tmp_path: Path, closed: bool) -> None:
    search = AskTell(TinyNet, store=tmp_path / "journal.log", reward=Metric("loss", mode="min"))
    for loss in (0.25, 0.125):
        search.tell(search.ask(), Measurement({"loss": loss}))
    if closed:
        search.close()
    files = write_report(SearchView.of(search, rules=(FailureShare(),)), tmp_path / "report")
    assert list(pd.read_csv(files.table)["loss (lower is better)"]) == [0.25, 0.125]
    data = json.loads(files.data.read_text())
    assert data["search"] == "search"
    assert data["objectives"] == [{"name": "loss", "mode": "min"}]
    assert "0.125" in files.page.read_text()
