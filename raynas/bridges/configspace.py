"""ConfigSpace: a hyperparameter a decision, with the conditions under which it is active."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from raynas.bridges.activation_conditions import Decision, decisions, refuse_constraints
from raynas.bridges.dynamic_classes import field_names, host, made, names_of, option, refusal
from raynas.errors import SpaceError
from raynas.space import Interval, Space, integer, real
from raynas.space.combinations import Combinations
from raynas.space.declare import choice_among
from raynas.space.domains import ConstraintViolation
from raynas.space.options import Answer, Finite, Options
from raynas.wording import counted

if TYPE_CHECKING:
    from ConfigSpace import Configuration, ConfigurationSpace

__all__ = ["from_configspace", "from_configuration", "to_configspace", "to_configuration"]

A = TypeVar("A")

_LIMIT = 10_000
"""Most values that are listed one by one."""


def to_configspace(space: Space[Any]) -> ConfigurationSpace:
    """A hyperparameter for each decision of `space`, named by its path.

    Whole numbers of step 1 and real numbers without a step keep their bounds, both included;
    other numbers become ordinals, and a `subset` a categorical of all its combinations, as texts.

    Raises:
        SpaceError: A class has an `is_feasible`, or a decision more than 10,000 values to list.
        ConfigurationError: ConfigSpace is not installed.
    """
    library = host("ConfigSpace", "configspace")
    refuse_constraints(space, "ConfigSpace")
    found = decisions(space)
    target: ConfigurationSpace = library.ConfigurationSpace(name=space.root.__name__)
    target.add([_hyperparameter(library, decision) for decision in found])
    options = {decision.path: decision.options for decision in found}
    target.add([_condition(library, target, d, options) for d in found if d.parents])
    return target


def to_configuration(space: Space[A], target: ConfigurationSpace, architecture: A) -> Configuration:
    """`architecture` in `target`, which `to_configspace` made or went to `from_configspace`.

    One to one, but for the last digits of real numbers without a step: ConfigSpace keeps where
    between their bounds they lie, and shows nine decimal places of them.

    Raises:
        SpaceError: `architecture` lies outside the space, or `target` is of another space.
    """
    library = host("ConfigSpace", "configspace")
    vector = np.full(len(target), np.nan)
    for path, options, answer in space.decisions.trace(architecture):
        found = _find(space, target, path, options)
        vector[target.index_of[found.name]] = _to_vector(found, _code(options, answer))
    for name, found in target.items():
        active = all(c.satisfied_by_vector(vector) for c in target.parent_conditions_of[name])
        if found.size == 1 and active:
            vector[target.index_of[name]] = _to_vector(found, 0)
    configuration: Configuration = library.Configuration(target, vector=vector)
    configuration.check_valid_configuration()
    return configuration


def from_configuration(space: Space[A], configuration: Configuration) -> A:
    """The inverse of `to_configuration`.

    Raises:
        SpaceError: `configuration` is of another space.
    """
    target, vector = configuration.config_space, configuration.get_array()

    def decide(path: str, options: Options) -> Answer:
        found = _find(space, target, path, options)
        return _answer(options, found, vector[target.index_of[found.name]])

    try:
        return space.decisions.build(decide)
    except ConstraintViolation as reason:
        raise SpaceError(f"{configuration}: {reason}") from None


def from_configspace(source: ConfigurationSpace) -> Space[Any]:
    """The space of the configurations of `source`.

    A hyperparameter is a field of the root class. One that is conditional is instead a field of
    the option that makes it active, of each where there are several. Defaults are not carried.

    Raises:
        SpaceError: There is a forbidden clause, a condition on several hyperparameters or on a
            real number, or a distribution other than the uniform one.
    """
    if source.forbidden_clauses:
        raise refusal(
            f"the clause {source.forbidden_clauses[0]}",
            "raynas has no forbidden combinations of single values",
            "take it away and declare is_feasible on a class of your own",
        )
    names = field_names(source)
    children: dict[str | None, list[tuple[str, Any]]] = {}
    for name in source:
        condition = _only_condition(source, name)
        parent = condition.parent.name if condition is not None else None
        children.setdefault(parent, []).append((name, condition))

    def fields(active: list[str]) -> dict[str, Any]:
        return {names[name]: declared(name) for name in active}

    def declared(name: str) -> Any:
        if name not in children:
            return _declared(source[name])
        options = []
        for value in _values(source[name], children[name][0][0]):
            active = [n for n, c in children[name] if c.satisfied_by_value({name: value})]
            options.append(made(str(value), fields(active), {}) if active else option(value))
        return choice_among(options)

    roots = [name for name, _ in children.get(None, [])]
    return Space(made("Configuration", fields(roots), {f: n for n, f in names.items()}))


def _hyperparameter(library: Any, decision: Decision) -> Any:
    path, options = decision.path, decision.options
    match options:
        case Finite(values=range() as values, log=log) if values.step == 1:
            return library.UniformIntegerHyperparameter(path, values[0], values[-1], log=log)
        case Interval(step=None):
            bounds = options.low, options.high
            return library.UniformFloatHyperparameter(path, *bounds, log=options.log)
    if options.size > _LIMIT:
        raise refusal(
            f"{path} of {counted(options.size, 'value')}",
            f"ConfigSpace would have to list them, and more than {_LIMIT} are too many",
            "give fewer options or a larger step",
        )
    match options:
        case Finite(values=range()):
            return library.OrdinalHyperparameter(path, list(options.values))
        case Finite():
            return library.CategoricalHyperparameter(path, options.values)
        case Combinations():
            texts = [
                repr(tuple(options.labels[i] for i in answer)) for answer in _combinations(options)
            ]
            return library.CategoricalHyperparameter(path, texts)
    steps = [options.unrank(rank) for rank in range(int(options.size))]
    return library.OrdinalHyperparameter(path, steps)


def _condition(
    library: Any, target: Any, decision: Decision, options: Mapping[str, Options]
) -> Any:
    child = target[decision.path]
    conditions = []
    for parent, answers in decision.parents.items():
        choices = options[parent]
        assert isinstance(choices, Finite)  # noqa: S101 - only these make others active
        values = [choices.values[answer] for answer in sorted(answers)]
        kind = library.EqualsCondition if len(values) == 1 else library.InCondition
        conditions.append(kind(child, target[parent], values[0] if len(values) == 1 else values))
    return conditions[0] if len(conditions) == 1 else library.OrConjunction(*conditions)


@lru_cache
def _combinations(options: Combinations) -> tuple[tuple[int, ...], ...]:
    return tuple(options.unrank(rank) for rank in range(options.size))


def _find(space: Space[Any], target: Any, path: str, options: Options) -> Any:
    """The hyperparameter for the decision at `path`.

    Raises:
        SpaceError: There is none that fits.
    """
    name = names_of(space.root).get(path.rpartition(".")[2], path)
    found = target.get(name if name in target else path)
    if found is None or found.size != options.size:
        raise SpaceError(
            f"the ConfigurationSpace has no hyperparameter for {path!r} of {space!r} ({options}): "
            "give the one that to_configspace(space) returned, or that the space was made from"
        )
    return found


def _code(options: Options, answer: Answer) -> Any:
    """The answer's rank; a number without a step itself."""
    if isinstance(options, Combinations):
        return _combinations(options).index(answer)
    if isinstance(options, Interval) and options.step is not None:
        return round((answer - options.low) / options.step)
    return answer


def _answer(options: Options, hyperparameter: Any, at: float) -> Answer:
    """The inverse of `_code` and `_to_vector`."""
    if np.isnan(at):
        raise SpaceError(f"the configuration has no {hyperparameter.name!r}, which is active here")
    if isinstance(options, Interval) and options.step is None:
        return min(max(float(hyperparameter.to_value(at)), options.low), options.high)
    whole = hasattr(hyperparameter, "lower")
    rank = int(hyperparameter.to_value(at)) - hyperparameter.lower if whole else round(at)
    return options.unrank(rank)


def _to_vector(hyperparameter: Any, code: Any) -> float:
    if hasattr(hyperparameter, "lower"):
        whole = isinstance(hyperparameter.lower, int)
        return float(hyperparameter.to_vector(hyperparameter.lower + code if whole else code))
    return float(code)


def _only_condition(source: ConfigurationSpace, name: str) -> Any:
    found = source.parent_conditions_of[name]
    if len(found) > 1 or any(hasattr(condition, "components") for condition in found):
        raise refusal(
            f"the condition {' and '.join(map(str, found))}",
            "it rests on several hyperparameters or is a conjunction",
            "make each hyperparameter conditional on one other",
        )
    return found[0] if found else None


def _values(parent: Any, child: str) -> Iterator[Any]:
    """The values of a hyperparameter that others are conditional on."""
    values = _listed(parent)
    if values is None and isinstance(getattr(parent, "lower", None), int) and parent.size <= _LIMIT:
        values = range(parent.lower, parent.upper + 1)
    if values is None:
        raise refusal(
            f"{child!r}, conditional on {parent.name!r} = {parent}",
            "a condition must rest on a few values that can be listed",
            "make the latter categorical or ordinal",
        )
    return iter(values)


def _listed(hyperparameter: Any) -> Any:
    """The values of a categorical or ordinal hyperparameter or of a constant."""
    return next(
        (v for v in map(vars(hyperparameter).get, ("choices", "sequence")) if v is not None),
        (hyperparameter.value,) if hasattr(hyperparameter, "value") else None,
    )


def _declared(given: Any) -> Any:
    listed = _listed(given)
    try:
        if listed is not None and getattr(given, "weights", None) is None:
            return choice_among([option(value) for value in listed])
        if type(given).__name__ == "UniformFloatHyperparameter":
            return real(given.lower, given.upper, log=given.log)
        if type(given).__name__ == "UniformIntegerHyperparameter":
            return integer(int(given.lower), int(given.upper), log=given.log)
    except SpaceError as error:
        raise SpaceError(f"hyperparameter {given.name!r}: {error}") from None
    raise refusal(
        f"hyperparameter {given.name!r} = {given}",
        "raynas draws options evenly, and numbers evenly or by their logarithm",
        "make it uniform, without weights",
    )
