"""What a learning curve says about how many steps to train for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from raynas.errors import ConfigurationError
from raynas.proxy.smoothness import smoothness_of
from raynas.trials import Mode
from raynas.wording import counted

__all__ = ["CurveShape", "shape_of"]

_EARLY = 0.10  # share of the training; chosen by hand, as are the next ones
_LATE = 0.75  # share of the training
_NEAR = 0.01  # of the rise: nobody sees the difference
_STILL_RISING = 0.01  # of the rise, in the last quarter
_TOLD_APART = 0.90  # of the rise
_HEADROOM = 1.25  # other architectures converge later than the baseline; chosen by hand
_SURE = 3.0  # standard deviations, 99.7 % for normal noise


@dataclass(frozen=True)
class CurveShape:
    """How a learning curve runs.

    Attributes:
        best: Best value of the curve.
        best_step: The first step at which it had it.
        plateau: First step from which on it was within 1 % of its rise of the best, but for noise.
        tenth: First step at which nine tenths of the rise were done.
        late_gain: What the last quarter of the steps added to the best until then, as a share of
            the rise.
        when: Part of the training in which the best step lies.
        steps: How many steps to train for, by the rules of the Deep Learning Tuning Playbook
            ("Deciding how long to train when training is not compute-bound").
        proxy_steps: Optimizer steps with which the design of a proxy task begins.
        advice: Both in words, with the figures.
    """

    best: float
    best_step: int
    plateau: int
    tenth: int
    late_gain: float
    when: Literal["first tenth", "between", "last quarter"]
    steps: int
    proxy_steps: int
    advice: str


def shape_of(
    points: Sequence[tuple[int, float]],
    budget: int,
    mode: Mode,
    start: float | None = None,
    noise: float = 0.0,
    decays: bool = False,
) -> CurveShape | None:
    """Read a curve.

    Args:
        points: Step and value of each evaluation, steps rising.
        budget: Steps of the training.
        mode: Whether larger or smaller values are better.
        start: The value of a network that has learned nothing; by default the first point's.
        noise: What the metric may differ by chance; what evaluations differ by from their trend
            counts too.
        decays: Whether the learning rate falls to zero at the end, where any such training is best.

    Returns:
        None where there are fewer than three points.
    """
    if len(points) < 3:
        return None
    sign = 1.0 if mode == "max" else -1.0
    steps = [step for step, _ in points]
    values = [sign * value for _, value in points]
    low = min(values[0], sign * start) if start is not None else values[0]
    best = max(values)
    at = values.index(best)
    rise = max(best - low, 0.0)
    plateau = next(s for s, v in zip(steps, values, strict=True) if v >= best - _NEAR * rise)
    tenth = next(s for s, v in zip(steps, values, strict=True) if v >= low + _TOLD_APART * rise)
    before = [v for s, v in zip(steps, values, strict=True) if s <= _LATE * budget]
    late_gain = max(0.0, (best - max(before, default=low)) / rise) if rise else 0.0
    noise = max(noise, _SURE * _noise_of(steps, values))
    late = _Late(late_gain, late_gain * rise, noise, decays)
    found = _suggested(steps[at], plateau, late, budget)
    proxy = max(1, min(tenth, budget))
    advice = (
        f"{found[2]}; nine tenths of the rise were done by step {tenth:,}: begin designing the "
        f"proxy task with {counted(proxy, 'step')}, a schedule fitted to them, and fewer from there"
    )
    if rise <= noise:
        proxy, found = budget, (found[0], budget, "")
        advice = (
            f"in {counted(budget, 'step')} the metric improved by {rise:.2g}, which is within "
            f"noise ({noise:.2g}): the curve does not tell how many steps to train for"
        )
    return CurveShape(
        sign * best, steps[at], plateau, tenth, late_gain, found[0], found[1], proxy,
        advice,
    )  # fmt: skip


_When = Literal["first tenth", "between", "last quarter"]


class _Late(NamedTuple):
    """What the last quarter of the steps brought, and what that can be taken for."""

    gain: float
    improvement: float
    noise: float
    decays: bool

    @property
    def is_noise(self) -> bool:
        """Whether it may be luck."""
        return self.improvement <= self.noise


def _noise_of(steps: Sequence[int], values: Sequence[float]) -> float:
    """Standard deviation of an evaluation around the curve's trend; 0 where it is not known."""
    try:
        return smoothness_of(steps, values).noise
    except ConfigurationError:
        return 0.0


def _suggested(best: int, plateau: int, late: _Late, budget: int) -> tuple[_When, int, str]:
    if best <= _EARLY * budget:
        steps = max(best * 2, 1)
        return (
            "first tenth",
            steps,
            f"the best step, {best:,}, is in the first 10 % of {budget:,}: that is too many; about "
            f"{steps:,} do",
        )
    if best < _LATE * budget:
        steps = min(budget, round(plateau * _HEADROOM))
        return (
            "between",
            steps,
            f"the best step, {best:,}, is neither in the first 10 % nor in the last 25 % of "
            f"{budget:,}, and the curve was flat from {plateau:,} on: {steps:,} do",
        )
    words = (
        f"the last 25 % of {counted(budget, 'step')} brought {late.improvement:.2g}, "
        f"{late.gain:.2g} of the rise"
    )
    if late.is_noise:
        return (
            "last quarter",
            budget,
            f"{words}, which is within noise ({late.noise:.2g}): nothing says that more steps than "
            f"{budget:,} are better",
        )
    if late.gain <= _STILL_RISING:
        return "last quarter", budget, f"{words}, which is little: {budget:,} do"
    if late.decays:
        return (
            "last quarter",
            budget,
            f"{words}, as any learning rate that falls to zero brings most at its end: whether "
            f"more than {budget:,} are better, only a training of {2 * budget:,} tells "
            f"(--max-steps {2 * budget})",
        )
    return (
        "last quarter",
        2 * budget,
        f"{words}, more than noise: try {2 * budget:,}, with the schedule fitted to them",
    )
