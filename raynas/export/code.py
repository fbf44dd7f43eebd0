"""Python code that builds one architecture without raynas, taken out of its own source.

Of each module that the architecture's classes come from, what they need is kept and the rest is
left away: a definition is needed if the name of one that is needed leads to it. Searchable
classes become plain frozen dataclasses, whose fields are given and no longer chosen. Definitions
of modules that use raynas themselves come along; everything else stays an import.
"""

from __future__ import annotations

import ast
import dataclasses
import importlib
import importlib.util
import inspect
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

from raynas.errors import RaynasError
from raynas.trials import Architecture

__all__ = ["standalone_code"]

_OURS = ("raynas", "search_spaces")
_DECLARING = {"choice", "integer", "real", "subset", "repeat", "shared"}
_REPLACED = {
    "InfeasibleArchitecture": "class InfeasibleArchitecture(ValueError):\n"
    '    """This architecture cannot be built."""\n',
}
_METHODS_FOR_SEARCHING = {"graph", "is_feasible"}


def standalone_code(architecture: Architecture, arguments: dict[str, Any]) -> str:
    """A module with ``ARCHITECTURE``, ``build()`` and ``load(path)``, which needs no raynas.

    Args:
        architecture: An instance of a searchable class that has a method `build`.
        arguments: Of that method.

    Raises:
        RaynasError: The source is not there, or what is needed of it cannot do without raynas.
    """
    if not hasattr(architecture, "build"):
        raise RaynasError(
            f"{type(architecture).__name__} has no build(), so its task makes the network: "
            "write the code by hand, or give the class a build()"
        )
    collected = _Collected()
    for cls in sorted(_classes(architecture), key=lambda c: c.__name__):
        collected.need(_module_of(cls), cls.__name__)
    call = ", ".join(f"{name}={value!r}" for name, value in arguments.items())
    for shown in (repr(architecture), f"build({call})"):
        try:
            ast.parse(shown, mode="eval")
        except SyntaxError:
            raise RaynasError(
                f"{shown} is no Python code, as one of its values is shown otherwise than it is "
                "written: give it a repr that can be evaluated"
            ) from None
    return _TEMPLATE.format(
        imports="\n".join(sorted(collected.imports)),
        definitions="\n\n\n".join(collected.definitions.values()),
        architecture=repr(architecture),
        arguments=call,
    )


_TEMPLATE = '''"""Builds the best architecture that a search found."""

from __future__ import annotations

from dataclasses import dataclass

{imports}

{definitions}


ARCHITECTURE = {architecture}


def build():
    """The network, with fresh weights."""
    return ARCHITECTURE.build({arguments})


def load(path):
    """The network with the weights in `path`, a safetensors file, in evaluation mode."""
    from safetensors.torch import load_model

    network = build()
    load_model(network, path)
    return network.eval()
'''


def _classes(value: object) -> Iterator[type]:
    """The searchable classes that `value` is made of, itself first."""
    if isinstance(value, tuple):
        for element in value:
            yield from _classes(element)
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        yield type(value)
        for field in dataclasses.fields(value):
            yield from _classes(getattr(value, field.name))


class _Collected:
    """Definitions and imports, each once, in an order in which they can be executed."""

    def __init__(self) -> None:
        self.imports: set[str] = set()
        self.definitions: dict[str, str] = {}
        self._origins: dict[str, str] = {}
        self._taken: set[str] = set()
        self._sources: dict[str, _Source] = {}

    def need(self, module: ModuleType, name: str) -> None:
        """Take in what binds `name` in `module`, and before that what it needs itself."""
        source = self._sources.setdefault(module.__name__, _Source(module))
        statement = source.binding.get(name)
        if isinstance(statement, ast.Import):
            self._need_import(module, statement, name)
        elif isinstance(statement, ast.ImportFrom):
            self._need_from(module, statement, name)
        elif statement is not None and self._is_new(name, f"of {module.__name__}"):
            plain = _plain(statement)
            for used in sorted(_names(plain)):
                if used != name:
                    self.need(module, used)
            key = f"{module.__name__}:{statement.lineno}"
            self.definitions.setdefault(key, ast.unparse(plain))

    def _need_import(self, module: ModuleType, statement: ast.Import, name: str) -> None:
        alias = next(a for a in statement.names if (a.asname or a.name.partition(".")[0]) == name)
        if alias.name.partition(".")[0] in _OURS:
            raise RaynasError(_needs_raynas(module, name))
        text = ast.unparse(ast.Import([alias]))
        if self._is_new(name, text):
            self.imports.add(text)

    def _need_from(self, module: ModuleType, statement: ast.ImportFrom, name: str) -> None:
        alias = next(a for a in statement.names if (a.asname or a.name) == name)
        origin = "." * statement.level + (statement.module or "")
        origin = importlib.util.resolve_name(origin, module.__package__ or "")
        text = ast.unparse(ast.ImportFrom(origin, [alias], 0))
        if origin.partition(".")[0] == "raynas":
            if alias.name not in _REPLACED:
                raise RaynasError(_needs_raynas(module, name))
            if self._is_new(name, text):
                self.definitions[text] = _REPLACED[alias.name]
        elif _comes_along(origin):
            self.need(importlib.import_module(origin), alias.name)
            if name != alias.name and self._is_new(name, text):
                self.definitions[text] = f"{name} = {alias.name}"
        elif origin != "__future__" and self._is_new(name, text):
            self.imports.add(text)

    def _is_new(self, name: str, origin: str) -> bool:
        """Whether `name` is not there yet.

        Raises:
            RaynasError: It is, and means something else.
        """
        if self._origins.setdefault(name, origin) != origin:
            raise RaynasError(
                f"{name!r} means two things ({self._origins[name]}; {origin}), so that one file "
                "cannot hold both: rename one of them"
            )
        if name in self._taken:
            return False
        self._taken.add(name)
        return True


class _Source:
    """A module's top-level statements by the names that they bind."""

    def __init__(self, module: ModuleType) -> None:
        try:
            tree = ast.parse(inspect.getsource(module))
        except (OSError, TypeError, SyntaxError) as error:
            raise RaynasError(
                f"the source of {module.__name__} cannot be read ({error}): keep the file that "
                "the search was run from"
            ) from error
        self.binding: dict[str, ast.stmt] = {
            name: statement for statement in tree.body for name in _bound(statement)
        }


def _bound(statement: ast.stmt) -> Iterator[str]:
    match statement:
        case ast.FunctionDef(name=name) | ast.ClassDef(name=name) | ast.AsyncFunctionDef(name=name):
            yield name
        case ast.Import(names=aliases):
            yield from (alias.asname or alias.name.partition(".")[0] for alias in aliases)
        case ast.ImportFrom(names=aliases):
            yield from (alias.asname or alias.name for alias in aliases)
        case ast.Assign(targets=targets):
            for target in targets:
                yield from (n.id for n in ast.walk(target) if isinstance(n, ast.Name))
        case ast.AnnAssign(target=ast.Name(id=name)):
            yield name
        case ast.If() | ast.Try() | ast.With():
            for child in ast.iter_child_nodes(statement):
                if isinstance(child, ast.stmt):
                    yield from _bound(child)


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


def _names(statement: ast.stmt) -> set[str]:
    """Every name that is read in `statement`, annotations left out: they are never evaluated."""
    found: set[str] = set()
    pending: list[ast.AST] = [statement]
    while pending:
        node = pending.pop()
        if isinstance(node, ast.Name):
            found.add(node.id)
        skipped = [getattr(node, name, None) for name in ("annotation", "returns")]
        pending += [child for child in ast.iter_child_nodes(node) if child not in skipped]
    return found


def _module_of(cls: type) -> ModuleType:
    module = sys.modules.get(cls.__module__)
    if module is None:
        raise RaynasError(
            f"the module {cls.__module__} of {cls.__name__} is not loaded, so its source cannot "
            "be found: export with the command line, from the file of the search"
        )
    return module


def _comes_along(name: str) -> bool:
    """Whether a module is a part of what is exported: it uses raynas, or lies beside what does."""
    if name.partition(".")[0] in _OURS:
        return True
    try:
        module = importlib.import_module(name)
        return "import raynas" in inspect.getsource(module) or "from raynas" in inspect.getsource(
            module
        )
    except (OSError, TypeError, ImportError):
        return False


def _needs_raynas(module: ModuleType, name: str) -> str:
    return (
        f"{module.__name__} uses {name!r} of raynas where the network is built, so that no code "
        "without raynas can build it: keep raynas out of build(), or take the exported program"
    )
