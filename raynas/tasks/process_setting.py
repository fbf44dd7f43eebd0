"""One setting of a process, to be read and written; see `process_state` and `torch_state`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

__all__ = ["ProcessSetting", "attribute"]


class ProcessSetting(NamedTuple):
    """One kind of state of this process.

    Attributes:
        read: Returns a value that later changes leave as it is, and that can be compared.
        write: Takes what `read` returned; called where `read` returns something else by then.
    """

    read: Callable[[], Any]
    write: Callable[[Any], object]


def attribute(owner: Any, name: str) -> ProcessSetting:
    """What `owner`'s attribute `name` is."""
    return ProcessSetting(lambda: getattr(owner, name), lambda value: setattr(owner, name, value))
