"""What a network is called with: a tensor, several arguments, or nested tuples, lists and dicts."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from torch import Tensor, nn

    Inputs: TypeAlias = Tensor | tuple[Any, ...] | list[Any] | Mapping[str, Any]

__all__ = ["Inputs", "arguments_of", "called", "inputs_on", "mapped", "tensors_in"]


def inputs_on(example_input: Inputs, device: str) -> tuple[Any, ...]:
    """`example_input` as a tuple of arguments, all tensors in it on `device`."""
    inputs = example_input if isinstance(example_input, tuple) else (example_input,)
    return tuple(mapped(lambda tensor: tensor.to(device), value) for value in inputs)


def called(network: nn.Module, inputs: tuple[Any, ...]) -> Any:
    """What `network` makes of `inputs`; see `arguments_of`."""
    positional, named = arguments_of(network, inputs)
    return network(*positional, **named)


def arguments_of(
    network: nn.Module, inputs: tuple[Any, ...]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The positional and the keyword arguments for `network`.

    A single dict becomes keyword arguments where `forward` has parameters of these names,
    otherwise it is one argument, like a list.
    """
    if len(inputs) == 1 and isinstance(inputs[0], Mapping) and _takes(network, inputs[0]):
        return (), dict(inputs[0])
    return inputs, {}


def mapped(function: Callable[[Tensor], Any], value: Any) -> Any:
    """`value` with `function` of each tensor in it instead of that tensor."""
    import torch

    if isinstance(value, torch.Tensor):
        return function(value)
    if isinstance(value, Mapping):
        return {name: mapped(function, part) for name, part in value.items()}
    if isinstance(value, tuple | list):
        parts = [mapped(function, part) for part in value]
        named = hasattr(value, "_fields")
        return type(value)(*parts) if named else type(value)(parts)
    return value


def tensors_in(value: Any) -> Iterator[Tensor]:
    """The tensors in nested tuples, lists and dicts."""
    import torch

    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, tuple | list | Mapping):
        for part in value.values() if isinstance(value, Mapping) else value:
            yield from tensors_in(part)


def _takes(network: nn.Module, arguments: Mapping[str, Any]) -> bool:
    """Whether `forward` has a parameter for each of `arguments`, and needs no other."""
    try:
        inspect.signature(network.forward).bind(**arguments)
    except (TypeError, ValueError):
        return False
    return True
