"""What is known of stage 2 by those who look at the search, from its results folder alone."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from raynas import FunctionTask, Search
from raynas.analysis.full_training import rows_of
from raynas.cli.status import full_fields
from raynas.full_training import open_training, plan_training
from raynas.full_training.stage2 import trained_of
from raynas.report.best import best_nodes, front_nodes
from raynas.report.markup import to_html
from raynas.report.tradeoff import tradeoffs
from raynas.rewards import Metric, Pareto
from raynas.space import Space
from raynas.stored import StoredSearch, open_stored, read_snapshot
from raynas.testing import ToyNet
from raynas.trials import Measurement

SPACE = Space(ToyNet)
REWARD = Pareto(Metric("acc"), Metric("latency_p50", "min"))


def measured(number: int, gained: float) -> Measurement:
    """Ever better and ever slower, but for trial 3, which trial 2 dominates."""
    slow = 9.0 if number == 3 else float(number)
    acc = 0.4 + 0.1 * (number if number != 3 else 1) + gained
    seconds = 1e-3 * (1 + slow) * (1.2 if gained and number == 5 else 1.0)
    interval = {"latency_p50_low": 0.9 * seconds, "latency_p50_high": 1.1 * seconds}
    return Measurement({"acc": acc, "latency_p50": seconds, **interval}, 1.0)


def trained(folder: Path, store: str | None = None) -> Search:
    """A search of six trials of which all are trained in full."""
    search = Search(
        space=SPACE,
        task=FunctionTask(lambda _: measured(0, 0.0), "acc"),
        full=FunctionTask(lambda _: measured(0, 0.0), "acc"),
        reward=REWARD,
        controller="grid",
        folder=folder,
        name="toy",
        store=store,
    )
    with search.open() as run:
        run._record()
        for number in range(6):
            run.asktell.ask()
            run.asktell.tell(number, measured(number, 0.0))
        history = run.history
    plan = plan_training(history, SPACE, 6, baseline=False)
    numbers = {trial.architecture: trial.number for trial in history}
    with open_training(search, "toy", plan) as study:
        study._record()
        while (proposal := study.asktell.ask()) is not None:
            number = numbers[proposal.architecture]
            study.asktell.tell(proposal.number, measured(number, 0.05))
    return search


@pytest.fixture(scope="module", params=["default", "journal", "database"])
def search(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Search:
    folder = tmp_path_factory.mktemp("results")
    stores = {
        "default": None,
        "journal": str(folder / "elsewhere.log"),
        "database": f"sqlite:///{folder}/trials.db",
    }
    return trained(folder, stores[request.param])


@pytest.fixture
def stored(search: Search) -> Iterator[StoredSearch]:
    folder = Path(search.folder) / "toy"
    snapshot = read_snapshot(folder)
    assert snapshot is not None
    with open_stored(snapshot, folder) as run:
        yield run


def test_whoever_looks_at_a_search_sees_its_full_trainings(
    search: Search, stored: StoredSearch
) -> None:
    expected, _ = trained_of(search, "toy")
    assert len(expected.completed) == 6
    with search.open(read_only=True) as run:
        seen = run.view().full
    assert seen is not None
    assert [t.objectives for t in seen] == [t.objectives for t in expected]
    assert [t.architecture for t in seen] == [t.architecture for t in expected]
    alone = stored.view()
    assert alone.full is not None
    assert stored.full_trainings() == alone.full, "it is followed, not opened again"
    numbers = [row.search_trial for row in rows_of(alone.full, alone.history)]
    assert numbers == [row.search_trial for row in rows_of(expected, run.history)]
    assert None not in numbers


def test_a_search_without_full_trainings_has_none(tmp_path: Path) -> None:
    alone = dataclasses.replace(
        Search(space=SPACE, task=FunctionTask(lambda _: 0.5)), folder=tmp_path, name="alone"
    )
    with alone.open() as run:
        assert run.full_trainings() is None
        assert full_fields(None, run) == {}


def test_the_page_shows_both_fronts_in_the_users_units(stored: StoredSearch) -> None:
    view = stored.view()
    text = "".join(map(to_html, front_nodes(view)))
    assert "5 of 6 architectures trained in full are on it" in text
    assert "0.65 (0.6)" in text, "in full, and in the search"
    assert "3 ms (3 ms)" in text
    assert "-0.00" not in text
    again = (
        "latency_p50, measured again in 6 full trainings, was 1.00 to 1.20 times what the search "
        "measured, and within the search&#x27;s interval in 5 of 6."
    )
    assert again in text
    factor = np.exp(2.4469 * np.log(1.2) / np.sqrt(6))  # Student's t with six degrees of freedom
    assert f"another measurement is within a factor of {factor:.2f} of the full" in text
    figure = next(d for d in tradeoffs(view) if "latency_p50" in d.title)
    traces = {trace.name: trace for trace in figure.figure.data}
    assert sorted(traces) == ["Pareto front (5)", "front in full (5)", "full training (1)", "trial"]
    assert list(traces["full training (1)"].x) == [0.01]
    assert list(traces["full training (1)"].y) == [pytest.approx(0.55)]
    assert traces["full training (1)"].text[0].startswith("trial 3 (full training ")
    assert figure.figure.layout.xaxis.ticksuffix == "s"
    titles = [drawing.title for drawing in tradeoffs(view)]
    assert titles == ["Score against latency_p50", "Score against seconds of the trial"]
    assert "latency_p50_low" not in "".join(map(to_html, best_nodes(view)))
    assert "Diamonds are full trainings" in figure.words


def test_programs_and_the_terminal_get_them_too(search: Search) -> None:
    from raynas.cli import app

    folder = str(Path(search.folder) / "toy")
    with search.open(read_only=True) as run:
        fields = full_fields(run.full_trainings(), run)["full"]
    assert fields["trainings"] == {"ended": 6, "running": 0}
    best, last = fields["architectures"][0], fields["architectures"][-1]
    assert best["search_trial"] == 5
    assert best["values"] == pytest.approx({"acc": 0.95, "latency_p50": 7.2e-3})
    assert (best["runs"], best["dominated_by"]) == (1, None)
    assert (last["search_trial"], last["dominated_by"]) == (3, 1)
    printed = CliRunner().invoke(app, ["status", folder])
    assert printed.exit_code == 0, printed.output
    assert "In full: 6 trainings ended; on their front 5 architectures:" in printed.output
    assert "trial 5: acc 0.95, latency_p50 7.2 ms" in printed.output
