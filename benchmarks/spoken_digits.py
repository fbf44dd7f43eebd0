"""From a search for accuracy and latency to networks in use, by the command line alone.

``python benchmarks/spoken_digits.py --data FOLDER --folder RESULTS``, with the file that
`benchmarks/laboratory/speech.py` names in FOLDER. Twice: on the whole space, and within a bound on
parameters that 2 % of the space meets. Each time ``raynas search``, ``train`` and ``export`` write
three networks of the front; each is loaded in a fresh process that cannot import raynas, and
measured again there: its accuracy must be the very same, its latency within the factor that the
full trainings report from measuring again what the search measured.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import runpy
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from raynas.analysis.full_training import measured_again
from raynas.full_training.stage2 import trained_of
from raynas.space import Space

LABORATORY = Path(__file__).parent / "laboratory"
FILE = LABORATORY / "speech_front.py"
AGAIN = LABORATORY / "measured_again.py"
SHARE, SAMPLES, NETWORKS = 0.02, 2000, 3


def bound() -> float:
    """The number of parameters that 2 % of random architectures have at most."""
    from speech import SpeechNet

    space, rng = Space.of(SpeechNet), np.random.default_rng(0)
    nets = (space.sample(rng).build() for _ in range(SAMPLES))
    counts = [sum(p.numel() for p in net.parameters()) for net in nets]
    return float(np.quantile(counts, SHARE, method="lower"))


def raynas(*arguments: object, environment: dict[str, str]) -> None:
    """Run a command, and end with its output where it fails."""
    command = [sys.executable, "-m", "raynas", *map(str, arguments)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}\n{done.stdout}\n{done.stderr}")


def front(environment: dict[str, str], folder: Path) -> tuple[list[Any], float]:
    """The trained architectures that no other one dominates, spread over the latencies.

    With the factor within which another measurement of a latency is to be expected.
    """
    os.environ.update(environment)
    search = runpy.run_path(str(FILE))["search"]
    search = dataclasses.replace(search, folder=folder)
    history, _ = trained_of(search, search.name)
    found = sorted(
        history.front(), key=lambda trial: trial.outcome.measurement.metrics["latency_p50"]
    )
    places = np.unique(np.linspace(0, len(found) - 1, NETWORKS).round().astype(int))
    with search.open(read_only=True) as run:
        numbers = {trial.architecture: trial.number for trial in reversed(run.history)}
        (again,) = measured_again(history, run.history, run.history.shown_as)
    print(again)
    chosen = [(numbers[found[place].architecture], found[place]) for place in places]
    return chosen, again.factor


def in_a_fresh_process(export: Path, data: Path) -> dict[str, Any]:
    """What a fresh process finds."""
    environment = {"PATH": os.environ["PATH"], "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-I", str(AGAIN), str(export), str(data)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def case(data: Path, folder: Path, parameters: float | None, trials: int) -> bool:
    """One search from its start to networks in use; whether all is as it was reported."""
    environment = {**os.environ, "RAYNAS_DATA": str(data)}
    if parameters is not None:
        environment["SPEECH_PARAMETERS"] = str(parameters)
    name = "free" if parameters is None else "bounded"
    print(
        f"\n{name}: "
        + ("the whole space" if parameters is None else f"at most {parameters:,.0f} parameters")
    )
    place = ("--folder", folder)
    raynas("search", FILE, "--trials", trials, *place, environment=environment)
    raynas("train", FILE, "--top", 6, "--no-baseline", *place, environment=environment)
    chosen, factor = front(environment, folder)
    numbers = [item for number, _ in chosen for item in ("--trial", number)]
    target = folder / name / "chosen"
    raynas("export", FILE, *place, "--to", target, *numbers, environment=environment)
    good = True
    print("| trial | parameters | accuracy | again | latency | interval | again | within | ratio |")
    print("|---|---|---|---|---|---|---|---|---|")
    for number, trial in chosen:
        metrics = trial.outcome.measurement.metrics
        export = target / f"trial-{number}" if len(chosen) > 1 else target
        found = in_a_fresh_process(export, data)
        low, high = metrics["latency_p50_low"], metrics["latency_p50_high"]
        ratio = found["latency"] / metrics["latency_p50"]
        within = 1 / factor <= ratio <= factor
        same = found["accuracy"] == metrics["accuracy"]
        good &= within and same
        print(
            f"| {number} | {metrics['parameters']:,.0f} | {metrics['accuracy']:.6f} "
            f"| {'equal' if same else format(found['accuracy'], '.6f')} "
            f"| {metrics['latency_p50'] * 1e6:.1f} µs | {low * 1e6:.1f} to {high * 1e6:.1f} "
            f"| {found['latency'] * 1e6:.1f} µs | {'yes' if within else 'no'} "
            f"| {ratio:.2f} |",
            flush=True,
        )
    return good


def main(arguments: Sequence[str]) -> None:
    """Run both cases; the exit code is 1 where a figure is another one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--trials", type=int, default=24)
    parser.add_argument("--case", choices=("free", "bounded", "both"), default="both")
    options = parser.parse_args(arguments)
    sys.path.insert(0, str(LABORATORY))
    data, folder = options.data.absolute(), options.folder.absolute()
    good = True
    if options.case != "bounded":
        good &= case(data, folder, None, options.trials)
    if options.case != "free":
        good &= case(data, folder, bound(), options.trials)
    raise SystemExit(0 if good else 1)


if __name__ == "__main__":
    main(sys.argv[1:])
