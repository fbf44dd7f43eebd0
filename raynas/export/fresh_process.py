"""Records what a network is and computes; as a script, that of exported code in a fresh process.

`raynas.export.verification` records the network of the search with the functions below, and runs
this file as ``python -I fresh_process.py JOB`` to record that of the exported code. The script must
work where raynas cannot be imported, so this module imports nothing of it.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import random
import sys
import traceback
from collections.abc import Iterator, Mapping, Sequence
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any

__all__ = ["Blocked", "flat", "record", "record_of_job", "seed_all", "state_of"]

_SIMPLE = (bool, int, float, complex, str, bytes, type(None))
_DEEPEST = 12  # containers within containers; stops at cycles


def seed_all(seed: int = 0) -> None:
    """Seed every generator that networks draw from."""
    import numpy as np
    import torch

    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


def record(network: Any, inputs: Sequence[Any] | None) -> dict[str, Any]:
    """What `network` is, and what it computes from `inputs` with seeded generators.

    Runs the network in evaluation mode and in training mode, which may change its buffers.

    Args:
        network: A module.
        inputs: Positional arguments; None to record only what it is.

    Returns:
        ``structure``: kind and settings of each submodule; ``state``: dtype, shape and digest of
        each tensor; ``outputs``: tensors by mode and place; ``random``: whether outputs differ
        although generators are seeded.
    """
    network.eval()
    made: dict[str, Any] = {"structure": _structure(network), "state": state_of(network)}
    if inputs is not None:
        first = _outputs(network, inputs)
        made["random"] = _digests(first) != _digests(_outputs(network, inputs))
        made["outputs"] = {"eval": first, "train": _training_outputs(network, inputs)}
    return made


def state_of(network: Any) -> dict[str, str]:
    """Dtype, shape and digest of the network's parameters and buffers, temporary ones included."""
    tensors = {**dict(network.named_buffers()), **network.state_dict()}
    return {name: _told(value) for name, value in tensors.items()}


def flat(value: Any, place: str = "", depth: int = 0) -> Iterator[tuple[str, Any]]:
    """The parts of a nested output with their places: tensors as they are, the rest as text."""
    import torch

    if isinstance(value, torch.Tensor):
        yield place, value.detach()
    elif isinstance(value, _SIMPLE) or depth > _DEEPEST:
        yield place, repr(value) if isinstance(value, _SIMPLE) else type(value).__qualname__
    elif isinstance(value, Mapping):
        for key, part in value.items():
            yield from flat(part, f"{place}[{key!r}]", depth + 1)
    elif isinstance(value, list | tuple):
        for index, part in enumerate(value):
            yield from flat(part, f"{place}[{index}]", depth + 1)
    else:
        yield place, type(value).__qualname__
        for name, part in sorted(getattr(value, "__dict__", {}).items()):
            yield from flat(part, f"{place}.{name}", depth + 1)


def _outputs(network: Any, inputs: Sequence[Any]) -> dict[str, Any]:
    import torch

    seed_all()
    with torch.no_grad():
        return dict(flat(network(*inputs)))


def _training_outputs(network: Any, inputs: Sequence[Any]) -> dict[str, Any]:
    """Outputs in training mode, which show dropout rates; the error where it cannot run so."""
    network.train()
    try:
        return _outputs(network, inputs)
    except Exception as error:
        return {"": f"raises {type(error).__name__}"}


def _structure(network: Any) -> list[list[str]]:
    """Name, kind and settings of each submodule."""
    return [
        [name, type(part).__qualname__, *sorted(f"{k}={v}" for k, v in _settings(part).items())]
        for name, part in network.named_modules()
    ]


def _settings(part: Any) -> dict[str, str]:
    import torch

    given = {k: v for k, v in vars(part).items() if not k.startswith("_")}
    shown = {}
    for name, value in given.items():
        if isinstance(value, torch.Tensor):
            shown[name] = f"{value.dtype} {tuple(value.shape)}"
        elif isinstance(value, (*_SIMPLE, torch.dtype, torch.device)) or _simple(value):
            shown[name] = repr(value)
        elif callable(value) and hasattr(value, "__qualname__"):
            shown[name] = value.__qualname__
    return shown


def _simple(value: Any) -> bool:
    return isinstance(value, list | tuple) and all(
        isinstance(part, _SIMPLE) or _simple(part) for part in value
    )


def _digests(outputs: Mapping[str, Any]) -> dict[str, str]:
    return {place: _told(value) for place, value in outputs.items()}


def _told(value: Any) -> str:
    """A tensor's dtype, shape and digest; anything else as text."""
    import torch

    if not isinstance(value, torch.Tensor):
        return repr(value)
    if torch.nn.parameter.is_lazy(value):
        return "uninitialized"
    plain = value.detach().cpu()
    plain = plain.to_dense() if plain.layout != torch.strided else plain
    raw = plain.resolve_conj().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()
    return f"{value.dtype} {tuple(value.shape)} {hashlib.sha256(raw).hexdigest()}"


class Blocked:
    """Refuses imports, so that code that needs what will not be there fails.

    Args:
        names: Names of top-level modules.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self.names = frozenset(names)

    def find_spec(self, name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        """See `importlib.abc.MetaPathFinder`."""
        del path, target
        if name.partition(".")[0] in self.names:
            raise ModuleNotFoundError(f"the exported code imports {name}", name=name)
        return None


def record_of_job(job: Mapping[str, Any]) -> dict[str, Any]:
    """The record of exported code, or ``error`` with the reason why it does not run.

    Args:
        job: ``code``: the file; ``weights``: what to load, or None for fresh seeded weights;
            ``inputs``: file with the inputs, or None; ``blocked``: top-level modules to refuse;
            ``threads``: how many to compute with.
    """
    import torch

    torch.set_num_threads(job["threads"])
    sys.meta_path.insert(0, Blocked(job["blocked"]))
    inputs = None if job["inputs"] is None else torch.load(job["inputs"], weights_only=True)
    try:
        spec = importlib.util.spec_from_file_location("exported_model", job["code"])
        assert spec is not None and spec.loader is not None  # noqa: S101, PT018 - a path gives both
        made = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = made
        spec.loader.exec_module(made)
        seed_all()
        network = made.build() if job["weights"] is None else made.load(job["weights"])
        return record(network, inputs)
    except BaseException as error:
        return {"error": _where(error, Path(job["code"]).parent)}


def _where(error: BaseException, folder: Path) -> str:
    frames = [
        f"{Path(frame.filename).relative_to(folder)}:{frame.lineno}"
        for frame in traceback.extract_tb(error.__traceback__)
        if Path(frame.filename).is_relative_to(folder)
    ]
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" + (f" ({frames[-1]})" if frames else "")


def main(path: str) -> None:
    """Record the job in the JSON file at `path`, and write what was found to its ``out``."""
    import torch

    job = json.loads(Path(path).read_text(encoding="utf-8"))
    torch.save(record_of_job(job), job["out"])


if __name__ == "__main__":
    main(sys.argv[1])
