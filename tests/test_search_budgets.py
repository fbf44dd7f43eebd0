"""A search over budgets: what goes with it, and a whole one on Tune."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from raynas import FunctionTask, Limits, Search
from raynas.analysis.budgets import budget_lines
from raynas.analysis.tables import trials_frame
from raynas.asktell import AskTell
from raynas.errors import ConfigurationError, StoreError
from raynas.full_training.substudy import study_beside
from raynas.meters import FunctionMeter, Measured
from raynas.rank_interval import FEWEST
from raynas.rewards import AtLeast, AtMost, Constrained, Metric, Pareto
from raynas.space import Space, choice, searchable
from raynas.stopping import Convergence, FailureShare, TrainingLimit
from raynas.stored import open_stored, read_snapshot
from raynas.testing import ToyNet, toy_reward
from raynas.trials import Completed, History, Measurement, Trial
from raynas.wording import counted

BUDGETS = (1 / 4, 1.0)
GOOD = Completed(Measurement({"reward": 1.0}), 1.0)


def trained(net: Any, budget: float) -> float:
    return toy_reward(net) * budget**0.2


def search(**options: Any) -> Search:
    return Search(ToyNet, FunctionTask(trained), **{"budgets": BUDGETS, **options})


def test_rules_that_compare_rewards_are_not_the_default() -> None:
    assert search().rules == (FailureShare(),)


@searchable
class Clash:
    trial_budget: int = choice(1, 2)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rules": [Convergence()]}, "it compares all rewards, which are of several budgets"),
        ({"scheduler": "asha"}, "scheduler='asha': a search over budgets ends no trial early"),
        ({"controller": "tpe"}, "controller='tpe': it cannot choose among several budgets"),
        (
            {"reward": Pareto(Metric("a"), Metric("b"))},
            "a search over budgets has one objective, and .* has 2",
        ),
        ({"budgets": (0.5,)}, r"budgets=\(0\.5,\): must be shares of a full training"),
        ({"limits": Limits(trainings=3), "budgets": (1,)}, "without Search.budgets=.* has no cost"),
        ({"space": Clash}, "is named 'trial_budget': rename it"),
        ({"task": FunctionTask(toy_reward)}, "budgets: a FunctionTask takes none"),
        (
            {"reward": Constrained(Metric("reward"), (AtLeast("recall", 0.9),))},
            "metric='recall', .* may depend on the length of a training",
        ),
    ],
)
def test_what_does_not_go_with_budgets_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        Search(**{"space": ToyNet, "task": FunctionTask(trained), "budgets": BUDGETS, **options})


@pytest.mark.parametrize("trainings", [0, -1.0, "6"])
def test_a_limit_in_full_trainings_is_above_0(trainings: Any) -> None:
    with pytest.raises(ConfigurationError, match="trainings="):
        Limits(trainings=trainings)


def test_the_limit_in_full_trainings_counts_what_ended() -> None:
    ended = [Trial(n, None, GOOD, budget=budget) for n, budget in enumerate((0.25, 0.25, 1.0))]
    history = History((*ended, Trial(3, None, budget=1.0)))
    limit = TrainingLimit(1.6, 0.25)
    stop = limit.check(history, 0.0)
    assert stop is not None
    assert stop.reason == "3 trials cost 1.50 full trainings; the limit is 1.6."
    assert stop.advice.startswith("Write the winner, trained in full: `raynas export FILE`.")
    assert "`raynas search FILE --trainings 3.2`" in stop.advice
    assert TrainingLimit(1.75, 0.25).check(history, 0.0) is None
    assert limit.state(history, 0.0) == "cost 1.50 of 1.6 full trainings"


def test_trials_of_a_higher_budget_come_first_among_the_best() -> None:
    """Rewards at different budgets cannot be compared."""
    low = Completed(Measurement({}), 0.5)
    history = History((Trial(0, "a", GOOD, budget=0.25), Trial(1, "b", low, budget=1.0)))
    assert [trial.number for trial in history.best(2)] == [1, 0]
    assert history.cost == 1.25
    assert [trial.number for trial in history.at_budget(1.0)] == [1]


def test_tables_and_status_show_budgets(monkeypatch: pytest.MonkeyPatch) -> None:
    known = AskTell(ToyNet, budgets=BUDGETS)
    for _ in range(14):
        proposal = known.ask()
        assert proposal is not None
        known.tell(proposal.number, trained(proposal.architecture, proposal.budget))
    frame = trials_frame(known.history, Space(ToyNet))
    assert frame["budget"].tolist() == [trial.budget for trial in known.history]
    lines = list(budget_lines(known))
    assert lines[0].startswith(f"Cost so far: {known.history.cost:.2f} full trainings")
    assert lines[1].startswith("Believed best after a full training: trial ")
    short, full = (len(known.history.at_budget(budget).completed) for budget in BUDGETS)
    assert full < FEWEST
    assert lines[2] == (
        f"Budget 1/4: {counted(short, 'trial')}, and {counted(full, 'full training')}; it takes 5 "
        "to say how far it can be trusted."
    )
    monkeypatch.setattr("raynas.analysis.budgets.FEWEST", full)
    said = list(budget_lines(known))[2]
    assert said.startswith("Budget 1/4: correlation with a full training 0.")
    assert said.endswith(f"after {counted(short, 'trial')} and {counted(full, 'full training')}.")
    single = AskTell(ToyNet)
    assert list(budget_lines(single)) == []
    assert "budget" not in trials_frame(single.history, Space(ToyNet))


def test_studies_beside_a_search_have_a_single_budget() -> None:
    beside = study_beside(search(limits=Limits(trainings=3)), "a", "-full")
    assert tuple(beside.budgets) == (1.0,)
    assert beside.limits.trainings is None


@pytest.mark.usefixtures("ray_session")
def test_a_whole_search_ends_at_its_limit_and_goes_on_with_a_higher_one(tmp_path: Path) -> None:
    first = search(folder=tmp_path, name="s", limits=Limits(trainings=3, parallel=2))
    found = first.run()
    assert found.stop is not None
    assert found.stop.rule == "training limit"
    assert 2.75 < found.history.cost <= 3.0
    for trial in found.history.completed:
        assert trial.reward == pytest.approx(trained(trial.architecture, trial.budget))
    more = replace(first, limits=Limits(trainings=4, parallel=2)).run()
    assert more.history[: len(found.history)] == found.history[:]
    assert found.history.cost < more.history.cost <= 4.0
    with pytest.raises(StoreError, match=r"budgets was \(0.25, 1.0\), now \(0.5, 1.0\)"):
        replace(first, budgets=(1 / 2, 1.0)).run()


def cost_of(net: Any) -> float:
    return float(len(net.blocks) * net.width)


@pytest.mark.usefixtures("ray_session")
@pytest.mark.parametrize("free", [True, False])
def test_a_whole_search_keeps_to_the_bounds_of_its_meters(tmp_path: Path, free: bool) -> None:
    """Those known before a trial are not proposed outside; others are never trained, nor taken."""
    bound = AtMost("cost", 32.0)
    task = Measured(FunctionTask(trained), FunctionMeter(cost_of, "cost", free), bounds=[bound])
    options: dict[str, Any] = {"budgets": BUDGETS, "folder": tmp_path, "name": "s"}
    bounded = Search(ToyNet, task, limits=Limits(trainings=4, parallel=2), **options)
    found = bounded.run()
    assert found.stop is not None
    outside = [t for t in found.history if cost_of(t.architecture) > bound.limit]
    assert bool(outside) is not free
    assert list(found.history.outside) == outside
    with bounded.look() as run:
        best = run.asktell.recommend()
    assert best is not None
    assert best.budget == 1
    assert cost_of(best.architecture) <= bound.limit


def test_who_looks_at_a_search_goes_by_its_limits(tmp_path: Path) -> None:
    """At the limit the choice is among full trainings, also where the limit was an option."""
    searched = search(folder=tmp_path, name="s", limits=Limits(trainings=3, trials=50))
    with searched.open("s") as run:
        while (proposal := run.asktell.ask()) is not None:
            run.asktell.tell(proposal.number, trained(proposal.architecture, proposal.budget))
        run.asktell.store.note_on_search({"limits": asdict(searched.limits), "until": []})
        run._record()
        chosen, limit = run.asktell.recommend(), run.asktell._several.limit  # type: ignore[union-attr]
    assert chosen is not None
    assert chosen.budget == 1
    snapshot = read_snapshot(tmp_path / "s")
    assert snapshot is not None
    others = replace(searched, limits=Limits(trainings=9))
    for look in (open_stored(snapshot, tmp_path / "s"), others.open("s", read_only=True)):
        with look:
            assert look.asktell._several.limit == limit  # type: ignore[union-attr]
            found = look.asktell.recommend()
            assert found is not None
            assert (found.number, found.reward) == (chosen.number, chosen.reward)


def test_a_folder_does_not_tell_what_a_search_learned_from(tmp_path: Path) -> None:
    earlier = AskTell(ToyNet)
    for _ in range(6):
        proposal = earlier.ask()
        assert proposal is not None
        earlier.tell(proposal.number, toy_reward(proposal.architecture))
    searched = search(folder=tmp_path, name="s", learn_from=[earlier])
    with searched.open("s") as run:
        run.asktell.ask()
        run._record()
    snapshot = read_snapshot(tmp_path / "s")
    assert snapshot is not None
    with pytest.raises(StoreError, match=r"learned from, which .* give the search file instead"):
        open_stored(snapshot, tmp_path / "s")
