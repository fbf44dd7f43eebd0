"""Train an architecture with PyTorch Lightning for a fixed number of steps: the proxy task."""

from raynas.tasks.lightning.quiet_loggers import quiet
from raynas.tasks.lightning.task import LightningTask

__all__ = ["LightningTask", "quiet"]
