"""Stage 2 of a search over budgets: full trainings of the search count, and keep their weights."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from raynas import AskTell, FunctionTask, LightningTask, Limits, Search
from raynas.analysis.beliefs import believed_rows, new_full_trainings
from raynas.analysis.budgets import budget_lines
from raynas.analysis.full_training import rows_of
from raynas.export import write_export
from raynas.full_training import best_of, full_task, open_training, plan_training, settled
from raynas.full_training.contenders import Contenders, chances_of, shortlisted
from raynas.full_training.ranked import ranked
from raynas.full_training.taken_over import take_over, trained_in_search
from raynas.search.kept_weights import weights_file
from raynas.space import Space
from raynas.tasks import Context
from raynas.testing import ToyNet, toy_reward
from raynas.trials import Completed, Failed, History, Measurement, Trial
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


def test_a_full_training_that_was_repeated_is_taken_over_twice(tmp_path: Path) -> None:
    """Also where the first attempt was killed between the two."""
    search = Search(ToyNet, FunctionTask(trained), folder=tmp_path, name="toy", budgets=(1 / 4, 1))
    with search.open() as run:
        net = next(iter(run.space.enumerate()))
        for reward in (0.2, 0.6):
            number = run.asktell.propose(net, 1.0).number
            run.asktell.tell(number, Measurement({"reward": reward}))
        history = run.history
    assert trained_in_search(search, "toy", ()) == list(history)
    plan = plan_training(history, Space(ToyNet), 1, 2, baseline=False)
    with pytest.MonkeyPatch.context() as killed:
        killed.setattr(
            "raynas.full_training.stage2.take_over",
            lambda trials, *rest: take_over(trials[:1], *rest),
        )
        with open_training(search, "toy", plan) as full:
            assert [trial.reward for trial in full.history] == [0.2]
    with open_training(search, "toy", plan) as full:
        assert [trial.reward for trial in full.history] == [0.2, 0.6]
        assert run_stage2(full) == full.history
        assert len(full.history) == 2
    with search.open(read_only=True) as run:
        assert new_full_trainings(run.asktell, full.history) == ()


def test_one_lucky_full_training_does_not_decide(tmp_path: Path) -> None:
    """Stage 2's luckiest training is of an architecture that every other training says is poor."""
    search = Search(ToyNet, FunctionTask(trained), folder=tmp_path, name="toy", budgets=(1 / 4, 1))
    with search.open() as run:
        ask = run.asktell
        for net in list(islice(ask.space.enumerate(), 0, 90, 3)):
            ask.tell(ask.propose(net, 1 / 4).number, Measurement({"reward": toy_reward(net)}))
        order = sorted(ask.history, key=lambda trial: trial.reward or 0.0, reverse=True)
        best, second, *others = [trial.architecture for trial in order]
        poor = others[len(others) // 2]
        for net in (best, poor, *others[::5]):
            ask.tell(ask.propose(net, 1.0).number, Measurement({"reward": toy_reward(net)}))
        history = run.history
    lucky = toy_reward(best) + 0.01
    plan = plan_training(history.at_budget(1.0), Space(ToyNet), 4, 3, baseline=False)
    with open_training(search, "toy", plan) as stage2:
        taken = len(stage2.history)
        assert taken == len(history.at_budget(1.0))
        for net, reward in ((poor, 2 * lucky - toy_reward(poor)), (second, toy_reward(second))):
            told = Measurement({"reward": reward})
            stage2.asktell.tell(stage2.asktell.propose(net).number, told)
        full = stage2.history
    by_mean = rows_of(full, history)
    assert by_mean[0].architecture == poor
    rows = ranked(search, "toy", full, by_mean)
    assert {row.architecture for row in rows} == {row.architecture for row in by_mean}
    assert rows[0].architecture == best
    assert rows[0].probability == max(row.probability or 0.0 for row in rows)
    assert sum(row.probability or 0.0 for row in rows) <= 1 + 1e-9
    assert best_of(search, "toy", history).architecture == best
    with search.open(read_only=True) as run:
        new = new_full_trainings(run.asktell, full)
        assert [trial.number for trial in new or ()] == [taken, taken + 1]
        (first,) = run.asktell.beliefs(1, new or ())
        assert first.trial in history
        assert f"trial {first.trial.number}" in list(budget_lines(run.asktell, new or ()))[1]


def test_full_trainings_of_another_length_do_not_enter_the_model() -> None:
    known = AskTell(ToyNet, budgets=BUDGETS)
    net, other = islice(known.space.enumerate(), 2)
    known.tell(known.propose(net, 1.0).number, Measurement({"reward": 1.0}, steps=10))
    longer = Trial(0, other, Completed(Measurement({"reward": 2.0}, steps=20), 2.0))
    assert new_full_trainings(known, History((longer,))) is None
    rows = rows_of(History((longer,)), known.history)
    assert believed_rows(known, History((longer,)), rows) == rows


def test_contenders_are_trained_while_they_may_be_the_best() -> None:
    """The most probable one first, by what the trainings so far make of it."""
    space = Space(ToyNet)
    baseline, first, second, third = islice(space.enumerate(), 4)
    chances = [{second: 0.1, third: 0.4}, {second: 0.3, third: 0.1}, {second: 0.09, third: 0.2}]
    asked = Contenders(
        space,
        (baseline, first, second, third),
        lambda full: chances[len(full) - 2],
        (baseline, first),
    )
    history, found = History(), []
    while (net := asked.propose(history, np.random.default_rng(0))) is not None:
        found.append(net)
        history = History((*history, Trial(len(history), net)))
    assert found == [baseline, first, third, second]
    chances[1][second] = 0.09
    history = History([Trial(n, net) for n, net in enumerate(found[:3])])
    assert asked.propose(history, np.random.default_rng(0)) is None


def test_another_full_training_has_to_be_worth_its_cost(tmp_path: Path) -> None:
    """Where one is the best by far, the others of the list are left out."""
    search = Search(ToyNet, FunctionTask(trained), folder=tmp_path, name="toy", budgets=(1 / 4, 1))
    with search.open() as run:
        ask = run.asktell
        nets = list(islice(ask.space.enumerate(), 0, 120, 3))
        for net in nets:
            ask.tell(ask.propose(net, 1 / 4).number, Measurement({"reward": toy_reward(net)}))
        for net in nets[::4]:
            ask.tell(ask.propose(net, 1.0).number, Measurement({"reward": toy_reward(net)}))
        believed, tried = ask.believed(), len(ask.history.at_budget(1.0))
    chances = chances_of(run.asktell)
    assert chances is not None
    plan = plan_training(believed, Space(ToyNet), 10, 1, baseline=False)
    with open_training(search, "toy", plan, chances=chances) as stage2:
        full = run_stage2(stage2)
    new = [trial.architecture for trial in full][tried:]
    left = [net for net in plan.architectures if net not in full.architectures]
    assert len(new) < len(new) + len(left)
    known = chances(full)
    assert all(known.get(net, 0.0) < 0.1 for net in left)
    assert chances_of(AskTell(ToyNet)) is None
