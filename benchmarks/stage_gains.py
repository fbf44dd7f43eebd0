"""What each stage of a chain brings on fresh seeds, with an interval; in one process, without Ray.

    python benchmarks/stage_gains.py examples/block_then_scale.py --trials 12 8 --max-steps 120

Searches the stages in order. Then what each of them began with and the best of its trials are
trained in full from the same fresh seeds, on all training data, and scored on the validation data,
which the search has not seen. The difference has a 95 % interval by Student's t over the seeds: it
is about chance in training, not about which trials the search happened to make.
"""

from __future__ import annotations

import argparse
import logging
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from scipy import stats

from raynas.cli.search_file import load_chain
from raynas.full_training import full_task
from raynas.stages import StageChain, StageResult
from raynas.tasks import Context, Task
from raynas.trials import Architecture

FIRST_SEED = 10_000


def search_stage(chain: StageChain, name: str, trials: int) -> StageResult:
    """The results of a stage after so many trials, one after the other; it goes on where it was."""
    built = chain.build(name)
    with built.search.open() as run:
        chain.note(built)
        while len(run.history.ended) < trials and (asked := run.asktell.ask()) is not None:
            context = Context(number=asked.number, seed=asked.number)
            measured = built.search.task.run(asked.architecture, context)
            run.asktell.tell(asked.number, measured)
    chain.forget(name)
    return chain.result(name)


def scores(task: Task, architecture: Architecture, seeds: int) -> list[float]:
    """The metric after a training from each of the fresh seeds."""
    found = []
    for seed in range(FIRST_SEED, FIRST_SEED + seeds):
        measured = task.run(architecture, Context(number=seed, seed=seed))
        found.append(float(measured.metrics[task.metric]))
    return found


def compared(before: Sequence[float], after: Sequence[float]) -> str:
    """Means before and after, and their difference with its interval, as cells of a table."""
    differences = np.array(after) - np.array(before)
    half = stats.t.ppf(0.975, len(differences) - 1) * stats.sem(differences)
    cells = f"{np.mean(before):.4f} | {np.mean(after):.4f}"
    return f"{cells} | {differences.mean():+.4f} ± {half:.4f}"


def main() -> None:
    """Search the stages, train their best in full, and print a row for each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file")
    parser.add_argument("--trials", type=int, nargs="+", default=[12])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--max-steps", type=int)
    parser.add_argument("--folder", type=Path, default=Path("raynas-results"))
    options = parser.parse_args()
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore")
    found = load_chain(options.file, None, options.folder)
    if found is None:
        parser.error(f"{options.file} has no raynas.Stages")
    chain, _ = found
    print("| stage | trials | began with | best | difference | found |\n|---|---|---|---|---|---|")
    for place, name in enumerate(chain.names):
        result = search_stage(chain, name, options.trials[min(place, len(options.trials) - 1)])
        task = full_task(result.search, options.max_steps)
        best, start = result.history.best(1)[0].architecture, result.incumbent
        after = scores(task, best, options.seeds)
        cells = f"{np.mean(after):.4f}" if start is None else ""
        cells = cells or compared(scores(task, start, options.seeds), after)
        print(f"| {name} | {len(result.history.ended)} | {cells} | `{best}` |", flush=True)


if __name__ == "__main__":
    main()
