"""raynas's controllers and their peers in search of Pareto fronts, under one protocol.

Workers are simulated on a clock that jumps; objectives come from tables of finished trainings and
from synthetic landscapes. Runs that are in the results already, or kept with the page, are not run
again, so that a run that was broken off goes on. At its end the summary is printed.

    python benchmarks/fronts.py --data FOLDER --methods raynas:auto,raynas:nsga2 \
        --problems nb201-latency --protocols mean,noise,mean-w8 --seeds 20

Methods are ``raynas:NAME`` and the peers optuna:{tpe,nsga2,nsga3,gp}, pyglove:nsga2 and, in
environments that `benchmarks/peers/install` makes, botorch:qlognehvi and
synetune:morea. FOLDER has nasbench201_cifar10.csv and nasbench_macro.csv. ``@LABEL`` after
a name keeps results apart, such as those of two versions of a controller.
"""

import argparse
import multiprocessing
import os
import time
import traceback
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

from controller_bench.method import ONE_THREAD
from controller_bench.protocol import PROTOCOLS
from controller_bench.results import Job
from front_bench.methods import make_method
from front_bench.page import write
from front_bench.problems import NAMES, problem
from front_bench.results import FrontResults
from front_bench.simulate import simulate
from front_bench.summary import groups, table

HERE = Path(__file__).parent
KEPT = "fronts.jsonl.xz"


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--methods", default="raynas:auto,raynas:nsga2,raynas:random", help="by comma")
    add("--problems", default="nb201-latency", help=f"by comma, of {', '.join(NAMES)}")
    add("--protocols", default="mean", help=f"by comma, of {', '.join(PROTOCOLS)}")
    add("--seeds", type=int, default=20, help="how many; numbers 0 and up")
    add("--trials", type=int, default=200, help="of a run")
    add("--data", type=Path, help="folder of the tables")
    add("--results", type=Path, default=HERE / "results-fronts", help="folder of finished runs")
    add("--page", type=Path, default=HERE.parent / "docs" / "benchmarks", help="with kept runs")
    add("--environments", type=Path, default=HERE / "environments", help="of the peers")
    add("--parallel", type=int, default=1, help="processes")
    add("--minutes", type=float, default=float("inf"), help="no run begins after this")
    add("--write", action="store_true", help="all results to --page, and keep them")
    add("--summary-only", action="store_true", help="run nothing")
    return parser.parse_args()


def jobs(options: argparse.Namespace) -> list[Job]:
    """All runs asked for; every method's first seeds before anyone's last."""
    return [
        Job(name, protocol, method, seed, options.trials)
        for seed in range(options.seeds)
        for name in options.problems.split(",")
        for protocol in options.protocols.split(",")
        for method in options.methods.split(",")
    ]


def run(job: Job, ends: float, data: Path | None, results: Path, environments: Path) -> str:
    """Run a job and file it; what there is to say of it."""
    if time.time() > ends:
        return ""
    began = time.perf_counter()
    try:
        searched = problem(job.problem, data, job.seed)
        protocol = PROTOCOLS[job.protocol]
        method = make_method(job.method, searched, job.seed, job.trials, protocol, environments)
        found = simulate(searched, protocol, method, job.seed, job.trials)
    except Exception as error:
        FrontResults(results).fail(job, traceback.format_exc())
        return f"{job}: {type(error).__name__}: {error}"
    FrontResults(results).add(job, found)
    return f"{job} {time.perf_counter() - began:.1f} s"


def main() -> None:
    """Run what is missing, and print the summary of what was asked for."""
    options = parse()
    os.environ |= ONE_THREAD
    wanted = jobs(options)
    results = FrontResults(options.results, options.page / KEPT)
    missing = [job for job in wanted if tuple(vars(job).values()) not in results.done()]
    if missing and not options.summary_only:
        folders = {name: getattr(options, name) for name in ("data", "results", "environments")}
        work = partial(run, ends=time.time() + 60 * options.minutes, **folders)
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(options.parallel, mp_context=context) as pool:
            for text in filter(None, pool.map(work, missing)):
                print(text, flush=True)
    asked = {tuple(vars(job).values()) for job in wanted}
    lines = [
        line
        for line in results.lines()
        if options.write or tuple(line[name] for name in vars(wanted[0])) in asked
    ]
    found = groups(lines)
    print(table(found))
    if options.write:
        write(options.page, found)
        results.keep(options.page / KEPT)


if __name__ == "__main__":
    main()
