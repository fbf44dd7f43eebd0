"""How far a table can be predicted: what a model that knows half of it says of the other half.

`python benchmarks/predictability.py --data FOLDER` prints, as medians over random halves, the rank
correlation of predicted and true values in the unknown half and in its best tenth, and how many
architectures of the unknown half must be trained, in the order in which the model expects most of
them, until one of the table's best 0.1 % is among them, with the 5th and 95th percentile. The model
is gradient boosting (scikit-learn's) on ranks, over the features of raynas's surrogate. A search
knows less than half a table; where even this model needs many, the best differ from others by what
no description of them says, such as the noise of single trainings.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from controller_bench.problem import Problem
from controller_bench.problems import problem
from scipy.stats import rankdata, spearmanr
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.model_selection import train_test_split

from raynas.controllers.features import Features


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="folder of the tables in CSV files")
    parser.add_argument("--halves", type=int, default=10, help="how many random ones")
    parser.add_argument(
        "--problems", default="nb201,macro,graph-arxiv,graph-computers,graph-cora", help="by comma"
    )
    arguments = parser.parse_args()
    print("| table | correlation | in the best tenth | until one of the best 0.1 % (5 %, 95 %) |")
    print("|---|--:|--:|--:|")
    for name in arguments.problems.split(","):
        found = predicted(problem(name, arguments.data, 0), arguments.halves)
        whole, tenth, until = np.median(found, axis=0)
        low, high = np.percentile(found[:, 2], [5, 95])
        print(
            f"| {name} | {whole:.2f} | {tenth:.2f} | {until:.0f} ({low:.0f}, {high:.0f}) |",
            flush=True,
        )


def predicted(table: Problem, halves: int) -> np.ndarray:
    """The three figures, one row a random half of what the model is to know."""
    space = table.space
    forms = list({space.canonical(architecture): None for architecture in space.enumerate()})
    rows = [(form, row.true) for form in forms if (row := table.look_up(form))]
    x = Features(space)([form for form, _ in rows])
    true = np.array([value for _, value in rows])
    ranks = rankdata(true) / len(true)
    found = []
    for half in range(halves):
        known, unknown = train_test_split(np.arange(len(true)), test_size=0.5, random_state=half)
        model = HistGradientBoostingRegressor(max_iter=400, random_state=half)
        expected = model.fit(x[known], ranks[known]).predict(x[unknown])
        best = ranks[unknown] > 0.9
        in_order = true[unknown][np.argsort(-expected)]
        found.append(
            (
                spearmanr(expected, ranks[unknown])[0],
                spearmanr(expected[best], ranks[unknown][best])[0],
                1 + min(np.flatnonzero(in_order >= table.top), default=len(unknown)),
            )
        )
    return np.array(found)


if __name__ == "__main__":
    main()
