"""Attributes that a training changes and no state_dict holds, kept in checkpoints.

Lightning saves weights, optimizers and what callbacks and modules hand to it. What a module, the
data module or a callback keeps in plain attributes is lost in a training that goes on in the middle
of an epoch: a counter, a list of losses, a coefficient that `on_train_epoch_start` sets, batch norm
put into evaluation mode, layers that were unfrozen.
"""

from __future__ import annotations

import os
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from typing import Any

import torch
from torch import Tensor, nn

from raynas.tasks.lightning.training_callback import TrainingCallback

__all__ = ["PlainState", "plain_numbers"]

_NUMBERS = (bool, int, float, type(None))
_MAPPINGS = (dict, defaultdict, OrderedDict, Counter)
_SEQUENCES = (list, deque, set)
_LARGEST = 10_000  # entries of a container; what is larger holds data


class PlainState(TrainingCallback):
    """Saves and restores attributes that changed after the start of the training.

    Numbers, texts other than paths, tensors that are not parameters, and containers of these are
    kept; so are the modes of all submodules (`train` and `eval`), and which parameters are frozen.

    Args:
        package: ``"pytorch_lightning"`` or ``"lightning.pytorch"``.
    """

    def __init__(self, package: str) -> None:
        self._package = package
        self._trainer: Any = None
        self._before: dict[tuple[str, str], Any] = {}
        self._resumed: dict[str, dict[str, Any]] = {}

    def on_train_start(self, trainer: Any) -> None:
        """See `TrainingCallback`."""
        self._trainer = trainer
        self._before = {
            (owner, name): _mark(value) for owner, _, name, value in self._attributes(trainer)
        }

    def on_train_batch_start(self, trainer: Any) -> None:
        """See `TrainingCallback`."""
        if not self._resumed:
            return
        resumed, self._resumed = self._resumed, {}
        frozen = resumed.pop("frozen", {})
        for name, parameter in trainer.lightning_module.named_parameters():
            parameter.requires_grad_(not frozen.get(name, not parameter.requires_grad))
        for owner, one in _owners(trainer):
            for name, value in resumed.get(owner, {}).items():
                _put(vars(one), name, _on_device(value, trainer.lightning_module.device))

    def state_dict(self) -> Any:
        """See `TrainingCallback`."""
        if self._trainer is None:
            return {}
        found: dict[str, dict[str, Any]] = {}
        for owner, _, name, value in self._attributes(self._trainer):
            if (owner, name) not in self._before or self._before[owner, name] != _mark(value):
                found.setdefault(owner, {})[name] = _copied(value)
        parameters = self._trainer.lightning_module.named_parameters()
        return found | {"frozen": {name: not one.requires_grad for name, one in parameters}}

    def load_state_dict(self, state: Any) -> None:
        """See `TrainingCallback`."""
        self._resumed = dict(state)

    def _attributes(self, trainer: Any) -> Iterator[tuple[str, Any, str, Any]]:
        """The plain attributes: the name of their owner, the owner, their name and their value."""
        internal = _internal(self._package)
        for owner, one in _owners(trainer):
            for name, value in list(vars(one).items()):
                if name not in internal and _is_plain(value):
                    yield owner, one, name, value


def plain_numbers(owner: Any) -> dict[str, Any]:
    """The attributes of `owner` that are numbers, truth values or None."""
    return {name: value for name, value in vars(owner).items() if type(value) in _NUMBERS}


def _owners(trainer: Any) -> Iterator[tuple[str, Any]]:
    """What may have attributes of the user's, by a name that is the same in each run."""
    from torchmetrics import Metric

    for name, module in trainer.lightning_module.named_modules():
        if not isinstance(module, Metric):
            yield f"module {name}", module
    data = getattr(trainer.datamodule, "user", trainer.datamodule)
    if hasattr(data, "__dict__"):
        yield "data", data
    for number, one in enumerate(trainer.callbacks):
        own = not type(one).__module__.startswith(("lightning.", "pytorch_lightning.", "raynas."))
        if own and not hasattr(one, "best_model_path"):  # which has files of this very run
            yield f"callback {number}", one


@cache
def _internal(package: str) -> frozenset[str]:
    """Attributes that Lightning and torch keep on a module or a data module."""
    lightning = import_module(package)
    own = (*vars(lightning.LightningModule()), *vars(lightning.LightningDataModule()))
    return frozenset(own) - {"training"}


def _is_plain(value: Any, depth: int = 0) -> bool:
    if type(value) in _NUMBERS:
        return True
    if type(value) is str:
        return os.sep not in value
    if isinstance(value, Tensor):
        return not isinstance(value, nn.Parameter) and not (value.is_leaf and value.requires_grad)
    if type(value) not in (*_MAPPINGS, *_SEQUENCES, tuple) or depth > 3 or len(value) > _LARGEST:
        return False
    entries = (*value.keys(), *value.values()) if isinstance(value, dict) else value
    return all(_is_plain(one, depth + 1) for one in entries)


def _mark(value: Any) -> Any:
    """What tells whether a plain value changed, without a copy of its tensors."""
    if isinstance(value, Tensor):
        return ("tensor", value.data_ptr(), value._version, tuple(value.shape))
    if isinstance(value, dict):
        return tuple((key, _mark(one)) for key, one in value.items())
    if isinstance(value, set):
        return frozenset(value)
    if isinstance(value, list | tuple | deque):
        return tuple(map(_mark, value))
    return type(value), repr(value)


def _copied(value: Any) -> Any:
    """A plain value as torch reads it back safely."""
    if isinstance(value, Tensor):
        return value.detach().clone()
    if isinstance(value, dict):
        return {key: _copied(one) for key, one in value.items()}
    if isinstance(value, list | deque):
        return [_copied(one) for one in value]
    return tuple(map(_copied, value)) if isinstance(value, tuple) else value


def _on_device(value: Any, device: torch.device) -> Any:
    """Tensors that were read for the CPU, where the module is."""
    if isinstance(value, Tensor):
        return value.to(device)
    if isinstance(value, dict):
        return {key: _on_device(one, device) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_on_device(one, device) for one in value)
    return value


def _put(attributes: dict[str, Any], name: str, value: Any) -> None:
    """Set an attribute; a container that is there already is filled, as others may hold it too."""
    live = attributes.get(name)
    if isinstance(live, list | deque) and isinstance(value, list):
        live.clear()
        live.extend(value)
    elif isinstance(live, dict | set) and isinstance(value, dict | set):
        live.clear()
        live.update(value)
    else:
        attributes[name] = value
