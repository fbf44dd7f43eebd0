"""Trials that share a device: what each sees, and trials an hour against a plain loop."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import raynas as nas
from gpu_checks.check import Place, Row, check
from gpu_checks.networks import Classifier, Net, data
from gpu_checks.searches import Seeing, completed, searched

__all__ = ["Fixed", "sharing"]

_SHARES = (1, 2, 4, 8)


@check(
    170,
    a_share_sees_one_device="a trial of a quarter finds one device in CUDA_VISIBLE_DEVICES",
    quarters_run_together="four trials of a quarter run at once on a device",
    no_share_sees_none="a trial without a share finds no device",
    sharing_is_faster="trials an hour: four at once more than one after another in a plain loop",
)
def sharing(place: Place) -> Iterator[Row]:
    """See the claims."""
    net = place.pick(Net(64, 4), Net(8, 1))
    steps = place.pick(100, 5)
    make = data(place.pick(2048, 64), place.pick(32, 8), place.pick(128, 16))
    task = nas.LightningTask(
        Classifier,
        make,
        "val_loss",
        steps,
        mode="min",
        accelerator=place.pick("auto", "cpu"),
    )
    if not place.gpu:
        import torch

        torch.set_num_threads(1)
    rates = {"plain loop": _plain(task, net, place)}
    fixed = Fixed(task, net)
    for count in place.pick(_SHARES, (1, 2, 4)):
        trials = searched(
            place,
            f"shared-{count}",
            Net,
            Seeing(fixed, Path(place.folder, f"started-{count}"), count),
            (place.pick(4, 3) + 1) * count,
            resources=nas.Resources(cpu=place.pick(1, 0.25), gpu=1 / count),
            parallel=count,
        )
        found = completed(trials)
        rates[str(count)] = _rate(found, count)
        if count == 4:
            yield from _seen_by_quarters(place, found)
    yield from _without(place)
    per_hour = ", ".join(f"{name}: {rate:,.0f}" for name, rate in rates.items())
    holds = rates["4"] > rates["plain loop"] if place.gpu else None
    yield Row.judged("sharing is faster", holds, f"trials an hour: {per_hour}", rates=rates)


class Fixed(nas.Task):
    """Runs one architecture whatever is proposed, so that trials cost the same."""

    def __init__(self, task: nas.Task, architecture: Any) -> None:
        self.task, self.architecture = task, architecture
        self.metric, self.mode = task.metric, task.mode

    def run(self, architecture: Any, context: nas.Context) -> nas.Measurement:
        """See `Task.run`."""
        return self.task.run(self.architecture, context)


def _plain(task: nas.LightningTask, net: Net, place: Place) -> float:
    """Trials an hour, one after another in this process, the first of them not counted."""
    context = nas.Context(seed=1, gpu=float(place.gpu))
    task.run(net, context)
    count = place.pick(6, 3)
    start = time.perf_counter()
    for _ in range(count):
        task.run(net, context)
    return 3600 * count / (time.perf_counter() - start)


def _rate(found: list[dict[str, float]], together: int) -> float:
    """Trials an hour, once each worker has started and ended its first trial."""
    first, last = found[together - 1]["ended"], found[-1]["ended"]
    return 3600 * (len(found) - together) / max(last - first, 1e-9)


def _seen_by_quarters(place: Place, found: list[dict[str, float]]) -> Iterator[Row]:
    named = {trial["named"] for trial in found}
    usable = {trial["usable"] for trial in found}
    one = named == {1.0} and (usable == {1.0} or not place.gpu)
    seen = f"named {sorted(named)}, usable by torch {sorted(usable)}"
    yield Row.judged("a share sees one device", one, seen)
    spans = [(trial["started"], trial["ended"]) for trial in found]
    most = max((sum(s <= start < e for s, e in spans) for start, _ in spans), default=0)
    yield Row.judged("quarters run together", most == 4, f"{most} at the same moment", most=most)


def _without(place: Place) -> Iterator[Row]:
    task = Seeing(Nothing(), Path(place.folder, "started-without"), 1)
    free = nas.Resources(cpu=0.5, gpu=0)
    found = completed(searched(place, "without", Net, task, 1, resources=free, parallel=1))
    named, usable = found[0]["named"], found[0]["usable"]
    seen = f"named {named:g}, usable by torch {usable:g}"
    yield Row.judged("no share sees none", named == 0 and usable == 0, seen)


class Nothing(nas.Task):
    """Trains nothing."""

    def run(self, architecture: Any, context: nas.Context) -> nas.Measurement:
        """See `Task.run`."""
        return nas.Measurement({"reward": 1.0})
