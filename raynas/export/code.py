"""Python code that builds one architecture without raynas, as a single file.

Of each module that the architecture's classes come from, the definitions that they need are kept:
a definition is needed if a name in one that is needed leads to it. Searchable classes become plain
frozen dataclasses whose fields are given. Definitions of the search's own modules are included;
names of installed libraries stay imports.

A definition means the same in another file only if nothing changes it after it was made. Where
something may (an assignment repeated, a registry filled later, a patch), the code is refused here,
and `raynas.export.module_copies` ships whole modules instead.
"""

from __future__ import annotations

import ast
import importlib
import importlib.util
import keyword
import sys
from types import ModuleType
from typing import Any

from raynas.errors import RaynasError
from raynas.export.module_source import ModuleSource, free_names, is_raynas, is_users
from raynas.export.qualified_names import found_in, is_builtin
from raynas.refine.expressions import Refer, expression
from raynas.trials import Architecture

__all__ = ["build_expression", "standalone_code"]

_DECLARING = {"choice", "integer", "real", "subset", "repeat", "shared"}
_REPLACED = {
    "InfeasibleArchitecture": "class InfeasibleArchitecture(ValueError):\n"
    '    """This architecture cannot be built."""\n',
    "TaskError": 'class TaskError(ValueError):\n    """The network cannot be built at all."""\n',
}
_METHODS_FOR_SEARCHING = {"graph", "is_feasible"}
_OWN = {"ARCHITECTURE", "build", "load"}


def standalone_code(
    architecture: Architecture, arguments: dict[str, Any], factory: Any = None
) -> str:
    """A module with ``ARCHITECTURE``, ``build()`` and ``load(path)``, which needs no raynas.

    Args:
        architecture: An instance of a searchable class.
        arguments: Arguments of its method `build`.
        factory: What makes the network of an architecture whose class has no `build`.

    Raises:
        RaynasError: The source cannot be read, what is needed of it needs raynas, or a definition
            may mean something else in a file of its own.
    """
    collected = _Collected()
    shown = expression(architecture, collected.refer)
    call = build_expression(architecture, arguments, factory, collected.refer)
    collected.check()
    return _TEMPLATE.format(
        imports="\n".join(sorted(collected.imports)),
        definitions="\n\n\n".join(collected.definitions.values()),
        architecture=shown,
        build=call,
    )


def build_expression(
    architecture: Architecture, arguments: dict[str, Any], factory: Any, refer: Refer
) -> str:
    """The expression that makes the network out of ``ARCHITECTURE``.

    Args:
        architecture: An instance of a searchable class.
        arguments: Arguments of its method `build`.
        factory: What makes the network of an architecture whose class has no `build`.
        refer: Names classes and functions.

    Raises:
        RaynasError: There is neither a method `build` nor a factory, or an argument cannot be
            written as Python.
    """
    if not hasattr(architecture, "build"):
        if factory is None:
            raise RaynasError(
                f"{type(architecture).__name__} has no build(), so its task makes the network: "
                "give the class a build()"
            )
        return f"{refer(factory)}(ARCHITECTURE)"
    plain = all(name.isidentifier() and not keyword.iskeyword(name) for name in arguments)
    if not plain:
        return f"ARCHITECTURE.build(**{expression(arguments, refer)})"
    given = (f"{name}={expression(value, refer)}" for name, value in arguments.items())
    return f"ARCHITECTURE.build({', '.join(given)})"


_TEMPLATE = '''"""Builds the best architecture that a search found."""

from __future__ import annotations

from dataclasses import dataclass

{imports}

{definitions}


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


class _Collected:
    """Definitions and imports, each once, in an order in which they can be executed."""

    def __init__(self) -> None:
        self.imports: set[str] = set()
        self.definitions: dict[str, str] = {}
        self._origins: dict[str, str] = {"dataclass": "from dataclasses import dataclass"}
        self._taken: set[str] = set()
        self._sources: dict[str, ModuleSource] = {}
        self._kept: dict[str, list[ast.stmt]] = {}
        self._needed: dict[str, set[str]] = {}

    def refer(self, value: Any) -> str:
        """An expression for a class, function or module, which is included or imported."""
        if is_builtin(value):
            return str(value.__name__)
        module, path = found_in(value)
        name = path.partition(".")[0].partition("[")[0]
        if is_users(module) and path:
            self.need(sys.modules[module], name)
            return path
        self._import(ast.Import([ast.alias(module)]), module.partition(".")[0])
        return f"{module}.{path}" if path else module

    def need(self, module: ModuleType, name: str) -> None:
        """Take in what binds `name` in `module`, and before that what it needs itself."""
        if module.__name__ not in self._sources:
            self._sources[module.__name__] = ModuleSource(module)
        statement = self._sources[module.__name__].binder(name)
        if statement is None:
            return
        self._needed.setdefault(module.__name__, set()).add(name)
        if isinstance(statement, ast.Import):
            alias = next(
                a for a in statement.names if (a.asname or a.name.partition(".")[0]) == name
            )
            if is_raynas(alias.name):
                raise RaynasError(_needs_raynas(module, name))
            if is_users(alias.name):
                raise RaynasError(f"{module.__name__} uses the module {alias.name} as a whole")
            self._import(ast.Import([alias]), name)
        elif isinstance(statement, ast.ImportFrom):
            self._need_from(module, statement, name)
        elif self._is_new(name, f"of {module.__name__}"):
            self._keep(module, statement, name)

    def check(self) -> None:
        """Check that nothing changes what was taken in.

        Raises:
            RaynasError: Something may.
        """
        for name, source in self._sources.items():
            source.check_unchanged(self._needed.get(name, set()), self._kept.get(name, []))

    def _keep(self, module: ModuleType, statement: ast.stmt, name: str) -> None:
        plain = _plain(statement)
        for used in sorted(free_names(plain)):
            if used != name:
                self.need(module, used)
        self._kept.setdefault(module.__name__, []).append(statement)
        key = f"{module.__name__}:{statement.lineno}"
        self.definitions.setdefault(key, ast.unparse(plain))

    def _need_from(self, module: ModuleType, statement: ast.ImportFrom, name: str) -> None:
        alias = next(a for a in statement.names if (a.asname or a.name) == name)
        origin = "." * statement.level + (statement.module or "")
        origin = importlib.util.resolve_name(origin, module.__package__ or "")
        text = ast.unparse(ast.ImportFrom(origin, [alias], 0))
        if is_raynas(origin):
            if alias.name not in _REPLACED:
                raise RaynasError(_needs_raynas(module, name))
            if self._is_new(name, text):
                self.definitions[text] = _REPLACED[alias.name]
        elif is_users(origin):
            source = importlib.import_module(origin)
            if isinstance(getattr(source, alias.name, None), ModuleType):
                raise RaynasError(
                    f"{module.__name__} uses the module {origin}.{alias.name} as a whole"
                )
            self.need(source, alias.name)
            if name != alias.name and self._is_new(name, text):
                self.definitions[text] = f"{name} = {alias.name}"
        elif origin != "__future__":
            self._import(ast.ImportFrom(origin, [alias], 0), name)

    def _import(self, statement: ast.Import | ast.ImportFrom, name: str) -> None:
        text = ast.unparse(statement)
        whole = isinstance(statement, ast.Import) and statement.names[0].asname is None
        origin = f"import {name}" if whole else text
        self._is_new(name, origin)
        self.imports.add(text)

    def _is_new(self, name: str, origin: str) -> bool:
        """Whether `name` is not there yet.

        Raises:
            RaynasError: It is, and means something else.
        """
        if name in _OWN or self._origins.setdefault(name, origin) != origin:
            taken = self._origins.get(name, "the exported file itself")
            raise RaynasError(f"{name!r} means two things ({taken}; {origin})")
        if name in self._taken:
            return False
        self._taken.add(name)
        return True


def _plain(statement: ast.stmt) -> ast.stmt:
    """A searchable class as a frozen dataclass; anything else as it is."""
    if not isinstance(statement, ast.ClassDef):
        return statement
    decorators = [
        ast.unparse(decorator).rpartition(".")[2] for decorator in statement.decorator_list
    ]
    if "searchable" not in decorators:
        return statement
    body = [part for part in map(_given, statement.body) if part is not None]
    decorator = ast.parse("dataclass(frozen=True)", mode="eval").body
    made = ast.ClassDef(
        statement.name, statement.bases, statement.keywords, body or [ast.Pass()], []
    )
    made.decorator_list = [
        decorator if name == "searchable" else kept
        for name, kept in zip(decorators, statement.decorator_list, strict=True)
    ]
    return ast.copy_location(made, statement)


def _given(part: ast.stmt) -> ast.stmt | None:
    """A statement of a searchable class without what is there for searching."""
    if isinstance(part, ast.FunctionDef) and part.name in _METHODS_FOR_SEARCHING:
        return None
    if isinstance(part, ast.AnnAssign) and isinstance(part.value, ast.Call):
        function = ast.unparse(part.value.func).rpartition(".")[2]
        if function in _DECLARING:
            given = [word.value for word in part.value.keywords if word.arg == "default"]
            plain = ast.AnnAssign(part.target, part.annotation, given[0] if given else None, 1)
            return ast.copy_location(plain, part)
    return part


def _needs_raynas(module: ModuleType, name: str) -> str:
    return f"{module.__name__} uses {name!r} of raynas where the network is built"
