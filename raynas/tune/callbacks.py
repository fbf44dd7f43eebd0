"""TensorBoard, MLflow and Weights & Biases through Ray's callbacks, where they are asked for."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ray.tune import Callback

from raynas.arguments import shown
from raynas.errors import ConfigurationError
from raynas.rewards import Reward, judge
from raynas.trials import Completed, Measurement
from raynas.tune.trainable import LOG, METRICS, MORE, RESULT, STEP

__all__ = ["LOGGERS", "check_callbacks", "make_callbacks"]


def check_callbacks(callbacks: object) -> tuple[Any, ...]:
    """`callbacks` as a tuple.

    Raises:
        ConfigurationError: One is neither a name nor a callback of Ray's.
    """
    given = (callbacks,) if isinstance(callbacks, str | Callback) else callbacks
    if not isinstance(given, list | tuple):
        given = (given,)
    for one in given:
        known = isinstance(one, str) and one in LOGGERS
        if not known and not isinstance(one, Callback):
            raise ConfigurationError(
                f"callbacks contains {shown(one)}: use {', '.join(map(repr, LOGGERS))}, or a "
                "ray.tune.Callback"
            )
    return tuple(given)


def make_callbacks(callbacks: tuple[Any, ...], folder: Path, reward: Reward) -> list[Callback]:
    """Ray's callbacks for `callbacks`, which see flat metrics, ``reward`` and ``step``.

    Raises:
        ConfigurationError: What one of them needs is not installed.
    """
    made: list[Callback] = []
    for one in callbacks:
        if isinstance(one, Callback):
            made.append(Unfolded(one, reward))
            continue
        make, package = LOGGERS[one]
        try:
            made.append(Unfolded(make(folder), reward))
        except (ImportError, RuntimeError) as error:
            raise ConfigurationError(
                f"callbacks contains {one!r}, but {package} is not installed: "
                f"pip install raynas[{one}]"
            ) from error
    return made


class Unfolded(Callback):
    """Shows `inner` a trial's metrics as they are called, and its reward.

    Args:
        inner: Another callback.
        reward: Function from metrics to the reward.
    """

    def __init__(self, inner: Callback, reward: Reward) -> None:
        self._inner = inner
        self._reward = reward

    def __getattribute__(self, name: str) -> Any:
        if name.startswith(("_", "on_trial_result")) or name not in _PASSED_ON:
            return super().__getattribute__(name)
        return getattr(self._inner, name)

    def on_trial_result(
        self, iteration: int, trials: list[Any], trial: Any, result: dict[str, Any], **info: Any
    ) -> None:
        """See `ray.tune.Callback.on_trial_result`."""
        self._inner.on_trial_result(iteration, trials, trial, self._unfold(result), **info)

    def _unfold(self, result: Mapping[str, Any]) -> dict[str, Any]:
        metrics: dict[str, float] = dict(result.get(METRICS, {}))
        step = result.get(STEP)
        if RESULT in result:
            ending = json.loads(result[RESULT])
            metrics, step = dict(ending.get("metrics", {})), ending.get("steps")
        rest = {k: v for k, v in result.items() if k not in (METRICS, MORE, STEP, RESULT, LOG)}
        outcome = judge(self._reward, Measurement(metrics)) if metrics else None
        if isinstance(outcome, Completed):
            metrics["reward"] = outcome.reward
        return {**rest, **metrics, **({} if step is None else {"step": step})}


_PASSED_ON = frozenset(
    name for name in vars(Callback) if not name.startswith("_") and name != "on_trial_result"
)


def _tensorboard(folder: Path) -> Callback:
    del folder
    import tensorboardX  # noqa: F401
    from ray.tune.logger import TBXLoggerCallback

    return TBXLoggerCallback()  # type: ignore[no-untyped-call]


def _mlflow(folder: Path) -> Callback:
    import mlflow  # noqa: F401
    from ray.air.integrations.mlflow import MLflowLoggerCallback

    return MLflowLoggerCallback(
        tracking_uri=f"sqlite:///{folder / 'mlflow.db'}", experiment_name=folder.name
    )


def _wandb(folder: Path) -> Callback:
    import wandb  # noqa: F401
    from ray.air.integrations.wandb import WandbLoggerCallback

    return WandbLoggerCallback(project=folder.name)


LOGGERS: Mapping[str, tuple[Callable[[Path], Callback], str]] = {
    "tensorboard": (_tensorboard, "tensorboardX"),
    "mlflow": (_mlflow, "mlflow"),
    "wandb": (_wandb, "wandb"),
}
"""By name: what makes a callback, given the search's folder, and the package that it needs."""
