"""What the stop rules say."""

from __future__ import annotations

from raynas.report.markup import Tag, table, tag
from raynas.report.view import SearchView
from raynas.stopping import StopRule, first_stop

__all__ = ["name_of", "rule_nodes"]


def name_of(rule: StopRule) -> str:
    """A rule's class in words."""
    name = type(rule).__name__
    words = "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in name)
    return words.strip()


def rule_nodes(view: SearchView) -> list[Tag]:
    """What ends the search, or how near each rule is to that."""
    stop = first_stop(view.rules, view.history, view.now)
    rows = [[name_of(rule), rule.state(view.history, view.now)] for rule in view.rules]
    nodes = [table(("rule", "state"), rows)] if rows else []
    if stop is None:
        return nodes
    said = tag("p", tag("b", f"Ended by the rule “{stop.rule}”: "), f"{stop.reason}.")
    return [tag("div", said, tag("p", f"Next: {stop.advice}."), class_="verdict"), *nodes]
