"""How well the stop rules decide: `python benchmarks/stopping.py --data FOLDER --results FOLDER`.

Searches of the tables with several controllers are made and kept, so that they are made once and
the rules can be judged on them again and again; a run that was broken off goes on. Then each rule
is asked after every fifth trial, and compared with what the rest of the search found.

FOLDER of --data has nasbench201_cifar10.csv and nasbench_macro.csv. The surrogate costs tens of
milliseconds a proposal, so its searches are those that `benchmarks/controllers.py` made: give its
results, or those kept with its page, with --runs. They are shorter than 2,000 trials; what 2,000
would find is then taken to be the optimum of the table.
"""

from __future__ import annotations

import argparse
import math
import re
import time
from collections import defaultdict
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
from controller_bench.problems import problem
from controller_bench.results import read
from stopping_bench.judge import Verdict, judged, kept_verdicts, stops_of
from stopping_bench.noise import CURVES, failure_rates, noise
from stopping_bench.page import failure_table, noise_table, verdict_table
from stopping_bench.sequences import SCENARIOS, Sequence, kept, searched

from raynas.stopping import Convergence, FailureShare, ImprovementLeft, NoConvergence

RULES = {
    "convergence": Convergence(),
    "no convergence": NoConvergence(),
    "failures": FailureShare(),
    "improvement left, price 0.0005": ImprovementLeft(0.0005),
}
REPRESENTED = re.sub(r" at 0x\w+", "", repr(list(RULES.values())))
"""The rules, by which verdicts are kept."""
DEFAULT = "the default, any of the three"
TRUE_RATES = (0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4)
WITHIN = (50, 100, 200, 1000, 5000)
NEAR = {"nb201": 0.1, "macro": 0.1, "nb201-cifar100": 0.1, "nb201-imagenet": 0.1}
PROTOCOLS = {"mean": 1, "mean-w8": 8}


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--data", type=Path, help="folder of the tables")
    add("--results", type=Path, required=True, help="folder of the searches that are kept")
    add("--runs", type=Path, help="of benchmarks/controllers.py, for the surrogate")
    add("--controllers", default="evolution,random", help="by comma")
    add("--scenarios", default="nb201,nb201-noisy,macro-noisy", help=f"of {', '.join(SCENARIOS)}")
    add("--seeds", type=int, default=200)
    add("--trials", type=int, default=2000)
    add("--noise-seeds", type=int, default=200, help="sequences of noise of each kind")
    add("--minutes", type=float, default=float("inf"), help="no search begins after this")
    add("--make-only", action="store_true", help="make the searches and judge nothing")
    return parser.parse_args()


def searches(options: argparse.Namespace) -> Iterator[tuple[str, str, int, Sequence]]:
    """Scenario, controller, seed and search, all of a seed before the next; as time allows."""
    end = time.monotonic() + 60 * options.minutes
    for seed in range(options.seeds):
        for name in options.scenarios.split(","):
            for controller in options.controllers.split(","):
                path = options.results / name / controller / f"{seed}-{options.trials}.npz"
                if not path.exists() and time.monotonic() > end:
                    continue
                make = partial(
                    searched, SCENARIOS[name], controller, seed, options.trials, options.data
                )
                yield name, controller, seed, kept(path, make)


def surrogate_searches(runs: Path) -> Iterator[tuple[str, str, Sequence]]:
    """Problem, its name in the table and search, of the default controller's finished runs."""
    for run in read(runs):
        wanted = run["method"] == "raynas:auto" and run["protocol"] in PROTOCOLS
        if not wanted or run["problem"] not in NEAR or "true" not in run:
            continue
        values = np.array(run["true"], dtype=float)
        workers = PROTOCOLS[run["protocol"]]
        numbers = np.arange(len(values))
        shown = run["problem"] if workers == 1 else f"{run['problem']}, {workers} at a time"
        yield run["problem"], shown, Sequence(numbers, values, values, numbers, workers)


Verdicts = dict[tuple[str, str, str], list[Verdict]]


def judge(options: argparse.Namespace) -> Verdicts:
    """Every rule on every search, by rule, controller and scenario."""
    found: Verdicts = defaultdict(list)
    for name, controller, seed, sequence in searches(options):
        if options.make_only:
            continue
        scenario = SCENARIOS[name]
        optimum = scenario.made(options.data, seed).optimum
        verdicts = kept_verdicts(
            options.results / "verdicts.jsonl",
            f"{name} {controller} {seed} {options.trials} {REPRESENTED}",
            partial(judged, list(RULES.values()), sequence, scenario.near, optimum),
        )
        _file(found, verdicts, controller, name)
    if options.runs and not options.make_only:
        for number, (name, shown, sequence) in enumerate(surrogate_searches(options.runs)):
            optimum = problem(name, options.data, 0).optimum
            verdicts = kept_verdicts(
                options.results / "verdicts.jsonl",
                f"{shown} surrogate {number} {len(sequence)} {REPRESENTED}",
                partial(judged, list(RULES.values()), sequence, NEAR[name], optimum),
            )
            _file(found, verdicts, "surrogate", shown)
    return found


def _file(found: Verdicts, verdicts: list[Verdict], controller: str, name: str) -> None:
    """Sort in the verdicts on a search, and that of the three default rules together."""
    for rule, verdict in zip(RULES, verdicts, strict=True):
        found[rule, controller, name].append(verdict)
    found[DEFAULT, controller, name].append(
        min(verdicts[:3], key=lambda v: math.inf if v.stop is None else v.stop)
    )


def main() -> None:
    """Make what is missing, judge, and print tables in Markdown."""
    options = parse()
    verdicts = judge(options)
    if options.make_only:
        return
    for rule in (*RULES, DEFAULT):
        print(f"\n### {rule}\n\n{verdict_table(rule, verdicts)}", flush=True)
    rates = {rate: failure_rates(FailureShare(), rate, WITHIN) for rate in TRUE_RATES}
    print(f"\n### Failures, exactly\n\n{failure_table(rates, WITHIN)}", flush=True)
    stops = {
        name: [
            stops_of([NoConvergence()], noise(name, seed, 2000 if improves else 1000), 10)[0]
            for seed in range(options.noise_seeds)
        ]
        for name, (improves, _) in CURVES.items()
    }
    print(f"\n### Noise and slow rises\n\n{noise_table(stops)}")


if __name__ == "__main__":
    main()
