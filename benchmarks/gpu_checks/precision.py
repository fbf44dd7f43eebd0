"""Mixed precision: what is picked, that it trains, and what it gains."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch

from gpu_checks.check import Place, Row, check
from gpu_checks.networks import Classifier, Net, data
from raynas import Context, LightningTask
from raynas.preflight.step_time import Steps, time_steps
from raynas.tasks.device import best_precision

__all__ = ["precision"]

_AMPERE, _VOLTA = (8, 0), (7, 0)


@check(
    90,
    auto_precision="bf16-mixed from compute capability 8.0, 16-mixed from 7.0, else 32-true",
    bf16_trains="a trial computes in bfloat16, and its loss is finite",
    loss_scaling="a trial in 16-mixed scales its loss by more than 1, and its loss is finite",
    mixed_precision_gains="the largest of three sizes trains faster in bf16-mixed than in 32-true",
)
def precision(place: Place) -> Iterator[Row]:
    """See the claims."""
    yield _auto(place)
    found = _trained(place, "auto" if place.gpu else "bf16-mixed")
    fits = found["bfloat16"] == 1 or (place.gpu and torch.cuda.get_device_capability() < _AMPERE)
    finite = math.isfinite(found["val_loss"])
    yield Row.judged("bf16 trains", fits and finite, f"val_loss {found['val_loss']:.3f}", **found)
    if place.gpu:
        found = _trained(place, "16-mixed")
        finite = math.isfinite(found["val_loss"])
        seen = f"loss scale {found['loss_scale']:g}, val_loss {found['val_loss']:.3f}"
        yield Row.judged("loss scaling", found["loss_scale"] > 1 and finite, seen, **found)
    else:
        yield Row("loss scaling", "skipped", "16-mixed needs a GPU")
    yield _gains(place)


def _auto(place: Place) -> Row:
    if not place.gpu:
        found = best_precision(0)
        return Row.judged("auto precision", found == "32-true", f"on a CPU {found}")
    capability = torch.cuda.get_device_capability()
    mixed = "bf16-mixed" if capability >= _AMPERE else "16-mixed"
    expected = mixed if capability >= _VOLTA else "32-true"
    found = best_precision(0.25)
    seen = f"{found} at compute capability {capability[0]}.{capability[1]}"
    return Row.judged("auto precision", found == expected, seen)


def _trained(place: Place, precision: str) -> dict[str, float]:
    task = LightningTask(Classifier, data(), "val_loss", 20, mode="min", precision=precision)
    return dict(task.run(Net(16, 1), Context(seed=1, gpu=float(place.gpu))).metrics)


def _gains(place: Place) -> Row:
    widths = place.pick((64, 256, 512), (8, 16, 32), (8, 16, 24))
    names = ("32-true", "bf16-mixed", *(("16-mixed",) if place.gpu else ()))
    make = data(512, place.pick(32, 8), 32)
    task = LightningTask(Classifier, make, "val_loss", 10, mode="min")
    first = next(iter(make().train_dataloader()))
    seconds: dict[str, dict[str, float]] = {}
    for width in widths:
        batch = place.pick(256, 16)
        seconds[str(width)] = {}
        for name in names:
            steps = Steps(Net(width, 4), batch, name)
            limit = place.pick(0.5, 0.3, 0.05)
            found = time_steps(task, steps, first, gpu=place.gpu, seconds=limit, patience=60)
            if found.error:
                return Row.judged("mixed precision gains", False, f"{name}: {found.error}")
            seconds[str(width)][name] = found.seconds
    gains = [each["32-true"] / each["bf16-mixed"] for each in seconds.values()]
    seen = ", ".join(f"width {w}: {g:.2f}x" for w, g in zip(widths, gains, strict=True))
    holds = gains[-1] > 1 if place.gpu else None
    return Row.judged("mixed precision gains", holds, f"bf16-mixed {seen}", seconds=seconds)
