"""Hypothesis strategies for spaces, with all that the language has. Needs Hypothesis."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from raynas.space import Space, choice, integer, real, repeat, searchable, shared, subset
from raynas.space.declare import choice_among
from raynas.testing.spaces import Conv, Skip

__all__ = ["flat_spaces", "spaces", "spaces_and_seeds"]

_VALUES = (
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.floats(allow_nan=False)
    | st.text("ab", max_size=2)
    | st.tuples(st.integers(0, 1), st.integers(0, 1))
)


@st.composite
def _integers(draw: Any) -> Any:
    low, step, steps = draw(st.integers(-5, 5)), draw(st.integers(1, 3)), draw(st.integers(0, 3))
    return integer(low, low + steps * step, step=step)


@st.composite
def _choices(draw: Any, depth: int) -> Any:
    values = draw(st.lists(_VALUES, max_size=3, unique=True))
    least = 0 if values else 1
    count = draw(st.integers(least, max(least, 2))) if depth else 0
    if not depth and not values:
        values = ["only"]
    classes = [draw(_classes(depth - 1, f"Class{index}")) for index in range(count)]
    return choice_among(draw(st.permutations([*values, *classes])))


@st.composite
def _reals(draw: Any) -> Any:
    low, step, steps = draw(st.floats(-2, 2)), draw(st.floats(0.1, 2)), draw(st.integers(1, 3))
    return real(low, low + steps * step, step=step)


@st.composite
def _subsets(draw: Any) -> Any:
    labels = "abcd"[: draw(st.integers(1, 4))]
    distinct, ordered = draw(st.booleans()), draw(st.booleans())
    least = draw(st.integers(0, len(labels)))
    most = draw(st.integers(least, len(labels) if distinct else 3)) if least <= 3 else least
    return subset(*labels, k=(least, most), distinct=distinct, ordered=ordered)


@st.composite
def _repeats(draw: Any, depth: int) -> Any:
    element = draw(_domains(depth - 1) | _classes(depth - 1, "Element"))
    minimum = draw(st.integers(0, 2))
    return repeat(element, minimum, minimum + draw(st.integers(0, 2)), tied=draw(st.booleans()))


SHARED = (shared("depth", integer(1, 3)), shared("kind", choice(Conv, Skip)))


def _domains(depth: int) -> st.SearchStrategy[Any]:
    simple = _integers() | _choices(0) | _reals() | _subsets() | st.sampled_from(SHARED)
    return simple | _choices(depth) | _repeats(depth) if depth > 0 else simple


@st.composite
def _classes(draw: Any, depth: int, name: str) -> Any:
    fields = {f"field{i}": draw(_domains(depth)) for i in range(draw(st.integers(0, 2)))}
    annotations = dict.fromkeys(fields, object)
    return searchable(type(name, (), {"__annotations__": annotations, **fields}))


def flat_spaces() -> st.SearchStrategy[Space[Any]]:
    """Spaces of up to two fields of plain values; a shared one among them may hold classes."""
    return _classes(0, "Root").map(Space)


def spaces() -> st.SearchStrategy[Space[Any]]:
    """Spaces of up to two fields, nested up to two levels deep."""
    return _classes(2, "Root").map(Space)


def spaces_and_seeds() -> st.SearchStrategy[tuple[Space[Any], int]]:
    """A space, and a seed to draw architectures with."""
    return st.tuples(spaces(), st.integers(0, 2**16))
