"""The proxy laboratory from end to end on `mnist.py`, `speech.py` or `digits.py`, in one process.

``RAYNAS_DATA=DATA python benchmarks/laboratory/run.py mnist --folder OUT`` does what the commands
``raynas proxy benchmarks/laboratory/mnist.py variance|smoothness|models|design|check`` do, into
the same folder and stores, but trains here rather than in Ray's workers, one training after the
other. It stops after ``--minutes`` and goes on where it was at the next call.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parent))

from raynas.cli import show_proxy as show
from raynas.cli.search_file import load_search
from raynas.errors import InfeasibleArchitecture, RaynasError
from raynas.proxy import (
    Chosen,
    Goal,
    Interrupted,
    Laboratory,
    design_proxy,
    final_checks,
    measure_repeats,
    measure_smoothness,
    proxy_task,
    read_design,
    read_references,
    settings_of,
    try_fresh,
    write_curves,
    write_design,
    write_fresh,
    write_references,
    write_repeats,
)
from raynas.proxy.reduction import Setting
from raynas.proxy.reference_models import find_references, full_training_of
from raynas.search import SearchRun
from raynas.tasks import Context
from raynas.trials import History, Infeasible, Point, Stop

CANDIDATES = {
    "mnist": settings_of((1.0,), (0.5, 1.0), {"width_factor": (0.5, 1.0)}),
    "speech": settings_of((0.25, 1.0), (0.5, 1.0)),
    "digits": settings_of((0.25, 1.0), (0.5, 1.0)),
}


@dataclass(frozen=True)
class Here(Laboratory):
    """A laboratory whose trainings run in this process.

    Attributes:
        until: When to stop, as `time.monotonic` tells it.
    """

    until: float = field(default=float("inf"))

    def _run(self, run: SearchRun) -> tuple[History, Stop | None]:
        if not train_here(run, self.until):
            raise Interrupted(f"time is up in {run.name}; the same command goes on there")
        return run.history, run.stop()


def train_here(run: SearchRun, until: float = float("inf")) -> bool:
    """Train what `run` asks for in this process, to its end; False where time is up before that."""
    asktell = run.asktell
    while run.stop() is None and (proposal := asktell.ask()) is not None:
        if time.monotonic() > until:
            return False
        number = proposal.number
        seed = int(np.random.SeedSequence([run.search.seed, number]).generate_state(1)[0])

        def report(step: int, metrics: dict[str, float], number: int = number) -> None:
            asktell.report(number, Point(step, metrics))

        result: Any
        try:
            context = Context(number, seed, report=report, budget=proposal.budget)
            result = run.task.run(proposal.architecture, context)
        except InfeasibleArchitecture as error:
            result = Infeasible(str(error))
        asktell.tell(number, result)
    return True


def design(lab: Here, which: str, models: int, full: int, most: float = Goal.most) -> Chosen:
    """The proxy study up to the proxy that it chooses, which costs `most` full trainings at most.

    Raises:
        ConfigurationError: It finds none.
    """
    task = full_training_of(lab, None)
    steps = round(most * task.max_steps)
    brief = proxy_task(task, Setting(), steps)
    repeats = measure_repeats(lab, brief, repeats=5, models=3, part=f"variance-{steps}")
    show.say_repeats(repeats, lab.objective)
    write_repeats(lab, repeats)
    curve = proxy_task(task, Setting(), 5 * steps, evaluations=20)
    curves = measure_smoothness(lab, curve, models=2, part=f"smoothness-{5 * steps}-20")
    show.say_curves(curves, lab.objective)
    write_curves(lab, curves)
    asked = {"candidates": 30, "models": models, "full": full, "cost": "parameters"}
    asked["max_steps"] = None
    write_references(lab, find_references(lab, **asked), asked)
    references, _ = read_references(lab)
    show.say_references(references, lab.objective)
    found = design_proxy(
        lab, references, CANDIDATES[which], Goal(most=most), evaluations=6, all_candidates=True
    )
    show.say_design(found, references)
    write_design(lab, found, references)
    return read_design(lab)


def laboratory(lab: Here, which: str, fresh: int, models: int, full: int) -> None:
    """All of it, printed and written as the commands do."""
    chosen = design(lab, which, models, full)
    show.say_findings(final_checks(lab, chosen.setting, chosen.steps, trials=20, sane=(0, 1)))
    measured = try_fresh(lab, chosen.setting, chosen.steps, count=fresh)
    show.say_fresh(measured, chosen)
    write_fresh(lab, measured)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("which", choices=sorted(CANDIDATES))
    parser.add_argument("--folder", required=True)
    parser.add_argument("--minutes", type=float, default=15)
    parser.add_argument("--fresh", type=int, default=20)
    parser.add_argument("--models", type=int, default=12)
    parser.add_argument("--full", type=int, default=6)
    given = parser.parse_args(arguments)
    torch.set_num_threads(1)
    search, name = load_search(str(Path(__file__).parent / f"{given.which}.py"))
    from dataclasses import replace

    search = replace(search, folder=given.folder)
    start = time.process_time()
    lab = Here(search, name, 1, print, until=time.monotonic() + 60 * given.minutes)
    try:
        laboratory(lab, given.which, given.fresh, given.models, given.full)
    except RaynasError as stopped:
        print(stopped)
    print(f"{time.process_time() - start:.0f} s of processor time")


if __name__ == "__main__":
    main()
