"""Ray Tune's `param_space` as a space, and a flat space as a `param_space`.

Bounds: ``randint`` and ``lograndint`` exclude the upper one, ``qrandint`` and ``qlograndint``
include it unless their step is 1; everything else includes both, and so does all of raynas.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ray import tune
from ray.tune.search.sample import (
    Categorical,
    Domain,
    Float,
    Function,
    Integer,
    LogUniform,
    Normal,
    Quantized,
)

from raynas.bridges.conditions import Decision, decisions, refuse_constraints
from raynas.bridges.made import Literal, field_names, made, option, refusal
from raynas.errors import SpaceError
from raynas.space import Interval, Space, choice, integer, real
from raynas.space.combinations import Combinations
from raynas.space.declare import choice_among
from raynas.space.options import Options

__all__ = ["from_tune", "holds_domain", "to_param_dict", "to_tune"]

_GRID = "grid_search"
_CODE = "eval"
_FUNCTION = "__fn_ph"  # what Tune puts in the place of sample_from before a searcher sees it
_OBJECT = "__ref_ph"  # … and of an object that is not plain data
_INDEX = "__option__"


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


def from_tune(param_space: Mapping[str, Any]) -> Space[Any]:
    """The space of all that `param_space` can become; `to_param_dict` turns architectures back.

    Dicts, lists and tuples may be nested, options may hold domains of their own (they are
    conditional then), and constants are left out.

    Raises:
        SpaceError: There is nothing to choose, or what cannot be carried: ``sample_from``,
            ``randn``, ``qrandn``, ``qlograndint``, ``qloguniform``, code to evaluate, a
            ``grid_search`` over dicts, objects as options, equal options.
    """
    if not holds_domain(param_space):
        raise SpaceError(
            f"param_space={param_space!r} has nothing to choose: "
            "give it domains, such as tune.choice([...])"
        )
    return Space(_class("ParamSpace", param_space, "param_space"))


def to_param_dict(param_space: Mapping[str, Any], architecture: Any) -> dict[str, Any]:
    """`architecture` of ``from_tune(param_space)`` in the shape of `param_space`."""
    filled: dict[str, Any] = _filled(param_space, architecture)
    return filled


def holds_domain(node: Any) -> bool:
    """Whether a part of a param_space holds something for Tune to choose."""
    if isinstance(node, Domain) or _is_function(node):
        return True
    if isinstance(node, Mapping):
        return (
            _is_call(node, _GRID) or _is_call(node, _CODE) or any(map(holds_domain, node.values()))
        )
    return isinstance(node, list | tuple) and any(map(holds_domain, node))


def _class(name: str, node: Any, where: str, **attributes: Any) -> type[Any]:
    """A class with a field for each part of `node` that holds a domain."""
    parts = {key: part for key, part in _items(node) if holds_domain(part)}
    names = field_names(parts)
    fields = {names[key]: _declared(part, f"{where}[{key!r}]") for key, part in parts.items()}
    return made(name, fields, {}, **attributes)


def _items(node: Any) -> Iterable[tuple[Any, Any]]:
    """The parts of a dict, list or tuple; of a domain, itself."""
    if isinstance(node, Mapping) and not _is_call(node, _GRID):
        return node.items()
    return enumerate(node if isinstance(node, list | tuple) else [node])


def _declared(node: Any, where: str) -> Any:
    try:
        options = _options(node)
        if options is not None:
            return choice_among([_option(o, i, where) for i, o in enumerate(options)])
        if isinstance(node, Integer):
            return _whole(node)
        if isinstance(node, Float) and not isinstance(_sampler(node), Normal):
            return _real(node)
    except SpaceError as error:
        raise SpaceError(f"{where}: {error}") from None
    if isinstance(node, Domain) or _is_function(node) or _is_call(node, _CODE):
        raise refusal(
            f"{where} = {_shown(node)}",
            "raynas can neither list nor bound what it gives",
            "use a constant, tune.choice, tune.randint or tune.uniform, or draw in the trainable",
        )
    return choice(_class("Part", node, where))


def _options(node: Any) -> list[Any] | None:
    """What is chosen from, if options are listed."""
    if isinstance(node, Categorical):
        return list(node.categories)
    if not _is_call(node, _GRID):
        return None
    options = list(node[_GRID])
    if any(isinstance(option, Mapping) for option in options):
        raise refusal(
            "grid_search over dicts", "Tune merges them with the grid itself", "use tune.choice"
        )
    return options


def _option(node: Any, index: int, where: str) -> Any:
    if holds_domain(node):
        return _class(f"option{index}", node, f"{where}[{index}]", **{_INDEX: index})
    if _OBJECT in repr(node):
        raise refusal(
            f"option {index}, an object,",
            "the stored history would not say which it was",
            "name it by a text and look it up in the trainable",
        )
    return option(node)


def _whole(domain: Integer) -> Any:
    """Multiples of the step, which include the upper bound; without one, all below it."""
    step = _step(domain) or 1
    low, high = -(-domain.lower // step) * step, domain.upper // step * step
    high -= step == 1
    if low > high:
        raise SpaceError(f"{_shown(domain)} has no value: raise its upper bound")
    log = isinstance(_sampler(domain), LogUniform)
    if log and step > 1:
        raise _quantised_logarithm(domain)
    return integer(low, high, step=step, log=log)


def _real(domain: Float) -> Any:
    low, high, step = float(domain.lower), float(domain.upper), _step(domain)
    if low == high:
        return choice(low)
    log = isinstance(_sampler(domain), LogUniform)
    if log and step is not None:
        raise _quantised_logarithm(domain)
    return real(low, high, step=step, log=log)


def _quantised_logarithm(domain: Domain) -> SpaceError:
    return refusal(
        _shown(domain),
        "raynas draws by the logarithm without steps only",
        "take the quantum away, or list the numbers in tune.choice",
    )


def _step(domain: Any) -> Any:
    sampler = domain.get_sampler()
    return sampler.q if isinstance(sampler, Quantized) else None


def _sampler(domain: Any) -> Any:
    sampler = domain.get_sampler()
    return sampler.sampler if isinstance(sampler, Quantized) else sampler


def _filled(node: Any, value: Any) -> Any:
    """`node` with the choices made in `value`, an instance of what `_class` made of it."""
    parts = {key: part for key, part in _items(node) if holds_domain(part)}
    names = field_names(parts)
    filled = [
        (key, _chosen(part, getattr(value, names[key])) if key in parts else part)
        for key, part in _items(node)
    ]
    if isinstance(node, Mapping) and not _is_call(node, _GRID):
        return dict(filled)
    elements = [element for _, element in filled]
    return type(node)(elements) if isinstance(node, list | tuple) else elements[0]


def _chosen(node: Any, value: Any) -> Any:
    options = _options(node)
    if options is None and isinstance(node, Domain):
        return value
    if options is None:
        return _filled(node, value)
    index = getattr(type(value), _INDEX, None)
    if index is not None:
        return _filled(options[index], value)
    return value.value if isinstance(value, Literal) else value


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


def _is_call(node: Any, word: str) -> bool:
    return isinstance(node, Mapping) and node.keys() == {word}


def _is_function(node: Any) -> bool:
    return isinstance(node, tuple) and node[:1] == (_FUNCTION,)


def _shown(node: Any) -> str:
    if isinstance(node, Function) or _is_function(node):
        return "sample_from(...)"
    if isinstance(node, Domain):
        return f"{type(node).__name__}{node.domain_str} drawn by {_sampler(node)}"
    return repr(node)
