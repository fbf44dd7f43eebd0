"""What a report says, part by part: the same parts for the page and for the dashboard."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np

from raynas.analysis.choice_matrix import INACTIVE, Coded, coded
from raynas.analysis.fronts import front_trials, progress_of, shown_objectives
from raynas.analysis.search_view import SearchView
from raynas.analysis.tables import early_ends
from raynas.analysis.units import quantity
from raynas.association import LEVEL
from raynas.objective import Objective
from raynas.report.best import best_nodes, drawn_nodes, front_nodes, full_nodes
from raynas.report.choice_findings import ChoiceFindings, choice_findings
from raynas.report.cost import cost_drawings, cost_nodes, spent
from raynas.report.curve import LEAST_FOR_BAND, hypervolume_figure, search_curve, window_of
from raynas.report.effects import (
    Interaction,
    effect_figure,
    interaction_figure,
    pair_figure,
)
from raynas.report.failures import failure_nodes
from raynas.report.figure_style import Drawing
from raynas.report.importance import LEAST_TRIALS, importance_figure
from raynas.report.learning import learning_curves
from raynas.report.markup import Node, Tag, number, prose, table, tag
from raynas.report.stop_rule_history import rule_drawing
from raynas.report.stop_rules import rule_nodes, verdict_nodes
from raynas.report.tradeoff import tradeoffs
from raynas.report.zero_cost import zero_cost_nodes
from raynas.stopping import along
from raynas.stopping.search_curve import LEAST_FOR_TREND
from raynas.wording import counted, duration, moment, shown_architectures, shown_size

__all__ = ["SECTIONS", "Section", "curve_drawing", "section", "sections", "tiles"]

_DRAWN = 5  # diagrams of the best
_MOMENTS = 40  # points of the drawn curve: rules are applied at each
_MOST_ARE_BETTER = "in each objective what nine tenths of the trials are better than"
_TEST = f"permutation test at {LEVEL:.0%} over all choices, each trial against those of its time"


@dataclass(frozen=True)
class Section:
    """A part of a report.

    Attributes:
        key: Names it in addresses.
        title: Heading of the section.
        blocks: Text and figures in order.
        findings: What it shows of choices, for `write_report` to keep; None where it shows none.
    """

    key: str
    title: str
    blocks: tuple[Node | Drawing, ...]
    findings: ChoiceFindings | None = None


def tiles(view: SearchView) -> Tag:
    """The search in a few figures."""
    history, best, objective = view.history, view.best, view.history.objective
    ended = f"{len(history.ended):,}" + (f" of {view.limit:,}" if view.limit else "")
    without = len(history.unrewarded) / len(history.ended) if history.ended else 0.0
    size = shown_size(view.space.size)
    figures = (
        (
            f"best {objective.name}",
            number(objective.figure(best.reward or 0.0)) if best else "none",
            history.label(best) if best else "",
        ),
        *_front_tile(view),
        (
            "trials ended",
            ended,
            f"{len(history.running)} {'in flight' if view.abandoned else 'running'}",
        ),
        ("without reward", f"{without:.1%}", counted(len(history.unrewarded), "trial")),
        (
            "different architectures",
            f"{len(history.architectures):,}",
            f"of {size}",
        ),
        ("time with trials running", duration(spent(history, {}, view.time_reached).active), ""),
    )
    return tag(
        "div",
        *(
            tag("div", tag("span", name), tag("b", value), tag("small", more), class_="tile")
            for name, value, more in figures
        ),
        class_="tiles",
    )


def _front_tile(view: SearchView) -> list[tuple[str, str, str]]:
    if len(view.objectives) < 2 or not view.history.completed:
        return []
    front = len(front_trials(view.history))
    return [("on the front", f"{front:,}", f"of {counted(len(view.history.completed), 'trial')}")]


def curve_drawing(view: SearchView) -> Drawing:
    """The search curve with the words that go with it."""
    return Drawing("search_curve", "Search curve", _curve_words(view), search_curve(view.history))


def _curve_words(view: SearchView) -> str:
    """What the search curve shows, and as much as its trials can tell."""
    count = len(view.history.completed)
    words = ["Each dot is a trial, in the order in which they were asked."]
    if count >= LEAST_FOR_BAND:
        window = counted(window_of(count), "trial")
        words.append(f"The band is one standard deviation around the mean of the last {window}.")
    if count >= LEAST_FOR_TREND:
        words.append(
            "A search has converged when it no longer improves and the band is narrow, or wide "
            "only because the controller goes on looking elsewhere, as the default one does. The "
            "worst 2 % of the trials may lie outside the picture; double-click it to see all."
        )
    elif count:
        words.append(
            f"{counted(count, 'completed trial')} cannot tell whether the search still improves; "
            f"it takes {LEAST_FOR_TREND} at least."
        )
    return " ".join(words)


def _hypervolume(view: SearchView) -> list[Node | Drawing]:
    """How the front of several objectives grew; nothing where there is one."""
    progress = progress_of(view.history)
    if progress is None:
        return []
    pairs = list(zip(view.objectives, progress.reference, progress.ideal, strict=True))
    corner = ", ".join(f"{axis.name} {quantity(axis.name, value)}" for axis, value, _ in pairs)
    ideal = ", ".join(f"{axis.name} {quantity(axis.name, value)}" for axis, _, value in pairs)
    reference = "the worst of each objective" if progress.of_worst else _MOST_ARE_BETTER
    words = (
        f"The volume that the front dominates, as a share of the box from the reference point "
        f"({corner}: {reference}) to the best value of each ({ideal})."
    )
    figure = hypervolume_figure(progress)
    return [Drawing("hypervolume", "Hypervolume along the search", words, figure)]


def _overview(view: SearchView) -> list[Node | Drawing]:
    curves = _compared(lambda one: [curve_drawing(one), *_hypervolume(one)])
    return [tiles(view), *curves(view), *verdict_nodes(view)]


def _rules(view: SearchView) -> list[Node | Drawing]:
    rules = [rule for rule in view.rules if not rule.costly]
    moments = along(rules, view.history, _MOMENTS) if rules else []
    drawings = [rule_drawing(rules, moments)] if moments else []
    return [*rule_nodes(view), *drawings]


def _best(view: SearchView) -> list[Node | Drawing]:
    blocks: list[Node | Drawing] = [*best_nodes(view), *front_nodes(view)]
    for rank, trial in enumerate(view.history.best(_DRAWN), 1):
        nodes, drawings = drawn_nodes(trial)
        shown = shown_objectives(trial.objectives or (), view.objectives)
        label = view.history.label(trial).capitalize()
        blocks.append(tag("h3", f"{rank}. {label}, {shown}"))
        blocks += [*nodes, *drawings]
    return blocks


def _full(view: SearchView) -> list[Node | Drawing]:
    words = "No architecture was trained in full yet: `raynas train` trains the best ones."
    return list(full_nodes(view)) or [tag("p", *prose(words))]


def _tradeoffs(view: SearchView) -> list[Node | Drawing]:
    return list(tradeoffs(view)) or [
        tag("p", "The trials measured nothing that tells what an architecture costs.")
    ]


def _learning(view: SearchView) -> list[Node | Drawing]:
    words = early_ends(view.history)
    curves = learning_curves(view)
    nodes: list[Node | Drawing] = [tag("p", words)] if words else []
    if not curves:
        return [*nodes, tag("p", "The trials reported no learning curves.")]
    return [*nodes, *curves]


def _choices(view: SearchView, data: Coded, found: ChoiceFindings) -> list[Node | Drawing]:
    if not found.importances:
        return [tag("p", _nothing_known(data)), *zero_cost_nodes(view)]
    shown = found.ranked
    blocks: list[Node | Drawing] = [
        Drawing(
            "importance",
            "Which choices matter",
            "fANOVA: the share of the reward's variance that a choice explains by itself, in a "
            "forest of regression trees fitted to the trials; to lack the choice counts as an "
            "option. PED-ANOVA: how much the best tenth of the trials differ from all in it, among "
            "those that have it. All choices together make 100 %. "
            f"{_hidden(data, shown)}",
            importance_figure(found.importances),
        ),
        _tried(data, shown),
    ]
    objective = view.objectives[0]
    blocks.append(tag("h3", "How they matter"))
    blocks.append(
        tag(
            "p",
            f"The {objective.name} that this forest expects for each "
            "value with everything else as it was, from the 5th to the 95th percentile of its "
            "trees, which is no confidence interval; the gray mark is the best seen. Plain "
            "averages would mislead, since a search tries good values in good company.",
            class_="words",
        )
    )
    blocks += [
        Drawing(f"effect_{i}", effect.path, "", effect_figure(effect, objective), wide=False)
        for i, effect in enumerate(found.effects)
    ]
    pairs = _interactions(found.interactions, found.top, objective)
    return [*blocks, *pairs, *zero_cost_nodes(view)]


def _nothing_known(data: Coded) -> str:
    completed = counted(len(data), "completed trial")
    if len(data) < LEAST_TRIALS:
        return f"{completed} cannot tell which choices matter; it takes {LEAST_TRIALS} at least."
    if not data.paths or np.ptp(data.rewards) == 0:
        return f"{completed} did not differ, which tells nothing about choices."
    return f"In {completed} no choice explains more than noise does ({_TEST})."


def _hidden(data: Coded, shown: Sequence[str]) -> str:
    count = len(data.paths) - len(shown)
    if not count:
        return f"Every choice explains more than noise does ({_TEST})."
    others = counted(count, "other choice explains", "other choices explain")
    return f"Not shown: {others} no more than noise does ({_TEST})."


def _tried(data: Coded, shown: Sequence[str]) -> Tag:
    """How many trials took each option of the choices that matter."""
    rows: list[list[Tag | str]] = []
    for path in shown:
        column = data.paths.index(path)
        codes = data.codes[:, column]
        counts = [(label, int((codes == k).sum())) for k, label in enumerate(data.labels[column])]
        words = ", ".join(f"{label}: {count}" for label, count in counts if count)
        rows.append([tag("code", path), str(int((codes != INACTIVE).sum())), words])
    return table(("choice", "trials that have it", "trials that took each option"), rows, (1,))


def _interactions(
    pairs: Sequence[Interaction], top: list[str], objective: Objective
) -> list[Node | Drawing]:
    if not pairs:
        return []
    strongest = pairs[0]
    return [
        Drawing(
            "interactions",
            "Interactions",
            "How far the forest expects two choices together to depart from the sum of each by "
            f"itself: a standard deviation, in units of {objective.name}. Pairs without a figure "
            "interact no more than noise does.",
            interaction_figure(pairs, top),
            wide=False,
        ),
        Drawing(
            "strongest_interaction",
            "The strongest one",
            f"{strongest.paths[0]} with {strongest.paths[1]}: {strongest.share:.0%} of what the "
            f"two do is not the sum of each. The color is the {objective.name} expected.",
            pair_figure(strongest, objective),
            wide=False,
        ),
    ]


def _failures(view: SearchView) -> list[Node | Drawing]:
    return list(failure_nodes(view.history, view.space))


def _cost(view: SearchView) -> list[Node | Drawing]:
    return [*cost_nodes(view), *cost_drawings(view)]


def _provenance(view: SearchView) -> list[Node | Drawing]:
    facts = {
        "search": view.name,
        "space": f"{view.space!r}, {shown_architectures(view.space.size)}",
        "reward": repr(view.reward),
        **view.provenance,
    }
    with suppress(KeyError, ValueError):
        facts["started"] = moment(datetime.fromisoformat(facts["started"]).timestamp())
    return [table(("what", ""), [[key, value] for key, value in facts.items()])]


def _compared(
    make: Callable[[SearchView], list[Node | Drawing]],
) -> Callable[[SearchView], list[Node | Drawing]]:
    """`make`, of trials whose rewards can be compared: those of one of several budgets."""

    def made(view: SearchView) -> list[Node | Drawing]:
        history = view.history.comparable
        if history is view.history:
            return make(view)
        words = (
            f"Rewards at different budgets cannot be compared: what follows is of the "
            f"{counted(len(history.completed), 'completed trial')} at budget "
            f"{history[0].budget:.3g}, a share of a full training."
        )
        return [tag("p", words), *make(replace(view, history=history))]

    return made


SECTIONS = {
    "overview": "The search",
    "rules": "Stop rules",
    "best": "Best architectures",
    "full": "Full trainings",
    "tradeoffs": "Score against cost",
    "learning": "Learning curves",
    "choices": "Which choices matter",
    "failures": "Failures",
    "cost": "Cost",
    "provenance": "Provenance",
}
"""Titles of the parts by key, in the order of the page."""

_BLOCKS: dict[str, Callable[[SearchView], list[Node | Drawing]]] = {
    "overview": _overview,
    "rules": _rules,
    "best": _best,
    "full": _full,
    "tradeoffs": _compared(_tradeoffs),
    "learning": _compared(_learning),
    "failures": _failures,
    "cost": _cost,
    "provenance": _provenance,
}


def section(view: SearchView, key: str, earlier: Section | None = None) -> Section:
    """One part of a report.

    Args:
        view: What to report.
        key: Key of a section, from `SECTIONS`.
        earlier: The same part as it was, whose findings are not computed again where they are of
            the same trials.
    """
    if key != "choices":
        return Section(key, SECTIONS[key], tuple(_BLOCKS[key](view)))
    data = coded(view.history.comparable, view.space)
    found = choice_findings(data, view.folder, earlier.findings if earlier else None)
    blocks = _compared(lambda one: _choices(one, data, found))(view)
    return Section(key, SECTIONS[key], tuple(blocks), found)


def sections(view: SearchView) -> list[Section]:
    """All parts of a report."""
    return [section(view, key) for key in SECTIONS]
