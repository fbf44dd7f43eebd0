"""Count what a network's forward pass costs, quickly enough for thousands of networks a minute."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from raynas.tasks.meters.flop_formulas import formulas, is_uncounted
from raynas.tasks.network_inputs import called, tensors_in

if TYPE_CHECKING:
    from torch import Tensor, nn

__all__ = ["Counts", "countable", "counted"]


@dataclass(frozen=True)
class Counts:
    """What one forward pass costs.

    Attributes:
        flops: Operations of what has a formula.
        activation_bytes: The bytes that its modules that call no other module put out.
        uncounted: Names of the operations with products that have no formula, sorted.
    """

    flops: int
    activation_bytes: int
    uncounted: tuple[str, ...] = ()


@dataclass(frozen=True)
class _LayerShape:
    """What a layer of torch does with inputs of some shapes; `same` gives back its input."""

    same: bool
    shape: tuple[int, ...]
    stride: tuple[int, ...]
    dtype: Any
    flops: int
    uncounted: tuple[str, ...]


_counting = threading.RLock()
_known: dict[object, _LayerShape] = {}
_MOST_KNOWN = 100_000  # layers remembered, some MB


def counted(network: nn.Module, inputs: tuple[Any, ...]) -> Counts:
    """Run `network`, which is not to be used any more, on `inputs`, and count.

    On the meta device a layer of `torch.nn` computes nothing but the shape of what it puts out, so
    one that was seen before with equal settings, in this network or an earlier one, is looked up
    instead of run.
    """
    from torch.nn.modules import module as hooks
    from torch.utils.flop_counter import FlopCounterMode

    counter = FlopCounterMode(display=False, custom_mapping=dict(formulas()))
    tally = _Tally(set(network.modules()), counter, _uncounted(counter.flop_registry))
    for module in tally.modules:
        if _is_known_kind(module):
            module.forward = partial(tally.look_up, module, module.forward)
    # Hooks for all modules, since those of TorchScript take none of their own.
    before = hooks.register_module_forward_pre_hook(tally.enter)
    after = hooks.register_module_forward_hook(tally.add_output)
    try:
        # The counter takes composite operations apart, so that the outer mode sees their parts.
        with countable(), tally.watch, counter, _apart(tally.watch.names):
            called(network, inputs)
    finally:
        before.remove()
        after.remove()
    names = tuple(sorted(set(tally.watch.names)))
    return Counts(counter.get_total_flops() + tally.flops, tally.activation_bytes, names)


@contextmanager
def countable() -> Iterator[None]:
    """Turn off gradients, compilation, and the fused kernels that torch's counter cannot count.

    Some of this is a setting of all threads, so one thread counts at a time.
    """
    import torch
    from torch.nn.attention import SDPBackend, sdpa_kernel

    with ExitStack() as stack:
        stack.enter_context(_counting)
        fast = torch.backends.mha.get_fastpath_enabled()
        stack.callback(torch.backends.mha.set_fastpath_enabled, fast)
        torch.backends.mha.set_fastpath_enabled(False)
        stack.enter_context(torch.no_grad())
        stack.enter_context(sdpa_kernel(SDPBackend.MATH))
        if hasattr(torch.compiler, "set_stance"):
            stack.enter_context(torch.compiler.set_stance("force_eager"))
        yield


class _Tally:
    """Adds up while a network runs."""

    def __init__(self, modules: set[nn.Module], counter: Any, watch: Any) -> None:
        self.modules = modules
        self.counter = counter
        self.watch = watch
        self.running: list[tuple[nn.Module, bool]] = []
        self.flops = 0
        self.activation_bytes = 0

    def look_up(self, module: Any, forward: Any, *args: Any, **kwargs: Any) -> Any:
        """What `forward` puts out; its operations are added where it need not run."""
        import torch

        meta = all(isinstance(arg, torch.Tensor) and arg.is_meta for arg in args)
        key = _key(module, args) if meta and not kwargs else None
        if key is None:
            return forward(*args, **kwargs)
        known = _known.get(key)
        if known is not None:
            self.flops += known.flops
            self.watch.names.extend(known.uncounted)
            if known.same:
                return args[0]
            return torch.empty_strided(known.shape, known.stride, dtype=known.dtype, device="meta")
        before, named = self.counter.get_total_flops(), len(self.watch.names)
        output = forward(*args)
        if isinstance(output, torch.Tensor):
            if len(_known) >= _MOST_KNOWN:
                _known.clear()
            _known[key] = _LayerShape(
                output is args[0],
                output.shape,
                output.stride(),
                output.dtype,
                self.counter.get_total_flops() - before,
                tuple(self.watch.names[named:]),
            )
        return output

    def enter(self, module: Any, _args: Any) -> None:
        """A hook before `forward`: the module that runs has called another."""
        if module not in self.modules:  # another thread's
            return
        if self.running:
            self.running[-1] = self.running[-1][0], True
        self.running.append((module, False))

    def add_output(self, module: Any, args: Any, output: Any) -> None:
        """A hook after `forward`. What a module gives back as it came takes no memory."""
        if module not in self.modules:
            return
        called_others = False
        while self.running:  # deeper ones raised, and their error was caught
            running, called_others = self.running.pop()
            if running is module:
                break
        if called_others:
            return
        for tensor in tensors_in(output):
            if not any(tensor is arg for arg in tensors_in(args)):
                self.activation_bytes += tensor.numel() * tensor.element_size()


def _uncounted(known: Any) -> Any:
    """A mode of torch that notes the operations with products that have no formula."""
    from torch._ops import OpOverload
    from torch.utils._python_dispatch import TorchDispatchMode

    class FlopWatch(TorchDispatchMode):  # type: ignore[no-untyped-call]
        supports_higher_order_operators = True

        def __init__(self) -> None:
            super().__init__()  # type: ignore[no-untyped-call]
            self.names: list[str] = []

        def __torch_dispatch__(
            self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
        ) -> Any:
            del types
            operation = func.overloadpacket if isinstance(func, OpOverload) else func
            if operation not in known:
                name = func.name() if callable(getattr(func, "name", None)) else str(func)
                if is_uncounted(name.partition(".")[0]):
                    self.names.append(name.partition(".")[0])
            return func(*args, **(kwargs or {}))

    return FlopWatch()


def _apart(names: list[str]) -> Any:
    """A mode that notes operators which take functions, and runs them where nothing is counted.

    Such as that of `torch.nn.attention.flex_attention`. Torch's counter cannot run them, except
    for `torch.cond`, of which it counts the larger branch.
    """
    import torch
    from torch._ops import HigherOrderOperator
    from torch.utils._python_dispatch import TorchDispatchMode, _disable_current_modes

    class Apart(TorchDispatchMode):  # type: ignore[no-untyped-call]
        supports_higher_order_operators = True

        def __torch_dispatch__(
            self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
        ) -> Any:
            del types
            if isinstance(func, HigherOrderOperator) and func is not torch.ops.higher_order.cond:
                names.append(f"higher_order::{getattr(func, '_name', func)}")
                with _disable_current_modes():
                    return func(*args, **(kwargs or {}))
            return func(*args, **(kwargs or {}))

    return Apart()  # type: ignore[no-untyped-call]


def _is_known_kind(module: nn.Module) -> bool:
    """Whether settings and shapes determine what it does: a layer of torch as torch made it."""
    own = type(module).__module__.startswith("torch.nn.modules.")
    alone = next(module.children(), None) is None
    return own and alone and not module.training and "forward" not in vars(module)


def _key(module: Any, args: tuple[Tensor, ...]) -> object | None:
    """All that determines the shape and the cost of what a layer puts out; None where unknown."""
    settings = []
    for name, value in vars(module).items():
        if name not in _bookkeeping() and name != "forward":
            if not _is_plain(value):
                return None
            settings.append((name, repr(value)))
    tensors = (*module.parameters(recurse=False), *module.buffers(recurse=False), *args)
    shapes = tuple((w.shape, w.stride(), w.dtype) for w in tensors)
    return type(module), type(module).forward, tuple(settings), shapes


@cache
def _bookkeeping() -> frozenset[str]:
    """The attributes that every module has."""
    from torch import nn

    return frozenset(vars(nn.Module()))


def _is_plain(value: Any) -> bool:
    """Whether the `repr` of a setting says all about it."""
    if isinstance(value, tuple | list):
        return all(map(_is_plain, value))
    plain = value is None or isinstance(value, bool | int | float | str)
    return plain or type(value).__name__ in ("dtype", "device")
