"""Parts of a U-Net searched one by one, and then together: `raynas search examples/...`.

The images, made up, show disks and rectangles in noise; the disks are to be found. First the levels
are searched, then how wide the network is and how it rises again, the rest at the best so far;
the last stage searches both around what won, beginning with all trials of the parts.
"""

import pytorch_lightning as pl
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

import raynas as nas
from raynas.space import Space
from raynas.stages import parts_then_whole
from search_spaces.unet import Block, Level, UNet

SIZE = 24


def shapes(count: int, seed: int) -> TensorDataset:
    """Images, and masks of the disks in them."""
    generator = torch.Generator().manual_seed(seed)
    rows, columns = torch.meshgrid(torch.arange(SIZE), torch.arange(SIZE), indexing="ij")
    images = torch.randn(count, 1, SIZE, SIZE, generator=generator) * 0.6
    masks = torch.zeros(count, SIZE, SIZE, dtype=torch.long)
    for image, mask in zip(images, masks, strict=True):
        y, x, v, u = torch.randint(4, SIZE - 4, (4,), generator=generator)
        disk = (rows - y) ** 2 + (columns - x) ** 2 <= 16
        box = ((rows - v).abs() <= 3) & ((columns - u).abs() <= 3)
        image[0] += disk.float() + (box & ~disk).float()
        mask[disk] = 1
    return TensorDataset(images, masks)


class Shapes(pl.LightningDataModule):
    def setup(self, stage: str) -> None:
        self.train, self.test = shapes(800, seed=0), shapes(80, seed=1)

    def train_dataloader(self) -> DataLoader:
        return DataLoader(self.train, batch_size=16, shuffle=True)

    def val_dataloader(self) -> DataLoader:
        return DataLoader(self.test, batch_size=80)


class Segmenter(pl.LightningModule):
    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def training_step(self, batch: tuple[Tensor, Tensor], _: int) -> Tensor:
        logits, true = self.network(batch[0]), batch[1]
        disk = logits.softmax(dim=1)[:, 1]
        overlap = 2 * (disk * true).sum() / (disk + true).sum().clamp_min(1)
        return nn.functional.cross_entropy(logits, true) + 1 - overlap

    def validation_step(self, batch: tuple[Tensor, Tensor], _: int) -> None:
        found, true = self.network(batch[0]).argmax(dim=1) == 1, batch[1] == 1
        self.log("iou", (found & true).sum() / (found | true).sum().clamp_min(1))

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.parameters(), lr=3e-3)


BASELINE = UNet(
    channels=16,
    growth=1.5,
    upsampling="nearest",
    levels=(Level("plain", 3, "concat"),) * 2,
    bottom=Block("plain", 3),
)

whole = nas.Search(
    space=Space(UNet, baseline=BASELINE),
    task=nas.LightningTask(
        Segmenter,
        Shapes,
        "iou",
        max_steps=100,
        build={"in_channels": 1, "num_classes": 2, "width": 0.25},
    ),
    limits=nas.Limits(trials=20, parallel=2),
)
search = parts_then_whole(
    whole, "levels", ("channels", "growth", "upsampling", "bottom"), trials=20
)
