"""Rewards and stop rules as JSON data: those of raynas itself; of others only what they print."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from importlib import import_module
from typing import Any

from raynas.errors import ConfigurationError
from raynas.objective import Objective
from raynas.rewards import Reward
from raynas.stopping import StopRule
from raynas.trials import Infeasible, Measurement

__all__ = ["UnknownReward", "reward_from_json", "rule_from_json", "to_json"]

_CLASSES: dict[str, type[Any]] = {
    name: found
    for home in map(import_module, ("raynas.rewards", "raynas.stopping"))
    for name in home.__all__
    if isinstance(found := getattr(home, name), type)
}
_PARTS = ("rewards", "rules")
"""Where the classes that take any number of others keep them."""


class UnknownReward(Reward):
    """Stands for a reward of the user's own: what it is called, and no more.

    Args:
        shown: What it prints.
        objectives: Objectives of the reward, as people read them.
    """

    def __init__(self, shown: str, objectives: tuple[Objective, ...]) -> None:
        self._shown = shown
        self._objectives = objectives

    def __repr__(self) -> str:
        return self._shown

    @property
    def objectives(self) -> tuple[str, ...]:
        """See `Reward.objectives`."""
        return tuple(objective.name for objective in self._objectives)

    @property
    def shown_as(self) -> tuple[Objective, ...]:
        """See `Reward.shown_as`."""
        return self._objectives

    def __call__(self, measurement: Measurement) -> Infeasible:
        """No reward can be computed."""
        return Infeasible("the reward is known only to the search file", measurement)


def to_json(value: Any) -> dict[str, Any] | None:
    """`value` as JSON data; None where a part of it is not of raynas and no plain value."""
    if value is None or type(value) in (bool, int, float, str):
        return {"value": value}
    if isinstance(value, tuple | list):
        return _items({"items": []}, value)
    if _CLASSES.get(type(value).__name__) is not type(value):
        return None
    name = type(value).__name__
    for attribute in _PARTS:
        if not dataclasses.is_dataclass(value) and hasattr(value, attribute):
            return _items({"class": name}, getattr(value, attribute))
    if not dataclasses.is_dataclass(value):
        return None
    fields = {f.name: to_json(getattr(value, f.name)) for f in dataclasses.fields(value) if f.init}
    return None if None in fields.values() else {"class": name, "fields": fields}


def reward_from_json(
    data: Mapping[str, Any] | None, shown: str, objectives: tuple[Objective, ...]
) -> Reward:
    """The reward that was stored, or an `UnknownReward`."""
    found = None if data is None else _from_json(data)
    return found if isinstance(found, Reward) else UnknownReward(shown, objectives)


def rule_from_json(data: Mapping[str, Any] | None) -> StopRule | None:
    """The rule that was stored; None where it is none of raynas's own."""
    found = None if data is None else _from_json(data)
    return found if isinstance(found, StopRule) else None


def _items(form: dict[str, Any], values: Any) -> dict[str, Any] | None:
    items = [to_json(value) for value in values]
    return None if None in items else {**form, "items": items}


def _from_json(data: Mapping[str, Any]) -> Any:
    try:
        if "class" not in data:
            items = data.get("items")
            return data.get("value") if items is None else tuple(map(_from_json, items))
        cls = _CLASSES[data["class"]]
        if "items" in data:
            return cls(*map(_from_json, data["items"]))
        return cls(**{name: _from_json(value) for name, value in data["fields"].items()})
    except (ConfigurationError, KeyError, TypeError, AttributeError):
        return None
