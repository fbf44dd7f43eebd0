"""Which classes, functions and other objects the options of a `param_space` are.

Tune hides them from searchers until a trial starts, so the history knows an option only by its
position. What it was shows in the trial's result, and is noted in the store: if the options have
another order when a search goes on, that is found at the first trial with one of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ray.tune.search.sample import Categorical
from ray.tune.utils import flatten_dict

from raynas.errors import ConfigurationError
from raynas.store import Store
from raynas.tune.param_space import PLACEHOLDERS

__all__ = ["Objects"]

_NOTE = "objects"


class Objects:
    """The names of the objects among the options, as far as trials have shown them.

    Args:
        param_space: Parameter space, as Tune gives it to searchers.
    """

    def __init__(self, param_space: Mapping[str, Any]) -> None:
        self._hidden = set(_hidden(param_space, optional=False))
        self._known: dict[str, str] | None = None

    def note(
        self, store: Store[Any], number: int, config: Mapping[str, Any], result: Mapping[str, Any]
    ) -> None:
        """Note the objects of trial `number`, which has not ended.

        Args:
            store: Store of the search.
            number: Number of the trial.
            config: Config as the searcher suggested it.
            result: Result as Tune reports it, flat, with the config in it.

        Raises:
            ConfigurationError: An option is another object than in an earlier trial.
        """
        if not self._hidden:
            return
        if self._known is None:
            self._known = {}
            for earlier in range(number):
                self._known.update(store.notes(earlier).get(_NOTE, {}))
        flat = flatten_dict(dict(config))
        pairs = ((value, result.get(f"config/{key}")) for key, value in flat.items())
        found = {place: name for pair in pairs for place, name in _names(*pair)}
        seen = {place: name for place, name in found.items() if place in self._hidden}
        for place, name in seen.items():
            if self._known.setdefault(place, name) != name:
                raise ConfigurationError(
                    f"param_space: the option that was {self._known[place]} is {name} in trial "
                    f"{number}; restore the order of the options, as Tune shows searchers nothing "
                    "but their positions, or offer names and look the objects up in the trainable"
                )
        if seen:
            store.note(number, _NOTE, seen)


def _hidden(node: Any, *, optional: bool) -> Iterator[str]:
    """What stands for each object that is an option, or a part of one."""
    if isinstance(node, tuple) and node[:1] and node[0] in PLACEHOLDERS:
        yield from [node[1]] if optional else []
    elif isinstance(node, Categorical):
        for option in node.categories:
            yield from _hidden(option, optional=True)
    elif isinstance(node, Mapping | list | tuple):
        for part in node.values() if isinstance(node, Mapping) else node:
            yield from _hidden(part, optional=optional)


def _names(node: Any, value: Any) -> Iterator[tuple[str, str]]:
    """Names of the objects in `value`, and what stands for each in `node`."""
    if isinstance(node, tuple) and node[:1] and node[0] in PLACEHOLDERS:
        named = value if hasattr(value, "__qualname__") else type(value)
        yield node[1], f"{named.__module__}.{named.__qualname__}"
    elif isinstance(node, list | tuple) and isinstance(value, list | tuple):
        for part, inner in zip(node, value, strict=False):
            yield from _names(part, inner)
