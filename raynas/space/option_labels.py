"""Names of options: what a history stores, so the same in every process."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Collection
from types import ModuleType
from typing import Any

from raynas.arguments import shown
from raynas.errors import SpaceError
from raynas.redaction import Secret, hidden_values, scrubbed, secret_values
from raynas.space.domains import Domain
from raynas.space.options import Scalar
from raynas.space.records import Record

__all__ = ["labels_of"]

_UNSTABLE = re.compile(
    r" at 0x[0-9a-f]+|<lambda>|\b(?:frozen)?set\(\{|\{'[^':{}]*'(?:, '[^':{}]*')+\}"
)
"""Addresses, functions without a name, and sets, whose order differs from process to process."""


def labels_of(options: tuple[Any, ...], word: str = "choice") -> tuple[Scalar, ...]:
    """The name of each plain value or `Record`; a JSON scalar is its own.

    Args:
        options: What is chosen from.
        word: The function that they were given to, for messages.

    Raises:
        SpaceError: Two are equal, or one is an instance of another one, which is a class; one is
            NaN, not hashable, has no stable name or holds a secret.
    """
    secrets = secret_values(words=False)
    classes = {option.cls for option in options if isinstance(option, Record)}
    labels: dict[Scalar, None] = {}
    seen: set[Any] = set()
    for option in options:
        is_class = isinstance(option, Record)
        label = option.cls.__name__ if is_class else _label(option, word)
        if _holds_a_secret(option, str(label), secrets):
            raise SpaceError(
                f"option {len(labels)} of {word}() holds a secret, and options are stored and "
                "shown: choose among names, and let the task look up what belongs to each"
            )
        if label in labels or option in seen:
            raise SpaceError(
                f"{word}() has the option {label!r} twice: options must differ (True equals 1)"
            )
        if not is_class and type(option) in classes:
            raise SpaceError(
                f"{word}() has the option {label}, which is also one of the instances that "
                f"{type(option).__name__} stands for: leave one of the two out"
            )
        labels[label] = None
        seen.add(option)
    return tuple(labels)


def _label(option: object, word: str) -> Scalar:
    if isinstance(option, Scalar):
        if option != option:
            raise SpaceError(f"{word}() has the option nan: it does not equal itself; use None")
        return option
    if isinstance(option, Domain):
        raise SpaceError(
            f"{word}() has the option {option}: options are values or @searchable classes; "
            "wrap it in a @searchable class with one field"
        )
    try:
        hash(option)
    except TypeError:
        raise SpaceError(
            f"{word}() has the option {shown(option)}, which is not hashable: use a tuple for a "
            "list"
        ) from None
    if option != option:
        raise SpaceError(
            f"{word}() has the option {shown(option)}: it does not equal itself; use None"
        )
    try:
        label = getattr(option, "__qualname__", None) or _shown(option)
    except Exception as error:
        raise SpaceError(
            f"{word}() has an option of the class {type(option).__name__}, whose repr raises "
            f"{type(error).__name__}: use a string, or an object with a name"
        ) from error
    if _UNSTABLE.search(label):
        raise SpaceError(
            f"{word}() has the option {label}, which has no name that stays the same from run to "
            "run: use a string, or a class or function with a name"
        )
    return str(label)


def _holds_a_secret(option: object, label: str, secrets: Collection[str]) -> bool:
    """Whether an option is marked as a secret, or is one of `secrets`, or has the form of one.

    In the `repr` of an object only URLs count: an argument ``token='class'`` is none.
    """
    if isinstance(option, Secret) or hidden_values(label, secrets) != label:
        return True
    formed = isinstance(option, str) or ("://" in label and "@" in label)
    return formed and scrubbed(label) != label


def _shown(option: Any) -> str:
    """The `repr` of `option`, with the elements of frozen sets sorted."""
    if isinstance(option, ModuleType):
        return option.__name__
    text = repr(option)
    if "frozenset({" not in text:
        return text
    if type(option) is frozenset:
        return f"frozenset({', '.join(sorted(map(_shown, option)))})"
    if type(option) is tuple:
        inside = ", ".join(map(_shown, option))
        return f"({inside},)" if len(option) == 1 else f"({inside})"
    if dataclasses.is_dataclass(option):
        fields = (f"{f.name}={_shown(getattr(option, f.name))}" for f in dataclasses.fields(option))
        return f"{type(option).__qualname__}({', '.join(fields)})"
    return text
