"""`Space`: the questions that controllers ask of a search space."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from functools import cached_property
from numbers import Integral
from typing import Generic, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from raynas.arguments import checked_call, shown
from raynas.errors import SpaceError
from raynas.notebook import html_table
from raynas.renamed import warn_of
from raynas.space import encoding, variation
from raynas.space.canonical import canonical_form, has_canonical
from raynas.space.configuration import from_config, to_config
from raynas.space.decisions import Decisions
from raynas.space.declaration import record_of
from raynas.space.domains import ConstraintViolation
from raynas.space.graph_paths import paths_of
from raynas.space.options import Answer, Column, Scalar
from raynas.space.records import Record, records_in
from raynas.space.restriction import gridded, narrowed, part_of
from raynas.space.traversal import completions
from raynas.space.uniform_draws import check_generator, uniforms, whole_below
from raynas.wording import shown_architectures

__all__ = ["Space"]

A = TypeVar("A")


class Space(Generic[A]):
    """The set of all instances of a searchable class.

    All operations are pure; randomness comes from the generator that is passed in. Architectures
    that break a class's `is_feasible` are never given out.

    Args:
        root: A class decorated with `searchable`.
        baseline: The architecture to start from and to compare with; by default that of all
            defaults.

    Raises:
        SpaceError: `root` is not such a class, one name of a shared choice has two meanings, or
            `baseline` lies outside the space.
    """

    def __init__(self, root: type[A], baseline: A | None = None) -> None:
        self.root = root
        self.decisions: Decisions[A] = Decisions(record_of(root), repr(self))
        self._baseline = baseline
        if baseline is not None:
            self.check(baseline)

    @classmethod
    def of(cls, space: type[A] | Space[A]) -> Space[A]:
        """`space` itself where it is one, otherwise that of the searchable class `space`."""
        return space if isinstance(space, Space) else cls(space)

    def __repr__(self) -> str:
        return f"Space({self.root.__name__})"

    @property
    def domain(self) -> Record:
        """What is searched: the root's declaration, or less of it in `around` and `split`."""
        return self.decisions.domain

    @property
    def size(self) -> int | float:
        """Exact number of different architectures, feasible or not; infinite with real numbers."""
        return self.decisions.size

    def _repr_html_(self) -> str:
        """The number of architectures, and each decision with its options."""
        words = f"{self.root.__name__}: {shown_architectures(self.size)}"
        return html_table(words, ("choice", "options"), self.decisions.options.items())

    @property
    def columns(self) -> tuple[Column, ...]:
        """The scalars of `to_config` and `encode`, conditional ones too."""
        return self.decisions.columns

    @cached_property
    def baseline(self) -> A:
        """The architecture given as such, or that of all defaults.

        Raises:
            SpaceError: None was given, and a field has no default.
        """
        if self._baseline is not None:
            return self.exact(self._baseline)
        try:
            architecture = self.root()
        except TypeError as error:
            raise SpaceError(
                f"{self.root.__name__} has no baseline ({error}): give every field a default, "
                "or the space a baseline"
            ) from None
        return self.exact(architecture)

    def sample(
        self,
        rng: np.random.Generator,
        over: Literal["choices", "architectures"] = "choices",
    ) -> A:
        """A random architecture.

        Args:
            rng: Source of all randomness.
            over: ``"choices"`` draws each decision uniformly from its options, parents first, so
                that all branches are seen alike; ``"architectures"`` draws uniformly from the
                whole space, of which large branches hold most.

        Raises:
            SpaceError: No feasible one was found, or the space is infinite and should be counted;
                or an argument is of another kind.
        """
        if not isinstance(over, str) or over not in ("choices", "architectures"):
            raise SpaceError(f"over={shown(over)}: must be 'choices' or 'architectures'")
        decisions = self.decisions
        check_generator(rng)
        if over == "choices":
            uniform = uniforms(rng)
            if decisions.shared:
                return decisions.first_feasible(
                    lambda: decisions.build(lambda _, options: options.draw(uniform))
                )
            return decisions.first_feasible(lambda: decisions.domain.draw(uniform))
        size = self.size
        if not isinstance(size, int):
            raise SpaceError(f"{self!r} has real numbers without steps: sample over 'choices'")
        return decisions.first_feasible(lambda: decisions.unrank(whole_below(size, rng)))

    def draw(self, rng: np.random.Generator) -> A | None:
        """One combination, each decision drawn uniformly; None where it is infeasible.

        Tells how many are: `sample` draws until one is feasible.
        """
        check_generator(rng)
        uniform = uniforms(rng)
        try:
            return self.decisions.build(lambda _, options: options.draw(uniform))
        except ConstraintViolation:
            return None

    def enumerate(self) -> Iterator[A]:
        """Every feasible architecture once, in a fixed order. Lazy: the space may be huge.

        Raises:
            SpaceError: The space is infinite.
        """
        if self.size == math.inf:
            raise SpaceError(f"{self!r} has real numbers without steps: it cannot be enumerated")
        return completions(self.decisions.build, {})

    def at(self, rank: int) -> A | None:
        """Architecture number `rank`, from 0 to ``size - 1``; None where it is infeasible.

        Every rank is another architecture; the order is not that of `enumerate`.

        Raises:
            SpaceError: The space is infinite, or has no such rank.
        """
        known = isinstance(self.size, int) and isinstance(rank, Integral)
        if not known or not 0 <= rank < self.size:
            raise SpaceError(
                f"rank={shown(rank)}: {self!r} has the ranks from 0 up to {self.size} - 1"
            )
        try:
            return self.decisions.unrank(int(rank))
        except ConstraintViolation:
            return None

    def neighbors(self, architecture: A) -> Iterator[A]:
        """All feasible architectures that differ in one decision.

        Decisions that the change makes active are filled in every way, so that the relation is
        symmetric; there may be many, and they are made one by one as they are asked for. A real
        number without steps stays as it is, or takes its middle where it becomes active.
        """
        return variation.neighbors(self.decisions, architecture)

    def neighbours(self, architecture: A) -> Iterator[A]:
        """Deprecated name of `neighbors`."""
        warn_of("Space.neighbours", "Space.neighbors")
        return self.neighbors(architecture)

    def mutate(self, architecture: A, rng: np.random.Generator) -> A:
        """A copy with one decision changed, drawn uniformly, to another option, uniform too.

        Decisions that the change makes active are sampled. The result always differs.

        Raises:
            SpaceError: The space has a single architecture, or no feasible mutant was found.
        """
        check_generator(rng)
        return variation.mutate(self.decisions, architecture, rng)

    def crossover(self, mother: A, father: A, rng: np.random.Generator) -> A:
        """Uniform crossover: each decision from one parent, by a fair coin where both have it.

        The mother herself where no feasible child was found.
        """
        check_generator(rng)
        return variation.crossover(self.decisions, mother, father, rng)

    def canonical(self, architecture: A) -> A:
        """The one form of all architectures that make the same network as `architecture`.

        Each of its parts, inner ones first, and then the whole is replaced by what its class gives
        as its property, or method, ``canonical``; without any, it is the architecture itself. So
        it is in a part of a space, as of `around`, that does not hold the form.

        Raises:
            SpaceError: The form is not an architecture of this space.
        """
        if not self._has_canonical:
            return architecture
        form: A = canonical_form(architecture)
        if form is not architecture and not self.contains(form):
            if self.domain is not record_of(self.root):
                return architecture
            self.check(form)
        return form

    def distance(self, first: A, second: A) -> int:
        """How many decisions differ; one that only one of the two has counts as one."""
        return variation.distance(self.decisions, first, second)

    def key(self, architecture: A) -> str:
        """A text that is the same for equal architectures, in every process, and only for them."""
        return json.dumps(self.to_config(architecture), separators=(",", ":"))

    def encode(self, architecture: A) -> NDArray[np.int64]:
        """The index taken in each of `columns`, shape ``(len(columns),)``; -1 where inactive.

        Raises:
            SpaceError: The space has real numbers without steps: use `one_hot`.
        """
        return encoding.indices(self.decisions, architecture)

    def coordinates(self, architecture: A) -> NDArray[np.float64]:
        """Position of the architecture in each of `columns`, shape ``(len(columns),)``.

        The index of the value taken, or for a real number its place between the bounds from 0 to
        1; NaN where inactive. Unlike `encode`, it has a number for every space.
        """
        return encoding.coordinates(self.decisions, architecture)

    def one_hot(self, architecture: A) -> NDArray[np.float64]:
        """One element an option of each column, 1 where taken; all 0 where inactive.

        A real number takes two elements: whether it is active, and where between its bounds.
        """
        return encoding.one_hot(self.decisions, architecture)

    def paths(self, architecture: A) -> frozenset[str]:
        """What the architecture's graphs do from input to output, as a set of texts.

        Each path through a graph that a class gives in its method ``graph()`` becomes the labels
        of its nodes, in order (path encoding: White, Neiswanger and Savani 2021, "BANANAS",
        section 3). Where no class gives one, the active decisions with their options.
        """
        return paths_of(self.decisions, architecture)

    def answers(self, architecture: A) -> dict[str, Answer]:
        """The active decisions by path, each with an answer that is equal for equal options."""
        return self.decisions.answers(architecture)

    def check(self, architecture: object) -> None:
        """Raise a `SpaceError` that names what lies outside the space, if anything does."""
        self.decisions.answers(architecture)

    def contains(self, architecture: object) -> bool:
        """Whether `architecture` is one of this space."""
        try:
            self.check(architecture)
        except SpaceError:
            return False
        return True

    def to_config(self, architecture: A) -> dict[str, Scalar]:
        """The active decisions as a flat dict, path to scalar: what Tune and Optuna see."""
        return to_config(self.decisions, architecture)

    def from_config(self, config: Mapping[str, Scalar]) -> A:
        """The inverse of `to_config`.

        Raises:
            SpaceError: A decision is missing, has an unknown option, or is not of this space.
        """
        if not isinstance(config, Mapping):
            raise SpaceError(f"config={shown(config)}: must be what to_config returned")
        return from_config(self.decisions, config)

    def to_json(self, architecture: A) -> str:
        """`architecture` as nested JSON: classes as objects, tuples as lists."""
        self.check(architecture)
        return json.dumps(self.domain.to_json(architecture))

    def from_json(self, text: str) -> A:
        """The inverse of `to_json`.

        Raises:
            SpaceError: `text` is not JSON, or does not describe an architecture of this space.
        """
        try:
            data = json.loads(text)
        except (TypeError, ValueError, RecursionError) as error:
            raise SpaceError(
                f"text={shown(text)}: not JSON ({error}): pass what to_json returned"
            ) from None
        architecture: A = self.domain.from_json("", data)
        self.check(architecture)
        return architecture

    def describe(self) -> dict[str, str]:
        """Each decision with its options and each constant with its value, as text.

        Two spaces with equal descriptions have the same architectures, but for `is_feasible`.
        """
        choices = {path: str(options) for path, options in self.decisions.options.items()}
        constants = {
            f"{record.cls.__name__}.{name}": repr(value)
            for record in records_in(self.domain)
            for name, value in record.constants.items()
        }
        return choices | constants

    @checked_call
    def split(self, *fields: str | tuple[str, ...]) -> tuple[Space[A], ...]:
        """One smaller space for each field of the root class, all other fields at the baseline.

        For a space that is too large to search at once: search each part, then `around` the
        winners.

        Args:
            fields: A field, or a tuple of fields that are searched together.

        Raises:
            SpaceError: There is no such field, or no baseline.
        """
        rest = self.baseline
        together = [(field,) if isinstance(field, str) else field for field in fields]
        parts = [self.of_domain(part_of(self.domain, names, rest)) for names in together]
        return tuple(part.with_baseline(rest) for part in parts)

    def with_baseline(self, architecture: A) -> Space[A]:
        """A copy of this space with another baseline.

        Raises:
            SpaceError: `architecture` lies outside the space.
        """
        self.check(architecture)
        space = self.of_domain(self.domain)
        space._baseline = architecture
        return space

    def around(self, *architectures: A) -> Space[A]:
        """The smallest space of this kind that holds all `architectures` and what lies between.

        Each choice keeps the options that some of them take, each number the range between.

        Raises:
            SpaceError: There is no architecture, or one lies outside this space.
        """
        if not architectures:
            raise SpaceError("around() has no architectures: give at least one")
        seen = [self.decisions.answers(architecture) for architecture in architectures]
        return self.of_domain(narrowed(self.domain, seen))

    def gridded(self, levels: int) -> Space[A]:
        """A finite part of this space: real numbers without steps have `levels` values each.

        They lie at equal distances from bound to bound, by their logarithm where so declared.
        """
        return self.of_domain(gridded(self.domain, levels))

    def of_domain(self, domain: Record) -> Space[A]:
        """The space of this root whose declaration is `domain`, without a baseline given."""
        space: Space[A] = Space(self.root)
        space.decisions = Decisions(domain, repr(space))
        return space

    def exact(self, architecture: A) -> A:
        """`architecture` without the rounding errors that `contains` allows its numbers."""
        return self.decisions.answered(self.decisions.answers(architecture))

    @cached_property
    def _has_canonical(self) -> bool:
        return has_canonical(self.domain)
