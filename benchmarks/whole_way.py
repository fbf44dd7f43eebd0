"""From a training script to a fully trained winner: one search over budgets, and today's stages.

    RAYNAS_DATA=FOLDER python benchmarks/whole_way.py --data-sets speech,mnist --seeds 3

Two ways for each seed, on `laboratory/speech_budgets.py` and `laboratory/mnist_budgets.py`:

- ``budgets``: the search of the file, whose best full training is the winner;
- ``stages``: the proxy study of `laboratory/run.py`, a search with the proxy that it designs, for
  as much as four full trainings or 100 trials, and the best four trained in full. Where the study
  finds no proxy, it is a tenth of a full training.

Everything trains in this process, one training after the other, with the seeds that the commands
use. Reported are the test accuracy of the winner's weights on data that neither way sees, and the
cost of all that was trained, in optimizer steps of a full training and in seconds of processor
time. Finished runs are kept in the JSON lines of --results and not run again.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch

HERE = Path(__file__).parent
LABORATORY = HERE / "laboratory"
sys.path.insert(0, str(LABORATORY))

from run import Here, design, train_here  # noqa: E402 - it is in LABORATORY

from raynas import Limits, Search  # noqa: E402
from raynas.cli.search_file import load_search  # noqa: E402
from raynas.errors import ConfigurationError  # noqa: E402
from raynas.full_training import Best, best_of, full_task, open_training, plan_training  # noqa: E402
from raynas.proxy import Setting, proxy_task  # noqa: E402
from raynas.trials import History, Stop  # noqa: E402

DATA_SETS = ("speech", "mnist")
MODELS, MODELS_IN_FULL = 12, 6
PROXY = 1 / 10
"""What a proxy may cost; the full trainings are too short for a thirtieth."""
SEARCHED, MOST_TRIALS, TRAINED = 4.0, 100, 4
"""Full trainings' worth of short trials, trials at most, and how many are trained in full."""


@dataclass
class Costs:
    """What was trained, by part of the way.

    Attributes:
        full: Optimizer steps of a full training.
        parts: Full trainings' worth of steps by part.
    """

    full: int
    parts: dict[str, float] = field(default_factory=dict)

    def count(self, part: str, history: History) -> None:
        """Take down the steps of all trials of a study."""
        measured = [trial.outcome.measurement for trial in history.completed]
        steps = sum(measurement.steps or 0 for measurement in measured)
        self.parts[part] = round(steps / self.full, 2)


@dataclass(frozen=True)
class Counted(Here):
    """A laboratory that counts the steps of its trainings."""

    costs: Costs = field(default_factory=lambda: Costs(1))

    def train(self, part: str, *which: Any, **how: Any) -> tuple[History, Stop | None]:
        """See `Laboratory.train`."""
        history, stop = super().train(part, *which, **how)
        self.costs.count(f"proxy {part}", history)
        return history, stop


def by_budgets(search: Search[Any], name: str, costs: Costs) -> Best:
    """One search over budgets."""
    with search.open(name) as run:
        train_here(run)
    costs.count("search", run.history)
    return best_of(search, name, run.history)


def by_stages(search: Search[Any], name: str, costs: Costs, which: str) -> Best:
    """Proxy study, search and stage 2."""
    alone = replace(search, budgets=(1.0,), limits=Limits(parallel=1))
    full = full_task(alone)
    try:
        chosen = design(
            Counted(alone, name, 1, print, costs=costs), which, MODELS, MODELS_IN_FULL, PROXY
        )
        setting, steps = chosen.setting, chosen.steps
    except ConfigurationError as error:
        print(error)
        setting, steps = Setting(), round(PROXY * costs.full)
    trials = min(MOST_TRIALS, round(SEARCHED * costs.full / steps))
    brief = replace(
        alone,
        task=proxy_task(full, setting, steps),
        limits=Limits(trials=trials, parallel=1),
    )
    with brief.open(name) as run:
        train_here(run)
    history, space = run.history, run.space
    costs.count("search", history)
    plan = plan_training(history, space, TRAINED, baseline=False)
    with open_training(brief, name, plan) as study:
        train_here(study)
    costs.count("stage 2", study.history)
    return best_of(brief, name, history)


def tested(best: Best, module: Any) -> float:
    """The share of the test examples that the winner gets right."""
    data = module()
    data.setup("test")
    network, right = best.load(), 0
    with torch.no_grad():
        for x, y in torch.utils.data.DataLoader(data.test, batch_size=1000):
            right += int((network(x).argmax(1) == y).sum())
    return right / len(data.test)


def run(which: str, way: str, seed: int) -> dict[str, Any]:
    """The whole way once."""
    search, name = load_search(str(LABORATORY / f"{which}_budgets.py"))
    costs = Costs(search.full.max_steps)
    began = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        search = replace(search, seed=seed, folder=folder)
        if way == "budgets":
            best = by_budgets(search, name, costs)
        else:
            best = by_stages(search, name, costs, which)
        seconds = time.process_time() - began
        accuracy = tested(best, search.full.data.source)
    return {
        "data": which,
        "way": way,
        "seed": seed,
        "test": accuracy,
        "validation": best.score,
        "parts": costs.parts,
        "seconds": round(seconds, 1),
        "architecture": repr(best.architecture),
    }


def table(lines: Sequence[Mapping[str, Any]]) -> str:
    """Means with their standard errors, in Markdown."""
    head = ["| data | way | seeds | test accuracy | full trainings | processor seconds |"]
    head.append("|---|---|--:|--:|--:|--:|")
    groups: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for line in lines:
        groups.setdefault((line["data"], line["way"]), []).append(line)
    for (which, way), found in sorted(groups.items()):
        tests = [line["test"] for line in found]
        error = statistics.stdev(tests) / len(tests) ** 0.5 if len(tests) > 1 else 0.0
        cost = statistics.mean(sum(line["parts"].values()) for line in found)
        seconds = statistics.mean(line["seconds"] for line in found)
        head.append(
            f"| {which} | {way} | {len(found)} | {statistics.mean(tests):.2%} ± {error:.2%} "
            f"| {cost:.1f} | {seconds:.0f} |"
        )
    return "\n".join(head)


def main() -> None:
    """Run what is missing, and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data-sets", default=",".join(DATA_SETS), help="by comma")
    parser.add_argument("--ways", default="budgets,stages", help="by comma")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--results", type=Path, default=HERE / "results" / "whole-way.jsonl")
    options = parser.parse_args()
    torch.set_num_threads(1)
    options.results.parent.mkdir(parents=True, exist_ok=True)
    text = options.results.read_text() if options.results.exists() else ""
    lines = [json.loads(line) for line in text.splitlines()]
    done = {(line["data"], line["way"], line["seed"]) for line in lines}
    for seed in range(options.seeds):
        for which in options.data_sets.split(","):
            for way in options.ways.split(","):
                if (which, way, seed) not in done:
                    lines.append(run(which, way, seed))
                    with options.results.open("a") as file:
                        file.write(json.dumps(lines[-1]) + "\n")
    print(table(lines))


if __name__ == "__main__":
    main()
