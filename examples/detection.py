"""Search a detector's head on made-up boxes: `raynas search examples/detection.py`.

The images show one to three squares and disks in noise, which are to be found and told apart. The
space is the head of FCOS with its pyramid; the backbone is a small residual network. The metric is
the mean average precision at an intersection over union of 0.5.
"""

import pytorch_lightning as pl
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

import raynas as nas
from raynas.space import Space
from search_spaces.boxes import (
    detection_loss,
    detections_of,
    mean_average_precision,
    places_of,
)
from search_spaces.detection import FCOS, Tower
from search_spaces.resnet import ResNet, Stage

SIZE, CLASSES, MOST = 32, 2, 3
BACKBONE = ResNet("basic", "small", (Stage(1, 1.0),) * 4)


def scenes(count: int, seed: int) -> TensorDataset:
    """Images, boxes and labels: 0 for a square, 1 for a disk, -1 for none."""
    generator = torch.Generator().manual_seed(seed)
    rows, columns = torch.meshgrid(torch.arange(SIZE), torch.arange(SIZE), indexing="ij")
    images = 0.3 * torch.randn(count, 1, SIZE, SIZE, generator=generator)
    boxes = torch.zeros(count, MOST, 4)
    labels = torch.full((count, MOST), -1)
    for image in range(count):
        for place in range(int(torch.randint(1, MOST + 1, (), generator=generator))):
            radius = int(torch.randint(3, 7, (), generator=generator))
            y, x = torch.randint(radius, SIZE - radius, (2,), generator=generator).tolist()
            label = int(torch.randint(CLASSES, (), generator=generator))
            down, across = (rows + 0.5 - y).abs(), (columns + 0.5 - x).abs()
            square = torch.maximum(down, across) < radius
            disk = down**2 + across**2 < radius**2
            images[image, 0][disk if label else square] = 1.0
            boxes[image, place] = torch.tensor([x - radius, y - radius, x + radius, y + radius])
            labels[image, place] = label
    return TensorDataset(images, boxes, labels)


class Scenes(pl.LightningDataModule):
    def setup(self, stage: str) -> None:
        self.train, self.test = scenes(480, seed=0), scenes(120, seed=1)

    def train_dataloader(self) -> DataLoader:
        return DataLoader(self.train, batch_size=16, shuffle=True)

    def val_dataloader(self) -> DataLoader:
        return DataLoader(self.test, batch_size=60)


class Finder(pl.LightningModule):
    """Trains a detector; the metric is computed over the whole validation set."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network
        self.places = nn.Buffer(places_of(SIZE, SIZE, network.strides), persistent=False)

    def training_step(self, batch: tuple[Tensor, Tensor, Tensor], _: int) -> Tensor:
        images, boxes, labels = batch
        return detection_loss(self.network(images), boxes, labels, self.places, CLASSES)

    def on_validation_epoch_start(self) -> None:
        self.found, self.boxes, self.labels = [], [], []

    def validation_step(self, batch: tuple[Tensor, Tensor, Tensor], _: int) -> None:
        images, boxes, labels = batch
        self.found += detections_of(self.network(images).float(), self.places, CLASSES)
        self.boxes.append(boxes)
        self.labels.append(labels)

    def on_validation_epoch_end(self) -> None:
        boxes, labels = torch.cat(self.boxes), torch.cat(self.labels)
        self.log("mean_average_precision", mean_average_precision(self.found, boxes, labels))

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.AdamW(self.parameters(), lr=3e-3)


BASELINE = FCOS(
    classification=Tower(2, 64, 3, "plain"),
    regression=Tower(2, 64, 3, "plain"),
    norm="group",
    centerness="classification",
    shared=True,
    top_down=True,
    pyramid=64,
)

search = nas.Search(
    space=Space(FCOS, baseline=BASELINE),
    task=nas.LightningTask(
        Finder,
        Scenes,
        "mean_average_precision",
        max_steps=120,
        build={
            "in_channels": 1,
            "num_classes": CLASSES,
            "backbone": BACKBONE,
            "coarser": 0,
            "width": 0.25,
        },
    ),
    limits=nas.Limits(trials=40, parallel=2),
)
