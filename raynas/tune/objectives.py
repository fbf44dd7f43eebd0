"""What a searcher optimizes, from Tune's `metric` and `mode`."""

from __future__ import annotations

from typing import cast

from ray.tune.result import DEFAULT_METRIC

from raynas.errors import ConfigurationError
from raynas.rewards import Metric, Pareto, Reward
from raynas.trials import Mode

__all__ = ["check_agreed", "check_objectives", "keys_of", "make_reward"]


def check_objectives(metric: object, mode: object) -> None:
    """Refuse lists that do not pair a mode with each of several metrics.

    Raises:
        ConfigurationError: They do not.
    """
    if not isinstance(metric, list) and not isinstance(mode, list):
        return
    paired = isinstance(metric, list) and isinstance(mode, list) and len(metric) == len(mode) > 1
    if not paired:
        raise ConfigurationError(
            f"metric={metric!r}, mode={mode!r}: give two lists of one length, at least 2, as in "
            "metric=['accuracy', 'ms'], mode=['max', 'min'], or two words"
        )


def check_agreed(name: str, own: object, tuners: object) -> None:
    """Check that a searcher and the TuneConfig of its Tuner do not contradict each other.

    Args:
        name: ``"metric"`` or ``"mode"``.
        own: Value of the searcher, or None if it leaves this to the Tuner.
        tuners: Value of the TuneConfig, or None.

    Raises:
        ConfigurationError: They contradict each other.
    """
    if own is None or tuners is None or own == tuners:
        return
    hint = "give it to the scheduler instead" if isinstance(own, list) else "give only one of them"
    raise ConfigurationError(
        f"TuneConfig({name}={tuners!r}) contradicts {name}={own!r} of NASSearcher: {hint}"
    )


def make_reward(metric: str | list[str] | None, mode: str | list[str] | None) -> Reward:
    """The reward for `metric` and `mode`; for a mode alone, the value that a trainable returns.

    Raises:
        ConfigurationError: Neither is known, or the mode of a metric is not.
    """
    if isinstance(metric, list):
        return Pareto(*map(Metric, metric, cast(list[Mode], mode)))
    if metric is None and mode is None:
        raise ConfigurationError(
            "metric=None: give NASSearcher(metric=..., mode=...); Tune passes TuneConfig's on "
            "only where param_space is not empty"
        )
    if mode is None:
        raise ConfigurationError(
            f"metric={metric!r} has no mode: give NASSearcher(mode='max' or 'min'); Tune passes "
            "TuneConfig's on only where param_space is not empty"
        )
    return Metric(metric or DEFAULT_METRIC, cast(Mode, mode))


def keys_of(metric: str | list[str] | None) -> list[str]:
    """The keys of the results that count; none where no metric says so."""
    if metric is None:
        return []
    return [metric] if isinstance(metric, str) else list(metric)
