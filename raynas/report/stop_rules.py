"""What the stop rules say."""

from __future__ import annotations

from raynas.analysis.search_view import SearchView
from raynas.report.markup import Tag, prose, table, tag
from raynas.stopping import StopRule, StopWarning, warnings_of
from raynas.trials import Stop
from raynas.wording import next_steps, sentence

__all__ = ["name_of", "rule_nodes", "verdict_nodes"]


def name_of(rule: StopRule) -> str:
    """A rule's class in words."""
    name = str(getattr(rule, "name", type(rule).__name__))
    words = "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in name)
    return words.strip()


def verdict_nodes(view: SearchView) -> list[Tag]:
    """What ends the search, and what may, with what to do about it."""
    stop = view.stop
    warnings = warnings_of(view.rules, view.history, view.time_reached)
    said: list[tuple[str, Stop | StopWarning]] = []
    if stop:
        said.append((f"Ended by the rule “{stop.rule}”: ", stop))
    said += [(f"Warning of the rule “{warning.rule}”: ", warning) for warning in warnings]
    notices = [
        tag("div", tag("p", tag("b", notice)), class_="verdict warning") for notice in view.notices
    ]
    return notices + [
        tag(
            "div",
            tag("p", tag("b", words), *prose(sentence(finding.reason))),
            tag("p", *prose(next_steps(finding.advice, view.target))),
            class_="verdict" if finding is stop else "verdict warning",
        )
        for words, finding in said
    ]


def rule_nodes(view: SearchView) -> list[Tag]:
    """How near each rule is to a stop."""
    if not view.rules:
        return [tag("p", "The search has no stop rules.")]
    rows = [[name_of(rule), rule.state(view.history, view.time_reached)] for rule in view.rules]
    return [table(("rule", "state"), rows)]
