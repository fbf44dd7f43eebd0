"""What targets are taken for."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.data import TensorDataset

from raynas.errors import TaskError
from raynas.tasks.lightning.targets import Targets, targets_of, targets_of_values

RNG = np.random.default_rng(0)


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (np.arange(40) % 3, "classes"),
        ((np.arange(40) % 3)[:, None], "classes"),
        (np.arange(40) % 2 == 0, "classes"),
        ((np.arange(40) % 2).astype(float), "classes"),
        (np.eye(4)[np.arange(40) % 4], "classes"),
        (RNG.normal(size=40), "regression"),
        (RNG.normal(size=(40, 3)), "regression"),
        (RNG.permutation(40), "regression"),
        ((RNG.random((40, 4)) < 0.5).astype(int), "multi-label"),
        (RNG.integers(0, 50, (40, 7)), "sequence"),
        (RNG.integers(0, 5, (40, 7, 7)), "sequence"),
    ],
)
def test_the_kind_of_arrays(values: Any, kind: str) -> None:
    found = targets_of_values(values)
    assert found.kind == kind
    assert len(found) == 40


def test_one_hot_targets_are_their_classes() -> None:
    assert targets_of_values(np.eye(3)[[2, 0, 1]]).values.tolist() == [2, 0, 1]


def test_texts_are_refused_by_name() -> None:
    with pytest.raises(TaskError, match="targets of the type <U3 are not supported; number the"):
        targets_of_values(np.array(["cat", "dog"]))


class Listed:
    """A data set that has to be read."""

    def __init__(self, examples: list[Any]) -> None:
        self.examples = examples

    def __len__(self) -> int:
        return len(self.examples)

    def __getitem__(self, index: int) -> Any:
        return self.examples[index]


@pytest.mark.parametrize(
    "dataset",
    [
        TensorDataset(torch.zeros(4, 2)),
        Listed([torch.zeros(3, 2)] * 4),
        Listed([(torch.zeros(3),)] * 4),
        Listed([{"image": torch.zeros(3)}] * 4),
    ],
    ids=["one tensor", "bare tensors", "tuples of one", "mappings"],
)
def test_missing_targets_are_no_targets(dataset: Any) -> None:
    """An image's second row is not its label."""
    assert targets_of(dataset).kind == "missing"


def test_targets_in_mappings_are_found() -> None:
    found = targets_of(Listed([{"image": 0, "label": k % 2} for k in range(30)]))
    assert found.kind == "classes"
    assert found.values[:3].tolist() == [0, 1, 0]


def test_sequences_of_differing_lengths_are_sequences() -> None:
    found = targets_of(Listed([(0, torch.arange(2 + k % 2)) for k in range(4)]))
    assert found.kind == "sequence"
    assert found.at(np.array([1, 2])).values[0].tolist() == [0, 1, 2]


def test_boxes_are_refused_by_name() -> None:
    with pytest.raises(TaskError, match=r"labels of a Listed cannot .*a target is a dict, not"):
        targets_of(Listed([(0, {"boxes": torch.zeros(1, 4)})]))


def test_numbers_fall_into_ten_strata_of_equal_count() -> None:
    strata = Targets("regression", RNG.normal(size=100)).strata
    assert strata is not None
    assert np.bincount(strata).tolist() == [10] * 10


def test_of_several_labels_the_rarest_is_the_stratum() -> None:
    values = np.array([[1, 1, 0]] * 3 + [[1, 0, 0]] * 9 + [[0, 0, 0]] * 2)
    strata = Targets("multi-label", values).strata
    assert strata is not None
    assert strata.tolist() == [1] * 3 + [0] * 9 + [-1] * 2
