"""Parts first and then the whole, against a joint search from nothing, on a space of 1e24.

    python benchmarks/stages.py [--seeds 20] [--most 500] [--out stages.jsonl]

The space has an encoder, a decoder and a head of eight decisions of ten options each. The value of
an architecture is a sum over decisions, over neighboring decisions of a part, which weigh as much,
and over pairs of a decision of one part and one of the next, which weigh a tenth; every seed draws
another landscape. Counted are the trials until an architecture is found that is nine tenths of the
way from the median random architecture to the best that hill climbing with exact values finds. The
joint search ends at twice the trials that the stages took.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

import raynas as nas
from raynas.search import Limits, Search
from raynas.space import Space, choice, repeat, searchable
from raynas.stages import parts_then_whole
from raynas.stages.results import StageResult
from raynas.trials import History

PARTS, LAYERS, OPTIONS = ("encoder", "decoder", "head"), 8, 10
DECISIONS = len(PARTS) * LAYERS
LETTERS = "abcdefghij"
WITHIN, BETWEEN = 1.0, 0.1
SHARE = 0.9
CLIMBS, DRAWN = 30, 1000


@searchable
class Net:
    """1e24 architectures: three parts of eight decisions of ten options."""

    encoder: tuple[str, ...] = repeat(choice(*LETTERS), LAYERS, default=("a",) * LAYERS)
    decoder: tuple[str, ...] = repeat(choice(*LETTERS), LAYERS, default=("a",) * LAYERS)
    head: tuple[str, ...] = repeat(choice(*LETTERS), LAYERS, default=("a",) * LAYERS)


class CoupledLandscape:
    """Values of architectures, drawn from a seed."""

    def __init__(self, seed: int) -> None:
        rng = np.random.default_rng(seed)
        self.single = rng.normal(size=(DECISIONS, OPTIONS))
        self.pairs = [
            *((i, i + 1, WITHIN) for i in range(DECISIONS - 1) if (i + 1) % LAYERS),
            *((i, i + LAYERS, BETWEEN) for i in range(DECISIONS - LAYERS)),
        ]
        self.tables = rng.normal(size=(len(self.pairs), OPTIONS, OPTIONS))
        self.first = np.array([i for i, _, _ in self.pairs])
        self.second = np.array([j for _, j, _ in self.pairs])
        self.weights = np.array([weight for _, _, weight in self.pairs])
        best = max(self._climbed(rng) for _ in range(CLIMBS))
        drawn = [self.of(rng.integers(OPTIONS, size=DECISIONS)) for _ in range(DRAWN)]
        self.median, self.best = float(np.median(drawn)), best
        self.goal = self.median + SHARE * (best - self.median)

    def of(self, x: np.ndarray) -> float:
        """The value of an architecture given by the options' indices."""
        single = self.single[np.arange(DECISIONS), x].sum()
        pairs = self.tables[np.arange(len(self.pairs)), x[self.first], x[self.second]]
        return float(single + self.weights @ pairs)

    def __call__(self, net: Net) -> float:
        """The value of `net`."""
        return self.of(
            np.array([LETTERS.index(letter) for letter in net.encoder + net.decoder + net.head])
        )

    def _climbed(self, rng: np.random.Generator) -> float:
        x = rng.integers(OPTIONS, size=DECISIONS)
        value, better = self.of(x), True
        while better:
            better = False
            for place in rng.permutation(DECISIONS):
                tried = [self.of(np.r_[x[:place], o, x[place + 1 :]]) for o in range(OPTIONS)]
                if max(tried) > value + 1e-12:
                    x[place], value, better = int(np.argmax(tried)), max(tried), True
        return value


def trials_of(search: Search, values: CoupledLandscape, seed: int, most: int) -> Iterator[History]:
    """The history after each of up to `most` trials."""
    asktell = nas.AskTell(search.space, search.controller, seed)
    for _ in range(most):
        proposal = asktell.ask()
        if proposal is None:
            return
        asktell.tell(proposal.number, values(proposal.architecture))
        yield asktell.history


def found_at(
    search: Search, values: CoupledLandscape, seed: int, most: int
) -> tuple[int | None, History]:
    """The number of trials until the goal is reached; None where it is not."""
    history = History()
    for history in trials_of(search, values, seed, most):
        if history.rewards[-1] >= values.goal:
            return len(history), history
    return None, history


def by_stages(values: CoupledLandscape, seed: int, most: int, part: int) -> int | None:
    """The trials of all stages together until the goal is reached."""
    whole = Search(Space(Net), nas.FunctionTask(values), limits=Limits(trials=most))
    spent, results = 0, {}
    stages: dict[str, Any] = dict(parts_then_whole(whole, *PARTS, trials=part).stages)
    for name, stage in stages.items():
        search = replace(stage(results), name=name)
        left = most - spent if name == "joint" else part
        at, history = found_at(search, values, seed, left)
        if at is not None:
            return spent + at
        spent += len(history)
        results[name] = StageResult(name, search, history)
    return None


def main() -> None:
    """Run both ways for each seed, and append a line a seed to a file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--most", type=int, default=500)
    parser.add_argument("--part", type=int, default=60)
    parser.add_argument("--out", type=Path, default=Path("stages.jsonl"))
    options = parser.parse_args()
    for seed in range(options.first, options.first + options.seeds):
        values = CoupledLandscape(seed)
        start = time.process_time()
        staged = by_stages(values, seed, options.most, options.part)
        middle = time.process_time()
        whole = Search(Space(Net), nas.FunctionTask(values), limits=Limits(trials=options.most))
        limit = options.most if staged is None else min(options.most, 2 * staged)
        joint, history = found_at(whole, values, seed, limit)
        row: dict[str, Any] = {"seed": seed, "part": options.part, "staged": staged}
        row |= {"joint": joint, "joint_tried": len(history)}
        row |= {"cpu": [round(middle - start, 1), round(time.process_time() - middle, 1)]}
        print(row, flush=True)
        with options.out.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")


if __name__ == "__main__":
    main()
