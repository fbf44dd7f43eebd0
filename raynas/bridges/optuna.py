"""Optuna: a distribution a column, and define-by-run over a trial."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from typing import Any, TypeVar

import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from raynas.bridges.dynamic_classes import field_names, made, name_of, refusal
from raynas.errors import SpaceError
from raynas.space import Column, Interval, Space, choice, integer, real
from raynas.space.combinations import Combinations
from raynas.space.declare import choice_among
from raynas.space.domains import ConstraintViolation
from raynas.space.options import Answer, Options, Scalar

__all__ = ["distribution", "from_optuna", "quiet_optuna", "suggest", "to_optuna", "to_params"]

A = TypeVar("A")


@contextmanager
def quiet_optuna() -> Iterator[None]:
    """Optuna without its notes, such as of new studies; its verbosity is the user's otherwise."""
    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(max(verbosity, optuna.logging.WARNING))
    try:
        yield
    finally:
        optuna.logging.set_verbosity(verbosity)


def distribution(column: Column) -> BaseDistribution:
    """The scalars of `column`; both bounds are included, here as in Optuna.

    Numbers whose step does not meet the upper bound digit by digit are listed, as Optuna would
    lose the last of them.
    """
    values = column.values
    if isinstance(values, range):
        return IntDistribution(values[0], values[-1], step=values.step, log=column.log)
    if isinstance(values, Interval):
        if not _is_met(values):
            steps = range(int(values.size))
            return CategoricalDistribution([values.unrank(rank) for rank in steps])
        return FloatDistribution(values.low, values.high, log=values.log, step=values.step)
    return CategoricalDistribution(values)


def to_optuna(space: Space[Any]) -> dict[str, BaseDistribution]:
    """A distribution a column of `space`, conditional columns too, by path.

    A space that `from_optuna` made has the names that it was made with. Optuna's distributions
    say neither when a column is active nor which combinations are feasible: `suggest` does.
    """
    return {name_of(space, column.path): distribution(column) for column in space.columns}


def to_params(space: Space[A], architecture: A) -> dict[str, Scalar]:
    """The active parameters of `architecture`, as an Optuna trial has them."""
    config = space.to_config(architecture)
    return {name_of(space, path): value for path, value in config.items()}


def from_optuna(distributions: Mapping[str, BaseDistribution]) -> Space[Any]:
    """The space of all combinations of `distributions`, a field each.

    Parameters whose names are no Python names get others, which `to_optuna`, `to_params` and
    `suggest` turn back. A distribution of a single value becomes no column.

    Raises:
        SpaceError: A distribution is none of Optuna's, or its options are not different.
    """
    names = field_names(distributions)
    fields = {names[name]: _declared(name, d) for name, d in distributions.items()}
    return Space(made("Distributions", fields, {field: name for name, field in names.items()}))


def suggest(space: Space[A], trial: optuna.trial.BaseTrial) -> A:
    """The architecture that `trial` suggests, only active columns being asked for.

    The columns of a `subset` are asked for independently of each other. Where they are not one of
    its combinations, a label already taken becomes the next free one, and labels are sorted, so
    the trial's parameters may be another way of writing the architecture than `to_params` is;
    given those, the same architecture comes out.

    Raises:
        optuna.TrialPruned: The suggestion breaks an `is_feasible` of the space.
    """

    def ask(column: Column) -> Any:
        name = name_of(space, column.path)
        match distribution(column):
            case IntDistribution(low=low, high=high, step=step, log=log):
                return column.code(trial.suggest_int(name, low, high, step=step, log=log))
            case FloatDistribution(low=low, high=high, step=step, log=log):
                return column.code(trial.suggest_float(name, low, high, step=step, log=log))
            case CategoricalDistribution(choices=choices):
                return column.code(trial.suggest_categorical(name, choices))

    def decide(path: str, options: Options) -> Answer:
        columns = options.columns(path)
        if not isinstance(options, Combinations):
            return ask(columns[0])
        varies = options.least < options.most
        length = options.least + ask(columns[0]) if varies else options.most
        return _combination(options, [ask(column) for column in columns[varies:][:length]])

    try:
        return space.decisions.build(decide)
    except ConstraintViolation as reason:
        raise optuna.TrialPruned(str(reason)) from None


def _is_met(interval: Interval) -> bool:
    """Whether the steps meet the upper bound in decimal arithmetic, which is Optuna's."""
    low, high = Decimal(str(interval.low)), Decimal(str(interval.high))
    return interval.step is None or (high - low) % Decimal(str(interval.step)) == 0


def _combination(options: Combinations, codes: list[int]) -> tuple[int, ...]:
    """The combination that `codes` stand for; themselves where they are one."""
    chosen: list[int] = []
    for code in codes:
        while options.distinct and code in chosen:
            code = (code + 1) % len(options.labels)
        chosen.append(code)
    return tuple(chosen if options.ordered else sorted(chosen))


def _declared(name: str, given: BaseDistribution) -> Any:
    try:
        match given:
            case CategoricalDistribution(choices=choices):
                return choice_among(choices)
            case IntDistribution(low=low, high=high, step=step, log=log):
                return integer(low, high, step=step, log=log)
            case FloatDistribution(low=low, high=high) if low == high:
                return choice(low)
            case FloatDistribution(low=low, high=high, step=step, log=log):
                return real(low, high, step=step, log=log)
    except SpaceError as error:
        raise SpaceError(f"distributions[{name!r}]: {error}") from None
    raise refusal(
        f"distributions[{name!r}] = {given}",
        "raynas knows no such distribution",
        "use one of Optuna's Int-, Float- and CategoricalDistribution",
    )
