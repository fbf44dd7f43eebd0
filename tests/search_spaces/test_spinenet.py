"""SpineNet: its two parts, what the paper publishes, and how unused blocks are joined."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations, permutations
from math import comb, factorial, prod
from typing import Any

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from raynas.space import Space, choice, repeat, searchable
from raynas.space.guidelines import LARGEST_SIZE, check_guidelines
from search_spaces import spinenet

SPACE = Space(spinenet.SpineNet, baseline=spinenet.BASELINE)


def pairs(first: int, last: int) -> int:
    return prod(comb(block, 2) for block in range(first, last + 1))


def test_the_size_is_that_of_levels_orders_kinds_and_pairs() -> None:
    assert Space(spinenet.Inner).size == 6**10 * pairs(3, 11)
    assert Space(spinenet.Outer).size == factorial(5) * pairs(12, 16)
    assert SPACE.size == 6**10 * factorial(5) * pairs(3, 16) * 2**15


@searchable
class Few:
    """The same kinds of fields, so few that all their combinations can be listed."""

    levels: tuple[int, ...] = repeat(choice(2, 3), 2)
    order: tuple[int, ...] = choice(*permutations((3, 4, 5)))
    inputs_3: tuple[int, int] = choice(*combinations(range(3), 2))
    inputs_4: tuple[int, int] = choice(*combinations(range(4), 2))
    kinds: tuple[str, ...] = repeat(choice("bottleneck", "residual"), 2)


def test_the_size_of_a_small_one_is_counted() -> None:
    listed = list(Space(Few).enumerate())
    assert len(set(listed)) == len(listed) == Space(Few).size == 2**2 * 6 * 3 * 6 * 2**2


def test_it_is_searched_in_two_parts_that_are_small_enough() -> None:
    (whole,) = (f for f in check_guidelines(SPACE, samples=0) if f.rule == "size")
    assert "more than 10^20" in whole.message
    inner, outer = SPACE.split("inner", ("outer", "kinds"))
    assert inner.size * outer.size == SPACE.size
    for part in (inner, outer):
        assert part.size <= LARGEST_SIZE
        assert not [f for f in check_guidelines(part, samples=0) if f.rule == "size"]
        assert part.contains(spinenet.BASELINE)
    other = inner.sample(np.random.default_rng(0))
    assert (other.outer, other.kinds) == (spinenet.BASELINE.outer, spinenet.BASELINE.kinds)


def measured(**arguments: Any) -> tuple[float, float]:
    """Millions of parameters and billions of multiply-adds of a classifier at 224 x 224."""
    with torch.device("meta"), FlopCounterMode(display=False) as counter:
        network = spinenet.BASELINE.build(num_classes=1000, **arguments).eval()
        network(torch.zeros(1, 3, 224, 224))
    parameters = sum(parameter.numel() for parameter in network.parameters())
    return round(parameters / 1e6, 1), round(counter.get_total_flops() / 2e9, 1)


def test_the_baseline_has_the_published_parameters_and_multiply_adds() -> None:
    """SpineNet-49 and SpineNet-143 as classifiers of ImageNet."""
    assert measured() == (22.1, 3.5)
    assert measured(repeats=3, alpha=1.0) == (60.5, 9.1)


def test_a_block_that_no_other_one_takes_reaches_the_output_of_its_level() -> None:
    """Block 11 of the baseline has level 5 and no child; so has a block of level 2, at level 3."""
    torch.manual_seed(0)
    assert 11 not in set().union(*spinenet.BASELINE.inputs)
    coarse = replace(
        spinenet.BASELINE.inner, levels=(*spinenet.BASELINE.inner.levels[:-1], 2), inputs_11=(2, 3)
    )
    for architecture, output in (
        (spinenet.BASELINE, 2),
        (replace(spinenet.BASELINE, inner=coarse), 0),
    ):
        spine = architecture.build(width=0.06, channels=8, in_channels=1)
        spine(torch.rand(2, 1, 64, 64))[output].square().sum().backward()
        gradients = [p.grad for p in spine.blocks[11].parameters()]
        assert all(g is not None and g.abs().sum() > 0 for g in gradients)


def test_all_levels_come_out_in_order() -> None:
    maps = SPACE.sample(np.random.default_rng(3)).build(width=0.06, channels=8)(
        torch.rand(1, 3, 256, 130)
    )
    assert [tuple(x.shape[1:]) for x in maps] == [
        (8, 32, 17), (8, 16, 9), (8, 8, 5), (8, 4, 3), (8, 2, 2)
    ]  # fmt: skip
