"""A part of a space whose architectures are described as members of the whole.

A model that was fitted on trials anywhere in the whole space can then propose within the part.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import numpy as np
from numpy.typing import NDArray

from raynas.errors import SpaceError
from raynas.space.options import Answer, Column, Options, Scalar
from raynas.space.space import Space

__all__ = ["EmbeddedSpace"]


class EmbeddedSpace(Space[Any]):
    """What it gives out lies in `part`; whether it holds an architecture, and where, in `whole`.

    Samples, mutants, children and neighbors are those of the part, and so is the size. Encodings,
    distances and `contains` are those of the whole.

    Args:
        part: A space made of the whole by `Space.around` or `Space.split`.
        whole: The whole space.

    Raises:
        SpaceError: The two are of different classes.
    """

    def __init__(self, part: Space[Any], whole: Space[Any]) -> None:
        if part.root is not whole.root:
            raise SpaceError(
                f"part={part!r} is no part of {whole!r}: make it with around() or split()"
            )
        super().__init__(whole.root)
        self.decisions, self._baseline = part.decisions, part._baseline
        self._part = part
        self._embedding = whole
        self._inside: dict[Any, Any] = {}

    @property
    def columns(self) -> tuple[Column, ...]:
        """See `Space.columns`."""
        return self._embedding.columns

    def coordinates(self, architecture: Any) -> NDArray[np.float64]:
        """See `Space.coordinates`."""
        return self._embedding.coordinates(architecture)

    def encode(self, architecture: Any) -> NDArray[np.int64]:
        """See `Space.encode`."""
        return self._embedding.encode(architecture)

    def one_hot(self, architecture: Any) -> NDArray[np.float64]:
        """See `Space.one_hot`."""
        return self._embedding.one_hot(architecture)

    def to_config(self, architecture: Any) -> Any:
        """See `Space.to_config`."""
        return self._embedding.to_config(architecture)

    def from_config(self, config: Mapping[str, Scalar]) -> Any:
        """See `Space.from_config`."""
        return self._embedding.from_config(config)

    def answers(self, architecture: Any) -> dict[str, Answer]:
        """See `Space.answers`."""
        return self._embedding.answers(architecture)

    def distance(self, first: Any, second: Any) -> int:
        """See `Space.distance`."""
        return self._embedding.distance(first, second)

    def check(self, architecture: object) -> None:
        """See `Space.check`."""
        self._embedding.check(architecture)

    def canonical(self, architecture: Any) -> Any:
        """See `Space.canonical`: the form itself where the part holds it."""
        form = self._embedding.canonical(architecture)
        return form if self._part.contains(form) else architecture

    def mutate(self, architecture: Any, rng: np.random.Generator) -> Any:
        """See `Space.mutate`: of what is nearest in the part."""
        return self._part.mutate(self.nearest(architecture), rng)

    def crossover(self, mother: Any, father: Any, rng: np.random.Generator) -> Any:
        """See `Space.crossover`: of what is nearest in the part."""
        return self._part.crossover(self.nearest(mother), self.nearest(father), rng)

    def neighbors(self, architecture: Any) -> Any:
        """See `Space.neighbors`: of what is nearest in the part."""
        return self._part.neighbors(self.nearest(architecture))

    def nearest(self, architecture: Any) -> Any:
        """`architecture` itself if it is in the part, otherwise with what is not there changed.

        Decisions that the part holds are kept; others take the part's first option.
        """
        if architecture not in self._inside:
            self._inside[architecture] = self._moved(architecture)
        return self._inside[architecture]

    def _moved(self, architecture: Any) -> Any:
        if self._part.contains(architecture):
            return architecture
        config = self._embedding.to_config(architecture)

        def decide(path: str, options: Options) -> Answer:
            columns = options.columns(path)
            keys = [_counterpart(column.path, config) for column in columns]
            pairs = zip(columns, keys, strict=True)
            with suppress(SpaceError):  # the part does not have the option
                codes = [None if key is None else c.code(config[key]) for c, key in pairs]
                answer = options.answer(codes) if codes[0] is not None else None
                if answer is not None:
                    return answer
            return options.draw(lambda: 0.0)

        try:
            return self._part.decisions.build(decide)
        except SpaceError:
            return self._part.sample(np.random.default_rng(0))


def _counterpart(path: str, config: Mapping[str, Scalar]) -> str | None:
    """The key of `config` for the decision at `path`; None where it has none.

    Where a choice has a single option left, a path lacks the option's label, which the key has.
    """
    if path in config:
        return path
    parts = path.split(".")
    return next((key for key in config if _leaves_out_labels(parts, key.split("."))), None)


def _leaves_out_labels(parts: Sequence[str], whole: Sequence[str]) -> bool:
    """Whether `parts` are some of `whole`, in order and with the same end."""
    left = iter(whole)
    return whole[-1] == parts[-1] and all(part in left for part in parts)
