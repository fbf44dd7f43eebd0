"""FLOPs of a catalog of layers and networks, against torch's own counter on real tensors.

What torch's counter does not know is compared with the same computation written as matrix
products, which it does know.
"""

from __future__ import annotations

import logging
import math
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.rnn import pack_padded_sequence
from torch.utils.flop_counter import FlopCounterMode

from raynas.tasks import Context, CostMeter, FunctionTask, Measured
from raynas.tasks.meters.flop_counter import countable
from raynas.tasks.meters.flop_formulas import formulas, is_uncounted
from raynas.tasks.meters.profile import Profile, profile


@dataclass(frozen=True)
class Made:
    """An architecture that is whatever `make` returns."""

    make: Callable[[], nn.Module]

    def build(self) -> nn.Module:
        return self.make()


pytestmark = pytest.mark.filterwarnings("ignore")
"""Of torch, on what is deprecated in it and on devices that are not there."""


class Does(nn.Module):
    """A network that calls a function."""

    def __init__(self, function: Callable[..., Any], *layers: nn.Module) -> None:
        super().__init__()
        self.function = function
        self.layers = nn.ModuleList(layers)

    def forward(self, *inputs: Any) -> Any:
        return self.function(*self.layers, *inputs)


def zeros(*shape: int) -> Tensor:
    return torch.zeros(1, *shape)


def tokens(*shape: int) -> Tensor:
    return torch.zeros(1, *shape, dtype=torch.long)


def by_torch(network: nn.Module, inputs: tuple[Any, ...]) -> int:
    """What torch's counter says of a run on real tensors, without kernels that it cannot see."""
    counter = FlopCounterMode(display=False)
    with countable(), torch.backends.mkldnn.flags(enabled=False), counter:
        network.eval()(*inputs)
    return int(counter.get_total_flops())


IMAGE, SERIES, VOLUME, ROW = zeros(4, 8, 8), zeros(4, 9), zeros(4, 5, 5, 5), zeros(5, 16)

LAYERS: dict[str, tuple[Callable[[], nn.Module], tuple[Any, ...]]] = {
    "linear": (lambda: nn.Linear(16, 8), (ROW,)),
    "linear without bias": (lambda: nn.Linear(16, 8, bias=False), (ROW,)),
    "lazy linear": (lambda: nn.LazyLinear(8), (ROW,)),
    "identity": (lambda: nn.Identity(), (ROW,)),
    "conv1d": (lambda: nn.Conv1d(4, 6, 3), (SERIES,)),
    "conv1d, dilated": (lambda: nn.Conv1d(4, 6, 3, dilation=2), (SERIES,)),
    "conv1d, padded same": (lambda: nn.Conv1d(4, 6, 3, padding="same"), (SERIES,)),
    "conv2d": (lambda: nn.Conv2d(4, 6, 3), (IMAGE,)),
    "conv2d, strided": (lambda: nn.Conv2d(4, 6, 3, stride=2, padding=1), (IMAGE,)),
    "conv2d, grouped": (lambda: nn.Conv2d(4, 6, 3, groups=2), (IMAGE,)),
    "conv2d, depthwise": (lambda: nn.Conv2d(4, 4, 3, groups=4), (IMAGE,)),
    "conv2d, reflected": (lambda: nn.Conv2d(4, 6, 3, padding=1, padding_mode="reflect"), (IMAGE,)),
    "conv3d": (lambda: nn.Conv3d(4, 6, 3), (VOLUME,)),
    "lazy conv2d": (lambda: nn.LazyConv2d(6, 3), (IMAGE,)),
    "transposed conv1d": (lambda: nn.ConvTranspose1d(4, 6, 3, stride=2), (SERIES,)),
    "transposed conv2d": (lambda: nn.ConvTranspose2d(4, 6, 3, stride=2), (IMAGE,)),
    "transposed conv2d, more": (
        lambda: nn.ConvTranspose2d(4, 6, 3, stride=2, output_padding=1), (IMAGE,)
    ),
    "transposed conv3d": (lambda: nn.ConvTranspose3d(4, 6, 3), (VOLUME,)),
    "lazy transposed conv2d": (lambda: nn.LazyConvTranspose2d(6, 3), (IMAGE,)),
    "batch norm": (lambda: nn.BatchNorm2d(4), (IMAGE,)),
    "instance norm": (lambda: nn.InstanceNorm2d(4), (IMAGE,)),
    "group norm": (lambda: nn.GroupNorm(2, 4), (IMAGE,)),
    "layer norm": (lambda: nn.LayerNorm(16), (ROW,)),
    "rms norm": (lambda: nn.RMSNorm(16), (ROW,)),
    "local response norm": (lambda: nn.LocalResponseNorm(2), (IMAGE,)),
    "max pooling": (lambda: nn.MaxPool2d(3, 2), (IMAGE,)),
    "max pooling up": (lambda: nn.MaxPool2d(3, 2, ceil_mode=True), (IMAGE,)),
    "max pooling, indices": (lambda: nn.MaxPool2d(3, 2, return_indices=True), (IMAGE,)),
    "average pooling": (lambda: nn.AvgPool2d(3, 2), (IMAGE,)),
    "average pooling up": (lambda: nn.AvgPool2d(3, 2, ceil_mode=True), (IMAGE,)),
    "average pooling 1d up": (lambda: nn.AvgPool1d(2, 2, ceil_mode=True), (SERIES,)),
    "average pooling 3d up": (lambda: nn.AvgPool3d(2, 2, ceil_mode=True), (VOLUME,)),
    "power pooling": (lambda: nn.LPPool2d(2, 3, ceil_mode=True), (IMAGE,)),
    "adaptive average": (lambda: nn.AdaptiveAvgPool2d(2), (IMAGE,)),
    "adaptive maximum, indices": (lambda: nn.AdaptiveMaxPool2d(2, return_indices=True), (IMAGE,)),
    "upsample": (lambda: nn.Upsample(scale_factor=2), (IMAGE,)),
    "upsample bilinear": (lambda: nn.Upsample(size=(12, 12), mode="bilinear"), (IMAGE,)),
    "pixel shuffle": (lambda: nn.PixelShuffle(2), (IMAGE,)),
    "flatten": (lambda: nn.Flatten(), (IMAGE,)),
    "flatten part": (lambda: nn.Flatten(2), (IMAGE,)),
    "unflatten": (lambda: nn.Unflatten(1, (2, 2)), (IMAGE,)),
    "unfold": (lambda: nn.Unfold(3), (IMAGE,)),
    "reflection": (lambda: nn.ReflectionPad2d(1), (IMAGE,)),
    "zero padding": (lambda: nn.ZeroPad2d(1), (IMAGE,)),
    "relu": (lambda: nn.ReLU(), (ROW,)),
    "relu in place": (lambda: nn.ReLU(inplace=True), (zeros(5, 16),)),
    "prelu": (lambda: nn.PReLU(), (ROW,)),
    "glu": (lambda: nn.GLU(), (ROW,)),
    "softmax": (lambda: nn.Softmax(-1), (ROW,)),
    "dropout": (lambda: nn.Dropout(), (ROW,)),
    "embedding": (lambda: nn.Embedding(10, 4), (tokens(5),)),
    "rnn": (lambda: nn.RNN(16, 8), (ROW,)),
    "rnn, two layers": (lambda: nn.RNN(16, 8, 2, nonlinearity="relu"), (ROW,)),
    "lstm": (lambda: nn.LSTM(16, 8, batch_first=True), (ROW,)),
    "lstm, both ways": (lambda: nn.LSTM(16, 8, 2, bidirectional=True), (ROW,)),
    "lstm, projected": (lambda: nn.LSTM(16, 8, proj_size=4), (ROW,)),
    "lstm without bias": (lambda: nn.LSTM(16, 8, bias=False), (ROW,)),
    "gru": (lambda: nn.GRU(16, 8), (ROW,)),
    "gru, both ways": (lambda: nn.GRU(16, 8, bidirectional=True), (ROW,)),
    "rnn cell": (lambda: nn.RNNCell(16, 8), (zeros(16),)),
    "lstm cell": (lambda: nn.LSTMCell(16, 8), (zeros(16),)),
    "gru cell": (lambda: nn.GRUCell(16, 8), (zeros(16),)),
    "attention": (lambda: nn.MultiheadAttention(16, 4), (ROW, ROW, ROW)),
    "attention, sizes": (
        lambda: nn.MultiheadAttention(16, 4, kdim=8, vdim=8), (ROW, zeros(5, 8), zeros(5, 8))
    ),
    "attention, biased": (
        lambda: nn.MultiheadAttention(16, 4, add_bias_kv=True, add_zero_attn=True), (ROW, ROW, ROW)
    ),
    "encoder layer": (lambda: nn.TransformerEncoderLayer(16, 4, 32, batch_first=True), (ROW,)),
    "decoder layer": (lambda: nn.TransformerDecoderLayer(16, 4, 32), (ROW, ROW)),
    "cosine similarity": (lambda: nn.CosineSimilarity(), (ROW, ROW)),
    "pairwise distance": (lambda: nn.PairwiseDistance(), (ROW, ROW)),
    "matrix product": (lambda: Does(torch.matmul), (ROW, zeros(16, 3))),
    "batched with bias": (lambda: Does(torch.baddbmm), (zeros(5, 5), ROW, zeros(16, 5))),
    "einsum": (lambda: Does(lambda a, b: torch.einsum("bij,bkj->bik", a, b)), (ROW, ROW)),
    "tensordot": (lambda: Does(lambda a: torch.tensordot(a, a, 1)), (torch.zeros(4, 4),)),
    "dot product attention": (
        lambda: Does(lambda a: functional.scaled_dot_product_attention(a, a, a)), (zeros(2, 5, 4),)
    ),
    "causal attention": (
        lambda: Does(
            lambda a: functional.scaled_dot_product_attention(a, a, a, is_causal=True)
        ),
        (zeros(2, 5, 4),),
    ),
    "weight norm": (
        lambda: nn.utils.parametrizations.weight_norm(nn.Linear(16, 8)), (ROW,)
    ),
    "weight norm, old": (lambda: nn.utils.weight_norm(nn.Conv2d(4, 6, 3)), (IMAGE,)),
}  # fmt: skip


def block(width: int, out: int, **options: Any) -> nn.Sequential:
    layer = nn.Conv2d(width, out, 3, padding=1, **options)
    return nn.Sequential(layer, nn.BatchNorm2d(out), nn.ReLU(inplace=True))


class Residual(nn.Module):
    def __init__(self, width: int, out: int, stride: int = 1) -> None:
        super().__init__()
        self.body = nn.Sequential(block(width, out, stride=stride), nn.Conv2d(out, out, 3, 1, 1))
        self.short = nn.Conv2d(width, out, 1, stride) if (width, stride) != (out, 1) else None

    def forward(self, x: Tensor) -> Tensor:
        short = x if self.short is None else self.short(x)
        return functional.relu(self.body(x) + short)


class Dense(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList(block(4 + 2 * i, 2) for i in range(4))

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = torch.cat([x, layer(x)], 1)
        return x


class SqueezeExcite(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = block(4, 8)
        self.gate = nn.Sequential(nn.Conv2d(8, 2, 1), nn.SiLU(), nn.Conv2d(2, 8, 1), nn.Sigmoid())

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        return x * self.gate(x.mean((2, 3), keepdim=True))


class UNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.down, self.middle = block(4, 8), block(8, 16)
        self.pool = nn.AvgPool2d(2, ceil_mode=True)
        self.up = nn.ConvTranspose2d(16, 8, 2, 2)
        self.last = block(16, 2)

    def forward(self, x: Tensor) -> Tensor:
        high = self.down(x)
        return self.last(torch.cat([high, self.up(self.middle(self.pool(high)))], 1))


class VisionTransformer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.patch = nn.Conv2d(4, 16, 2, 2)
        layer = nn.TransformerEncoderLayer(16, 4, 32, batch_first=True, norm_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.head = nn.Linear(16, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.encoder(self.patch(x).flatten(2).transpose(1, 2)).mean(1))


class Gpt(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(20, 16)
        self.mix = nn.Linear(16, 48)
        self.out = nn.Linear(16, 20)

    def forward(self, x: Tensor) -> Tensor:
        x = self.embed(x)
        q, k, v = (t.unflatten(-1, (4, 4)).transpose(1, 2) for t in self.mix(x).chunk(3, -1))
        mixed = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.out(x + mixed.transpose(1, 2).flatten(2))


class Tagger(nn.Module):
    def __init__(self, kind: type[nn.Module], packed: bool = False) -> None:
        super().__init__()
        self.embed, self.packed = nn.Embedding(20, 16), packed
        self.rnn = kind(16, 8, batch_first=True, bidirectional=True)
        self.out = nn.Linear(16, 3)

    def forward(self, x: Tensor) -> Tensor:
        states: Any = self.embed(x)
        if self.packed:
            lengths = (x >= 0).sum(1).cpu()
            states = pack_padded_sequence(states, lengths, batch_first=True, enforce_sorted=False)
        states = self.rnn(states)[0]
        return self.out(states.data if self.packed else states)


class Seq2Seq(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.encoder, self.cell = nn.GRU(16, 8, batch_first=True), nn.GRUCell(8, 8)
        self.out = nn.Linear(8, 8)

    def forward(self, x: Tensor) -> Tensor:
        state = self.encoder(x)[1][0]
        step = torch.zeros_like(state)
        for _ in range(3):
            state = self.cell(step, state)
            step = self.out(state)
        return step


class SpatialTransformer(nn.Module):
    """The affine matrix is found by a small network, and applied as a matrix product."""

    def __init__(self) -> None:
        super().__init__()
        self.find = nn.Sequential(nn.Flatten(), nn.Linear(4 * 64, 6))
        self.classify = block(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        places = torch.ones(len(x), 64, 3, device=x.device)
        moved = places @ self.find(x).view(-1, 2, 3).transpose(1, 2)
        return self.classify(x * moved.sum((1, 2)).view(-1, 1, 1, 1))


class Mixture(nn.Module):
    """Each token goes to the expert that its data choose, so the meta device is of no use."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = nn.Linear(16, 2)
        self.experts = nn.ModuleList([nn.Linear(16, 16), nn.Linear(16, 16)])

    def forward(self, x: Tensor) -> Tensor:
        tokens = x.flatten(0, 1)
        chosen = self.gate(tokens).argmax(-1)
        made = torch.zeros_like(tokens)
        for number, expert in enumerate(self.experts):
            made[chosen == number] = expert(tokens[chosen == number])
        return made


class Recommender(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.users, self.items = nn.Embedding(9, 8), nn.Embedding(9, 8)
        self.deep = nn.Sequential(nn.Linear(16, 8), nn.ReLU(), nn.Linear(8, 1))

    def forward(self, user: Tensor, item: Tensor) -> Tensor:
        one, other = self.users(user), self.items(item)
        return self.deep(torch.cat([one, other], -1)) + (one * other).sum(-1, keepdim=True)


class Graph(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(16, 8), nn.Linear(8, 2)

    def forward(self, x: Tensor, adjacency: Tensor) -> Tensor:
        return adjacency @ self.second(functional.relu(adjacency @ self.first(x)))


def mobile() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(4, 16, 1), nn.ReLU6(), nn.Conv2d(16, 16, 3, groups=16), nn.Conv2d(16, 4, 1)
    )


def autoencoder() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(4, 8, 3, 2, 1), nn.ReLU(), nn.ConvTranspose2d(8, 4, 3, 2, 1, output_padding=1)
    )


def classifier(*middle: nn.Module, width: int = 8) -> nn.Module:
    head = (nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, 3))
    return nn.Sequential(block(4, 8), *middle, *head)


NETWORKS: dict[str, tuple[Callable[[], nn.Module], tuple[Any, ...]]] = {
    "perceptron": (lambda: nn.Sequential(nn.Linear(16, 8), nn.ReLU(), nn.Linear(8, 2)), (ROW,)),
    "perceptron, lazy": (lambda: nn.Sequential(nn.LazyLinear(8), nn.LazyLinear(2)), (ROW,)),
    "convolutions": (lambda: classifier(block(8, 8)), (IMAGE,)),
    "convolutions, pooled up": (
        lambda: classifier(nn.AvgPool2d(3, 2, ceil_mode=True), block(8, 8)), (IMAGE,)
    ),
    "convolutions, pooled down": (lambda: classifier(nn.AvgPool2d(3, 2), block(8, 8)), (IMAGE,)),
    "residual": (lambda: nn.Sequential(Residual(4, 4), Residual(4, 8, 2)), (IMAGE,)),
    "dense": (Dense, (IMAGE,)),
    "squeeze and excitation": (SqueezeExcite, (IMAGE,)),
    "mobile": (mobile, (IMAGE,)),
    "autoencoder": (autoencoder, (IMAGE,)),
    "u-net": (UNet, (IMAGE,)),
    "vision transformer": (VisionTransformer, (IMAGE,)),
    "transformer": (lambda: nn.Transformer(16, 4, 1, 1, 32, batch_first=True), (ROW, ROW)),
    "gpt": (Gpt, (tokens(7),)),
    "lstm tagger": (lambda: Tagger(nn.LSTM), (tokens(7),)),
    "gru tagger": (lambda: Tagger(nn.GRU), (tokens(7),)),
    "packed lstm tagger": (lambda: Tagger(nn.LSTM, packed=True), (tokens(7),)),
    "packed gru tagger": (lambda: Tagger(nn.GRU, packed=True), (tokens(7),)),
    "sequence to sequence": (Seq2Seq, (ROW,)),
    "spatial transformer": (SpatialTransformer, (IMAGE,)),
    "mixture of experts": (Mixture, (ROW,)),
    "recommender": (Recommender, (tokens(), tokens())),
    "graph": (Graph, (zeros(6, 16)[0], torch.zeros(6, 6))),
    "temporal": (
        lambda: nn.Sequential(nn.Conv1d(4, 8, 3, dilation=2), nn.GELU(), nn.Conv1d(8, 2, 1)),
        (SERIES,),
    ),
    "volumes": (
        lambda: nn.Sequential(nn.Conv3d(4, 8, 3), nn.AvgPool3d(2, ceil_mode=True)), (VOLUME,)
    ),
    "scripted": (
        lambda: torch.jit.script(nn.Sequential(nn.Linear(16, 8), nn.Linear(8, 2))), (ROW,)
    ),
    "traced": (lambda: torch.jit.trace(nn.Conv2d(4, 6, 3), torch.zeros(1, 4, 8, 8)), (IMAGE,)),
    "scripted part": (
        lambda: nn.Sequential(torch.jit.script(nn.Conv2d(4, 8, 3)), nn.Conv2d(8, 2, 3)), (IMAGE,)
    ),
    "compiled": (lambda: torch.compile(nn.Sequential(nn.Linear(16, 8), nn.ReLU())), (ROW,)),  # type: ignore[dict-item]
}  # fmt: skip

CATALOG = LAYERS | NETWORKS


def flops(make: Callable[[], nn.Module], inputs: tuple[Any, ...], device: str = "meta") -> Profile:
    return profile(Made(make), inputs, device=device)


def test_the_catalog_is_large_enough() -> None:
    assert len(LAYERS) >= 60
    assert len(NETWORKS) >= 20


@pytest.mark.parametrize("name", CATALOG)
def test_flops_are_what_torch_counts_on_real_tensors(name: str) -> None:
    make, inputs = CATALOG[name]
    with torch.random.fork_rng():
        torch.manual_seed(0)
        expected = by_torch(make(), inputs)
    on_meta, on_cpu = flops(make, inputs), flops(make, inputs, "cpu")
    assert on_meta.flops == on_cpu.flops == expected
    assert on_meta.activation_bytes == on_cpu.activation_bytes
    assert on_meta.activation_bytes > 0 or name in ("identity", "relu in place", "dropout")
    assert on_meta.parameters == on_cpu.parameters
    assert on_meta.uncounted == on_cpu.uncounted == ()
    assert name in LAYERS or expected > 0


def test_flops_do_not_depend_on_what_was_measured_before() -> None:
    names = list(CATALOG)
    first = {name: flops(*CATALOG[name]) for name in names}
    random.Random(0).shuffle(names)
    assert {name: flops(*CATALOG[name]) for name in names} == first


BESIDE_TORCH: dict[str, tuple[Callable[[], nn.Module], tuple[Any, ...], Any, tuple[Any, ...]]] = {
    "matrix times vector": (
        lambda: Does(torch.mv), (torch.zeros(3, 4), torch.zeros(4)),
        lambda: Does(torch.mm), (torch.zeros(3, 4), torch.zeros(4, 1)),
    ),
    "matrix times vector with bias": (
        lambda: Does(torch.addmv), (torch.zeros(3), torch.zeros(3, 4), torch.zeros(4)),
        lambda: Does(torch.mm), (torch.zeros(3, 4), torch.zeros(4, 1)),
    ),
    "dot product": (
        lambda: Does(torch.dot), (torch.zeros(4), torch.zeros(4)),
        lambda: Does(torch.mm), (torch.zeros(1, 4), torch.zeros(4, 1)),
    ),
    "outer product with bias": (
        lambda: Does(torch.addr), (torch.zeros(3, 4), torch.zeros(3), torch.zeros(4)),
        lambda: Does(torch.mm), (torch.zeros(3, 1), torch.zeros(1, 4)),
    ),
    "sum of batched products": (
        lambda: Does(torch.addbmm), (torch.zeros(3, 5), torch.zeros(2, 3, 4), torch.zeros(2, 4, 5)),
        lambda: Does(torch.bmm), (torch.zeros(2, 3, 4), torch.zeros(2, 4, 5)),
    ),
    "convolution in time": (
        lambda: Does(torch.conv_tbc), (torch.zeros(9, 1, 4), torch.zeros(3, 4, 6), torch.zeros(6)),
        lambda: nn.Conv1d(4, 6, 3), (SERIES,),
    ),
    "distances": (
        lambda: Does(torch.cdist), (zeros(3, 4), zeros(5, 4)),
        lambda: Does(torch.bmm), (zeros(3, 4), zeros(4, 5)),
    ),
    "affine grid": (
        lambda: Does(lambda t: functional.affine_grid(t, [2, 3, 4, 5], False)),
        (torch.zeros(2, 2, 3),),
        lambda: Does(torch.bmm), (torch.zeros(2, 20, 3), torch.zeros(2, 3, 2)),
    ),
    "bilinear grid sample": (
        lambda: Does(functional.grid_sample), (IMAGE, zeros(5, 5, 2)),
        lambda: Does(torch.bmm), (torch.zeros(25, 4, 4), torch.zeros(25, 4, 1)),
    ),
    "bag of embeddings": (
        lambda: nn.EmbeddingBag(10, 4), (torch.zeros(2, 3, dtype=torch.long),),
        lambda: Does(torch.bmm), (torch.zeros(2, 1, 3), torch.zeros(2, 3, 4)),
    ),
    "sparse matrix": (
        lambda: Does(lambda x: torch.sparse.mm(torch.eye(4).to_sparse(), x)), (torch.zeros(4, 3),),
        lambda: Does(torch.mm), (torch.zeros(1, 4), torch.zeros(4, 3)),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BESIDE_TORCH)
def test_what_torch_does_not_count_costs_as_much_as_the_same_products(name: str) -> None:
    make, inputs, same, same_inputs = BESIDE_TORCH[name]
    expected = by_torch(same(), same_inputs)
    assert flops(make, inputs).flops == flops(make, inputs, "cpu").flops == expected > 0


def test_a_bilinear_layer_costs_two_contractions() -> None:
    """Of shape (2, 3) with (5, 3, 4), then with (2, 4): what torch counts of the two by itself."""
    make, inputs = lambda: nn.Bilinear(3, 4, 5), (torch.zeros(2, 3), torch.zeros(2, 4))
    first = by_torch(Does(torch.mm), (torch.zeros(2, 3), torch.zeros(3, 20)))
    second = by_torch(Does(torch.bmm), (torch.zeros(2, 5, 4), torch.zeros(2, 4, 1)))
    assert flops(make, inputs).flops == flops(make, inputs, "cpu").flops == first + second


def test_recurrent_layers_cost_as_much_in_the_kernels_of_a_gpu() -> None:
    """By the formula of cuDNN's operation, of which only the shapes count."""
    formula = formulas()[torch.ops.aten._cudnn_rnn]
    for network in (nn.LSTM(16, 8, 2, bidirectional=True, proj_size=4), nn.GRU(16, 8)):
        weights = [weight.shape for weight in network.parameters()]
        assert formula(ROW.shape, weights, 4, None) == by_torch(network, (ROW,))


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_flops_on_a_gpu_are_those_on_the_cpu() -> None:
    for name, (make, inputs) in CATALOG.items():
        assert flops(make, inputs, "cuda").flops == flops(make, inputs, "cpu").flops, name


@pytest.mark.parametrize(
    ("transform", "expected"),
    [
        (lambda x: torch.fft.fft(x), 5 * 6 * 8 * 3),  # six of eight complex numbers
        (lambda x: torch.fft.rfft(x.real), 2.5 * 6 * 8 * 3),
        (lambda x: torch.fft.rfft2(x.real), 2.5 * 48 * math.log2(48)),
        (lambda x: torch.fft.irfft(x, 14), 2.5 * 6 * 14 * math.log2(14)),
        (lambda x: torch.fft.fft(x[:, :1]), 5 * 8 * 3),
    ],
)
def test_fourier_transforms(transform: Callable[[Tensor], Tensor], expected: float) -> None:
    x = torch.zeros(1, 6, 8, dtype=torch.complex64)
    found = flops(lambda: Does(transform), (x,))
    assert found.flops == flops(lambda: Does(transform), (x,), "cpu").flops == round(expected)
    assert found.uncounted == ()


def test_what_has_no_formula_is_named_and_not_a_metric(caplog: pytest.LogCaptureFixture) -> None:
    class Whitened(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(4, 4)

        def forward(self, x: Tensor) -> Tensor:
            return self.layer(torch.linalg.inv(x) + torch.linalg.qr(x)[0])

    example = torch.eye(4)[None]
    for device in ("meta", "cpu"):
        found = profile(Made(Whitened), example, device=device)
        assert found.uncounted == ("aten::linalg_inv_ex", "aten::linalg_qr")
        assert found.flops == 2 * 4 * 4 * 4
    task = Measured(FunctionTask(lambda _: 1.0), CostMeter(), example_input=example)
    with caplog.at_level(logging.WARNING):
        metrics = task.run(Made(Whitened), Context()).metrics
    assert "flops" not in metrics
    assert metrics["parameters"] == 20
    assert "flops left out: no formula for aten::linalg_inv_ex, aten::linalg_qr" in caplog.text


def test_operators_that_take_functions_are_named_or_counted() -> None:
    from torch.nn.attention.flex_attention import flex_attention

    product = lambda x: x @ x.transpose(1, 2)  # noqa: E731
    found = flops(lambda: Does(lambda q: product(flex_attention(q, q, q)[0])), (zeros(2, 8, 16),))
    assert found.uncounted == ("higher_order::flex_attention",)
    assert found.flops == 2 * 2 * 8 * 8 * 16
    branches = lambda x: torch.cond(x.sum() > 0, product, lambda x: product(x) * 2, (x,))  # noqa: E731
    found = flops(lambda: Does(branches), (ROW,))
    assert (found.flops, found.uncounted) == (2 * 5 * 5 * 16, ())


def test_operations_of_other_libraries_are_named() -> None:
    library = torch.library.Library("raynas_test", "DEF")
    library.define("twice(Tensor x) -> Tensor")
    library.impl("twice", lambda x: x @ x, "CompositeExplicitAutograd")
    found = profile(Made(lambda: Does(torch.ops.raynas_test.twice)), torch.zeros(4, 4))
    assert found.uncounted == ("raynas_test::twice",)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("aten::linalg_svd", True), ("aten::_linalg_eigh", True), ("aten::cholesky_solve", True),
        ("aten::_grouped_mm", True), ("aten::quantized_lstm", True), ("aten::miopen_rnn", True),
        ("aten::_weight_int8pack_mm", True), ("torchao::mm", True), ("quantized::linear", True),
        ("torchvision::deform_conv2d", True), ("aten::slow_conv3d_forward", True),
        ("aten::relu", False), ("aten::_thnn_fused_lstm_cell", False), ("aten::_softmax", False),
        ("aten::upsample_trilinear3d", False), ("aten::linalg_vector_norm", False),
        ("aten::_convert_indices_from_coo_to_csr", False), ("torchvision::nms", False),
        ("aten::roll", False), ("aten::fft_fftshift", False), ("aten::im2col", False),
    ],
)  # fmt: skip
def test_which_operations_have_products(name: str, expected: bool) -> None:
    assert is_uncounted(name) is expected


class Named(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(16, 8)

    def forward(self, row: Tensor, scale: Tensor | None = None) -> Tensor:
        return self.layer(row if scale is None else row * scale)


EXAMPLES = [
    (Named, {"row": ROW}),
    (Named, {"row": ROW, "scale": ROW}),
    (lambda: Does(lambda layer, batch: layer(batch["row"]), nn.Linear(16, 8)), {"row": ROW}),
    (lambda: Does(lambda layer, rows: layer(rows[0]), nn.Linear(16, 8)), [ROW, ROW]),
    (lambda: Does(lambda layer, x, more: layer(x + more[0]), nn.Linear(16, 8)), (ROW, [ROW])),
    (
        lambda: Does(lambda layer, x, more: layer(x + more["y"]), nn.Linear(16, 8)),
        (ROW, {"y": ROW}),
    ),
]


@pytest.mark.parametrize("which", range(len(EXAMPLES)))
@pytest.mark.parametrize("device", ["meta", "cpu"])
def test_examples_may_be_dicts_and_lists(which: int, device: str) -> None:
    make, example = EXAMPLES[which]
    found = profile(Made(make), example, device=device)  # type: ignore[arg-type]
    assert (found.flops, found.device) == (2 * 5 * 16 * 8, device)


def test_counting_leaves_the_random_state_alone() -> None:
    torch.manual_seed(1)
    before = torch.get_rng_state()
    flops(Mixture, (torch.randn(1, 5, 16, generator=torch.Generator().manual_seed(0)),))
    assert torch.equal(torch.get_rng_state(), before)
