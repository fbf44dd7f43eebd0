"""Further trainings of a baseline: more learning rates, and a more general optimizer later."""

from __future__ import annotations

from raynas.preflight.baseline import Baseline, Run
from raynas.preflight.baseline_runs import TrainingVariant

__all__ = ["general_optimizers", "more_rates"]

_STEP = 10**0.5  # half a decade, as in grids of rates in practice
_AROUND = (1 / _STEP, 1.0, _STEP)
_USUAL_RATE = 1e-3  # Adam's default
_GENERAL = "nadamw"
_FEWEST = 2  # a single rate has no ends to be beyond


def more_rates(found: Baseline) -> tuple[TrainingVariant, ...]:
    """The next learning rate, if that of the best optimizer is the largest or smallest tried.

    A rate at the edge of what was tried says that the best may lie beyond. The next one is half a
    power of ten away.

    Args:
        found: The trainings so far.
    """
    best = _best(found)
    if best is None or best.setting.learning_rate is None:
        return ()
    kind, rate = best.setting.kind, best.setting.learning_rate
    tried = [
        run.setting.learning_rate
        for run in found.runs
        if run.setting.kind == kind and run.setting.learning_rate is not None
    ]
    if len(tried) < _FEWEST or min(tried) < rate < max(tried):
        return ()
    following = rate * _STEP if rate == max(tried) else rate / _STEP
    return (TrainingVariant(f"{kind} {following:.2g}", best.setting.steps, kind, following),)


def general_optimizers(found: Baseline) -> tuple[TrainingVariant, ...]:
    """NAdamW around the best learning rate of Adam and AdamW: a step for later.

    Dozat 2016, "Incorporating Nesterov Momentum into Adam", ICLR workshop, with the weight decay of
    Loshchilov and Hutter 2019, "Decoupled Weight Decay Regularization", ICLR. It contains Adam with
    momentum as a special case, and is worth its further settings once the simple ones work.

    Args:
        found: The trainings so far.
    """
    adams = [run for run in found.runs if run.setting.kind in ("adam", "adamw")]
    best = _best_of(found, adams)
    rate = (best.setting.learning_rate if best else None) or _USUAL_RATE
    steps = best.setting.steps if best else found.runs[-1].setting.steps
    return tuple(
        TrainingVariant(f"{_GENERAL} {rate * factor:.2g}", steps, "nadamw", rate * factor)
        for factor in _AROUND
    )


def _best(found: Baseline) -> Run | None:
    return _best_of(found, [r for r in found.runs if r.setting.learning_rate is not None])


def _best_of(found: Baseline, runs: list[Run]) -> Run | None:
    sign = 1.0 if found.mode == "max" else -1.0
    known = [run for run in runs if run.best is not None]
    return max(known, key=lambda run: sign * (run.best or 0.0), default=None)
