"""`Space`: the questions that controllers ask of a search space."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property
from itertools import accumulate
from typing import Any, Generic, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from raynas.errors import SpaceError
from raynas.notebook import html_table
from raynas.renamed import warn_of
from raynas.space import encoding
from raynas.space.canonical import canonical_form, has_canonical
from raynas.space.declaration import record_of
from raynas.space.domains import NOTHING, ConstraintViolation, Decide
from raynas.space.options import Answer, Column, Finite, Interval, Options, Scalar
from raynas.space.recent import Recent
from raynas.space.records import Record, records_in
from raynas.space.repeats import shared_choices
from raynas.space.restriction import gridded, narrowed, part_of
from raynas.space.traversal import completions, once
from raynas.space.uniform_draws import uniforms, whole_below
from raynas.wording import shown_architectures

__all__ = ["Space"]

A = TypeVar("A")

_ATTEMPTS = 1000
_TRACED_DECISIONS, _FEWEST_TRACES = 60_000, 256
"""So many decisions of recent architectures are kept, or those of 256."""
_FEW_ANSWERS = 64
_MISSING = object()


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
        self._domain = record_of(root)
        self._shared = shared_choices(self._domain)
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
        return self._domain

    @cached_property
    def size(self) -> int | float:
        """Exact number of different architectures, feasible or not; infinite with real numbers."""
        total: int | float = sum(
            number * math.prod(self._shared[name].size for name in names)
            for names, number in self._domain.counts.items()
        )
        return total

    def _repr_html_(self) -> str:
        """The number of architectures, and each decision with its options."""
        words = f"{self.root.__name__}: {shown_architectures(self.size)}"
        return html_table(words, ("choice", "options"), self._decisions)

    @cached_property
    def columns(self) -> tuple[Column, ...]:
        """The scalars of `to_config` and `encode`, conditional ones too."""
        return tuple(c for columns in self._columns_of.values() for c in columns)

    @cached_property
    def baseline(self) -> A:
        """The architecture given as such, or that of all defaults.

        Raises:
            SpaceError: None was given, and a field has no default.
        """
        if self._baseline is not None:
            return self._exact(self._baseline)
        try:
            architecture = self.root()
        except TypeError as error:
            raise SpaceError(
                f"{self.root.__name__} has no baseline ({error}): give every field a default, "
                "or the space a baseline"
            ) from None
        return self._exact(architecture)

    def sample(
        self,
        rng: np.random.Generator,
        over: Literal["choices", "architectures"] = "choices",
    ) -> A:
        """A random architecture.

        Args:
            rng: Where the randomness comes from.
            over: ``"choices"`` draws each decision uniformly from its options, parents first, so
                that all branches are seen alike; ``"architectures"`` draws uniformly from the
                whole space, of which large branches hold most.

        Raises:
            SpaceError: No feasible one was found, or the space is infinite and should be counted.
        """
        uniform = uniforms(rng)
        if over == "choices":
            if self._shared:
                return self._first_feasible(
                    lambda: self._build(lambda _, options: options.draw(uniform))
                )
            return self._first_feasible(lambda: self._domain.draw(uniform))
        size = self.size
        if not isinstance(size, int):
            raise SpaceError(f"{self!r} has real numbers without steps: sample over 'choices'")
        return self._first_feasible(lambda: self._unrank(whole_below(size, rng)))

    def draw(self, rng: np.random.Generator) -> A | None:
        """One combination, each decision drawn uniformly; None where it is infeasible.

        Tells how many are: `sample` draws until one is feasible.
        """
        uniform = uniforms(rng)
        try:
            return self._build(lambda _, options: options.draw(uniform))
        except ConstraintViolation:
            return None

    def enumerate(self) -> Iterator[A]:
        """Every feasible architecture once, in a fixed order. Lazy: the space may be huge.

        Raises:
            SpaceError: The space is infinite.
        """
        if self.size == math.inf:
            raise SpaceError(f"{self!r} has real numbers without steps: it cannot be enumerated")
        return completions(self._build, {})

    def at(self, rank: int) -> A | None:
        """Architecture number `rank`, from 0 to ``size - 1``; None where it is infeasible.

        Every rank is another architecture; the order is not that of `enumerate`.

        Raises:
            SpaceError: The space is infinite, or has no such rank.
        """
        if not isinstance(self.size, int) or not 0 <= rank < self.size:
            raise SpaceError(f"rank={rank}: {self!r} has the ranks from 0 up to {self.size} - 1")
        try:
            return self._unrank(rank)
        except ConstraintViolation:
            return None

    def neighbors(self, architecture: A) -> Iterator[A]:
        """All feasible architectures that differ in one decision.

        Decisions that the change makes active are filled in every way, so that the relation is
        symmetric; there may be many, and they are made one by one as they are asked for. A real
        number without steps stays as it is, or takes its middle where it becomes active.
        """
        taken = self._taken(architecture)
        for path, options, answer in list(self._trace(architecture)):
            for other in options.others(answer):
                yield from completions(self._build, {**taken, path: other})

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
        trace = self._decided(architecture)
        if not trace:
            raise SpaceError(f"{self.root.__name__} has a single architecture: nothing to mutate")
        taken = {step[0]: step for step in trace}
        uniform = uniforms(rng)

        def mutant() -> A:
            path, options, answer = trace[int(uniform() * len(trace))]
            change = {**taken, path: (path, options, options.change(answer, uniform))}
            steps: list[tuple[str, Options, Answer]] = []

            def decide(path: str, options: Options) -> Answer:
                step = known(path)
                if step is None:
                    step = path, options, options.draw(uniform)
                steps.append(step)
                return step[2]

            known = change.get
            made = self._build(decide)
            self._decided.keep(made, steps)
            return made

        return self._first_feasible(mutant)

    def crossover(self, mother: A, father: A, rng: np.random.Generator) -> A:
        """Uniform crossover: each decision from one parent, by a fair coin where both have it.

        The mother herself where no feasible child was found.
        """
        parents = (self._taken(mother), self._taken(father))
        uniform = uniforms(rng)

        def inherit(path: str, options: Options) -> Answer:
            del options
            having = [parent for parent in parents if path in parent]
            return having[int(uniform() * len(having))][path]

        try:
            return self._first_feasible(lambda: self._build(inherit))
        except SpaceError:
            return mother

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
            if self._domain is not record_of(self.root):
                return architecture
            self.check(form)
        return form

    def distance(self, first: A, second: A) -> int:
        """How many decisions differ; one that only one of the two has counts as one."""
        one, other = self._taken(first), self._taken(second)
        return sum(one.get(p, _MISSING) != other.get(p, _MISSING) for p in one.keys() | other)

    def key(self, architecture: A) -> str:
        """A text that is the same for equal architectures, in every process, and only for them."""
        return json.dumps(self.to_config(architecture), separators=(",", ":"))

    def encode(self, architecture: A) -> NDArray[np.int64]:
        """The index taken in each of `columns`, shape ``(len(columns),)``; -1 where inactive.

        Raises:
            SpaceError: The space has real numbers without steps: use `one_hot`.
        """
        vector = [-1] * len(self.columns)
        for path, options, answer in self._trace(architecture):
            first = self._positions[path]
            if isinstance(options, Finite):
                vector[first] = answer
                continue
            for position, code in enumerate(options.codes(answer), first):
                vector[position] = -1 if code is None else self.columns[position].index(code)
        return np.array(vector, dtype=np.int64)

    def coordinates(self, architecture: A) -> NDArray[np.float64]:
        """Where in each of `columns` the architecture is, shape ``(len(columns),)``.

        The index of the value taken, or for a real number its place between the bounds from 0 to
        1; NaN where inactive. Unlike `encode`, it has a number for every space.
        """
        vector = [math.nan] * len(self.columns)
        for path, options, answer in self._decided(architecture):
            first = self._positions[path]
            if isinstance(options, Finite):
                vector[first] = answer
                continue
            for position, code in enumerate(options.codes(answer), first):
                values = self.columns[position].values
                if code is not None:
                    vector[position] = values.scaled(code) if isinstance(values, Interval) else code
        return np.array(vector)

    def one_hot(self, architecture: A) -> NDArray[np.float64]:
        """One element an option of each column, 1 where taken; all 0 where inactive.

        A real number takes two elements: whether it is active, and where between its bounds.
        """
        return encoding.one_hot(self.columns, self._codes(architecture))

    def paths(self, architecture: A) -> frozenset[str]:
        """What the architecture's graphs do from input to output, as a set of texts.

        Each path through a graph that a class gives in its method ``graph()`` becomes the labels
        of its nodes, in order (path encoding: White, Neiswanger and Savani 2021, "BANANAS",
        section 3). Where no class gives one, the active decisions with their options.
        """
        graphs = [g for graph in encoding.graphs(architecture) for g in graph.paths()]
        if graphs:
            return frozenset(graphs)
        return frozenset(f"{p}={value}" for p, value in self.to_config(architecture).items())

    def answers(self, architecture: A) -> dict[str, Answer]:
        """The active decisions by path, each with an answer that is equal for equal options."""
        return self._taken(architecture)

    def check(self, architecture: object) -> None:
        """Raise a `SpaceError` that names what lies outside the space, if anything does."""
        self._taken(architecture)

    def contains(self, architecture: object) -> bool:
        """Whether `architecture` is one of this space."""
        try:
            self.check(architecture)
        except SpaceError:
            return False
        return True

    def to_config(self, architecture: A) -> dict[str, Scalar]:
        """The active decisions as a flat dict, path to scalar: what Tune and Optuna see."""
        return {c.path: c.value(code) for c, code in self._codes(architecture)}

    def from_config(self, config: Mapping[str, Scalar]) -> A:
        """The inverse of `to_config`.

        Raises:
            SpaceError: A decision is missing, has an unknown option, or is not of this space.
        """
        used: set[str] = set()
        steps: list[tuple[str, Options, Answer]] = []

        def look_up(path: str, options: Options) -> Answer:
            codes: list[Any] = []
            for column in options.columns(path):
                present = column.path in config
                used.update((column.path,) if present else ())
                codes.append(column.code(config[column.path]) if present else None)
            answer = options.answer(codes) if codes[0] is not None else None
            if answer is None:
                missing = path not in config
                what = f"has no {path!r}" if missing else f"has no valid {path!r}"
                raise SpaceError(f"config {what}: give one of {options}")
            steps.append((path, options, answer))
            return answer

        try:
            architecture = self._build(look_up)
        except ConstraintViolation as error:
            raise SpaceError(f"config: {error}") from None
        if unknown := sorted(config.keys() - used):
            raise SpaceError(
                f"config has {unknown[0]!r}, which is no active decision of {self!r}: remove it"
            )
        self._decided.keep(architecture, self._alike(steps))
        return architecture

    def to_json(self, architecture: A) -> str:
        """`architecture` as nested JSON: classes as objects, tuples as lists."""
        self.check(architecture)
        return json.dumps(self._domain.to_json(architecture))

    def from_json(self, text: str) -> A:
        """The inverse of `to_json`.

        Raises:
            SpaceError: `text` is not JSON, or does not describe an architecture of this space.
        """
        try:
            data = json.loads(text)
        except json.JSONDecodeError as error:
            raise SpaceError(f"not JSON ({error}): pass what to_json returned") from None
        architecture: A = self._domain.from_json("", data)
        self.check(architecture)
        return architecture

    def describe(self) -> dict[str, str]:
        """Each decision with its options and each constant with its value, as text.

        Two spaces with equal descriptions have the same architectures, but for `is_feasible`.
        """
        choices = {path: str(options) for path, options in self._decisions}
        constants = {
            f"{record.cls.__name__}.{name}": repr(value)
            for record in records_in(self._domain)
            for name, value in record.constants.items()
        }
        return choices | constants

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
        parts = [self._like(part_of(self._domain, names, rest)) for names in together]
        return tuple(part.with_baseline(rest) for part in parts)

    def with_baseline(self, architecture: A) -> Space[A]:
        """This space with another baseline.

        Raises:
            SpaceError: `architecture` lies outside the space.
        """
        self.check(architecture)
        space = self._like(self._domain)
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
        seen = [self._taken(architecture) for architecture in architectures]
        return self._like(narrowed(self._domain, seen))

    def gridded(self, levels: int) -> Space[A]:
        """A finite part of this space: real numbers without steps have `levels` values each.

        They lie at equal distances from bound to bound, by their logarithm where so declared.
        """
        return self._like(gridded(self._domain, levels))

    def _exact(self, architecture: A) -> A:
        """`architecture` without the rounding errors that `contains` allows its numbers."""
        return self._answered(self._taken(architecture))

    @cached_property
    def _has_canonical(self) -> bool:
        return has_canonical(self._domain)

    def _like(self, domain: Record) -> Space[A]:
        space: Space[A] = Space(self.root)
        space._domain = domain
        space._shared = shared_choices(domain)
        return space

    @cached_property
    def _decisions(self) -> tuple[tuple[str, Options], ...]:
        """Every decision of the space once, conditional ones too."""
        return tuple(dict(self._domain.decisions("")).items())

    @cached_property
    def _columns_of(self) -> dict[str, tuple[Column, ...]]:
        """The columns of each decision by its path."""
        return {path: options.columns(path) for path, options in self._decisions}

    @cached_property
    def _positions(self) -> dict[str, int]:
        """Where in `columns` those of each decision begin."""
        lengths = [len(columns) for columns in self._columns_of.values()]
        return dict(zip(self._columns_of, accumulate(lengths, initial=0), strict=False))

    def _build(self, decide: Decide) -> A:
        """The architecture that `decide` leads to; a shared choice is asked for once."""
        if self._shared:
            decide = once(decide)
        architecture: A = self._domain.build("", decide)
        return architecture

    def _trace(self, architecture: object) -> Iterator[tuple[str, Options, Answer]]:
        """The decisions taken, each once.

        Raises:
            SpaceError: `architecture` lies outside the space.
        """
        if not self._shared:
            return self._domain.trace("", architecture)
        return self._trace_shared(architecture)

    def _traced(self, architecture: object) -> list[tuple[str, Options, Answer]]:
        return self._alike(self._trace(architecture))

    def _alike(
        self, steps: Iterable[tuple[str, Options, Answer]]
    ) -> list[tuple[str, Options, Answer]]:
        """These steps, each of a decision of few options the same object wherever it is taken."""
        known = self._known_steps
        return [
            known.setdefault((step[0], step[2]), step)
            if isinstance(step[1], Finite) and step[1].size <= _FEW_ANSWERS
            else step
            for step in steps
        ]

    @cached_property
    def _known_steps(self) -> dict[tuple[str, Answer], tuple[str, Options, Answer]]:
        return {}

    @cached_property
    def _decided(self) -> Recent[list[tuple[str, Options, Answer]]]:
        """The decisions taken, which controllers ask for several times in a row."""
        most = max(_FEWEST_TRACES, _TRACED_DECISIONS // max(len(self.columns), 1))
        return Recent(self._traced, most)

    def _trace_shared(self, architecture: object) -> Iterator[tuple[str, Options, Answer]]:
        seen: dict[str, Answer] = {}
        for path, options, answer in self._domain.trace("", architecture):
            if path not in seen:
                seen[path] = answer
                yield path, options, answer
            elif seen[path] != answer:
                raise SpaceError(f"{path} differs from place to place: give it one value in all")

    def _taken(self, architecture: object) -> dict[str, Answer]:
        return {path: answer for path, _, answer in self._trace(architecture)}

    def _codes(self, architecture: A) -> Iterator[tuple[Column, Any]]:
        """The active columns with their codes."""
        for path, options, answer in self._decided(architecture):
            for column, code in zip(self._columns_of[path], options.codes(answer), strict=True):
                if code is not None:
                    yield column, code

    def _unrank(self, rank: int) -> A:
        """Architecture number `rank` of the space, from 0 to ``size - 1``."""
        for names, number in self._domain.counts.items():
            shared = [self._shared[name] for name in sorted(names)]
            block = number * math.prod(choice.size for choice in shared)
            if rank >= block:
                rank -= block
                continue
            rank, own = divmod(rank, number)
            answers = dict(self._domain.unrank("", names, own))
            for choice in shared:
                rank, own = divmod(rank, choice.size)
                answers |= choice.element.unrank(choice.path, NOTHING, own)
            return self._answered(answers)
        raise IndexError(rank)

    def _answered(self, answers: Mapping[str, Answer]) -> A:
        return self._build(lambda path, _: answers[path])

    def _first_feasible(self, make: Callable[[], A]) -> A:
        for _ in range(_ATTEMPTS):
            try:
                return make()
            except ConstraintViolation as error:
                last = error
        raise SpaceError(
            f"none of {_ATTEMPTS} draws from {self!r} was feasible, the last because {last}: "
            "declare the space so that more are"
        )
