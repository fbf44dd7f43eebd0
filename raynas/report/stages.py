"""The page of stages in a row: what each of them brought."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from raynas.analysis.full_training import Row
from raynas.analysis.search_view import SearchView
from raynas.objective import Objective
from raynas.report.figure_style import Drawing
from raynas.report.html_page import page_of
from raynas.report.markup import Node, number, table, tag
from raynas.report.sections import Section, curve_drawing
from raynas.wording import counted, moment, sentence

__all__ = ["Standing", "stage_table", "stages_page"]

_HEAD = ("stage", "built on", "trials", "metric", "began with", "best", "gain", "in full", "state")
_LISTED = 3  # rows for each stage


@dataclass(frozen=True)
class Standing:
    """A stage as it stands.

    Attributes:
        name: Name of the stage.
        view: Search of the stage; None where it was not started.
        began_with: Reward of what the stage has to beat, as it measured it; None if unknown.
        built_on: The earlier stages and their trials, in words.
        rows: Full trainings of the stage, best first.
        unknown: Why it is not known what the stage began with, in words.
        before: Reward that an earlier stage with the same task measured of what it began with.
    """

    name: str
    view: SearchView | None
    began_with: float | None = None
    built_on: str = ""
    rows: tuple[Row, ...] = ()
    unknown: str = ""
    before: float | None = None

    @property
    def objective(self) -> Objective:
        """What the stage's rewards measure."""
        return Objective() if self.view is None else self.view.objectives[0]

    @property
    def best(self) -> float | None:
        """Reward of its best trial."""
        return None if self.view is None or self.view.best is None else self.view.best.reward

    @property
    def gain(self) -> float | None:
        """How much better its best trial is than what it began with, above 0 being better."""
        if self.best is None or self.began_with is None:
            return None
        return self.best - self.began_with

    @property
    def in_full(self) -> Row | None:
        """The best of its full trainings."""
        return self.rows[0] if self.rows else None

    @property
    def state(self) -> str:
        """How far it is."""
        if self.view is None:
            return "not started"
        stop = self.view.ended_by
        if stop is not None:
            return f"ended: {stop.rule}"
        return "running" if self.view.history.running else "not ended"


def stage_table(standings: Sequence[Standing]) -> list[tuple[str, ...]]:
    """A row of texts for each stage, in the order of `_HEAD`."""
    return [_row(standing) for standing in standings]


def stages_page(name: str, standings: Sequence[Standing], now: float) -> str:
    """The page of a chain of stages as HTML text.

    Args:
        name: Name of the chain.
        standings: Stages of the chain, in order.
        now: The moment, in seconds since the epoch.
    """
    overview = Section("stages", "Stages", tuple(_overview(standings)))
    parts = [overview, *(_part(one) for one in standings if one.view is not None)]
    return page_of(f"{name}: stages", name, f"Stages at {moment(now, to='minutes')}", parts)


def _row(standing: Standing) -> tuple[str, ...]:
    objective = standing.objective
    trials = "" if standing.view is None else f"{len(standing.view.history.ended):,}"
    full = standing.in_full
    return (
        standing.name,
        standing.built_on,
        trials,
        "" if standing.view is None else objective.name,
        _figure(objective, standing.began_with) or standing.unknown,
        _figure(objective, standing.best),
        "" if standing.gain is None else f"{standing.gain:+.4g}",
        "" if full is None else _with_interval(objective.figure(full.mean), full.interval),
        standing.state,
    )


def _figure(objective: Objective, reward: float | None) -> str:
    return "" if reward is None else number(objective.figure(reward))


def _with_interval(value: float, half: float) -> str:
    return number(value) if half != half else f"{number(value)} ± {number(half)}"


def _overview(standings: Sequence[Standing]) -> list[Node | Drawing]:
    rows: list[list[Node]] = [list(row) for row in stage_table(standings)]
    words = (
        "A gain compares the best trial of a stage with what the stage began with, under the "
        "stage's own task: rewards of different stages are comparable only where their tasks are "
        "the same. The best of many trials is partly luck. "
    )
    more = " trains the best and what the stage began with in full, with an interval."
    command = tag("code", "raynas train FILE:STAGE --seeds 3")
    return [
        table(_HEAD, rows, numeric=(2, 4, 5, 6, 7)),
        tag("p", words, command, more, class_="words"),
    ]


def _part(standing: Standing) -> Section:
    view = standing.view
    assert view is not None  # noqa: S101 - the caller has looked
    blocks: list[Node | Drawing] = []
    if standing.built_on:
        blocks.append(tag("p", f"Built on {standing.built_on}.", class_="words"))
    if view.ended_by is not None:
        blocks.append(tag("p", sentence(view.ended_by.reason), class_="words"))
    blocks += _measured_again(standing)
    if view.history.completed:
        blocks.append(_renamed(curve_drawing(view), standing.name))
    objective = standing.objective
    rows: list[list[Node]] = [
        [
            str(trial.number),
            number(objective.figure(trial.reward or 0.0)),
            tag("code", repr(trial.architecture), class_="architecture"),
        ]
        for trial in view.history.best(_LISTED)
    ]
    if rows:
        blocks.append(table(("trial", objective.name, "found"), rows, numeric=(0, 1)))
    blocks += _in_full(standing)
    if view.folder is not None:
        link = tag("a", "the stage's report", href=f"{view.folder.name}/report.html")
        blocks.append(tag("p", "More in ", link, "."))
    return Section(f"stage-{standing.name}", f"Stage {standing.name}", tuple(blocks))


def _measured_again(standing: Standing) -> list[Node]:
    """Difference between two trainings of what the stage began with, where they are known."""
    rewards = (standing.began_with, standing.before)
    here, earlier = (_figure(standing.objective, reward) for reward in rewards)
    if "" in (here, earlier) or here == earlier:
        return []
    words = (
        f"What it began with has {standing.objective.name} {here} here and had {earlier} in an "
        "earlier stage, with the same task: so much do two trainings differ."
    )
    return [tag("p", words, class_="words")]


def _renamed(drawing: Drawing, name: str) -> Drawing:
    """`drawing` under a key of its own, as a page has one for each stage."""
    return Drawing(f"{drawing.key}-{name}", drawing.title, "", drawing.figure)


def _in_full(standing: Standing) -> list[Node]:
    if not standing.rows:
        return []
    objective = standing.objective
    rows: list[list[Node]] = [
        [
            "what it began with" if row.is_baseline else f"trial {row.search_trial}",
            counted(len(row.trainings), "training"),
            _with_interval(objective.figure(row.mean), row.interval),
            ""
            if row.gain != row.gain
            else f"{row.gain:+.4g}"
            + ("" if row.gain_interval != row.gain_interval else f" ± {row.gain_interval:.2g}"),
        ]
        for row in standing.rows
    ]
    return [tag("h3", "Trained in full"), table(("", "", objective.name, "gain"), rows)]
