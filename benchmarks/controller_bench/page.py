"""The summary as a page of the documentation."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from controller_bench.plots import plot
from controller_bench.summary import Group, table

__all__ = ["write"]

HEAD = """\
# Controllers compared

Written by `benchmarks/controllers.py`, whose help says how to run it again; all runs are kept in
`controllers.jsonl.xz` beside this page, so that another run adds what is missing.

## What was run

Every method is asked for architectures one at a time or, in `mean-w8` and `noise-w8`, whenever one
of eight simulated workers is free; it sees what is running. A training lasts as long as the table
says. In `mean` the reward is the mean of the table's trainings of an architecture, in `noise` that
of a single one of them. In `failures` about a tenth of the space, in clusters, is infeasible.

| problem | what | choices | top |
|---|---|---|---|
| `nb201` | NAS-Bench-201, CIFAR-10, validation accuracy after 200 epochs | 6 of 5 | 0.1 % |
| `nb201-cifar100`, `nb201-imagenet` | likewise on CIFAR-100 and ImageNet16-120 | 6 of 5 | 0.1 % |
| `macro` | NAS-Bench-Macro, test accuracy, there being no other | 8 of 3 | 0.1 % |
| `graph-…` | NAS-Bench-Graph, validation accuracy | 1 of 9, 4 of 9 | 0.1 % |
| `hpo-…` | HPOBench and HPOLib, as controls: no architectures but ordered grids | 5 and 9 | 0.1 % |
| `synthetic-…` | conditional chains with known optima, another one a seed | 32, 102, 202 | 0.9 |

Values of the synthetic spaces are 0 for the mean of random architectures and 1 for the optimum,
which is found by dynamic programming; their reward is noisy by 0.03 in `noise`.

- **optimum**, **top**: after how many trials an architecture of the best true value, or one of the
  best 0.1 % of the table's architectures, had been trained: the median and the 95th percentile of
  the seeds; **found** is the share of seeds that found the optimum at all.
- **regret**: what the best architecture so far lacks of the optimum, in hundredths of the distance
  between the mean of the space and the optimum; the median over the seeds. **area** is the mean
  over all seeds and the first 100 trials: the order of the table.
- **test**: mean test value (where there is none, true value) of the incumbent: of the trial that
  the method recommends, which for peers is that of the best reward.
- **ms a proposal**: CPU time on one core, learning included: median and 95th percentile.
- **new**: the share of proposals that had not been made before. A repeated one counts like any
  other, since who trains it pays for it. raynas's own do not repeat; peers do as they come.

Each peer has its own defaults; costly ones have fewer seeds and trials. `pyglove:evolution` has
PyGlove's own population of 100, `evolution-30` raynas's of 30.

Conditional choices: Optuna's TPE is asked define-by-run, SMAC has ConfigSpace's conditions and
PyGlove its nested choices. Optuna's Gaussian process and NSGA-II, Syne Tune, NePS, HEBO and
Nevergrad get all parameters of all branches, of which those that are not active are ignored.

Failed trials are told as such to Optuna, SMAC, Syne Tune and NePS. HEBO and Nevergrad know of none
and are told the worst value so far; PyGlove is told nothing.
"""


def write(folder: Path, found: Sequence[Group]) -> None:
    """``controllers.md`` and its figures."""
    folder.mkdir(parents=True, exist_ok=True)
    images = "\n\n".join(f"![Regret]({path.name})" for path in plot(found, folder))
    text = "\n".join([HEAD, "## Curves\n", images, "\n## Tables\n", table(found)])
    (folder / "controllers.md").write_text(text)
