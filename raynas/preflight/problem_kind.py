"""The kind of a problem, recognized from the layers of its network and what it takes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from raynas.errors import RaynasError, TaskError, in_a_line
from raynas.preflight.baseline_runs import OptimizerKind
from raynas.tasks import LightningTask
from raynas.tasks.example_input import example_of
from raynas.tasks.lightning.loader_collections import first_batch
from raynas.tasks.lightning.split import data_module
from raynas.trials import Architecture
from raynas.wording import counted

__all__ = ["Kind", "ProblemKind", "given_kind", "kind_of", "usual_optimizers"]

Kind = Literal[
    "images", "volumes", "detection", "language", "transformers", "recurrent", "series", "tables",
    "graphs", "not known",
]  # fmt: skip

_BOXES = frozenset({"boxes", "bbox", "bboxes", "gt_boxes"})
_EDGES = frozenset({"edge_index", "adj_t", "edges"})
_GENERAL: tuple[tuple[OptimizerKind, tuple[float, ...]], ...] = (
    ("sgd", (0.1, 0.01)),
    ("adam", (1e-3, 3e-4)),
    ("adamw", (1e-3, 3e-4)),
)
_USUAL: dict[Kind, tuple[tuple[OptimizerKind, tuple[float, ...]], ...]] = {
    "volumes": (("sgd", (0.01, 1e-3)), *_GENERAL[1:]),
    "detection": (("sgd", (0.02, 5e-3)), ("adam", (3e-4, 1e-4)), ("adamw", (3e-4, 1e-4))),
    "language": (("adam", (1e-3, 3e-4)), ("adamw", (1e-3, 3e-4, 1e-4))),
    "transformers": (("adam", (1e-3, 3e-4)), ("adamw", (1e-3, 3e-4, 1e-4))),
    "recurrent": (*_GENERAL, ("rmsprop", (1e-3, 1e-4))),
    "graphs": (("adam", (0.01, 1e-3)), ("adamw", (0.01, 1e-3))),
}


@dataclass(frozen=True)
class ProblemKind:
    """A kind of problem, and what says so.

    Attributes:
        kind: The kind; ``"not known"`` where nothing says clearly.
        words: What in the network and its inputs says so.
    """

    kind: Kind
    words: str


def usual_optimizers(kind: Kind) -> tuple[tuple[OptimizerKind, tuple[float, ...]], ...]:
    """The optimizers that problems of `kind` are usually trained with, and learning rates to try.

    AdamW is always among them. SGD is left out for transformers, which it trains badly (Zhang et
    al. 2020, "Why are Adaptive Methods Good for Attention Models?", NeurIPS), and for graphs.
    """
    return _USUAL.get(kind, _GENERAL)


def given_kind(text: str) -> ProblemKind:
    """The kind that a user names.

    Raises:
        RaynasError: There is no such kind.
    """
    for kind in get_args(Kind):
        if kind == text:
            return ProblemKind(kind, "as given")
    raise TaskError(f"kind={text!r}: use one of {', '.join(get_args(Kind))}")


def kind_of(task: LightningTask, architecture: Architecture) -> ProblemKind:
    """The kind of problem that `task` trains `architecture` for.

    Args:
        task: The full training.
        architecture: The baseline.
    """
    try:
        _, module = task.made(architecture)
    except Exception as error:  # of the user's code, which the training reports
        return ProblemKind("not known", in_a_line(error))
    layers = Counter(_layers(module))
    try:
        example = example_of(task)
    except (RaynasError, StopIteration):
        example = None
    return _kind(layers, _shapes(example), _names(task))


def _layers(module: Any) -> Iterator[str]:
    """Layers by what they do, of whatever class."""
    import torch

    kinds: dict[str, tuple[type[Any], ...]] = {
        "recurrent": (torch.nn.RNNBase, torch.nn.RNNCellBase),
        "attention": (torch.nn.MultiheadAttention,),
        "embedding": (torch.nn.Embedding, torch.nn.EmbeddingBag),
        "conv1d": (torch.nn.Conv1d,),
        "conv2d": (torch.nn.Conv2d,),
        "conv3d": (torch.nn.Conv3d,),
        "linear": (torch.nn.Linear,),
    }
    for layer in module.modules():
        for name, classes in kinds.items():
            if isinstance(layer, classes):
                yield name
        name = type(layer).__name__.lower()
        if ("attention" in name or "attn" in name) and name != "multiheadattention":
            yield "attention"


def _shapes(example: Any) -> list[tuple[int, bool]]:
    """Dimensions of each input tensor with the batch, and whether it has whole numbers."""
    parts: list[Any] = [example]
    if isinstance(example, Mapping):
        parts = list(example.values())
    elif isinstance(example, tuple | list):
        parts = list(example)
    return [(part.ndim, not part.is_floating_point()) for part in parts if hasattr(part, "ndim")]


def _names(task: LightningTask) -> frozenset[str]:
    """Names of what a batch holds, at any depth."""
    try:
        batch = first_batch(data_module(task.data).train_dataloader())
    except Exception:  # of the user's data, which other checks report
        return frozenset()
    return frozenset(_all_names(batch))


def _all_names(part: Any, depth: int = 0) -> Iterator[str]:
    if depth > 4:
        return
    if isinstance(part, Mapping):
        for name, value in part.items():
            yield str(name).lower()
            yield from _all_names(value, depth + 1)
    elif isinstance(part, tuple | list):
        yield from (str(name).lower() for name in getattr(part, "_fields", ()))
        for value in part[:4]:
            yield from _all_names(value, depth + 1)
    elif not hasattr(part, "ndim"):
        yield from (name for name in (*_BOXES, *_EDGES) if hasattr(part, name))


def _kind(
    layers: Counter[str], shapes: list[tuple[int, bool]], names: frozenset[str]
) -> ProblemKind:
    shown = ", ".join(f"{name} layers: {count}" for name, count in sorted(layers.items()))
    tokens = bool(shapes) and all(d == 2 and whole for d, whole in shapes)
    vectors = bool(shapes) and all(d == 2 and not whole for d, whole in shapes)
    rules: tuple[tuple[bool, Kind, str], ...] = (
        (bool(names & _EDGES), "graphs", f"batches hold {', '.join(sorted(names & _EDGES))}"),
        (
            bool(names & _BOXES) and layers["conv2d"] > 0,
            "detection",
            f"batches hold {', '.join(sorted(names & _BOXES))}",
        ),
        (layers["attention"] > 0 and tokens, "language", "attention over tokens"),
        (
            layers["attention"] > 0,
            "transformers",
            counted(layers["attention"], "layer of attention", "layers of attention"),
        ),
        (layers["recurrent"] > 0, "recurrent", counted(layers["recurrent"], "recurrent layer")),
        (layers["conv3d"] > 0, "volumes", "three-dimensional convolutions"),
        (layers["conv2d"] > 0, "images", "two-dimensional convolutions; spectrograms count too"),
        (layers["conv1d"] > 0, "series", "one-dimensional convolutions"),
        (layers["linear"] > 0 and vectors, "tables", "linear layers on rows of numbers"),
    )
    for holds, kind, why in rules:
        if holds:
            return ProblemKind(kind, f"{why} ({shown})")
    return ProblemKind("not known", shown or "the module has no layers of torch")
