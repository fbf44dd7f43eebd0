"""The simulator of `benchmarks/controllers.py`: its clock, its problems and its results."""

import math
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from raynas import History, Space, Trial
from raynas.trials import Completed, Infeasible

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(autouse=True)
def _importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))


def searched(protocol: str, trials: int = 40, method: str = "raynas:random") -> Any:
    """Result and history of a run on a small synthetic space."""
    from controller_bench.method import make_method
    from controller_bench.protocol import PROTOCOLS
    from controller_bench.simulate import simulate
    from controller_bench.synthetic import synthetic

    problem = synthetic(30, 0)
    made = make_method(method, problem.space, 0, trials, PROTOCOLS[protocol])
    return simulate(problem, PROTOCOLS[protocol], made, 0, trials)


def concurrency(history: History) -> Iterator[int]:
    """How many trials ran when each one started."""
    for trial in history:
        yield sum(
            other.started <= trial.started < (other.ended or math.inf) and other is not trial
            for other in history[: trial.number]
        )


@pytest.mark.parametrize(("protocol", "workers"), [("mean", 1), ("mean-w8", 8)])
def test_the_clock_keeps_as_many_trials_running_as_there_are_workers(
    protocol: str, workers: int
) -> None:
    """Each starts when another ends, and all end."""
    _, history = searched(protocol)
    assert max(concurrency(history)) == workers - 1
    assert len(history.ended) == 40
    ends = {0.0} | {trial.ended for trial in history}
    assert all(trial.started in ends for trial in history)


def test_proposals_see_the_running_trials() -> None:
    """With eight workers seven others are running, and results come out of order."""
    from controller_bench.method import Method
    from controller_bench.protocol import PROTOCOLS
    from controller_bench.simulate import simulate
    from controller_bench.synthetic import synthetic

    problem = synthetic(30, 0)
    seen: list[int] = []
    told: list[int] = []

    class Spy(Method):
        def propose(self, history: History, rng: np.random.Generator) -> Any:
            seen.append(len(history.running))
            return problem.space.sample(rng)

        def told(self, trial: Trial) -> None:
            assert trial.outcome is not None
            told.append(trial.number)

    simulate(problem, PROTOCOLS["mean-w8"], Spy(), 0, 40)
    assert seen == [*range(8), *([7] * 32)]
    assert sorted(told) == list(range(40))
    assert told != list(range(40))


def test_failures_are_infeasible_and_clustered_away_from_the_best() -> None:
    """About a tenth of random architectures fail; the optimum does not."""
    from controller_bench.protocol import failing_pairs, fails
    from controller_bench.synthetic import synthetic

    problem = synthetic(30, 0)
    pairs = failing_pairs(problem, 0.1)
    drawn = [problem.space.sample(np.random.default_rng(i)) for i in range(500)]
    assert 0.05 < np.mean([fails(problem, pairs, net) for net in drawn]) < 0.25
    assert not fails(problem, pairs, problem.best)
    run, history = searched("failures", 100)
    infeasible = [isinstance(trial.outcome, Infeasible) for trial in history]
    assert sum(infeasible) == sum(value is None for value in run.true) > 0


def test_noise_changes_rewards_and_not_true_values() -> None:
    """Rewards differ from the true values, which alone are reported."""
    noisy, history = searched("noise")
    exact, _ = searched("mean")
    assert noisy.true == exact.true
    rewards = [t.outcome.reward for t in history if isinstance(t.outcome, Completed)]
    assert 0 < np.std(np.subtract(rewards, noisy.true)) < 0.1


@pytest.mark.parametrize("size", [30, 100, 200])
def test_nothing_near_the_optimum_of_a_synthetic_space_is_better(size: int) -> None:
    """Dynamic programming: neither a neighbor nor a random architecture beats it."""
    from controller_bench.synthetic import synthetic

    problem = synthetic(size, 3)
    assert problem.optimum == pytest.approx(1)
    rng = np.random.default_rng(0)
    others = [problem.space.mutate(problem.best, rng) for _ in range(300)]
    others += [problem.space.sample(rng) for _ in range(100)]
    values = [problem.look_up(net).true for net in others]
    assert max(values) <= 1 + 1e-9
    assert np.mean(values[300:]) == pytest.approx(0, abs=0.1)


def test_the_optimum_of_a_small_chain_is_that_of_enumeration() -> None:
    """Against all architectures of two blocks and one width, of the smallest space."""
    from controller_bench.synthetic import STATES, Landscape

    landscape = Landscape(30, 1)
    best = landscape.best()
    blocks = [block for states in STATES for block in states]
    values = [
        landscape.raw(landscape.net(best.width, (one, other))) for one in blocks for other in blocks
    ]
    found = [net for net in landscape._best_of_each() if net.width == best.width]
    assert max(values) == pytest.approx(
        max(landscape.raw(net) for net in found if len(net.blocks) == 2)
    )


def test_results_are_kept_and_broken_runs_tried_again(tmp_path: Path) -> None:
    """What is done is known by its job; a run that broke is not done."""
    from controller_bench.results import Job, Results

    run, _ = searched("mean")
    job = Job("synthetic-30", "mean", "raynas:random", 0, 40)
    results = Results(tmp_path)
    results.fail(job, "broken")
    assert results.done() == set()
    results.add(job, run)
    assert Results(tmp_path).done() == {tuple(vars(job).values())}
    assert [line.get("distinct") for line in results.lines()] == [None, run.distinct]


def test_kept_results_are_added_to(tmp_path: Path) -> None:
    """Of a job that was run again the last run is kept, and of a broken one nothing."""
    from controller_bench.results import Job, Results
    from controller_bench.simulate import Run

    kept = tmp_path / "kept.jsonl.xz"
    for number, true in enumerate(([0.1], [0.2])):
        results = Results(tmp_path / str(number), kept)
        results.add(Job("macro", "mean", "raynas:random", 0, 1), Run(true, [0.0], {}, [0.01], 1))
        results.add(Job("macro", "mean", "raynas:random", number, 2), Run(true, [0.0], {}, [], 1))
        results.fail(Job("macro", "mean", "raynas:random", 7, 1), "broken")
        results.keep(kept)
    lines = list(Results(tmp_path / "new", kept).lines())
    assert [(line["seed"], line["trials"], line["true"]) for line in lines] == [
        (0, 1, [0.2]),
        (0, 2, [0.1]),
        (1, 2, [0.2]),
    ]


def test_the_summary_counts_the_trials_to_the_optimum(tmp_path: Path) -> None:
    """A run that found the optimum at its third end, and one that never did."""
    from controller_bench.results import Job, Results
    from controller_bench.simulate import Run
    from controller_bench.summary import groups, table
    from controller_bench.synthetic import synthetic

    results = Results(tmp_path)
    for seed, true in enumerate(([None, 0.5, 1.0, 0.2], [0.1, 0.95, 0.2, 0.3])):
        run = Run(true, [0.0] * 4, {}, [0.01] * 4, 4)
        results.add(Job("synthetic-30", "mean", "raynas:random", seed, 4), run)
    (group,) = groups(results.lines(), lambda name, seed: synthetic(30, seed))
    assert group.optimum.tolist() == [3, math.inf]
    assert group.top.tolist() == [3, 2]
    np.testing.assert_allclose(group.regret[1], [0.9, 0.05, 0.05, 0.05], atol=1e-6)
    assert "| raynas:random | 2 | 4 | 3 (>4) | 50% | 2 (3) |" in table([group])


def test_a_method_of_a_module_is_found() -> None:
    """Experiments go by module and attribute."""
    from controller_bench.method import make_method
    from controller_bench.protocol import PROTOCOLS

    from raynas.testing import ToyNet

    name = "raynas.controllers.random_search:Random@mine"
    method = make_method(name, Space(ToyNet), 0, 1, PROTOCOLS["mean"])
    assert Space(ToyNet).contains(method.propose(History(), np.random.default_rng(0)))


SERVER = """
import sys
sys.path.insert(0, {peers!r})
from serving import Peer, serve


class Middle(Peer):
    def __init__(self, task):
        self.task, self.told = task, []
        print("a library that prints")

    def ask(self, number):
        if self.told[-1:] == [None]:
            raise ValueError("cannot go on")
        if number == 3:
            return None
        return {{p.name: (number + 1) % p.size for p in self.task.parameters}}

    def tell(self, number, reward):
        self.told.append(reward)


serve(Middle)
"""


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A peer in another process of this same environment, for `Space(Net30)`."""
    import controller_bench.served as module
    from controller_bench.protocol import PROTOCOLS
    from controller_bench.synthetic import synthetic

    python = tmp_path / "smac" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.symlink_to(sys.executable)
    script = SERVER.format(peers=str(BENCHMARKS / "peers"))
    (tmp_path / "serve_smac.py").write_text(script)
    monkeypatch.setattr(module, "SCRIPTS", tmp_path)
    space = synthetic(30, 0).space
    yield module.Served("smac", "middle", space, 0, 9, PROTOCOLS["mean"], tmp_path)
    for process in module._PROCESSES.values():
        process.close()
    module._PROCESSES.clear()


def test_a_peer_in_another_process_is_asked_and_told(served: Any) -> None:
    """Positions become architectures, those of inactive parameters being ignored."""
    from controller_bench.protocol import PROTOCOLS
    from controller_bench.simulate import simulate
    from controller_bench.synthetic import synthetic

    problem = synthetic(30, 0)
    run, history = simulate(problem, PROTOCOLS["mean"], served, 0, 9)
    assert len(history) == 3, "the peer has nothing left after three"
    assert history[0].architecture.width == 32
    assert [type(block).__name__ for block in history[1].architecture.blocks] == ["Pool"] * 2
    assert all(seconds >= 0 for seconds in run.seconds)


def test_a_peer_that_breaks_says_why(served: Any) -> None:
    """Its traceback becomes the error of the run."""
    space = served.flat.space
    trial = Trial(0, space.sample(np.random.default_rng(0)), Infeasible("fails"))
    served.told(trial)
    with pytest.raises(RuntimeError, match="cannot go on"):
        served.propose(History(), np.random.default_rng(0))


def test_a_peer_without_an_environment_is_refused(tmp_path: Path) -> None:
    """The message says how to make one."""
    from controller_bench.method import make_method
    from controller_bench.protocol import PROTOCOLS

    from raynas.testing import ToyNet

    with pytest.raises(FileNotFoundError, match="benchmarks/peers/install smac"):
        make_method("smac:hpo", Space(ToyNet), 0, 1, PROTOCOLS["mean"], tmp_path)
