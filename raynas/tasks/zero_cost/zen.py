"""The zen-score: how much a network's features move with its input, whatever its scale."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from raynas.tasks.network_inputs import called
from raynas.tasks.zero_cost.batch import Batch, first_tensor, is_norm, log_of, training_mode

if TYPE_CHECKING:
    from torch import Tensor, nn

__all__ = ["zen"]

_NOISE = 0.01  # alpha in Lin et al. 2021, algorithm 1


def zen(network: nn.Module, batch: Batch) -> float:
    """Log of the mean ||f(x) - f(x + 0.01 e)||, plus the logs of the normalizations' deviations.

    Weights, x and e are drawn from a normal distribution; f is what comes to the last pooling or
    linear layer, or the output of a network without such; the deviations are those of what comes
    to each normalization layer. Other than in the paper, residual connections are kept, as they
    cannot be found in just any module.

    Lin et al. 2021, "Zen-NAS: A Zero-Shot NAS for High-Performance Image Recognition", ICCV,
    algorithm 1 and section 3.4.
    """
    import torch

    _draw(network)
    inputs = batch.with_floats(torch.randn_like)
    moved = Batch(inputs).with_floats(lambda x: x + _NOISE * torch.randn_like(x))
    recorder = _ActivationRecorder()
    with torch.no_grad(), recorder.watching(training_mode(network)):
        features = recorder.features(network, inputs)
        log_deviations = sum(log_of(d, "a deviation") for d in recorder.deviations)
        distance = (features - recorder.features(network, moved)).flatten(1).norm(dim=1).mean()
    return log_of(float(distance), "how far features move") + log_deviations


def _draw(network: nn.Module) -> None:
    """Weights from a normal distribution; scales at one and offsets at zero."""
    import torch

    with torch.no_grad():
        for module in network.modules():
            for name, parameter in module.named_parameters(recurse=False):
                if parameter.dim() >= 2:
                    parameter.normal_()
                else:
                    parameter.fill_(float(is_norm(module) and name == "weight"))


class _ActivationRecorder:
    """What comes to a network's normalizations, and to its head."""

    def __init__(self) -> None:
        self.deviations: list[float] = []
        self._before_head: Tensor | None = None

    @contextmanager
    def watching(self, network: nn.Module) -> Iterator[None]:
        from torch import nn
        from torch.nn.modules.pooling import _AdaptiveAvgPoolNd

        modules = list(network.modules())
        pools = any(isinstance(module, _AdaptiveAvgPoolNd) for module in modules)
        head = _AdaptiveAvgPoolNd if pools else nn.Linear
        keep = partial(_ActivationRecorder._keep, self)
        hooks = [m.register_forward_pre_hook(self._add_deviation) for m in modules if is_norm(m)]
        hooks += [m.register_forward_pre_hook(keep) for m in modules if isinstance(m, head)]
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()

    def features(self, network: nn.Module, inputs: tuple[Any, ...]) -> Tensor:
        self.deviations.clear()
        self._before_head = None
        output = first_tensor(called(network, inputs))
        return output if self._before_head is None else self._before_head

    def _add_deviation(self, module: Any, args: tuple[Tensor, ...]) -> None:
        variance = float(args[0].transpose(0, 1).flatten(1).var(dim=1).mean())
        self.deviations.append(math.sqrt(variance + (module.eps or 0.0)))

    def _keep(self, module: Any, args: tuple[Tensor, ...]) -> None:
        del module
        self._before_head = args[0]
