"""Refuses to compute with what `choice` and the like return, which is a domain and not yet a value.

``width = 8 * choice(1, 2)`` would end in a `TypeError` about an internal class, and
``if choice(True, False):`` would always be taken.
"""

from __future__ import annotations

from typing import Any, NoReturn

from raynas.errors import SpaceError

__all__ = ["Undecided"]

_ARITHMETIC = (
    "add",
    "sub",
    "mul",
    "matmul",
    "truediv",
    "floordiv",
    "mod",
    "pow",
    "and",
    "or",
    "xor",
)
_OTHER = ("neg", "pos", "abs", "lt", "le", "gt", "ge", "bool", "int", "float", "index", "round")
_OPERATORS = (*_ARITHMETIC, *(f"r{name}" for name in _ARITHMETIC), *_OTHER)


class Undecided:
    """Something that stands for a value not yet chosen: every operator raises a SpaceError."""


def _refuse(self: Undecided, *_: Any) -> NoReturn:
    raise SpaceError(
        f"{self} is not a value yet, so nothing can be computed from it: give it a field of its "
        "own and compute with that field in build() or a property"
    )


for _operator in _OPERATORS:
    setattr(Undecided, f"__{_operator}__", _refuse)
