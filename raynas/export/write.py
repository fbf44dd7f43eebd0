"""The files of an export, each checked before it takes its place."""

from __future__ import annotations

import json
import math
import platform
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from raynas.errors import ConfigurationError, RaynasError, in_a_line
from raynas.export.code_attempts import fresh_network, proven_code
from raynas.export.formats import usable_inputs, write_onnx, write_torch
from raynas.export.fresh_process import record, seed_all, state_of
from raynas.export.module_copies import FOLDER
from raynas.export.owned_folder import ExportFolder
from raynas.export.verification import Reference, difference, run_fresh
from raynas.full_training import Best
from raynas.space import Space
from raynas.tasks.example_input import example_of

__all__ = ["ExportFiles", "write_export"]

_FORMATS = ("weights", "torch", "onnx")
_NAMES = {"code": "model.py", "weights": "model.safetensors", "torch": "model.pt2"}
_NAMES["onnx"] = "model.onnx"
_WRITERS = {"torch": write_torch, "onnx": write_onnx}
_NOT_TRAINED = "not trained in full yet: run `raynas train`"


@dataclass(frozen=True)
class ExportFiles:
    """What was written.

    Attributes:
        folder: Folder that the files are written to.
        files: Paths by kind: ``architecture``, ``code``, ``weights``, ``torch``, ``onnx``.
        differences: Largest difference between the outputs of the network and of a file of it,
            loaded back, relative to the largest output.
        left_out: What could not be written, with the reason.
        remarks: What else there is to know about a file.
        missing: The part of it that every export should have: the code, and the weights of what
            was trained.
    """

    folder: Path
    files: dict[str, Path]
    differences: dict[str, float]
    left_out: dict[str, str]
    remarks: dict[str, str]
    missing: tuple[str, ...]


def write_export(
    best: Best,
    folder: Path,
    formats: Sequence[str] = _FORMATS,
    example: Any = None,
    *,
    replace: bool = False,
    run: Callable[[Path], str] = run_fresh,
) -> ExportFiles:
    """Write `best` to `folder`.

    ``architecture.json`` is always written, and first. Where the architecture was trained in full,
    ``model.safetensors`` has the weights of the network, ``model.pt2`` is the program of
    `torch.export`, ``model.onnx`` that for other runtimes; the last two take batches of any size
    where torch can make them do so. ``model.py`` builds the network without raynas. It is one file
    where the definitions that it needs can be taken out of their modules, and otherwise comes with
    copies of these modules in ``model_code/``. It is run in a fresh process that cannot import
    raynas or the search; its submodules, weights and outputs, in evaluation and in training mode,
    must be the network's own. Other files are loaded back and compared with the network, nested
    outputs whole. A file that fails its check is left out, and takes nothing with it.

    Args:
        best: What to write.
        folder: Made where it does not exist. Files in it that no export wrote stay.
        formats: Which of the files with weights: ``"weights"``, ``"torch"``, ``"onnx"``.
        example: A batch of one example as the network takes it; by default the first one of the
            task's data.
        replace: Whether to replace files in `folder` that no export wrote.
        run: Runs the job that checks ``model.py``; in a fresh process by default.

    Raises:
        ConfigurationError: A format is unknown, or a file of somebody else is in the way.
        RaynasError: The network's weights do not determine what it computes.
    """
    for name in formats:
        if name not in _FORMATS:
            raise ConfigurationError(f"format={name!r}: use some of {', '.join(_FORMATS)}")
    target = ExportFolder(folder, (*_NAMES.values(), "model.onnx.data", FOLDER), replace)
    with target.staging() as staging:
        made = _Export(best, target, staging, tuple(formats), run)
        try:
            made.write(example)
        finally:
            target.finish(made.description())
    return ExportFiles(
        folder,
        made.files,
        made.differences,
        made.left_out,
        made.remarks,
        tuple(name for name, why in made.left_out.items() if _is_needed(name, why)),
    )


def _is_needed(name: str, why: str) -> bool:
    return name == "code" or (name == "weights" and why != _NOT_TRAINED)


class _Export:
    """Writes the files one by one, and remembers the result of each."""

    def __init__(
        self,
        best: Best,
        target: ExportFolder,
        staging: Path,
        formats: tuple[str, ...],
        run: Callable[[Path], str],
    ) -> None:
        self.best = best
        self.target = target
        self.staging = staging
        self.formats = formats
        self.run = run
        self.files: dict[str, Path] = {}
        self.differences: dict[str, float] = {}
        self.left_out: dict[str, str] = {}
        self.remarks: dict[str, str] = {}

    def write(self, example: Any) -> None:
        """Write everything but the last state of ``architecture.json``."""
        self.files["architecture"] = self.target.describe(self.description())
        trained = self.best.weights is not None
        weights = self.staging / _NAMES["weights"]
        with self._attempt("weights"):
            if trained:
                weights = self._write_weights(weights)
        known = trained and "weights" not in self.left_out
        inputs = self._inputs(example, known)
        if known:
            self._check_determined(inputs)
        with self._attempt("code"):
            self._write_code(weights if known else None, inputs)
        for name in self.formats:
            if not trained:
                self.left_out[name] = _NOT_TRAINED
            elif name in _WRITERS:
                with self._attempt(name):
                    self._write_program(name, inputs)

    def description(self) -> dict[str, Any]:
        """What was found, and how it was come by, for ``architecture.json``."""
        best = self.best
        space: Space[Any] = Space.of(best.search.space)
        return {
            "architecture": json.loads(space.to_json(best.architecture)),
            "class": f"{space.root.__module__}.{space.root.__qualname__}",
            "shown": repr(best.architecture),
            "metric": best.objective.name,
            "score": best.objective.figure(best.score),
            "stage": best.stage,
            "trial": best.trial,
            "full_training": best.full_training,
            "differences": {k: v for k, v in self.differences.items() if math.isfinite(v)},
            "left_out": self.left_out,
            "remarks": self.remarks,
            "versions": {
                "python": platform.python_version(),
                **{name: version(name) for name in ("raynas", "torch")},
            },
        }

    @contextmanager
    def _attempt(self, name: str) -> Iterator[None]:
        """Note why `name` is left out, where writing it fails."""
        try:
            yield
        except RaynasError as error:
            self.left_out[name] = str(error)
        except Exception as error:
            self.left_out[name] = in_a_line(error)
            if name == "onnx" and isinstance(error, ImportError):
                self.left_out[name] = f"{error}: pip install 'raynas[onnx]'"

    def _publish(self, name: str, *staged: Path, root: Path) -> None:
        """Put files in their places, the one that `name` is known by last."""
        places = [self.target.publish(path, root) for path in staged]
        self.files[name] = places[-1]

    def _write_weights(self, path: Path) -> Path:
        """The network's state, read back into a fresh network; gives where it is now."""
        from safetensors.torch import load_model, save_model

        network = self.best.load()
        save_model(network, str(path))
        fresh, _ = self.best.build()
        load_model(fresh, str(path))
        one, other = state_of(network), state_of(fresh)
        if any(one[name] != other[name] for name in network.state_dict()):
            raise RaynasError("read back, the network's state is another one")
        if "weights" in self.formats:
            self._publish("weights", path, root=self.staging)
            return self.files["weights"]
        return path

    def _inputs(self, example: Any, is_trained: bool) -> tuple[Any, ...] | None:
        """A batch that the network takes; None, with the reason as a remark, if none is known."""
        try:
            given = example_of(self.best.task) if example is None else example
            network = self.best.load() if is_trained else fresh_network(self.best).eval()
            return usable_inputs(network, given)
        except Exception as error:
            text = str(error) if isinstance(error, RaynasError) else in_a_line(error)
            self.remarks["code"] = f"outputs were not compared, for want of an example: {text}"
            return None

    def _write_code(self, weights: Path | None, inputs: tuple[Any, ...] | None) -> None:
        """``model.py``, and where it needs them copies of modules."""
        seed_all()
        network = fresh_network(self.best)
        reference = self._reference(network, weights, inputs)
        folder = self.staging / "code"
        proven = proven_code(self.best, reference, folder, self.run)
        root = folder / proven.files[-1].relative_to(folder).parts[0]
        self._publish("code", *proven.files, root=root)
        self.differences["code"] = proven.difference
        if proven.modules:
            self._remark("code", f"{FOLDER}/ has copies of {', '.join(proven.modules)}")
        if reference.record.get("random"):
            self._remark("code", "outputs are random whatever the seed, so they were not compared")

    def _reference(
        self, network: Any, weights: Path | None, inputs: tuple[Any, ...] | None
    ) -> Reference:
        """What the code has to reproduce."""
        if weights is None:
            state = state_of(network)
            seed_all()
            same = state == state_of(fresh_network(self.best))
            return Reference(record(network, inputs), inputs, None, same)
        return Reference(record(self._seeded_load(0), inputs), inputs, weights)

    def _check_determined(self, inputs: tuple[Any, ...] | None) -> None:
        """Check that the weights determine the network: built twice, it is twice the same.

        Raises:
            RaynasError: It has other tensors that are drawn anew with each build.
        """
        one, other = (record(self._seeded_load(seed), inputs) for seed in (0, 1))
        same = one["state"] == other["state"] and one["structure"] == other["structure"]
        if same and inputs is not None and not one["random"]:
            same = not difference(one["outputs"]["eval"], other["outputs"]["eval"])
        if not same:
            raise RaynasError(
                "the weights do not determine what the network computes: build() draws random "
                "values that its state_dict does not hold, so what was trained is lost; keep them "
                "with register_buffer(), and train again"
            )

    def _seeded_load(self, seed: int) -> Any:
        seed_all(seed)
        return self.best.load()

    def _write_program(self, name: str, inputs: tuple[Any, ...] | None) -> None:
        """A program of the network for another runtime."""
        if inputs is None:
            raise RaynasError(self.remarks["code"])
        folder = self.staging / name
        folder.mkdir()
        path = folder / _NAMES[name]
        self.differences[name] = _WRITERS[name](path, self.best.load(), inputs)
        others = sorted(other for other in folder.iterdir() if other != path)
        self._publish(name, *others, path, root=folder)

    def _remark(self, name: str, text: str) -> None:
        known = self.remarks.get(name)
        self.remarks[name] = f"{known}; {text}" if known else text
