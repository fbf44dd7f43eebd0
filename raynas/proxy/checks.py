"""Checks of a proxy before the search begins."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from raynas.proxy.agreement import Agreement
from raynas.rank_interval import FEWEST
from raynas.trials import Failed, History
from raynas.wording import counted

__all__ = ["CheckResult", "check_agreement", "check_trials", "too_few", "worst"]

Severity = Literal["error", "warning", "good"]

_FAILURES = 0.2  # the limit of the search's own rule on failures
_REASONS = 3  # lines of a message


@dataclass(frozen=True)
class CheckResult:
    """What a check found.

    Attributes:
        check: Name of the check.
        severity: ``"error"``: do not search before it is put right. ``"warning"``: the search
            will suffer. ``"good"``: as it should be.
        message: What was found, with figures, and what to do.
    """

    check: str
    severity: Severity
    message: str


def check_trials(
    history: History,
    wanted: Collection[str],
    sane: tuple[float, float] = (-math.inf, math.inf),
) -> list[CheckResult]:
    """Whether a few trials of the proxy ended as those of a search must.

    Args:
        history: The trials.
        wanted: Metrics that the search needs for its reward, or the analysis after it.
        sane: Least and largest score that makes sense, such as 0 and 1 for an accuracy.
    """
    return [
        _failures(history),
        _memory(history),
        _range(history, sane),
        _spread(history),
        _saved(history, wanted),
    ]


def check_agreement(what: str, found: Agreement, least: float) -> CheckResult:
    """Whether proxy and full models agree in `what`, such as a latency."""
    words = (
        f"Kendall's tau of {what} by proxy and in full is {found.tau:.2f} "
        f"({found.low:.2f} to {found.high:.2f}, {counted(found.models, 'model')})"
    )
    if found.tau >= least:
        return CheckResult(f"{what} agrees", "good", words)
    return CheckResult(
        f"{what} agrees",
        "error",
        f"{words}, below {least:g}: measure it on the full model, or leave it out of the reward",
    )


def too_few(what: str, models: int) -> CheckResult:
    """The finding that so few models show nothing about an agreement in `what`."""
    return CheckResult(
        f"{what} agrees",
        "warning",
        f"{counted(models, 'model')} do not show whether {what} by proxy ranks as in full: it "
        f"takes {FEWEST} at least; raise --trials",
    )


def worst(findings: Sequence[CheckResult]) -> Severity:
    """The gravest severity among them."""
    order: tuple[Severity, ...] = ("error", "warning", "good")
    return next((s for s in order if any(f.severity == s for f in findings)), "good")


def _failures(history: History) -> CheckResult:
    name, ended = "failures", history.ended
    if not ended:
        return CheckResult(name, "error", "no trial has ended: run some first")
    bad = history.unrewarded
    share = len(bad) / len(ended)
    words = f"{len(bad)} of {counted(len(ended), 'trial')} ended without a score"
    if not bad:
        return CheckResult(name, "good", words)
    common = Counter(trial.reason or "unknown" for trial in bad).most_common(_REASONS)
    reasons = "; ".join(f"{count} x {reason}" for reason, count in common)
    if share > _FAILURES:
        return CheckResult(
            name,
            "error",
            f"{words}, more than {_FAILURES:.0%}: the search would stop. {reasons}",
        )
    return CheckResult(name, "warning", f"{words}. {reasons}")


def _memory(history: History) -> CheckResult:
    short = [trial for trial in history.unrewarded if "memory" in (trial.reason or "").lower()]
    broken = [trial for trial in history.unrewarded if isinstance(trial.outcome, Failed)]
    if short:
        return CheckResult(
            "memory",
            "error",
            f"{counted(len(short), 'trial')} ran out of memory: use a smaller batch, or more of a "
            "device for each",
        )
    return CheckResult(
        "memory", "good", f"no trial ran out of memory, {len(broken)} failed otherwise"
    )


def _range(history: History, sane: tuple[float, float]) -> CheckResult:
    name, rewards = "range", np.array(history.rewards)
    if not len(rewards):
        return CheckResult(name, "error", "no trial has a finite score")
    figures = [history.objective.figure(float(reward)) for reward in rewards]
    least, most = min(figures), max(figures)
    words = f"{history.objective.name} lies from {least:.5g} to {most:.5g}"
    if least < sane[0] or most > sane[1]:
        return CheckResult(
            name,
            "error",
            f"{words}, outside {sane[0]:g} to {sane[1]:g}: see what the metric is and its mode",
        )
    return CheckResult(name, "good", f"{words}, all finite")


def _spread(history: History) -> CheckResult:
    name, different = "spread", len(set(history.rewards))
    count = len(history.rewards)
    if count > 1 and different == 1:
        return CheckResult(
            name,
            "error",
            f"all {counted(count, 'score')} are the same: nothing tells architectures apart",
        )
    if different < count / 2:
        return CheckResult(
            name,
            "warning",
            f"only {counted(different, 'different score')} in {counted(count, 'trial')}: validate "
            "on more examples",
        )
    scores = counted(different, "different score")
    if count < 2:
        return CheckResult(
            name, "warning", f"{scores}: one trial does not show whether trials differ"
        )
    return CheckResult(name, "good", f"{scores} in {counted(count, 'trial')}")


def _saved(history: History, wanted: Collection[str]) -> CheckResult:
    missing: Counter[str] = Counter()
    for trial in history.completed:
        measurement = getattr(trial.outcome, "measurement", None)
        metrics = {} if measurement is None else measurement.metrics
        missing.update(name for name in wanted if name not in metrics)
    if missing:
        names = ", ".join(
            f"{name} in {counted(count, 'trial')}" for name, count in missing.most_common()
        )
        return CheckResult("metrics", "error", f"missing metrics: {names}; have the task log them")
    return CheckResult(
        "metrics", "good", f"all metrics are saved: {', '.join(sorted(wanted)) or 'none'}"
    )
