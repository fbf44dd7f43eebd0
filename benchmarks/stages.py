"""Parts first and then the whole, against a joint search from nothing, on a space of 1e24.

    python benchmarks/stages.py [--seeds 20] [--between 0.1 0.5] [--broken 0] [--out stages.jsonl]
    python benchmarks/stages.py --table stages.jsonl

The space has an encoder, a decoder and a head of eight decisions of ten options each. The value of
an architecture is a sum over decisions, over neighboring decisions of a part, which weigh as much,
and over pairs of a decision of one part and one of the next, which weigh `--between`; every seed
draws another landscape. With `--broken`, so large a share of the pairs of options of neighboring
decisions of a part do not work together: an architecture with such a pair has the value of chance.
The baseline works.

Heights are shares of the way from the median working architecture to the best that hill climbing
with exact values finds. Counted are the trials until one is reached, of all stages together. A
second joint search begins with the baseline. No network is trained.
"""

from __future__ import annotations

import argparse
import itertools
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

import raynas as nas
from raynas.controllers import Auto, Controller, Deduplicated, WarmStart
from raynas.search import Limits, Search
from raynas.space import Space, choice, repeat, searchable
from raynas.stages import parts_then_whole
from raynas.stages.results import StageResult
from raynas.trials import History

PARTS, LAYERS, OPTIONS = ("encoder", "decoder", "head"), 8, 10
DECISIONS = len(PARTS) * LAYERS
LETTERS = "abcdefghij"
WITHIN = 1.0
HEIGHTS = (0.5, 0.7, 0.8, 0.9)
WAYS = ("stages", "joint", "from baseline")
COLUMNS = ("between", "broken", "height", "seeds", *WAYS, "stages took fewer", "at most half")
CLIMBS, DRAWN = 30, 1000
CHANCE, MENDED = 3.0, 100.0
"""Standard deviations that chance is below the median, and what a pair that works is worth to hill
climbing.
"""


@searchable
class Net:
    """1e24 architectures: three parts of eight decisions of ten options."""

    encoder: tuple[str, ...] = repeat(choice(*LETTERS), LAYERS, default=("a",) * LAYERS)
    decoder: tuple[str, ...] = repeat(choice(*LETTERS), LAYERS, default=("a",) * LAYERS)
    head: tuple[str, ...] = repeat(choice(*LETTERS), LAYERS, default=("a",) * LAYERS)


class CoupledLandscape:
    """Values of architectures, drawn from a seed.

    Args:
        seed: Seed of the landscape.
        between: Weight of the interactions of decisions of two parts.
        broken: Share of the pairs of options of neighboring decisions of a part with which
            nothing is learned.
    """

    def __init__(self, seed: int, between: float, broken: float = 0.0) -> None:
        rng = np.random.default_rng(seed)
        self.single = rng.normal(size=(DECISIONS, OPTIONS))
        self.pairs = [
            *((i, i + 1, WITHIN) for i in range(DECISIONS - 1) if (i + 1) % LAYERS),
            *((i, i + LAYERS, between) for i in range(DECISIONS - LAYERS)),
        ]
        self.tables = rng.normal(size=(len(self.pairs), OPTIONS, OPTIONS))
        self.first = np.array([i for i, _, _ in self.pairs])
        self.second = np.array([j for _, j, _ in self.pairs])
        self.weights = np.array([weight for _, _, weight in self.pairs])
        self.breaks = _breaks(seed, broken) if broken else np.zeros(self.tables.shape, dtype=bool)
        self.best = max(self._climbed(rng) for _ in range(CLIMBS))
        drawn = [self._parts(rng.integers(OPTIONS, size=DECISIONS))[0] for _ in range(DRAWN)]
        self.median = float(np.median(drawn))
        self.chance = self.median - CHANCE * float(np.std(drawn))

    def height(self, value: float) -> float:
        """How far from the median to the best a value is."""
        return (value - self.median) / (self.best - self.median)

    def of(self, x: np.ndarray) -> float:
        """The value of an architecture given by the options' indices."""
        value, broken = self._parts(x)
        return self.chance if broken else value

    def _parts(self, x: np.ndarray) -> tuple[float, int]:
        """The value if all pairs worked together, and how many do not."""
        single = self.single[np.arange(DECISIONS), x].sum()
        taken = np.arange(len(self.pairs)), x[self.first], x[self.second]
        return float(single + self.weights @ self.tables[taken]), int(self.breaks[taken].sum())

    def __call__(self, net: Net) -> float:
        """The value of `net`."""
        return self.of(
            np.array([LETTERS.index(letter) for letter in net.encoder + net.decoder + net.head])
        )

    def _climbed(self, rng: np.random.Generator) -> float:
        def height(x: np.ndarray) -> float:
            value, broken = self._parts(x)
            return value - MENDED * broken

        x = rng.integers(OPTIONS, size=DECISIONS)
        value, better = height(x), True
        while better:
            better = False
            for place in rng.permutation(DECISIONS):
                tried = [height(np.r_[x[:place], o, x[place + 1 :]]) for o in range(OPTIONS)]
                if max(tried) > value + 1e-12:
                    x[place], value, better = int(np.argmax(tried)), max(tried), True
        return value


def _breaks(seed: int, share: float) -> np.ndarray:
    """Which pairs of options do not work together: only within parts, and not the baseline's."""
    within, between = (LAYERS - 1) * len(PARTS), DECISIONS - LAYERS
    rng = np.random.default_rng([seed, 1])
    breaks = rng.random((within, OPTIONS, OPTIONS)) < share
    breaks[:, 0, 0] = False
    return np.concatenate([breaks, np.zeros((between, OPTIONS, OPTIONS), dtype=bool)])


def searched(search: Search, values: CoupledLandscape, seed: int, most: int) -> History:
    """The history of a search that ends at the greatest height or after `most` trials."""
    asktell = nas.AskTell(search.space, search.controller, seed)
    for _ in range(most):
        proposal = asktell.ask()
        if proposal is None:
            break
        asktell.tell(proposal.number, values(proposal.architecture))
        if values.height(asktell.history.rewards[-1]) >= HEIGHTS[-1]:
            break
    return asktell.history


def by_stages(values: CoupledLandscape, seed: int, most: int, part: int) -> list[float]:
    """The heights of the trials of all stages, in order."""
    whole = Search(Space(Net), nas.FunctionTask(values), limits=Limits(trials=most))
    heights: list[float] = []
    results: dict[str, StageResult] = {}
    for name, stage in parts_then_whole(whole, *PARTS, trials=part).stages.items():
        search = replace(stage(results), name=name)  # type: ignore[operator]
        left = most - len(heights) if name == "joint" else part
        history = searched(search, values, seed, left)
        heights += map(values.height, history.rewards)
        results[name] = StageResult(name, search, history)
        if max(heights) >= HEIGHTS[-1]:
            break
    return heights


def at_once(
    values: CoupledLandscape, seed: int, most: int, from_baseline: bool = False
) -> list[float]:
    """The heights of the trials of a joint search, from nothing or from the baseline."""

    def begun(space: Space[Any]) -> Controller:
        auto = Deduplicated(Auto(space))
        return WarmStart(auto, first=[space.baseline]) if from_baseline else auto

    limits = Limits(trials=most)
    whole = Search(Space(Net), nas.FunctionTask(values), controller=begun, limits=limits)
    return [values.height(reward) for reward in searched(whole, values, seed, most).rewards]


def reached(heights: list[float]) -> list[int | None]:
    """The number of trials at which each of `HEIGHTS` is reached; None where it is not."""
    return [next((n for n, h in enumerate(heights, 1) if h >= goal), None) for goal in HEIGHTS]


def run(options: argparse.Namespace) -> None:
    """Run all ways for each seed and problem, and append a line for each to a file."""
    for between, broken in itertools.product(options.between, options.broken):
        for seed in range(options.first, options.first + options.seeds):
            values = CoupledLandscape(seed, between, broken)
            problem = {"seed": seed, "between": between, "broken": broken}
            row: dict[str, Any] = {**problem, "most": options.most, "part": options.part}
            for way, heights in (
                ("stages", by_stages(values, seed, options.most, options.part)),
                ("joint", at_once(values, seed, options.most)),
                ("from baseline", at_once(values, seed, options.most, from_baseline=True)),
            ):
                row[way] = {"reached": reached(heights), "best": round(max(heights), 3)}
            print(row, flush=True)
            with options.out.open("a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")


def table(path: Path) -> None:
    """Print a table of what a file holds: medians, and in how many seeds stages took half."""
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    print(f"| {' | '.join(COLUMNS)} |\n|{'---|' * len(COLUMNS)}")
    for problem in sorted({(row["between"], row["broken"]) for row in rows}):
        mine = [row for row in rows if (row["between"], row["broken"]) == problem]
        for place, height in enumerate(HEIGHTS):
            stages, joint, baseline = (_trials(mine, way, place) for way in WAYS)
            beyond = [min(trials, row["most"] + 1) for trials, row in zip(joint, mine, strict=True)]
            fewer = sum(s < j for s, j in zip(stages, beyond, strict=True))
            half = sum(2 * s <= j for s, j in zip(stages, beyond, strict=True))
            medians = [_median(t, mine[0]["most"]) for t in (stages, joint, baseline)]
            cells = (*problem, height, len(mine), *medians, fewer, half)
            print(f"| {' | '.join(map(str, cells))} |")


def _trials(rows: list[dict[str, Any]], way: str, place: int) -> list[float]:
    """Trials to a height in each row; infinite where it was not reached."""
    return [row[way]["reached"][place] or float("inf") for row in rows]


def _median(trials: list[float], most: int) -> str:
    middle = float(np.median(trials))
    return f"{middle:.0f}" if middle <= most else "not reached"


def main() -> None:
    """Run the benchmark, or print its table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--between", type=float, nargs="+", default=[0.1, 0.5])
    parser.add_argument("--broken", type=float, nargs="+", default=[0.0])
    parser.add_argument("--most", type=int, default=200)
    parser.add_argument("--part", type=int, default=30)
    parser.add_argument("--out", type=Path, default=Path("stages.jsonl"))
    parser.add_argument("--table", type=Path)
    options = parser.parse_args()
    if options.table:
        table(options.table)
    else:
        run(options)


if __name__ == "__main__":
    main()
