"""Proxies that ask how well an untrained network tells the examples of a batch apart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from raynas.tasks.network_inputs import called, tensors_in
from raynas.tasks.zero_cost.batch import Batch, NoScoreError, first_tensor, training_mode

if TYPE_CHECKING:
    from torch import Tensor, nn

__all__ = ["jacob_cov", "naswot"]

_LEAST_EIGENVALUE = 1e-5
"""Keeps the logarithm finite, as in the published code of Mellor et al. 2021."""


def naswot(network: nn.Module, batch: Batch) -> float:
    """Log-determinant of the kernel K of activation patterns; larger where examples differ more.

    K_ij is the number of units that are active for both or for neither of examples i and j, over
    all rectifiers and their like (SiLU, GELU, ...), as modules or as functions. An example's unit
    is active where its input is positive. No score where a network has no rectifiers, or where two
    examples have one pattern, so that the determinant is 0.

    Mellor et al. 2021, "Neural Architecture Search without Training", ICML, section 3, equation 2.
    """
    import torch

    recorder = _patterns(batch.examples)
    with torch.no_grad(), recorder:
        called(training_mode(network), batch.inputs)
    if not recorder.kernel.any():
        raise NoScoreError("the network has no rectifiers that see all examples")
    sign, log_determinant = torch.linalg.slogdet(recorder.kernel.double())
    if float(sign) <= 0:
        raise NoScoreError(
            "some examples have one activation pattern, so that the determinant is 0"
        )
    return float(log_determinant)


def jacob_cov(network: nn.Module, batch: Batch) -> float:
    """Minus the sum of log(v) + 1 / v over the eigenvalues v of the Jacobians' correlations.

    A row a Jacobian: the gradient of an example's summed outputs by its input. Eigenvalues are
    raised by 1e-5. An output that does not depend on an example tells it from no other one; no
    score where it depends on none.

    Mellor et al. 2020, first version of the paper above (arXiv 2006.04647v1), equations 3 to 6.
    """
    import torch

    inputs = batch.with_floats(lambda tensor: tensor.detach().clone().requires_grad_())
    output = first_tensor(called(training_mode(network), inputs))
    wanted = [tensor for tensor in tensors_in(inputs) if tensor.is_floating_point()]
    gradients = torch.autograd.grad(output.sum(), wanted, materialize_grads=True)
    rows = torch.cat([gradient.flatten(1) for gradient in gradients], dim=1).double()
    rows = rows - rows.mean(dim=1, keepdim=True)
    norms = rows.norm(dim=1)
    if not norms.any():
        raise NoScoreError("the output depends on no example, or on all elements of each alike")
    correlations = (rows @ rows.T / torch.outer(norms, norms)).nan_to_num(nan=1.0)
    values = torch.linalg.eigvalsh(correlations).clamp(min=0.0) + _LEAST_EIGENVALUE
    return -float((values.log() + 1 / values).sum())


def _patterns(examples: int) -> Any:
    """A mode of torch that adds up the kernel while the network runs below it."""
    import torch
    from torch.utils._python_dispatch import TorchDispatchMode

    aten = torch.ops.aten
    rectifiers = {
        aten.relu, aten.relu_, aten.leaky_relu, aten.leaky_relu_, aten.elu, aten.elu_,
        aten.gelu, aten.silu, aten.silu_, aten.mish, aten.mish_, aten.hardswish, aten.hardswish_,
        aten.hardtanh, aten.hardtanh_, aten.softplus, aten._prelu_kernel, aten.prelu,
    }  # fmt: skip

    class Patterns(TorchDispatchMode):  # type: ignore[no-untyped-call]
        def __init__(self) -> None:
            super().__init__()  # type: ignore[no-untyped-call]
            self.kernel = torch.zeros(examples, examples)

        def __torch_dispatch__(
            self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
        ) -> Any:
            del types
            if func.overloadpacket in rectifiers and args[0].shape[:1] == (examples,):
                self.add(args[0])
            return func(*args, **(kwargs or {}))

        def add(self, values: Tensor) -> None:
            active = (values.flatten(1) > 0).float()
            both = active @ active.T
            counts = active.sum(dim=1)
            neither = active.shape[1] - counts[:, None] - counts[None, :] + both
            self.kernel = self.kernel.to(both.device) + both + neither

    return Patterns()
