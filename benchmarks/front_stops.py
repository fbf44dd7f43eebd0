"""How well the stop rules decide on fronts.

    python benchmarks/front_stops.py --data FOLDER [--seeds 20] [--results FOLDER]

Searches with two objectives are made and kept, and each rule is asked after every tenth trial. What
a stop gives up is the share of the hypervolume at the search's end that its front lacks, measured
from the table's worst values (synthetic spaces: from the mean of random architectures). Printed
are, for each kind of search and rule, how many searches it stopped, when, and in how many it gave
up more than 1 %, with the 95 % interval of that share (Clopper and Pearson). With `--noisy`, rules
see the objectives of single trainings, and what a front is worth goes by the true ones of the
trials that look non-dominated. `noise` is independent draws of two normal objectives and `rising`
the same with a mean that rises by a deviation every 200 trials.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from front_bench.problems import problem
from numpy.typing import NDArray
from scipy.stats import binomtest

from raynas import History, Measurement, Trial
from raynas.controllers import make_controller
from raynas.dominance import hypervolume, non_dominated
from raynas.stopping import (
    Convergence,
    ImprovementLeft,
    NoConvergence,
    StopRule,
    SurrogateGain,
)
from raynas.trials import Completed

Points = NDArray[np.float64]

EVERY, FALSE = 10, 0.01
RULES: Mapping[str, StopRule] = {
    "convergence": Convergence(),
    "convergence, tolerance 0.5 %": Convergence(tolerance=0.005),
    "no convergence": NoConvergence(),
    "improvement left": ImprovementLeft(),
}


def searched(name: str, controller: str, seed: int, trials: int, data: Path, noisy: bool) -> Points:
    """What is observed of a search's trials, and what is true: ``(2, trials, objectives)``."""
    space = (made := problem(name, data, seed)).space
    guide, history, true, seen = make_controller(controller, space), History(), [], []
    for number in range(trials):
        architecture = guide.propose(history, np.random.default_rng([seed, number]))
        true.append(made.true(architecture))
        drawn = made.draw(architecture, np.random.default_rng([seed, number, 2]))
        seen.append(drawn if noisy else true[-1])
        history = _with(history, architecture, seen[-1])
    return np.array([seen, true])


def _with(history: History, architecture: object, point: tuple[float, ...]) -> History:
    number = len(history)
    outcome = Completed(Measurement({}), point[0], point)
    return history.asked(Trial(number, architecture)).told(number, outcome, float(number))


def drawn(name: str, seed: int, trials: int) -> Points:
    """Noise of a kind."""
    noise = np.random.default_rng(seed).standard_normal((trials, 2))
    return noise + (np.arange(trials)[:, None] / 200 if name == "rising" else 0.0)


def kept(path: Path, make: Callable[[], Points]) -> Points:
    """The points in the file `path`, made where there is none."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(".unfinished.npy")
        np.save(unfinished, make())
        unfinished.replace(path)
    return np.asarray(np.load(path, allow_pickle=False), dtype=np.float64)


def stops(rules: Mapping[str, StopRule], points: Points) -> dict[str, int]:
    """For each rule that fired, the trials that had ended."""
    found: dict[str, int] = {}
    history = History()
    for number, point in enumerate(points.tolist()):
        history = _with(history, number, tuple(point))
        if len(history) % EVERY == 0:
            for name, rule in rules.items():
                if name not in found and rule.check(history, 0.0):
                    found[name] = len(history)
    return found


def guided(name: str, seed: int, trials: int, data: Path) -> tuple[Points, dict[str, int]]:
    """A search by the default controller, and when its own estimate of what is left stops it."""
    space = (made := problem(name, data, seed)).space
    guide, history, points = make_controller("auto", space), History(), []
    rule, found = ImprovementLeft(estimate=SurrogateGain(space)), {}
    for number in range(trials):
        architecture = guide.propose(history, np.random.default_rng([seed, number]))
        points.append(made.true(architecture))
        history = _with(history, architecture, points[-1])
        if not found and len(history) % EVERY == 0 and len(history) >= 50:
            print("#", name, seed, len(history), rule.state(history, 0.0), flush=True)
            if rule.check(history, 0.0):
                found["improvement left, as the surrogate knows it"] = len(history)
    return np.array(points), found


def given_up(seen: Points, true: Points, stop: int, corner: tuple[float, ...]) -> float:
    """The share of the final hypervolume that is missing after `stop` trials."""

    def worth(count: int) -> float:
        return hypervolume(true[:count][non_dominated(seen[:count])], corner)

    return 1.0 - worth(stop) / worth(len(seen))


def row(kind: str, rule: str, found: list[tuple[int | None, float]]) -> str:
    """A line of the table."""
    at = [stop for stop, _ in found if stop is not None]
    lost = [share for stop, share in found if stop is not None]
    when = f"{statistics.median(at):.0f}" if at else ""
    worst = f"{100 * max(lost):.2g} %" if lost else ""
    false = sum(share > FALSE for share in lost)
    rate = ""
    if lost:
        ends = binomtest(false, len(lost)).proportion_ci()
        rate = f"{100 * ends.low:.2g} to {100 * ends.high:.2g} %"
    stopped = f"{len(at)} of {len(found)}"
    return f"| {kind} | {rule} | {stopped} | {when} | {false} | {rate} | {worst} |"


def main() -> None:
    """Make what is missing, and print a table in Markdown."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--results", type=Path, default=Path(__file__).parent / "results-stops")
    parser.add_argument("--problems", default="nb201-latency,macro-flops,synthetic-30")
    parser.add_argument("--controllers", default="nsga2,random")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--trials", type=int, default=1000)
    parser.add_argument("--noisy", action="store_true", help="objectives of single trainings")
    parser.add_argument("--guided", type=int, default=0, help="seeds of the default controller")
    options = parser.parse_args()
    print("| searches | rule | stopped | median stop | gave up over 1 % | 95 % | most given up |")
    print("|---|---|--:|--:|--:|--:|--:|")
    kinds = [(n, c) for n in options.problems.split(",") for c in options.controllers.split(",")]
    if not options.noisy:
        kinds += [("noise", ""), ("rising", "")]
    noisy = " noisy" if options.noisy else ""
    for name, controller in kinds:
        found: dict[str, list[tuple[int | None, float]]] = {rule: [] for rule in RULES}
        for seed in range(options.seeds):
            if controller:
                kind = f"{controller}-noisy" if options.noisy else controller
                path = options.results / name / kind / f"{seed}-{options.trials}.npy"
                how = name, controller, seed, options.trials, options.data, options.noisy
                seen, true = kept(path, lambda how=how: searched(*how))
                corner = next(iter(problem(name, options.data, seed).references.values()))
            else:
                seen = true = drawn(name, seed, options.trials)
                corner = (-3.0, -3.0)
            at = stops(RULES, seen)
            for rule in RULES:
                stop = at.get(rule)
                lost = 0.0 if stop is None else given_up(seen, true, stop, corner)
                found[rule].append((stop, lost))
        for rule, verdicts in found.items():
            print(row(f"{controller} {name}{noisy}".strip(), rule, verdicts), flush=True)
    for name in options.problems.split(",") if options.guided else ():
        verdicts = []
        for seed in range(options.guided):
            points, at = guided(name, seed, 200, options.data)
            corner = next(iter(problem(name, options.data, seed).references.values()))
            stop = next(iter(at.values()), None)
            lost = 0.0 if stop is None else given_up(points, points, stop, corner)
            verdicts.append((stop, lost))
        print(row(f"default {name}", "improvement left, surrogate", verdicts), flush=True)


if __name__ == "__main__":
    main()
