"""What a whole project costs: preparing a search, the search, and what follows it."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from raynas.errors import ConfigurationError
from raynas.search_cost import Range, SearchPlan

__all__ = ["DeviceOffer", "Phase", "ProjectPlan", "parsed_offer", "plan_project"]

_HOUR = 3600.0  # seconds
_PROXY_TRAININGS = Range(8.0, 12.0, 20.0)
_BASELINE_TRAININGS = Range(1.0, 3.0, 4.0)
_POLICIES = Range(16.0, 31.0, 200.0)
_PART_OF_DATA = 0.25  # chosen by hand, as an example of a proxy
_START_MINUTES = Range(1.0, 5.0, 20.0)
_PARALLEL = (1, 5, 10, 20, 50, 100)  # rows of a table, up to a large team's cluster
_SMALLER = 1 / 3  # chosen by hand, as an example of a smaller project first
_START = "start of the devices"
_OFFER = re.compile(r"([^:]+):([0-9.eE+-]+)(?::([0-9.eE+-]+))?")


@dataclass(frozen=True)
class Phase:
    """A part of a project.

    Attributes:
        name: What is done.
        when: ``"upfront"``: before the first trial of the search; ``"usage"``: with it or after it.
        hours: Hours of all its trainings together.
        parallel: Trainings at a time.
        basis: Source of the figure.
    """

    name: str
    when: Literal["upfront", "usage"]
    hours: Range
    parallel: int
    basis: str

    @property
    def days(self) -> Range:
        """Days of wall time."""
        return self.hours.map(lambda hours: hours / self.parallel / 24)

    def on(self, speed: float) -> Phase:
        """The phase on a device `speed` times as fast, on which waiting takes as long."""
        if self.name == _START:
            return self
        return replace(self, hours=self.hours.map(lambda hours: hours / speed))


@dataclass(frozen=True)
class DeviceOffer:
    """A kind of device, and what an hour of it costs.

    Attributes:
        name: Name of the kind.
        price: Price of an hour of one device.
        speed: How many times as fast as the device on which trainings were measured.
    """

    name: str
    price: float
    speed: float = 1.0


@dataclass(frozen=True)
class ProjectPlan:
    """A project, phase by phase.

    Attributes:
        search: The plan of the search.
        phases: What is done, in order.
    """

    search: SearchPlan
    phases: tuple[Phase, ...]

    @property
    def hours(self) -> Range:
        """Hours of all trainings together."""
        return _sum([phase.hours for phase in self.phases])

    @property
    def days(self) -> Range:
        """Days, where one phase follows another."""
        return _sum([phase.days for phase in self.phases])

    def device_hours(self, hours: Range) -> Range:
        """`hours` of trainings, times the devices of each."""
        return hours.map(lambda figure: figure * self.search.devices)

    def money(self, hours: Range) -> Range | None:
        """What `hours` of trainings cost, where the price is known."""
        price = self.search.price
        return None if price is None else self.device_hours(hours).map(lambda h: h * price)

    def part(self, when: Literal["upfront", "usage"]) -> Range:
        """Hours of the phases before the first trial, or of the others."""
        return _sum([phase.hours for phase in self.phases if phase.when == when])

    def by_parallel(self, counts: Sequence[int] = ()) -> list[tuple[int, Range, int]]:
        """Days of the search and devices that it takes, by the number of trials at a time.

        By default for some usual numbers, and for the search's own.
        """
        counts = counts or sorted({*_PARALLEL, self.search.parallel})
        return [
            (
                count,
                self.search.busy.map(lambda hours, n=count: hours / n / 24),  # type: ignore[misc]
                math.ceil(count * self.search.devices - 1e-9),
            )
            for count in counts
        ]

    def by_device(self, offers: Sequence[DeviceOffer]) -> list[tuple[DeviceOffer, Range, Range]]:
        """Cost and days of the project on each kind of device, cheapest first.

        The number of devices at a time is the same for all kinds, and so are the minutes until a
        device is there, which are paid for.
        """
        found = []
        for one in offers:
            phases = [phase.on(one.speed) for phase in self.phases]
            hours = self.device_hours(_sum([phase.hours for phase in phases]))
            cost = hours.map(lambda h, p=one.price: h * p)  # type: ignore[misc]
            found.append((one, cost, _sum([phase.days for phase in phases])))
        return sorted(found, key=lambda row: row[1].likely)

    def smaller_first(self, share: float = _SMALLER) -> Range:
        """Hours of a first search that converges after `share` of the trials."""
        return self.search.busy.map(lambda hours: hours * share)


def plan_project(
    search: SearchPlan,
    *,
    policies: float | None = None,
    start_minutes: float | None = None,
) -> ProjectPlan:
    """Plan what comes before and after a search, with the figures of practice where none are given.

    Args:
        search: The plan of the search.
        policies: Trials of an augmentation search; by default those of RandAugment, or some
            hundreds of AutoAugment. 0 for no such stage.
        start_minutes: Minutes from the reservation of the devices to the first trial.

    Raises:
        ConfigurationError: An argument is negative or not finite.
    """
    for name, value in (("policies", policies), ("start-minutes", start_minutes)):
        if value is not None and not 0 <= value < math.inf:
            raise ConfigurationError(f"{name}={value:g}: must not be below 0, and finite")
    parallel, full = search.parallel, search.full_seconds
    phases: list[Phase] = []
    if full is not None:
        hours = full / _HOUR
        phases += [
            Phase(
                "baseline", "upfront", _BASELINE_TRAININGS.map(lambda n: n * hours), 1,
                "1 full training and ten short ones",
            ),
            Phase(
                "proxy-task study", "upfront", _PROXY_TRAININGS.map(lambda n: n * hours),
                min(parallel, 10), "about 12 full trainings: 10 models left of 30",
            ),
        ]  # fmt: skip
    waiting = _START_MINUTES if start_minutes is None else _exactly(max(start_minutes, 1e-3))
    phases += [
        Phase(
            _START, "upfront", waiting.map(lambda m: m / 60 * parallel), parallel,
            "minutes until the first trial, which are paid for",
        ),
        Phase("search", "usage", search.busy, parallel, "trials times hours of a trial"),
    ]  # fmt: skip
    if full is not None:
        count = search.full_trainings
        if count:
            phases.append(
                Phase(
                    "full trainings", "usage", _exactly(count * full / _HOUR),
                    min(parallel, count), f"the {count} best",
                )
            )  # fmt: skip
        if policies != 0:
            tried = _POLICIES if policies is None else _exactly(policies)
            phases.append(
                Phase(
                    "augmentation", "usage",
                    tried.map(lambda n: n * _PART_OF_DATA * full / _HOUR), parallel,
                    "policies, each trained on a quarter of the data",
                )
            )  # fmt: skip
    return ProjectPlan(search, tuple(phases))


def parsed_offer(text: str) -> DeviceOffer:
    """The device that ``NAME:PRICE`` or ``NAME:PRICE:SPEED`` describes.

    Raises:
        ConfigurationError: `text` is something else, or a figure is not above 0.
    """
    match = _OFFER.fullmatch(text.strip())
    try:
        figures = [float(match[i] or 1.0) for i in (2, 3)] if match else []
    except ValueError:
        figures = []
    if match is None or not figures or not all(0 < f < math.inf for f in figures):
        raise ConfigurationError(
            f"device={text!r}: give NAME:PRICE or NAME:PRICE:SPEED, as in h100:6.5:2.2 for a "
            "device whose hour costs 6.5 and which trains 2.2 times as fast as the one measured"
        )
    return DeviceOffer(match[1].strip(), *figures)


def _exactly(figure: float) -> Range:
    return Range(figure, figure, figure)


def _sum(ranges: Sequence[Range]) -> Range:
    """The sum of independent figures: distances from what is likely add up as their squares do."""
    likely = sum(one.likely for one in ranges)
    down = math.hypot(*(one.likely - one.low for one in ranges))
    up = math.hypot(*(one.high - one.likely for one in ranges))
    return Range(max(likely - down, likely / 1e6), likely, likely + up)
