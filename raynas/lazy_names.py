"""Names that are imported on first use, listed once: the imports for type checkers are the list.

A package whose names are lazy reads as

```
if TYPE_CHECKING:
    from raynas.search import Search as Search
else:
    __getattr__, __dir__, __all__ = attach(__name__)
```
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable
from importlib import import_module
from importlib.abc import InspectLoader
from typing import Any, NamedTuple

from raynas.renamed import RENAMED_NAMES, lookup

__all__ = ["LazyNames", "attach"]


class LazyNames(NamedTuple):
    """The three special names of a module with lazy attributes.

    Attributes:
        getattr: Imports a listed name, finds a former one with a warning, and refuses others.
        dir: Returns the listed names and submodules.
        all: The listed names, without submodules.
    """

    getattr: Callable[[str], Any]
    dir: Callable[[], list[str]]
    all: list[str]


def attach(module: str) -> LazyNames:
    """Make the names that `module` imports under ``if TYPE_CHECKING`` lazy attributes of it.

    Args:
        module: The name of the module that calls this. ``from package import name`` under its
            ``if TYPE_CHECKING`` lists a name; ``from module import submodule`` lists a submodule.
    """
    homes = _listed(module)

    def load(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        home = homes[name]
        found = (
            import_module(f"{module}.{name}")
            if home == module
            else getattr(import_module(home), name)
        )
        setattr(sys.modules[module], name, found)
        return found

    public = sorted(name for name, home in homes.items() if home != module)
    find = lookup(module, load) if module in RENAMED_NAMES else load
    return LazyNames(find, lambda: sorted(homes), public)


def _listed(module: str) -> dict[str, str]:
    """Source of each name that `module` imports for type checkers."""
    loader = sys.modules[module].__loader__
    source = loader.get_source(module) if isinstance(loader, InspectLoader) else None
    if source is None:
        raise ImportError(f"{module}: its lazy names are read from its source, which is missing")
    return {
        alias.name: statement.module
        for block in ast.parse(source).body
        if isinstance(block, ast.If) and ast.unparse(block.test) == "TYPE_CHECKING"
        for statement in block.body
        if isinstance(statement, ast.ImportFrom) and statement.module
        for alias in statement.names
    }
