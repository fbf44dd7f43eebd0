"""What `check_data` finds in data whose faults are known."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from torch.utils.data import DataLoader, IterableDataset, TensorDataset

from raynas import FunctionTask, LightningTask, Search
from raynas.errors import TaskError
from raynas.preflight import DataFitness, check_data
from raynas.space import choice, searchable


@searchable
class Net:
    width: int = choice(1, 2, default=1)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def dataset(labels: Any, seed: int = 0) -> TensorDataset:
    """As many random inputs as there are labels."""
    labels = torch.as_tensor(labels)
    return TensorDataset(torch.randn(len(labels), 5, generator=generator(seed)), labels)


def checked(train: Any, validation: Any, **options: Any) -> DataFitness:
    loaders = (DataLoader(train, 64), None if validation is None else DataLoader(validation, 64))
    task = LightningTask(pl.LightningModule, lambda: loaders, "x", 1)
    return check_data(Search(space=Net, task=task), **options)


def rules(found: DataFitness) -> list[tuple[str, str]]:
    return [(finding.rule, finding.severity) for finding in found.findings]


FOUR = np.arange(12_000) % 4


@pytest.fixture
def _inputs_not_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    """Inputs count as alike: a classifier would take a second to find that."""
    monkeypatch.setattr("raynas.preflight.data_verdict.inputs_differ", lambda *_: None)


of_labels = pytest.mark.usefixtures("_inputs_not_compared")


def test_good_data_are_counted_and_nothing_is_said_against_them() -> None:
    found = checked(dataset(FOUR), dataset(FOUR[:100], 1))
    assert found.kind == "classes"
    assert found.classes == (0, 1, 2, 3)
    assert [part.size for part in found.parts] == [12_000, 10_800, 1_200, 100]
    assert [part.counts for part in found.parts] == [(n,) * 4 for n in (3000, 2700, 300, 25)]
    assert [duplicates.count for duplicates in found.duplicates] == [0, 0, 0]
    assert found.findings == ()
    assert found.advised


@of_labels
def test_little_data_are_advised_against() -> None:
    found = checked(dataset(FOUR[:400]), dataset(FOUR[:100], 1))
    assert ("little data", "error") in rules(found)
    assert not found.advised
    message = found.findings[0].message
    assert "400 training examples are few: stage 1 validates on 40" in message
    assert "about 13 points on" in message
    assert "search the augmentation instead" in message


@of_labels
@pytest.mark.parametrize(("rare", "severity"), [(10, "error"), (50, "warning"), (3000, None)])
def test_rare_classes_are_judged_by_their_count(rare: int, severity: str | None) -> None:
    labels = np.repeat([0, 1, 2], (3000, 3000, rare))
    found = checked(dataset(labels), dataset(labels[::50], 1))
    of_balance = [finding for finding in found.findings if finding.rule == "balance"]
    assert [finding.severity for finding in of_balance] == [severity] * (severity is not None)
    if severity:
        assert f"the class 2 has {rare} training examples, the most" in of_balance[0].message


@of_labels
def test_duplicates_are_counted_in_each_place() -> None:
    """Training repeats 7 of its inputs, one with another label; validation repeats 30."""
    train = dataset(FOUR)
    inputs, labels = (tensor.clone() for tensor in train.tensors)
    inputs[100:107] = inputs[200:207]
    labels[100] = (labels[200] + 1) % 4
    later = torch.cat([inputs[300:330], torch.randn(70, 5, generator=generator(9))])
    validation = TensorDataset(later, torch.cat([labels[300:330], labels[:70]]))
    found = checked(TensorDataset(inputs, labels), validation)
    within, between, last = found.duplicates
    assert (within.count, within.contradicting) == (7, 2)
    assert (last.count, last.of) == (30, 100)
    assert between.count <= 7
    assert "30 of 100 inputs are the same" in " ".join(f.message for f in found.findings)
    assert "2 of 12,000 training examples have an" in " ".join(f.message for f in found.findings)


@of_labels
def test_a_validation_set_of_other_proportions_is_told() -> None:
    other = np.repeat([0, 1, 2, 3], (120, 20, 20, 20))
    found = checked(dataset(FOUR), dataset(other, 1))
    assert found.targets is not None
    assert found.targets.verdict == "different"
    assert found.targets.effect > 0.3
    assert ("distribution", "warning") in rules(found)


def test_a_validation_set_of_other_inputs_is_told() -> None:
    moved = dataset(FOUR[:150], 1)
    moved = TensorDataset(moved.tensors[0] + 1.5, moved.tensors[1])
    found = checked(dataset(FOUR), moved)
    assert found.inputs is not None
    assert found.inputs.verdict == "different"
    assert any("the inputs that stage 1" in finding.message for finding in found.findings)


class Growing:
    """A data set that augments: no example is twice the same."""

    def __init__(self) -> None:
        self.targets = FOUR
        self.made = 0

    def __len__(self) -> int:
        return len(FOUR)

    def __getitem__(self, index: int) -> Any:
        self.made += 1
        return torch.full((5,), float(self.made)), int(FOUR[index])


def test_augmented_data_are_not_searched_for_duplicates() -> None:
    found = checked(Growing(), dataset(FOUR[:50], 1), examples=500)
    assert found.changes
    assert found.duplicates == ()
    assert ("duplicates", "advice") in rules(found)


@pytest.mark.parametrize(
    ("labels", "kind"),
    [
        (torch.randn(12_000, generator=generator()), "regression"),
        ((torch.rand(12_000, 3, generator=generator()) < 0.5).long(), "multi-label"),
        (torch.randint(0, 9, (12_000, 6), generator=generator()), "sequence"),
    ],
)
def test_other_targets_than_classes_are_compared_too(labels: Any, kind: str) -> None:
    found = checked(dataset(labels), dataset(labels[:150], 1))
    assert found.kind == kind
    assert found.targets is not None
    assert found.targets.verdict == "alike"
    assert found.advised
    assert bool(found.classes) == (kind == "multi-label")


@of_labels
@pytest.mark.parametrize(
    ("train", "validation", "words"),
    [
        (dataset(FOUR * 0), dataset(FOUR[:100] * 0, 1), "all training examples are of the class 0"),
        (TensorDataset(torch.zeros(12_000, 2)), dataset(FOUR[:100]), "examples have no targets"),
        (dataset(FOUR % 3), dataset(FOUR[:100], 1), "lacks: 3; no network can learn them"),
        (dataset(FOUR), dataset(FOUR[:100] % 3, 1), "lacks classes of the training set: 3"),
        (dataset(FOUR - 1), dataset(FOUR[:100] - 1, 1), "3,000 training examples have a label b"),
        (dataset(FOUR), dataset(FOUR[:100] * 0.37, 1), "classes in the training set and regress"),
    ],
    ids=["one class", "missing", "unknown", "absent", "unlabeled", "kinds"],
)
def test_bad_labels_are_named(train: Any, validation: Any, words: str) -> None:
    found = checked(train, validation)
    assert any(words in finding.message for finding in found.findings)


class Stream(IterableDataset[int]):
    def __iter__(self) -> Any:
        yield 0


class Hanging(Growing):
    def __getitem__(self, index: int) -> Any:
        threading.Event().wait()


@pytest.mark.parametrize(
    ("train", "validation", "words"),
    [
        (dataset(FOUR), None, "give it a validation set"),
        (Stream(), dataset(FOUR[:50]), "the training set is a Stream, which cannot be read by"),
        (Hanging(), dataset(FOUR[:50]), "the training set: nothing came for"),
    ],
    ids=["no validation", "stream", "hanging"],
)
def test_what_cannot_be_looked_at_is_an_error(train: Any, validation: Any, words: str) -> None:
    with pytest.raises(TaskError, match=words):
        checked(train, validation, patience=0.2)


def test_a_task_without_data_is_refused() -> None:
    task = FunctionTask(lambda net: net.width)
    with pytest.raises(TaskError, match="a FunctionTask has no data to look at"):
        check_data(Search(space=Net, task=task))


def test_all_is_written_down(tmp_path: Path) -> None:
    found = checked(dataset(FOUR[:400]), dataset(FOUR[:100], 1))
    found.save(tmp_path / "x")
    read = json.loads((tmp_path / "x" / "data.json").read_text())
    assert read["advised"] is False
    assert read["parts"][2] == {
        "name": "stage 1 validates on", "size": 40, "counts": [10, 10, 10, 10]
    }  # fmt: skip
    assert read["split"]["train examples"] == 360


def test_scores_of_numbers_are_no_accuracies() -> None:
    targets = torch.randn(900, generator=generator())
    found = checked(dataset(targets), dataset(targets[:100], 1))
    (message,) = [one.message for one in found.findings if one.rule == "little data"]
    assert "accurac" not in message
    assert "two mean absolute errors differ by more than chance only from about 22 % on" in message


class Noisy(TensorDataset):
    """Adds noise of `scale` to standard normal inputs at each reading."""

    scale = 6.0

    def __getitem__(self, index: int) -> Any:
        x, y = super().__getitem__(index)
        return x + self.scale * torch.randn(x.shape), y


class Slightly(Noisy):
    scale = 0.3


class RandAugment:
    def __call__(self, value: Any) -> Any:
        return value


@pytest.mark.parametrize(("count", "severity"), [(12_000, "warning"), (8_000, "error")])
def test_heavy_augmentation_says_that_the_data_are_too_few(count: int, severity: str) -> None:
    validation = dataset(FOUR[:50], 1)
    plain = dataset(FOUR[:count])
    named = dataset(FOUR[:count])
    named.transform = [RandAugment()]  # type: ignore[attr-defined]
    for train, words in ((Noisy(*plain.tensors), "two readings"), (named, "RandAugment")):
        found = checked(train, validation, examples=500)
        assert ("augmentation", severity) in rules(found)
        (message,) = [one.message for one in found.findings if one.rule == "augmentation"]
        assert words in message
    light = checked(Slightly(*plain.tensors), validation, examples=500)
    assert "augmentation" not in dict(rules(light))
