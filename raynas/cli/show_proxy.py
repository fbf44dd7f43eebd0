"""What `raynas proxy` shows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from raynas.cli.terminal import Terminal
from raynas.objective import Objective
from raynas.wording import counted

if TYPE_CHECKING:
    from raynas.proxy import CheckResult, Chosen, Curve, Design, Fresh, References, Repeats
    from raynas.proxy.agreement import Agreement

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
_LONGEST = 120  # characters: two lines of a terminal
_NOISY = 0.1  # a difference of 10 % of the score is lost in noise; chosen by hand


def say_repeats(found: Repeats, objective: Objective) -> None:
    """Variance, and what it allows to be told apart."""
    for reason in found.failed:
        _console.print(Text(f"Without a score: {reason}", "yellow"))
    table = Table(
        f"mean {objective.name}",
        "deviation",
        "95 % interval",
        "variation",
        "95 % interval",
        "trainings",
    )
    for one in found.variances:
        table.add_row(
            objective.show(one.mean),
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
    which = "this one does" if len(found.variances) == 1 else "the first does"
    _console.print(
        f"If they vary as {which}, two "
        "architectures are told apart at 95 % if their mean scores differ by:"
    )
    for repeats in (1, 2, 3, 5):
        times = "once" if repeats == 1 else counted(repeats, "time")
        _console.print(f"  {first.apart(repeats):.2g} where each is trained {times}")
    if found.typical is not None:
        typical, low, high = found.typical
        _console.print(
            f"Typical deviation of {counted(len(found.variances), 'architecture')}: {typical:.2g} "
            f"(95 % interval {low:.2g} to {high:.2g})."
        )
    if first.variation > _NOISY:
        sure = "" if first.variation_low > _NOISY else ", if these few trainings are typical"
        _console.print(
            f"[yellow]That is a lot of noise[/]{sure}: more steps, more validation examples or "
            "averaging='ema' lessen it."
        )


def say_curves(found: Sequence[Curve], objective: Objective) -> None:
    """Smoothness of each curve."""
    table = Table("smoothness", "noise of an evaluation", "evaluations", f"last {objective.name}")
    for curve in found:
        one = curve.smoothness
        table.add_row(
            f"{one.smoothness:.3f}",
            f"{one.noise:.2g}",
            str(one.evaluations),
            objective.show(curve.scores[-1]),
        )
    _console.print(table)
    _console.print("Smoothness is the share of a curve's variance that is trend rather than noise.")


def say_references(found: References, objective: Objective) -> None:
    """The reference models."""
    truth = found.truth
    table = Table(objective.name, "95 % interval", found.cost, "architecture")
    order = sorted(range(len(truth.scores)), key=lambda index: -truth.scores[index])
    for index in order:
        low, high = sorted(objective.figure(end[index]) for end in (truth.low, truth.high))
        table.add_row(
            objective.show(truth.scores[index], 4),
            "trained in full" if truth.known[index] else f"{low:.4g} to {high:.4g}",
            f"{found.costs[index]:,.5g}",
            Text(repr(found.architectures[index])[:_LONGEST]),
        )
    _console.print(table)
    _console.print(
        f"Cost: {found.spent:.1f} full trainings. A predicted score is off by {truth.off:.2g}, as "
        f"the {int(truth.known.sum())} trained in full show when each is predicted from the others."
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
        f"Taken: [bold]{counted(found.steps, 'step')}[/], {found.setting}; cost {found.cost:.4f} "
        f"full trainings{_fraction(found.cost)}."
    )
    _console.print(
        f"On {counted(agreement.models, 'reference model')} tau is {agreement.tau:.2f}, 95 % "
        f"interval {agreement.low:.2f} to {agreement.high:.2f}, {_test_of(agreement, references)}; "
        f"{round(agreement.recall * agreement.top)} of the best {agreement.top} found."
    )
    sure = (
        f"[green]Good enough with {goal.confidence:.0%} confidence[/], allowing for all that was "
        f"compared: tau is at least {found.low:.2f}."
        if found.sure
        else f"[yellow]Not sure[/]: with {goal.confidence:.0%} confidence, allowing for all "
        f"that was compared, tau is at least {found.low:.2f}. More reference models make it surer."
    )
    _console.print(sure)
    _console.print(
        f"Spent: {references.spent:.1f} full trainings on reference models, {found.spent:.1f} on "
        "candidates."
    )


def _fraction(cost: float) -> str:
    """A cost below a half as one over a whole number."""
    return f" (1/{1 / cost:.0f})" if 0 < cost < 0.5 else ""


def _test_of(agreement: Agreement, references: References) -> str:
    """The p-value, which holds for measured scores only, or how many scores are predictions."""
    predicted = int((~references.truth.known).sum())
    if not predicted:
        return f"p {agreement.p_value:.2g}"
    return f"which allows for {counted(predicted, 'predicted score')}"


def say_findings(findings: Sequence[CheckResult]) -> None:
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
        f"On {counted(agreement.models, 'fresh architecture')} tau is {agreement.tau:.2f} "
        f"(95 % interval {agreement.low:.2f} to {agreement.high:.2f}), at {found.cost:.4f} full "
        f"trainings; predicted was {chosen.tau:.2f} (95 % interval {chosen.low:.2f} to "
        f"{chosen.high:.2f})."
    )
