"""Architectures as flat configurations, the form that Tune and Optuna see."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from raynas.errors import SpaceError
from raynas.space.decisions import Decisions
from raynas.space.domains import ConstraintViolation
from raynas.space.options import Answer, Options, Scalar

__all__ = ["from_config", "to_config"]

A = TypeVar("A")


def to_config(decisions: Decisions[A], architecture: A) -> dict[str, Scalar]:
    """See `raynas.space.Space.to_config`."""
    return {column.path: column.value(code) for column, code in decisions.codes(architecture)}


def from_config(decisions: Decisions[A], config: Mapping[str, Scalar]) -> A:
    """See `raynas.space.Space.from_config`."""
    used: set[str] = set()

    def look_up(path: str, options: Options) -> Answer:
        codes: list[Any] = []
        for column in options.columns(path):
            present = column.path in config
            used.update((column.path,) if present else ())
            codes.append(column.code(config[column.path]) if present else None)
        answer = options.answer(codes) if codes[0] is not None else None
        if answer is None:
            what = f"has no valid {path!r}" if path in config else f"has no {path!r}"
            raise SpaceError(f"config {what}: give one of {options}")
        return answer

    try:
        architecture = decisions.build(look_up)
    except ConstraintViolation as error:
        raise SpaceError(f"config: {error}") from None
    if unknown := sorted(config.keys() - used):
        raise SpaceError(
            f"config has {unknown[0]!r}, which is no active decision of {decisions.name}: remove it"
        )
    return architecture
