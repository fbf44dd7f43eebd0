"""A part of a space that is described as the whole is."""

from __future__ import annotations

import numpy as np
import pytest

from raynas.errors import SpaceError
from raynas.space import Space, choice, integer, repeat, searchable
from raynas.space.embedded import EmbeddedSpace


@searchable
class Block:
    kernel: int = choice(1, 3, 5, 7)


@searchable
class Skip:
    pass


@searchable
class Net:
    width: int = integer(1, 9, default=4)
    blocks: tuple[Block | Skip, ...] = repeat(choice(Block, Skip), 1, 3, default=(Skip(),))


WHOLE = Space(Net)
PART = WHOLE.around(Net(3, (Block(3), Block(5))), Net(5, (Block(5), Block(3))))
EMBEDDED = EmbeddedSpace(PART, WHOLE)


def test_it_gives_out_the_part_and_describes_as_the_whole() -> None:
    rng = np.random.default_rng(0)
    assert EMBEDDED.size == PART.size == 3 * 2**2
    assert EMBEDDED.columns == WHOLE.columns
    outside = [WHOLE.sample(rng) for _ in range(50)]
    for one in outside:
        assert EMBEDDED.contains(one)
        assert np.array_equal(EMBEDDED.encode(one), WHOLE.encode(one))
        assert np.array_equal(EMBEDDED.coordinates(one), WHOLE.coordinates(one), equal_nan=True)
        for made in (
            EMBEDDED.sample(rng),
            EMBEDDED.mutate(one, rng),
            EMBEDDED.crossover(one, outside[0], rng),
            *EMBEDDED.neighbors(one),
        ):
            assert PART.contains(made)
    assert set(EMBEDDED.enumerate()) == set(PART.enumerate())


def test_the_nearest_keeps_what_the_part_has() -> None:
    assert EMBEDDED.nearest(Net(4, (Block(3), Block(3)))) == Net(4, (Block(3), Block(3)))
    assert EMBEDDED.nearest(Net(5, (Block(7), Block(5)))) == Net(5, (Block(3), Block(5)))
    assert EMBEDDED.nearest(Net(9, (Skip(),))).width == 3


def test_a_part_of_another_space_is_refused() -> None:
    with pytest.raises(SpaceError, match="is no part of Space"):
        EmbeddedSpace(Space(Block), WHOLE)


def test_fields_can_be_split_together_and_a_baseline_exchanged() -> None:
    (both,) = WHOLE.split(("width", "blocks"))
    assert both.size == WHOLE.size
    assert both.baseline == WHOLE.baseline
    other = WHOLE.with_baseline(Net(9, (Block(1),)))
    (width,) = other.split("width")
    assert {net.blocks for net in width.enumerate()} == {(Block(1),)}
    assert width.baseline == other.baseline == Net(9, (Block(1),))
    with pytest.raises(SpaceError):
        WHOLE.with_baseline(Net(10, ()))
