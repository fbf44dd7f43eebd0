"""Stages that search the parts of a large space first, and then the whole around the winners.

The trials of the parts are architectures of the whole space, with the other parts at the baseline
or at the best so far. The joint search is over a smaller space around the winners, and its model
begins with every trial of the parts, also those outside that smaller space.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from raynas.controllers import Auto, Controller, Deduplicated, WarmStart
from raynas.controllers.promising import promising_neighbors
from raynas.errors import ConfigurationError
from raynas.search import Limits, Search
from raynas.space import Space
from raynas.space.embedded import EmbeddedSpace
from raynas.stages.chain import Stages
from raynas.stages.recipe import Recipe
from raynas.stages.results import Results, StageResult
from raynas.trials import Architecture, History

__all__ = ["Joint", "Part", "parts_then_whole"]

_PER_PART = 5  # chosen by hand: parts whose winners interact need more than one each


@dataclass(frozen=True)
class Part:
    """A stage that searches some fields of a space, the others being fixed.

    Attributes:
        search: The search over the whole space.
        fields: Names of the fields of its root class that are searched together.
        rest: The other fields are as in the ``"baseline"``, or in the ``"best"`` of the parts that
            were searched before.
        limits: Limits of the stage; those of `search` by default.
    """

    search: Search
    fields: tuple[str, ...]
    rest: Literal["baseline", "best"] = "best"
    limits: Limits | None = None

    def __post_init__(self) -> None:
        if isinstance(self.fields, str) or not self.fields:
            raise ConfigurationError(
                f"fields={self.fields!r}: must be a tuple of field names, such as ('encoder',)"
            )
        if self.rest not in ("baseline", "best"):
            raise ConfigurationError(f"rest={self.rest!r}: use 'baseline' or 'best'")
        Space.of(self.search.space).split(self.fields)

    def __call__(self, found: Results) -> Search:
        """The stage's search."""
        whole = Space.of(self.search.space)
        earlier = [
            part for part in found.values() if Space.of(part.search.space).root is whole.root
        ]
        start = _best_of(earlier) if earlier and self.rest == "best" else whole.baseline
        (space,) = whole.with_baseline(start).split(self.fields)
        recipe = Recipe(limits=self.limits)
        return recipe.derived(self.search, space, self.search.controller)


@dataclass(frozen=True)
class Joint:
    """A stage that searches the whole space around the winners of its parts.

    The space has, for each choice, the options that the `top` of each part take, and all others
    with which a winner may be as good as the best: those that the model of all trials of the parts
    does not place below it with some confidence. The controller is the surrogate-based default one,
    which begins with these trials; its model has a term for each part, or for each block where the
    space has such, beside one for all.

    Attributes:
        search: The search over the whole space.
        top: Winners of each part that the joint space is around.
        limits: Limits of the stage; those of `search` by default.
    """

    search: Search
    top: int = _PER_PART
    limits: Limits | None = None

    def __call__(self, found: Results) -> Search:
        """The stage's search."""
        whole = Space.of(self.search.space)
        parts = [part for part in found.values() if Space.of(part.search.space).root is whole.root]
        if not parts:
            raise ConfigurationError(
                f"no stage before searched a part of {whole!r}: put Part(...) stages before Joint"
            )
        together, best = _combined(whole, parts), _best_of(parts)
        apart = [frozenset(Space.of(part.search.space).domain.fields) for part in parts]
        winners = (best, together, *(winner for part in parts for winner in part.top(self.top)))
        earlier, first = _joined(parts), tuple(dict.fromkeys((best, together)))
        described = EmbeddedSpace(whole, whole, apart)
        near = promising_neighbors(described, earlier, tuple(dict.fromkeys(winners)))
        space = whole.around(*winners, *near).with_baseline(best)

        def controller(part: Space[Any]) -> Controller:
            within = EmbeddedSpace(part, whole, apart)
            return Deduplicated(WarmStart(Auto(within), first=first, earlier=earlier))

        recipe = Recipe(limits=self.limits, options={"controller": controller})
        return recipe.derived(self.search, space)


def parts_then_whole(
    search: Search,
    *parts: str | tuple[str, ...],
    trials: int,
    rest: Literal["baseline", "best"] = "best",
    top: int = _PER_PART,
    name: str | None = None,
) -> Stages:
    """A chain that searches each of `parts`, and then the joint space around the winners.

    Args:
        search: The search over the whole space, whose limits the joint stage has.
        parts: Fields of the root class, each searched alone; or tuples of fields searched together.
        trials: Trials of each part.
        rest: What the other fields are while a part is searched, see `Part`.
        top: Winners of each part that span the joint space, see `Joint`.
        name: Name of the chain, see `Stages`.
    """
    limits = replace(search.limits, trials=trials)
    stages: dict[str, Any] = {}
    for part in parts:
        fields = (part,) if isinstance(part, str) else part
        stages["_".join(fields)] = Part(search, fields, rest, limits)
    return Stages({**stages, "joint": Joint(search, top)}, name=name, folder=search.folder)


def _best_of(parts: Sequence[StageResult]) -> Architecture:
    """The architecture of the highest reward of all parts; of the latest where none has any."""
    tried = [
        (trial.reward or 0.0, trial.architecture) for p in parts for trial in p.history.best(1)
    ]
    return max(tried, key=lambda pair: pair[0])[1] if tried else parts[-1].best


def _combined(whole: Space[Any], parts: Sequence[StageResult]) -> Architecture:
    """The best of each part put together."""
    together = whole.baseline
    for part in parts:
        fields = Space.of(part.search.space).domain.fields
        changes = {name: getattr(part.best, name) for name in fields}
        together = replace(together, **changes)
    return together if whole.contains(together) else _best_of(parts)


def _joined(parts: Sequence[StageResult]) -> History:
    """The trials of all parts, numbered one after the other."""
    trials = [trial for part in parts for trial in part.history]
    numbered = [replace(trial, number=number) for number, trial in enumerate(trials)]
    return History(tuple(numbered), parts[0].history.shown_as)
