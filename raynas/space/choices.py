"""Domains that choose among options: one of them, or several."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from raynas.space.combinations import Combinations
from raynas.space.domains import (
    NOTHING,
    Answers,
    Counts,
    Decide,
    Domain,
    Names,
    Steps,
    mismatch,
)
from raynas.space.options import (
    Finite,
    Options,
    Scalar,
    Uniforms,
    index_of,
    plain,
)
from raynas.space.records import Record
from raynas.wording import counted

__all__ = ["Choice", "Subset"]

_LABELS_SHOWN = 20  # options in a description; the rest is counted


@dataclass(frozen=True)
class Choice(Domain):
    """One of several options, each a plain value or a searchable class.

    Size: the sum of the options' sizes, a plain value counting one.

    Attributes:
        choices: Plain values and `Record` domains.
        labels: The options' names as JSON scalars; a scalar is its own name.
    """

    choices: tuple[Any, ...]
    labels: tuple[Scalar, ...]

    def __str__(self) -> str:
        shown = [*map(_show, self.labels[:_LABELS_SHOWN], self.choices)]
        if len(self.labels) > _LABELS_SHOWN:
            shown.append(f"... ({counted(len(self.labels), 'option')})")
        return f"choice({', '.join(shown)})"

    @cached_property
    def counts(self) -> Counts:
        """See `Domain.counts`."""
        counts: dict[Names, Any] = {}
        for option in self.choices:
            for names, number in _counts(option).items():
                counts[names] = counts.get(names, 0) + number
        return counts

    @property
    def parts(self) -> tuple[Domain, ...]:
        """The searchable classes among the options."""
        return tuple(record for record in self._records if record is not None)

    @cached_property
    def options(self) -> Finite:
        """The labels, as the answers to a decision."""
        return Finite(self.labels)

    def draw(self, uniform: Uniforms) -> Any:
        """See `Domain.draw`."""
        index = int(uniform() * len(self.choices))
        record = self._records[index]
        return self.choices[index] if record is None else record.draw(uniform)

    def build(self, path: str, decide: Decide) -> Any:
        """The option decided on, a class built in turn."""
        index = decide(path, self.options) if len(self.labels) > 1 else 0
        record = self._records[index]
        if record is None:
            return self.choices[index]
        return record.build(self._below(path, index), decide)

    def trace(self, path: str, value: object) -> Steps:
        """See `Domain.trace`."""
        index = self._find(path, value)
        if len(self.labels) > 1:
            yield path, self.options, index
        record = self._records[index]
        if record is not None:
            yield from record.trace(self._below(path, index), value)

    def decisions(self, path: str) -> Iterator[tuple[str, Options]]:
        """See `Domain.decisions`."""
        if len(self.labels) > 1:
            yield path, self.options
        for index, option in enumerate(self.choices):
            if isinstance(option, Record):
                yield from option.decisions(self._below(path, index))

    def unrank(self, path: str, names: Names, rank: int) -> Answers:
        """See `Domain.unrank`."""
        for index, option in enumerate(self.choices):
            number = _counts(option).get(names, 0)
            if rank < number:
                yield path, index
                if isinstance(option, Record):
                    yield from option.unrank(self._below(path, index), names, rank)
                return
            rank -= number

    def to_json(self, value: Any) -> Any:
        """An option's label, or the object form of a searchable class."""
        index = self._find("", value)
        option = self.choices[index]
        return option.to_json(value) if isinstance(option, Record) else self.labels[index]

    def from_json(self, path: str, data: Any) -> Any:
        """See `Domain.from_json`."""
        is_object = isinstance(data, dict) and "class" in data
        index = index_of(self.labels, data["class"] if is_object else data)
        if index is None or is_object != isinstance(self.choices[index], Record):
            raise mismatch(path, data, str(self))
        option = self.choices[index]
        return option.from_json(self._below(path, index), data) if is_object else option

    @cached_property
    def _records(self) -> tuple[Record | None, ...]:
        """The options that are searchable classes, in their places."""
        return tuple(option if isinstance(option, Record) else None for option in self.choices)

    @cached_property
    def _indices(self) -> dict[object, int]:
        """The index of each plain value, and of each searchable class."""
        return {c.cls if isinstance(c, Record) else c: i for i, c in enumerate(self.choices)}

    def _find(self, path: str, value: object) -> int:
        value = plain(value)
        try:
            index = self._indices.get(value, -1)
        except TypeError:  # not hashable, so none of the values
            index = -1
        if index < 0 or isinstance(self.choices[index], bool) != isinstance(value, bool):
            index = self._indices.get(type(value), -1)
            if index < 0 or not isinstance(self.choices[index], Record):
                raise mismatch(path, value, str(self), self._classes)
        return index

    @cached_property
    def _classes(self) -> tuple[Any, ...]:
        """The classes among the options, to be searched or plain values."""
        options = (option.cls if isinstance(option, Record) else option for option in self.choices)
        return tuple(option for option in options if hasattr(option, "__qualname__"))

    def _below(self, path: str, index: int) -> str:
        return f"{path}.{self.labels[index]}" if len(self.labels) > 1 else path


@dataclass(frozen=True)
class Subset(Domain):
    """A tuple of several of the options.

    Size, summed over the possible lengths k, with n options: ``n! / (k! (n - k)!)`` where they are
    distinct and not ordered, ``n! / (n - k)!`` distinct and ordered, ``(n + k - 1)! / (k! (n -
    1)!)`` with repetition and not ordered, ``n ** k`` with repetition and ordered.

    Attributes:
        values: What is chosen from.
        options: Labels of the options and the rules of choosing.
    """

    values: tuple[Any, ...]
    options: Combinations

    def __str__(self) -> str:
        return f"subset: {self.options}"

    @property
    def counts(self) -> Counts:
        """See `Domain.counts`."""
        return {NOTHING: self.options.size}

    def draw(self, uniform: Uniforms) -> tuple[Any, ...]:
        """See `Domain.draw`."""
        return tuple(self.values[index] for index in self.options.draw(uniform))

    def build(self, path: str, decide: Decide) -> tuple[Any, ...]:
        """The values decided on."""
        indices = decide(path, self.options) if self.options.size > 1 else self.options.unrank(0)
        return tuple(self.values[index] for index in indices)

    def trace(self, path: str, value: object) -> Steps:
        """See `Domain.trace`."""
        answer = self._indices(value)
        if answer is None:
            raise mismatch(path, value, f"a tuple, {self}")
        if self.options.size > 1:
            yield path, self.options, answer

    def decisions(self, path: str) -> Iterator[tuple[str, Options]]:
        """See `Domain.decisions`."""
        if self.options.size > 1:
            yield path, self.options

    def unrank(self, path: str, names: Names, rank: int) -> Answers:
        """See `Domain.unrank`."""
        del names
        yield path, self.options.unrank(rank)

    def to_json(self, value: Any) -> Any:
        """A list of the labels."""
        return [self.options.labels[index] for index in self._indices(value) or ()]

    def from_json(self, path: str, data: Any) -> Any:
        """See `Domain.from_json`."""
        labels = data if isinstance(data, list) else []
        indices = [index_of(self.options.labels, label) for label in labels]
        if not isinstance(data, list) or None in indices:
            raise mismatch(path, data, f"a list of labels, {self}")
        value = tuple(self.values[index] for index in indices if index is not None)
        list(self.trace(path, value))
        return value

    def _indices(self, value: object) -> tuple[int, ...] | None:
        if not isinstance(value, tuple):
            return None
        indices = [index_of(self.values, element) for element in value]
        if not self.options.least <= len(indices) <= self.options.most or None in indices:
            return None
        length = (len(indices) - self.options.least,)
        number = length if self.options.least < self.options.most else ()
        answer: tuple[int, ...] | None = self.options.answer(
            (*number, *indices, *[None] * (self.options.most - len(indices)))
        )
        return answer


def _counts(option: object) -> Counts:
    return option.counts if isinstance(option, Record) else {NOTHING: 1}


def _show(label: Scalar, option: object) -> str:
    nested = isinstance(option, Record)
    return str(label) if nested or not isinstance(option, Scalar) else repr(label)
