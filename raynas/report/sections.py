"""What a report says, part by part: the same parts for the page and for the dashboard."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from raynas.analysis.choice_matrix import coded
from raynas.analysis.search_view import SearchView
from raynas.analysis.tables import early_ends
from raynas.report.best import best_nodes, drawn_nodes, front_nodes
from raynas.report.cost import cost_drawings, cost_nodes, duration, spent
from raynas.report.curve import hypervolume_figure, search_curve, window_of
from raynas.report.effects import (
    Model,
    effect_figure,
    interaction_figure,
    interactions,
    main_effect,
    pair_figure,
)
from raynas.report.failures import failure_nodes
from raynas.report.figure_style import Drawing
from raynas.report.fronts import front_trials, progress_of, shown_objectives
from raynas.report.importance import LEAST_TRIALS, importance_figure, importances
from raynas.report.learning import learning_curves
from raynas.report.markup import Node, Tag, number, table, tag
from raynas.report.stop_rule_history import rule_drawing
from raynas.report.stop_rules import rule_nodes, verdict_nodes
from raynas.report.tradeoff import tradeoffs
from raynas.report.units import quantity
from raynas.report.zero_cost import zero_cost_nodes
from raynas.stopping import along

__all__ = ["SECTIONS", "Part", "curve_drawing", "sections", "tiles"]

_DRAWN = 5
_MOMENTS = 40
_EFFECTS = 6


@dataclass(frozen=True)
class Part:
    """A part of a report.

    Attributes:
        key: Names it in addresses.
        title: Its heading.
        blocks: Text and figures in order.
    """

    key: str
    title: str
    blocks: tuple[Node | Drawing, ...]


def tiles(view: SearchView) -> Tag:
    """The search in a few figures."""
    history, best = view.history, view.best
    ended = f"{len(history.ended):,}" + (f" of {view.limit:,}" if view.limit else "")
    without = len(history.unrewarded) / len(history.ended) if history.ended else 0.0
    figures = (
        (
            "best reward" if len(view.axes) == 1 else f"best {view.axes[0].name}",
            number(view.axes[0].value(best.reward or 0.0)) if best else "none",
            f"trial {best.number}" if best else "",
        ),
        *_front_tile(view),
        ("trials ended", ended, f"{len(history.running)} running"),
        ("without reward", f"{without:.1%}", f"{len(history.unrewarded)} trials"),
        ("different architectures", f"{len(history.architectures):,}", f"of {_size(view)}"),
        ("time with trials running", duration(spent(history, {}, view.now).active), ""),
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
    if len(view.axes) < 2 or not view.history.completed:
        return []
    return [("on the front", f"{len(front_trials(view.history)):,}", "trials")]


def curve_drawing(view: SearchView) -> Drawing:
    """The search curve with the words that go with it."""
    window = window_of(len(view.history.completed))
    return Drawing(
        "search_curve",
        "Search curve",
        f"Each dot is a trial, in the order in which they were asked. The band is one standard "
        f"deviation around the mean of {window} trials: a search has converged when it no longer "
        "rises and is narrow, or wide only because the controller goes on looking elsewhere, as "
        "the default one does. The lowest 2 % of the rewards may lie below the picture; "
        "double-click it to see all.",
        search_curve(view.history, view.axes[0].name, view.axes[0].mode),
    )


def _hypervolume(view: SearchView) -> list[Node | Drawing]:
    """How the front of several objectives grew; nothing where there is one."""
    progress = progress_of(view.history, view.axes)
    if progress is None:
        return []
    pairs = list(zip(view.axes, progress.reference, progress.ideal, strict=True))
    corner = ", ".join(f"{axis.name} {quantity(axis.name, value)}" for axis, value, _ in pairs)
    ideal = ", ".join(f"{axis.name} {quantity(axis.name, value)}" for axis, _, value in pairs)
    words = (
        f"The volume that the front dominates, as a share of the box from the reference point "
        f"({corner}: in each objective what nine tenths of the trials are better than) to the best "
        f"value of each ({ideal})."
    )
    figure = hypervolume_figure(progress)
    return [Drawing("hypervolume", "Hypervolume along the search", words, figure)]


def _overview(view: SearchView) -> list[Node | Drawing]:
    return [tiles(view), curve_drawing(view), *_hypervolume(view), *verdict_nodes(view)]


def _rules(view: SearchView) -> list[Node | Drawing]:
    rules = [rule for rule in view.rules if not rule.costly]
    moments = along(rules, view.history, _MOMENTS) if rules else []
    drawings = [rule_drawing(rules, moments)] if moments else []
    return [*rule_nodes(view), *drawings]


def _best(view: SearchView) -> list[Node | Drawing]:
    blocks: list[Node | Drawing] = [*best_nodes(view), *front_nodes(view)]
    for rank, trial in enumerate(view.history.best(_DRAWN), 1):
        nodes, drawings = drawn_nodes(trial)
        shown = shown_objectives(trial.objectives or (), view.axes)
        what = "reward " if len(view.axes) == 1 and view.axes[0].mode == "max" else ""
        blocks.append(tag("h3", f"{rank}. Trial {trial.number}, {what}{shown}"))
        blocks += [*nodes, *drawings]
    return blocks


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


def _choices(view: SearchView) -> list[Node | Drawing]:
    data = coded(view.history, view.space)
    found = importances(data)
    if not found:
        words = f"This takes {LEAST_TRIALS} completed trials that differ."
        return [tag("p", words), *zero_cost_nodes(view)]
    blocks: list[Node | Drawing] = [
        Drawing(
            "importance",
            "Which choices matter",
            "fANOVA: the share of the reward's variance that a choice explains by itself. "
            "PED-ANOVA: how much the best tenth of the trials differ from all in it. Both by "
            "Optuna; a choice that not every architecture has counts where it is there.",
            importance_figure(found),
        )
    ]
    rank = found.get("fANOVA") or next(iter(found.values()))
    top = sorted(rank, key=lambda path: -rank[path])[:_EFFECTS]
    model = Model(data)
    reward = view.objectives[0]
    blocks.append(tag("h3", "How they matter"))
    blocks.append(
        tag(
            "p",
            "The reward that a random forest, fitted to the trials, expects for each value with "
            "everything else as it was, from the 5th to the 95th percentile of its trees; the gray "
            "mark is the best reward seen. Plain averages would mislead, since a search tries good "
            "values in good company.",
            class_="words",
        )
    )
    blocks += [
        Drawing(
            f"effect_{i}", path, "", effect_figure(main_effect(model, path), reward), wide=False
        )
        for i, path in enumerate(top)
    ]
    return [*blocks, *_interactions(model, top), *zero_cost_nodes(view)]


def _interactions(model: Model, top: list[str]) -> list[Node | Drawing]:
    pairs = interactions(model, top)
    if not pairs:
        return []
    strongest = pairs[0]
    return [
        Drawing(
            "interactions",
            "Interactions",
            "How far the forest expects two choices together to depart from the sum of each by "
            "itself: a standard deviation, in units of the reward.",
            interaction_figure(pairs, top),
            wide=False,
        ),
        Drawing(
            "strongest_interaction",
            "The strongest one",
            f"{strongest.paths[0]} with {strongest.paths[1]}: {strongest.share:.0%} of what the "
            "two do is not the sum of each. The color is the reward expected.",
            pair_figure(strongest),
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
        "space": f"{view.space!r}, {_size(view)} architectures",
        "reward": repr(view.reward),
        **view.provenance,
    }
    return [table(("what", ""), [[key, value] for key, value in facts.items()])]


SECTIONS: dict[str, tuple[str, Callable[[SearchView], list[Node | Drawing]]]] = {
    "overview": ("The search", _overview),
    "rules": ("Stop rules", _rules),
    "best": ("Best architectures", _best),
    "tradeoffs": ("Score against cost", _tradeoffs),
    "learning": ("Learning curves", _learning),
    "choices": ("Which choices matter", _choices),
    "failures": ("Failures", _failures),
    "cost": ("Cost", _cost),
    "provenance": ("Provenance", _provenance),
}
"""The parts by key, in the order of the page: title, and what makes it."""


def sections(view: SearchView) -> list[Part]:
    """All parts of a report."""
    return [Part(key, title, tuple(make(view))) for key, (title, make) in SECTIONS.items()]


def _size(view: SearchView) -> str:
    size = view.space.size
    return f"{size:,}" if size < 1e9 else f"{float(size):.1e}" if size < 1e300 else "very many"
