"""Which rules may still end a search that its user wants to go on."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from raynas.errors import ConfigurationError
from raynas.stopping.base import StopRule
from raynas.stopping.budgets import (
    DeviceTimeLimit,
    MoneyLimit,
    TimeLimit,
    TrainingLimit,
    TrialLimit,
)
from raynas.stopping.device_offline import DeviceOffline
from raynas.stopping.exhausted import SpaceExhausted
from raynas.stopping.failures import FailureShare

__all__ = ["until"]

_ALWAYS = (
    DeviceOffline,
    DeviceTimeLimit,
    MoneyLimit,
    SpaceExhausted,
    TimeLimit,
    TrainingLimit,
    TrialLimit,
)


def until(rules: Iterable[StopRule], names: Sequence[str]) -> tuple[StopRule, ...]:
    """`rules` without those that do not count any more; all where `names` is empty.

    The limits on trials, time and money always count, and so do the end of the space and a device
    that is offline.

    Args:
        rules: Stop rules of a search.
        names: Rules up to which the search is to go on: ``"trials"`` for its limits only, or the
            name of a rule, as a stop shows it.

    Raises:
        ConfigurationError: A name is that of no rule.
    """
    rules = tuple(rules)
    for name in names:
        if not any(_is_called(rule, name) for rule in rules):
            known = ", ".join(sorted({_name(rule) for rule in rules}))
            raise ConfigurationError(f"until={name!r}: there is no such rule; use one of {known}")
    if not names:
        return rules
    return tuple(
        rule
        for rule in rules
        if isinstance(rule, _ALWAYS) or any(_is_called(rule, name) for name in names)
    )


def _is_called(rule: StopRule, name: str) -> bool:
    given = name.lower().replace("-", " ").replace("_", " ").strip()
    name = _name(rule)
    short = name.removesuffix(" limit")
    return given in (name, short, f"{short}s")


def _name(rule: StopRule) -> str:
    """What the stops of `rule` are called: its class in words, but for failures."""
    if isinstance(rule, FailureShare):
        return "failures"
    return " ".join(re.findall(r"[A-Z][a-z0-9]*|[a-z0-9]+", type(rule).__name__)).lower()
