"""Converter from Ray Tune's `param_space` to a space, and from configs to architectures and back.

Bounds: ``randint`` and ``lograndint`` exclude the upper one, ``qrandint`` and ``qlograndint``
include it unless their step is 1; everything else includes both, and so does all of raynas.

Distributions without a counterpart in a space are searched through a number that has one: a
logarithmic distribution with a quantum through the ``multiple`` of the quantum, a normal
distribution through its ``quantile``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import isclose
from typing import Any

import numpy as np
from ray.tune.search.sample import (
    Categorical,
    Domain,
    Float,
    Function,
    Grid,
    Integer,
    LogUniform,
    Quantized,
)

from raynas.arguments import is_number
from raynas.bridges.dynamic_classes import Literal, field_names, made, option, refusal
from raynas.errors import SpaceError
from raynas.redaction import scrubbed
from raynas.space import Space, choice, integer, real
from raynas.space.declare import choice_among
from raynas.space.options import Scalar, plain
from raynas.tune.derived_distributions import Drawn, drawn
from raynas.tune.flat_domains import to_tune

__all__ = [
    "PLACEHOLDERS",
    "from_param_dict",
    "from_tune",
    "holds_domain",
    "to_param_dict",
    "to_tune",
]

_GRID = "grid_search"
_CODE = "eval"
PLACEHOLDERS = ("__fn_ph", "__ref_ph")
"""In place of functions and objects, which Tune hides from searchers until a trial starts."""
_INDEX = "__option__"


def from_tune(param_space: Mapping[str, Any]) -> Space[Any]:
    """The space of all configs that `param_space` can become, in the order of its keys.

    Dicts, lists and tuples may be nested, and options may hold domains of their own, which are
    conditional then. Constants, and inside a Tuner what Tune itself resolves when a trial starts
    (``sample_from`` and objects), are no part of the space. An option listed twice counts once.

    Raises:
        SpaceError: There is nothing to search, or something that cannot be carried:
            ``grid_search``, code to evaluate, or ``sample_from`` outside a Tuner.
    """
    if not holds_domain(param_space):
        raise SpaceError(
            f"param_space={scrubbed(repr(param_space))} has nothing to choose: "
            "give it domains, such as tune.choice([...])"
        )
    return Space(_class("ParamSpace", param_space, "param_space"))


def to_param_dict(param_space: Mapping[str, Any], architecture: Any) -> dict[str, Any]:
    """The config of `architecture`, one of ``from_tune(param_space)``: in `param_space`'s shape."""
    filled: dict[str, Any] = _filled(param_space, architecture)
    return filled


def from_param_dict(
    space: Space[Any], param_space: Mapping[str, Any], config: Mapping[str, Any]
) -> Any:
    """The architecture of `space`, made by ``from_tune(param_space)``, whose config is `config`.

    The inverse of `to_param_dict`. Constants outside of options may be left out of `config`.

    Raises:
        SpaceError: A value is missing, is not one that `param_space` can become, or has no place
            in it.
    """
    known = {column.path for column in space.columns}
    decided = _decisions(param_space, config, "", "config")
    architecture = space.from_config({path: value for path, value in decided if path in known})
    differing = _difference(config, to_param_dict(param_space, architecture), "config")
    if differing is not None:
        raise SpaceError(
            f"{scrubbed(differing)}, which param_space cannot become: change that value"
        )
    return architecture


def holds_domain(node: Any) -> bool:
    """Whether a part of a param_space holds something that a searcher has to choose."""
    if isinstance(node, Domain):
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
    """The parts of a dict, list or tuple; of what stands for a value, itself."""
    if isinstance(node, Mapping) and not (_is_call(node, _GRID) or _is_call(node, _CODE)):
        return node.items()
    return enumerate(node if isinstance(node, list | tuple) else [node])


def _declared(node: Any, where: str) -> Any:
    """What `node`, which holds a domain, becomes: a field of a searchable class."""
    try:
        match node:
            case Categorical() if not isinstance(node.sampler, Grid):
                return choice_among(list(_options(node.categories, where).values()))
            case Integer():
                return _whole(node)
            case Float():
                return _real(node)
    except SpaceError as error:
        raise error if str(error).startswith(where) else SpaceError(f"{where}: {error}") from None
    if isinstance(node, Categorical) or _is_call(node, _GRID):
        raise refusal(
            f"{where} = grid_search(...)",
            "a searcher chooses single values and covers no grid",
            "use tune.choice, or run the grid without search_alg",
        )
    if isinstance(node, Domain) or _is_call(node, _CODE):
        raise refusal(
            f"{where} = {_shown(node)}",
            "only Tune can resolve it, when it starts a trial",
            "give it in the param_space of a Tuner, or draw in the trainable"
            if isinstance(node, Function)
            else "use a constant, tune.choice, tune.randint, tune.uniform or tune.sample_from",
        )
    return choice(_class("Part", node, where))


def _options(categories: Sequence[Any], where: str) -> dict[int, Any]:
    """The options of ``tune.choice(categories)`` by position, without repeated ones."""
    options: dict[int, Any] = {}
    for index, node in enumerate(categories):
        if any(_same(node, categories[known]) for known in options):
            continue
        value = _option(node, index, where)
        if any(_label(value) == _label(other) for other in options.values()):
            value = Literal(f"{type(node).__name__} {node!r}", node)  # as for 1 and True
        options[index] = value
    return options


def _option(node: Any, index: int, where: str) -> Any:
    """An option of a choice: a class where it holds domains, otherwise a value.

    Of an object that Tune hides, its position is all that is known.
    """
    if holds_domain(node):
        return _class(f"option{index}", node, f"{where}[{index}]", **{_INDEX: index})
    if _holds_placeholder(node):
        return Literal(f"object {index}", node)
    return option(plain(node)) if node == node else Literal(repr(node), node)


def _label(value: Any) -> Any:
    if isinstance(value, type):
        return value.__name__
    return value if isinstance(value, Scalar) else repr(value)


def _same(one: Any, other: Any) -> bool:
    return type(one) is type(other) and repr(one) == repr(other)


def _whole(domain: Integer) -> Any:
    """Multiples of the step, which include the upper bound; without one, all below it."""
    computed = drawn(domain)
    if computed is not None:
        return choice(_computed(computed))
    step = _step(domain) or 1
    low, high = -(-domain.lower // step) * step, domain.upper // step * step
    high -= step == 1
    if low > high:
        raise SpaceError(f"{_shown(domain)} has no value: raise its upper bound")
    log = isinstance(_sampler(domain), LogUniform)
    return integer(_exact(low), _exact(high), step=_exact(step), log=log)


def _real(domain: Float) -> Any:
    computed = drawn(domain)
    if computed is not None:
        return choice(_computed(computed))
    low, high, step = float(domain.lower), float(domain.upper), _step(domain)
    if low == high:
        return choice(low)
    return real(low, high, step=step, log=isinstance(_sampler(domain), LogUniform))


def _computed(computed: Drawn) -> type[Any]:
    return made("Drawn", {computed.name: computed.declared}, {})


def _exact(number: Any) -> Any:
    """`number` as an int where it is a whole number of another type, as 1e3 is."""
    return int(number) if number == int(number) else number


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
    if isinstance(node, Mapping):
        return dict(filled)
    elements = [element for _, element in filled]
    return type(node)(elements) if isinstance(node, list | tuple) else elements[0]


def _chosen(node: Any, value: Any) -> Any:
    """The value in a config for `value`, a field's of what `_declared` made of `node`."""
    if isinstance(node, Categorical):
        index = getattr(type(value), _INDEX, None)
        if index is not None:
            return _filled(node.categories[index], value)
        return value.value if isinstance(value, Literal) else _as_listed(node.categories, value)
    if not isinstance(node, Domain):
        return _filled(node, value)
    computed = drawn(node)
    return value if computed is None else computed.value(getattr(value, computed.name))


def _as_listed(options: Sequence[Any], value: Any) -> Any:
    """`value`, or the scalar of NumPy among `options` that a space holds as `value`."""
    listed = (node for node in options if isinstance(node, np.generic))
    kind = type(value)
    return next((n for n in listed if type(plain(n)) is kind and plain(n) == value), value)


def _decisions(node: Any, given: Any, path: str, where: str) -> Iterator[tuple[str, Any]]:
    """The inverse of `_chosen`: paths and scalars of the decisions that give `given`."""
    if isinstance(node, Categorical):
        yield from _option_decisions(node, given, path, where)
    elif isinstance(node, Float | Integer):
        if not is_number(given):
            raise SpaceError(scrubbed(f"{where} = {given!r}: must be a number"))
        computed = drawn(node)
        if computed is None:
            yield path, int(given) if isinstance(node, Integer) else float(given)
        else:
            yield f"{path}.{computed.name}", computed.number(given)
    else:
        yield from _part_decisions(node, given, path, where)


def _option_decisions(
    node: Categorical, given: Any, path: str, where: str
) -> Iterator[tuple[str, Any]]:
    options = _options(node.categories, where)
    for index in sorted(options, key=lambda index: not _same(node.categories[index], given)):
        if not _fits(node.categories[index], given):
            continue
        value = options[index]
        label = _label(value)
        yield path, label
        if hasattr(value, _INDEX):
            below = f"{path}.{label}" if len(options) > 1 else path
            yield from _part_decisions(node.categories[index], given, below, where)
        return
    objects = any(map(_holds_placeholder, node.categories))
    hint = "; Tune hides objects from searchers: offer names and look them up" if objects else ""
    raise SpaceError(scrubbed(f"{where} = {given!r}: must be one of {node.categories}{hint}"))


def _part_decisions(node: Any, given: Any, path: str, where: str) -> Iterator[tuple[str, Any]]:
    parts = {key: part for key, part in _items(node) if holds_domain(part)}
    names = field_names(parts)
    values = dict(_items(given))
    for key, part in parts.items():
        if key not in values:
            raise SpaceError(f"{where} has no {key!r}: give a value for it")
        below = f"{path}.{names[key]}" if path else names[key]
        at = where if isinstance(node, Domain) else f"{where}[{key!r}]"
        yield from _decisions(part, values[key], below, at)


def _fits(node: Any, given: Any) -> bool:
    """Whether `given` is what `node`, an option or a part of one, can become."""
    if isinstance(node, Categorical):
        return any(_fits(option, given) for option in node.categories)
    if isinstance(node, Domain):
        return is_number(given) and (drawn(node) is not None or bool(node.is_valid(given)))
    if isinstance(node, Mapping | list | tuple):
        if not isinstance(given, Mapping if isinstance(node, Mapping) else list | tuple):
            return False
        parts, values = dict(_items(node)), dict(_items(given))
        return parts.keys() == values.keys() and all(_fits(parts[k], values[k]) for k in parts)
    return isinstance(node, bool) == isinstance(given, bool) and bool(node == given)


def _difference(given: Any, made: Any, where: str) -> str | None:
    """The first value of `given` that differs from the one in `made`, in words."""
    if _holds_placeholder(made):
        return None
    if isinstance(given, Mapping | list | tuple) and isinstance(made, Mapping | list | tuple):
        values = dict(_items(made))
        found = (
            _difference(part, values[key], f"{where}[{key!r}]")
            if key in values
            else f"{where} has {key!r}"
            for key, part in _items(given)
        )
        return next((words for words in found if words is not None), None)
    if is_number(given) and is_number(made):
        same = isclose(given, made, rel_tol=1e-6, abs_tol=1e-9)
    else:
        same = bool(given == made)
    return None if same else f"{where} = {given!r}"


def _is_call(node: Any, word: str) -> bool:
    return isinstance(node, Mapping) and node.keys() == {word}


def _holds_placeholder(node: Any) -> bool:
    if isinstance(node, tuple) and node[:1] and node[0] in PLACEHOLDERS:
        return True
    parts = node.values() if isinstance(node, Mapping) else node
    return isinstance(node, Mapping | list | tuple) and any(map(_holds_placeholder, parts))


def _shown(node: Any) -> str:
    if isinstance(node, Function):
        return "sample_from(...)"
    if isinstance(node, Domain):
        return f"{type(node).__name__}{node.domain_str} drawn by {_sampler(node)}"
    return repr(node)
