"""Exported code, run in a fresh process without the search, against the network of the search."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from raynas.errors import RaynasError, raised_in
from raynas.export import fresh_process as fresh
from raynas.export.module_source import file_of, is_own

__all__ = ["Reference", "check_code", "difference", "run_fresh"]

_TOLERANCE = 1e-5
"""Relative; the same code on the same machine in another process, sums in another order."""
_PASSED_ON = ("PATH", "HOME", "LANG", "TMPDIR", "TEMP", "TMP", "SYSTEMROOT", "VIRTUAL_ENV")
_PASSED_ON_FAMILIES = ("LC_", "LD_", "DYLD_", "CONDA_", "OMP_", "MKL_", "CUDA_", "XDG_", "TORCH_")

Runner = Callable[[Path], str]
"""Runs the job in a file; returns what it wrote to stderr."""


@dataclass(frozen=True)
class Reference:
    """What exported code has to reproduce.

    Attributes:
        record: Record of the search's network, from `raynas.export.fresh_process.record`.
        inputs: What it was computed from; None where no input is known.
        weights: What is loaded into the network; None for fresh weights, seeded.
        is_seeded: Whether building it twice with the same seed gives the same weights.
    """

    record: dict[str, Any]
    inputs: Sequence[Any] | None
    weights: Path | None
    is_seeded: bool = True


def check_code(code: Path, reference: Reference, run: Runner | None = None) -> float:
    """Build the network with the file `code` in a fresh process, and compare it with `reference`.

    The process is isolated from Python's environment variables and from the working directory,
    and can import neither raynas nor any module of the search.

    Args:
        code: What was exported.
        reference: What it has to reproduce.
        run: Runs the job; a process of its own by default.

    Returns:
        The largest difference between outputs, relative to the largest output; NaN where outputs
        are not comparable or no input is known.

    Raises:
        RaynasError: It does not run, or gives another network.
    """
    import torch

    with tempfile.TemporaryDirectory(prefix="raynas-check-") as name:
        folder = Path(name)
        inputs = None
        if reference.inputs is not None:
            inputs = folder / "inputs.pt"
            torch.save(list(reference.inputs), inputs)
        job = {
            "code": str(code.absolute()),
            "weights": None if reference.weights is None else str(reference.weights.absolute()),
            "inputs": None if inputs is None else str(inputs),
            "out": str(folder / "out.pt"),
            "blocked": _blocked(),
            "threads": torch.get_num_threads(),
        }
        (folder / "job.json").write_text(json.dumps(job), encoding="utf-8")
        errors = (run or run_fresh)(folder / "job.json")
        try:
            found = torch.load(folder / "out.pt", weights_only=True)
        except Exception:
            said = raised_in(errors) or "it ended without a word"
            raise RaynasError(f"in a fresh process it fails: {said}") from None
    if "error" in found:
        raise RaynasError(f"in a fresh process it fails: {found['error']}")
    return _compared(reference, found)


def run_fresh(job: Path) -> str:
    """Run `raynas.export.fresh_process` on `job` in a process of its own; returns its stderr."""
    script = Path(fresh.__file__).absolute()
    done = subprocess.run(  # noqa: S603 - this Python, on our own file
        [sys.executable, "-I", str(script), str(job)],
        cwd=job.parent,
        env={k: v for k, v in os.environ.items() if _is_passed_on(k)},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stderr


def difference(expected: Mapping[str, Any], found: Mapping[str, Any]) -> float:
    """Largest difference between nested outputs, relative to the largest in the same place.

    Infinite where places, types or shapes differ.
    """
    if expected.keys() != found.keys():
        return float("inf")
    return max((_apart(expected[place], found[place]) for place in expected), default=0.0)


def _compared(reference: Reference, found: dict[str, Any]) -> float:
    expected = reference.record
    _same("submodule", _named(expected["structure"]), _named(found["structure"]))
    if reference.weights is not None or reference.is_seeded:
        _same("tensor", expected["state"], found["state"])
    else:
        _same("tensor", _kinds(expected["state"]), _kinds(found["state"]))
    if reference.inputs is None or expected["random"]:
        return float("nan")
    apart = {mode: difference(expected["outputs"][mode], found["outputs"][mode]) for mode in _MODES}
    for mode, value in apart.items():
        if not value <= _TOLERANCE:
            raise RaynasError(
                f"in a fresh process it computes something else in {mode} mode (relative "
                f"difference {value:.2g})"
            )
    return apart["eval"]


_MODES = ("eval", "train")


def _same(what: str, expected: Mapping[str, Any], found: Mapping[str, Any]) -> None:
    for name in dict.fromkeys([*expected, *found]):
        if expected.get(name) != found.get(name):
            raise RaynasError(
                f"in a fresh process its {what} {name or 'itself'!r} is another one: "
                f"{_short(found.get(name))} instead of {_short(expected.get(name))}"
            )


def _named(structure: Sequence[Sequence[str]]) -> dict[str, str]:
    return {part[0]: " ".join(part[1:]) for part in structure}


def _kinds(state: Mapping[str, str]) -> dict[str, str]:
    return {name: value.rpartition(" ")[0] for name, value in state.items()}


def _short(value: object) -> str:
    text = "none" if value is None else str(value)
    return text if len(text) <= 120 else f"{text[:117]}..."


def _apart(expected: Any, found: Any) -> float:
    import torch

    if not isinstance(expected, torch.Tensor) or not isinstance(found, torch.Tensor):
        return 0.0 if type(expected) is type(found) and expected == found else float("inf")
    if expected.shape != found.shape or expected.dtype != found.dtype:
        return float("inf")
    if not expected.numel():
        return 0.0
    kind = torch.complex128 if expected.is_complex() else torch.float64
    one, other = (
        expected.detach().cpu().to_dense().to(kind),
        found.detach().cpu().to_dense().to(kind),
    )
    alike = (one == other) | (one.isnan() & other.isnan())
    gaps = torch.where(alike, torch.zeros_like(one), one - other).abs()
    finite = one[one.isfinite()].abs()
    scale = float(finite.max()) if finite.numel() else 1.0
    largest = float(gaps.max())
    return largest / (scale or 1.0) if largest == largest else float("inf")


def _blocked() -> list[str]:
    """Top-level modules that no user of the exported files has: raynas and the search's own."""
    own = set()
    for name in list(sys.modules):
        top = name.partition(".")[0]
        if is_own(top) or (is_own(name) and file_of(top) is None):
            own.add(top)
    return sorted({"raynas", "search_spaces", *own} - {"__main__", "__mp_main__"})


def _is_passed_on(variable: str) -> bool:
    """Whether the fresh process gets an environment variable; code must not depend on others."""
    return variable in _PASSED_ON or variable.startswith(_PASSED_ON_FAMILIES)
