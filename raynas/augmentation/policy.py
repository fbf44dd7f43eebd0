"""The role of an augmentation policy: changes the inputs of training batches, and of no others."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from raynas.augmentation.operations import Operation
from raynas.errors import TaskError
from raynas.tasks.example_input import TARGET_NAMES
from raynas.tasks.network_inputs import tensors_in
from raynas.tasks.variation import Variant, overridden

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Policy"]

_DENSE = 3  # dimensions of a target with places: (n, height, width) or more
_PLACED = frozenset({"bbox", "bboxes", "box", "boxes", "keypoints", "landmarks", "masks"})


class Policy(Variant):
    """A way to augment: an element of a search space of policies.

    Only ``training_step`` sees augmented inputs, and only in training: validation, testing and
    prediction see the data as they are, also where their step calls ``training_step``. An augmented
    batch is a copy, so that a loader that keeps its batches is not changed.

    Attributes:
        operations: What the policy can apply.
        inputs: Where a batch has what is to be augmented: a position in a tuple or list, or a key
            of a dictionary; None for the first element, or a dictionary's only floating-point
            tensor that is no target.
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
        """See `Variant.adapt`."""
        del max_steps
        if not self.applied():
            return

        def augmenting(inherited: Callable[..., Any]) -> Callable[..., Any]:
            def training_step(module: Any, batch: Any, *args: Any, **kwargs: Any) -> Any:
                # A validation step may call it too, with held-out data
                trainer = getattr(module, "_trainer", None)
                trains = trainer is None or trainer.training
                given = self.augmented(batch) if trains else batch
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
        with torch.no_grad():
            changed = self.augment(found)
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
            and value.is_floating_point()
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
        """See that every operation suits the inputs and the targets."""
        for operation in self.applied():
            if operation.dimensions not in (None, inputs.ndim):
                raise TaskError(
                    f"{type(self).__name__}: {operation} takes batches of {operation.dimensions} "
                    f"dimensions, and the inputs have the shape {tuple(inputs.shape)}; use a "
                    "policy for this kind of data (raynas.augmentation lists them)"
                )
        moving = [operation for operation in self.applied() if operation.moves]
        masks = [
            tensor
            for tensor in tensors_in(batch)
            if tensor is not inputs
            and tensor.ndim >= _DENSE
            and tensor.shape[-2:] == inputs.shape[-2:]
        ]
        if moving and masks:
            raise TaskError(
                f"{type(self).__name__}: {moving[0]} moves what the inputs show, but a target has "
                f"places too (shape {tuple(masks[0].shape)}) and would stay where it is; use "
                "PhotometricRandAugment or PhotometricAutoAugment"
            )
        if moving and (named := next(_placed(batch), None)):
            raise TaskError(
                f"{type(self).__name__}: {moving[0]} moves what the inputs show, but {named!r} of "
                "the targets would stay where they are; use PhotometricRandAugment or "
                "PhotometricAutoAugment"
            )


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
    if isinstance(batch, Mapping):
        return type(batch)({**batch, place: value})  # type: ignore[call-arg]
    parts = [value if index == place else part for index, part in enumerate(batch)]
    named = hasattr(batch, "_fields")
    return type(batch)(*parts) if named else type(batch)(parts)
