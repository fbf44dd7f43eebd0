"""FLOPs of operations that `torch.utils.flop_counter` has no formula for, and which have none here.

A multiply-accumulate counts as two, as there. Formulas are functions of the shapes of an
operation's arguments and of its output, or, marked raw, of the tensors themselves.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

__all__ = ["formulas", "is_uncounted"]

Shape = Sequence[int]
Formula = Callable[..., int]

_COUNTLESS = re.compile(
    r"mm$|mv$|dot$|matmul|conv(?!ert)|attention|attn|rnn|lstm|gru|_fft_|linalg_|cholesky|solve"
    r"|trilinear|[cp]dist|affine_grid|grid_sampler|embedding_bag|_linear|qr$|matrix_exp"
    r"|linear_combination|inverse$|encoder_layer|pack_mm"
)
"""Operations of ATen that multiply matrices, or do as much work."""
_WITHOUT_PRODUCTS = re.compile(
    r"upsample|fused_(gru|lstm)_cell|vector_norm|linalg_(cross|diagonal|check|_powsum)|slice_inverse"
    r"|prepack|pack_|flatten_weight|_(search|prelu|weight_norm)"
)
"""Names that look like it, of operations on single elements."""
_OTHER_LIBRARIES = re.compile(
    r"(prim|prims|profiler|debugprims|c10d|_c10d_functional|torchvision::(nms|\w*roi_\w+))(::|$)"
)
"""Libraries of operators beside ATen that multiply nothing."""


def is_uncounted(name: str) -> bool:
    """Whether an operation without a formula has products to count.

    Args:
        name: Name with its library, as in ``aten::linalg_inv_ex``.
    """
    library, _, operation = name.partition("::")
    if library != "aten":
        return _OTHER_LIBRARIES.match(name) is None
    operation = operation.rstrip("_")
    if _WITHOUT_PRODUCTS.search(operation) and not operation.endswith("mm"):
        return False
    return _COUNTLESS.search(operation) is not None


def formulas() -> Mapping[Any, Formula]:
    """The formulas by operation, for `FlopCounterMode`."""
    import torch

    aten = torch.ops.aten
    named: dict[str, Formula] = {
        "mv": _mv, "addmv": _addmv, "dot": _dot, "vdot": _dot, "addr": _addr, "addbmm": _addbmm,
        "mm": _mm, "addmm": _addmm, "_addmm_activation": _addmm, "_sparse_addmm": _addmm,
        "_sparse_mm": _mm, "_int_mm": _mm, "_trilinear": _trilinear, "conv_tbc": _conv_tbc,
        "_cdist_forward": _cdist, "_pdist_forward": _pdist,
        "_scaled_dot_product_flash_attention_for_cpu": _attention,
        "_scaled_dot_product_fused_attention_overrideable": _attention,
        "mkldnn_rnn_layer": _mkldnn_rnn_layer, "_cudnn_rnn": _cudnn_rnn,
        "_embedding_bag": _embedding_bag, "_embedding_bag_forward_only": _embedding_bag,
        "grid_sampler_2d": _grid_sampler, "grid_sampler_3d": _grid_sampler,
        "cudnn_grid_sampler": _grid_sampler, "affine_grid_generator": _affine_grid,
        "_fft_c2c": _fft_c2c, "_fft_r2c": _fft_r2c, "_fft_c2r": _fft_c2r,
    }  # fmt: skip
    return {getattr(aten, name): f for name, f in named.items() if hasattr(aten, name)}


def _raw(formula: Formula) -> Formula:
    """Marks a formula that gets tensors instead of their shapes."""
    formula._get_raw = True  # type: ignore[attr-defined]
    return formula


def _mv(matrix: Shape, vector: Shape, **_: Any) -> int:
    del vector
    return 2 * math.prod(matrix)


def _addmv(bias: Shape, matrix: Shape, vector: Shape, **_: Any) -> int:
    del bias, vector
    return 2 * math.prod(matrix)


def _dot(one: Shape, other: Shape, **_: Any) -> int:
    del other
    return 2 * math.prod(one)


def _addr(bias: Shape, one: Shape, other: Shape, **_: Any) -> int:
    del bias
    return 2 * math.prod(one) * math.prod(other)


def _addbmm(bias: Shape, one: Shape, other: Shape, **_: Any) -> int:
    del bias
    return 2 * math.prod(one) * other[-1]


@_raw
def _mm(one: Any, other: Any, *_: Any, **__: Any) -> int:
    """FLOPs of a product with a sparse matrix: only the elements that it holds count."""
    return 2 * _held(one) * int(other.shape[1])


@_raw
def _addmm(bias: Any, one: Any, other: Any, *_: Any, **__: Any) -> int:
    del bias
    return 2 * _held(one) * int(other.shape[1])


def _held(matrix: Any) -> int:
    """How many elements a matrix has; a sparse one, how many it holds."""
    import torch

    return int(matrix.numel() if matrix.layout == torch.strided else matrix._nnz())


def _trilinear(
    one: Shape,
    two: Shape,
    three: Shape,
    expand_one: Shape,
    expand_two: Shape,
    expand_three: Shape,
    sum_over: Shape,
    *_: Any,
    **__: Any,
) -> int:
    """What `torch.nn.Bilinear` computes, as two contractions after each other.

    The first sums the products of two factors over the first summed dimension, the second those
    with the third factor over the rest: the cost of ``einsum("bi,oij,bj->bo")`` from left to right.
    """
    sizes = [1] * (len(one) + len(expand_one))
    for shape, expanded in ((one, expand_one), (two, expand_two), (three, expand_three)):
        own = iter(shape)
        for axis in range(len(sizes)):
            if axis not in expanded:
                sizes[axis] = max(sizes[axis], next(own))
    every = math.prod(sizes)
    return 2 * every + (2 * every // sizes[sum_over[0]] if len(sum_over) > 1 else 0)


def _conv_tbc(x: Shape, weight: Shape, *_: Any, out_shape: Shape, **__: Any) -> int:
    """A convolution in time, its kernel of shape ``(time, in, out)``."""
    del x
    return 2 * weight[0] * weight[1] * math.prod(out_shape)


def _cdist(one: Shape, other: Shape, *_: Any, out_shape: Shape, **__: Any) -> int:
    """A multiply-accumulate for each coordinate of each pair, as for their matrix product."""
    del other
    return 2 * math.prod(out_shape) * one[-1]


def _pdist(points: Shape, *_: Any, out_shape: Shape, **__: Any) -> int:
    return 2 * math.prod(out_shape) * points[-1]


def _attention(query: Shape, key: Shape, value: Shape, *_: Any, **__: Any) -> int:
    """The scores of all queries and keys, and their weighted sums of values."""
    return 2 * math.prod(query[:-1]) * key[-2] * (query[-1] + value[-1])


def _mkldnn_rnn_layer(x: Shape, of_input: Shape, of_state: Shape, *_: Any, **__: Any) -> int:
    """One layer in one direction: each weight is used once for each step of each sequence."""
    return 2 * math.prod(x[:-1]) * (math.prod(of_input) + math.prod(of_state))


def _cudnn_rnn(x: Shape, weights: Sequence[Shape], *_: Any, **__: Any) -> int:
    """All layers and directions: each weight is used once for each step of each sequence."""
    return 2 * math.prod(x[:-1]) * sum(math.prod(w) for w in weights if len(w) > 1)


def _embedding_bag(
    weight: Shape,
    indices: Shape,
    offsets: Shape,
    scaled: bool = False,
    mode: int = 0,
    *_: Any,
    **__: Any,
) -> int:
    """The product of a sparse matrix, which has an element for each index; none for the maximum."""
    del offsets, scaled
    return 0 if mode == _MAXIMUM else 2 * math.prod(indices) * weight[-1]


def _grid_sampler(
    x: Shape, grid: Shape, interpolation: int = 0, *_: Any, out_shape: Shape, **__: Any
) -> int:
    """A weighted sum of the neighbors of each place; nothing for the nearest."""
    del grid
    neighbors = {_LINEAR: 2, _CUBIC: 4}.get(interpolation, 0)
    return 2 * int(neighbors ** (len(x) - 2)) * math.prod(out_shape)


def _affine_grid(theta: Shape, *_: Any, out_shape: Shape, **__: Any) -> int:
    """The matrix `theta` times the coordinates of each place, and 1."""
    return 2 * math.prod(out_shape) * theta[-1]


def _fft_c2c(x: Shape, dims: Shape, *_: Any, **__: Any) -> int:
    return _fft(5.0, x, dims)


def _fft_r2c(x: Shape, dims: Shape, *_: Any, **__: Any) -> int:
    return _fft(2.5, x, dims)


def _fft_c2r(x: Shape, dims: Shape, *_: Any, out_shape: Shape, **__: Any) -> int:
    del x
    return _fft(2.5, out_shape, dims)


def _fft(factor: float, shape: Shape, dims: Shape) -> int:
    """``factor * N * log2(N)`` for each transform of N numbers.

    The convention for complex numbers, 5, and for real ones, half of it: Frigo and Johnson 2005,
    "The Design and Implementation of FFTW3", Proceedings of the IEEE, section I.
    """
    size = math.prod(shape[dim] for dim in dims)
    return round(factor * math.prod(shape) * math.log2(size)) if size > 1 else 0


_MAXIMUM = 2  # code of PyTorch's embedding_bag for the mode max
_LINEAR, _CUBIC = 0, 2  # codes of PyTorch's grid_sampler
