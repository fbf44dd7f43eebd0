"""The networks of NAS-Bench-Graph, on a graph of scikit-learn's digits and their neighbors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from sklearn.neighbors import kneighbors_graph
from torch import Tensor, nn

from raynas.space import Space
from search_spaces.graph import BASELINE, MACROS, OPERATIONS, NASBenchGraph

SPACE = Space(NASBenchGraph)
ONE_OF_EACH = [
    NASBenchGraph((0, 0, 0, 0), OPERATIONS[:4]),
    NASBenchGraph((0, 1, 2, 2), OPERATIONS[4:8]),
    NASBenchGraph((0, 1, 1, 1), ("gcn", "skip", "gat", "arma")),
]


def random_graph(nodes: int = 12, features: int = 6) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    edges = (torch.rand(nodes, nodes, generator=generator) < 0.3).float().triu(1)
    edges[0] = 0  # nobody's neighbor
    return torch.randn(nodes, features, generator=generator), edges + edges.T


def parameters(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def test_size() -> None:
    assert len(MACROS) == len(OPERATIONS) == 9
    assert SPACE.size == 9 * 9**4 == 59_049


def test_the_baseline_is_in_the_space() -> None:
    SPACE.check(BASELINE)


def test_the_published_number_of_different_networks() -> None:
    """26,206 in the paper, and the one of identities alone. A canonical form is its own."""
    forms = {architecture.canonical for architecture in SPACE.enumerate()}
    assert len(forms) == 26_206 + 1
    assert NASBenchGraph((0, 1, 2, 3), ("skip",) * 4) in forms
    assert all(form.canonical == form for form in forms)
    assert all(SPACE.contains(form) for form in forms)
    assert len({form.key for form in forms}) == len(forms)


@pytest.mark.parametrize(
    ("macro", "operations", "key"),
    [
        ((0, 1, 1, 2), ("gcn", "cheb", "gin", "fc"), "61327"),
        ((0, 0, 0, 0), ("fc", "gat", "skip", "gin"), "58027"),
        ((0, 1, 2, 3), ("gcn", "skip", "gat", "skip"), "88810"),
        ((0, 1, 1, 1), ("gcn", "skip", "skip", "arma"), "51588"),
    ],
)
def test_keys_are_those_of_the_published_tables(
    macro: tuple[int, ...], operations: tuple[str, ...], key: str
) -> None:
    assert NASBenchGraph(macro, operations).key == key


@pytest.mark.parametrize(
    ("macro", "operations", "published"),
    [
        ((0, 0, 0, 0), ("gat",) * 4, 1_736_711),
        ((0, 0, 0, 1), ("gat",) * 4, 1_369_863),
        ((0, 1, 2, 3), ("skip", "sage", "sage", "sage"), 1_066_247),
        ((0, 1, 1, 1), ("gcn", "skip", "gcn", "gcn"), 699_399),
    ],
)
def test_parameters_are_those_of_the_published_table_of_cora(
    macro: tuple[int, ...], operations: tuple[str, ...], published: int
) -> None:
    """The table counts a normalization for identities, too."""
    network = NASBenchGraph(macro, operations).build(features=1433, classes=7, width=256)
    assert parameters(network) + 2 * 256 * operations.count("skip") == published


@pytest.mark.parametrize("seed", range(10))
def test_random_members_run(seed: int) -> None:
    network = SPACE.sample(np.random.default_rng(seed)).build(features=6, classes=3, width=8)
    logits = network(*random_graph())
    assert logits.shape == (12, 3)
    assert logits.isfinite().all()
    logits.square().sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())


@pytest.mark.parametrize("operation", OPERATIONS)
def test_operations_do_not_depend_on_the_order_of_nodes(operation: str) -> None:
    torch.manual_seed(0)
    features, adjacency = random_graph()
    order = torch.randperm(len(features))
    network = NASBenchGraph((0, 1, 1, 1), (operation, "fc", operation, "skip")).build(features=6)
    torch.testing.assert_close(
        network(features, adjacency)[order],
        network(features[order], adjacency[order][:, order]),
        rtol=1e-3,
        atol=1e-4,
    )


@pytest.mark.parametrize("operation", OPERATIONS)
def test_all_operations_but_two_hear_their_neighbors_and_nobody_else(operation: str) -> None:
    """In a chain of nodes, one layer carries a change one step."""
    torch.manual_seed(0)
    adjacency = torch.ones(6, 6).triu(1).tril(1)
    adjacency = adjacency + adjacency.T
    network = NASBenchGraph((0, 1, 2, 3), ("skip", "skip", "skip", operation)).build(features=4)
    features = torch.randn(6, 4)
    changed = features.clone()
    changed[2] += 1
    network.eval()
    moved = (network(features, adjacency) - network(changed, adjacency)).abs().amax(1) > 1e-6
    reach = [2] if operation in ("fc", "skip") else [1, 2, 3]
    assert moved.nonzero().flatten().tolist() == reach


@pytest.mark.parametrize("architecture", ONE_OF_EACH)
def test_a_batch_of_graphs_is_taken(architecture: NASBenchGraph) -> None:
    network = architecture.build(features=6).eval()
    features, adjacency = random_graph()
    batch = network(torch.stack((features, 2 * features)), adjacency.expand(2, -1, -1))
    torch.testing.assert_close(batch[0], network(features, adjacency))
    torch.testing.assert_close(batch[1], network(2 * features, adjacency))


@pytest.mark.parametrize("architecture", [BASELINE, *ONE_OF_EACH])
def test_it_trains_on_the_neighborhoods_of_digits(
    architecture: NASBenchGraph, train_ten_steps: Any
) -> None:
    """Half of the nodes are trained on, the others validated on; -100 hides a label."""
    data = load_digits()
    features = torch.tensor(data.data[:400], dtype=torch.float32) / 16
    neighbors = torch.tensor(kneighbors_graph(features, 5).toarray(), dtype=torch.float32)
    adjacency = torch.maximum(neighbors, neighbors.T)
    labels = torch.tensor(data.target[:400])
    known = torch.arange(400) % 2 == 0
    train, validation = labels.where(known, -100), labels.where(~known, -100)
    graph = features[None], adjacency[None]
    measurement = train_ten_steps(architecture, (*graph, train[None]), (*graph, validation[None]))
    assert measurement.metrics["val_loss"] < 2.3
