"""Whether a search space is one that a search can do well with."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeAlias, TypeVar

import numpy as np

from raynas.errors import ConfigurationError, in_a_line
from raynas.space.choices import Choice, Subset
from raynas.space.domains import Domain, Integer, Real, collapsed
from raynas.space.options import Interval, Scalar
from raynas.space.records import FEASIBLE, Record
from raynas.space.repeats import Repeat, Shared
from raynas.space.space import Space
from raynas.space.training_words import SETTINGS, setting_of
from raynas.wording import counted, shown_architectures, shown_size

__all__ = ["Finding", "Severity", "check_guidelines"]

A = TypeVar("A")
Severity: TypeAlias = Literal["error", "warning", "advice"]

LARGEST_SIZE = 10**20  # the limit of the guidelines, see `check_guidelines`
MOST_OPTIONS = 10  # the limit of the guidelines, see `check_guidelines`
INFEASIBLE_SHARE = 0.2  # of random architectures: the search's own rule stops at failures
_WORTH_A_SEARCH = 1000
"""Up to so many architectures, a part is not worth a search of its own."""
_CHANCE = 1e-6
"""Probability of a false word on an option that did not occur."""
_REASONS_SHOWN = 3  # lines of a message


@dataclass(frozen=True)
class Finding:
    """What a rule has to say of a space.

    Attributes:
        rule: The rule's name.
        severity: ``"error"``: fix it, or allow it expressly. ``"warning"``: the search will
            suffer. ``"advice"``: could be better.
        message: What and where, why it matters, and what to do.
    """

    rule: str
    severity: Severity
    message: str


def check_guidelines(
    space: Space[A],
    *,
    allow: Collection[str] = (),
    samples: int = 1000,
    rng: np.random.Generator | None = None,
    try_out: Callable[[A], object] | None = None,
) -> tuple[Finding, ...]:
    """What speaks against searching `space` as it is, the gravest first.

    Args:
        space: The space.
        allow: Names of training settings that may be searched all the same, such as
            ``"learning_rate"``.
        samples: Combinations drawn for what can only be estimated; 0 leaves those rules out.
        rng: What they are drawn with; a fixed one by default.
        try_out: Raises for an architecture that cannot be tried, such as one that cannot be built.

    Raises:
        ConfigurationError: `allow` has an unknown name.
    """
    known = [setting.name for setting in SETTINGS]
    if unknown := sorted(set(allow) - set(known)):
        raise ConfigurationError(f"allow={unknown[0]!r} is unknown: use one of {', '.join(known)}")
    findings = [
        *_training_settings(space, allow),
        *_size(space),
        *_options(space),
        *_no_decision(space),
    ]
    if samples > 0:
        survey = _surveyed(space, samples, rng or np.random.default_rng(0), try_out)
        findings += [*_infeasible(survey), *_never_active(survey)]
    order = ("error", "warning", "advice")
    return tuple(sorted(dict.fromkeys(findings), key=lambda f: order.index(f.severity)))


def _training_settings(space: Space[Any], allow: Collection[str]) -> Iterator[Finding]:
    """Only architecture is searched: words on each outermost field that says otherwise."""
    inside: list[str] = []
    for path, name, domain in _walk(space.domain):
        if any(path.startswith((f"{outer}.", f"{outer}[")) for outer in inside):
            continue
        names = (name, domain.name if isinstance(domain, Shared) else "")
        setting = next(filter(None, map(setting_of, names)), None)
        if setting is not None and _decides(domain, path):
            inside.append(path)
            if setting.name not in allow:
                message = f"{path} {setting.why}. To search it all the same, allow {setting.name}"
                yield Finding("training setting", setting.severity, message)


def _size(space: Space[Any]) -> Iterator[Finding]:
    """Over 10^20 architectures, search in parts first, then around their winners."""
    if space.size <= LARGEST_SIZE:
        return
    record = space.domain
    parts = {
        name: space.of_domain(replace(record, fields={name: domain})).size
        for name, domain in record.fields.items()
    }
    parts = {name: size for name, size in parts.items() if size > 1}
    sizes = ", ".join(f"{name} ({shown_size(size)})" for name, size in parts.items())
    message = f"{shown_architectures(space.size)}, more than 10^20, in {sizes}."
    if space.size == math.inf:
        message += " Give real numbers a step, so that they can be counted."
    worth = [f'"{name}"' for name, size in parts.items() if size > _WORTH_A_SEARCH]
    if len(worth) > 1:
        need = " (give every field a default, or the space a baseline, for that)"
        how_to_have_one = "" if _has_baseline(space) else need
        message += (
            f" Search the large parts first, the rest held at the baseline{how_to_have_one}: "
            f"space.split({', '.join(worth)}); then the joint, smaller space around the winners: "
            "space.around(*winners)."
        )
    if large := [name for name, size in parts.items() if size > LARGEST_SIZE]:
        message += (
            f" Even alone, {' and '.join(large)} is too large: declare it as several fields, take "
            "options out, or let repeated elements be equal, as in repeat(..., tied=True)."
        )
    yield Finding("size", "warning", message)


def _options(space: Space[Any]) -> Iterator[Finding]:
    """More than ten options in one choice are more than a search can try often enough."""
    for path, _, domain in _walk(space.domain):
        match domain:
            case Choice():
                count: float = len(domain.labels)
            case Subset():
                count = len(domain.values)
            case Integer() | Real() | Repeat():
                count = domain.options.size
            case _:
                continue
        if count <= MOST_OPTIONS:
            continue
        if isinstance(domain, Choice | Subset):
            message = f"{path} chooses among {counted(count, 'option')}, more than {MOST_OPTIONS}: "
            yield Finding("options", "warning", message + "keep those that differ most")
        else:
            number = "any number" if count == math.inf else counted(count, "number")
            message = f"{path} takes {number}, more than {MOST_OPTIONS}, in {domain}: "
            fix = "narrow its lengths" if isinstance(domain, Repeat) else "use a coarser step"
            yield Finding("options", "advice", message + fix)


def _no_decision(space: Space[Any]) -> Iterator[Finding]:
    """A field with a single value decides nothing."""
    inside: list[str] = []
    for path, name, domain in _walk(space.domain):
        nested = any(path.startswith((f"{outer}.", f"{outer}[")) for outer in inside)
        if name and not nested and not _decides(domain, path):
            inside.append(path)
            message = f"{path} has a single value, {domain}: give it options, or make it a constant"
            yield Finding("no effect", "advice", message)


@dataclass(frozen=True)
class _Survey:
    """What a sample of raw combinations showed.

    Attributes:
        drawn: How many there were.
        reasons: How many are infeasible, by why; reasons that differ in numbers only are one.
        first: The first reason of each kind in full.
        taken: How often feasible ones took each value, by column with positions collapsed.
        values: What those columns hold.
    """

    drawn: int
    reasons: Counter[str] = field(default_factory=Counter)
    first: dict[str, str] = field(default_factory=dict)
    taken: dict[str, Counter[Scalar]] = field(default_factory=dict)
    values: dict[str, tuple[Scalar, ...] | range] = field(default_factory=dict)

    def add_infeasible(self, reason: str) -> None:
        """Count a combination that cannot be tried."""
        kind = re.sub(r"\d+", "0", reason)
        self.reasons[kind] += 1
        self.first.setdefault(kind, reason)


def _surveyed(
    space: Space[A],
    samples: int,
    rng: np.random.Generator,
    try_out: Callable[[A], object] | None,
) -> _Survey:
    survey = _Survey(samples)
    for column in space.columns:
        if not isinstance(column.values, Interval):
            survey.values.setdefault(collapsed(column.path), column.values)
    for _ in range(samples):
        architecture = space.draw(rng)
        if architecture is None:
            survey.add_infeasible(f"{FEASIBLE} does not hold")
            continue
        try:
            if try_out is not None:
                try_out(architecture)
        except Exception as error:
            survey.add_infeasible(in_a_line(error))
            continue
        for path, value in space.to_config(architecture).items():
            survey.taken.setdefault(collapsed(path), Counter())[value] += 1
    return survey


def _infeasible(survey: _Survey) -> Iterator[Finding]:
    """The share of combinations that cannot be tried, with Wilson's 95 % interval."""
    bad = survey.reasons.total()
    if not bad:
        return
    from scipy.stats import binomtest

    share = bad / survey.drawn
    interval = binomtest(bad, survey.drawn).proportion_ci(0.95, method="wilson")
    reasons = "; ".join(
        f"{survey.first[kind]} ({count:,})"
        for kind, count in survey.reasons.most_common(_REASONS_SHOWN)
    )
    message = (
        f"{share:.1%} of the combinations are infeasible (95 % interval {interval.low:.1%} to "
        f"{interval.high:.1%}; {bad:,} of {survey.drawn:,} drawn)"
    )
    if share > INFEASIBLE_SHARE:
        message += (
            f", more than {INFEASIBLE_SHARE:.0%}. Declare the space so that fewer arise: choose a "
            "ratio rather than a number that must divide another, and put a choice inside the "
            f"option that needs it. They are: {reasons}"
        )
    else:
        message += f". Their trials end as infeasible, and the search goes on. They are: {reasons}"
    yield Finding("infeasible", "advice", message)


def _never_active(survey: _Survey) -> Iterator[Finding]:
    """An option that no feasible architecture takes, if chance does not explain that.

    Each decision is drawn uniformly, so an option that nothing rules out is missing among n
    answers of k options with probability ``(1 - 1 / k) ** n``.
    """
    if not survey.reasons:
        return
    for path, values in survey.values.items():
        taken = survey.taken.get(path, Counter())
        count = taken.total()
        if (1 - 1 / len(values)) ** count > _CHANCE:
            continue
        for value in values:
            if not taken[value]:
                yield Finding(
                    "no effect",
                    "advice",
                    f"{path} = {value!r} never occurs in {counted(count, 'feasible place')}: "
                    "something rules it out, so take the option out, or fix what rules it out",
                )


def _walk(domain: Domain, path: str = "", name: str = "") -> Iterator[tuple[str, str, Domain]]:
    """Every domain with its path, positions collapsed, and the name of the field that it is."""
    yield path, name, domain
    match domain:
        case Record():
            for key, part in domain.fields.items():
                yield from _walk(part, f"{path}.{key}" if path else key, key)
        case Choice():
            several = len(domain.labels) > 1
            for label, option in zip(domain.labels, domain.choices, strict=True):
                if isinstance(option, Record):
                    yield from _walk(option, f"{path}.{label}" if several else path)
        case Repeat():
            yield from _walk(domain.element, f"{path}[*]")
        case Shared():
            yield from _walk(domain.element, domain.path)


def _decides(domain: Domain, path: str) -> bool:
    return next(domain.decisions(path), None) is not None


def _has_baseline(space: Space[Any]) -> bool:
    try:
        return space.baseline is not None
    except ConfigurationError:
        return False
