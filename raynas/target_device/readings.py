"""What a device's command printed, as samples of metrics."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from raynas.errors import ConfigurationError

__all__ = ["Read", "Samples", "check_read", "read_samples"]

Samples: TypeAlias = dict[str, tuple[float, ...]]
"""By metric, the values of one run; of a number that the device has summed up itself, one."""
Read: TypeAlias = "Callable[[str], Mapping[str, Any]] | Mapping[str, str] | None"


def check_read(read: Any) -> None:
    """Refuse what reads nothing.

    Raises:
        ConfigurationError: `read` is neither None, a function, nor regular expressions by metric
            with one group each.
    """
    if read is None or callable(read):
        return
    if not isinstance(read, Mapping) or not read:
        raise ConfigurationError(
            f"read={read!r}: use None for JSON, a function of the output, or a regular expression "
            "by metric"
        )
    for name, pattern in read.items():
        try:
            groups = re.compile(pattern).groups
        except (re.error, TypeError) as error:
            raise ConfigurationError(
                f"read: {name}={pattern!r} is no expression: {error}"
            ) from None
        if groups != 1:
            raise ConfigurationError(
                f"read: {name}={pattern!r} has {groups} groups: give it one, around the number"
            )


def read_samples(out: str, read: Read) -> Samples:
    """The samples in what a command printed.

    Args:
        out: Standard output of the command.
        read: None for the last line that is a JSON object, of numbers or lists of numbers; a
            function that returns such a mapping; or by metric a regular expression with a group,
            all matches of which are samples.

    Raises:
        ValueError: There are none, or one is not a finite number; the message says which.
    """
    if read is None:
        found: Mapping[str, Any] = _last_object(out)
    elif isinstance(read, Mapping):
        found = {name: re.findall(pattern, out) for name, pattern in read.items()}
    else:
        found = read(out)
        if not isinstance(found, Mapping):
            raise ValueError(f"read() returned {found!r}: it must return metrics by name")
    samples = {str(name): _numbers(str(name), value) for name, value in found.items()}
    if not samples:
        raise ValueError("it names no metric")
    return samples


def _last_object(out: str) -> Mapping[str, Any]:
    for line in reversed(out.splitlines()):
        try:
            found = json.loads(line)
        except ValueError:
            continue
        if isinstance(found, dict):
            return found
    raise ValueError("no line of it is a JSON object")


def _numbers(name: str, value: Any) -> tuple[float, ...]:
    values = value if isinstance(value, list | tuple) else [value]
    try:
        numbers = tuple(float(one) for one in values)
    except (TypeError, ValueError):
        raise ValueError(f"{name} is {value!r}, which is no number") from None
    if not numbers:
        raise ValueError(f"it has no {name}")
    if not all(map(math.isfinite, numbers)):
        raise ValueError(f"{name} is {value!r}, which is not finite")
    return numbers
