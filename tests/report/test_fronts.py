"""Fronts in the user's units and directions, wherever they are shown."""

from __future__ import annotations

import dataclasses
import io
from pathlib import Path

import numpy as np
import pandas as pd
from report_samples import view as sample_view
from rich.console import Console

from raynas.analysis.fronts import front_trials, knee_of, progress_of, values_of
from raynas.analysis.tables import trials_frame
from raynas.cli.show_front import front_table, hypervolume_line
from raynas.cli.status import front_fields
from raynas.cli.watch import screen
from raynas.dashboard.app import _objective_columns
from raynas.dashboard.follower import row_of
from raynas.report import write_report
from raynas.report.figure_style import Drawing
from raynas.report.markup import to_html
from raynas.report.sections import sections
from raynas.rewards import Metric, Pareto
from raynas.space import Space
from raynas.testing import ToyNet
from raynas.trials import Completed, History, Measurement, Trial

REWARD = Pareto(Metric("acc"), Metric("latency_p50", "min"), Metric("peak_memory_bytes", "min"))
SPACE = Space(ToyNet)


def history_of(count: int) -> History:
    rng = np.random.default_rng(0)
    trials = []
    for number in range(count):
        acc, seconds, memory = rng.random(), 1e-3 * (1 + rng.random()), 2**20 * (1 + rng.random())
        metrics = {"acc": acc, "latency_p50": seconds, "peak_memory_bytes": memory}
        outcome = Completed(Measurement(metrics, 1.0), acc, (acc, -seconds, -memory))
        trials.append(Trial(number, SPACE.sample(rng), outcome, 0.0, float(number)))
    return History(tuple(trials), REWARD.shown_as)


HISTORY = history_of(40)
VIEW = dataclasses.replace(
    sample_view(HISTORY), space=SPACE, reward=REWARD, full=history_of(6), rules=()
)


def printed(*shown: object) -> str:
    console = Console(file=io.StringIO(), width=200)
    for one in shown:
        console.print(one)
    return console.file.getvalue()  # type: ignore[attr-defined]


def test_values_are_those_of_the_user() -> None:
    trial = HISTORY[0]
    assert isinstance(trial.outcome, Completed)
    assert values_of(trial, REWARD.shown_as) == tuple(trial.outcome.measurement.metrics.values())
    row = row_of(trial, REWARD.shown_as)
    assert [row[f"objective{n}"] for n in range(3)] == list(values_of(trial, REWARD.shown_as))
    frame = trials_frame(HISTORY, SPACE)
    assert (frame["objective: latency_p50"] == frame["metric: latency_p50"]).all()
    assert [c["headerName"] for c in _objective_columns(History((), REWARD.shown_as))] == [
        "acc",
        "latency_p50",
        "peak_memory_bytes",
    ]
    loss = Metric("loss", "min").shown_as
    (single,) = _objective_columns(History((), loss))
    assert (single["headerName"], single["sort"]) == ("loss", "asc")
    budgets = History((Trial(0, "a", budget=0.25), Trial(1, "b")), loss)
    first, second = _objective_columns(budgets)
    assert (first["field"], first["sort"], first["sortIndex"]) == ("budget", "desc", 0)
    assert (second["headerName"], second["sort"], second["sortIndex"]) == ("loss", "asc", 1)
    assert row_of(budgets[0], loss)["budget"] == 0.25


def test_hypervolume_never_falls_and_says_where_it_is_measured_from() -> None:
    progress = progress_of(HISTORY)
    assert progress is not None
    assert list(progress.shares) == sorted(progress.shares)
    assert 0 < progress.shares[-1] <= 1
    assert progress.trials[-1] == 40
    worse = sum(t.objectives[1] <= -progress.reference[1] for t in HISTORY if t.objectives)
    assert worse == 4, "a tenth of the trials"
    assert progress.ideal[0] == max(HISTORY.rewards)
    assert progress_of(dataclasses.replace(HISTORY, shown_as=Metric("acc").shown_as)) is None
    scaled = [tuple(1000 * score for score in t.objectives or ()) for t in HISTORY]
    again = History(
        tuple(
            dataclasses.replace(t, outcome=Completed(Measurement({}), s[0], s))
            for t, s in zip(HISTORY, scaled, strict=True)
        ),
        REWARD.shown_as,
    )
    other = progress_of(again)
    assert other is not None
    assert np.allclose(other.shares, progress.shares), "units do not matter"


def test_terminal_and_watch_show_the_front_with_units() -> None:
    front = front_trials(HISTORY)
    knee = knee_of(front)
    assert knee is not None
    shown = printed(front_table(HISTORY, 100), hypervolume_line(HISTORY))
    assert f"Front: {len(front)} of 40 completed trials" in shown
    assert f"{knee.number} (knee)" in shown
    assert " ms" in shown
    assert " MiB" in shown
    assert "-0.00" not in shown
    watched = printed(screen(VIEW, 200, 60))
    assert f"front of {len(front)} trials: acc" in watched
    assert "-0.00" not in watched


def test_the_page_has_both_fronts_and_no_negated_number(tmp_path: Path) -> None:
    parts = sections(VIEW)
    blocks = [block for part in parts for block in part.blocks]
    text = "".join(to_html(block) for block in blocks if not isinstance(block, Drawing))
    assert f"On the front: {len(front_trials(HISTORY))} trials" in text
    assert "The front of the full trainings" in text
    assert "-0.00" not in text
    drawings = {block.key: block for block in blocks if isinstance(block, Drawing)}
    assert "share of the box from the reference point (acc" in drawings["hypervolume"].words
    assert min(drawings["tradeoff_0"].figure.data[0].x) > 0
    files = write_report(VIEW, tmp_path, parts)
    assert "objective: peak_memory_bytes" in pd.read_csv(files.table).columns


def test_a_single_objective_that_is_minimized_is_shown_as_it_is() -> None:
    outcomes = [Completed(Measurement({"loss": v}), -v) for v in (0.4, 0.2, 0.3)]
    rng = np.random.default_rng(0)
    trials = [Trial(n, SPACE.sample(rng), o, 0.0, 1.0) for n, o in enumerate(outcomes)]
    view = dataclasses.replace(
        sample_view(History(trials)), space=SPACE, reward=Metric("loss", "min"), rules=()
    )
    assert "-0.2" not in printed(screen(view, 200, 60))
    blocks = [block for part in sections(view) for block in part.blocks]
    text = "".join(to_html(block) for block in blocks if not isinstance(block, Drawing))
    assert "-0.2" not in text
    (curve,) = [b for b in blocks if isinstance(b, Drawing) and b.key == "search_curve"]
    best = next(trace for trace in curve.figure.data if trace.name == "best so far")
    assert list(best.y) == [0.4, 0.2, 0.2]


def test_programs_get_the_front_in_the_users_units() -> None:
    fields = front_fields(HISTORY)
    front = front_trials(HISTORY)
    assert [point["number"] for point in fields["front"]] == [trial.number for trial in front]
    for point, trial in zip(fields["front"], front, strict=True):
        assert isinstance(trial.outcome, Completed)
        assert point["values"] == trial.outcome.measurement.metrics
    assert sum(point["knee"] for point in fields["front"]) == 1
    found = progress_of(HISTORY)
    assert found is not None
    assert fields["hypervolume"]["share"] == found.shares[-1]
    assert tuple(fields["hypervolume"]["reference"].values()) == found.reference
    assert front_fields(History((), REWARD.shown_as)) == {"front": [], "hypervolume": None}
    assert front_fields(History()) == {}
