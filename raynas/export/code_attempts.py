"""Code for one architecture: the simplest form of it that proves right in a fresh process."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from raynas.errors import RaynasError
from raynas.export.code import standalone_code
from raynas.export.module_copies import CodePackage, package_of
from raynas.export.module_source import is_own
from raynas.export.verification import Reference, check_code
from raynas.full_training import Best
from raynas.search import Search
from raynas.tasks import LightningTask
from raynas.tasks.example_input import innermost

__all__ = ["Proven", "fresh_network", "proven_code"]

_CODE = "model.py"


@dataclass(frozen=True)
class Proven:
    """Code that passed its check.

    Attributes:
        files: Paths of the files, ``model.py`` last.
        modules: Names of the modules that were copied; none for a single file.
        difference: Largest relative difference between outputs, see `raynas.export.verification`.
    """

    files: tuple[Path, ...]
    modules: tuple[str, ...]
    difference: float


def proven_code(
    best: Best, reference: Reference, folder: Path, run: Callable[[Path], str]
) -> Proven:
    """Write code that builds the network of `best` to `folder`, and check it.

    First as a single file, then with copies of the modules that the search consists of, then with
    copies of those alone that define the architecture.

    Args:
        best: The architecture.
        reference: What the code has to reproduce.
        folder: An empty folder.
        run: Runs the job of the check, see `raynas.export.verification.check_code`.

    Raises:
        RaynasError: No form of the code passes, with the reason for each.
    """
    reasons: list[str] = []
    tried: set[str] = set()
    for number, write in enumerate(_forms(best)):
        try:
            package = write()
            text = repr(package.files)
            if text in tried:
                continue
            tried.add(text)
            files = _written(package, folder / str(number))
            return Proven(files, package.modules, check_code(files[-1], reference, run))
        except RaynasError as error:
            reasons.append(str(error))
    raise RaynasError("; ".join(dict.fromkeys(reasons)))


def fresh_network(best: Best) -> Any:
    """The network that the code has to build, with fresh weights.

    Raises:
        RaynasError: There is none.
    """
    import torch

    arguments, factory = _making(best)
    architecture = best.architecture
    if not hasattr(architecture, "build") and factory is None:
        raise RaynasError(
            f"{type(architecture).__name__} has no build(), and a "
            f"{type(innermost(best.task)).__name__} makes no network of it"
        )
    has_build = hasattr(architecture, "build")
    network = architecture.build(**arguments) if has_build else factory(architecture)
    if not isinstance(network, torch.nn.Module):
        raise RaynasError(
            f"build() gives a {type(network).__name__}, which is no torch.nn.Module that code "
            "could be compared with"
        )
    return network


def _forms(best: Best) -> Iterator[Callable[[], CodePackage]]:
    given = (best.architecture, *_making(best))
    yield lambda: CodePackage({_CODE: standalone_code(*given)}, ())
    yield lambda: package_of(*given, first=_modules_of(best.search))
    yield lambda: package_of(*given)


def _making(best: Best) -> tuple[dict[str, Any], Any]:
    """Arguments of `build`, and what makes the network of an architecture without one."""
    task = innermost(best.task)
    return (dict(task.build), task.module) if isinstance(task, LightningTask) else ({}, None)


def _modules_of(search: Search) -> list[ModuleType]:
    """The modules that hold the search as a global."""
    return [
        module
        for name, module in list(sys.modules.items())
        if isinstance(module, ModuleType)
        and is_own(name)
        and any(
            issubclass(type(value), Search) and value.task is search.task
            for value in list(vars(module).values())
        )
    ]


def _written(package: CodePackage, folder: Path) -> tuple[Path, ...]:
    paths = []
    for name, text in reversed(package.files.items()):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        paths.append(path)
    return tuple(paths)
