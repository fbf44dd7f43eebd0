"""Small GPTs, on the characters of the project's license."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from raynas.space import Space, searchable
from search_spaces.transformer import BASELINE, GPT, Block, turned

SPACE = Space(GPT)
LICENSE = Path(__file__).parents[2] / "LICENSE"


def windows(length: int = 32) -> tuple[Tensor, Tensor]:
    """Stretches of the license as character codes, and the same one character later."""
    codes = torch.tensor(list(LICENSE.read_bytes()))
    pieces = codes.unfold(0, length + 1, length)
    return pieces[:, :-1], pieces[:, 1:]


@searchable
class CharacterGPT(GPT):
    """How a user gives a ready space the shape of their data."""

    def build(self) -> nn.Module:  # type: ignore[override]
        return super().build(vocabulary=128, length=32)


def test_size() -> None:
    assert Space(Block).size == 4 * 2 * 4 * 4 == 128
    root = 6 * 2 * 3 * 2
    assert SPACE.size == root * sum(128**n for n in range(1, 9)) == 5_228_998_320_106_644_480


def test_the_baseline_has_the_proportions_of_gpt2() -> None:
    """As GPT-2 small: 64 channels a head, one head a block, and 12 n w ** 2 weights in blocks."""
    SPACE.check(BASELINE)
    assert BASELINE.width == 64 * BASELINE.blocks[0].heads == 64 * len(BASELINE.blocks)
    network = BASELINE.build(vocabulary=100, length=50)
    width, blocks = 256, 4
    biases_and_norms = (3 + 1 + 4 + 1 + 2 + 2) * width
    assert sum(p.numel() for p in network.parameters()) == (
        (100 + 50) * width + blocks * (12 * width**2 + biases_and_norms) + 2 * width
    )


@pytest.mark.parametrize("seed", range(10))
def test_random_members_run(seed: int) -> None:
    network = SPACE.sample(np.random.default_rng(seed)).build(vocabulary=50, length=16)
    logits = network(torch.randint(50, (3, 16)))
    assert logits.shape == (3, 16, 50)
    assert logits.isfinite().all()
    logits.square().sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())


@pytest.mark.parametrize(
    ("attention", "position", "placement"),
    list(itertools.product(("softmax", "relu"), ("learned", "rotary", "none"), ("pre", "post"))),
)
def test_later_tokens_do_not_change_earlier_logits(
    attention: str, position: str, placement: str
) -> None:
    torch.manual_seed(0)
    block = Block(heads=4, attention=attention, ratio=2, activation="swiglu")
    network = GPT(64, (block, block), placement, position, tied=False).build(vocabulary=20)
    tokens = torch.randint(20, (2, 12))
    changed = tokens.clone()
    changed[:, 7] = (changed[:, 7] + 1) % 20
    before, after = network(tokens), network(changed)
    torch.testing.assert_close(before[:, :7], after[:, :7])
    assert (before[:, 7:] - after[:, 7:]).abs().amax(dim=(0, 2)).gt(1e-7).all()


@pytest.mark.parametrize(("position", "ordered"), [("rotary", True), ("none", False)])
def test_one_block_tells_the_order_of_earlier_tokens_by_positions(
    position: str, ordered: bool
) -> None:
    torch.manual_seed(0)
    network = replace(BASELINE, position=position, blocks=BASELINE.blocks[:1]).build()
    a, b = network(torch.tensor([[1, 2, 3], [2, 1, 3]]))[:, -1]
    assert torch.allclose(a, b, atol=1e-6) is not ordered


def test_rotary_scores_depend_on_the_distance_only() -> None:
    q, k = torch.randn(2, 8)
    scores = turned(q.expand(10, 8)) @ turned(k.expand(10, 8)).mT
    for distance in range(-9, 10):
        diagonal = scores.diagonal(distance)
        torch.testing.assert_close(diagonal, diagonal[:1].expand_as(diagonal))


def test_tied_networks_have_one_embedding() -> None:
    tied, untied = (replace(BASELINE, tied=tied).build(vocabulary=100) for tied in (True, False))
    difference = sum(p.numel() for p in untied.parameters()) - sum(
        p.numel() for p in tied.parameters()
    )
    assert difference == 100 * BASELINE.width


def test_more_tokens_than_learned_positions_are_refused() -> None:
    network = BASELINE.build(length=8)
    with pytest.raises(ValueError, match="9 tokens: positions are learned for length=8"):
        network(torch.zeros(1, 9, dtype=torch.long))


@pytest.mark.parametrize(
    "architecture",
    [
        BASELINE,
        GPT(64, (Block(2, "relu", 2, "squared_relu"),), "post", "rotary", tied=False),
    ],
    ids=["baseline", "other"],
)
def test_it_learns_characters(architecture: GPT, train_ten_steps: Any) -> None:
    fields = {name: getattr(architecture, name) for name in GPT.__dataclass_fields__}
    measurement = train_ten_steps(CharacterGPT(**fields), windows())
    assert measurement.metrics["val_loss"] < math.log(128)
