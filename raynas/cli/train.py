"""`raynas train`: stage 2, the best of a search trained in full."""

from __future__ import annotations

import dataclasses
import json
import math
import shlex
import sys
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from raynas.cli.search_file import ResultsFolder, SearchName, Target, load_search
from raynas.cli.terminal import say
from raynas.wording import as_typed

if TYPE_CHECKING:
    from raynas.analysis.full_training import Correlation, Row
    from raynas.full_training import Plan, Study
    from raynas.objective import Objective
    from raynas.search import SearchRun
    from raynas.space import Space

__all__ = ["train"]

_INTERRUPTED = 130  # exit status after Ctrl-C, as of shells
_NOTHING_FOUND = 1  # exit status


def train(
    file: Target,
    top: Annotated[
        int | None,
        typer.Option(
            help="Train this many of the best: by default 10, or with several budgets those that "
            "are the best with a probability of a tenth or more."
        ),
    ] = None,
    seeds: Annotated[
        int, typer.Option(help="Train each this many times, with different seeds.")
    ] = 1,
    max_steps: Annotated[
        int | None, typer.Option(help="Train in full for this many optimizer steps.")
    ] = None,
    parallel: Annotated[
        int | None,
        typer.Option(help="Run this many trainings at a time; by default as many as fit."),
    ] = None,
    noise: Annotated[
        float | None,
        typer.Option(
            help="Assume this standard deviation of one architecture's reward between trials."
        ),
    ] = None,
    apart: Annotated[
        int, typer.Option(help="Choose architectures that differ in at least this many decisions.")
    ] = 1,
    baseline: Annotated[bool, typer.Option(help="Train the space's baseline as well.")] = True,
    repeats: Annotated[
        int,
        typer.Option(
            help="Run at most this many short trials to settle near ties, if the noise is known."
        ),
    ] = 10,
    halving: Annotated[
        bool, typer.Option(help="End bad trainings early, by successive halving.")
    ] = False,
    name: SearchName = None,
    folder: ResultsFolder = None,
    keep: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PART",
            help="Go on although this part has changed since it began: reward, task or seed. "
            "Repeatable.",
        ),
    ] = None,
    again: Annotated[
        bool,
        typer.Option(
            "--again",
            help="Train once more what ended without a result; where the full training has "
            "changed, set its results aside and begin anew.",
        ),
    ] = False,
) -> None:
    """Train the best of a search in full, beside the baseline. Run it again and it goes on.

    The search may still be running. Every training keeps its weights. The exit code is 0 where
    something was trained, 1 where nothing ended with a result, 130 after an interruption.
    """
    from raynas.analysis.full_training import correlation, measured_again, rows_of
    from raynas.cli.progress import progress
    from raynas.cli.show_training import say_full_training, say_plan, say_skipped
    from raynas.full_training import full_task, open_training, plan_training, settled
    from raynas.full_training.contenders import chances_of, shortlisted
    from raynas.full_training.ranked import ranked
    from raynas.trials import Stopped

    command = shlex.join(["raynas", *sys.argv[1:]])
    found, default_name = load_search(file, name, folder)
    found = dataclasses.replace(found, keep=(*found.keep, *(keep or ())))
    with found.look(default_name) as stage1:
        history, space, name = stage1.asktell.believed(), stage1.space, stage1.name
        chances = chances_of(stage1.asktell) if top is None and seeds == 1 else None
        top = shortlisted(stage1.asktell) if top is None else top
    found = dataclasses.replace(found, again=again)
    full_task(found, max_steps)  # its errors are reported before anything is trained

    def shown(ties: Study) -> AbstractContextManager[None]:
        say("Near ties at the cut are tried once more, as in the search.")
        return progress(ties)

    known = settled(
        found, name, history, top, repeats, noise=noise, apart=apart, parallel=parallel, shown=shown
    )
    if known is None:
        say(f"Interrupted. `{command}` goes on where it was.")
        raise typer.Exit(_INTERRUPTED)
    plan = plan_training(known, space, top, seeds, noise=noise, apart=apart, baseline=baseline)
    say_plan(plan)
    with open_training(
        found,
        name,
        plan,
        max_steps=max_steps,
        parallel=parallel,
        halving=halving,
        chances=chances,
    ) as run:
        with progress(run):
            result = run.go()
        by_mean = rows_of(result.history, known, plan.baseline)
        rows = ranked(found, name, result.history, by_mean)
        match = correlation(rows)
        _write(run, rows, match, plan, space)
        costs = measured_again(result.history, known, run.history.shown_as)
        say_full_training(rows, match, run, as_typed(file, name, folder), costs)
        if chances is not None and result.stop is not None:
            say_skipped(plan, result.history)
        if any(isinstance(trial.outcome, Stopped) for trial in result.history):
            say(f"To train on what was stopped early: `{_with_again(command)}`, less --halving.")
        if result.history.unrewarded:
            say(f"Once what made trainings fail is fixed: `{_with_again(command)}`.")
        if result.stop is None:
            say(f"Interrupted. `{command}` goes on where it was.")
    if result.stop is None:
        raise typer.Exit(_INTERRUPTED)
    if not rows:
        raise typer.Exit(_NOTHING_FOUND)


def _with_again(command: str) -> str:
    return command if " --again" in command else f"{command} --again"


def _write(
    run: SearchRun, rows: list[Row], match: Correlation | None, plan: Plan, space: Space[Any]
) -> None:
    """The table as ``full.csv``, and everything as ``full.json``."""
    from raynas.analysis.full_training import full_table
    from raynas.analysis.saved_results import replace_text, save
    from raynas.analysis.tables import as_csv

    folder = run.folder
    folder.mkdir(parents=True, exist_ok=True)
    objectives = run.history.shown_as
    objective = objectives[0]
    replace_text(folder / "full.csv", as_csv(full_table(rows, objectives)))
    data = {
        "rows": [
            {
                **{key: _plain(value) for key, value in dataclasses.asdict(row).items()},
                **{key: _plain(value) for key, value in _figures(row, objective).items()},
                "architecture": json.loads(space.to_json(row.architecture)),
            }
            for row in rows
        ],
        "objective": dataclasses.asdict(objective),
        "correlation": dataclasses.asdict(match) if match else None,
        "noise": plan.shortlist.noise,
        "dropped": [
            {"trials": candidate.trials, "like": candidate.like}
            for candidate in plan.shortlist.dropped
        ],
    }
    save(data, folder / "full.json")


def _figures(row: Row, objective: Objective) -> dict[str, Any]:
    stage1 = None if row.stage1 is None else objective.figure(row.stage1)
    return {
        "mean": objective.figure(row.mean),
        "gain": objective.figure(row.gain),
        "stage1": stage1,
    }


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value
