"""What figures of a network depend on, as short texts: under these they may be kept in files."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

from raynas.tasks.network_inputs import mapped

__all__ = ["code_of", "digest_of_inputs", "shapes_of", "sources_of"]


def sources_of(architecture: Any) -> tuple[str, ...]:
    """The code of the classes that `architecture` is composed of; see `code_of`."""
    return tuple(sorted({code_of(cls) for cls in _classes_in(architecture)}))


def code_of(value: Any) -> str:
    """A digest of the file that defines a class or function; of its code where there is no file.

    What it calls in other files is not seen.
    """
    module = sys.modules.get(getattr(value, "__module__", None) or "")
    file = getattr(module, "__file__", None)
    if file is not None and Path(file).is_file():
        return sha256(Path(file).read_bytes()).hexdigest()
    functions = vars(value).values() if isinstance(value, type) else (value,)
    code = [f.__code__ for f in functions if isinstance(f, FunctionType)]
    text = repr([value.__qualname__, *map(_instructions, code)]) if code else repr(type(value))
    return sha256(text.encode()).hexdigest()


def digest_of_inputs(inputs: Any) -> str:
    """A digest of all that is in `inputs`: shapes, kinds and numbers."""
    import torch

    def shown(tensor: Any) -> str:
        real = torch.view_as_real(tensor) if tensor.is_complex() else tensor
        numbers = real.detach().cpu().double().numpy().tobytes()
        return f"{tuple(tensor.shape)} {tensor.dtype} {sha256(numbers).hexdigest()}"

    return sha256(repr(mapped(shown, inputs)).encode()).hexdigest()


def shapes_of(inputs: Any) -> str:
    """The shapes and kinds of all tensors in `inputs`, and what else is in there."""
    return repr(mapped(lambda tensor: f"{tuple(tensor.shape)} {tensor.dtype}", inputs))


def _classes_in(value: Any) -> Iterator[type[Any]]:
    if isinstance(value, tuple):
        for part in value:
            yield from _classes_in(part)
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        yield type(value)
        for field in dataclasses.fields(value):
            yield from _classes_in(getattr(value, field.name))


def _instructions(code: CodeType) -> list[Any]:
    """What a function does, without the places that it stands in."""
    constants = [_instructions(c) if isinstance(c, CodeType) else repr(c) for c in code.co_consts]
    return [code.co_code.hex(), code.co_names, constants]
