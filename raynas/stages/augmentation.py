"""A stage that searches how to augment the data, for an architecture that is fixed.

The trials see a part of the training data and are trained on it to the end, rather than on all of
it for fewer steps: augmentation slows learning down and pays late, so that short trainings favor
too little of it.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from raynas.augmentation import ImageRandAugment, Policy
from raynas.controllers.by_name import ControllerLike
from raynas.errors import ConfigurationError
from raynas.search import Search
from raynas.space import Space
from raynas.stages.recipe import Recipe
from raynas.stages.results import Results, StageResult
from raynas.tasks import LightningTask, Task
from raynas.tasks.example_input import innermost
from raynas.tasks.variation import Variation
from raynas.trials import Architecture
from raynas.wording import counted

__all__ = ["Augmentation", "policies"]


@dataclass(frozen=True)
class Augmentation(Recipe):
    """A stage that searches an augmentation policy for the best architecture so far.

    Its trials train as the full training does, ``Search.full``, on `data_fraction` of the training
    data and for as many epochs. Only training examples are augmented.

    Attributes:
        policy: A searchable subclass of `raynas.augmentation.Policy`, or its space. Its baseline,
            which is tried first, should leave the data as they are.
        data_fraction: Part of the training data that a trial sees, above 0 and up to 1.
        max_steps: Optimizer steps of a full training on all of the data; by default those of
            ``Search.full``.
        controller: Makes the proposals.

    Raises:
        ConfigurationError: `policy` is something else, or `data_fraction` is out of its range.
    """

    policy: type[Policy] | Space[Any] = ImageRandAugment
    data_fraction: float = 0.25
    max_steps: int | None = None
    controller: ControllerLike = "auto"

    def __post_init__(self) -> None:
        if not isinstance(self.policy, Space | type) or not issubclass(
            Space.of(self.policy).root, Policy
        ):
            raise ConfigurationError(
                f"policy={self.policy!r}: must be a searchable subclass of "
                "raynas.augmentation.Policy, such as ImageRandAugment"
            )
        if not 0 < self.data_fraction <= 1:
            raise ConfigurationError(
                f"data_fraction={self.data_fraction!r}: must be above 0 and at most 1"
            )

    def __call__(self, found: Results) -> Search:
        """The stage's search."""
        return self._search(*self.earlier(found).as_network())

    def alone(self, search: Search, architecture: Architecture | None = None) -> Search:
        """A search over policies that follows no other stage.

        For data that are too small for an architecture search.

        Args:
            search: Search whose training, resources and limits are used.
            architecture: What to train; by default the baseline of the search's space.

        Raises:
            SpaceError: The space has no baseline.
        """
        alone = StageResult("", search)
        fixed = Space.of(search.space).baseline if architecture is None else architecture
        return self._search(*alone.as_network(fixed))

    def _search(self, search: Search, architecture: Architecture) -> Search:
        space = Space.of(search.space)
        full = None if search.full is None else Variation(search.full, space, architecture)
        return self.derived(
            search,
            Space.of(self.policy),
            self.controller,
            task=Variation(self._on_a_part(search), space, architecture),
            full=full,
            reward=None,
            scheduler=None,
            allow=(*search.allow, "augmentation"),
        )

    def _on_a_part(self, search: Search) -> Task:
        """The full training, on a part of the data and for as many epochs."""
        task = innermost(search.full or search.task)
        if not isinstance(task, LightningTask):
            raise ConfigurationError(
                f"the stage before trains with a {type(task).__name__}, and augmentation needs a "
                "raynas.LightningTask: give Search(full=...), or task=, one"
            )
        if search.full is None and self.max_steps is None:
            raise ConfigurationError(
                "max_steps=None: the trials of the stage before train for "
                f"{counted(task.max_steps, 'step')}, which may be too few for augmentation to pay; "
                "give Augmentation(max_steps=...), the steps of a full training, or "
                "Search(full=LightningTask(...))"
            )
        made = copy.copy(task)
        made.data = replace(
            task.data, validation="split", fraction=self.data_fraction, balance=False
        )
        steps = (self.max_steps or task.max_steps) * self.data_fraction
        made.max_steps = max(1, round(steps))
        made.evaluations = min(task.evaluations, made.max_steps)
        return made


def policies() -> Mapping[str, type[Policy]]:
    """The ready-made policies by the names that `raynas augment` has for them."""
    from raynas import augmentation

    kinds = ("Image", "Photometric", "Spectrogram", "Series", "Table")
    return {
        f"{kind.lower()}-{way}": getattr(augmentation, f"{kind}{name}")
        for kind in kinds
        for way, name in (("rand", "RandAugment"), ("auto", "AutoAugment"))
    }
