"""How well zero-cost scores rank NAS-Bench-201's cells, against their trained accuracy.

`python benchmarks/zero_cost.py --data FOLDER --out scores.csv` scores the cells in a random order,
in a network of one cell a stage and eight channels, on scikit-learn's digits at 16 x 16 pixels,
adding a row a cell to the file; run again, it goes on. It then prints the rank correlations with
`val_200` of FOLDER/nasbench201_cifar10.csv, of all scored cells and of the best tenth of them.
FOLDER is where the table of NAS-Bench-201 is, as `examples/nasbench201.py` describes it.
"""

from __future__ import annotations

import argparse
import csv
import time
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from scipy.stats import kendalltau, spearmanr
from sklearn.datasets import load_digits

from raynas.tasks.zero_cost import PROXIES, ZeroCost
from search_spaces.nasbench201 import OPERATIONS, NASBench201Cell

EXAMPLES = 32


def main() -> None:
    """Score, then correlate."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--data", type=Path, required=True)
    arguments.add_argument("--out", type=Path, required=True)
    arguments.add_argument("--cells", type=int, default=15_625)
    arguments.add_argument("--minutes", type=float, default=30.0)
    given = arguments.parse_args()
    table = pd.read_csv(given.data / "nasbench201_cifar10.csv", dtype={"arch": str})
    score_cells(list(table["arch"]), given.out, given.cells, given.minutes)
    print(correlations(pd.read_csv(given.out, dtype={"arch": str}).merge(table, on="arch")))


def score_cells(keys: list[str], out: Path, cells: int, minutes: float) -> None:
    """Add the scores of up to `cells` of the cells `keys` to the file `out`."""
    torch.set_num_threads(1)
    score = ZeroCost(*digits(), proxies=tuple(PROXIES), build=build)
    done = len(out.read_text().splitlines()) - 1 if out.exists() else 0
    order = np.random.default_rng(0).permutation(len(keys))[:cells]
    start, spent = time.monotonic(), time.process_time()
    with out.open("a", newline="") as file:
        writer = csv.DictWriter(file, ["arch", *PROXIES])
        if done < 1:
            writer.writeheader()
        for position in order[max(done, 0) :]:
            key = keys[position]
            cell = NASBench201Cell(edges=tuple(OPERATIONS[int(digit)] for digit in key))
            writer.writerow({"arch": key, **score([cell])[0]})
            file.flush()
            if time.monotonic() - start > 60 * minutes:
                break
    scored = len(out.read_text().splitlines()) - 1 - max(done, 0)
    if scored:
        print(f"{(time.process_time() - spent) / scored * 1e3:.0f} ms of CPU a cell")


def digits() -> tuple[torch.Tensor, torch.Tensor]:
    """The first images, enlarged to 16 x 16 pixels and three channels, and their classes."""
    data = load_digits()
    images = torch.tensor(data.images[:EXAMPLES], dtype=torch.float32).unsqueeze(1)
    images = torch.nn.functional.interpolate(images / 8 - 1, size=16, mode="bilinear")
    return images.expand(-1, 3, -1, -1).contiguous(), torch.tensor(data.target[:EXAMPLES])


def build(cell: NASBench201Cell) -> torch.nn.Module:
    """A small network of the cell."""
    return cell.build(channels=8, cells_per_stage=1)


def correlations(frame: pd.DataFrame) -> str:
    """A line a score: its rank correlations with the accuracy."""
    best = frame.nlargest(len(frame) // 10, "val_200")
    lines = [f"{len(frame)} cells: Spearman, Kendall; of the best tenth: Spearman, Kendall"]
    for name in (*PROXIES, "params_m", "flops_m"):
        figures = [
            float(measure(part[name], part["val_200"], nan_policy="omit").statistic)
            for part in (frame, best)
            for measure in (spearmanr, kendalltau)
        ]
        lines.append(f"{name:>10} " + " ".join(f"{figure:7.3f}" for figure in figures))
    return "\n".join(lines)


if __name__ == "__main__":
    main()
