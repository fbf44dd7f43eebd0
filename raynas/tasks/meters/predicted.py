"""A cost that is predicted from some fifty measurements, so that trials need not measure it."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from raynas.arguments import checked
from raynas.errors import InfeasibleArchitecture, TaskError
from raynas.space import Space
from raynas.tasks.meters.cost_features import choice_features, operation_features
from raynas.tasks.meters.cost_model import CostModel, fit_cost_model
from raynas.tasks.meters.measurement_file import Entry, Measurements
from raynas.tasks.meters.meter import Meter, Subject
from raynas.trials import DEFERRED, Architecture

__all__ = ["Predicted"]

_DRAWS = 50  # repeats in a row: a space that has nothing new


@checked
class Predicted(Meter):
    """`metric` as a model predicts it, with ``<metric>_low`` and ``<metric>_high``.

    The model is fitted to measurements by `meter` that are in the file `measurements`, which
    ``raynas profile FILE --fit`` makes. In 95 of 100 cases, what `meter` would measure lies between
    low and high. Predicting costs next to nothing, so an architecture outside a bound is not even
    proposed: a bound on ``<metric>_high`` keeps to what is surely within, one on ``<metric>_low``
    leaves out only what is surely not. Full training measures with `meter` itself.

    Args:
        meter: Measures `metric`, on the device that the network is for.
        measurements: A JSON file.
        metric: Metric of `meter` that is predicted; its values are above 0.

    Raises:
        TaskError: `meter` is free to know itself; or, when measuring, there is no such file, it
            holds fewer than 20 measurements, or these are of other networks or another meter.
    """

    free = True

    def __init__(
        self, meter: Meter, measurements: str | os.PathLike[str], metric: str = "latency_p50"
    ) -> None:
        if meter.free:
            raise TaskError(f"meter={meter!r}: it is free to know, so there is nothing to predict")
        self.meter = meter
        self.measurements = Path(measurements).absolute()
        self.metric = metric
        self._model: CostModel | None = None

    @property
    def exact(self) -> Meter:
        """See `Meter.exact`."""
        return self.meter

    def __repr__(self) -> str:
        try:
            content = self.measurements.read_bytes()
        except OSError:
            content = b""
        digest = sha256(content).hexdigest()[:12]
        return f"Predicted({self.meter!r}, {self.metric!r}, measurements {digest})"

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_model": None}

    def measure(self, subject: Subject) -> Mapping[str, float]:
        """See `Meter.measure`."""
        if self._model is None:
            self._model = self.fitted(subject)
        (found,) = self._model([_features(subject)])
        return {
            self.metric: found.value,
            f"{self.metric}_low": found.low,
            f"{self.metric}_high": found.high,
        }

    def fitted(self, subject: Subject) -> CostModel:
        """The model of what is in the file.

        Args:
            subject: Any architecture of the space; how networks are built, and their example.

        Raises:
            TaskError: See the class.
        """
        known = self._known(Space.of(type(subject.architecture)))
        if known is None:
            raise TaskError(
                f"{self.measurements} does not exist: `raynas profile FILE --fit` measures some "
                f"architectures, and writes it; then {self.metric} can be predicted"
            )
        features = []
        for entry in known.entries:
            found = _features(replace(subject, architecture=entry.architecture))
            _check_unchanged(self.measurements, entry, found["operations"])
            features.append(found)
        return fit_cost_model(features, [entry.value for entry in known.entries])

    def take(
        self,
        subject: Subject,
        draw: Callable[[np.random.Generator], Architecture],
        count: int,
        *,
        seed: int = 0,
        progress: Callable[[int], None] | None = None,
    ) -> tuple[str, ...]:
        """Measure random architectures until the file holds `count`; it is written after each.

        Those that cannot be measured are passed over.

        Args:
            subject: Any architecture of the space, with its build function and example.
            draw: Function from a generator to a random architecture.
            count: How many measurements, those included that the file has.
            seed: Seed of the draws.
            progress: Called with the number of measurements.

        Returns:
            Why architectures were passed over.

        Raises:
            TaskError: The meter does not measure the metric, the device is offline, or nothing new
                is drawn.
        """
        space = Space.of(type(subject.architecture))
        known = self._known(space) or Measurements(repr(self.meter), self.metric)
        rng, passed = np.random.default_rng(seed), []
        seen: set[Architecture] = set()
        repeats = 0
        while len(known.entries) < count and repeats < _DRAWS:
            architecture = draw(rng)
            if architecture in seen or architecture in known.architectures:
                repeats += architecture in seen
                seen.add(architecture)
                continue
            seen.add(architecture)
            repeats = 0
            try:
                entry = self._measured(replace(subject, architecture=architecture))
            except InfeasibleArchitecture as error:
                if error.kind == DEFERRED:
                    raise TaskError(f"{error}; the file has {len(known.entries)} so far") from error
                passed.append(str(error))
                if len(passed) > count:
                    raise TaskError(f"nothing can be measured: {passed[-1]}") from error
                continue
            known = replace(known, entries=(*known.entries, entry))
            known.write(self.measurements, space)
            if progress is not None:
                progress(len(known.entries))
        return tuple(passed)

    def _measured(self, subject: Subject) -> Entry:
        figures = self.meter.measure(subject)
        if self.metric not in figures:
            raise TaskError(f"metric={self.metric!r}: {self.meter!r} gives {', '.join(figures)}")
        operations = _features(subject)["operations"]
        value = float(figures[self.metric])
        return Entry(subject.architecture, value, *map(operations.__getitem__, _CHECKED))

    def _known(self, space: Space[Any]) -> Measurements | None:
        """What the file holds; None where there is none.

        Raises:
            TaskError: It is of another meter or metric.
        """
        try:
            found = Measurements.read(self.measurements, space)
        except FileNotFoundError:
            return None
        if (found.meter, found.metric) != (repr(self.meter), self.metric):
            raise TaskError(
                f"{self.measurements} has {found.metric} by {found.meter}, not {self.metric} by "
                f"{self.meter!r}: name another file, or remove it and measure anew"
            )
        return found


_CHECKED = ("parameters", "products")


def _features(subject: Subject) -> dict[str, Any]:
    operations, each = operation_features(subject.architecture, subject.build, subject.example)
    operations.setdefault("products", 0.0)
    choices = choice_features(Space.of(type(subject.architecture)), subject.architecture)
    return {"operations": operations, "choices": choices, "each operation": each}


def _check_unchanged(path: Path, entry: Entry, operations: Mapping[str, float]) -> None:
    for name in _CHECKED:
        was, now = getattr(entry, name), operations[name]
        if was != now:
            raise TaskError(
                f"{path}: the network of {entry.architecture!r} is another one than when it was "
                f"measured ({name} {was:,.0f} then, {now:,.0f} now): remove the file, and measure "
                "anew with `raynas profile FILE --fit`"
            )
