"""What `raynas proxy` shows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from raynas.cli.terminal import Terminal

if TYPE_CHECKING:
    from raynas.proxy import Chosen, Curve, Design, Finding, Fresh, References, Repeats

__all__ = [
    "say_curves",
    "say_design",
    "say_findings",
    "say_fresh",
    "say_references",
    "say_repeats",
]

_console = Terminal()
_STYLES = {"error": "bold red", "warning": "yellow", "good": "green"}
_LONGEST = 120
_NOISY = 0.1


def say_repeats(found: Repeats) -> None:
    """Variance, and what it allows to be told apart."""
    for reason in found.failed:
        _console.print(Text(f"Without a score: {reason}", "yellow"))
    table = Table("mean", "deviation", "95 % interval", "variation", "95 % interval", "trainings")
    for one in found.variances:
        table.add_row(
            f"{one.mean:.5g}",
            f"{one.deviation:.2g}",
            f"{one.deviation_low:.2g} to {one.deviation_high:.2g}",
            f"{one.variation:.3g}",
            f"{one.variation_low:.2g} to {one.variation_high:.2g}",
            str(len(one.scores)),
        )
    _console.print(table)
    first = found.variances[0]
    if first.deviation == 0:
        _console.print("All trainings gave the same score: too coarse a metric, or a fixed seed.")
    _console.print("Two architectures are told apart at 95 % if their scores differ by:")
    for repeats in (1, 2, 3, 5):
        times = "once" if repeats == 1 else f"{repeats} times"
        _console.print(f"  {first.apart(repeats):.2g} where each is trained {times}")
    if found.typical is not None:
        typical, low, high = found.typical
        _console.print(
            f"Typical deviation of {len(found.variances)} architectures: {typical:.2g} "
            f"({low:.2g} to {high:.2g})."
        )
    if first.variation > _NOISY:
        _console.print(
            "[yellow]That is a lot of noise[/]: more steps, more validation examples or "
            "averaging='ema' lessen it."
        )


def say_curves(found: Sequence[Curve]) -> None:
    """Smoothness of each curve."""
    table = Table("smoothness", "noise of an evaluation", "evaluations", "last score")
    for curve in found:
        one = curve.smoothness
        table.add_row(
            f"{one.smoothness:.3f}",
            f"{one.noise:.2g}",
            str(one.evaluations),
            f"{curve.scores[-1]:.5g}",
        )
    _console.print(table)
    _console.print("Smoothness is the share of a curve's variance that is trend rather than noise.")


def say_references(found: References) -> None:
    """The reference models."""
    truth = found.truth
    table = Table("score", "95 % interval", found.cost, "architecture")
    order = sorted(range(len(truth.scores)), key=lambda index: -truth.scores[index])
    for index in order:
        interval = (
            "trained in full"
            if truth.known[index]
            else f"{truth.low[index]:.4g} to {truth.high[index]:.4g}"
        )
        table.add_row(
            f"{truth.scores[index]:.4g}",
            interval,
            f"{found.costs[index]:,.5g}",
            Text(repr(found.architectures[index])[:_LONGEST]),
        )
    _console.print(table)
    _console.print(
        f"Took {found.spent:.1f} full trainings. A foretold score is off by {truth.off:.2g}, as "
        "those trained in full show when each is foretold from the others."
    )


def say_design(found: Design, references: References) -> None:
    """The candidates and the proxy taken."""
    table = Table("candidate", "what became of it", "spent")
    for candidate in found.candidates:
        table.add_row(
            Text(str(candidate.setting)), Text(candidate.reason), f"{candidate.spent:.2f}"
        )
    _console.print(table)
    goal, agreement = found.goal, found.agreement
    if found.setting is None or agreement is None:
        _console.print(f"[bold red]No candidate reaches tau {goal.tau:g}[/] within the cost.")
        return
    _console.print(
        f"Taken: [bold]{found.steps} steps[/], {found.setting}; cost {found.cost:.4f} full "
        f"trainings (1/{1 / found.cost:.0f})."
    )
    _console.print(
        f"On {agreement.models} reference models tau is {agreement.tau:.2f}, 95 % interval "
        f"{agreement.low:.2f} to {agreement.high:.2f}, p {agreement.p_value:.2g}; "
        f"{agreement.recall:.0%} of the best {agreement.top} are found."
    )
    sure = (
        f"[green]Good enough with {goal.confidence:.0%} confidence[/], everything looked at "
        f"allowed for: tau is at least {found.low:.2f}."
        if found.sure
        else f"[yellow]Not sure[/]: with {goal.confidence:.0%} confidence, everything looked at "
        f"allowed for, tau is at least {found.low:.2f}. More reference models make it surer."
    )
    _console.print(sure)
    _console.print(
        f"Spent: {references.spent:.1f} full trainings on reference models, {found.spent:.1f} on "
        "candidates."
    )


def say_findings(findings: Sequence[Finding]) -> None:
    """The checks."""
    table = Table.grid(padding=(0, 2))
    for finding in findings:
        table.add_row(
            Text(finding.severity, _STYLES[finding.severity]),
            Text(finding.check),
            Text(finding.message),
        )
    _console.print(table)


def say_fresh(found: Fresh, chosen: Chosen) -> None:
    """Predicted against measured."""
    agreement = found.agreement
    _console.print(
        f"On {agreement.models} fresh architectures tau is {agreement.tau:.2f} "
        f"({agreement.low:.2f} to {agreement.high:.2f}), at {found.cost:.4f} full trainings; "
        f"predicted was {chosen.tau:.2f} ({chosen.low:.2f} to {chosen.high:.2f})."
    )
