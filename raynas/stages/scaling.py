"""A stage that scales a found architecture up: its depth, width and input size.

A block is found on a small model, where trials are cheap, and the model is then enlarged within a
bound on its cost. Tan and Le 2019, "EfficientNet: Rethinking Model Scaling for Convolutional Neural
Networks", ICML, section 3.3, for scaling all dimensions by powers of constants (compound scaling).
"""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from raynas.controllers.by_name import ControllerLike
from raynas.errors import ConfigurationError
from raynas.rewards import Bound
from raynas.search import Search
from raynas.space import Space, choice, searchable
from raynas.stages.recipe import Recipe
from raynas.stages.results import Results
from raynas.tasks import CostMeter, Measured, Task
from raynas.trials import Architecture

__all__ = ["COMPOUND", "FACTORS", "Scaling", "scaled_space"]

FACTORS: Mapping[str, Sequence[float]] = {
    "depth": (1.0, 1.2, 1.4, 1.8, 2.2, 2.6, 3.1),
    "width": (1.0, 1.1, 1.2, 1.4, 1.6, 1.8, 2.0),
    "resolution": (1.0, 1.15, 1.3, 1.7, 2.0, 2.4, 2.7),
}
"""Factors that are tried of each dimension."""
COMPOUND: Mapping[str, float] = {"depth": 1.2, "width": 1.1, "resolution": 1.15}
"""By how much each dimension grows with the compound coefficient, for about twice the FLOPs."""
_RESOLUTION = "resolution"
_COEFFICIENTS = (0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0, 5.0, 6.0)
"""Those of EfficientNet-B0 to -B7, with half steps."""


@dataclass(frozen=True)
class Scaling(Recipe):
    """A stage that scales the best architecture so far.

    Factors are passed to the architecture's ``build`` as arguments of their names, times what the
    task passes under these names. ``resolution``, where ``build`` has no such argument, resizes the
    input, images ``(n, channels, height, width)``, for networks whose output has no places.

    Attributes:
        factors: The factors to try of each dimension; each must include 1.
        compound: Scale all dimensions together: by how much each grows with the compound
            coefficient, the only choice then, such as `COMPOUND`; None for separate choices.
        coefficients: Values of the compound coefficient, of which 0 leaves the network as it is.
        bounds: Bounds on what the network costs, such as ``[AtMost("parameters", 1e6)]``: its
            parameters, or with a fixed input size its FLOPs; others are for a `task` that measures
            them.
        task: Trains the larger networks; that of the earlier stage by default.
        full: Full training of the trials; that of the earlier stage by default.
        controller: Makes the proposals.

    Raises:
        ConfigurationError: A dimension has no factor 1, or `coefficients` have no 0.
    """

    factors: Mapping[str, Sequence[float]] = field(default_factory=lambda: FACTORS)
    compound: Mapping[str, float] | None = None
    coefficients: Sequence[float] = _COEFFICIENTS
    bounds: Sequence[Bound] = ()
    task: Task | None = None
    full: Task | None = None
    controller: ControllerLike = "auto"

    def __post_init__(self) -> None:
        for name, values in self.factors.items():
            if 1 not in values:
                raise ConfigurationError(
                    f"factors[{name!r}]={tuple(values)}: must include 1, the size as it was found"
                )
        if self.compound is not None and 0 not in self.coefficients:
            raise ConfigurationError(
                f"coefficients={tuple(self.coefficients)}: must include 0, the size as it was found"
            )

    def __call__(self, found: Results) -> Search:
        """The stage's search."""
        search, architecture = self.earlier(found).as_network()
        space = scaled_space(
            architecture, self.factors if self.compound is None else self._compounded()
        )
        task = self.task or search.task
        if self.bounds:
            task = Measured(task, CostMeter(), bounds=tuple(self.bounds))
        return self.derived(
            search, space, self.controller, task=task, full=self.full or search.full
        )

    def _compounded(self) -> Mapping[float, Mapping[str, float]]:
        """The factors of each dimension by the compound coefficient."""
        bases = self.compound or {}
        return {
            coefficient: {name: base**coefficient for name, base in bases.items()}
            for coefficient in self.coefficients
        }


class _Scaled(ABC):
    """What the classes of `scaled_space` share: an architecture built with factors."""

    base: Any

    @abstractmethod
    def factors(self) -> Mapping[str, float]:
        """The factor of each dimension."""

    def build(self, **arguments: Any) -> Any:
        """The network of the base, scaled; `arguments` go to its ``build``."""
        factors = dict(self.factors())
        takes = _parameters_of(self.base)
        zoom = 1.0 if _RESOLUTION in takes else factors.pop(_RESOLUTION, 1.0)
        scaled = {name: arguments.get(name, 1.0) * value for name, value in factors.items()}
        network = self.base.build(**{**arguments, **scaled})
        if zoom == 1:
            return network
        from torch import nn

        return nn.Sequential(_resize(zoom), network)


def scaled_space(
    base: Architecture,
    factors: Mapping[str, Sequence[float]] | Mapping[float, Mapping[str, float]],
) -> Space[Any]:
    """The space of `base` at other sizes, its baseline being `base` as it is.

    Args:
        base: An architecture whose ``build`` takes factors.
        factors: The factors to try of each dimension by its name; or, for a single choice, the
            factor of each dimension by the compound coefficient.

    Raises:
        ConfigurationError: ``build`` does not take a factor.
    """
    given: Any = factors
    together = all(isinstance(key, int | float) for key in given)
    names = [str(name) for name in (next(iter(given.values())) if together else given)]
    takes = _parameters_of(base)
    missing = [n for n in names if n not in takes and n != _RESOLUTION]
    if missing:
        raise ConfigurationError(
            f"factors: {type(base).__name__}.build takes no argument {missing[0]!r} (it takes "
            f"{', '.join(takes) or 'none'}): let it take this factor, as in "
            f"`def build(self, *, {missing[0]}: float = 1.0)`, or give factors= others"
        )
    fields: dict[str, Any]
    if together:
        fields = {"coefficient": choice(*sorted(given), default=0.0)}
    else:
        fields = {name: choice(*map(float, given[name]), default=1.0) for name in names}

    def of(scaled: Any) -> Mapping[str, float]:
        if together:
            found: Mapping[str, float] = given[scaled.coefficient]
            return found
        return {name: getattr(scaled, name) for name in names}

    namespace = {
        **fields,
        "base": base,
        "factors": of,
        "__annotations__": {**dict.fromkeys(fields, float), "base": Any},
        "__doc__": f"{type(base).__name__} at other sizes.",
        "__module__": __name__,
    }
    return Space(searchable(type("Scaled", (_Scaled,), namespace)))


def _parameters_of(base: Architecture) -> Mapping[str, Any]:
    """The arguments that the ``build`` of an architecture takes."""
    build = getattr(base, "build", None)
    if build is None:
        raise ConfigurationError(
            f"{type(base).__name__} has no method build, so it cannot be built at another size: "
            "give it one that takes factors, such as `def build(self, *, width: float = 1.0)`"
        )
    return inspect.signature(build).parameters


def _resize(zoom: float) -> Any:
    """A module that resizes images by a factor; made here, as torch takes seconds to import."""
    from raynas.stages.resize import Resize

    return Resize(zoom)
