"""The files of an export, each loaded back and compared with the network before it counts."""

from __future__ import annotations

import json
import logging
import platform
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from raynas.errors import ConfigurationError, RaynasError, in_a_line
from raynas.export.code import standalone_code
from raynas.space import Space
from raynas.tasks import LightningTask
from raynas.tasks.example import example_of
from raynas.training import Best

__all__ = ["ExportFiles", "write_export"]

_TOLERANCE = 1e-3
_FORMATS = ("weights", "torch", "onnx")


@dataclass(frozen=True)
class ExportFiles:
    """What was written.

    Attributes:
        folder: Where.
        files: By what they are: ``architecture``, ``code``, ``weights``, ``torch``, ``onnx``.
        differences: Largest difference between the outputs of the network and of a file of it,
            loaded back, relative to the largest output.
        left_out: What could not be written, with the reason.
    """

    folder: Path
    files: dict[str, Path]
    differences: dict[str, float]
    left_out: dict[str, str]


def write_export(
    best: Best, folder: Path, formats: tuple[str, ...] = _FORMATS, example: Any = None
) -> ExportFiles:
    """Write `best` to `folder`.

    ``architecture.json`` is always there; ``model.py`` builds it without raynas, where the source
    allows that. Where it was trained in full, ``model.safetensors`` has the weights of the
    network, ``model.pt2`` is the program of `torch.export`, ``model.onnx`` that for other
    runtimes. The last two take batches of any size, where torch can make them do so.

    Args:
        best: What to write.
        folder: Made where it does not exist.
        formats: Which of the files with weights: ``"weights"``, ``"torch"``, ``"onnx"``.
        example: A batch of one example as the network takes it; by default the first one of the
            task's data.

    Raises:
        ConfigurationError: A format is unknown.
        RaynasError: A file that was written does not compute what the network does.
    """
    for name in formats:
        if name not in _FORMATS:
            raise ConfigurationError(f"format={name!r}: use some of {', '.join(_FORMATS)}")
    folder.mkdir(parents=True, exist_ok=True)
    made = _Export(best, folder)
    made.attempt("code", "model.py", made.write_code)
    if best.weights is None:
        for name in formats:
            made.left_out[name] = "not trained in full yet: run `raynas train`"
    else:
        network = best.load()
        inputs = _inputs(best, example)
        writers = {
            "weights": made.write_weights,
            "torch": made.write_torch,
            "onnx": made.write_onnx,
        }
        endings = {"weights": "safetensors", "torch": "pt2", "onnx": "onnx"}
        for name in formats:
            made.attempt(
                name,
                f"model.{endings[name]}",
                lambda path, write=writers[name]: write(path, network, inputs),  # type: ignore[misc]
            )
    made.write_architecture()
    return ExportFiles(folder, made.files, made.differences, made.left_out)


class _Export:
    """Writes the files one by one, and remembers what came of each."""

    def __init__(self, best: Best, folder: Path) -> None:
        self.best = best
        self.folder = folder
        self.files: dict[str, Path] = {}
        self.differences: dict[str, float] = {}
        self.left_out: dict[str, str] = {}

    def attempt(self, name: str, file: str, write: Callable[[Path], float | None]) -> None:
        """Call `write`, and take what it returns for the difference."""
        path = self.folder / file
        path.unlink(missing_ok=True)
        try:
            difference = write(path)
        except ImportError as error:
            self.left_out[name] = f"{error}: pip install 'raynas[onnx]'"
        except RaynasError as error:
            self.left_out[name] = str(error)
        except Exception as error:
            self.left_out[name] = in_a_line(error)
        else:
            if difference is not None and not difference <= _TOLERANCE:
                path.unlink(missing_ok=True)
                raise RaynasError(
                    f"{path} computed something else than the network (relative difference "
                    f"{difference:.2g}) and was deleted: is the network random in eval()?"
                )
            self.files[name] = path
            if difference is not None:
                self.differences[name] = difference
            return
        path.unlink(missing_ok=True)

    def write_code(self, path: Path) -> None:
        """The code that builds the network without raynas."""
        task = self.best.search.full or self.best.search.task
        arguments = dict(task.build) if isinstance(task, LightningTask) else {}
        text = standalone_code(self.best.architecture, arguments)
        compile(text, path, "exec")
        path.write_text(text, encoding="utf-8")

    def write_weights(self, path: Path, network: Any, inputs: tuple[Any, ...]) -> float:
        """The network's state, read back into a fresh network."""
        from safetensors.torch import load_model, save_model

        save_model(network, str(path))
        fresh, _ = self.best.build()
        load_model(fresh, str(path))
        return _difference(network, fresh.eval(), inputs)

    def write_torch(self, path: Path, network: Any, inputs: tuple[Any, ...]) -> float:
        """The exported program."""
        import torch

        with _quiet():
            torch.export.save(_exported(network, inputs), path)
            return _difference(network, torch.export.load(path).module(), inputs)

    def write_onnx(self, path: Path, network: Any, inputs: tuple[Any, ...]) -> float:
        """The ONNX model, computed by ONNX Runtime where that is installed."""
        import onnx
        import onnxscript  # noqa: F401 - what torch writes ONNX with
        import torch

        with _quiet():
            program = torch.onnx.export(_exported(network, inputs), dynamo=True, verbose=False)
        if program is None:
            raise RaynasError("torch made no ONNX program")
        program.save(str(path))
        onnx.checker.check_model(str(path))
        return _difference(network, _onnx_runner(path), inputs)

    def write_architecture(self) -> None:
        """What was found, and how it was come by."""
        best = self.best
        space: Space[Any] = Space.of(best.search.space)
        data = {
            "architecture": json.loads(space.to_json(best.architecture)),
            "class": f"{space.root.__module__}.{space.root.__qualname__}",
            "shown": repr(best.architecture),
            "score": best.score,
            "stage": best.stage,
            "trial": best.trial,
            "differences": self.differences,
            "left_out": self.left_out,
            "versions": {
                "python": platform.python_version(),
                **{name: version(name) for name in ("raynas", "torch")},
            },
        }
        path = self.folder / "architecture.json"
        path.write_text(json.dumps(data, indent=1), encoding="utf-8")
        self.files["architecture"] = path


def _inputs(best: Best, example: Any) -> tuple[Any, ...]:
    """A batch of two: torch takes a size of one for one that never changes."""
    import torch

    given = example_of(best.search.full or best.search.task) if example is None else example
    parts = given if isinstance(given, tuple) else (given,)
    return tuple(torch.cat([part[:1], part[:1]]) for part in parts)


def _exported(network: Any, inputs: tuple[Any, ...]) -> Any:
    """The program for batches of any size, or for this one where torch cannot."""
    import torch

    batch = tuple({0: torch.export.Dim.DYNAMIC} for _ in inputs)
    try:
        return torch.export.export(network, inputs, dynamic_shapes=batch)
    except Exception:
        return torch.export.export(network, inputs)


def _onnx_runner(path: Path) -> Callable[..., Any]:
    import torch

    try:
        from onnxruntime import InferenceSession
    except ImportError:
        from onnx.reference import ReferenceEvaluator

        evaluator = ReferenceEvaluator(str(path))
        names, run = evaluator.input_names, evaluator.run
    else:
        session = InferenceSession(str(path))
        names, run = [given.name for given in session.get_inputs()], session.run

    def call(*inputs: Any) -> Any:
        arrays = [given.numpy() for given in inputs]
        outputs: Any = run(None, dict(zip(names, arrays, strict=True)))
        return torch.from_numpy(outputs[0])

    return call


def _difference(network: Any, other: Callable[..., Any], inputs: tuple[Any, ...]) -> float:
    """Largest difference of the first outputs, relative to the largest output."""
    import torch

    with torch.no_grad():
        expected, computed = network(*inputs), other(*inputs)
    expected = expected[0] if isinstance(expected, tuple | list) else expected
    computed = computed[0] if isinstance(computed, tuple | list) else computed
    scale = float(expected.abs().max()) or 1.0
    return float((expected - computed).abs().max()) / scale


@contextmanager
def _quiet() -> Iterator[None]:
    """Without torch's advice on its own inner workings."""
    log = logging.getLogger("torch.onnx")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        log.setLevel(level)
