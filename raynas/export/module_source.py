"""A module's source: which statement binds each name, and which others may change what it means."""

from __future__ import annotations

import ast
import copy
import importlib
import importlib.util
import inspect
import os
import site
import symtable
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from types import FunctionType, ModuleType

from raynas.errors import RaynasError

__all__ = ["ModuleSource", "file_of", "free_names", "is_own", "is_raynas", "is_users"]

_BINDING = (
    *(ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom),
    *(ast.Assign, ast.AnnAssign, ast.If, ast.Try, ast.With),
)
_FIXED = (bool, int, float, complex, str, bytes, type(None), frozenset)
_SEARCHABLE = "searchable"
_OF_NETWORKS = "raynas.quantization"


class ModuleSource:
    """The top-level statements of a module.

    Args:
        module: A loaded module.

    Raises:
        RaynasError: Its source cannot be read.
    """

    def __init__(self, module: ModuleType) -> None:
        try:
            self.tree = ast.parse(inspect.getsource(module))
        except (OSError, TypeError, SyntaxError) as error:
            raise RaynasError(
                f"the source of {module.__name__} cannot be read ({error}): keep the file that "
                "the search was run from"
            ) from error
        self.module = module
        self.binders: dict[str, list[ast.stmt]] = {}
        for statement in self.tree.body:
            for name in dict.fromkeys(_bound(statement)):
                self.binders.setdefault(name, []).append(statement)

    def binder(self, name: str) -> ast.stmt | None:
        """The one statement that binds `name`, or None for a builtin.

        Raises:
            RaynasError: Several statements bind it, or none that can be seen.
        """
        found = self.binders.get(name, [])
        if len(found) == 1 and isinstance(found[0], _BINDING):
            return found[0]
        if found:
            raise self._moving(name, found[-1])
        if name in vars(self.module) and not name.startswith("__"):
            raise RaynasError(
                f"{self.module.__name__} gets {name!r} in a way that cannot be seen in its source, "
                "such as a star import"
            )
        return None

    def check_unchanged(self, needed: set[str], kept: Iterable[ast.stmt]) -> None:
        """Check that no statement may change what the names `needed` mean after they are bound.

        Args:
            needed: Names of the module.
            kept: The statements that bind them, which may only leave plain values alone.

        Raises:
            RaynasError: A statement may change one.
        """
        included = {id(statement) for statement in kept}
        changeable = {name for name in needed if self._is_changeable(name)}
        for statement in self.tree.body:
            exposed = needed if _alters(statement) else changeable
            if id(statement) in included:
                exposed = changeable - set(_bound(statement))
            for name in sorted(self._reach(self._acting(statement)) & exposed):
                raise self._moving(name, statement)

    def _is_changeable(self, name: str) -> bool:
        """Whether a name of the module's own is bound to an object that a call could change."""
        value = vars(self.module).get(name)
        if self._is_import(name) or isinstance(value, _FIXED):
            return False
        if isinstance(value, type):
            own = [held for key, held in vars(value).items() if not key.startswith("__")]
            return any(isinstance(held, dict | list | set) for held in own)
        return not isinstance(value, FunctionType)

    def _moving(self, name: str, statement: ast.stmt) -> RaynasError:
        return RaynasError(
            f"{self.module.__name__} may change {name!r} in line {statement.lineno}, after "
            "defining it"
        )

    def _is_import(self, name: str) -> bool:
        return all(isinstance(s, ast.Import | ast.ImportFrom) for s in self.binders.get(name, []))

    def _acting(self, statement: ast.stmt) -> set[str]:
        """Names through which executing `statement` may change something else."""
        match statement:
            case ast.Import() | ast.ImportFrom() | ast.Pass() | ast.Expr(value=ast.Constant()):
                return set()
            case ast.If(test=ast.Compare(left=ast.Name(id="__name__"))):
                return set()
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                return self._called(statement.decorator_list)
            case ast.ClassDef():
                return self._called(statement.decorator_list) | self._hooked(statement)
            case ast.Assign() if all(map(_is_plain, statement.targets)):
                return self._called([statement.value])
            case ast.AnnAssign(target=ast.Name()):
                return self._called([statement.value] if statement.value else [])
            case _:
                return free_names(statement)

    def _called(self, expressions: Iterable[ast.expr]) -> set[str]:
        """Names of the module's own functions, and of its own objects, that a call acts on."""
        found: set[str] = set()
        for expression in expressions:
            function = expression if isinstance(expression, ast.Name | ast.Attribute) else None
            calls = [n.func for n in ast.walk(expression) if isinstance(n, ast.Call)]
            for called in [*calls, *([function] if function is not None else [])]:
                root = _root(called)
                if root is not None and not self._is_import(root) and not self._is_declared(root):
                    found.add(root)
        return found

    def _hooked(self, statement: ast.ClassDef) -> set[str]:
        """Bases of a class whose own code runs when it is derived from."""
        roots = {_root(base) for base in (*statement.bases, *(k.value for k in statement.keywords))}
        names = {root for root in roots if root is not None and not self._is_import(root)}
        reached = [s for name in self._reach(names) for s in self.binders.get(name, [])]
        hooks = any(
            isinstance(node, ast.FunctionDef) and node.name in ("__init_subclass__", "__new__")
            for reached_statement in reached
            for node in ast.walk(reached_statement)
        )
        return names if hooks else set()

    def _is_declared(self, name: str) -> bool:
        """Whether `name` is a searchable class, whose instances are values."""
        return any(
            isinstance(s, ast.ClassDef) and _SEARCHABLE in map(_last, s.decorator_list)
            for s in self.binders.get(name, [])
        )

    def _reach(self, names: Iterable[str]) -> set[str]:
        """`names` and all that their definitions in this module lead to."""
        reached: set[str] = set()
        pending = list(names)
        while pending:
            name = pending.pop()
            if name in reached:
                continue
            reached.add(name)
            for statement in self.binders.get(name, []):
                if not isinstance(statement, ast.Import | ast.ImportFrom):
                    pending += free_names(statement)
        return reached


def free_names(statement: ast.stmt) -> set[str]:
    """Names that `statement` takes from its module or the builtins; annotations do not count."""
    plain = _Unannotated().visit(copy.deepcopy(statement))
    table = symtable.symtable(ast.unparse(plain), "<statement>", "exec")
    return set(_global_names(table))


def _global_names(table: symtable.SymbolTable) -> Iterator[str]:
    top = table.get_type() == "module"
    for symbol in table.get_symbols():
        if symbol.is_global() or (top and symbol.is_referenced()):
            yield symbol.get_name()
    for child in table.get_children():
        yield from _global_names(child)


class _Unannotated(ast.NodeTransformer):
    def visit_arg(self, node: ast.arg) -> ast.arg:
        node.annotation = None
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.returns = None
        return self.generic_visit(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        node.returns = None
        return self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        node.annotation = ast.Constant(None)
        return self.generic_visit(node)


def _bound(statement: ast.AST) -> Iterator[str]:
    """Names that executing a statement binds or deletes; not those inside functions and classes."""
    match statement:
        case ast.FunctionDef(name=name) | ast.ClassDef(name=name) | ast.AsyncFunctionDef(name=name):
            yield name
        case ast.Import(names=aliases):
            yield from (alias.asname or alias.name.partition(".")[0] for alias in aliases)
        case ast.ImportFrom(names=aliases):
            yield from (alias.asname or alias.name for alias in aliases if alias.name != "*")
        case ast.Name(id=name, ctx=ast.Store() | ast.Del()):
            yield name
        case ast.Lambda() | ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
            return
        case _:
            for child in ast.iter_child_nodes(statement):
                yield from _bound(child)


def _is_plain(target: ast.expr) -> bool:
    parts = target.elts if isinstance(target, ast.Tuple | ast.List) else [target]
    return all(isinstance(part, ast.Name) for part in parts)


def _alters(statement: ast.stmt) -> bool:
    """Whether executing `statement` may change what it imported, as a patch does."""
    return not isinstance(statement, ast.FunctionDef | ast.ClassDef | ast.Assign) or (
        isinstance(statement, ast.Assign) and not all(map(_is_plain, statement.targets))
    )


def _root(expression: ast.expr) -> str | None:
    """The name that an expression such as ``a.b["c"](d)`` begins with."""
    while not isinstance(expression, ast.Name):
        inner = getattr(expression, "value", None) or getattr(expression, "func", None)
        if not isinstance(inner, ast.expr):
            return None
        expression = inner
    return expression.id


def _last(expression: ast.expr) -> str:
    return ast.unparse(expression).rpartition(".")[2]


def is_raynas(name: str) -> bool:
    """Whether a module is one of raynas, which exported code must do without.

    Networks are made of what `raynas.quantization` has, which is exported like a module of users.
    """
    return name.partition(".")[0] == "raynas" and name != _OF_NETWORKS


def is_users(name: str) -> bool:
    """Whether a module belongs to the search rather than to an installed library.

    That is every module outside the folders of installed packages, every ready space, and every
    installed module that uses raynas itself.
    """
    if name.partition(".")[0] == "search_spaces" or name == _OF_NETWORKS or is_own(name):
        return True
    file = None if is_raynas(name) else file_of(name)
    if file is None or file.suffix != ".py" or name.partition(".")[0] in sys.stdlib_module_names:
        return False
    try:
        text = file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return "import raynas" in text or "from raynas" in text


def is_own(name: str) -> bool:
    """Whether a module's file lies elsewhere than raynas and installed packages."""
    place = None if is_raynas(name) else _place(name)
    return place is not None and not place.startswith(_library_folders())


def file_of(name: str) -> Path | None:
    """The file of a module, loaded or not; None where it has none or does not exist."""
    place = _place(name)
    return None if place is None else Path(place)


def _place(name: str) -> str | None:
    place = getattr(sys.modules.get(name), "__file__", None)
    if name not in sys.modules:
        try:
            spec = importlib.util.find_spec(name)
        except (ImportError, ValueError, AttributeError):
            return None
        place = spec.origin if spec is not None and spec.has_location else None
    return place if place and os.path.isabs(place) else None


@lru_cache(maxsize=1)
def _library_folders() -> tuple[str, ...]:
    named = [sysconfig.get_path(key) for key in ("stdlib", "platstdlib", "purelib", "platlib")]
    packages = [*site.getsitepackages(), site.getusersitepackages()]
    return tuple(os.path.join(folder, "") for folder in {*named, *packages} if folder)
