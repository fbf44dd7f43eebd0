"""Blocks that start from one checkpoint (W14)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from raynas import LightningTask
from raynas.errors import TaskError
from raynas.space import choice, searchable
from raynas.tasks import Context, Pretrained


@searchable
class Net:
    width: int = choice(2, 3, 5)
    stem: int = choice(4, 6, default=4)

    def build(self) -> nn.Module:
        stem = nn.Sequential(nn.Linear(3, self.stem), nn.BatchNorm1d(self.stem))
        head = nn.Sequential(nn.Linear(self.stem, self.width), nn.Linear(self.width, 2))
        return Network(stem, head)


class Network(nn.Module):
    def __init__(self, stem: nn.Module, head: nn.Module) -> None:
        super().__init__()
        self.stem = stem
        self.head = head

    def forward(self, inputs: Tensor) -> Any:
        return self.head(self.stem(inputs))


made: list[Module] = []


class Module(pl.LightningModule):
    writes = False

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network
        made.append(self)

    def training_step(self, batch: Any, _: int) -> Tensor:
        if self.writes:
            self.network.stem[0].weight.data += 1  # type: ignore[union-attr,index,operator]
        return nn.functional.cross_entropy(self.network(batch[0]), batch[1])

    def validation_step(self, batch: Any, _: int) -> None:
        self.log("loss", nn.functional.cross_entropy(self.network(batch[0]), batch[1]))

    def configure_optimizers(self) -> Any:
        return torch.optim.AdamW(self.parameters(), lr=0.1, weight_decay=0.5)


class Writing(Module):
    writes = True


def loaders() -> Any:
    inputs = torch.randn(40, 3, generator=torch.Generator().manual_seed(0)) + 5
    return (DataLoader(TensorDataset(inputs, (inputs[:, 0] > 5).long()), 8),)


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    torch.manual_seed(7)
    state = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4)).state_dict()
    file = tmp_path / "stem.safetensors"
    save_file(state, file)
    return file


def task(given: Any, module: Any = Module) -> LightningTask:
    return LightningTask(module, loaders, "loss", 6, mode="min", evaluations=2, pretrained=[given])


def same(one: Any, other: Any) -> list[bool]:
    return [torch.equal(one[name], other[name]) for name in other]


@pytest.mark.parametrize("width", [2, 3, 5])
def test_a_frozen_block_is_the_checkpoint_after_training_whatever_the_architecture(
    checkpoint: Path, width: int
) -> None:
    """Batch normalization's statistics too, which training mode would have moved."""
    from safetensors.torch import load_file

    given = Pretrained(checkpoint, "stem")
    found = task(given).run(Net(width, 4), Context(seed=width))
    assert found.steps == 6
    stem: Any = made[-1].network.stem
    state = load_file(checkpoint)
    assert same(stem.state_dict(), state) == [True] * 7
    head: Any = made[-1].network.head
    assert head[0].weight.requires_grad
    assert not stem[0].weight.requires_grad


def test_a_block_that_is_not_frozen_starts_there_and_is_trained(checkpoint: Path) -> None:
    from safetensors.torch import load_file

    given = Pretrained(checkpoint, "network.stem", frozen=False)
    _, module = task(given).made(Net(2, 4))
    state = load_file(checkpoint)
    assert all(same(module.network.stem.state_dict(), state))
    task(given).run(Net(2, 4), Context())
    assert not any(same(made[-1].network.stem.state_dict(), state))  # type: ignore[union-attr]


def test_a_block_that_the_space_changes_is_refused(checkpoint: Path) -> None:
    with pytest.raises(
        TaskError,
        match=r"block='stem' is not of stem.safetensors: 0.bias is \(6,\) in the block, \(4,\) "
        r"there; .* and 3 more. It must be the same for every architecture",
    ):
        task(Pretrained(checkpoint, "stem")).run(Net(2, 6), Context())


def test_a_module_that_writes_to_a_frozen_block_is_found_out(checkpoint: Path) -> None:
    with pytest.raises(TaskError, match="is frozen, but training changed it"):
        task(Pretrained(checkpoint, "stem"), Writing).run(Net(2, 4), Context())


def test_other_weights_make_another_search(checkpoint: Path, tmp_path: Path) -> None:
    other = tmp_path / "other" / "stem.safetensors"
    other.parent.mkdir()
    save_file(nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4)).state_dict(), other)
    same_again = task(Pretrained(checkpoint, "stem")).identity()
    assert same_again == task(Pretrained(checkpoint, "stem")).identity()
    assert same_again != task(Pretrained(other, "stem")).identity()


def test_states_of_torch_and_of_lightning_are_read(checkpoint: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file

    state = {f"encoder.{name}": tensor for name, tensor in load_file(checkpoint).items()}
    file = tmp_path / "whole.ckpt"
    torch.save({"state_dict": {**state, "head.weight": torch.zeros(2)}, "epoch": 3}, file)
    given = Pretrained(file, "stem", prefix="encoder.")
    assert given.digest == Pretrained(checkpoint, "stem").digest


def test_what_is_no_state_is_refused(checkpoint: Path, tmp_path: Path) -> None:
    objects = tmp_path / "objects.pt"
    torch.save({"model": nn.Linear(1, 1)}, objects)
    with pytest.raises(TaskError, match="holds more than tensors"):
        _ = Pretrained(objects, "stem").digest
    with pytest.raises(TaskError, match=r"file='nowhere.pt': there is no such file"):
        Pretrained("nowhere.pt", "stem")
    with pytest.raises(TaskError, match=r"no name in stem.safetensors begins with it; there are "):
        _ = Pretrained(checkpoint, "stem", prefix="body.").digest
    with pytest.raises(TaskError, match=r"block='trunk': the module has no such part; it has net"):
        task(Pretrained(checkpoint, "trunk")).made(Net(2, 4))
    with pytest.raises(TaskError, match=r"must be a list of raynas.tasks.Pretrained"):
        LightningTask(Module, loaders, "loss", 6, pretrained=Pretrained(checkpoint, "stem"))  # type: ignore[arg-type]
