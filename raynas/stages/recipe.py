"""What the ready-made stages have in common: settings of a search that is built on another one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from raynas.controllers import Controller, WarmStart
from raynas.controllers.by_name import ControllerLike, make_controller
from raynas.search import Limits, Search
from raynas.space import Space
from raynas.stages.results import Results, StageResult, latest
from raynas.stopping import default_rules
from raynas.trials import Architecture

__all__ = ["Recipe", "starting_with"]


@dataclass(frozen=True)
class Recipe:
    """A stage that is built on an earlier one; the base of the ready-made ones.

    What is not given here, such as the resources of a trial, is as in the search of that stage.

    Attributes:
        of: Name of the stage to build on; the latest by default.
        limits: Limits of the stage; as in the stage that it is built on by default.
        options: Further arguments of the stage's `raynas.Search`, such as ``rules`` or ``seed``.
    """

    of: str | None = None
    limits: Limits | None = None
    options: Mapping[str, Any] = field(default_factory=dict)

    def earlier(self, found: Results) -> StageResult:
        """The result that the stage is built on.

        Raises:
            ConfigurationError: There is none.
        """
        return latest(found, self.of)

    def derived(
        self,
        search: Search,
        space: Space[Any],
        controller: ControllerLike = "auto",
        first: Sequence[Architecture] = (),
        **changes: Any,
    ) -> Search:
        """The stage's search, with what `search` has and neither `changes` nor `options` replace.

        Args:
            search: The search to take settings from.
            space: What the stage searches.
            controller: What proposes.
            first: What to try first; the space's baseline by default, to have what to compare with.
            changes: Arguments of `Search`.
        """
        usual = {
            "space": space,
            "controller": starting_with(controller, first or (space.baseline,)),
            "rules": default_rules(space, guided=controller in ("auto", "surrogate")),
            "limits": self.limits or search.limits,
            "keep": (),
            "again": False,
            "until": (),
        }
        return replace(search, **{**usual, **changes, **self.options})


def starting_with(controller: ControllerLike, first: Sequence[Architecture]) -> ControllerLike:
    """`controller`, after the architectures `first` were tried."""

    def make(space: Space[Any]) -> Controller:
        return WarmStart(make_controller(controller, space), first=first)

    return make
