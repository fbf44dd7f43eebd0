"""The domain of a searchable class: a value for each of its fields."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from raynas.errors import SpaceError
from raynas.space.domains import (
    NOTHING,
    Answers,
    ConstraintViolation,
    Counts,
    Decide,
    Domain,
    Names,
    Steps,
    joint,
    mismatch,
    place,
)
from raynas.space.options import Options, Uniforms

__all__ = ["FEASIBLE", "Record", "records_in"]

FEASIBLE = "is_feasible"
"""Name of the method or property of a searchable class that tells if an instance may be used."""
_FEASIBLE_BY_DEFAULT = True


@dataclass(frozen=True)
class Record(Domain):
    """The instances of a searchable class.

    Size: the product of its fields' sizes. Instances that break the class's `is_feasible` are
    counted too: nothing is known of them before they are made.

    Attributes:
        cls: The class.
        fields: The domains of its searched fields, in the order of their declaration.
        constants: The values of its other fields.
    """

    cls: type[Any]
    fields: Mapping[str, Domain]
    constants: Mapping[str, object]

    def __str__(self) -> str:
        return self.cls.__name__

    def __hash__(self) -> int:
        return hash(self.cls)

    @property
    def counts(self) -> Counts:
        """See `Domain.counts`."""
        return self._rests[0]

    @property
    def parts(self) -> tuple[Domain, ...]:
        """The fields' domains."""
        return tuple(self.fields.values())

    def draw(self, uniform: Uniforms) -> Any:
        """See `Domain.draw`."""
        values = {name: domain.draw(uniform) for name, domain in self.fields.items()}
        return self._feasible(self._made(values))

    def build(self, path: str, decide: Decide) -> Any:
        """An instance, its fields decided on in the order of their declaration."""
        prefix = f"{path}." if path else ""
        values = {name: d.build(prefix + name, decide) for name, d in self.fields.items()}
        return self._feasible(self._made(values))

    def trace(self, path: str, value: object) -> Steps:
        """See `Domain.trace`."""
        if type(value) is not self.cls:
            raise mismatch(path, value, f"an instance of {self.cls.__name__}", (self.cls,))
        prefix = f"{path}." if path else ""
        for name, constant in self.constants.items():
            if not _equal(getattr(value, name), constant):
                raise mismatch(prefix + name, getattr(value, name), repr(constant))
        for name, domain in self.fields.items():
            yield from domain.trace(prefix + name, getattr(value, name))
        if not self._is_feasible(value):
            raise mismatch(path, value, f"one for which {self.cls.__name__}.{FEASIBLE} holds")

    def decisions(self, path: str) -> Iterator[tuple[str, Options]]:
        """See `Domain.decisions`."""
        for name, domain in self.fields.items():
            yield from domain.decisions(f"{path}.{name}" if path else name)

    def unrank(self, path: str, names: Names, rank: int) -> Answers:
        """See `Domain.unrank`: the first field's rank counts most."""
        for (name, domain), rest in zip(self.fields.items(), self._rests[1:], strict=True):
            own, others, rank, number = place(domain.counts, rest, names, rank)
            below = f"{path}.{name}" if path else name
            yield from domain.unrank(below, own, rank // number)
            names, rank = others, rank % number

    def to_json(self, value: Any) -> Any:
        """``{"class": name, field: form, ...}``."""
        forms = {name: d.to_json(getattr(value, name)) for name, d in self.fields.items()}
        return {"class": self.cls.__name__, **forms}

    def from_json(self, path: str, data: Any) -> Any:
        """See `Domain.from_json`."""
        prefix = f"{path}." if path else ""
        if not isinstance(data, dict) or data.keys() != {"class", *self.fields}:
            names = ", ".join(("class", *self.fields))
            raise mismatch(path, data, f"an object with the keys {names}")
        if data["class"] != self.cls.__name__:
            raise mismatch(f"{prefix}class", data["class"], repr(self.cls.__name__))
        values = {n: d.from_json(prefix + n, data[n]) for n, d in self.fields.items()}
        return self._made(values)

    def _made(self, values: Mapping[str, Any]) -> Any:
        """The instance with `values`, none of which `__post_init__` may change.

        Raises:
            SpaceError: It does.
        """
        instance = self.cls(**self.constants, **values)
        if hasattr(self.cls, "__post_init__"):
            for name, value in values.items():
                if not _equal(found := getattr(instance, name), value):
                    raise SpaceError(
                        f"{self.cls.__name__}.__post_init__ changed {name} from {value!r} to "
                        f"{found!r}: compute what depends on fields in a property instead"
                    )
        return instance

    def _feasible(self, instance: Any) -> Any:
        if not self._is_feasible(instance):
            raise ConstraintViolation(f"{instance!r} breaks {self.cls.__name__}.{FEASIBLE}")
        return instance

    def _is_feasible(self, instance: Any) -> bool:
        check = getattr(instance, FEASIBLE, _FEASIBLE_BY_DEFAULT)
        verdict = check() if callable(check) else check
        if verdict is None:
            raise SpaceError(
                f"{self.cls.__name__}.{FEASIBLE} gave None for {instance!r}: it must return True "
                "or False"
            )
        return bool(verdict)

    @cached_property
    def _rests(self) -> list[Counts]:
        """The counts of the fields from each one on; the last is of no field."""
        rests: list[Counts] = [{NOTHING: 1}]
        for domain in reversed(self.parts):
            rests.append(joint(domain.counts, rests[-1]))
        return rests[::-1]


def _equal(one: object, other: object) -> bool:
    """Whether two constants are equal; NaN equals NaN."""
    return one is other or bool(one == other) or (one != one and other != other)


def records_in(domain: Domain) -> Iterator[Record]:
    """All records that `domain` is composed of."""
    if isinstance(domain, Record):
        yield domain
    for part in domain.parts:
        yield from records_in(part)
