"""raynas's controllers and their peers on tables and synthetic spaces, under one protocol.

Workers are simulated on a clock that jumps; rewards come from tables of finished trainings. Runs
that are in the results already, or kept with the page, are not run again, so that a run that was
broken off goes on, and several may share a folder. At its end the summary is printed.

    python benchmarks/controllers.py --data FOLDER --methods raynas:auto,raynas:evolution \
        --problems nb201 --seeds 30

Methods are ``raynas:NAME``, ``MODULE:FUNCTION`` from a space to a controller, and the peers
optuna:{tpe,gp,nsga2}, pyglove:{evolution,evolution-30}, and, in environments that
`benchmarks/peers/install` makes, smac:{hpo,blackbox}, synetune:{rea,bore,cqr,kde},
neps:{bo,evolution}, nevergrad:{ngopt,discrete,portfolio,fastga} and hebo:hebo. ``@LABEL`` after a
name keeps results apart, such as those of two versions of a controller.
"""

import argparse
import multiprocessing
import os
import time
import traceback
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from functools import partial
from itertools import islice
from pathlib import Path

from controller_bench.method import ONE_THREAD, make_method
from controller_bench.problem import Problem
from controller_bench.problems import matching, problem
from controller_bench.protocol import PROTOCOLS
from controller_bench.results import Job, Results
from controller_bench.scale import costs, scale_table
from controller_bench.simulate import simulate
from controller_bench.summary import groups, table

HERE = Path(__file__).parent
KEPT = "controllers.jsonl.xz"


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--methods", default="raynas:auto,raynas:evolution,raynas:random", help="by comma")
    add("--problems", default="default", help="names or patterns by comma")
    add("--protocols", default="mean", help=f"by comma, of {', '.join(PROTOCOLS)}")
    add("--seeds", type=int, default=30, help="how many; numbers 0 and up")
    add("--trials", type=int, default=200, help="of a run")
    add("--data", type=Path, help="folder of nasbench201_cifar10.csv and nasbench_macro.csv")
    add("--results", type=Path, default=HERE / "results", help="folder of the finished runs")
    add("--page", type=Path, default=HERE.parent / "docs" / "benchmarks", help="with kept runs")
    add("--environments", type=Path, default=HERE / "environments", help="of the peers")
    add("--parallel", type=int, default=1, help="processes")
    add("--budget-seconds", type=float, default=float("inf"), help="no run begins after this")
    add("--again", action="store_true", help="run what is there once more")
    add("--everything", action="store_true", help="summarize all results, not what was asked for")
    add("--write", action="store_true", help="all results to --page, and keep them")
    add("--scale", nargs="?", const="200,1000,3000,10000", help="time proposals after so many")
    add("--summary-only", action="store_true", help="run nothing")
    return parser.parse_args()


def jobs(options: argparse.Namespace) -> list[Job]:
    """All runs asked for; every method's first seeds before anyone's last."""
    return [
        Job(name, protocol, method, seed, options.trials)
        for seed in range(options.seeds)
        for name in matching(options.problems)
        for protocol in options.protocols.split(",")
        for method in options.methods.split(",")
        if not PROTOCOLS[protocol].noisy or problem(name, options.data, 0).noisy
    ]


def run(job: Job, data: Path | None, results: Path, environments: Path) -> str:
    """Run a job and file it; what there is to say of it."""
    began = time.perf_counter()
    try:
        searched = problem(job.problem, data, job.seed)
        protocol = PROTOCOLS[job.protocol]
        space = searched.space
        method = make_method(job.method, space, job.seed, job.trials, protocol, environments)
        found, _ = simulate(searched, protocol, method, job.seed, job.trials)
    except Exception as error:
        Results(results).fail(job, traceback.format_exc())
        return f"{job}: {type(error).__name__}: {error}"
    Results(results).add(job, found)
    return f"{job} {time.perf_counter() - began:.1f} s"


def run_all(wanted: list[Job], options: argparse.Namespace) -> None:
    """Run what is wanted, so many at once, each on one thread, until the budget is spent."""
    ends = time.monotonic() + options.budget_seconds
    folders = {name: getattr(options, name) for name in ("data", "results", "environments")}
    work = partial(run, **folders)
    left: Iterator[Job] = (job for job in wanted if time.monotonic() < ends)
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(options.parallel, mp_context=context) as pool:
        busy = {pool.submit(work, job) for job in islice(left, options.parallel)}
        while busy:
            done, busy = wait(busy, return_when=FIRST_COMPLETED)
            for future in done:
                print(future.result(), flush=True)
            busy |= {pool.submit(work, job) for job in islice(left, len(done))}


def report(wanted: list[Job], results: Results, options: argparse.Namespace) -> None:
    """Print the summary of what was asked for; write that of all with its figures, and keep all."""
    asked = {tuple(vars(job).values())[:4] for job in wanted}
    lines = (
        line
        for line in results.lines()
        if options.everything
        or options.write
        or (line["problem"], line["protocol"], line["method"], line["seed"]) in asked
    )
    make = partial(_problem, data=options.data)
    found = groups(lines, make)
    print(table(found))
    if options.write:
        from controller_bench.page import write

        write(options.page, found)
        results.keep(options.page / KEPT)


def main() -> None:
    """Run what is missing, and print the summary of what was asked for."""
    options = parse()
    os.environ |= ONE_THREAD
    if options.scale:
        lengths = [int(length) for length in options.scale.split(",")]
        print(scale_table(costs(options.methods.split(","), [30, 200], lengths)))
        return
    wanted = jobs(options)
    results = Results(options.results, options.page / KEPT)
    done = set() if options.again else results.done()
    missing = [job for job in wanted if tuple(vars(job).values()) not in done]
    if not options.summary_only:
        run_all(missing, options)
    report(wanted, results, options)


def _problem(name: str, seed: int, data: Path | None) -> Problem:
    return problem(name, data, seed)


if __name__ == "__main__":
    main()
