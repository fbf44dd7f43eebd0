"""The data of a trial: the user's own data module, split, held out and prepared as promised."""

from __future__ import annotations

import copy
import multiprocessing
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lightning.pytorch as other_lightning
import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from hypothesis import given
from hypothesis import strategies as st
from test_task import Net, module_class
from torch import Tensor
from torch.utils.data import (
    BatchSampler,
    ConcatDataset,
    DataLoader,
    Dataset,
    IterableDataset,
    RandomSampler,
    Sampler,
    SequentialSampler,
    Subset,
    SubsetRandomSampler,
    TensorDataset,
    WeightedRandomSampler,
)
from torch.utils.data.distributed import DistributedSampler

from raynas.errors import TaskError
from raynas.tasks import Context, LightningData, LightningTask
from raynas.tasks.lightning.split import stage1
from raynas.tasks.lightning.subset_loaders import part_in_order, part_of, universe
from raynas.tasks.lightning.trial_data import TrialData
from raynas.tasks.once_a_node import once_a_node

COUNT = 60


class Numbered(Dataset[Any]):
    """Examples that tell their position, with a transform as image data sets have it."""

    def __init__(self, transform: Callable[[Tensor], Tensor] | None = None, first: int = 0) -> None:
        self.transform = transform
        self.first = first
        self.targets = [position % 3 for position in range(COUNT)]

    def __len__(self) -> int:
        return COUNT

    def __getitem__(self, index: int) -> Any:
        x = torch.full((3,), float(self.first + index))
        return (x if self.transform is None else self.transform(x)), self.targets[index]


def random_shift(x: Tensor) -> Tensor:
    return x + 0.1 * torch.rand(())


def half(x: Tensor) -> Tensor:
    return x / 2


def positions_of(loader: Any) -> list[int]:
    return [int(value) for batch in loader for value in batch[0].reshape(len(batch[0]), -1)[:, 0]]


class Data(pl.LightningDataModule):
    def __init__(self, train: Any = None, validation: Any = None, **options: Any) -> None:
        super().__init__()
        self.train = Numbered() if train is None else train
        self.validation = Numbered(first=1000) if validation is None else validation
        self.options = {"batch_size": 8, "shuffle": True, **options}
        self.collate = None

    def train_dataloader(self) -> Any:
        return DataLoader(self.train, **self.options)

    def val_dataloader(self) -> Any:
        return DataLoader(self.validation, batch_size=4, collate_fn=self.collate)


# Loaders over a part


def plain(index: int) -> int:
    return index


class Odd(Sampler[int]):
    """A sampler of the user's own."""

    def __init__(self, count: int) -> None:
        self.count = count

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Any:
        yield from torch.randperm(self.count).tolist()


def samplers() -> dict[str, Callable[[Any], Sampler[int]]]:
    def distributed(data: Any) -> Any:
        return DistributedSampler(data, num_replicas=1, rank=0)

    return {
        "sequential": SequentialSampler,
        "random": RandomSampler,
        "some at random": lambda data: RandomSampler(data, num_samples=30),
        "with replacement": lambda data: RandomSampler(data, replacement=True, num_samples=200),
        "subset": lambda data: SubsetRandomSampler(range(5, 45)),
        "weighted": lambda data: WeightedRandomSampler([1.0 + i for i in range(len(data))], 100),
        "weighted, each once": lambda data: WeightedRandomSampler(
            [1.0 + i for i in range(len(data))], len(data), replacement=False
        ),
        "distributed": distributed,
        "of one's own": lambda data: Odd(len(data)),
    }


@pytest.mark.parametrize("name", samplers())
@given(kept=st.sets(st.integers(0, COUNT - 1), min_size=10), batch=st.integers(1, 9))
def test_a_part_is_sampled_as_the_whole_was(name: str, kept: set[int], batch: int) -> None:
    """Only kept examples; those that the whole takes once, once; and as many as the loader says."""
    dataset = Numbered()
    loader = DataLoader(dataset, batch, sampler=samplers()[name](dataset))
    allowed = kept & set(universe(loader).tolist())
    if not allowed:
        return
    part = part_of(loader, np.array(sorted(allowed)))
    drawn = positions_of(part)
    assert set(drawn) <= allowed
    assert len(part) == -(-len(drawn) // batch)
    if name in ("sequential", "random", "subset", "distributed", "of one's own"):
        assert sorted(drawn) == sorted(allowed)
    if name == "sequential":
        assert drawn == sorted(drawn)
    assert part.dataset is dataset
    assert part.batch_size == batch


def test_weights_of_a_part_are_those_of_its_examples() -> None:
    dataset = Numbered()
    weights = torch.zeros(COUNT)
    weights[[3, 7, 50]] = torch.tensor([1.0, 3.0, 100.0])
    loader = DataLoader(dataset, 8, sampler=WeightedRandomSampler(weights, 4000))
    drawn = positions_of(part_of(loader, np.arange(40)))
    assert set(drawn) == {3, 7}
    assert drawn.count(7) / drawn.count(3) == pytest.approx(3, rel=0.2)


def test_batches_of_a_sampler_of_ones_own_are_kept_without_what_is_held_out() -> None:
    class Pairs(Sampler[list[int]]):
        def __init__(self) -> None: ...

        def __len__(self) -> int:
            return COUNT // 2

        def __iter__(self) -> Any:
            yield from ([2 * i, 2 * i + 1] for i in torch.randperm(COUNT // 2).tolist())

    loader = DataLoader(Numbered(), batch_sampler=Pairs())
    part = part_of(loader, np.arange(1, COUNT))
    batches = [batch[0][:, 0].tolist() for batch in part]
    assert len(batches) == len(part) == COUNT // 2
    assert [1.0] in batches
    assert all(a + 1 == b for a, b in (pair for pair in batches if len(pair) == 2))


def test_a_part_keeps_everything_else_of_the_loader() -> None:
    class Special(DataLoader[Any]):
        """A loader whose constructor takes something else, as those of other libraries do."""

        def __init__(self, dataset: Any, follow: list[str]) -> None:
            self.follow = follow
            super().__init__(
                dataset,
                8,
                shuffle=True,
                num_workers=1,
                persistent_workers=True,
                prefetch_factor=4,
                multiprocessing_context="spawn",
                generator=torch.Generator().manual_seed(3),
                worker_init_fn=plain,
                drop_last=True,
                timeout=600,
                pin_memory=True,
            )

    loader = Special(Numbered(), ["x"])
    part = part_of(loader, np.arange(40))
    assert type(part) is Special
    assert part.follow == ["x"]
    for name in (
        "num_workers", "persistent_workers", "prefetch_factor", "multiprocessing_context",
        "generator", "worker_init_fn", "drop_last", "timeout", "pin_memory", "collate_fn",
    ):  # fmt: skip
        assert getattr(part, name) is getattr(loader, name)
    assert len(part) == 5
    held_out = part_in_order(loader, np.arange(40, 60))
    assert (held_out.drop_last, len(held_out)) == (False, 3)
    assert len(loader.sampler) == COUNT  # type: ignore[arg-type]


# Held-out examples


def held_out(data: Any, **options: Any) -> list[float]:
    split = stage1(LightningData(data, **options))
    return [value for batch in split.validation for value in batch[0][:, 0].tolist()]


class Wrapped(Dataset[Any]):
    """A data set around another one, that transforms its examples."""

    def __init__(self, inner: Any, transform: Callable[[Tensor], Tensor] | None) -> None:
        self.inner = inner
        self.my_transform = transform

    def __len__(self) -> int:
        return len(self.inner)

    def __getitem__(self, index: int) -> Any:
        x, target = self.inner[index]
        return (x if self.my_transform is None else self.my_transform(x)), target


class Switched(Numbered):
    """Augments where a flag says so."""

    def __init__(self, train: bool) -> None:
        super().__init__()
        self.train = train

    def __getitem__(self, index: int) -> Any:
        x, target = super().__getitem__(index)
        return (random_shift(x) if self.train else x / 2), target


def subset(dataset: Any) -> Any:
    return Subset(dataset, range(COUNT))


@pytest.mark.parametrize(
    ("train", "validation"),
    [
        (Numbered(random_shift), Numbered(half)),
        (subset(Numbered(random_shift)), Numbered(half)),
        (Numbered(random_shift), subset(Numbered(half))),
        (subset(subset(Numbered(random_shift))), subset(Numbered(half))),
        (ConcatDataset([Numbered(random_shift)]), Numbered(half)),
        (Wrapped(Numbered(), random_shift), Wrapped(Numbered(), half)),
        (Wrapped(Numbered(half), random_shift), Numbered(half)),
        (subset(Wrapped(Numbered(), random_shift)), subset(Wrapped(Numbered(), half))),
        (Switched(True), Switched(False)),
        (subset(Switched(True)), subset(Switched(False))),
    ],
    ids=[
        "transform", "subset", "subset of validation", "subsets", "concatenated", "wrapper",
        "wrapper that validation lacks", "subset of a wrapper", "flag", "flag in a subset",
    ],
)  # fmt: skip
def test_held_out_examples_are_read_as_validation_reads_its_own(
    train: Any, validation: Any
) -> None:
    data = Data(train, validation)
    first, again = held_out(data), held_out(data)
    assert first == again
    assert all(value % 0.5 == 0 for value in first)
    training = [float(x) for batch in stage1(data).train for x in batch[0][:, 0]]
    assert any(value % 0.5 != 0 for value in training)
    assert not set(first) & {x / 2 for x in training}


def test_the_users_data_sets_stay_as_they_are() -> None:
    train, validation = subset(Numbered(random_shift)), Numbered(half)
    held_out(Data(train, validation))
    assert train.dataset.transform is random_shift


AUGMENTED = Data(Numbered(random_shift), TensorDataset(torch.zeros(8, 3), torch.zeros(8).long()))


def test_augmentation_that_cannot_be_left_out_is_refused_with_the_ways_out() -> None:
    with pytest.raises(TaskError, match="held-out training examples change from reading to") as no:
        held_out(AUGMENTED)
    for way in ("plain_train_dataset()", "LightningData(held_out=function)", "validation='own'"):
        assert way in str(no.value)


def test_validation_that_changes_as_well_is_said() -> None:
    words = "own examples change as well; where that is meant, pass held_out=lambda dataset: data"
    with pytest.raises(TaskError, match=words):
        held_out(Data(Numbered(random_shift), Numbered(random_shift)))
    with pytest.raises(TaskError) as no:
        held_out(AUGMENTED)
    assert "change as well" not in str(no.value)


def test_a_data_module_can_give_its_examples_without_augmentation() -> None:
    class Protocol(Data):
        def plain_train_dataset(self) -> Any:
            return Numbered(half)

    data = Protocol(Numbered(random_shift), AUGMENTED.validation)
    assert all(value % 0.5 == 0 for value in held_out(data))


def test_the_user_can_say_how_held_out_examples_are_read() -> None:
    as_trained = held_out(AUGMENTED, held_out=lambda dataset: dataset)
    assert any(value % 0.5 != 0 for value in as_trained)
    read = held_out(AUGMENTED, held_out=lambda dataset: Numbered(half))
    assert all(value % 0.5 == 0 for value in read)


@pytest.mark.parametrize(
    ("makes", "words"),
    [
        (lambda dataset: Subset(dataset, range(9)), "does not have the 60 examples of the train"),
        (lambda dataset: Wrong(), "have other targets than the training set itself"),
    ],
)
def test_held_out_examples_must_be_those_of_the_training_set(makes: Any, words: str) -> None:
    with pytest.raises(TaskError, match=words):
        held_out(AUGMENTED, held_out=makes)


class Wrong(Numbered):
    def __getitem__(self, index: int) -> Any:
        x, target = super().__getitem__(index)
        return x, target + 1


def test_augmentation_in_the_collation_is_left_out_too() -> None:
    def mixes(examples: list[Any]) -> Any:
        x = torch.stack([x for x, _ in examples])
        return random_shift(x), torch.tensor([y for _, y in examples])

    assert all(value == int(value) for value in held_out(Data(collate_fn=mixes)))


# Groups, time, and what cannot be stratified


def parts(data: Any, **options: Any) -> tuple[set[int], set[int]]:
    split = stage1(LightningData(data, **options))
    assert split.positions is not None
    return set(split.positions[0].tolist()), set(split.positions[1].tolist())


class Patients(Numbered):
    def __init__(self) -> None:
        super().__init__()
        self.patient = [position // 4 for position in range(COUNT)]


@pytest.mark.parametrize(
    "groups", ["patient", lambda data: data.patient, [position // 4 for position in range(COUNT)]]
)
def test_a_group_is_never_divided(groups: Any) -> None:
    train, validation = parts(Data(Patients()), groups=groups, share=0.2)
    assert train | validation == set(range(COUNT))
    assert not {p // 4 for p in train} & {p // 4 for p in validation}
    assert 4 <= len(validation) <= 20


@pytest.mark.parametrize(
    ("groups", "words"),
    [
        ("doctor", "groups='doctor': a Patients has no such attribute"),
        ([1, 2], r"groups: of the shape \(2,\); must be one value for each of the 60"),
        ([1] * COUNT, "all examples are of 1 group"),
    ],
)
def test_groups_that_are_none_are_refused(groups: Any, words: str) -> None:
    with pytest.raises(TaskError, match=words):
        parts(Data(Patients()), groups=groups)


class Windows(Dataset[Any]):
    """Windows of a series, each beginning `step` after the one before."""

    def __init__(self, step: int = 1, length: int = 12) -> None:
        self.series = torch.randn(400, generator=torch.Generator().manual_seed(0)).cumsum(0)
        self.step, self.length = step, length

    def __len__(self) -> int:
        return 100

    def __getitem__(self, index: int) -> Any:
        start = index * self.step
        window = self.series[start : start + self.length]
        return window, self.series[start + self.length]


def test_overlapping_windows_are_noticed() -> None:
    with pytest.raises(
        TaskError, match="windows of 12, each of which begins 2 after the one"
    ) as no:
        parts(Data(Windows(2)))
    assert "LightningData(order='time')" in str(no.value)
    assert len(parts(Data(Windows(2)), order="random")[1]) == 10
    assert len(parts(Data(Windows(3, length=3)))[1]) == 10


def test_too_few_windows_to_hold_out_the_last_are_refused() -> None:
    with pytest.raises(TaskError, match="of 100 windows, 80 are held out and 29 overlap these"):
        parts(Data(Windows(1, length=30)), order="time", share=0.8)


def test_the_last_windows_are_held_out_without_those_that_overlap_them() -> None:
    train, validation = parts(Data(Windows(2)), order="time")
    assert validation == set(range(90, 100))
    assert train == set(range(85))
    data, held = Windows(2), 90
    assert max(train) * data.step + data.length <= held * data.step


def test_data_without_order_are_not_taken_for_windows() -> None:
    for examples in (torch.zeros(60, 8), torch.arange(60.0).repeat(8, 1).T, torch.rand(60, 8)):
        parts(Data(TensorDataset(examples, torch.arange(60) % 2)))


class Boxes(Numbered):
    def __init__(self) -> None:
        super().__init__()
        del self.targets

    def __getitem__(self, index: int) -> Any:
        return torch.full((3,), float(index)), {"boxes": torch.zeros(index % 3, 4)}


def test_targets_that_are_no_classes_get_a_plain_shuffle() -> None:
    data = Data(Boxes(), Boxes())
    with pytest.raises(TaskError, match=r"cannot batch training examples \(Runtime"):
        parts(data)
    data.collate = list  # type: ignore[assignment]
    train, validation = parts(data)
    assert train | validation == set(range(COUNT))
    assert len(validation) == 6
    assert max(validation) - min(validation) > 6


class Stream(IterableDataset[Any]):
    def __iter__(self) -> Any:
        for position in range(COUNT):
            yield torch.full((3,), float(position)), position % 2


def test_of_a_stream_every_tenth_batch_is_held_out() -> None:
    data = Data(Stream(), shuffle=False, batch_size=2)
    split = stage1(data)
    train, validation = positions_of(split.train), positions_of(split.validation)
    assert validation == [18, 19, 38, 39, 58, 59]
    assert sorted(train + validation) == list(range(COUNT))
    assert split.train.batch_size == 2
    with pytest.raises(TaskError, match="a stream can only be held out by batches"):
        stage1(data, fraction=0.5)


# The data module in its Trainer


def task(data: Any, **options: Any) -> LightningTask:
    return LightningTask(
        module_class(), data, "val_loss", **{"max_steps": 3, "mode": "min", **options}
    )


class Simple(Data):
    """Data that the module of `test_lightning` trains on."""

    def __init__(self) -> None:
        examples = TensorDataset(torch.randn(COUNT, 4), torch.arange(COUNT) % 2)
        super().__init__(examples, examples)


@pytest.mark.parametrize("validation", ["split", "own"])
def test_a_batch_larger_than_what_is_left_is_named(validation: str) -> None:
    class Large(Simple):
        def train_dataloader(self) -> Any:
            size = COUNT if validation == "split" else COUNT + 1
            return DataLoader(self.train, batch_size=size, drop_last=True)

    with pytest.raises(TaskError, match="an epoch of the training set has no batches, though it"):
        task(Large, validation=validation).run(Net(4), Context())


@pytest.mark.filterwarnings("ignore:EarlyStopping:UserWarning")
def test_early_stopping_is_named_also_in_the_first_epoch() -> None:
    stops = pl.callbacks.EarlyStopping("val_loss", patience=1, min_delta=100.0)
    short = task(Simple, trainer={"callbacks": [stops]}, max_steps=6, evaluations=6)
    measurement = short.run(Net(4), Context())
    assert measurement.steps == 2
    assert measurement.ended_early == (
        "EarlyStopping(monitor='val_loss') ended the training at step 2 of 6"
    )
    assert [point.step for point in measurement.curve] == [1, 2]


class Unhashable:
    """Makes the data; equal to others, and so without a hash."""

    def __call__(self) -> Any:
        return Simple()

    __eq__ = object.__eq__
    __hash__ = None  # type: ignore[assignment]


def test_what_makes_the_data_needs_no_hash() -> None:
    assert task(Unhashable()).run(Net(4), Context()).steps == 3


def test_hooks_are_called_once_and_in_lightnings_order() -> None:
    calls = []

    class Hooked(Simple):
        def prepare_data(self) -> None:
            calls.append("prepare_data")

        def setup(self, stage: str) -> None:
            calls.append("setup")
            assert stage == "fit"
            assert self.trainer is not None
            assert self.trainer.datamodule is self

        def teardown(self, stage: str) -> None:
            calls.append("teardown")
            assert stage == "fit"

        def train_dataloader(self) -> Any:
            calls.append("train_dataloader")
            return super().train_dataloader()

        def val_dataloader(self) -> Any:
            calls.append("val_dataloader")
            return super().val_dataloader()

    for validation in ("own", "split"):
        calls.clear()
        task(Hooked, validation=validation).run(Net(4), Context())
        loaders = ["train_dataloader", "val_dataloader"]
        assert calls == ["prepare_data", "setup", *loaders, "teardown"]


def test_each_trial_has_data_of_its_own_unless_they_are_reused() -> None:
    made = []

    class Counted(Simple):
        def __init__(self) -> None:
            super().__init__()
            made.append(self)
            self.setups = 0

        def setup(self, stage: str) -> None:
            self.setups += 1

    fresh = task(Counted)
    kept = task(LightningData(Counted, reuse=True))
    for one in (fresh, kept):
        made.clear()
        for seed in range(3):
            one.run(Net(4), Context(seed=seed))
        assert [data.setups for data in made] == ([1, 1, 1] if one is fresh else [1])
    assert made[0].train_dataloader.__func__ is Data.train_dataloader


def test_an_instance_is_copied_for_each_trial() -> None:
    data = Simple()
    data.seen = 0  # type: ignore[attr-defined]

    class Counts(module_class()):  # type: ignore[misc]
        def on_train_start(self) -> None:
            assert self.trainer.datamodule.seen == 0
            self.trainer.datamodule.seen += 1

    one = LightningTask(Counts, data, "val_loss", 3, mode="min")
    for _ in range(2):
        one.run(Net(4), Context())
    data.lock = multiprocessing.Lock()  # type: ignore[attr-defined]
    with pytest.raises(
        TaskError, match=r"cannot be copied for each trial .*give a class or a func"
    ):
        one.run(Net(4), Context())


def test_data_modules_of_the_other_package_and_of_none_keep_their_hooks() -> None:
    class Other(other_lightning.LightningDataModule):
        classes = 7

        def setup(self, stage: str) -> None:
            self.data = Simple()
            assert self.trainer is not None

        def train_dataloader(self) -> Any:
            return self.data.train_dataloader()

        def val_dataloader(self) -> Any:
            return self.data.val_dataloader()

        def on_after_batch_transfer(self, batch: Any, dataloader_idx: int) -> Any:
            return [batch[0] * 0, batch[1]]

    class Looks(module_class()):  # type: ignore[misc]
        def training_step(self, batch: Any, index: int) -> Any:
            assert not batch[0].any()
            assert self.trainer.datamodule.classes == 7
            return super().training_step(batch, index)

    plain = type("Plain", (), {**vars(Other), "trainer": True})
    for data in (Other, plain):
        LightningTask(Looks, data, "val_loss", 3, mode="min").run(Net(4), Context())


def test_what_setup_draws_is_the_same_in_every_trial() -> None:
    seen = []

    class Draws(Simple):
        def setup(self, stage: str) -> None:
            self.train = TensorDataset(torch.randn(COUNT, 4), torch.arange(COUNT) % 2)
            seen.append(self.train.tensors[0].clone())

    for seed in (1, 2):
        task(Draws).run(Net(4), Context(seed=seed))
    assert torch.equal(*seen)


def test_a_data_set_that_holds_its_data_module_can_be_pickled() -> None:
    class Holds(Simple):
        def setup(self, stage: str) -> None:
            self.train.owner = self

    trial = TrialData(LightningData(Holds), "pytorch_lightning")
    assert trial.module is not None
    trial.setup("fit")
    copied = copy.deepcopy(trial.module)
    assert copied.train.owner is copied
    assert trial.__getstate__() == {}


def test_prepared_once_a_machine_for_each_run(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    log = tmp_path / "log"
    monkeypatch.setenv("RAYNAS_TEST_LOG", str(log))

    def work() -> None:
        with log.open("a") as file:
            file.write("x")

    for token in ("run 1", "run 1", "run 2"):
        once_a_node("data", token, work)
    assert log.read_text() == "xx"
    talk = multiprocessing.get_context("fork")
    processes = [talk.Process(target=once_a_node, args=("data", "run 3", work)) for _ in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert log.read_text() == "xxx"


def test_work_that_failed_is_done_again(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)

    def fails() -> None:
        raise OSError("no network")

    with pytest.raises(OSError, match="no network"):
        once_a_node("data", "run", fails)
    done: list[int] = []
    once_a_node("data", "run", lambda: done.append(1))
    assert done == [1]


# The value


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"order": "space"}, "order='space': use 'auto', 'random' or 'time'"),
        ({"order": "time", "groups": "x"}, "groups with order='time'"),
        ({"held_out": 3}, "held_out=3: must be a function"),
        ({"share": "a"}, "validation_share='a': must be above 0"),
        ({"seed": -1}, "split_seed=-1: must be a whole number from 0 on"),
    ],
)
def test_bad_values_are_refused(options: Any, words: str) -> None:
    with pytest.raises(TaskError, match=words):
        LightningData(Data, **options)


def test_arguments_of_the_task_are_short_for_those_of_the_data() -> None:
    one = task(Data, validation_share=0.2, split_seed=3, data_fraction=0.5)
    assert (one.data.share, one.data.seed, one.data.fraction) == (0.2, 3, 0.5)
    with pytest.raises(TaskError, match="share beside data=LightningData"):
        task(LightningData(Data), validation_share=0.2)


def test_what_matters_of_the_data_is_in_the_identity() -> None:
    plain = task(Data).identity()
    assert plain["data"] == "Data"
    assert (plain["validation_share"], plain["split_seed"]) == ("0.1", "0")
    assert "groups" not in plain
    assert task(LightningData(Data, groups="patient")).identity()["groups"] == "'patient'"
    assert task(LightningData(Data, reuse=True)).identity() == plain


def test_batch_sampler_of_torch_is_no_sampler_of_ones_own() -> None:
    loader = DataLoader(Numbered(), batch_sampler=BatchSampler(Odd(COUNT), 8, True))
    part = part_of(loader, np.arange(40))
    assert sorted(positions_of(part)) == list(range(40))
    held_out = part_in_order(loader, np.arange(40, 60))
    assert positions_of(held_out) == list(range(40, 60))
