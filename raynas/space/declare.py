"""The words that a search space is declared with.

```python
@searchable
class Conv:
    kernel: int = choice(3, 5)
    activation: str = choice("relu", "silu")

@searchable
class Net:
    width: int = integer(8, 64, step=8, default=16)
    blocks: tuple[Conv, ...] = repeat(Conv, 1, 4, default=(Conv(3, "relu"),))
```

An instance, ``Net(width=16, blocks=(Conv(3, "relu"),))``, is an architecture: frozen, comparable,
hashable and printable. Type checkers take the fields for what their annotations say. Where every
field has a default, ``Net()`` is the baseline.
"""

from __future__ import annotations

import dataclasses
import inspect
import math
from dataclasses import MISSING, dataclass
from typing import Any, TypeVar, cast, dataclass_transform, overload

from raynas.arguments import shown
from raynas.errors import SpaceError
from raynas.space.choices import Choice, Subset, labels_of
from raynas.space.domains import Domain, Integer, Real
from raynas.space.options import Combinations
from raynas.space.records import Record
from raynas.space.recursion import Recursion, unrolled
from raynas.space.repeats import Repeat, Shared

__all__ = [
    "choice",
    "integer",
    "real",
    "record_of",
    "recurse",
    "repeat",
    "searchable",
    "shared",
    "subset",
]

T = TypeVar("T")
T1 = TypeVar("T1")
T2 = TypeVar("T2")
T3 = TypeVar("T3")
T4 = TypeVar("T4")
_RECORD = "__raynas_record__"
_NO_DEFAULT: Any = MISSING
_LARGEST = 2**53


@dataclass(frozen=True)
class _Declared:
    """A field's domain and the value that it has in the baseline."""

    domain: Domain
    default: Any


def _declared(domain: Domain, default: Any) -> Any:
    return domain if default is MISSING else _Declared(domain, default)


@overload  # without these two a type checker takes the common base class, which is object
def choice(a: type[T1], b: type[T2], /, *, default: T1 | T2 = ...) -> T1 | T2: ...
@overload
def choice(
    a: type[T1], b: type[T2], c: type[T3], /, *, default: T1 | T2 | T3 = ...
) -> T1 | T2 | T3: ...
@overload
def choice(
    a: type[T1], b: type[T2], c: type[T3], d: type[T4], /, *, default: T1 | T2 | T3 | T4 = ...
) -> T1 | T2 | T3 | T4: ...
@overload
def choice(*options: type[T], default: T = ...) -> T: ...
@overload
def choice(*options: T, default: T = ...) -> T: ...
def choice(*options: Any, default: Any = _NO_DEFAULT) -> Any:
    """One of `options`, each a plain value or a searchable class, in any mix.

    A class stands for all its instances, so ``choice(Conv, Skip)`` is a conditional choice: the
    fields of `Conv` exist only where `Conv` is chosen. Size: the sum of the options' sizes, a
    plain value counting one.

    Args:
        options: What to choose from.
        default: The field's value in the baseline.

    Raises:
        SpaceError: No option; two equal ones; one that is NaN, not hashable or has no stable name.
    """
    if not options:
        raise SpaceError("choice() has no options: give at least one, as in choice(3, 5)")
    choices = tuple(_option(option) for option in options)
    return _declared(Choice(choices, labels_of(choices)), default)


def integer(
    low: int, high: int, *, step: int = 1, log: bool = False, default: int = _NO_DEFAULT
) -> int:
    """A whole number from `low` to `high`, both included, in steps of `step`.

    Size: ``(high - low) / step + 1``.

    Args:
        low: The smallest number.
        high: The largest number.
        step: The distance between numbers.
        log: Whether to draw uniformly by the logarithm; not together with `step`.
        default: The field's value in the baseline.

    Raises:
        SpaceError: A bound or the step is not a whole number, `low` is above `high`, `step` is
            not positive, the steps do not meet `high`, or `log` goes with a step or a bound up
            to 0.
    """
    for name, value in (("low", low), ("high", high), ("step", step)):
        if not isinstance(value, int) or isinstance(value, bool):
            raise SpaceError(f"integer({name}={value!r}): {name} must be a whole number")
    if max(abs(low), abs(high)) > _LARGEST:
        raise SpaceError(f"integer({low}, {high}): numbers beyond 2**53 are not stored exactly")
    if step < 1:
        raise SpaceError(f"integer(step={step}): step must be at least 1")
    if low > high:
        raise SpaceError(f"integer({low}, {high}): low must not be above high; swap them")
    if (high - low) % step:
        reached = high - (high - low) % step
        raise SpaceError(
            f"integer({low}, {high}, step={step}) never reaches {high}: "
            f"use {reached} or {reached + step} as the upper bound"
        )
    if log and (low < 1 or step != 1):
        raise SpaceError(f"integer({low}, {high}, log=True): needs low above 0, and takes no step")
    return cast(int, _declared(Integer(low, high, step, log), default))


def real(
    low: float,
    high: float,
    *,
    step: float | None = None,
    log: bool = False,
    default: float = _NO_DEFAULT,
) -> float:
    """A number from `low` to `high`, both included.

    Size: ``(high - low) / step + 1``, or infinite without a step.

    Args:
        low: The smallest number.
        high: The largest number.
        step: The distance between numbers; None for all numbers.
        log: Whether to draw uniformly by the logarithm; not together with `step`.
        default: The field's value in the baseline.

    Raises:
        SpaceError: A bound is not a finite number, `low` is not below `high`, `step` is not
            positive or does not meet `high`, or `log` goes with a step or a bound up to 0.
    """
    for name, value in (("low", low), ("high", high)):
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or not math.isfinite(value):
            raise SpaceError(f"real({name}={value!r}): {name} must be a finite number")
    if low >= high:
        raise SpaceError(f"real({low}, {high}): low must be below high")
    if log and (low <= 0 or step is not None):
        raise SpaceError(f"real({low}, {high}, log=True): needs low above 0, and takes no step")
    if step is not None:
        steps = (high - low) / step if step > 0 else math.nan
        if not math.isclose(steps, round(steps) if steps > 0 else 0, rel_tol=1e-9):
            raise SpaceError(
                f"real({low}, {high}, step={step}): step must be above 0 and meet {high}"
            )
    return cast(float, _declared(Real(float(low), float(high), step, log), default))


def subset(
    *options: T,
    k: int | tuple[int, int],
    distinct: bool = True,
    ordered: bool = False,
    default: tuple[T, ...] = _NO_DEFAULT,
) -> tuple[T, ...]:
    """A tuple of `k` of `options`, which are plain values.

    Size, summed over the possible k, with n options: ``n! / (k! (n - k)!)`` where they are
    distinct and not ordered, ``n! / (n - k)!`` distinct and ordered, ``(n + k - 1)! / (k! (n -
    1)!)`` with repetition and not ordered, ``n ** k`` with repetition and ordered.

    Args:
        options: What to choose from.
        k: How many, or the least and the largest number.
        distinct: Whether none may be chosen twice.
        ordered: Whether another order is another architecture; otherwise the tuple is in the
            order of `options`.
        default: The field's value in the baseline.

    Raises:
        SpaceError: No option; two equal ones; one that is a class to search, NaN, not hashable or
            without a stable name; `k` out of its range.
    """
    if not options:
        raise SpaceError("subset() has no options: give at least one, as in subset(1, 2, k=1)")
    if any(isinstance(_option(option), Record | Recursion) for option in options):
        raise SpaceError("subset() chooses among plain values: use repeat(choice(...)) for classes")
    least, most = k if isinstance(k, tuple) else (k, k)
    largest = len(options) if distinct else math.inf
    if not (isinstance(least, int) and isinstance(most, int) and 0 <= least <= most <= largest):
        raise SpaceError(
            f"subset(k={k!r}) of {len(options)} options: k must be a whole number, or two in "
            f"order, from 0 {f'to {len(options)}' if distinct else 'on'}"
        )
    combinations = Combinations(labels_of(options), least, most, distinct, ordered)
    return cast("tuple[T, ...]", _declared(Subset(options, combinations), default))


def repeat(
    element: T | type[T],
    minimum: int,
    maximum: int | None = None,
    *,
    tied: bool = False,
    default: tuple[T, ...] = _NO_DEFAULT,
) -> tuple[T, ...]:
    """A tuple of `minimum` to `maximum` elements.

    Size: ``sum(size(element) ** n for n in range(minimum, maximum + 1))``; tied, each power with
    n above 0 is ``size(element)`` instead.

    Args:
        element: A searchable class, or what another of these functions returned.
        minimum: The least number of elements.
        maximum: The largest number; `minimum` by default, for a fixed length.
        tied: Whether all elements are the same one.
        default: The field's value in the baseline.

    Raises:
        SpaceError: `element` is not a domain, or the bounds are not ``0 <= minimum <= maximum``.
    """
    most = minimum if maximum is None else maximum
    for name, value in (("minimum", minimum), ("maximum", most)):
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise SpaceError(f"repeat({name}={value!r}): {name} must be a whole number from 0 on")
    if minimum > most:
        raise SpaceError(f"repeat({minimum}, {most}): minimum must not be above maximum; swap them")
    domain = Repeat(_element("repeat", element), minimum, most, tied)
    return cast("tuple[T, ...]", _declared(domain, default))


def shared(name: str, element: T | type[T], *, default: T = _NO_DEFAULT) -> T:
    """One choice for several places: all fields declared with the same name have one value.

    Size: the element's, once for all places together.

    Args:
        name: Of the choice; the element must be the same wherever the name is used.
        element: A searchable class, or what another of these functions returned.
        default: The field's value in the baseline.

    Raises:
        SpaceError: `name` is empty, or `element` is not a domain or itself holds a shared choice.
    """
    if not isinstance(name, str) or not name:
        raise SpaceError(f"shared({name!r}): the name must be a text that is not empty")
    domain = _element("shared", element)
    if _holds_shared(domain):
        raise SpaceError(f"shared({name!r}): its element holds a shared choice; take that out")
    return cast(T, _declared(Shared(name, domain), default))


def recurse(depth: int) -> Any:
    """The class being declared, as an option of a `choice` in its own body.

    The class may so contain itself up to `depth` times along a branch; at the last, the option is
    left out. Size: that of the unrolled choices.

    Args:
        depth: How many times, at least 1.

    Raises:
        SpaceError: `depth` is not a whole number from 1 on.
    """
    if not isinstance(depth, int) or isinstance(depth, bool) or depth < 1:
        raise SpaceError(f"recurse({depth!r}): depth must be a whole number from 1 on")
    return Recursion(depth)


@dataclass_transform(
    frozen_default=True,
    field_specifiers=(choice, integer, real, subset, repeat, shared),
)
def searchable(cls: type[T]) -> type[T]:
    """Class decorator: makes `cls` a frozen dataclass whose fields can be searched.

    A field declared with one of this module's functions is searched; one with an ordinary default
    is a constant of every architecture. Domains are inherited and can be overridden. A method
    ``is_feasible(self) -> bool`` is a constraint: instances for which it is false are not in the
    space.

    Raises:
        SpaceError: A field has neither a domain nor a default, a domain has no annotation, a
            default lies outside its domain, or a field without a default follows one with.
    """
    domains, defaults = _domains(cls)
    try:
        frozen = dataclasses.dataclass(frozen=True)(cls)
    except TypeError as error:
        raise SpaceError(
            f"{cls.__name__}: {error}; declare searched fields before those with a default"
        ) from None
    constants: dict[str, object] = {}
    for field in dataclasses.fields(frozen):  # type: ignore[arg-type]
        if field.name in domains:
            continue
        if field.default is MISSING:
            raise SpaceError(
                f"field {field.name!r} of {cls.__name__} has no domain: "
                "give it choice(...), integer(...) or repeat(...), or a default that stays fixed"
            )
        constants[field.name] = field.default
    record = unrolled(frozen, domains, constants)
    setattr(frozen, _RECORD, record)
    for name, default in defaults.items():
        list(record.fields[name].trace(f"default of {cls.__name__}.{name}", default))
    return frozen


def record_of(cls: object) -> Record:
    """The domain of a searchable class.

    Raises:
        SpaceError: `cls` is not a class decorated with `searchable`.
    """
    record = cls.__dict__.get(_RECORD) if isinstance(cls, type) else None
    if not isinstance(record, Record):
        name = cls.__name__ if isinstance(cls, type) else shown(cls)
        raise SpaceError(f"{name} is not a search space: decorate its class with @searchable")
    return record


def _domains(cls: type[Any]) -> tuple[dict[str, Domain], dict[str, object]]:
    """The domains of `cls` and its bases, and the defaults of its own.

    Domains are taken off `cls`, so that the dataclass made of it sees the defaults only.
    """
    domains: dict[str, Domain] = {}
    defaults: dict[str, object] = {}
    for base in reversed(cls.__mro__[1:]):
        record = base.__dict__.get(_RECORD)
        domains.update(record.fields if record is not None else {})
    annotations = inspect.get_annotations(cls)
    for name, value in list(vars(cls).items()):
        if isinstance(value, Domain | _Declared):
            domain = value.domain if isinstance(value, _Declared) else value
            if name not in annotations:
                raise SpaceError(
                    f"field {name!r} of {cls.__name__} has no type annotation: "
                    f"write `{name}: <type> = {domain}`"
                )
            domains[name] = domain
            delattr(cls, name)
            if isinstance(value, _Declared):
                defaults[name] = value.default
                setattr(cls, name, value.default)
        elif isinstance(value, Recursion):
            raise SpaceError(
                f"field {name!r} of {cls.__name__} is recurse({value.depth}): "
                "recurse() may only be an option of a choice()"
            )
        elif name in annotations:
            domains.pop(name, None)
    return domains, defaults


def _option(option: object) -> Any:
    """A searchable class becomes its domain; anything else stays what it is."""
    if isinstance(option, _Declared):
        raise SpaceError(
            f"default={option.default!r} inside another declaration: "
            "give the field a default, not a part of it"
        )
    searchable_class = isinstance(option, type) and hasattr(option, _RECORD)
    return record_of(option) if searchable_class else option


def _element(word: str, element: object) -> Domain:
    domain = _option(element)
    if not isinstance(domain, Domain):
        raise SpaceError(
            f"{word}(element={element!r}): element must be a @searchable class, choice(...), "
            "integer(...) or repeat(...)"
        )
    return domain


def _holds_shared(domain: Domain) -> bool:
    return isinstance(domain, Shared) or any(map(_holds_shared, domain.parts))
