"""Find the `Search` that a command line means, or what is stored of it."""

from __future__ import annotations

import dataclasses
import importlib
import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Annotated

import typer

from raynas.cli.place import place_in
from raynas.errors import ConfigurationError, RaynasError, StoreError

if TYPE_CHECKING:
    from raynas.search import Search, SearchRun
    from raynas.stored import StoredSearch

__all__ = ["Looked", "Target", "load_search", "module_name", "opened", "run_of", "sources_of"]

Target = Annotated[
    str,
    typer.Argument(
        metavar="FILE",
        help="Python file with a `raynas.Search`, or module. Add :NAME where it holds several.",
    ),
]

Looked = Annotated[
    str,
    typer.Argument(
        metavar="FILE",
        help="Search file, with :NAME if it holds several searches, or the results folder of a "
        "search.",
    ),
]
"""A search to look at."""

_USUAL_NAME = "search"


def load_search(target: str) -> tuple[Search, str]:
    """The search that `target` means, and the name that it has by default.

    Args:
        target: ``file.py``, ``file.py:variable``, ``package.module`` or
            ``package.module:variable``.

    Raises:
        ConfigurationError: There is no such file, module or search, or running it fails.
    """
    from raynas.search import Search

    place, colon, variable = target.partition(":")
    place = os.path.expanduser(place)
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


def opened(
    target: str, name: str | None, folder: Path | None, *, whole: bool = False
) -> SearchRun | StoredSearch:
    """The search that `target` means, opened to look at only.

    It is opened from its results folder wherever that tells all: `target` is that folder, or a
    file that is as it was when the search last started. Otherwise the file is run.

    Args:
        target: A results folder, or a file or module as `load_search` takes it.
        name: Name that it ran under, where the file or another name does not say.
        folder: Folder of the results, in place of the file's.
        whole: Whether architectures are drawn, for which their classes are needed if they are
            graphs.

    Raises:
        ConfigurationError: See `load_search`.
        StoreError: There is no such search, or it cannot be read.
    """
    if Path(target).expanduser().is_dir():
        return _in_folder(Path(target).expanduser().absolute(), name, folder)
    return _stored(target, name, folder, whole) or run_of(target, name, folder)


def _in_folder(path: Path, name: str | None, folder: Path | None) -> StoredSearch:
    from raynas.stored import open_stored, read_snapshot

    if name is not None or folder is not None:
        raise ConfigurationError(
            f"FILE={path} is a results folder, which needs no --name and no --folder: omit them"
        )
    snapshot = read_snapshot(path)
    if snapshot is None:
        inside = [str(entry.parent) for entry in sorted(path.glob("*/search.json"))]
        fix = f"give one of {', '.join(inside)}" if inside else "give the search file instead"
        raise ConfigurationError(f"FILE={path}: no search of raynas stored its results here; {fix}")
    return open_stored(snapshot, path)


def _stored(target: str, name: str | None, folder: Path | None, whole: bool) -> StoredSearch | None:
    """The search that the file `target` declares, if its results folder tells all about it."""
    from raynas.stored import open_stored, read_snapshot
    from raynas.stored.snapshot import digests

    text, colon, variable = target.partition(":")
    path = Path(text).expanduser().absolute()
    place = place_in(path, variable if colon else None) if text.endswith(".py") else None
    if place is None:
        return None
    results = Path(folder or place.folder).expanduser().absolute() / (name or place.name)
    found = read_snapshot(results)
    if found is None or str(path) not in found.sources or (whole and not found.like_itself):
        return None
    if digests([Path(source) for source in found.sources]) != found.sources:
        return None
    store = place.store or os.environ.get("RAYNAS_STORE")  # or where the last start had it
    try:
        return open_stored(found, results, store and os.path.expanduser(store))
    except StoreError:
        return None  # Running the file says what is wrong, in terms of the file.


def run_of(target: str, name: str | None, folder: Path | None) -> SearchRun:
    """The search that `target` means, opened to look at only, by running its file.

    Reward, task and seed may have changed since: results are shown as they are stored, with a
    line on stderr that says so.

    Args:
        target: Search file or results folder, see `load_search`.
        name: Name that it ran under, where the file or another name does not say.
        folder: Folder of the results, in place of the file's.

    Raises:
        ConfigurationError: See `load_search`.
        StoreError: There is no such search, or it cannot be read.
    """
    from raynas.search import KEPT

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


def sources_of(target: str) -> tuple[Path, ...]:
    """The loaded files of the user's code for `target`: its own, and those beside it."""
    place = target.partition(":")[0]
    module = sys.modules.get(module_name(place))
    if not place.endswith(".py") or module is None or module.__file__ is None:
        return ()
    path = Path(module.__file__)
    beside = (known.__file__ for known in _beside(path))
    return tuple(dict.fromkeys([path, *(Path(file).absolute() for file in beside if file)]))


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
