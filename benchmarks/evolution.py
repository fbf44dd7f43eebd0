"""Mean test accuracy of regularized evolution and of random search on NAS-Bench-201, CIFAR-10.

The reward is `val_200`, one trial at a time, no repeats; reported is `test_200` of the trial with
the best reward so far, as the mean over the seeds with its standard error.

    python benchmarks/evolution.py TABLE.csv [--seeds 20]
"""

import argparse
import statistics

from raynas import AskTell, TabularTask
from raynas.tasks import Context
from search_spaces.nasbench201 import NASBench201Cell

CHECKPOINTS = (25, 50, 80, 100, 150)


def test_accuracies(task: TabularTask, controller: str, seed: int) -> list[float]:
    """Test accuracy of the incumbent after each number of trials in `CHECKPOINTS`."""
    search = AskTell(NASBench201Cell, controller, seed)
    tests: dict[int, float] = {}
    incumbents = []
    for _ in range(max(CHECKPOINTS)):
        proposal = search.ask()
        metrics = task.run(proposal.architecture, Context()).metrics
        tests[proposal.number] = metrics["test_200"]
        search.tell(proposal.number, metrics["val_200"])
        incumbents.append(tests[search.history.best(1)[0].number])
    return [incumbents[count - 1] for count in CHECKPOINTS]


def main() -> None:
    """Print one line a controller."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("table")
    parser.add_argument("--seeds", type=int, default=20)
    arguments = parser.parse_args()
    task = TabularTask(arguments.table, lambda cell: cell.key, "val_200")
    print(f"{'trials':>10}", *(f"{count:>14}" for count in CHECKPOINTS))
    for controller in ("random", "evolution"):
        runs = [test_accuracies(task, controller, seed) for seed in range(arguments.seeds)]
        columns = list(zip(*runs, strict=True))
        means = [statistics.mean(column) for column in columns]
        errors = [statistics.stdev(column) / len(column) ** 0.5 for column in columns]
        cells = (f"{m:>7.3f} ± {e:.3f}" for m, e in zip(means, errors, strict=True))
        print(f"{controller:>10}", *(f"{cell:>14}" for cell in cells))


if __name__ == "__main__":
    main()
