"""The space of NAS-Bench-Graph: four nodes in a tree below the input, an operation in each.

Qin, Zhang, Wang, Zhang and Zhu 2022, "NAS-Bench-Graph: Benchmarking Graph Neural Architecture
Search", NeurIPS Datasets and Benchmarks, section 3. Every node reads one other or the raw input,
which leaves nine macro structures; nodes that none reads make up the output.

Size: 9 * 9 ** 4 = 59,049. Many of these are one network written differently: siblings in another
order, or identities that change nothing. `NASBenchGraph.canonical` is the same for all forms of a
network; it takes 26,207 values, the 26,206 architectures of the published tables and the one of
identities alone, which they leave out. `NASBenchGraph.key` is the tables' index, and operations go
by the tables' names, so `nas_bench_graph.light_read("cora")[int(architecture.key)]` finds a row.

An operation has the parameters that the tables count for it (a GIN layer is one linear map, ARMA
one stack and step, GAT two heads); the paper's figures are from its own implementation.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from raynas.space import choice, repeat, searchable

__all__ = ["BASELINE", "MACROS", "OPERATIONS", "GraphNet", "NASBenchGraph"]

MACROS = (
    (0, 0, 0, 0),
    (0, 0, 0, 1),
    (0, 0, 1, 1),
    (0, 0, 1, 2),
    (0, 0, 1, 3),
    (0, 1, 1, 1),
    (0, 1, 1, 2),
    (0, 1, 2, 2),
    (0, 1, 2, 3),
)
"""What each of the nodes 1 to 4 reads: 0 is the raw input."""

OPERATIONS = ("gat", "gcn", "gin", "cheb", "sage", "arma", "graph", "fc", "skip")
"""By the names of the published tables: "graph" is k-GNN, "fc" fully connected, "skip" identity."""

Tree = tuple[int, int, "Forest"]
"""Minus the number of nodes below, the operation's position, the trees below: sorts as published"""
Forest = tuple[Tree, ...]
SKIP = OPERATIONS.index("skip")


@searchable
class NASBenchGraph:
    """What each of the four nodes reads, and its operation."""

    macro: tuple[int, ...] = choice(*MACROS)
    operations: tuple[str, ...] = repeat(choice(*OPERATIONS), 4)

    @property
    def canonical(self) -> "NASBenchGraph":
        """The form that the published tables have this network in.

        Identities that change nothing come first, in a chain: inner ones, only children, and
        those of the raw input beside others, whose channels fit no other output.
        """
        forest = _reduced(self._below(0), raw=True)
        for _ in range(4 - _count(forest)):
            forest = ((-_count(forest), SKIP, forest),)
        macro: list[int] = []
        operations: list[str] = []
        level = [(0, tree) for tree in forest]
        while level:
            following: list[tuple[int, Tree]] = []
            for source, (_, operation, below) in level:
                macro.append(source)
                operations.append(OPERATIONS[operation])
                following += [(len(macro), tree) for tree in below]
            level = following
        return NASBenchGraph(tuple(macro), tuple(operations))

    @property
    def key(self) -> str:
        """Five digits, equal for equal networks: `canonical`'s macro structure and operations."""
        form = self.canonical
        digits = (MACROS.index(form.macro), *map(OPERATIONS.index, form.operations))
        return "".join(map(str, digits))

    def build(self, *, features: int = 64, classes: int = 10, width: int = 64) -> nn.Module:
        """A network that classifies the nodes of a graph; see `GraphNet`.

        Args:
            features: Channels of a node.
            classes: Number of classes.
            width: Hidden channels, an even number: the paper has 64, 128 or 256, by data set.
        """
        return GraphNet(self.canonical, features, classes, width)

    def _below(self, node: int) -> Forest:
        nodes = (i for i, source in enumerate(self.macro) if source == node)
        return tuple((0, OPERATIONS.index(self.operations[i]), self._below(i + 1)) for i in nodes)


def _reduced(forest: Forest, raw: bool) -> Forest:
    """`forest` in order and without identities that change nothing; `raw`: it reads the input."""
    kept: list[Tree] = []
    for _, operation, below in forest:
        below = _reduced(below, raw and operation == SKIP)
        if operation == SKIP and below:
            kept += below
        else:
            kept.append((-_count(below), operation, below))
    identity = (0, SKIP, ())
    if raw or kept == [identity]:
        kept = [tree for tree in kept if tree != identity]
    return tuple(sorted(kept))


def _count(forest: Forest) -> int:
    return sum(1 - inner for inner, _, _ in forest)


BASELINE = NASBenchGraph((0, 1, 2, 3), ("skip", "skip", "gcn", "gcn"))
"""The graph convolutional network of two layers (Kipf and Welling 2017, section 3.1)."""


class GraphNet(nn.Module):
    """The network of a `NASBenchGraph` in its canonical form.

    Every operation is followed by batch normalization and ReLU. What no node reads is concatenated
    and goes through a fully connected layer and a classifier.
    """

    def __init__(
        self, architecture: NASBenchGraph, features: int, classes: int, width: int
    ) -> None:
        super().__init__()
        self.sources = architecture.macro
        self.leaves = [i for i in range(1, 5) if i not in architecture.macro]
        widths = [features]
        self.operations = nn.ModuleList()
        for source, name in zip(architecture.macro, architecture.operations, strict=True):
            skip = name == "skip"
            self.operations.append(Skip() if skip else Layer(name, widths[source], width))
            widths.append(widths[source] if skip else width)
        self.merge = nn.Linear(sum(widths[leaf] for leaf in self.leaves), width)
        self.head = nn.Linear(width, classes)

    def forward(self, x: Tensor, adjacency: Tensor) -> Tensor:
        """Logits ``[..., node, class]``.

        Args:
            x: Features, ``[..., node, feature]``.
            adjacency: ``[..., node, node]``, dense, without loops; row i holds the weights, none
                negative, of the nodes that i hears.
        """
        states = [x]
        for source, operation in zip(self.sources, self.operations, strict=True):
            states.append(operation(states[source], adjacency))
        merged = self.merge(torch.cat([states[leaf] for leaf in self.leaves], dim=-1))
        logits: Tensor = self.head(functional.relu(merged))
        return logits


class Skip(nn.Module):
    """Identity."""

    def forward(self, x: Tensor, adjacency: Tensor) -> Tensor:
        """`x` as it is."""
        del adjacency
        return x


class Layer(nn.Module):
    """An operation, batch normalization over all nodes, ReLU."""

    def __init__(self, name: str, inputs: int, width: int) -> None:
        super().__init__()
        self.operation = (
            Attention(inputs, width) if name == "gat" else Convolution(name, inputs, width)
        )
        self.norm = nn.BatchNorm1d(width)

    def forward(self, x: Tensor, adjacency: Tensor) -> Tensor:
        """From ``[..., node, inputs]`` to ``[..., node, width]``."""
        x = self.operation(x, adjacency)
        return functional.relu(self.norm(x.flatten(0, -2)).view_as(x))


def _self(x: Tensor, adjacency: Tensor) -> Tensor:
    del adjacency
    return x


def _sum(x: Tensor, adjacency: Tensor) -> Tensor:
    return adjacency @ x


def _sum_and_self(x: Tensor, adjacency: Tensor) -> Tensor:
    return x + adjacency @ x


def _mean(x: Tensor, adjacency: Tensor) -> Tensor:
    return adjacency @ x / _degree(adjacency)


def _symmetric(x: Tensor, adjacency: Tensor) -> Tensor:
    scale = _degree(adjacency).rsqrt()
    return scale * (adjacency @ (scale * x))


def _symmetric_with_loops(x: Tensor, adjacency: Tensor) -> Tensor:
    scale = (adjacency.sum(-1, keepdim=True) + 1).rsqrt()
    return scale * (adjacency @ (scale * x) + scale * x)


def _degree(adjacency: Tensor) -> Tensor:
    degree = adjacency.sum(-1, keepdim=True)
    return degree.where(degree > 0, 1.0)


CONVOLUTIONS: dict[str, tuple[Callable[[Tensor, Tensor], Tensor], ...]] = {
    "gcn": (_symmetric_with_loops,),  # Kipf and Welling 2017, equation 2
    "gin": (_sum_and_self,),  # Xu et al. 2019, equation 4.1 with epsilon 0
    "cheb": (_self, _symmetric),  # Defferrard et al. 2016, equation 4, order 1; sign in the weights
    "sage": (_mean, _self),  # Hamilton et al. 2017, algorithm 1 with the mean
    "arma": (_symmetric, _self),  # Bianchi et al. 2021, one stack, one step; ReLU is the layer's
    "graph": (_sum, _self),  # Morris et al. 2019 with k = 1
    "fc": (_self,),
}
"""What is summed over, each with a linear map of its own."""


class Convolution(nn.Module):
    """A sum of linear maps of what neighbors say, by one of `CONVOLUTIONS`."""

    def __init__(self, name: str, inputs: int, width: int) -> None:
        super().__init__()
        self.name = name
        self.maps = nn.ModuleList(nn.Linear(inputs, width, bias=False) for _ in CONVOLUTIONS[name])
        self.bias = nn.Parameter(torch.zeros(width))

    def forward(self, x: Tensor, adjacency: Tensor) -> Tensor:
        """From ``[..., node, inputs]`` to ``[..., node, width]``."""
        pairs = zip(CONVOLUTIONS[self.name], self.maps, strict=True)
        return sum((gather(map_(x), adjacency) for gather, map_ in pairs), self.bias)


class Attention(nn.Module):
    """Graph attention of two heads (Velickovic et al. 2018, equations 3 and 5)."""

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        self.map = nn.Linear(inputs, width, bias=False)
        self.scores = nn.Parameter(torch.empty(2, 2, width // 2))
        self.bias = nn.Parameter(torch.zeros(width))
        nn.init.xavier_uniform_(self.scores)

    def forward(self, x: Tensor, adjacency: Tensor) -> Tensor:
        """From ``[..., node, inputs]`` to ``[..., node, width]``."""
        values = self.map(x).unflatten(-1, (2, -1)).transpose(-3, -2)
        hearing, heard = (values @ score[..., None] for score in self.scores)
        scores = functional.leaky_relu(hearing + heard.mT, 0.2)
        loops = torch.eye(adjacency.shape[-1], dtype=torch.bool, device=x.device)
        unheard = ((adjacency == 0) & ~loops).unsqueeze(-3)
        weights = scores.masked_fill(unheard, -torch.inf).softmax(dim=-1)
        told: Tensor = weights @ values
        return told.transpose(-3, -2).flatten(-2) + self.bias
