"""The split of the training set (W1)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.data import (
    DataLoader,
    IterableDataset,
    Subset,
    TensorDataset,
)

from raynas.errors import TaskError
from raynas.tasks import LightningData
from raynas.tasks.lightning.holdout import nested_order, split_indices
from raynas.tasks.lightning.split import (
    Loaders,
    data_module,
    stage1,
    stage2,
    validation_loader,
)

LABELS = np.repeat(np.arange(4), (100, 60, 30, 10))
"""Four classes of uneven size."""


class Data:
    """As much of a data module as the split asks for."""

    def __init__(self, loader: Any = None, dataset: Any = None, **options: Any) -> None:
        dataset = dataset if dataset is not None else with_labels()
        self.loader = loader if loader is not None else DataLoader(dataset, **options)
        self.calls: list[str] = []

    def prepare_data(self) -> None:
        self.calls.append("prepare_data")

    def setup(self, stage: str) -> None:
        self.calls.append(f"setup {stage}")

    def train_dataloader(self) -> Any:
        self.calls.append("train_dataloader")
        return self.loader


def with_labels(labels: Any = LABELS) -> TensorDataset:
    """The first tensor tells each example's position."""
    return TensorDataset(torch.arange(len(labels)), torch.as_tensor(labels))


def positions(loader: DataLoader[Any]) -> list[int]:
    return sorted(int(value) for batch in loader for value in batch[0])


@pytest.mark.parametrize("share", [0.1, 0.25])
def test_the_split_is_disjoint_complete_and_stratified(share: float) -> None:
    train, validation = split_indices(LABELS, share, seed=0)
    assert sorted([*train, *validation]) == list(range(len(LABELS)))
    assert len(validation) == share * len(LABELS)
    counts = np.bincount(LABELS[validation])
    assert np.abs(counts - share * np.bincount(LABELS)).max() < 1


def test_the_split_follows_from_its_seed() -> None:
    once, again, other = (split_indices(LABELS, 0.1, seed) for seed in (3, 3, 4))
    assert all(np.array_equal(a, b) for a, b in zip(once, again, strict=True))
    assert not np.array_equal(np.sort(once[1]), np.sort(other[1]))


def test_the_split_is_shuffled() -> None:
    train, _ = split_indices(LABELS, 0.1, seed=0)
    assert not np.array_equal(train, np.sort(train))


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (
            np.array([0] * 19 + [1]),
            "the smallest of 2 classes has 1 example, and the valid",
        ),
        (
            np.arange(20) // 2,
            "the smallest of 10 classes has 2 examples, .* part 2",
        ),
    ],
)
def test_too_small_a_class_is_warned_of_and_not_stratified(labels: Any, message: str) -> None:
    with pytest.warns(UserWarning, match=f"split without strata: {message}"):
        train, validation = split_indices(labels, 0.1, seed=0)
    assert sorted([*train, *validation]) == list(range(20))


@pytest.mark.parametrize("labels", [np.linspace(0, 1, 40), np.zeros((40, 3), dtype=int)])
def test_labels_that_are_no_classes_are_split_without_a_warning(labels: Any) -> None:
    train, validation = split_indices(labels, 0.1, seed=0)
    assert sorted([*train, *validation]) == list(range(40))
    assert len(validation) == 4


@pytest.mark.parametrize(("share", "left"), [(0.01, 0), (0.99, 20)])
def test_an_empty_part_is_refused(share: float, left: int) -> None:
    with pytest.raises(
        TaskError, match=f"validation_share={share}: of 20 training examples, {left} would be left"
    ):
        split_indices(np.zeros(20, dtype=int), share, seed=0)


def split_loaders(data: Any, share: float, seed: int) -> tuple[Any, Any]:
    split = stage1(data, share, seed)
    return split.train, split.validation


def test_the_loaders_share_the_training_set_between_them() -> None:
    train, validation = split_loaders(Data(batch_size=7), 0.1, 0)
    assert sorted([*positions(train), *positions(validation)]) == list(range(len(LABELS)))
    assert len(positions(validation)) == 20


@pytest.mark.parametrize("shuffle", [True, False])
def test_the_training_part_is_shuffled_as_the_training_set_is(shuffle: bool) -> None:
    train, validation = split_loaders(Data(batch_size=500, shuffle=shuffle), 0.1, 0)

    def epoch(loader: DataLoader[Any]) -> list[int]:
        return next(iter(loader))[0].tolist()

    assert (epoch(train) != epoch(train)) is shuffle
    assert epoch(validation) == epoch(validation)


def test_the_loaders_keep_batch_size_collation_and_dropping() -> None:
    def collate(batch: list[Any]) -> list[Any]:
        return list(zip(*batch, strict=True))

    data = Data(batch_size=16, collate_fn=collate, drop_last=True)
    train, validation = split_loaders(data, 0.1, 0)
    assert [len(batch[0]) for batch in train] == [16] * (180 // 16)
    assert [len(batch[0]) for batch in validation] == [16, 4]
    assert isinstance(next(iter(train)), list)


def test_the_positions_are_worked_out_once_a_process() -> None:
    read = []

    class Counted(Pairs):
        def __getitem__(self, index: int) -> Any:
            read.append(index)
            return super().__getitem__(index)

    data = LightningData(Data(dataset=Counted()))
    first = stage1(data)
    assert len(read) >= len(LABELS)
    read.clear()
    second = stage1(data)
    assert len(read) < len(LABELS)
    assert second.record == first.record


class Targets:
    """A dataset with labels in a list, as torchvision's; those of its examples are other ones."""

    def __init__(self, name: str) -> None:
        setattr(self, name, LABELS.tolist())

    def __len__(self) -> int:
        return len(LABELS)

    def __getitem__(self, index: int) -> Any:
        return torch.tensor(index), 0


class Pairs:
    """A dataset that has to be read for its labels."""

    def __len__(self) -> int:
        return len(LABELS)

    def __getitem__(self, index: int) -> Any:
        return torch.tensor(index), int(LABELS[index])


@pytest.mark.parametrize(
    "dataset",
    [
        with_labels(),
        Targets("targets"),
        Targets("labels"),
        Pairs(),
        Subset(Targets("targets"), range(len(LABELS))),  # type: ignore[arg-type]
    ],
    ids=["tensors", "targets", "labels", "pairs", "subset"],
)
def test_labels_are_found_in_datasets_of_many_kinds(dataset: Any) -> None:
    """Found labels show in the stratified validation part: a tenth of each class."""
    _, validation = split_loaders(Data(dataset=dataset), 0.1, 0)
    assert np.bincount(LABELS[positions(validation)]).tolist() == [10, 6, 3, 1]


def test_labels_of_a_subset_are_those_of_its_members() -> None:
    kept = np.flatnonzero(LABELS != 0)
    data = Data(dataset=Subset(with_labels(), kept.tolist()))
    _, validation = split_loaders(data, 0.1, 0)
    assert np.bincount(LABELS[positions(validation)]).tolist() == [0, 6, 3, 1]


class Shuffled(IterableDataset[int]):
    def __iter__(self) -> Iterator[int]:
        yield from torch.randperm(40).tolist()


@pytest.mark.parametrize(
    ("loader", "message"),
    [
        ([1, 2], r"train_dataloader\(\) returned a list; of several loaders, none can be split"),
        (DataLoader(Shuffled()), "a stream whose batches differ from reading to reading"),
    ],
    ids=["list", "shuffled stream"],
)
def test_what_cannot_be_split_is_refused_with_the_way_out(loader: Any, message: str) -> None:
    with pytest.raises(TaskError, match=rf"data: .*{message}.*; pass validation='own'"):
        split_loaders(Data(loader), 0.1, 0)


def test_what_makes_no_data_module_is_refused() -> None:
    with pytest.raises(TaskError, match=r"makes 3: it must make a LightningDataModule"):
        data_module(lambda: 3)


def test_numbers_are_stratified_by_size() -> None:
    """Each tenth of the sorted numbers gives a tenth of the validation part."""
    values = np.random.default_rng(0).exponential(size=500)
    _, validation = split_indices(values, 0.1, seed=0)
    ranks = np.argsort(np.argsort(values))
    assert np.bincount(ranks[validation] // 50).tolist() == [5] * 10


def test_a_rare_label_of_several_is_in_both_parts() -> None:
    values = np.zeros((300, 3), dtype=int)
    values[:, 0] = 1
    values[:20, 2] = 1
    for seed in range(5):
        _, validation = split_indices(values, 0.1, seed)
        assert values[validation, 2].sum() == 2


@pytest.mark.parametrize("fraction", [0.1, 0.25, 0.5])
def test_a_fraction_keeps_the_classes_in_proportion(fraction: float) -> None:
    split = stage1(Data(), 0.1, 0, fraction)
    counts = np.bincount(LABELS[positions(split.train)], minlength=4)
    assert counts.sum() == round(fraction * 180)
    assert np.abs(counts - fraction * np.array([90, 54, 27, 9])).max() <= 2


def test_a_balanced_fraction_has_equally_many_of_each_class_as_far_as_there_are() -> None:
    split = stage1(Data(), 0.1, 0, 0.25, balance=True)
    assert np.bincount(LABELS[positions(split.train)]).tolist() == [12, 12, 12, 9]


def test_smaller_fractions_are_parts_of_larger_ones_and_validation_stays() -> None:
    parts = [stage1(Data(), 0.1, 5, fraction) for fraction in (0.1, 0.3, 1.0)]
    small, middle, whole = (set(positions(part.train)) for part in parts)
    assert small < middle < whole
    assert len({tuple(positions(part.validation)) for part in parts}) == 1
    assert not whole & set(positions(parts[0].validation))


def test_an_order_is_proportional_at_every_beginning() -> None:
    strata = np.repeat([0, 1], (900, 100))
    order = nested_order(strata, seed=1)
    share = np.cumsum(strata[order]) - np.arange(1, 1001) * 0.1
    assert np.abs(share).max() < 1.5
    assert sorted(order) == list(range(1000))


def test_lost_classes_are_warned_of() -> None:
    with pytest.warns(UserWarning, match="data_fraction=0.02: 1 of 4 classes have no example"):
        stage1(Data(), 0.1, 1, 0.02)


@pytest.mark.parametrize(
    ("labels", "arguments", "message"),
    [
        (LABELS, (0.0,), "data_fraction=0.0: must be above 0 and at most 1"),
        (np.linspace(0, 1, 50), (0.5, True), "targets are regression; only classes can be"),
    ],
)
def test_bad_fractions_are_refused(labels: Any, arguments: Any, message: str) -> None:
    with pytest.raises(TaskError, match=message):
        stage1(Data(dataset=with_labels(labels)), 0.1, 0, *arguments)


def test_data_without_targets_are_split_by_a_plain_shuffle() -> None:
    split = stage1(Data(dataset=TensorDataset(torch.arange(40))), 0.1, 0, 0.5)
    assert (len(positions(split.train)), len(positions(split.validation))) == (18, 4)


def test_stage_2_takes_everything() -> None:
    train, validation = DataLoader(with_labels(), 8), DataLoader(with_labels(LABELS[:9]), 8)
    split = stage2(lambda: (train, validation))
    assert split.train_dataloader() is train
    assert split.val_dataloader() is validation
    assert split.record == {"stage": 2}


def test_a_record_tells_splits_apart() -> None:
    records = [stage1(Data(), 0.1, seed, part).record for seed, part in ((0, 1), (0, 1), (1, 1))]
    assert records[0] == records[1]
    assert records[0]["train examples"] == 180
    assert records[0]["validation examples"] == 20
    assert records[0]["train sha256"] != records[2]["train sha256"]
    part = stage1(Data(), 0.1, 0, 0.5).record
    assert part["validation sha256"] == records[0]["validation sha256"]
    assert part["train sha256"] != records[0]["train sha256"]


class NoValidation(Data):
    pass


class Empty(Data):
    def val_dataloader(self) -> Any:
        return []


@pytest.mark.parametrize(
    ("module", "words"),
    [
        (NoValidation(), "NoValidation gives nothing"),
        (Empty(), "Empty gives no batches"),
        (Loaders(DataLoader(with_labels(), 8)), "Loaders gives nothing"),
    ],
)
def test_no_validation_set_is_an_error_that_says_so(module: Any, words: str) -> None:
    with pytest.raises(
        TaskError, match=rf"val_dataloader\(\) of {words}: give it a validation set"
    ):
        validation_loader(module)


def test_an_error_within_val_dataloader_is_not_taken_for_none() -> None:
    class Broken(Data):
        def val_dataloader(self) -> Any:
            return self.no_such_thing

    with pytest.raises(AttributeError, match="no_such_thing"):
        validation_loader(Broken())
