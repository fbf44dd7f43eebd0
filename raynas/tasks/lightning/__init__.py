"""Train an architecture with PyTorch Lightning for a fixed number of steps: the proxy task."""

from raynas.tasks.lightning.task import LightningTask, quiet

__all__ = ["LightningTask", "quiet"]
