"""What the engine costs a trial: no-op trials a second, beside plain Ray Tune in the same run.

    python benchmarks/engine.py --sizes 1000 3000 10000 --default 300
    python benchmarks/engine.py --sizes 1000 5000 10000 --controller auto --only raynas --out FILE

Three engines try random architectures of 30 choices with a trainable that does nothing, two at a
time, each in a process of its own:

- raynas: a whole search, with its durable store and the controller `--controller`;
- Tune, reused: plain Ray Tune, a class trainable, actors used again, no loggers;
- Tune, as it comes: a function, everything at its default. It starts a process a trial, so that
  it is run at a size of its own (`--default`).

A rate is that from the first completed trial to the last, so that no start-up is in it. Memory is
what the driver grew by from the tenth trial to the last.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

CHOICES = 30
OPTIONS = ("a", "b", "c", "d")
ENGINES = {"raynas": "raynas", "reused": "Tune, reused", "default": "Tune, as it comes"}


def resident_kb() -> float:
    """Memory of this process."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGESIZE") / 1024


class Clock:
    """When each trial ended, and what the driver took until then."""

    def __init__(self) -> None:
        self.times: list[float] = []
        self.cpu: list[float] = []
        self.memory = 0.0

    def tick(self) -> None:
        """A trial ended."""
        self.times.append(time.monotonic())
        self.cpu.append(time.process_time())
        if len(self.times) == 10:
            self.memory = resident_kb()

    def result(self) -> dict[str, float]:
        """The figures."""
        times, count = self.times, len(self.times)
        part = max(2, min(1000, count // 3))
        return {
            "trials": count,
            "rate": (count - 1) / (times[-1] - times[0]),
            "first": (part - 1) / (times[part - 1] - times[0]),
            "last": (part - 1) / (times[-1] - times[-part]),
            "cpu_ms": (self.cpu[-1] - self.cpu[0]) / (count - 1) * 1e3,
            "kb": (resident_kb() - self.memory) / max(1, count - 10),
        }


def start_ray() -> None:
    """A session of two CPUs, whose start is in no figure."""
    import ray

    ray.init(num_cpus=2, logging_level=logging.ERROR, log_to_driver=False, include_dashboard=False)


def run_raynas(trials: int, folder: str, controller: str) -> dict[str, float]:
    """A whole search."""
    import raynas as nas
    from raynas.asktell import AskTell
    from raynas.space import choice, repeat, searchable

    @searchable
    class Net:
        ops: tuple[str, ...] = repeat(choice(*OPTIONS), CHOICES)

    clock = Clock()
    tell = AskTell.tell

    def timed(self: Any, *values: Any, **options: Any) -> Any:
        outcome = tell(self, *values, **options)
        clock.tick()
        return outcome

    AskTell.tell = timed  # type: ignore[method-assign]
    start_ray()
    search = nas.Search(
        Net,
        nas.FunctionTask(lambda net: float(net.ops.count("a"))),
        controller=controller,
        rules=(),
        limits=nas.Limits(trials=trials, parallel=2),
        name="engine",
        folder=folder,
    )
    search.run()
    result = clock.result()
    begin = time.monotonic()
    with search.open() as again:
        if len(again.history) != trials:
            raise SystemExit(f"{len(again.history)} of {trials} trials were loaded")
    return {**result, "resume": time.monotonic() - begin}


def run_tune(trials: int, folder: str, reused: bool) -> dict[str, float]:
    """Plain Ray Tune."""
    if reused:
        os.environ["TUNE_DISABLE_AUTO_CALLBACK_LOGGERS"] = "1"
    from ray import tune

    clock = Clock()

    class Ticks(tune.Callback):
        def on_trial_complete(self, *_: Any, **__: Any) -> None:
            clock.tick()

    class Nothing(tune.Trainable):
        def step(self) -> dict[str, Any]:
            return {"reward": float(list(self.config.values()).count("a")), "done": True}

        def reset_config(self, new_config: dict[str, Any]) -> bool:
            del new_config
            return True

    def nothing(config: dict[str, Any]) -> None:
        tune.report({"reward": float(list(config.values()).count("a"))})

    start_ray()
    tune.Tuner(
        Nothing if reused else nothing,
        param_space={f"op{i}": tune.choice(OPTIONS) for i in range(CHOICES)},
        tune_config=tune.TuneConfig(
            num_samples=trials, max_concurrent_trials=2, reuse_actors=reused
        ),
        run_config=tune.RunConfig(
            name="engine",
            storage_path=folder,
            verbose=0,
            callbacks=[Ticks()],
            # By default Tune saves each trial of a class at its end.
            checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
        ),
    ).fit()
    return clock.result()


def run(engine: str, trials: int, controller: str) -> dict[str, float]:
    """Run one engine in this process."""
    random.seed(0)
    with tempfile.TemporaryDirectory(prefix="engine-") as folder:
        if engine == "raynas":
            return run_raynas(trials, folder, controller)
        return run_tune(trials, folder, reused=engine == "reused")


def apart(engine: str, trials: int, controller: str) -> dict[str, float]:
    """Run one engine in a process of its own."""
    command = [sys.executable, __file__, "--one", engine, "--sizes", str(trials)]
    command += ["--controller", controller]
    shown = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    result: dict[str, float] = json.loads(shown.strip().splitlines()[-1])
    print(engine, trials, result, flush=True)
    return result


def page(found: list[tuple[str, dict[str, float]]]) -> str:
    """The table."""
    rows = []
    for engine, r in found:
        resume = f"{r['resume']:.1f}" if "resume" in r else ""
        rows.append(
            f"| {ENGINES[engine]} | {r['trials']:.0f} | {r['rate']:.1f} | {r['first']:.1f} "
            f"| {r['last']:.1f} | {r['cpu_ms']:.1f} | {r['kb']:.0f} | {resume} |"
        )
    return "\n".join(
        [
            "# What the engine costs a trial",
            "",
            "No-op trials of 30 choices, two at a time, one run of `benchmarks/engine.py` on two",
            "cores of a shared virtual machine.",
            "Rates are trials a second; first and last are those of the first and last third, at",
            "most a thousand; memory is the driver's growth. Only figures of one run compare.",
            "",
            "| engine | trials | rate | first | last | driver CPU, ms a trial | KB a trial "
            "| resume, s |",
            "|---|---|---|---|---|---|---|---|",
            *rows,
            "",
        ]
    )


def main() -> None:
    """Run all engines at all sizes, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1000, 3000, 10000])
    parser.add_argument("--default", type=int, default=300, help="Trials of Tune as it comes.")
    parser.add_argument("--one", choices=list(ENGINES))
    parser.add_argument("--controller", default="random", help="raynas's controller")
    parser.add_argument("--only", choices=list(ENGINES), nargs="+", default=list(ENGINES))
    parser.add_argument("--out", type=Path, default=Path("docs/benchmarks/engine.md"))
    options = parser.parse_args()
    if options.one:
        print(json.dumps(run(options.one, options.sizes[0], options.controller)))
        return
    found = []
    for trials in options.sizes:
        for engine in ("reused", "raynas"):
            if engine in options.only:
                found.append((engine, apart(engine, trials, options.controller)))
    if options.default and "default" in options.only:
        found.append(("default", apart("default", options.default, options.controller)))
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(page(found))


if __name__ == "__main__":
    main()
