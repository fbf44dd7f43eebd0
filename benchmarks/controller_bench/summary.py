"""From finished runs to figures and a Markdown table."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from controller_bench.problem import Problem

__all__ = ["Group", "groups", "table"]

Line = Mapping[str, Any]

FIRST = 100
"""Trials that the area under the curve is of, as runs of costly methods are short."""


@dataclass(frozen=True)
class Group:
    """The runs of one method on one problem under one protocol.

    Attributes:
        problem: Name of it.
        protocol: Name of it.
        method: Name of it.
        regret: Of the best so far, in units of the distance between random and optimum, shape
            ``(runs, trials)``; after the last end it stays.
        optimum: After how many ends the optimum was found, infinite where it was not, ``(runs,)``.
        top: Likewise `Problem.top`.
        test: Test value of the incumbent by reward, ``(runs, trials)``.
        recommended: Mean test value of what was recommended, by number of ends.
        proposal: Median and 95th percentile of a proposal's CPU time, in seconds.
        distinct: Share of proposals that were new.
    """

    problem: str
    protocol: str
    method: str
    regret: NDArray[np.float64]
    optimum: NDArray[np.float64]
    top: NDArray[np.float64]
    test: NDArray[np.float64]
    recommended: Mapping[int, float]
    proposal: tuple[float, float]
    distinct: float

    @property
    def trials(self) -> int:
        """How long the runs are."""
        return self.regret.shape[1]

    @property
    def area(self) -> float:
        """Mean regret over runs and the first `FIRST` trials: the area under the curve."""
        return float(self.regret[:, :FIRST].mean())

    def regret_after(self, trials: int) -> float | None:
        """Median regret; None where the runs are shorter."""
        return float(np.median(self.regret[:, trials - 1])) if trials <= self.trials else None

    def test_after(self, trials: int) -> float | None:
        """Mean test value of the recommendation, or else of the incumbent by reward."""
        incumbent = float(np.mean(self.test[:, trials - 1])) if trials <= self.trials else None
        return self.recommended.get(trials, incumbent)


def groups(lines: Iterable[Line], make: Callable[[str, int], Problem]) -> list[Group]:
    """All groups: of each seed the longest run, cut to the shortest of the group."""
    kept: dict[tuple[str, str, str], dict[int, Line]] = {}
    for line in lines:
        if "error" not in line:
            runs = kept.setdefault((line["problem"], line["protocol"], line["method"]), {})
            known = runs.get(line["seed"])
            if known is None or known["trials"] <= line["trials"]:
                runs[line["seed"]] = line
    return [_group(key, list(runs.values()), make) for key, runs in kept.items()]


def _group(
    key: tuple[str, str, str], runs: Sequence[Line], make: Callable[[str, int], Problem]
) -> Group:
    problem = make(key[0], runs[0]["seed"])
    trials = min(run["trials"] for run in runs)
    span = problem.optimum - problem.typical
    best = np.array([_running_best(run["true"], trials) for run in runs])
    tolerance = 1e-6 * span  # values are stored with seven digits
    lacking = problem.optimum - best
    seconds = np.concatenate([run["seconds"][:trials] for run in runs])
    checkpoints = {int(ends) for run in runs for ends in run["recommended"]}
    return Group(
        *key,
        regret=np.where(lacking > tolerance, lacking, 0) / span,
        optimum=_first(best >= problem.optimum - tolerance),
        top=_first(best >= problem.top - tolerance),
        test=np.array([_filled(run["test"], trials) for run in runs]),
        recommended={
            ends: float(np.mean([run["recommended"][str(ends)][1] for run in runs]))
            for ends in checkpoints
            if all(str(ends) in run["recommended"] for run in runs)
        },
        proposal=(float(np.median(seconds)), float(np.quantile(seconds, 0.95))),
        distinct=float(np.mean([run["distinct"] / len(run["true"]) for run in runs])),
    )


def _running_best(values: Sequence[float | None], trials: int) -> NDArray[np.float64]:
    found = np.array([-np.inf if value is None else value for value in values])
    best = np.maximum.accumulate(found)[:trials]
    best = np.where(np.isfinite(best), best, found[np.isfinite(found)].min())
    return np.pad(best, (0, trials - len(best)), mode="edge")


def _filled(values: Sequence[float | None], trials: int) -> NDArray[np.float64]:
    array = np.array([np.nan if value is None else value for value in values[:trials]])
    return np.pad(array, (0, trials - len(array)), mode="edge")


def _first(reached: NDArray[np.bool_]) -> NDArray[np.float64]:
    return np.where(reached.any(axis=1), reached.argmax(axis=1) + 1.0, np.inf)


HEAD = (
    "| method | seeds | trials | optimum: median (95 %) | found | top: median (95 %) | area % "
    "| regret % after {} | test after 100 | at the end | ms a proposal (95 %) | new |"
)


def table(found: Sequence[Group]) -> str:
    """A Markdown section a problem and protocol, methods by area under the regret curve."""
    parts = []
    for problem, protocol in dict.fromkeys((group.problem, group.protocol) for group in found):
        chosen = [g for g in found if (g.problem, g.protocol) == (problem, protocol)]
        longest = max(group.trials for group in chosen)
        after = sorted({min(n, longest) for n in (50, 100, 200, longest)})
        head = HEAD.format(" | ".join(map(str, after)))
        rule = "|---" + "|--:" * (head.count("|") - 2) + "|"
        rows = [_row(g, after) for g in sorted(chosen, key=lambda g: g.area)]
        parts.append("\n".join([f"### {problem}, {protocol}\n", head, rule, *rows]))
    return "\n\n".join(parts) + "\n"


def _row(group: Group, after: Sequence[int]) -> str:
    cells = [
        group.method,
        str(len(group.optimum)),
        str(group.trials),
        _quantiles(group.optimum, group.trials),
        f"{np.isfinite(group.optimum).mean():.0%}",
        _quantiles(group.top, group.trials),
        f"{100 * group.area:.3g}",
        *(_number(group.regret_after(trials), 100) for trials in after),
        _number(group.test_after(min(100, group.trials)), digits=4),
        _number(group.test_after(group.trials), digits=4),
        f"{1e3 * group.proposal[0]:.3g} ({1e3 * group.proposal[1]:.3g})",
        f"{group.distinct:.0%}",
    ]
    return "| " + " | ".join(cells) + " |"


def _number(value: float | None, scale: float = 1, digits: int = 3) -> str:
    return "–" if value is None else f"{scale * value:.{digits}g}"  # noqa: RUF001 - a dash


def _quantiles(counts: NDArray[np.float64], trials: int) -> str:
    """Median and 95th percentile; of an order, as some may be infinite."""
    ordered = np.sort(counts)
    places = [int(np.ceil(q * len(ordered))) - 1 for q in (0.5, 0.95)]
    middle, high = (f"{ordered[p]:.0f}" if ordered[p] < np.inf else f">{trials}" for p in places)
    return f"{middle} ({high})"
