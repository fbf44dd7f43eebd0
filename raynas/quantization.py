"""Precision as a choice: layers whose weights have few bits wherever they are evaluated.

A layer is trained in floating point, and evaluated with its weights quantized by torchao: each
output channel has a scale, and whole numbers of some bits around zero. So validation, latency,
exported programs and exported code all compute the same. Exported code includes this module, which
therefore needs nothing of raynas but an error.
"""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn

from raynas.errors import TaskError

__all__ = ["Quantized", "QuantizedLayer", "deployed", "quantized"]

FULL_PRECISION = 32  # bits of a float
_LAYERS = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)


def quantized(module: nn.Module, bits: int) -> nn.Module:
    """`module` with the weights of its linear layers and convolutions in so many bits.

    To be called in `build`, where `bits` is a choice of the search space. Needs
    ``raynas[quantization]``.

    Args:
        module: A layer, or a module with layers; changed in place.
        bits: Bits of a weight, from 2 to 8; 32 leaves it as it is.

    Returns:
        `module`, or what stands for it where it is a layer itself.

    Raises:
        TaskError: `bits` is another number, torchao is not installed, or `module` has no such
            layer, or others with weights, which would stay in full precision.
    """
    if isinstance(bits, bool) or bits not in (*range(2, 9), FULL_PRECISION):
        raise TaskError(f"bits={bits!r}: use 2 to 8, or 32 for full precision")
    if bits == FULL_PRECISION:
        return module
    try:
        import torchao.quantization  # noqa: F401 - to be missed here rather than in evaluation
    except ImportError as error:
        raise TaskError(
            f"bits={bits} needs {error.name}: pip install 'raynas[quantization]'"
        ) from error
    layers = {name: part for name, part in module.named_modules() if type(part) in _LAYERS}
    _check_rest(module, layers)
    if "" in layers:
        return Quantized(module, bits)
    for name, layer in layers.items():
        module.set_submodule(name, Quantized(layer, bits))
    return module


class Quantized(nn.Module):
    """A layer that is trained as it is, and evaluated with quantized weights.

    Its state is that of the layer. What is evaluated is made anew whenever the weights changed.

    Args:
        layer: A linear layer or a convolution.
        bits: Bits of a weight.
    """

    def __init__(self, layer: nn.Module, bits: int) -> None:
        super().__init__()
        self.layer = layer
        self.bits = bits
        self._made: Any = None

    def forward(self, x: Tensor) -> Tensor:
        """The layer's output."""
        if self.training:
            return self.layer(x)  # type: ignore[no-any-return]
        return self.deployed()(x)  # type: ignore[no-any-return]

    def deployed(self) -> QuantizedLayer:
        """The layer as it is deployed, of the weights as they are now."""
        weight, _ = _tensors_of(self.layer)
        if weight.is_meta or torch.compiler.is_compiling():
            return QuantizedLayer(self.layer, self.bits).eval()
        known = self._made
        if known is None or known[0].device != weight.device or not known[0].equal(weight):
            made = QuantizedLayer(self.layer, self.bits).eval()
            self._made = known = weight.detach().clone(), (made,)  # in a tuple: no submodule
        found: QuantizedLayer = known[1][0]
        return found

    def extra_repr(self) -> str:
        """The bits."""
        return f"bits={self.bits}"

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_made": None}

    @property
    def weight_bytes(self) -> float:
        """Bytes of the weights as deployed, packed, with a scale an output channel and the bias."""
        weight, bias = _tensors_of(self.layer)
        full = weight.shape[0] * 4 + (0 if bias is None else bias.numel() * bias.element_size())
        return weight.numel() * self.bits / 8 + full


class QuantizedLayer(nn.Module):
    """A layer as it is deployed: whole numbers and scales instead of weights.

    Args:
        layer: A linear layer or a convolution, whose weights are quantized now.
        bits: Bits of a weight; in a program of torch or ONNX each takes a byte.
    """

    levels: Tensor
    scale: Tensor
    zero: Tensor

    def __init__(self, layer: nn.Module, bits: int) -> None:
        from torchao.quantization.quant_primitives import (
            MappingType,
            choose_qparams_affine,
            quantize_affine,
        )

        super().__init__()
        weight = _tensors_of(layer)[0].detach()
        least, most = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
        block = (1, *weight.shape[1:])
        scale, zero = choose_qparams_affine(
            weight, MappingType.SYMMETRIC_NO_CLIPPING_ERR, block, torch.int8, least, most
        )
        levels = quantize_affine(weight, block, scale, zero, torch.int8, least, most)
        self.register_buffer("levels", levels)
        self.register_buffer("scale", scale)
        self.register_buffer("zero", zero)
        self.kind = copy.copy(layer)
        self.kind._parameters = {"bias": layer.bias, "weight": None}  # type: ignore[dict-item]
        self.range = least, most

    def forward(self, x: Tensor) -> Tensor:
        """The layer's output."""
        from torchao.quantization.quant_primitives import dequantize_affine

        block = (1, *self.levels.shape[1:])
        weight = dequantize_affine(
            self.levels, block, self.scale, self.zero, torch.int8, *self.range
        ).to(x.dtype)
        if isinstance(self.kind, nn.Linear):
            return nn.functional.linear(x, weight, self.kind.bias)
        return self.kind._conv_forward(x, weight, self.kind.bias)  # type: ignore[operator,no-any-return]


def deployed(network: nn.Module) -> nn.Module:
    """`network` with each `Quantized` layer as it is deployed; itself where it has none."""
    names = [name for name, part in network.named_modules() if isinstance(part, Quantized)]
    if not names:
        return network
    if isinstance(network, Quantized):
        return network.deployed()
    made = copy.deepcopy(network)
    for name in names:
        part = made.get_submodule(name)
        made.set_submodule(name, QuantizedLayer(part.layer, part.bits).eval())  # type: ignore[arg-type]
    return made


def _tensors_of(layer: Any) -> tuple[Tensor, Tensor | None]:
    """Weight and bias."""
    return layer.weight, layer.bias


def _check_rest(module: nn.Module, layers: dict[str, nn.Module]) -> None:
    """Refuse a module that would be quantized in part, or not at all."""
    if not layers:
        raise TaskError(
            f"quantized({type(module).__name__}): it has no linear layer and no convolution; give "
            "it 32 bits, or leave it out"
        )
    for name, part in module.named_modules():
        own = dict(part.named_parameters(recurse=False))
        if name not in layers and any(weight.ndim > 1 for weight in own.values()):
            raise TaskError(
                f"quantized({type(module).__name__}): {name or 'it'}, a {type(part).__name__}, has "
                "weights that cannot be quantized; quantize the linear layers and convolutions "
                "beside it one by one"
            )
