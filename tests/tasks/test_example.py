"""What a network takes, found in the first batch of the user's data."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from test_task import module_class
from torch.utils.data import DataLoader, TensorDataset

from raynas import LightningTask
from raynas.errors import TaskError
from raynas.tasks.example_input import example_of


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


def test_several_inputs_of_a_dictionary_keep_their_names() -> None:
    found = example(loader({"image": IMAGE, "depth": 2 * IMAGE, "label": 1}))
    assert set(found) == {"image", "depth"}
    assert torch.equal(found["depth"], 2 * IMAGE[None])


def test_a_dictionary_without_inputs_is_named() -> None:
    with pytest.raises(TaskError, match="a dictionary of label, id, none of which is a tensor"):
        example(loader({"label": 1, "id": "a"}))
