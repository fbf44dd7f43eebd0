"""One form for all architectures that make the same network."""

from __future__ import annotations

import dataclasses
from typing import Any

from raynas.errors import SpaceError
from raynas.space.domains import Domain
from raynas.space.records import records_in

__all__ = ["CANONICAL", "canonical_form", "has_canonical"]

CANONICAL = "canonical"
"""Name of the property, or method, that gives an architecture's canonical form."""


def has_canonical(domain: Domain) -> bool:
    """Whether a class of `domain` gives canonical forms."""
    return any(_gives(record.cls) for record in records_in(domain))


def canonical_form(value: Any) -> Any:
    """`value` with all searchable parts, inner ones first, and then itself in canonical form.

    Raises:
        SpaceError: A class gives something else than an instance of itself.
    """
    if type(value) is tuple:
        forms = tuple(map(canonical_form, value))
        return forms if any(a is not b for a, b in zip(forms, value, strict=True)) else value
    if isinstance(value, type) or not dataclasses.is_dataclass(value):
        return value
    parts = {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
    changed = {n: form for n, part in parts.items() if (form := canonical_form(part)) is not part}
    whole: Any = value
    if changed:
        whole = dataclasses.replace(whole, **changed)
    if not _gives(type(whole)):
        return whole
    form = getattr(whole, CANONICAL)
    form = form() if callable(form) else form
    if not isinstance(form, type(whole)):
        raise SpaceError(
            f"{type(whole).__name__}.{CANONICAL} gave {form!r}: it must give an instance of "
            f"{type(whole).__name__}"
        )
    return value if form == value else form


def _gives(cls: type[Any]) -> bool:
    return getattr(cls, CANONICAL, None) is not None
