"""What the laboratories share: their LightningModule, and a block."""

import pytorch_lightning as pl
import torch
from torch import Tensor, nn


class Classifier(pl.LightningModule):
    """Cross-entropy, Adam, accuracy."""

    learning_rate = 3e-3

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def training_step(self, batch: tuple[Tensor, Tensor], _: int) -> Tensor:
        """The loss of a batch."""
        return nn.functional.cross_entropy(self.network(batch[0]), batch[1])

    def validation_step(self, batch: tuple[Tensor, Tensor], _: int) -> None:
        """Logs the accuracy."""
        self.log("accuracy", (self.network(batch[0]).argmax(1) == batch[1]).float().mean())

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Adam, whose rate falls along a cosine over the steps of the task."""
        return torch.optim.Adam(self.parameters(), lr=self.learning_rate)


class Residual(nn.Module):
    """A layer with its input added."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        return x + self.layer(x)
