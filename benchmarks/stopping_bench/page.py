"""Verdicts as tables in Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from stopping_bench.judge import Verdict

__all__ = ["failure_table", "noise_table", "verdict_table"]

_FIRST, _LAST = 500, 700


def verdict_table(rule: str, verdicts: Mapping[tuple[str, str, str], list[Verdict]]) -> str:
    """What `rule` did, a row a controller and scenario."""
    head = (
        "search",
        "seeds",
        "stopped",
        "found after",
        "stop after",
        "within the bound",
        "in time",
        "behind time",
        "given up",
        "saved",
        "missed",
    )
    rows = [
        (f"{controller}, {scenario}", *_row(some))
        for (name, controller, scenario), some in sorted(verdicts.items())
        if name == rule
    ]
    return _table(head, rows)


def _row(verdicts: Sequence[Verdict]) -> tuple[str, ...]:
    stopped = [v for v in verdicts if v.stop is not None]
    judgeable = [v for v in verdicts if v.judgeable]
    late = [v.stop - v.due for v in stopped if v.stop is not None and v.late]
    return (
        str(len(verdicts)),
        _percent(len(stopped), len(verdicts)),
        _median(v.found for v in verdicts if v.found),
        _median(v.stop for v in stopped),
        _percent(sum(not v.false for v in stopped), len(stopped)),
        _percent(sum(not v.late for v in judgeable), len(judgeable)),
        _median(late),
        f"{np.mean([v.given_up for v in stopped]):.4f}" if stopped else "",
        f"{np.mean([1 - (v.stop or 2000) / 2000 for v in verdicts]):.0%}",
        str(sum(v.missed for v in verdicts)),
    )


def failure_table(rates: Mapping[float, Sequence[float]], within: Sequence[int]) -> str:
    """The probability of a stop, a row a true failure rate."""
    head = ("fails with probability", *(f"stopped within {count:,}" for count in within))
    rows = [(f"{rate:.0%}", *(f"{p:.2%}" for p in found)) for rate, found in rates.items()]
    return _table(head, rows)


def noise_table(stops: Mapping[str, Sequence[int | None]]) -> str:
    """When T3 fired, a row a kind of sequence."""
    head = ("rewards", "sequences", "stopped", f"from {_FIRST} to {_LAST}", "median stop")
    rows = [
        (
            name,
            str(len(found)),
            _percent(sum(stop is not None for stop in found), len(found)),
            _percent(
                sum(stop is not None and _FIRST <= stop <= _LAST for stop in found), len(found)
            ),
            _median(stop for stop in found if stop is not None),
        )
        for name, found in stops.items()
    ]
    return _table(head, rows)


def _median(values: Iterable[float | None]) -> str:
    kept = [value for value in values if value is not None]
    return f"{np.median(kept):.0f}" if kept else ""


def _percent(some: int, of: int) -> str:
    return f"{some / of:.1%}" if of else ""


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
