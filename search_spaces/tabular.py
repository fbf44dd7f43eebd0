"""Networks for tables: an MLP, a ResNet or an FT-Transformer, each with choices of its own.

Gorishniy, Rubachev, Khrulkov and Babenko 2021, "Revisiting Deep Learning Models for Tabular
Data", NeurIPS: sections 3.1 (MLP), 3.2 (ResNet) and 3.3 (FT-Transformer). Their dropout rates are
regularization rather than architecture; `build` takes one for all.

Size: 58,590 MLPs (3 activations, one to six layers of 5 widths) + 256 ResNets + 576
FT-Transformers = 59,422.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from raynas.space import choice, integer, repeat, searchable
from search_spaces.transformer import FeedForward, Residual, SelfAttention

__all__ = ["BASELINE", "MLP", "FTTransformer", "ResNet", "TabularNet"]

ACTIVATIONS = {"relu": nn.ReLU, "gelu": nn.GELU, "silu": nn.SiLU}
NORMS = {"batch": nn.BatchNorm1d, "layer": nn.LayerNorm}


@searchable
class MLP:
    """Fully connected layers, each with a width of its own."""

    widths: tuple[int, ...] = repeat(choice(32, 64, 128, 256, 512), 1, 6)
    activation: str = choice("relu", "gelu", "silu")

    def build(self, features: int, categories: Sequence[int], out: int, rate: float) -> nn.Module:
        """See `TabularNet.build`."""
        layers: list[nn.Module] = [OneHot(features, categories)]
        last = features + sum(categories)
        for width in self.widths:
            activation = ACTIVATIONS[self.activation]()
            layers += [nn.Linear(last, width), activation, nn.Dropout(rate)]
            last = width
        return nn.Sequential(*layers, nn.Linear(last, out))


@searchable
class ResNet:
    """Residual blocks of two fully connected layers; the inner one is `factor` times as wide."""

    blocks: int = integer(1, 8)
    width: int = choice(64, 128, 256, 512)
    factor: int = choice(1, 2, 3, 4)
    norm: str = choice("batch", "layer")

    def build(self, features: int, categories: Sequence[int], out: int, rate: float) -> nn.Module:
        """See `TabularNet.build`."""
        norm = NORMS[self.norm]
        return nn.Sequential(
            OneHot(features, categories),
            nn.Linear(features + sum(categories), self.width),
            *(ResNetBlock(norm, self.width, self.factor, rate) for _ in range(self.blocks)),
            norm(self.width),
            nn.ReLU(),
            nn.Linear(self.width, out),
        )


@searchable
class FTTransformer:
    """A token for each feature, then a transformer; its class token is read out."""

    blocks: int = integer(1, 6)
    width: int = choice(64, 128, 192, 256, 384, 512)
    heads: int = choice(4, 8)
    factor: float = choice(2 / 3, 4 / 3, 2.0, 8 / 3)
    activation: str = choice("reglu", "geglu")

    def build(self, features: int, categories: Sequence[int], out: int, rate: float) -> nn.Module:
        """See `TabularNet.build`. The first block has no first normalization (section 3.3)."""
        width, hidden = self.width, round(self.width * self.factor)
        residuals: list[nn.Module] = []
        for _ in range(self.blocks):
            attention = SelfAttention(width, self.heads)
            forward = FeedForward(width, hidden, self.activation)
            for branch in (attention, forward):
                placement = "pre" if residuals else "none"
                dropped = nn.Sequential(branch, nn.Dropout(rate))
                residuals.append(Residual(dropped, width, placement))
        return nn.Sequential(
            Tokens(features, categories, width),
            *residuals,
            ClassToken(),
            nn.LayerNorm(width),
            nn.ReLU(),
            nn.Linear(width, out),
        )


@searchable
class TabularNet:
    """One network of the three families."""

    network: MLP | ResNet | FTTransformer = choice(MLP, ResNet, FTTransformer)

    def build(
        self,
        *,
        features: int = 8,
        categories: Sequence[int] = (),
        classes: int = 2,
        dropout: float = 0.0,
    ) -> nn.Module:
        """From rows ``[batch, features + len(categories)]`` to logits ``[batch, classes]``.

        Args:
            features: Number of numeric columns, which come first; they should be standardized.
            categories: The number of values of each categorical column; it holds their codes,
                whole numbers from 0 on.
            classes: Number of outputs: of classes, or 1 for a regression.
            dropout: Rate of dropout after each hidden layer and before each residual sum.
        """
        return self.network.build(features, categories, classes, dropout)


BASELINE = TabularNet(FTTransformer(blocks=3, width=192, heads=8, factor=4 / 3, activation="reglu"))
"""The FT-Transformer with the paper's default configuration, given in its supplement."""


class OneHot(nn.Module):
    """Numeric columns, and a column for each value of the categorical ones."""

    def __init__(self, features: int, categories: Sequence[int]) -> None:
        super().__init__()
        self.features, self.categories = features, tuple(categories)

    def forward(self, rows: Tensor) -> Tensor:
        """From ``[batch, column]`` to ``[batch, features + sum(categories)]``."""
        codes = rows[:, self.features :].long().unbind(1)
        hot = (functional.one_hot(*pair) for pair in zip(codes, self.categories, strict=True))
        return torch.cat((rows[:, : self.features], *(column.to(rows) for column in hot)), dim=1)


class ResNetBlock(nn.Module):
    """Section 3.2, equation of ResNetBlock."""

    def __init__(
        self, norm: type[nn.BatchNorm1d | nn.LayerNorm], width: int, factor: int, rate: float
    ) -> None:
        super().__init__()
        self.branch = nn.Sequential(
            norm(width),
            nn.Linear(width, factor * width),
            nn.ReLU(),
            nn.Dropout(rate),
            nn.Linear(factor * width, width),
            nn.Dropout(rate),
        )

    def forward(self, x: Tensor) -> Tensor:
        """From and to ``[batch, width]``."""
        y: Tensor = x + self.branch(x)
        return y


class Tokens(nn.Module):
    """A token for each column, and the class token in front (section 3.3, Feature Tokenizer)."""

    def __init__(self, features: int, categories: Sequence[int], width: int) -> None:
        super().__init__()
        columns = features + len(categories)
        self.features = features
        self.weight = nn.Parameter(torch.empty(features, width))
        self.bias = nn.Parameter(torch.empty(1 + columns, width))
        self.embeddings = nn.ModuleList(nn.Embedding(count, width) for count in categories)
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -(width**-0.5), width**-0.5)

    def forward(self, rows: Tensor) -> Tensor:
        """From ``[batch, column]`` to ``[batch, 1 + column, width]``."""
        start = self.weight.new_zeros(len(rows), 1, self.weight.shape[1])
        numeric = rows[:, : self.features, None] * self.weight
        codes = rows[:, self.features :].long().unbind(1)
        pairs = zip(self.embeddings, codes, strict=True)
        embedded = (embedding(code)[:, None] for embedding, code in pairs)
        return torch.cat((start, numeric, *embedded), dim=1) + self.bias


class ClassToken(nn.Module):
    """The first token."""

    def forward(self, tokens: Tensor) -> Tensor:
        """From ``[batch, token, width]`` to ``[batch, width]``."""
        return tokens[:, 0]
