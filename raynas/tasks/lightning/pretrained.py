"""Blocks that start from one checkpoint, the same for every architecture."""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Mapping
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from raynas.arguments import checked
from raynas.errors import TaskError
from raynas.tasks.lightning.training_callback import TrainingCallback

if TYPE_CHECKING:
    from torch import Tensor, nn

__all__ = ["FrozenBlock", "Pretrained"]


@checked
class Pretrained:
    """The weights of a block that does not depend on the search space.

    Such a block may start from a checkpoint, as long as it is the same for every architecture:
    then it favors none. That is checked for each of them: the block must have just the
    checkpoint's names and shapes, and after loading it holds them to the bit; a frozen one still
    does after training. `raynas check` looks at a sample of the space beforehand.

    Args:
        file: The checkpoint: a ``.safetensors`` file, or what `torch.save` wrote of a state, which
            is read as tensors and plain data only. In a checkpoint of Lightning the state is found
            under ``"state_dict"``.
        block: Place of the block in the module, as a path of attributes such as ``"stem"`` or
            ``"network.encoder"``, from the LightningModule or else from the network in it.
        prefix: What the block's names in the checkpoint begin with, such as ``"encoder."``; other
            names are passed over.
        frozen: Whether the block stays as it is: its weights get no gradients, and it stays in
            evaluation mode, so that batch normalization keeps its statistics too.

    Raises:
        TaskError: There is no such file.
    """

    def __init__(
        self, file: str | Path, block: str, *, prefix: str = "", frozen: bool = True
    ) -> None:
        self.file = Path(file).absolute()
        self.block = block
        self.prefix = prefix
        self.frozen = frozen
        if not self.file.is_file():
            raise TaskError(f"pretrained file={str(file)!r}: there is no such file")

    def __repr__(self) -> str:
        kind = "frozen" if self.frozen else "trained on"
        return f"Pretrained({self.file.name!r}, {self.block!r}, {kind}, {self.digest[:12]})"

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the weights: of names, types, shapes and bytes."""
        return _digest(_state(self.file, self.prefix))

    def load(self, module: nn.Module) -> nn.Module:
        """Put the weights into the block of `module`, and freeze it where it is to be frozen.

        Args:
            module: A LightningModule, or a network.

        Returns:
            The block.

        Raises:
            TaskError: There is no such block, or it is not of the checkpoint's names and shapes.
        """
        import torch

        state = _state(self.file, self.prefix)
        block = self.find(module)
        self._compare(block.state_dict(), state)
        block.load_state_dict(state)
        if self.frozen:
            block.requires_grad_(False)
            block.eval()
        held = block.state_dict()
        for name, tensor in state.items():
            if not torch.equal(held[name].cpu(), tensor.to(held[name].dtype)):
                raise TaskError(f"pretrained block={self.block!r}: {name} did not take its weights")
        return block

    def find(self, module: nn.Module) -> nn.Module:
        """The block of `module`.

        Raises:
            TaskError: There is none.
        """
        import torch

        roots = [module, *(child for _, child in module.named_children())]
        for root in roots:
            found: Any = root
            for name in self.block.split("."):
                found = getattr(found, name, None)
            if isinstance(found, torch.nn.Module):
                return found
        known = ", ".join(name for name, _ in module.named_modules() if name.count(".") < 2)
        raise TaskError(
            f"pretrained block={self.block!r}: the module has no such part; it has "
            f"{known.lstrip(', ')}"
        )

    def _compare(self, had: Mapping[str, Tensor], state: Mapping[str, Tensor]) -> None:
        missing, beyond = set(had) - set(state), set(state) - set(had)
        shapes = {n: (had[n].shape, state[n].shape) for n in set(had) & set(state)}
        wrong = {name for name, (one, other) in shapes.items() if one != other}
        if not (missing or beyond or wrong):
            return
        said = [
            *(f"{name} is missing in the checkpoint" for name in sorted(missing)),
            *(f"{name} is not in the block" for name in sorted(beyond)),
            *(
                f"{name} is {tuple(shapes[name][0])} in the block, {tuple(shapes[name][1])} there"
                for name in sorted(wrong)
            ),
        ]
        more = f" and {len(said) - 3} more" if len(said) > 3 else ""
        raise TaskError(
            f"pretrained block={self.block!r} is not of {self.file.name}: {'; '.join(said[:3])}"
            f"{more}. It must be the same for every architecture: take what the space chooses out "
            "of it, or give another prefix="
        )


class FrozenBlock(TrainingCallback):
    """Keeps a block in evaluation mode, and sees at the end that it is what it was."""

    def __init__(self, pretrained: Pretrained, block: nn.Module) -> None:
        self.pretrained = pretrained
        self.block = block
        self._loaded = _digest(block.state_dict())

    def on_train_batch_start(self, trainer: Any) -> None:
        """Undo Lightning's putting the whole module into training mode."""
        del trainer
        if any(part.training for part in self.block.modules()):
            self.block.eval()

    def on_train_end(self, trainer: Any) -> None:
        """Check that nothing wrote to the block.

        Raises:
            TaskError: Something did.
        """
        del trainer
        if _digest(self.block.state_dict()) != self._loaded:
            raise TaskError(
                f"pretrained block={self.pretrained.block!r} is frozen, but training changed it: "
                "the module writes to it, so it favors some architectures; give frozen=False, or "
                "leave it alone in training_step"
            )


@lru_cache(maxsize=4)
def _state(file: Path, prefix: str) -> dict[str, Tensor]:
    """The tensors of a checkpoint whose names begin with `prefix`, by the rest of their names."""
    import torch

    if file.suffix == ".safetensors":
        from safetensors.torch import load_file

        whole: Any = load_file(file)
    else:
        try:
            whole = torch.load(file, map_location="cpu", weights_only=True)
        except pickle.UnpicklingError as error:
            first = str(error).partition("\n")[0]
            raise TaskError(
                f"pretrained file={str(file)!r} holds more than tensors ({first}): save the "
                "block's state_dict() alone"
            ) from error
        whole = whole.get("state_dict", whole) if isinstance(whole, Mapping) else whole
    tensors = isinstance(whole, Mapping) and all(
        isinstance(value, torch.Tensor) for value in whole.values()
    )
    if not tensors:
        raise TaskError(f"pretrained file={str(file)!r} holds no state of names and tensors")
    chosen = {n[len(prefix) :]: value for n, value in whole.items() if n.startswith(prefix)}
    if not chosen:
        some = ", ".join(list(whole)[:3])
        raise TaskError(
            f"pretrained prefix={prefix!r}: no name in {file.name} begins with it; there are {some}"
        )
    return chosen


def _digest(state: Mapping[str, Tensor]) -> str:
    import torch

    found = hashlib.sha256()
    for name in sorted(state):
        tensor = state[name].detach().cpu().contiguous()
        found.update(f"{name} {tensor.dtype} {tuple(tensor.shape)} ".encode())
        found.update(tensor.reshape(-1).view(torch.uint8).numpy().tobytes())
    return found.hexdigest()
