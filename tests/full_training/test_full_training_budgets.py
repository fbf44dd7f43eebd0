"""Stage 2 of a search over budgets: full trainings of the search count, and keep their weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from raynas import FunctionTask, LightningTask, Limits, Search
from raynas.export import write_export
from raynas.full_training import best_of, full_task, open_training, plan_training, settled
from raynas.full_training.taken_over import shortlisted, trained_in_search
from raynas.search.kept_weights import weights_file
from raynas.space import Space
from raynas.tasks import Context
from raynas.testing import ToyNet, toy_reward
from raynas.trials import Completed, Failed, History, Measurement
from tests.full_training.test_full_training import Data, Mlp, Module, run_stage2

BUDGETS = (1 / 2, 1.0)


def made(folder: Path, **options: Any) -> Search:
    task = LightningTask(Module, Data, "acc", max_steps=2, build={"classes": 2})
    full = LightningTask(Module, Data, "acc", max_steps=4, build={"classes": 2}, validation="own")
    limits = Limits(trainings=4, parallel=1)
    given = {"folder": folder, "name": "mlp", "budgets": BUDGETS, "limits": limits, **options}
    return Search(Mlp, task, full=full, **given)


def run_search(search: Search) -> History:
    """As Tune would, in this process."""
    with search.open() as run:
        while (proposal := run.asktell.ask()) is not None:
            context = Context(proposal.number, seed=proposal.number, budget=proposal.budget)
            measurement = run.task.run(proposal.architecture, context)
            run.asktell.tell(proposal.number, measurement)
        return run.history


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> tuple[Search, History]:
    search = made(tmp_path_factory.mktemp("results"))
    return search, run_search(search)


def test_full_trainings_of_a_search_keep_their_weights(searched: tuple[Search, History]) -> None:
    search, history = searched
    folder = Path(search.folder) / "mlp"
    for trial in history:
        assert weights_file(folder, trial.number).exists() == (trial.budget == 1)
    best = best_of(search, "mlp", history)
    assert best.stage == 2
    assert best.trial == history.at_budget(1.0)[-1].number
    assert best.weights == weights_file(folder, best.trial)
    assert not best.load().training


def test_the_winner_of_a_search_is_exported_with_its_weights(
    searched: tuple[Search, History], tmp_path: Path
) -> None:
    search, _ = searched
    with search.open(read_only=True) as run:
        written = write_export(best_of(search, "mlp", run.history), tmp_path / "out")
    assert written
    assert list((tmp_path / "out").rglob("*.safetensors"))


def test_stage_2_repeats_nothing_that_was_trained_in_full(
    searched: tuple[Search, History],
) -> None:
    search, history = searched
    full = history.at_budget(1.0)
    architectures = [trial.architecture for trial in full]
    plan = plan_training(full, Space(Mlp), len(full), 2, baseline=False)
    with open_training(search, "mlp", plan) as run:
        taken = run.history
        assert [trial.architecture for trial in taken] == architectures
        assert [trial.reward for trial in taken] == [trial.reward for trial in full]
        for old, new in zip(full, taken, strict=True):
            kept = weights_file(Path(search.folder) / "mlp", old.number).read_bytes()
            assert weights_file(run.folder, new.number).read_bytes() == kept
        trained = run_stage2(run)
    assert len(trained) == 2 * len(full)
    assert trained_in_search(search, "mlp", trained.architectures) == []
    with open_training(search, "mlp", plan) as run:
        assert run.history == trained


def test_trainings_of_another_length_are_not_taken_over(tmp_path: Path) -> None:
    search = made(tmp_path)
    history = run_search(search)
    plan = plan_training(history.at_budget(1.0), Space(Mlp), 1, 1, baseline=False)
    with open_training(search, "mlp", plan, max_steps=6) as run:
        assert len(run.history) == 0


def trained(net: Any, budget: float) -> float:
    return toy_reward(net) * budget**0.2


def test_a_function_with_a_budget_is_its_own_full_training(tmp_path: Path) -> None:
    search = Search(
        ToyNet,
        FunctionTask(trained),
        folder=tmp_path,
        name="toy",
        budgets=(1 / 4, 1.0),
        limits=Limits(trainings=4),
    )
    history = run_search(search)
    with search.open(read_only=True) as run:
        count, believed = shortlisted(run.asktell), run.asktell.believed()
    assert 1 <= count <= 10
    assert settled(search, "toy", believed, count, 10, noise=0.1) is believed
    assert full_task(search) is not None
    plan = plan_training(believed, Space(ToyNet), 2, 1, baseline=False)
    with open_training(search, "toy", plan) as run:
        assert len(run.history) == len(history.at_budget(1.0))
        found = run_stage2(run)
    for trial in found.completed:
        assert trial.reward == pytest.approx(toy_reward(trial.architecture))
    assert len(found.architectures) == len(found)


def test_a_full_training_that_failed_is_not_taken_over(tmp_path: Path) -> None:
    search = made(tmp_path)
    with search.open() as run:
        net = run.space.baseline
        run.asktell.tell(run.asktell.propose(net, 1.0).number, Failed("x"))
        done = Completed(Measurement({"acc": 0.5}), 0.5)
        run.asktell.tell(run.asktell.propose(net, 1.0).number, done)
    assert trained_in_search(search, "mlp", ()) == []  # neither has weights
