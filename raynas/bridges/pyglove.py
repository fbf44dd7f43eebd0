"""PyGlove: a hyper value with the same tree of decisions, and its DNA."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from typing import Any, TypeVar

from raynas.bridges.activation_conditions import refuse_constraints
from raynas.bridges.dynamic_classes import field_names, host, made, option, refusal
from raynas.errors import SpaceError
from raynas.space import Interval, Space, choice, real, repeat, subset
from raynas.space.choices import Choice, Subset
from raynas.space.combinations import Combinations
from raynas.space.declare import choice_among, record_of
from raynas.space.domains import ConstraintViolation, Domain, Number
from raynas.space.options import Answer, Finite, Options
from raynas.space.records import Record
from raynas.space.repeats import Repeat
from raynas.wording import counted

__all__ = ["from_dna", "from_pyglove", "to_dna", "to_pyglove"]

A = TypeVar("A")

_LIMIT = 10_000  # PyGlove makes an object of each candidate: chosen by hand, some MB
_TEMPLATE = "__pyglove__"


def to_pyglove(space: Space[Any]) -> Any:
    """`space` as a ``pg.Dict`` of ``pg.oneof``, ``pg.manyof`` and ``pg.floatv``.

    A searchable class is a ``pg.Dict`` of its fields, with its name under ``class``; a tied
    `repeat` one of its number of elements and the element. The sizes agree.

    Raises:
        SpaceError: There is a shared choice, an `is_feasible`, or a number with more than 10,000
            values, which PyGlove would have to list.
        ConfigurationError: PyGlove is not installed.
    """
    refuse_constraints(space, "PyGlove")
    return _hyper(host("pyglove", "pyglove"), space.domain, "")


def from_pyglove(hyper: Any) -> Space[Any]:
    """The space of the values of `hyper`; `to_dna` and `from_dna` then speak of `hyper`'s DNA.

    Raises:
        SpaceError: It has a decision with a single outcome, a sorted or distinct ``pg.manyof``
            over candidates with decisions of their own, a derived value, or a kind of hyper value
            that is not PyGlove's own.
        ConfigurationError: PyGlove is not installed.
    """
    pg = host("pyglove", "pyglove")
    if type(hyper) in (dict, list):
        hyper = (pg.Dict if isinstance(hyper, dict) else pg.List)(hyper)
    return Space(_class(pg, "Hyper", hyper, "hyper", **{_TEMPLATE: hyper}))


def to_dna(space: Space[A], architecture: A) -> Any:
    """The ``pg.DNA`` of `architecture`."""
    pg = host("pyglove", "pyglove")
    numbers = [
        n
        for _, options, answer in space.decisions.trace(architecture)
        for n in _to(options, answer)
    ]
    return pg.DNA.from_numbers(numbers, _spec(space))


def from_dna(space: Space[A], dna: Any) -> A:
    """The inverse of `to_dna`.

    Raises:
        SpaceError: `dna` is not of this space.
    """
    numbers = iter(dna.to_numbers())
    try:
        architecture = space.decisions.build(lambda _, options: _from(options, numbers))
    except (StopIteration, IndexError):
        raise SpaceError(f"{dna!r} is not of {space!r}: give one of its own DNAs") from None
    except ConstraintViolation as reason:
        raise SpaceError(f"{dna!r}: {reason}") from None
    if next(numbers, None) is not None:
        raise SpaceError(f"{dna!r} is longer than those of {space!r}: give one of its own DNAs")
    return architecture


@lru_cache(maxsize=8)
def _spec(space: Space[Any]) -> Any:
    pg = host("pyglove", "pyglove")
    whole = space.domain is record_of(space.root)
    template = getattr(space.root, _TEMPLATE, None) if whole else None
    return pg.dna_spec(to_pyglove(space) if template is None else template)


def _to(options: Options, answer: Answer) -> list[int | float]:
    """`answer` as PyGlove numbers it."""
    if isinstance(options, Combinations):
        length = [len(answer) - options.least] if options.least < options.most else []
        return [*length, *(answer if _only(options, len(answer)) is None else ())]
    if isinstance(options, Interval) and options.step is not None:
        return [round((answer - options.low) / options.step)]
    return [answer]


def _from(options: Options, numbers: Iterator[Any]) -> Answer:
    """The inverse of `_to`; takes of `numbers` what it needs."""
    if isinstance(options, Combinations):
        length = options.least + (next(numbers) if options.least < options.most else 0)
        only = _only(options, length)
        return tuple(next(numbers) for _ in range(length)) if only is None else only
    if isinstance(options, Interval) and options.step is None:
        return float(next(numbers))
    rank = next(numbers)
    if not isinstance(rank, int) or not 0 <= rank < options.size:
        raise IndexError(rank)
    return options.unrank(rank)


def _hyper(pg: Any, domain: Domain, path: str) -> Any:
    """The template of `domain`."""
    match domain:
        case Record():
            fields = {n: _hyper(pg, d, f"{path}.{n}") for n, d in domain.fields.items()}
            return pg.Dict({"class": domain.cls.__name__, **fields})
        case Choice():
            options = [_option(pg, option, path) for option in domain.choices]
            return pg.oneof(options) if len(options) > 1 else options[0]
        case Subset():
            return _combination(pg, domain)
        case Repeat():
            lists = [_elements(pg, domain, length, path) for length in domain.lengths]
            return pg.oneof(lists) if len(lists) > 1 else lists[0]
        case Number():
            return _number(pg, domain.options, path)
    raise refusal(
        f"{path.lstrip('.')} = {domain}",
        "PyGlove has no choice that holds in several places and is conditional",
        "make it a field of a class that stands above these places",
    )


def _option(pg: Any, option: Any, path: str) -> Any:
    return _hyper(pg, option, path) if isinstance(option, Record) else option


def _combination(pg: Any, domain: Subset) -> Any:
    options = domain.options
    rules = {"distinct": options.distinct, "sorted": not options.ordered}
    lists = []
    for length in range(options.least, options.most + 1):
        only = _only(options, length)
        if only is None:
            lists.append(pg.manyof(length, list(domain.values), **rules))
        else:
            lists.append(pg.List([domain.values[index] for index in only]))
    return pg.oneof(lists) if len(lists) > 1 else lists[0]


def _only(options: Combinations, length: int) -> tuple[int, ...] | None:
    """The combination of `length` labels, if there is a single one: that is no decision."""
    fixed = replace(options, least=length, most=length)
    answer: tuple[int, ...] | None = fixed.unrank(0) if fixed.size == 1 else None
    return answer


def _elements(pg: Any, domain: Repeat, length: int, path: str) -> Any:
    if domain.tied and length:
        return pg.Dict(times=length, element=_hyper(pg, domain.element, f"{path}[*]"))
    return pg.List([_hyper(pg, domain.element, f"{path}[{i}]") for i in range(length)])


def _number(pg: Any, options: Options, path: str) -> Any:
    if isinstance(options, Interval) and options.step is None:
        return pg.floatv(options.low, options.high, scale="log" if options.log else None)
    if isinstance(options, Finite) and options.log:
        raise refusal(
            f"{path.lstrip('.')} = {options}",
            "PyGlove draws whole numbers evenly, not by their logarithm",
            "take log away",
        )
    if options.size > _LIMIT:
        raise refusal(
            f"{path.lstrip('.')} of {counted(options.size, 'value')}",
            f"PyGlove would have to list them, and more than {_LIMIT} are too many",
            "give a larger step",
        )
    answers = [options.unrank(rank) for rank in range(int(options.size))]
    values = [options.values[a] for a in answers] if isinstance(options, Finite) else answers
    return pg.oneof(values) if len(values) > 1 else values[0]


def _class(pg: Any, name: str, value: Any, where: str, **attributes: Any) -> type[Any]:
    """A class with a field for each part of `value` that holds a decision."""
    items = value.sym_items() if _is_composed(pg, value) else [("value", value)]
    parts = {key: part for key, part in items if _is_open(pg, part)}
    names = field_names(parts)
    fields = {names[key]: _declared(pg, part, f"{where}.{key}") for key, part in parts.items()}
    return made(name, fields, {}, **attributes)


def _declared(pg: Any, value: Any, where: str) -> Any:
    if _is_composed(pg, value):
        return choice(_class(pg, "Part", value, where))
    if isinstance(value, pg.hyper.Float) and value.scale in (None, "linear", "log"):
        return real(value.min_value, value.max_value, log=value.scale == "log")
    if not isinstance(value, pg.hyper.Choices):
        raise refusal(f"{where} = {value!r}", "raynas has no such choice", "use oneof or floatv")
    if pg.dna_spec(value).space_size == 1:
        raise refusal(f"{where} = {value!r}", "it has a single outcome", "write that instead")
    options = [
        _class(pg, f"{type(c).__name__}{i}", c, f"{where}[{i}]") if _is_open(pg, c) else option(c)
        for i, c in enumerate(value.candidates)
    ]
    distinct, ordered = value.choices_distinct, not value.choices_sorted
    try:
        if isinstance(value, pg.hyper.OneOf):
            return choice_among(options)
        if not any(_is_open(pg, candidate) for candidate in value.candidates):
            return subset(*options, k=value.num_choices, distinct=distinct, ordered=ordered)
    except SpaceError as error:
        raise SpaceError(f"{where}: {error}") from None
    if distinct or not ordered:
        raise refusal(
            f"{where} = {value!r}",
            "its candidates hold decisions, and are distinct or sorted",
            "give manyof(distinct=False, sorted=False), or candidates without decisions",
        )
    return repeat(choice(*options), value.num_choices)


def _is_composed(pg: Any, value: Any) -> bool:
    """Whether decisions may lie within `value` rather than in its being chosen."""
    return isinstance(value, pg.Symbolic) and not _is_hyper(pg, value)


def _is_hyper(pg: Any, value: Any) -> bool:
    return isinstance(value, pg.hyper.HyperValue | pg.hyper.DerivedValue)


def _is_open(pg: Any, value: Any) -> bool:
    if _is_composed(pg, value):
        return any(_is_open(pg, part) for _, part in value.sym_items())
    return _is_hyper(pg, value)
