"""Names of version 0.1 that have been renamed: they work for one more version, with a warning."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

__all__ = ["RENAMED_MODULES", "install", "warn_of"]

RENAMED_MODULES = {
    "raynas.before": "raynas.preflight",
    "raynas.before.curves": "raynas.preflight.learning_curves",
    "raynas.bounds": "raynas.report_limits",
    "raynas.cli.load": "raynas.cli.search_file",
    "raynas.plan": "raynas.search_cost",
    "raynas.selection": "raynas.shortlist",
    "raynas.tasks.split": "raynas.tasks.lightning.split",
    "raynas.training": "raynas.full_training",
}


def warn_of(old: str, new: str, stacklevel: int = 3) -> None:
    """Warn, at the line of the caller's caller, that `old` is called `new` now."""
    warnings.warn(
        f"{old} is called {new} now; the old name works until version 0.3",
        DeprecationWarning,
        stacklevel=stacklevel,
    )


class _Renamed(MetaPathFinder, Loader):
    """Imports a module by its old name: the same module object as by the new one."""

    def find_spec(
        self,
        name: str,
        path: Sequence[str] | None,  # noqa: ARG002
        target: ModuleType | None = None,  # noqa: ARG002
    ) -> ModuleSpec | None:
        if name not in RENAMED_MODULES:
            return None
        return ModuleSpec(name, self, is_package=True)

    def exec_module(self, module: ModuleType) -> None:
        old = module.__name__
        warn_of(old, RENAMED_MODULES[old])
        sys.modules[old] = import_module(RENAMED_MODULES[old])


def install() -> None:
    """Make the old names of modules importable in this process."""
    if not any(isinstance(finder, _Renamed) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Renamed())
