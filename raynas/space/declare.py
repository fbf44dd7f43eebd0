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
import math
from collections.abc import Sequence
from dataclasses import MISSING
from typing import Any, TypeVar, cast, dataclass_transform, overload

from raynas.arguments import shown
from raynas.errors import SpaceError
from raynas.space.arguments import check_several, finite_number, flag, option_of, whole_number
from raynas.space.choices import Choice, Subset
from raynas.space.combinations import Combinations
from raynas.space.declaration import RECORD, declared, record_of
from raynas.space.domains import Domain, Integer, Real
from raynas.space.fields import check_fields, constants_of, searched_fields
from raynas.space.option_labels import labels_of
from raynas.space.options import plain
from raynas.space.records import Record
from raynas.space.recursion import Recursion, unrolled
from raynas.space.repeats import Repeat, Shared
from raynas.wording import counted

__all__ = [
    "choice",
    "choice_among",
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
_NO_DEFAULT: Any = MISSING
_LARGEST = 2**53  # integers up to here are exact as doubles
_LONGEST = 10_000  # elements of a repeat: each is a decision of its own in models and stores


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
        SpaceError: No option, or a single one that holds several; two equal ones; one that is NaN,
            not hashable, has no stable name, has state such as weights, or has domains but is not
            searchable.
    """
    check_several("choice", options)
    return choice_among(options, default=default)


def choice_among(options: Sequence[Any], *, default: Any = _NO_DEFAULT) -> Any:
    """`choice` of the elements of `options`, of which the only one may be a tuple."""
    if not options:
        raise SpaceError("choice() has no options: give at least one, as in choice(3, 5)")
    choices = tuple(option_of(option, "choice") for option in options)
    return declared(Choice(choices, labels_of(choices)), plain(default))


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
    log = flag("integer", "log", log)
    low, high, step = (
        whole_number("integer", name, value)
        for name, value in (("low", low), ("high", high), ("step", step))
    )
    if max(abs(low), abs(high)) > _LARGEST:
        raise SpaceError(
            f"integer({low}, {high}): numbers beyond 2**53 are not stored exactly; "
            "use bounds from -2**53 to 2**53"
        )
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
    return cast(int, declared(Integer(low, high, step, log), plain(default)))


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
    log = flag("real", "log", log)
    low, high = finite_number("real", "low", low), finite_number("real", "high", high)
    if low >= high:
        raise SpaceError(f"real({low}, {high}): low must be below high")
    if log and (low <= 0 or step is not None):
        raise SpaceError(f"real({low}, {high}, log=True): needs low above 0, and takes no step")
    if step is not None:
        step = finite_number("real", "step", step)
        steps = (high - low) / step if step > 0 else math.nan
        if not 0.5 < steps < _LARGEST or abs(steps - round(steps)) > 1e-9 * steps:
            raise SpaceError(
                f"real({low}, {high}, step={step}): step must be above 0 and meet {high}"
            )
    return cast(float, declared(Real(low, high, step, log), plain(default)))


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
    check_several("subset", options)
    values = tuple(option_of(option, "subset") for option in options)
    if any(isinstance(value, Record | Recursion) for value in values):
        raise SpaceError("subset() chooses among plain values: use repeat(choice(...)) for classes")
    distinct, ordered = flag("subset", "distinct", distinct), flag("subset", "ordered", ordered)
    least, most = map(plain, k if isinstance(k, tuple) and len(k) == 2 else (k, k))
    largest = len(options) if distinct else math.inf
    whole = all(type(number) is int for number in (least, most))
    if not (whole and 0 <= least <= most <= largest):
        raise SpaceError(
            f"subset(k={shown(k)}) of {counted(len(options), 'option')}: k must be a whole number, "
            f"or two in order, from 0 {f'to {len(options)}' if distinct else 'on'}"
        )
    combinations = Combinations(labels_of(values, "subset"), least, most, distinct, ordered)
    return cast("tuple[T, ...]", declared(Subset(values, combinations), default))


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
        SpaceError: `element` is not a domain, or the bounds are not ``0 <= minimum <= maximum``,
            which is at most 10,000.
    """
    least = whole_number("repeat", "minimum", minimum, least=0)
    most = least if maximum is None else whole_number("repeat", "maximum", maximum, least=0)
    if least > most:
        raise SpaceError(f"repeat({least}, {most}): minimum must not be above maximum; swap them")
    if most > _LONGEST:
        raise SpaceError(f"repeat(maximum={shown(most)}): must be at most {_LONGEST:,}")
    tied = flag("repeat", "tied", tied)
    domain = Repeat(_element("repeat", element), least, most, tied)
    return cast("tuple[T, ...]", declared(domain, default))


def shared(name: str, element: T | type[T], *, default: T = _NO_DEFAULT) -> T:
    """One choice for several places: all fields declared with the same name have one value.

    Size: the element's, once for all places together.

    Args:
        name: Name of the choice; the element must be the same wherever the name is used.
        element: A searchable class, or what another of these functions returned.
        default: The field's value in the baseline.

    Raises:
        SpaceError: `name` is empty or has one of ``.[]``, or `element` is not a domain or itself
            holds a shared choice.
    """
    if not isinstance(name, str) or not name:
        raise SpaceError(f"shared({shown(name)}): the name must be a text that is not empty")
    if not set(".[]").isdisjoint(name):
        raise SpaceError(
            f"shared({name!r}): the name must not have '.', '[' or ']', which separate the parts "
            "of a path; use '_'"
        )
    domain = _element("shared", element)
    if _holds_shared(domain):
        raise SpaceError(f"shared({name!r}): its element holds a shared choice; take that out")
    return cast(T, declared(Shared(name, domain), default))


def recurse(depth: int) -> Any:
    """The class being declared, as an option of a `choice` in its own body.

    The class may so contain itself up to `depth` times along a branch; at the last, the option is
    left out. Size: that of the unrolled choices.

    Args:
        depth: How many times, at least 1.

    Raises:
        SpaceError: `depth` is not a whole number from 1 on.
    """
    return Recursion(whole_number("recurse", "depth", depth, least=1))


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
        SpaceError: A field has neither a domain nor a default, a default lies outside its domain,
            a field without a default follows one with, or something that looks like a domain would
            not be searched: one without an annotation, inside of a constant, in an annotation or
            ``field()``, or in a base class that is not searchable.
    """
    if not isinstance(cls, type):
        raise SpaceError(f"searchable({shown(cls)}): decorate a class with @searchable, without ()")
    domains, defaults = searched_fields(cls)
    try:
        frozen = dataclasses.dataclass(frozen=True)(cls)
    except (TypeError, ValueError) as error:
        what, fix = str(error), "declare searched fields before those with a default"
        if isinstance(error, ValueError):  # the dataclass refuses a list, dict or set
            what, fix = what.partition(":")[0], "use a tuple"
        raise SpaceError(f"{cls.__name__}: {what}; {fix}") from None
    check_fields(frozen, domains)
    record = unrolled(frozen, domains, constants_of(frozen, domains))
    setattr(frozen, RECORD, record)
    for name, default in defaults.items():
        list(record.fields[name].trace(f"default of {cls.__name__}.{name}", default))
    return frozen


def _element(word: str, element: object) -> Domain:
    domain = option_of(element, word)
    if not isinstance(domain, Domain):
        raise SpaceError(
            f"{word}(element={shown(element)}): element must be a @searchable class, choice(...), "
            "integer(...) or repeat(...)"
        )
    return domain


def _holds_shared(domain: Domain) -> bool:
    return isinstance(domain, Shared) or any(map(_holds_shared, domain.parts))
