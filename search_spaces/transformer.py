"""A small decoder of the GPT kind: causal self-attention over tokens, each block chosen on its own.

The reference is GPT-2 (Radford, Wu, Child, Luan, Amodei and Sutskever 2019, "Language Models are
Unsupervised Multitask Learners", section 2.3). The choices are those that later work found to
matter:

- before or after the residual sum to normalize: Xiong et al. 2020, "On Layer Normalization in the
  Transformer Architecture", ICML, figure 1;
- rotary positions: Su et al. 2021, "RoFormer", section 3.2; none at all: Haviv et al. 2022,
  "Transformer Language Models without Positional Encodings Still Learn Positional Information";
- squared ReLU: So et al. 2021, "Primer"; SwiGLU: Shazeer 2020, "GLU Variants Improve
  Transformer", section 2;
- ReLU in place of softmax: Wortsman et al. 2023, "Replacing softmax with ReLU in Vision
  Transformers", section 3, here over the number of positions that are seen;
- one embedding for input and output: Press and Wolf 2017, "Using the Output Embedding to Improve
  Language Models", EACL.

Size: ``72 * sum(128 ** n for n in range(1, 9))``, about 5.2e18.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from raynas.space import choice, repeat, searchable

__all__ = ["BASELINE", "GPT", "Block", "Decoder", "FeedForward", "Residual", "SelfAttention"]

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "gelu": functional.gelu,
    "relu": functional.relu,
    "squared_relu": lambda x: functional.relu(x).square(),
}
GATED: dict[str, Callable[[Tensor], Tensor]] = {
    "geglu": functional.gelu,
    "reglu": functional.relu,
    "swiglu": functional.silu,
}


@searchable
class Block:
    """Self-attention, then a network of two layers applied to each position."""

    heads: int = choice(1, 2, 4, 8)
    attention: str = choice("softmax", "relu")
    ratio: int = choice(1, 2, 3, 4)
    activation: str = choice("gelu", "relu", "squared_relu", "swiglu")

    def build(self, width: int, placement: str, rotary: bool) -> nn.Module:
        """From and to ``[batch, time, width]``; `ratio` times `width` is the hidden width.

        A gated network has two thirds of it, which makes for as many parameters (Shazeer 2020).
        """
        hidden = self.ratio * width
        if self.activation in GATED:
            hidden = hidden * 2 // 3
        attention = SelfAttention(width, self.heads, self.attention, causal=True, rotary=rotary)
        return nn.Sequential(
            Residual(attention, width, placement),
            Residual(FeedForward(width, hidden, self.activation), width, placement),
        )


@searchable
class GPT:
    """A decoder of one to eight blocks."""

    width: int = choice(64, 128, 192, 256, 384, 512)
    blocks: tuple[Block, ...] = repeat(Block, 1, 8)
    placement: str = choice("pre", "post")
    position: str = choice("learned", "rotary", "none")
    tied: bool = choice(True, False)

    def build(self, *, vocabulary: int = 256, length: int = 256) -> nn.Module:
        """From tokens ``[batch, time]`` to logits ``[batch, time, vocabulary]``.

        Args:
            vocabulary: Number of different tokens.
            length: The longest `time`; only learned positions are bound to it.
        """
        return Decoder(self, vocabulary, length)


BASELINE = GPT(
    width=256,
    blocks=(Block(heads=4, attention="softmax", ratio=4, activation="gelu"),) * 4,
    placement="pre",
    position="learned",
    tied=True,
)
"""GPT-2 small with a third of its 12 blocks, 12 heads and 768 channels: 64 channels a head."""


class Decoder(nn.Module):
    """The network of a `GPT`; initialized as GPT-2 is (section 2.3)."""

    def __init__(self, architecture: GPT, vocabulary: int, length: int) -> None:
        super().__init__()
        width, placement = architecture.width, architecture.placement
        position, blocks = architecture.position, architecture.blocks
        self.tokens = nn.Embedding(vocabulary, width)
        self.positions = nn.Embedding(length, width) if position == "learned" else None
        self.blocks = nn.Sequential(
            *(block.build(width, placement, rotary=position == "rotary") for block in blocks)
        )
        self.norm = nn.LayerNorm(width) if placement == "pre" else nn.Identity()
        self.head = nn.Linear(width, vocabulary, bias=False)
        if architecture.tied:
            self.head.weight = self.tokens.weight
        for name, parameter in self.named_parameters():
            if parameter.ndim == 2:
                depth = 2 * len(blocks) if name.endswith(".out.weight") else 1
                nn.init.normal_(parameter, std=0.02 / depth**0.5)

    def forward(self, tokens: Tensor) -> Tensor:
        """Logits of the token that follows each position.

        Raises:
            ValueError: The tokens are more than there are learned positions.
        """
        x: Tensor = self.tokens(tokens)
        if self.positions is not None:
            time, length = tokens.shape[1], self.positions.num_embeddings
            if time > length:
                raise ValueError(f"{time} tokens: positions are learned for length={length}")
            x = x + self.positions.weight[:time]
        logits: Tensor = self.head(self.norm(self.blocks(x)))
        return logits


class Residual(nn.Module):
    """``x + branch(x)``, normalized by `placement`: "pre" the branch, "post" the sum, or "none"."""

    def __init__(self, branch: nn.Module, width: int, placement: str = "pre") -> None:
        super().__init__()
        self.before = nn.LayerNorm(width) if placement == "pre" else nn.Identity()
        self.branch = branch
        self.after = nn.LayerNorm(width) if placement == "post" else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """From and to ``[..., width]``."""
        y: Tensor = self.after(x + self.branch(self.before(x)))
        return y


class FeedForward(nn.Module):
    """Two layers with an activation between, which may be one of `GATED`."""

    def __init__(self, width: int, hidden: int, activation: str) -> None:
        super().__init__()
        self.inner = nn.Linear(width, hidden * (2 if activation in GATED else 1))
        self.out = nn.Linear(hidden, width)
        self.activation = activation

    def forward(self, x: Tensor) -> Tensor:
        """From and to ``[..., width]``."""
        x = self.inner(x)
        if self.activation in GATED:
            value, gate = x.chunk(2, dim=-1)
            x = value * GATED[self.activation](gate)
        else:
            x = ACTIVATIONS[self.activation](x)
        y: Tensor = self.out(x)
        return y


class SelfAttention(nn.Module):
    """Attention of several heads (Vaswani et al. 2017, "Attention Is All You Need", 3.2.2).

    Args:
        width: Channels, which `heads` must divide.
        heads: Number of heads.
        kind: How scores become weights, "softmax" or "relu".
        causal: Whether a position sees only itself and those before it.
        rotary: Whether queries and keys are turned by their position.
    """

    def __init__(
        self,
        width: int,
        heads: int,
        kind: str = "softmax",
        *,
        causal: bool = False,
        rotary: bool = False,
    ) -> None:
        super().__init__()
        self.inner = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.heads, self.kind, self.causal, self.rotary = heads, kind, causal, rotary

    def forward(self, x: Tensor) -> Tensor:
        """From and to ``[batch, time, width]``."""
        q, k, v = self.inner(x).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        if self.rotary:
            q, k = turned(q), turned(k)
        if self.kind == "softmax":
            y = functional.scaled_dot_product_attention(q, k, v, is_causal=self.causal)
        else:
            y = self._relu_weights(q @ k.mT / q.shape[-1] ** 0.5) @ v
        out: Tensor = self.out(y.transpose(1, 2).flatten(2))
        return out

    def _relu_weights(self, scores: Tensor) -> Tensor:
        seen = torch.ones_like(scores[0, 0])
        if self.causal:
            seen = seen.tril()
        return functional.relu(scores) * seen / seen.sum(dim=-1, keepdim=True)


def turned(x: Tensor) -> Tensor:
    """Pairs of channels of ``[..., time, channel]``, turned by angles that grow with time."""
    time, half = x.shape[-2], x.shape[-1] // 2
    rates = 10_000.0 ** (-torch.arange(half, device=x.device) / half)
    angles = torch.arange(time, device=x.device)[:, None] * rates
    cos, sin = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
    a, b = x.chunk(2, dim=-1)
    return torch.cat((a * cos - b * sin, a * sin + b * cos), dim=-1)
