"""`raynas status`: how a search gets on, from any terminal or machine that reaches its store."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from raynas.cli.as_json import AsJson, say_json, trial_fields
from raynas.cli.following import with_next_stage
from raynas.cli.search_file import Looked, ResultsFolder, SearchName, chain_of, opened, searchable
from raynas.cli.terminal import Terminal
from raynas.wording import as_typed, counted, next_steps, sentence

if TYPE_CHECKING:
    from rich.table import Table

    from raynas.stages import StageChain
    from raynas.stored import Look
    from raynas.trials import History, Stop, Trial

__all__ = ["status"]

_console = Terminal()


def status(
    file: Looked,
    as_json: AsJson = False,
    name: SearchName = None,
    folder: ResultsFolder = None,
) -> None:
    """Show how far a search is, what is best and what runs, without touching it."""
    chain = chain_of(file, name, folder)
    with opened(file, name, folder) as run:
        if as_json:
            say_json({**fields_of(run), **_stages(chain)})
            return
        if chain is not None:
            from raynas.cli.show_stages import say_stages

            say_stages(chain)
        _say(run, as_typed(searchable(file), name, folder), with_next_stage(chain, run.stop()))


def _stages(chain: StageChain | None) -> dict[str, Any]:
    """The fields of a chain's stages; none for a search."""
    if chain is None:
        return {}
    from raynas.cli.show_stages import stage_fields

    return {"stages": stage_fields(chain)}


def fields_of(run: Look) -> dict[str, Any]:
    """How the search stands, under the names that stay."""
    history, stop, driver = run.history, run.stop(), run.driver()
    now, points = run.time_reached(), run.points()
    kinds = Counter(type(trial.outcome).__name__.lower() for trial in history.ended)
    return {
        "name": run.name,
        "folder": str(run.folder),
        "objectives": run.reward.objectives,
        "trials": {
            "ended": len(history.ended),
            "limit": run.limit,
            **{kind: kinds[kind] for kind in ("completed", "infeasible", "failed", "stopped")},
            "running": len(history.running),
        },
        "best": next((trial_fields(trial, run.space) for trial in history.best(1)), None),
        **front_fields(run.history),
        **full_fields(run.full_trainings(), run),
        "running": [
            {"number": trial.number, "started": trial.started, **_latest(points, trial.number)}
            for trial in history.running
        ],
        "rules": [
            {"rule": name_of_rule(rule), "state": rule.state(history, now)} for rule in run.rules
        ],
        "stop": stop and {"rule": stop.rule, "reason": stop.reason, "advice": stop.advice},
        "driver": {"state": driver.state, "who": driver.who},
        **_budgets(run),
    }


def _budgets(run: Look) -> dict[str, Any]:
    """What a search over several budgets knows; nothing for one budget."""
    search = run.asktell
    if len(search.budgets) == 1:
        return {}
    more = _more(run)
    return {
        "cost": search.history.cost,
        "budgets": [dataclasses.asdict(trust) for trust in search.trust(more)],
        "believed": [
            {"trial": belief.trial.number, "probability": belief.probability}
            for belief in search.beliefs(1, more)
        ],
    }


def _more(run: Look) -> Sequence[Trial]:
    """Full trainings of stage 2 that a search over several budgets has not made itself."""
    from raynas.analysis.beliefs import new_full_trainings

    full = run.full_trainings() if len(run.asktell.budgets) > 1 else None
    return () if full is None else new_full_trainings(run.asktell, full) or ()


def front_fields(history: History) -> dict[str, Any]:
    """The front between several objectives in the user's units; nothing where there is one."""
    if len(history.shown_as) < 2:
        return {}
    from raynas.analysis.fronts import front_trials, knee_of, progress_of, values_of

    objectives = history.shown_as
    front = front_trials(history) if history.completed else []
    knee, found = knee_of(front), progress_of(history)
    names = [objective.name for objective in objectives]
    return {
        "front": [
            {
                "number": trial.number,
                "values": dict(zip(names, values_of(trial, objectives), strict=True)),
                "knee": trial is knee,
            }
            for trial in front
        ],
        "hypervolume": found
        and {
            "share": found.shares[-1],
            "reference": dict(zip(names, found.reference, strict=True)),
        },
    }


def full_fields(full: History | None, run: Look) -> dict[str, Any]:
    """The full trainings, best first, in the user's units; nothing where there are none."""
    if full is None:
        return {}
    from raynas.analysis.beliefs import believed_rows
    from raynas.analysis.full_training import rows_of

    history = run.history
    rows = [
        {
            "search_trial": row.search_trial,
            "values": {
                objective.name: objective.figure(score)
                for objective, score in zip(history.shown_as, row.objectives, strict=True)
            },
            "runs": len(row.trainings),
            "dominated_by": row.dominated_by,
            **({} if row.probability is None else {"probability": row.probability}),
        }
        for row in believed_rows(run.asktell, full, rows_of(full, history))
    ]
    counts = {"ended": len(full.ended), "running": len(full.running)}
    return {"full": {"trainings": counts, "architectures": rows}}


def name_of_rule(rule: object) -> str:
    """The name of a rule's class, the same whether it was stored or made by the file."""
    return str(getattr(rule, "name", type(rule).__name__))


def _latest(points: list[dict[int, float]], number: int) -> dict[str, Any]:
    seen = points[number] if number < len(points) else {}
    step = max(seen, default=None)
    return {"step": step, "reward": None if step is None else seen[step]}


def _say(run: Look, target: str, stop: Stop | None) -> None:
    from rich.markup import escape

    from raynas.analysis.budgets import budget_lines

    history = run.history
    kinds = Counter(type(trial.outcome).__name__.lower() for trial in history.ended)
    counts = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items())) or "none ended"
    _console.print(
        f"[bold]{escape(run.name)}[/]: {len(history.ended)} of at most "
        f"{counted(run.limit, 'trial')} ended ({counts}), {len(history.running)} in flight"
    )
    if left := run.view().abandoned:
        _console.print(f"[yellow]{escape(left)}[/] `raynas search` goes on with the search.")
    _say_best(history)
    _say_full(run)
    for line in budget_lines(run.asktell, _more(run)):
        _console.print(escape(line))
    for state in run.states():
        _console.print(f"rule: {escape(state)}")
    if history.running:
        _console.print(_running(run))
    if stop is not None:
        reason = escape(sentence(stop.reason))
        _console.print(f"Ended by the rule “{escape(stop.rule)}”: {reason}")
        _console.print(escape(next_steps(stop.advice, target)), soft_wrap=True)


def _say_best(history: History) -> None:
    from rich.markup import escape

    if len(history.shown_as) > 1 and history.completed:
        from raynas.cli.show_front import front_table, hypervolume_line

        _console.print(front_table(history))
        _console.print(hypervolume_line(history))
        return
    objective = history.objective
    for best in history.best(1):
        _console.print(
            f"best {escape(objective.name)} {objective.show(best.reward or 0.0)} in "
            f"{history.label(best)}: {escape(repr(best.architecture))}"
        )


def _say_full(run: Look) -> None:
    """The front of the full trainings, or the best of them."""
    full = run.full_trainings()
    if full is None:
        return
    from rich.markup import escape

    from raynas.analysis.beliefs import believed_rows
    from raynas.analysis.fronts import shown_objectives
    from raynas.analysis.full_training import label_of, rows_of

    objectives = run.history.shown_as
    rows = [row for row in rows_of(full, run.history) if row.dominated_by is None]
    rows = believed_rows(run.asktell, full, rows)
    running = f", {len(full.running)} in flight" if full.running else ""
    many = len(objectives) > 1
    what = f"; on their front {counted(len(rows), 'architecture')}" if many else "; the best"
    shown = f"{what}:" if rows else ""
    _console.print(f"In full: {counted(len(full.ended), 'training')} ended{running}{shown}")
    for row in rows if many else rows[:1]:
        shown = shown_objectives(row.objectives or (row.mean,), objectives)
        _console.print(f"  {label_of(row.search_trial)}: {escape(shown)}")


def _running(run: Look) -> Table:
    from rich.table import Table

    table = Table(title="In flight", title_style="bold")
    objective = run.history.objective
    for column in ("trial", "minutes", "step", f"{objective.name} there"):
        table.add_column(column, justify="right")
    now, points = run.time_reached(), run.points()
    for trial in run.history.running:
        seen = _latest(points, trial.number)
        step, reward = seen["step"], seen["reward"]
        table.add_row(
            str(trial.number),
            f"{max(0.0, now - trial.started) / 60:.1f}",
            "" if step is None else str(step),
            "" if reward is None else objective.show(reward),
        )
    return table
