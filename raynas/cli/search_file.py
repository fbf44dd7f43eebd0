"""Find the `Search` that a command line means."""

from __future__ import annotations

import dataclasses
import importlib
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Annotated

import typer

from raynas.errors import ConfigurationError, RaynasError, StoreError
from raynas.search import KEPT, Search, SearchRun

__all__ = ["Target", "load_search", "module_name", "opened"]

Target = Annotated[
    str,
    typer.Argument(
        metavar="FILE",
        help="Python file with a `raynas.Search`, or module. Add :NAME where it holds several.",
    ),
]

_USUAL_NAME = "search"


def load_search(target: str) -> tuple[Search, str]:
    """The search that `target` means, and the name that it has by default.

    Args:
        target: ``file.py``, ``file.py:variable``, ``package.module`` or
            ``package.module:variable``.

    Raises:
        ConfigurationError: There is no such file, module or search, or running it fails.
    """
    place, colon, variable = target.partition(":")
    module = _module(place)
    searches = {name: value for name, value in vars(module).items() if isinstance(value, Search)}
    if not colon:
        variable = _only(searches, place)
    if variable not in searches:
        raise ConfigurationError(
            f"{place} has no raynas.Search named {variable!r}: "
            f"use one of {', '.join(searches) or 'none, as it has none'}"
        )
    stem = Path(place).stem if place.endswith(".py") else place.rpartition(".")[2]
    return searches[variable], stem if variable == _USUAL_NAME else f"{stem}-{variable}"


def opened(target: str, name: str | None, folder: Path | None) -> SearchRun:
    """The search that `target` means, opened to look at only.

    Reward, task and seed may have changed since: results are shown as they are stored, with a
    line on stderr that says so.

    Args:
        target: As `load_search` takes it.
        name: That it ran under, where the file or another name does not say.
        folder: Of its results likewise.

    Raises:
        ConfigurationError: See `load_search`.
        StoreError: There is no such search, or it cannot be read.
    """
    found, default_name = load_search(target)
    found = dataclasses.replace(
        found,
        name=found.name if name is None else name,
        folder=found.folder if folder is None else folder,
    )
    try:
        return found.open(default_name, read_only=True)
    except StoreError as refusal:
        as_stored = dataclasses.replace(found, keep=KEPT)
        try:
            run = as_stored.open(default_name, read_only=True)
        except StoreError:
            raise refusal from None
        changed = str(refusal).partition(" is another one: ")[2].partition(". ")[0]
        sys.stderr.write(f"raynas: {target} has changed ({changed}); shown is what is stored\n")
        return run


def module_name(place: str) -> str:
    """The name of the module that `place` of a target is; a file's never names a package."""
    return f"raynas_search_{Path(place).stem.replace('.', '_')}" if place.endswith(".py") else place


def _only(searches: dict[str, Search], place: str) -> str:
    if not searches:
        raise ConfigurationError(
            f"{place} has no raynas.Search: write `search = raynas.Search(...)` at its top level"
        )
    if _USUAL_NAME in searches or len(searches) == 1:
        return _USUAL_NAME if _USUAL_NAME in searches else next(iter(searches))
    raise ConfigurationError(
        f"{place} has several searches: say which, as in {place}:{next(iter(searches))} "
        f"(there are {', '.join(searches)})"
    )


def _module(place: str) -> ModuleType:
    if not place.endswith(".py") and not Path(place).exists():
        sys.path.insert(0, str(Path.cwd()))
        return _run(lambda: importlib.import_module(place), place)
    path = Path(place).absolute()
    if not path.is_file():
        raise ConfigurationError(f"FILE={place}: there is no such file; give a Python file")
    # Python takes the folder of the file that a link leads to; its own is for what lies beside it.
    sys.path[:0] = dict.fromkeys([str(path.resolve().parent), str(path.parent)])
    module = ModuleType(module_name(place))
    module.__file__ = str(path)
    sys.modules[module.__name__] = module

    def execute() -> ModuleType:
        from raynas.tasks.user_code import importable
        from raynas.tune.serialization import ship_by_value

        # Not through an import: its cached bytecode can be older than a file edited this second.
        text = path.read_bytes()
        exec(compile(text, path, "exec"), vars(module))  # noqa: S102 - the user's file
        ship_by_value(module, text)
        for beside in _beside(path):
            ship_by_value(beside)
        importable()
        return module

    return _run(execute, place)


def _beside(path: Path) -> list[ModuleType]:
    """The loaded modules beside `path`, or beside the file that it links to."""
    folders = {path.parent, path.resolve().parent}
    places = {name: getattr(known, "__file__", None) for name, known in sys.modules.items()}
    return [
        sys.modules[name]
        for name, place in places.items()
        if place and Path(place).parent in folders and name != "__main__"
    ]


def _run(execute: Callable[[], ModuleType], place: str) -> ModuleType:
    """Execute a user's module; its errors become one line that says where."""
    try:
        return execute()
    except RaynasError as error:
        raise type(error)(f"{_where(error, place)}: {error}") from error
    except (Exception, SystemExit) as error:
        text = " ".join(str(error).split())
        raise ConfigurationError(
            f"{_where(error, place)}: {type(error).__name__}: {text}"
        ) from error


def _where(error: BaseException, place: str) -> str:
    """File and line, in the user's code, that `error` came from."""
    if isinstance(error, SyntaxError) and error.lineno:
        return f"{place}:{error.lineno}"
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if Path(frame.filename) == Path(place).absolute()]
    return f"{place}:{lines[-1]}" if lines else place
