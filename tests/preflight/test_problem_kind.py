"""The kind of a problem, from modules of each kind, and the optimizers that it is tried with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
import torch
from small_search import Module
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from raynas.errors import TaskError
from raynas.preflight.baseline_runs import settings_of
from raynas.preflight.problem_kind import given_kind, kind_of, usual_optimizers
from raynas.tasks import LightningTask
from search_spaces import detection, pillars, resnet, timeseries, transformer, unet3d


@dataclass(frozen=True)
class Of:
    network: Any

    def build(self) -> nn.Module:
        made: nn.Module = self.network()
        return made


class Listed:
    def __init__(self, example: Any) -> None:
        self.example = example

    def __len__(self) -> int:
        return 8

    def __getitem__(self, index: int) -> Any:
        return self.example


def kind(network: Any, *inputs: Tensor, example: Any = None) -> str:
    data: Any = TensorDataset(*inputs, torch.arange(8) % 2) if inputs else Listed(example)
    task = LightningTask(Module, lambda: (DataLoader(data, 4), DataLoader(data, 4)), "accuracy", 9)
    return kind_of(task, Of(network)).kind


def tokens(length: int = 6) -> Tensor:
    return torch.randint(0, 9, (8, length))


class Tagger(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.words, self.rnn = nn.Embedding(10, 4), nn.LSTM(4, 4, batch_first=True)
        self.head = nn.Linear(4, 2)


IMAGES, ROWS = torch.rand(8, 3, 8, 8), torch.rand(8, 5)


@pytest.mark.parametrize(
    ("network", "inputs", "expected"),
    [
        (lambda: resnet.BASELINE.build(width=0.1), (IMAGES,), "images"),
        (lambda: unet3d.BASELINE.build(width=0.1), (torch.rand(8, 3, 4, 8, 8),), "volumes"),
        (lambda: transformer.BASELINE.build(), (tokens(),), "language"),
        (lambda: nn.TransformerEncoderLayer(8, 2), (torch.rand(8, 4, 8),), "transformers"),
        (Tagger, (tokens(),), "recurrent"),
        (lambda: nn.GRU(3, 4), (torch.rand(8, 5, 3),), "recurrent"),
        (lambda: timeseries.BASELINE.build(), (torch.rand(8, 1, 9),), "series"),
        (lambda: nn.Sequential(nn.Linear(5, 4), nn.Linear(4, 2)), (ROWS,), "tables"),
        (lambda: nn.Sequential(nn.Embedding(9, 4), nn.Flatten()), (tokens(),), "not known"),
        (lambda: nn.Linear(5, 2), (torch.rand(8, 4, 5),), "not known"),
        (nn.Identity, (ROWS,), "not known"),
        (lambda: 1 / 0, (ROWS,), "not known"),
    ],
)
def test_the_kind_is_that_of_the_layers_and_the_inputs(
    network: Any, inputs: tuple[Tensor, ...], expected: str
) -> None:
    assert kind(network, *inputs) == expected


def test_a_table_with_categories_is_not_taken_for_language() -> None:
    mlp = lambda: nn.ModuleList([nn.Embedding(9, 4), nn.Linear(9, 2)])  # noqa: E731
    assert kind(mlp, example=((torch.rand(5), torch.tensor([1, 2])), 0)) == "not known"
    attention = lambda: nn.ModuleList([nn.Embedding(9, 4), nn.MultiheadAttention(4, 2)])  # noqa: E731
    assert kind(attention, example=((torch.rand(5), torch.tensor([1, 2])), 0)) == "transformers"


def test_boxes_and_edges_are_recognized_by_what_batches_hold() -> None:
    image, boxes = torch.rand(3, 8, 8), torch.rand(2, 4)
    found = lambda: nn.Conv2d(3, 2, 3)  # noqa: E731
    assert kind(found, example=(image, {"boxes": boxes})) == "detection"
    assert kind(found, example={"image": image, "target": {"bboxes": boxes}}) == "detection"
    assert kind(found, example=(image, 1)) == "images"
    edges = {"x": torch.rand(4, 3), "edge_index": torch.zeros(2, 5).long()}
    assert kind(lambda: nn.Linear(3, 2), example=edges) == "graphs"


def test_every_kind_is_tried_with_adamw_and_a_rate_on_both_sides_of_another() -> None:
    for name in ("images", "volumes", "detection", "language", "transformers", "recurrent",
                 "series", "tables", "graphs", "not known"):  # fmt: skip
        tried = dict(usual_optimizers(given_kind(name).kind))
        assert "adamw" in tried
        assert all(len(rates) >= 2 for rates in tried.values())
        variants = settings_of(100, 0.2, usual_optimizers(given_kind(name).kind))
        assert len({one.name for one in variants}) == len(variants)
    assert "sgd" not in dict(usual_optimizers("language"))
    assert "rmsprop" in dict(usual_optimizers("recurrent"))
    with pytest.raises(TaskError, match=r"kind='video': use one of images, volumes, detection"):
        given_kind("video")


def test_ready_spaces_are_of_their_kinds() -> None:
    cloud = torch.rand(8, 30, 4)
    small = {"area": (0.0, 0.0, 4.0, 4.0), "width": 0.1}
    assert kind(lambda: pillars.BASELINE.build(**small), cloud) == "images"
    assert kind(lambda: detection.BASELINE.build(width=0.1), IMAGES) == "images"
