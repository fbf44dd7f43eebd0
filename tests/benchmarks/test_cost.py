"""`benchmarks/cost.py` on a made-up table: what is spent, what is taken, and peers over budgets."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from raynas.space import Space, choice, searchable

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
COSTS = (1.0, 2.5, 4.0)


@searchable
class Net:
    width: str = choice("a", "b", "c", "d")
    depth: str = choice("a", "b", "c", "d")


@pytest.fixture
def cost(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import cost

    return cost


@pytest.fixture
def problems(cost: Any) -> Any:
    import cost_problems

    return cost_problems


@pytest.fixture
def problem(cost: Any) -> Any:
    nets: list[Any] = list(Space(Net).enumerate())
    names = [net.width + net.depth for net in nets]
    values = {name: [float(ord(name[0]) * 2 + ord(name[1]))] for name in names}
    scores = {name: runs[0] for name, runs in values.items()}
    budgets = (1 / 4, 1.0)
    return cost.Problem(
        Space(Net), budgets, (values, values), scores, lambda net: net.width + net.depth
    )


@pytest.fixture
def spent(problem: Any, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The budgets of all trainings so far."""
    found: list[float] = []
    train = type(problem).train

    def counted(self: Any, architecture: Any, budget: float, rng: np.random.Generator) -> float:
        found.append(budget)
        return float(train(self, architecture, budget, rng))

    monkeypatch.setattr(type(problem), "train", counted)
    return found


def takes_the_best_so_far(
    found: Iterator[Any], spent: list[float], problem: Any, take: Callable[[list[float]], float]
) -> None:
    for cost, taken in zip(COSTS, found, strict=False):
        assert take(spent) <= cost + 1e-9
        assert take(spent) > cost - 1.0 - 1e-9, "as much is spent as fits"
        assert taken is not None
        assert problem.regret(taken) >= 0


@pytest.mark.parametrize("method", ["budgets", "full"])
def test_no_search_spends_more_than_it_may(
    method: str, cost: Any, problem: Any, spent: list[float]
) -> None:
    takes_the_best_so_far(cost.RUNS[method](problem, 0, COSTS), spent, problem, sum)


@pytest.mark.parametrize("name", ["optuna-asha", "optuna-hyperband"])
def test_a_peer_takes_its_best_full_training(
    name: str, cost: Any, problem: Any, spent: list[float]
) -> None:
    takes_the_best_so_far(cost.RUNS[name](problem, 0, COSTS), spent, problem, sum)
    assert set(spent) == {1 / 4, 1.0}
    again: list[Any] = list(cost.RUNS[name](problem, 0, COSTS))
    assert again == list(cost.RUNS[name](problem, 0, COSTS)), "a seed gives the same run"


def test_a_search_that_knows_its_cost_ends_there(
    cost: Any, problem: Any, spent: list[float]
) -> None:
    for limit, taken in zip(COSTS, cost.RUNS["limited"](problem, 0, COSTS), strict=True):
        assert limit - problem.budgets[0] < sum(spent) <= limit
        assert spent[-1] == 1.0
        assert problem.regret(taken) >= 0
        spent.clear()


@pytest.mark.parametrize("kind", ["shuffled", "relabeled"])
def test_short_rewards_that_mislead_are_those_of_other_architectures(
    problems: Any, kind: str
) -> None:
    names = ["".join(cell) for cell in itertools.product("01234", repeat=2)]
    short, full = np.arange(25.0), np.linspace(0, 1, 25) ** 2
    found = problems.misled(kind, names, short, full, np.ones(25))
    assert sorted(found) == sorted(short)
    assert np.mean(found == short) < 0.2


@pytest.mark.parametrize("table", ["mnist", "digits"])
def test_a_table_shuffled_keeps_its_rewards_and_its_full_ones_where_they_are(
    problems: Any, table: str
) -> None:
    shuffled = problems.PROBLEMS[f"{table}-shuffled"](Path())
    plain = problems.PROBLEMS[table](Path())
    assert shuffled.trainings[-1] == plain.trainings[-1]
    assert shuffled.scores == plain.scores
    for found, before in zip(shuffled.trainings[:-1], plain.trainings[:-1], strict=True):
        assert sorted(found.values()) == sorted(before.values())
        assert np.mean([found[name] == before[name] for name in found]) < 0.1


def test_the_table_of_spiking_networks_has_every_architecture_at_every_budget(
    problems: Any,
) -> None:
    problem = problems.PROBLEMS["spiking"](Path())
    keys = {net.key for net in problem.space.enumerate()}
    assert len(keys) == problem.space.size
    assert all(set(some) == keys for some in problem.trainings)
    assert {len(runs) for some in problem.trainings for runs in some.values()} == {2}
    assert set(problem.scores) == keys
    best = max(problem.space.enumerate(), key=lambda net: problem.scores[net.key])
    assert problem.regret(best) == 0


class Told:
    """A peer with a fixed list of trainings."""

    def __init__(self, space: Space[Any], seed: int, steps: list[int]) -> None:
        assert steps == [1, 4]
        nets = list(space.enumerate())
        self.trainings = [(nets[15], 1), (nets[3], 4), (nets[9], 4), (nets[0], 1), (nets[1], 4)]

    def ask(self) -> tuple[Any, int]:
        return self.trainings.pop(0)

    def tell(self, reward: float) -> None:
        assert reward > 0


def test_full_trainings_win_over_short_ones(
    cost: Any, problem: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At a cost of 1 only a short training has ended; then the best full one counts."""
    monkeypatch.setitem(cost.PEERS, "told", Told)
    nets = list(problem.space.enumerate())
    assert list(cost.by_peer("told", problem, 0, (1.0, 1.5, 2.5))) == [nets[15], nets[3], nets[9]]


def test_the_table_has_the_runs_at_its_costs_only(cost: Any) -> None:
    line = {"problem": "p", "method": "m", "seed": 0, "seconds": 1.0}
    lines = [
        {**line, "costs": [1.0, 2.0], "regrets": [None, 0.25]},
        {**line, "seed": 1, "costs": [1.0, 2.0], "regrets": [1.0, 0.75]},
        {**line, "costs": [1.0], "regrets": [9.0]},
    ]
    assert cost.table(lines, [1.0, 2.0]).splitlines()[-1] == (
        "| p | m | 2 | 1.000 ± 0.000 | 0.500 ± 0.250 |"
    )
    lines[1]["reward_regrets"] = [3.0, 2.0]
    assert cost.table(lines, [1.0, 2.0], "reward_regrets").splitlines()[-1] == (
        "| p | m | 1 | 3.000 ± 0.000 | 2.000 ± 0.000 |"
    )


def test_a_run_has_regrets_by_score_and_by_the_mean_reward_of_full_trainings(
    cost: Any, problem: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    nets = list(problem.space.enumerate())
    names = [problem.name_of(net) for net in nets]
    rewards = {name: [float(place), float(place) + 1] for place, name in enumerate(names)}
    judged = replace(problem, trainings=(problem.trainings[0], rewards))
    monkeypatch.setitem(cost.RUNS, "known", lambda *_: iter([None, nets[15], nets[3]]))
    found = cost.run(judged, "known", 0, (1.0, 2.0, 3.0))
    best = max(judged.scores.values())
    assert found["regrets"] == [None, *(best - judged.scores[names[i]] for i in (15, 3))]
    assert found["reward_regrets"] == [None, 0.0, 12.0]


def test_the_plot_draws_what_was_looked_at_often(cost: Any, tmp_path: Path) -> None:
    from cost_plot import grouped, main

    costs = [1.0, 2.0, 3.0, 4.0]
    line = {"problem": "nb201", "costs": costs, "regrets": [None, 1.0, 0.5, 0.0]}
    runs = [
        {**line, "method": method, "seed": seed}
        for method in ("zeta", "full", "budgets")
        for seed in range(5)
    ]
    runs += [
        {**runs[0], "method": "seldom"},
        {**runs[0], "costs": costs[:2], "regrets": [1.0, 1.0]},
        {**runs[0], "problem": "p"},
    ]
    found = grouped(runs, ["nb201"])
    assert {name: list(some) for name, some in found.items()} == {
        "nb201": ["budgets", "full", "zeta"]
    }
    assert all(len(some) == 5 for some in found["nb201"].values())
    (tmp_path / "runs.jsonl").write_text("".join(json.dumps(run) + "\n" for run in runs))
    with pytest.MonkeyPatch.context() as patch:
        given = ["cost_plot.py", str(tmp_path / "runs.jsonl"), str(tmp_path / "plot.png")]
        patch.setattr("sys.argv", given)
        main()
    assert (tmp_path / "plot.png").stat().st_size > 10_000
