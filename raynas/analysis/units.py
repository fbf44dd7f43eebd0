"""Units of metrics: values as people read them, and limits as people type them."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping

from raynas.errors import ConfigurationError
from raynas.rewards import AtMost, Bound

__all__ = ["base_unit", "bound_words", "is_interval_end", "parsed_limit", "quantity"]

_TIME = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
_BYTES = {"B": 1.0, "KiB": 2.0**10, "MiB": 2.0**20, "GiB": 2.0**30}
_DECIMAL_BYTES = {"kB": 1e3, "MB": 1e6, "GB": 1e9}
_COUNT = {"": 1.0, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}
_SECONDS = re.compile(r"(onnx_|.*/)?latency_p\d+(_low|_high)?|.*(_s|_seconds)|seconds")
_COUNTS = ("parameters", "flops", "macs")
_TYPED = re.compile(r"([^=]+)=([+-]?[\d_]*\.?\d+(?:[eE][+-]?\d+)?)\s*([A-Za-zµ]*)")


def quantity(name: str, value: float | None) -> str:
    """`value` of the metric `name` with its unit, as in ``0.498 ms`` or ``25.1k``.

    Metrics of raynas's own meters, and names that end in ``_s``, ``_seconds`` or ``_bytes``, have
    a unit; all others are plain numbers.
    """
    if value is None or not math.isfinite(value):
        return "-" if value is None else str(value)
    units = _units(name)
    if not units or (units is _COUNT and abs(value) < 1e4):
        whole = float(value).is_integer() and abs(value) >= 1000
        return f"{value:,.0f}" if whole else f"{value:.5g}"
    fitting = [unit for unit, size in units.items() if abs(value) >= size]
    smallest = min(units, key=units.__getitem__)
    unit = max(fitting, key=units.__getitem__, default=smallest)
    joint = "" if units is _COUNT else " "
    return f"{value / units[unit]:.4g}{joint}{unit}"


def base_unit(name: str) -> str:
    """The unit in which the metric `name` is measured: seconds, bytes, or none that is known."""
    units = _units(name)
    return next((unit for unit in ("s", "B") if unit in units), "")


def is_interval_end(name: str, names: Collection[str]) -> bool:
    """Whether `name` is an end of the interval of another metric among `names`."""
    return any(name.endswith(end) and name.removesuffix(end) in names for end in ("_low", "_high"))


def bound_words(bound: Bound) -> str:
    """A bound for people: ``parameters at most 25k``."""
    side = "at most" if isinstance(bound, AtMost) else "at least"
    return f"{bound.metric} {side} {quantity(bound.metric, bound.limit)}"


def parsed_limit(text: str) -> tuple[str, float]:
    """The metric and the number of a text such as ``latency_p50=2ms`` or ``parameters=25k``.

    Raises:
        ConfigurationError: It is no such text, or the unit is not one of the metric.
    """
    found = _TYPED.fullmatch(text.strip())
    if found is None:
        raise ConfigurationError(
            f"{text!r}: give a metric and a number, as in latency_p50=2ms or parameters=25k"
        )
    name, number, unit = found[1].strip(), float(found[2]), found[3]
    units = {"": 1.0, **(_units(name) or _COUNT)}
    if "B" in units:
        units |= _DECIMAL_BYTES
    if unit not in units:
        known = ", ".join(one for one in units if one)
        raise ConfigurationError(f"{text!r}: {unit!r} is no unit of {name}; use one of {known}")
    return name, number * units[unit]


def _units(name: str) -> Mapping[str, float]:
    """The units that the values of a metric are shown in; none where they are unknown."""
    if _SECONDS.fullmatch(name):
        return {unit: size for unit, size in _TIME.items() if unit != "us"}
    if name.endswith("_bytes"):
        return _BYTES
    return _COUNT if name in _COUNTS else {}
