"""A flat space as Ray Tune domains, one for each of its columns."""

from __future__ import annotations

from typing import Any

from ray import tune
from ray.tune.search.sample import Domain

from raynas.bridges.activation_conditions import Decision, decisions, refuse_constraints
from raynas.bridges.dynamic_classes import refusal
from raynas.space import Interval, Space
from raynas.space.combinations import Combinations
from raynas.space.options import Options

__all__ = ["to_tune"]


def to_tune(space: Space[Any]) -> dict[str, Domain]:
    """A Tune domain for each column of `space`; `Space.from_config` reads what Tune makes of it.

    Raises:
        SpaceError: A decision is conditional, rests on others, or a class has an `is_feasible`:
            Tune's domains are flat and independent of each other. Use `NASSearcher` there.
    """
    refuse_constraints(space, "Ray Tune")
    domains: dict[str, Domain] = {}
    for decision in decisions(space):
        _refuse_dependent(decision)
        for column in decision.options.columns(decision.path):
            domains[column.path] = _domain(column.values, column.log)
    return domains


def _domain(values: Any, log: bool) -> Domain:
    """The Tune domain of a column's values."""
    domain: Domain
    match values:
        case range() if values.step == 1:
            draw = tune.lograndint if log else tune.randint
            domain = draw(values[0], values[-1] + 1)
        case range() if values[0] % values.step == 0:
            domain = tune.qrandint(values[0], values[-1], values.step)
        case Interval(step=None):
            draw = tune.loguniform if values.log else tune.uniform
            domain = draw(values.low, values.high)
        case Interval():
            domain = tune.choice([values.unrank(rank) for rank in range(int(values.size))])
        case _:
            domain = tune.choice(list(values))
    return domain


def _refuse_dependent(decision: Decision) -> None:
    if decision.parents:
        raise refusal(
            f"{decision.path}, conditional on {' and '.join(decision.parents)},",
            "Tune's domains are flat",
            "give the space itself to NASSearcher",
        )
    if not _independent(decision.options):
        raise refusal(
            f"{decision.path} = {decision.options}",
            "Tune draws the elements of a subset independently of each other",
            "give the space itself to NASSearcher, or use subset(distinct=False, ordered=True)",
        )


def _independent(options: Options) -> bool:
    """Whether every combination of the columns is an answer."""
    if not isinstance(options, Combinations):
        return True
    return options.least == options.most and options.ordered and not options.distinct
