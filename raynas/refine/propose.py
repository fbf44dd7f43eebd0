"""Which options to drop, and which ranges to narrow or to extend."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from raynas.errors import ConfigurationError
from raynas.refine.evidence import Evidence, Group, Place
from raynas.space import Space
from raynas.space.choices import Choice, Subset
from raynas.space.declare import record_of
from raynas.space.domains import Domain, Integer, Number, Real
from raynas.space.records import Record, records_in
from raynas.space.repeats import Repeat, Shared
from raynas.trials import History
from raynas.wording import counted

__all__ = ["LEAST", "Change", "Refinement", "refined"]

LEAST = 50
"""Fewer completed trials are no evidence."""

_LEVEL = 0.05  # the usual level, divided by the number of options
_FAILS = 0.5  # of the trials of an option: more than half fail
_GROWTH = 0.5  # of a range, on the side where the best lie; chosen by hand


@dataclass(frozen=True)
class Change:
    """One proposal.

    Attributes:
        place: Class and decision, as in ``Conv.kernel``.
        what: What to do, in words.
        evidence: The figures behind it.
        risk: What may be lost by it.
    """

    place: str
    what: str
    evidence: str
    risk: str


@dataclass(frozen=True)
class Refinement:
    """A proposed space.

    Attributes:
        changes: What is proposed; nothing where the trials speak for no change.
        left: Classes that were not looked at, and why.
        fields: The new domains, by class and field.
        root: The class of the space that was searched.
    """

    changes: tuple[Change, ...]
    left: tuple[str, ...]
    fields: Mapping[type[Any], Mapping[str, Domain]]
    root: type[Any]


def refined(history: History, space: Space[Any]) -> Refinement:
    """The space that `history` says is worth searching next.

    An option is dropped if none of the best tenth of the trials has it and it is rarer in the best
    quarter of each stretch of the search than chance explains; or if at least half of the trials
    with it failed, more than chance explains. Numbers and lengths lose an end by the same test,
    and get a new end, half a range further, where the best crowd at the old one. Together the
    tests err with probability 0.05 at most, were no option to matter. Elements of a `repeat`, and
    a class that stands in several places, are judged together.

    What `Space.around` or `Space.split` excluded stays excluded. Of several budgets, the trials of
    one count, see `History.comparable`.

    Raises:
        ConfigurationError: Fewer than 50 trials have completed, or what `around` or `split`
            excluded cannot be declared in classes.
    """
    history = history.comparable
    if len(history.completed) < LEAST:
        raise ConfigurationError(
            f"only {counted(len(history.completed), 'trial has', 'trials have')} completed: it "
            f"takes {LEAST} to say which part of a space is worth searching; go on with the search"
        )
    record = space.domain
    records, left = _single_records(record)
    if left and record != record_of(space.root):
        raise ConfigurationError(
            f"space={space!r}: it was made by around() or split(), and what that excludes cannot "
            f"be declared in {' or in '.join(_names(left))}; declare the smaller space as a class "
            "of its own, search it, and refine that"
        )
    evidence = Evidence(history, record)
    decisions = [
        (place, domain)
        for found in records
        for name, field in found.fields.items()
        for place, domain in _decisions(field, (found.cls.__name__, name))
    ]
    options = sum(len(d.choices) if isinstance(d, Choice) else 2 for _, d in decisions)
    judge = _Judge(evidence, _LEVEL / max(1, options))
    fields: dict[type[Any], dict[str, Domain]] = {}
    for found in records:
        for name, declared in record_of(found.cls).fields.items():
            kept = name in found.fields
            field = found.fields[name] if kept else _held(found.constants[name])
            changed = judge.changed(field, (found.cls.__name__, name))
            if changed != declared:
                fields.setdefault(found.cls, {})[name] = changed
    return Refinement(tuple(judge.changes), left, fields, space.root)


def _names(left: Sequence[str]) -> list[str]:
    return [words.partition(",")[0] for words in left]


def _held(value: Any) -> Choice:
    """The only option of a field that a part of a space holds constant."""
    return Choice((value,), (str(value),))


def _single_records(root: Record) -> tuple[list[Record], tuple[str, ...]]:
    """The records that are alike wherever they stand, and which are not and why."""
    by_class: dict[type[Any], list[Record]] = {}
    for record in records_in(root):
        known = by_class.setdefault(record.cls, [])
        if record not in known:
            known.append(record)
    names = [cls.__name__ for cls in by_class]
    left, within = [], set()
    for cls, records in by_class.items():
        if len(records) > 1:
            left.append(f"{cls.__name__}, which contains itself")
        elif names.count(cls.__name__) > 1:
            left.append(f"{cls.__name__}, which is the name of two classes")
        else:
            continue
        within |= {below.cls for record in records for below in records_in(record)}
    return [records[0] for cls, records in by_class.items() if cls not in within], tuple(left)


def _decisions(domain: Domain, place: Place) -> Iterator[tuple[Place, Domain]]:
    match domain:
        case Repeat():
            yield (place[0], f"{place[1]}.length"), domain
            yield from _decisions(domain.element, (place[0], f"{place[1]}[*]"))
        case Shared():
            yield from _decisions(domain.element, ("shared", domain.name))
        case Choice() | Subset() | Number():
            yield place, domain


class _Judge:
    """Changes domains, and notes what and why; a shared one once."""

    def __init__(self, evidence: Evidence, level: float) -> None:
        self._evidence = evidence
        self._level = level
        self._shared: dict[str, Domain] = {}
        self.changes: list[Change] = []

    def changed(self, domain: Domain, place: Place) -> Domain:
        """`domain` as it should be searched next."""
        match domain:
            case Choice():
                kept = self._kept(place, domain.labels, least=1)
                return Choice(
                    tuple(domain.choices[i] for i in kept), tuple(domain.labels[i] for i in kept)
                )
            case Subset():
                kept = self._kept(place, domain.options.labels, least=domain.options.most)
                labels = tuple(domain.options.labels[i] for i in kept)
                values = tuple(domain.values[i] for i in kept)
                return Subset(values, replace(domain.options, labels=labels))
            case Repeat():
                return self._repeat(domain, place)
            case Shared():
                if domain.name not in self._shared:
                    element = self.changed(domain.element, ("shared", domain.name))
                    self._shared[domain.name] = replace(domain, element=element)
                return self._shared[domain.name]
            case Integer():
                low, high = self._range(place, domain.low, domain.high, domain.step, domain.log)
                return replace(domain, low=int(low), high=int(high))
            case Real():
                low, high = self._range(place, domain.low, domain.high, domain.step, domain.log)
                return replace(domain, low=low, high=high)
            case _:
                return domain

    def _repeat(self, domain: Repeat, place: Place) -> Domain:
        element = self.changed(domain.element, (place[0], f"{place[1]}[*]"))
        least, most = domain.minimum, domain.maximum
        if least < most:
            length = (place[0], f"{place[1]}.length")
            low, high = self._range(length, least, most, 1, False)
            least, most = int(low), int(high)
        return Repeat(element, least, most, domain.tied)

    def _kept(self, place: Place, labels: tuple[Any, ...], least: int) -> list[int]:
        """The options that stay, `least` of them at any rate."""
        groups = {i: self._evidence.group(place, i.__eq__) for i in range(len(labels))}
        bad = {i: why for i, group in groups.items() if (why := self._against(group))}
        order = sorted(bad, key=lambda i: groups[i].best)
        dropped = set(order[: max(0, len(labels) - least)])
        for i in sorted(dropped):
            risk = self._risk(groups[i])
            self._note(place, f"drop {labels[i]!r}", bad[i], risk)
        return [i for i in range(len(labels)) if i not in dropped]

    def _against(self, group: Group) -> str | None:
        """The figures that speak against what a group has in common."""
        trials = group.tried + group.failed
        if group.failed >= _FAILS * max(1, trials) and group.fails_more < self._level:
            failed = f"{group.failed} of {counted(trials, 'trial')} with it failed"
            return f"{failed}, {_chance(group.fails_more)}"
        if group.among_best or not group.tried or group.below >= self._level:
            return None
        objective = self._evidence.objective
        overall = objective.show(float(self._evidence.rewards.max()))
        return (
            f"of {counted(group.tried, 'trial')} with it none is among the best tenth, "
            f"{_chance(group.below)}; best {objective.name} {objective.show(group.best)} against "
            f"{overall}"
        )

    def _risk(self, group: Group) -> str:
        if group.tried < 1:
            return "nothing is known of it where it does not fail"
        most = 1 - _LEVEL ** (1 / group.tried)  # Clopper and Pearson, none of them
        return (
            f"up to {most:.0%} of the architectures with it may be as good as the best tenth (95 % "
            "confidence), were they like those tried; what is good with it only in other company "
            "is lost"
        )

    def _range(
        self, place: Place, low: float, high: float, step: float | None, log: bool
    ) -> tuple[float, float]:
        """New bounds of a number."""
        if low == high:
            return low, high
        best = self._evidence.values(place, only_best=True)
        if not best:
            return low, high
        grid = _Grid(low, high, step, log)
        bottom = self._end(place, grid, grid.down(min(best)), "below")
        top = self._end(place, grid, grid.up(max(best)), "above")
        new_low = low if bottom is None else bottom
        new_high = high if top is None else top
        if bottom is None and self._crowds(place, grid, best, "low"):
            new_low = grid.lower()
        if top is None and self._crowds(place, grid, best, "high"):
            new_high = grid.higher()
        for side, old, new in (("low", low, new_low), ("high", high, new_high)):
            if (new < old) if side == "low" else (new > old):
                self._note(
                    place,
                    f"extend from {old:g} to {new:g}",
                    "most of the best tenth are at this end, more than chance explains",
                    "nothing was tried there; larger networks may not fit or take longer"
                    if side == "high"
                    else "nothing was tried there",
                )
        return new_low, new_high

    def _end(self, place: Place, grid: _Grid, bound: float, side: str) -> float | None:
        """`bound` as a new end, where what lies beyond is worse."""
        below = side == "below"
        old = grid.low if below else grid.high

        def beyond(value: float) -> bool:
            return value < bound if below else value > bound

        if not beyond(old):
            return None
        group = self._evidence.group(place, beyond)
        why = self._against(group)
        if why is None:
            return None
        self._note(place, f"nothing {side} {bound:g} (was {old:g})", why, self._risk(group))
        return bound

    def _crowds(self, place: Place, grid: _Grid, best: list[Any], side: str) -> bool:
        """Whether most of the best are at an end, more than chance explains."""
        near = grid.near_low if side == "low" else grid.near_high
        if sum(map(near, best)) <= len(best) / 2:
            return False
        return self._evidence.group(place, near).above < self._level

    def _note(self, place: Place, what: str, evidence: str, risk: str) -> None:
        shown = place[1] if place[0] == "shared" else ".".join(place)
        self.changes.append(Change(shown, what, evidence, risk))


@dataclass(frozen=True)
class _Grid:
    """The steps of a range; tenths of it, by the logarithm where so declared, without any."""

    low: float
    high: float
    step: float | None
    log: bool

    def down(self, value: float) -> float:
        """One step below `value`, a bound at most."""
        return max(self.low, self._moved(value, -1))

    def up(self, value: float) -> float:
        """One step above the upper end of the range."""
        return min(self.high, self._moved(value, 1))

    def near_low(self, value: float) -> bool:
        """Whether `value` is at the lower end."""
        return value <= (self.low if self.step else self._moved(self.low, 1))

    def near_high(self, value: float) -> bool:
        """Whether it is at the upper end."""
        return value >= (self.high if self.step else self._moved(self.high, -1))

    def higher(self) -> float:
        """An upper end that is half a range higher."""
        return self._moved(self.high, self._half())

    def lower(self) -> float:
        """A lower end that is half a range lower, of the same sign."""
        lower = self._moved(self.low, -self._half())
        while self.low > 0 and lower <= 0:
            lower = self._moved(lower, 1)
        return min(lower, self.low) if self.low else self.low

    def _half(self) -> int:
        if self.step is None:
            return round(_GROWTH * 10)
        return math.ceil(_GROWTH * (self.high - self.low) / self.step)

    def _moved(self, value: float, steps: int) -> float:
        if self.step is not None:
            return value + steps * self.step
        if self.log:
            return float(value * (self.high / self.low) ** (steps / 10))
        return value + steps * (self.high - self.low) / 10


def _chance(probability: float) -> str:
    return f"by chance with probability {probability:.1g}"
