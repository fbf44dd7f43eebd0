"""Whole modules of a search, copied into a package beside the file that builds the network.

For networks whose code cannot be taken apart: each module runs from its first line to its last, as
it did in the search, so registries, changed constants and patches end as they did there. Imports
between the modules become relative, and raynas is replaced by `raynas.export.stand_in`.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import raynas
from raynas import space
from raynas.errors import RaynasError
from raynas.export import stand_in
from raynas.export.code import build_expression
from raynas.export.module_source import file_of, is_raynas, is_users
from raynas.export.qualified_names import found_in, is_builtin
from raynas.refine.expressions import expression
from raynas.renamed import RENAMED_NAMES
from raynas.trials import Architecture

__all__ = ["FOLDER", "CodePackage", "package_of"]

FOLDER = "model_code"
"""Name of the package's folder."""

_STAND_IN = "raynas_stand_in"
_LOADED_BY_PATH = "raynas_search_"


@dataclass(frozen=True)
class CodePackage:
    """Code in several files.

    Attributes:
        files: Texts of the files by path, relative to the folder of the export; ``model.py`` first.
        modules: Names of the modules that were copied.
    """

    files: dict[str, str]
    modules: tuple[str, ...]


def package_of(
    architecture: Architecture,
    arguments: dict[str, Any],
    factory: Any = None,
    first: Sequence[ModuleType] = (),
) -> CodePackage:
    """A ``model.py`` as `raynas.export.code.standalone_code` writes it, with the modules it needs.

    Args:
        architecture: An instance of a searchable class.
        arguments: Arguments of its method `build`.
        factory: What makes the network of an architecture whose class has no `build`.
        first: Modules to execute before the others, such as the file of the search.

    Raises:
        RaynasError: A module's source cannot be read, or a value cannot be written as Python.
    """
    copied = _Copied()
    aliases = [copied.alias(module.__name__) for module in first]
    shown = expression(architecture, copied.refer)
    build = build_expression(architecture, arguments, factory, copied.refer)
    copies = copied.closed()
    digest = hashlib.sha256("\0".join(f"{k}\0{v}" for k, v in copies.items()).encode())
    names = [*dict.fromkeys([*aliases, *copied.aliases.values()])]
    code = _TEMPLATE.format(
        imports="".join(f"import {name}\n" for name in sorted(copied.imports)),
        folder=FOLDER,
        package=f"{FOLDER}_{digest.hexdigest()[:12]}",
        modules="\n".join(
            f"{alias} = _module({name!r})" for name, alias in _sorted(copied.aliases, names)
        ),
        architecture=shown,
        build=build,
    )
    files = {f"{FOLDER}/{name}": text for name, text in copies.items()}
    return CodePackage({"model.py": code, **files}, tuple(sorted(copied.modules)))


_TEMPLATE = '''"""Builds the best architecture that a search found; needs {folder}/ beside it."""

import importlib.util
import sys
from pathlib import Path
{imports}

def _module(name):
    """A module of the folder beside this file."""
    package = "{package}"
    if package not in sys.modules:
        folder = Path(__file__).resolve().parent / "{folder}"
        spec = importlib.util.spec_from_file_location(
            package, folder / "__init__.py", submodule_search_locations=[str(folder)]
        )
        sys.modules[package] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[package])
    return importlib.import_module(f"{{package}}.{{name}}")


{modules}

ARCHITECTURE = {architecture}


def build():
    """The network, with fresh weights."""
    return {build}


def load(path):
    """The network with the weights in `path`, a safetensors file, in evaluation mode."""
    from safetensors.torch import load_model

    network = build()
    load_model(network, path)
    return network.eval()
'''


def _sorted(aliases: dict[str, str], order: list[str]) -> list[tuple[str, str]]:
    return sorted(aliases.items(), key=lambda pair: order.index(pair[1]))


class _Copied:
    """Modules to copy, by the names that their copies have."""

    def __init__(self) -> None:
        self.modules: dict[str, Path] = {}
        self.aliases: dict[str, str] = {}
        self.imports: set[str] = set()

    def alias(self, module: str) -> str:
        """The variable of a module in ``model.py``."""
        name = self.add(module)
        return self.aliases.setdefault(name, "_" + name.replace(".", "_"))

    def refer(self, value: Any) -> str:
        """An expression for a class, function or module."""
        if is_builtin(value):
            return str(value.__name__)
        module, path = found_in(value)
        if is_users(module):
            return f"{self.alias(module)}.{path}" if path else self.alias(module)
        self.imports.add(module)
        return f"{module}.{path}" if path else module

    def add(self, module: str) -> str:
        """Take in a module and the packages that it lies in; gives the name of its copy.

        Raises:
            RaynasError: It has no file of Python code.
        """
        file = file_of(module)
        if file is None or file.suffix != ".py":
            raise RaynasError(
                f"the source of {module} cannot be read: keep the file that the search was run from"
            )
        name = _copy_name(module, file)
        if name not in self.modules:
            self.modules[name] = file
            parent = name.rpartition(".")[0]
            if parent and file_of(parent) is not None:
                self.add(parent)
        return name

    def closed(self) -> dict[str, str]:
        """Texts of all copies by path in the package, with what they import in turn."""
        names = dir(stand_in)
        found = {*dir(raynas), *RENAMED_NAMES["raynas"], *space.__all__}
        public = sorted(found - {name for name in names if name.startswith("__")})
        text = Path(stand_in.__file__).read_text(encoding="utf-8")
        files = {"__init__.py": "", f"{_STAND_IN}.py": f"{text}\n\n__all__ = {public!r}\n"}
        done: set[str] = set()
        while pending := [name for name in self.modules if name not in done]:
            for name in pending:
                done.add(name)
                path, rewritten = self._copy(name)
                files[path] = rewritten
        return dict(sorted(files.items()))

    def _copy(self, name: str) -> tuple[str, str]:
        file = self.modules[name]
        is_package = file.name == "__init__.py"
        path = name.replace(".", "/") + ("/__init__.py" if is_package else ".py")
        if is_raynas(name):  # the package of a module that is copied
            return path, ""
        source = file.read_bytes()
        try:
            text = source.decode("utf-8")
            tree = ast.parse(source)
        except (SyntaxError, ValueError) as error:
            raise RaynasError(f"{file} cannot be read as Python in UTF-8: {error}") from error
        package = name if is_package else name.rpartition(".")[0]
        dots = "." * (len(package.split(".")) + 1 if package else 1)
        replaced = []
        for node in ast.walk(tree):
            if isinstance(node, ast.Import | ast.ImportFrom):
                self._add_imported(node, package)
                statement = _relative(node, dots)
                if statement is not None:
                    replaced.append((node, statement))
        return path, _with_replaced(text, replaced)

    def _add_imported(self, node: ast.Import | ast.ImportFrom, package: str) -> None:
        for name in _imported(node, package):
            if is_users(name):
                self.add(name)


def _copy_name(module: str, file: Path) -> str:
    """A module run by its path is called by its file; any other keeps its name."""
    if not (module.startswith(_LOADED_BY_PATH) or module == "__main__"):
        return module
    stem = re.sub(r"\W", "_", file.stem)
    return stem if stem.isidentifier() else f"_{stem}"


def _imported(node: ast.Import | ast.ImportFrom, package: str) -> Iterator[str]:
    """Every module that an import statement may load."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
        return
    origin = "." * node.level + (node.module or "")
    if node.level:
        try:
            origin = importlib.util.resolve_name(origin, package)
        except ImportError:
            return
    yield origin
    for alias in node.names:
        if f"{origin}.{alias.name}" in sys.modules or not hasattr(
            sys.modules.get(origin), alias.name
        ):
            yield f"{origin}.{alias.name}"


def _relative(node: ast.Import | ast.ImportFrom, dots: str) -> str | None:
    """The statement with which the copy imports the same, or None where it stays as it is."""
    if isinstance(node, ast.ImportFrom):
        names = ", ".join(map(ast.unparse, node.names))
        if node.level or node.module is None:
            return None
        if is_raynas(node.module):
            return f"from {dots}{_STAND_IN} import {names}"
        return f"from {dots}{node.module} import {names}" if is_users(node.module) else None
    if not any(is_raynas(alias.name) or is_users(alias.name) for alias in node.names):
        return None
    return "; ".join(_relative_import(alias, dots) for alias in node.names)


def _relative_import(alias: ast.alias, dots: str) -> str:
    top = alias.name.partition(".")[0]
    if is_raynas(alias.name):
        return f"from {dots} import {_STAND_IN} as {alias.asname or 'raynas'}"
    if not is_users(alias.name):
        return f"import {ast.unparse(alias)}"
    package, _, last = alias.name.rpartition(".")
    if alias.asname or not package:
        return f"from {dots}{package} import {last} as {alias.asname or last}"
    return f"from {dots}{package} import {last} as _imported; from {dots} import {top}"


def _with_replaced(text: str, replaced: list[tuple[ast.Import | ast.ImportFrom, str]]) -> str:
    """`text` with statements replaced in their places, all else untouched."""
    lines = text.encode().splitlines(keepends=True)
    backwards = sorted(replaced, key=lambda pair: (-pair[0].lineno, -pair[0].col_offset))
    for node, statement in backwards:
        first, last = node.lineno - 1, (node.end_lineno or node.lineno) - 1
        before, after = lines[first][: node.col_offset], lines[last][node.end_col_offset :]
        lines[first : last + 1] = [before + statement.encode() + after]
    return b"".join(lines).decode()
