"""How many bytes a network's weights take."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from raynas.arguments import checked
from raynas.tasks.meters.meter import Meter, Subject
from raynas.tasks.meters.profile import network_on

__all__ = ["SizeMeter"]


@checked
@dataclass(frozen=True)
class SizeMeter(Meter):
    """``weight_bytes``: the size of what a network's ``state_dict`` holds, as it is deployed.

    A layer of `raynas.quantization` counts with its bits, packed, as runtimes for few bits keep
    them; files of ``torch.export`` and ONNX have a byte for each weight of 8 bits or fewer.
    """

    free: ClassVar[bool] = True

    def measure(self, subject: Subject) -> Mapping[str, float]:
        """See `Meter.measure`."""
        try:
            network = network_on(subject.architecture, subject.build, "meta")
        except Exception:
            network = network_on(subject.architecture, subject.build, "cpu")
        from raynas.quantization import Quantized

        layers = {n: part for n, part in network.named_modules() if isinstance(part, Quantized)}
        size = sum(layer.weight_bytes for layer in layers.values())
        inside = tuple(f"{name}." if name else "" for name in layers)
        for name, tensor in network.state_dict().items():
            if not inside or not name.startswith(inside):
                size += tensor.numel() * tensor.element_size()
        return {"weight_bytes": float(size)}
