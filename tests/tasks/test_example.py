"""What a network takes, found in the first batch of the user's data."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from test_lightning import module_class
from torch.utils.data import DataLoader, TensorDataset

from raynas import LightningTask
from raynas.errors import TaskError
from raynas.tasks.example import example_of


def loader(*examples: Any) -> Any:
    return DataLoader(list(examples), batch_size=2)  # type: ignore[arg-type]


def example(train: Any) -> Any:
    return example_of(LightningTask(module_class(), (train,), "val_loss", 3))


IMAGE = torch.ones(3, 4)


@pytest.mark.parametrize(
    "train",
    [
        loader((IMAGE, 1), (IMAGE, 0)),
        loader({"image": IMAGE, "label": 1, "id": "a"}),
        loader({"Targets": torch.zeros(2), "pixel_values": IMAGE}),
        DataLoader(TensorDataset(IMAGE.repeat(2, 1, 1)), batch_size=2),
    ],
    ids=["pairs", "dictionary", "targets first", "tensors"],
)
def test_the_input_of_one_example_is_found(train: Any) -> None:
    assert torch.equal(example(train), IMAGE[None])


def test_several_inputs_of_a_dictionary_are_named() -> None:
    train = loader({"image": IMAGE, "depth": IMAGE, "label": 1})
    with pytest.raises(TaskError, match="a dictionary of image, depth, label, and it cannot be"):
        example(train)
