"""Data and module of the search files in this folder."""

import pytorch_lightning as pl
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import raynas as nas


class Module(pl.LightningModule):
    def __init__(self, network):
        super().__init__()
        self.network = network

    def training_step(self, batch, _):
        return nn.functional.cross_entropy(self.network(batch[0]), batch[1])

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.1)


class Data(pl.LightningDataModule):
    def setup(self, stage):
        x = torch.randn(32, 4, generator=torch.Generator().manual_seed(0))
        self.all = TensorDataset(x, (x[:, 0] > 0).long())

    def train_dataloader(self):
        return DataLoader(self.all, batch_size=16)


TASK = nas.LightningTask(Module, Data, "acc", max_steps=4)
