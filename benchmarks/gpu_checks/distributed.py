"""Several processes of one trial: on one device with gloo, on several with nccl."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import distributed

import raynas as nas
from gpu_checks.check import Place, Row, check
from raynas.space import integer, searchable
from raynas.tasks.lightning.ddp import on_ranks, ranks

__all__ = ["Averaged", "Small", "ddp"]


@searchable
class Small:
    """A network that needs no Lightning, so that processes start fast."""

    width: int = integer(1, 64)

    def build(self) -> torch.nn.Module:
        """See `Task`."""
        first, last = torch.nn.Linear(192, self.width), torch.nn.Linear(self.width, 1)
        return torch.nn.Sequential(torch.nn.Flatten(), first, torch.nn.Tanh(), last)


class Averaged(nas.Task):
    """Trains a network in all processes with DDP and gloo, each on its own data.

    The metric ``apart`` is how far their weights lie apart at the end, and ``moved`` how far they
    went.
    """

    def __init__(self, device: str, steps: int = 5) -> None:
        self.device, self.steps = device, steps

    def run(self, architecture: Any, context: nas.Context) -> nas.Measurement:
        """See `Task.run`."""
        from torch.nn.parallel import DistributedDataParallel

        distributed.init_process_group("gloo")
        torch.manual_seed(0)
        network = architecture.build().to(self.device)
        before = _flat(network)
        wrapped = DistributedDataParallel(network)
        optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
        torch.manual_seed(1 + distributed.get_rank())
        images = torch.randn(8, 3, 8, 8, device=self.device)
        for _ in range(self.steps):
            optimizer.zero_grad()
            wrapped(images).square().mean().backward()
            optimizer.step()
        after = _flat(network).cpu()
        every = [torch.zeros_like(after) for _ in range(ranks())]
        distributed.all_gather(every, after)
        apart = max(float((one - every[0]).abs().max()) for one in every)
        moved = float((after - before.cpu()).abs().max())
        return nas.Measurement({"reward": -apart, "apart": apart, "moved": moved})


def _flat(network: torch.nn.Module) -> torch.Tensor:
    return torch.cat([weights.detach().flatten() for weights in network.parameters()])


@check(
    120,
    alone=False,
    two_processes_share_a_device="two processes on one device with gloo keep the same weights",
    four_processes="likewise four",
    devices_with_nccl="a LightningTask on two GPUs, with nccl, ends with a finite loss",
)
def ddp(place: Place) -> Iterator[Row]:
    """See the claims."""
    for count, claim in ((2, "two processes share a device"), (4, "four processes")):
        if place.quick and count == 2:
            yield Row(claim, "skipped", "four show it too")
            continue
        task = Averaged(place.device)
        found = on_ranks(count, task, Small(8), nas.Context(gpu=count)).metrics
        holds = found["apart"] == 0 and found["moved"] > 0
        seen = f"weights {found['apart']:g} apart, after moving by {found['moved']:.3g}"
        yield Row.judged(claim, holds, seen)
    if torch.cuda.device_count() < 2:
        yield Row("devices with nccl", "skipped", f"{torch.cuda.device_count()} GPUs here, not 2")
        return
    from gpu_checks.networks import Classifier, Net, data

    task_ = nas.LightningTask(Classifier, data(256, 32, 32), "val_loss", 20, mode="min")
    found = task_.run(Net(32, 2), nas.Context(gpu=2)).metrics
    holds = bool(torch.isfinite(torch.tensor(found["val_loss"])))
    yield Row.judged("devices with nccl", holds, f"val_loss {found['val_loss']:.3f}")
