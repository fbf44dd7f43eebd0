"""From finished runs to a Markdown table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from front_bench.simulate import EVERY

__all__ = ["Group", "groups", "table"]

SHOWN = (50, 100, 200)


@dataclass(frozen=True)
class Group:
    """The runs of one method on one problem under one protocol.

    Attributes:
        problem: Name of it.
        protocol: Name of it.
        method: Name of it.
        shares: For each reference, the share of the hypervolume after every tenth trial, shape
            ``(runs, moments)``.
        seconds: Mean CPU time of a proposal.
        outside: Mean share of the trials that were outside a bound.
    """

    problem: str
    protocol: str
    method: str
    shares: Mapping[str, NDArray[np.float64]]
    seconds: float
    outside: float

    @property
    def runs(self) -> int:
        """How many there are."""
        return len(next(iter(self.shares.values())))

    @property
    def trials(self) -> int:
        """How long they are."""
        return EVERY * next(iter(self.shares.values())).shape[1]

    def after(self, reference: str, trials: int) -> NDArray[np.float64] | None:
        """The shares after so many trials; None where runs are shorter."""
        values = self.shares.get(reference)
        if values is None or trials > self.trials:
            return None
        return np.asarray(values[:, trials // EVERY - 1], dtype=np.float64)


def groups(lines: Iterable[Mapping[str, Any]]) -> list[Group]:
    """All groups: of each seed the longest run, cut to the shortest of the group."""
    kept: dict[tuple[str, str, str], dict[int, Mapping[str, Any]]] = {}
    for line in lines:
        if "error" not in line:
            runs = kept.setdefault((line["problem"], line["protocol"], line["method"]), {})
            known = runs.get(line["seed"])
            if known is None or known["trials"] <= line["trials"]:
                runs[line["seed"]] = line
    return [_group(key, list(runs.values())) for key, runs in sorted(kept.items())]


def _group(key: tuple[str, str, str], runs: Sequence[Mapping[str, Any]]) -> Group:
    names = list(runs[0]["shares"])
    shortest = min(run["trials"] for run in runs) // EVERY
    shares = {
        name: np.array([_padded(run["shares"][name], shortest) for run in runs]) for name in names
    }
    outside = float(np.mean([run["outside"] / run["trials"] for run in runs]))
    return Group(*key, shares, float(np.mean([run["seconds"] for run in runs])), outside)


def _padded(values: Sequence[float], length: int) -> NDArray[np.float64]:
    """The first values; of a method that had no more proposals, the last one to the end."""
    array = np.array(values[:length], dtype=float)
    return np.pad(array, (0, length - len(array)), mode="edge")


def table(found: Sequence[Group]) -> str:
    """A Markdown section a problem and protocol, methods by their share after 100 trials or so."""
    parts = []
    for problem, protocol in dict.fromkeys((g.problem, g.protocol) for g in found):
        chosen = [g for g in found if (g.problem, g.protocol) == (problem, protocol)]
        names = list(chosen[0].shares)
        columns = [f"{name}: {trials}" for name in names for trials in SHOWN]
        head = " | ".join(["| method | runs", *columns, "ms a proposal | outside |"])
        rule = "|---" + "|--:" * (len(columns) + 3) + "|"
        ordered = sorted(chosen, key=lambda g: -float(g.shares[names[0]].mean()))
        rows = [_row(group, names) for group in ordered]
        parts.append("\n".join([f"### {problem}, {protocol}\n", head, rule, *rows]))
    return "\n\n".join(parts) + "\n"


def _row(group: Group, names: Sequence[str]) -> str:
    cells = [_share(group.after(name, trials)) for name in names for trials in SHOWN]
    outside = f"{group.outside:.0%}" if group.outside else ""
    last = f"{1e3 * group.seconds:.2g} | {outside} |"
    return " | ".join([f"| {group.method} | {group.runs}", *cells, last])


def _share(values: NDArray[np.float64] | None) -> str:
    """Mean, and the standard error in units of its last digit."""
    if values is None:
        return "–"  # noqa: RUF001 - a dash
    error = float(values.std(ddof=1) / len(values) ** 0.5) if len(values) > 1 else 0.0
    return f"{values.mean():.3f} ({1e3 * error:.0f})"
