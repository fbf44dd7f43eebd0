"""The role of an augmentation policy: changes the inputs of training batches, and of no others."""

from __future__ import annotations

import copy
import inspect
from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from raynas.augmentation.operations import Operation
from raynas.errors import TaskError
from raynas.tasks.example_input import TARGET_NAMES
from raynas.tasks.network_inputs import tensors_in
from raynas.tasks.variation import Variant, overridden

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Policy"]

_IMAGES = 4  # dimensions of a batch of images
_PLACED = frozenset({"bbox", "bboxes", "box", "boxes", "keypoints", "landmarks", "masks"})


class Policy(Variant):
    """A way to augment: an element of a search space of policies.

    Only the call of ``training_step`` by which Lightning trains sees augmented inputs: validation,
    testing and prediction see the data as they are, and so do hooks, also where they call
    ``training_step``. An augmented batch is a copy, so that a loader that keeps its batches is not
    changed. Operations see single precision where the training has less.

    Attributes:
        operations: What the policy can apply.
        inputs: Place in a batch of what is to be augmented: a position in a tuple or list, or a key
            of a dictionary; None for the first element, or a dictionary's only tensor of two
            dimensions or more that is no target.
    """

    operations: ClassVar[tuple[Operation, ...]] = ()
    inputs: ClassVar[int | str | None] = None

    @abstractmethod
    def augment(self, inputs: Tensor) -> Tensor:
        """Augmented copies of `inputs`, a batch of floating-point numbers.

        All randomness comes from torch's global generator.
        """

    @abstractmethod
    def applied(self) -> Sequence[Operation]:
        """The operations that this policy applies."""

    def adapt(self, module: Any, max_steps: int) -> None:
        """See `Variant.adapt`.

        Raises:
            TaskError: The module's ``training_step`` fetches its own batches.
        """
        del max_steps
        if not self.applied():
            return
        if "dataloader_iter" in inspect.signature(module.training_step).parameters:
            raise TaskError(
                f"{type(self).__name__}: {type(module).__name__}.training_step fetches its batches "
                "from dataloader_iter, so they cannot be augmented before it sees them; let it "
                "take a batch"
            )

        def augmenting(inherited: Callable[..., Any]) -> Callable[..., Any]:
            def training_step(module: Any, batch: Any, *args: Any, **kwargs: Any) -> Any:
                given = self.augmented(batch) if _trains(module) else batch
                return inherited(module, given, *args, **kwargs)

            return training_step

        overridden(module, "training_step", augmenting)

    def augmented(self, batch: Any) -> Any:
        """A copy of a training batch with augmented inputs.

        Raises:
            TaskError: The batch has no inputs that this policy can augment.
        """
        import torch

        place = self._place(batch)
        found = batch if place is None else batch[place]
        if not isinstance(found, torch.Tensor) or not found.is_floating_point():
            kind = found.dtype if isinstance(found, torch.Tensor) else type(found).__name__
            raise TaskError(
                f"{type(self).__name__}: the inputs of a batch are {kind}, and only floating-point "
                "tensors can be augmented; convert them in the data set, or set `inputs` of the "
                "policy's class to where the batch has such a tensor"
            )
        self._check(found, batch)
        exact = found if found.dtype == torch.float64 else found.float()
        with torch.no_grad(), torch.autocast(found.device.type, enabled=False):
            changed = self.augment(exact).to(found.dtype)
        return changed if place is None else _replaced(batch, place, changed)

    def _place(self, batch: Any) -> Any:
        if isinstance(batch, Mapping):
            return self._key(batch)
        if isinstance(batch, tuple | list):
            return 0 if self.inputs is None else self.inputs
        return None

    def _key(self, batch: Mapping[Any, Any]) -> Any:
        if self.inputs is not None:
            if self.inputs not in batch:
                raise TaskError(
                    f"{type(self).__name__}.inputs={self.inputs!r}: a batch has "
                    f"{', '.join(map(repr, batch))}; use one of these"
                )
            return self.inputs
        import torch

        keys = [
            key
            for key, value in batch.items()
            if isinstance(value, torch.Tensor)
            and value.ndim > 1
            and str(key).lower() not in TARGET_NAMES
        ]
        if len(keys) != 1:
            raise TaskError(
                f"{type(self).__name__}: a batch is a dictionary of "
                f"{', '.join(map(repr, batch))}, and it is not clear which of them to augment; "
                "subclass the policy with `inputs = KEY`"
            )
        return keys[0]

    def _check(self, inputs: Tensor, batch: Any) -> None:
        """Check that every operation suits the inputs and the targets."""
        for operation in self.applied():
            if inputs.ndim < 2 or operation.dimensions not in (None, inputs.ndim):
                raise TaskError(
                    f"{type(self).__name__}: {operation} takes batches of "
                    f"{operation.dimensions or 'at least 2'} dimensions, and the inputs have the "
                    f"shape {tuple(inputs.shape)}; use a policy for this kind of data "
                    "(raynas.augmentation lists them)"
                )
        moving = next((operation for operation in self.applied() if operation.moves), None)
        if moving is None:
            return
        others = (tensor for tensor in tensors_in(batch) if tensor is not inputs)
        axes = 2 if moving.dimensions == _IMAGES else 1
        dense = next((tensor for tensor in others if _has_places(tensor, inputs, axes)), None)
        named = next(_placed(batch), None)
        what = f"{named!r} of the targets" if dense is None else f"a tensor of {_shown(dense)}"
        if dense is not None or named:
            raise TaskError(
                f"{type(self).__name__}: {moving} moves what the inputs of {_shown(inputs)} show, "
                f"but {what} has places too and would stay as it is; use {self._unmoving()}"
            )

    def _unmoving(self) -> str:
        """What to use where nothing may move."""
        if self.operations[0].dimensions == _IMAGES:
            return "PhotometricRandAugment or PhotometricAutoAugment"
        still = ", ".join(map(str, (one for one in self.operations if not one.moves)))
        return f"a subclass whose `operations` move nothing ({still})"


def _trains(module: Any) -> bool:
    """Whether Lightning has called ``training_step`` in order to train."""
    trainer = getattr(module, "_trainer", None)
    if trainer is None:
        return bool(module.training)
    # Hooks and validation steps may call it too, with held-out data
    called = getattr(module, "_current_fx_name", None)
    return bool(trainer.training) and called in (None, "training_step")


def _has_places(tensor: Tensor, inputs: Tensor, axes: int) -> bool:
    """Whether a tensor has axes that seem to be places in the inputs, such as a mask's.

    Two are in proportion to the height and the width of images; a single one is as long as the last
    axis of the inputs, which is time.
    """
    if axes == 1:
        return inputs.shape[-1] in tensor.shape[1:]
    height, width = inputs.shape[-2:]
    pairs = (tensor.shape[1:3], tensor.shape[-2:]) if tensor.ndim > 2 else ()
    return any(
        min(rows, columns) > 1 and abs(width * rows / height - columns) < 1
        for rows, columns in pairs
    )


def _shown(tensor: Tensor) -> str:
    return f"shape {tuple(tensor.shape)}"


def _placed(value: Any) -> Iterator[str]:
    """Keys in nested containers that by their names are of places in the inputs."""
    if isinstance(value, Mapping):
        for key, part in value.items():
            if str(key).lower() in _PLACED:
                yield str(key)
            yield from _placed(part)
    elif isinstance(value, tuple | list):
        for part in value:
            yield from _placed(part)


def _replaced(batch: Any, place: Any, value: Any) -> Any:
    """A copy of `batch` with another element at `place`."""
    if isinstance(batch, MutableMapping):
        changed = copy.copy(batch)
        changed[place] = value
        return changed
    if isinstance(batch, Mapping):
        return type(batch)({**batch, place: value})  # type: ignore[call-arg]
    parts = [value if index == place else part for index, part in enumerate(batch)]
    named = hasattr(batch, "_fields")
    return type(batch)(*parts) if named else type(batch)(parts)
