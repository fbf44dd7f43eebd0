"""The verdict on five data sets whose truth is known, with every sentence of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from raynas import LightningTask, Search
from raynas.preflight import DataFitness, check_data
from raynas.space import choice, searchable

COMMAND = "`raynas augment FILE`"


@searchable
class Net:
    width: int = choice(1, 2, default=1)

    def build(self) -> nn.Module:
        return nn.Linear(5, 2)


class Classifier(pl.LightningModule):
    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network


def examples(labels: Any, seed: int = 0) -> TensorDataset:
    labels = torch.as_tensor(labels)
    generator = torch.Generator().manual_seed(seed)
    return TensorDataset(torch.randn(len(labels), 5, generator=generator), labels)


def some_of(labels: Any) -> Any:
    """Up to 400 of them, as often as in all."""
    return labels[np.random.default_rng(1).permutation(len(labels))[:400]]


def checked(
    labels: Any, module: Any = Classifier, data: Any = None, collate: Any = None
) -> DataFitness:
    train = DataLoader(examples(labels), 64, collate_fn=collate)
    validation = DataLoader(examples(some_of(labels), 1), 64)
    task = LightningTask(module, data or (lambda: (train, validation)), "x", 1)
    return check_data(Search(space=Net, task=task), examples=150)


def messages(found: DataFitness) -> list[tuple[str, str]]:
    return [(one.severity, one.message) for one in found.findings]


BALANCED = np.arange(12_000) % 4


def test_a_large_balanced_data_set_has_nothing_against_it() -> None:
    found = checked(BALANCED)
    assert found.advised
    assert messages(found) == []


def test_a_small_one_is_not_advised_and_points_to_the_command() -> None:
    found = checked(BALANCED[:600])
    assert not found.advised
    ((severity, message),) = messages(found)
    assert severity == "error"
    assert message == (
        "600 training examples are few: stage 1 validates on 60, where two accuracies near 90 % "
        "differ by more than chance only from about 11 points on. So architecture search is not "
        "advised; take a well-known architecture, pretrained if there is such, search the "
        "augmentation instead (`raynas augment FILE`), or get more data"
    )
    fewer = checked(BALANCED[:5000])
    assert fewer.advised
    ((severity, message),) = messages(fewer)
    assert severity == "warning"
    assert message.startswith("5,000 training examples are not many: stage 1 validates on 500,")
    assert message.endswith(f"{COMMAND} searches the augmentation for one architecture")


@pytest.mark.parametrize(
    ("counts", "severity", "words"),
    [
        ((12_000, 100), "error", "scores say next to nothing of it, and a network does well"),
        ((12_000, 15), "error", "the class 1 has 15 training examples, the most frequent 12,000"),
        ((12_000, 1_000), "warning", "(12.0 to 1), 100 of it to validate on: reward a metric that"),
    ],
)
def test_an_unbalanced_one_points_to_the_command(
    counts: tuple[int, int], severity: str, words: str
) -> None:
    found = checked(np.random.default_rng(0).permutation(np.repeat([0, 1], counts)))
    assert found.advised == (severity == "warning")
    (one,) = [one for one in found.findings if one.rule == "balance"]
    assert one.severity == severity
    assert words in one.message
    assert COMMAND in one.message


class RandAugment(nn.Module):
    """As of torchvision or Kornia: known by its name."""

    def forward(self, x: Any) -> Any:
        return x


class RandomMixUpV2(RandAugment):
    pass


class Augmenting(Classifier):
    """Augments batches in its steps, as modules with Kornia's layers do."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__(network)
        self.augment = nn.Sequential(RandomMixUpV2())


class AugmentingData(pl.LightningDataModule):
    def __init__(self) -> None:
        super().__init__()
        self.transform = RandAugment()

    def train_dataloader(self) -> Any:
        return DataLoader(examples(BALANCED), 64)

    def val_dataloader(self) -> Any:
        return DataLoader(examples(some_of(BALANCED), 1), 64)


class MixUp:
    def __call__(self, batch: list[Any]) -> Any:
        return torch.utils.data.default_collate(batch)


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ({"module": Augmenting}, "RandomMixUpV2"),
        ({"data": AugmentingData}, "RandAugment"),
        ({"collate": MixUp()}, "MixUp"),
    ],
    ids=["module", "data module", "collate"],
)
def test_heavy_augmentation_is_found_wherever_it_is_and_points_to_the_command(
    given: dict[str, Any], name: str
) -> None:
    found = checked(BALANCED, **given)
    assert found.advised
    ((severity, message),) = messages(found)
    assert (severity, message) == (
        "warning",
        f"the training set is augmented by {name}: data that need such heavy augmentation may be "
        "too few for what is to be learned, and short trials rank architectures by how fast they "
        "learn under it. Search with light augmentation, and search the augmentation afterwards: "
        f"{COMMAND} searches the augmentation for one architecture",
    )


def test_heavy_augmentation_of_few_examples_is_advised_against() -> None:
    found = checked(BALANCED[:5000], module=Augmenting)
    assert not found.advised
    (one,) = [one for one in found.findings if one.rule == "augmentation"]
    assert one.severity == "error"
    assert "they are too few for an architecture search" in one.message
    assert COMMAND in one.message


def test_numbers_have_no_classes_to_balance() -> None:
    targets = torch.rand(12_000, generator=torch.Generator().manual_seed(2)) ** 8
    found = checked(targets)
    assert (found.kind, found.advised, messages(found)) == ("regression", True, [])
    few = checked(targets[:700])
    assert not few.advised
    ((_, message),) = messages(few)
    assert "two mean absolute errors differ by more than chance only from about 25 % on" in message
    assert COMMAND in message
