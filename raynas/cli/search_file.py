"""Find the `Search` that a command line means, or what is stored of it."""

from __future__ import annotations

import dataclasses
import importlib
import importlib.util
import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Annotated, Any

import typer

from raynas.cli.place import may_have_stages, place_in
from raynas.errors import ConfigurationError, RaynasError, StoreError
from raynas.garbage import freeze_at_exit, freeze_imported, importing

if TYPE_CHECKING:
    from typing_extensions import TypeIs

    from raynas.search import Search, SearchRun
    from raynas.stages import StageChain, Stages
    from raynas.stored import StoredSearch

__all__ = [
    "Looked",
    "ResultsFolder",
    "SearchName",
    "Target",
    "chain_of",
    "load_chain",
    "load_search",
    "module_name",
    "opened",
    "run_of",
    "searchable",
    "sources_of",
]

Target = Annotated[
    str,
    typer.Argument(
        metavar="FILE",
        help="Python file with a `raynas.Search` or `raynas.Stages`, or module. Add :NAME for one "
        "of several searches, or for a stage.",
    ),
]

Looked = Annotated[
    str,
    typer.Argument(
        metavar="FILE",
        help="Search file, with :NAME for one of several searches or a stage, or the results "
        "folder of a search.",
    ),
]
"""A search to look at."""

SearchName = Annotated[
    str | None, typer.Option(help="Use the search of this name; by default that of FILE.")
]

ResultsFolder = Annotated[
    Path | None, typer.Option(help="Look for results in this folder; by default that of FILE.")
]

_USUAL_NAME = "search"


def load_search(
    target: str, name: str | None = None, folder: Path | None = None
) -> tuple[Search, str]:
    """The search that `target` means, and the name that it has by default.

    Of stages in a row, it is the one that is named, or the latest that was started.

    Args:
        target: ``file.py``, ``file.py:variable``, ``package.module`` or
            ``package.module:variable``; a stage's name comes before that of a variable.
        name: Name of the search, or of the chain of stages, in place of its own.
        folder: Folder of the results, in place of its own.

    Raises:
        ConfigurationError: There is no such file, module or search, or running it fails.
    """
    found, default_name, stage = _load(target)
    found = _placed(found, name, folder)
    chain = _chain(found, default_name)
    if chain is None:
        return found, default_name  # type: ignore[return-value]
    search = chain.build(stage or chain.current).search
    return search, search.name or default_name


def load_chain(
    target: str, name: str | None = None, folder: Path | None = None
) -> tuple[StageChain, str | None] | None:
    """The stages that `target` means, and which of them it names, if any; None for a search.

    Args:
        target: Search file or module, with ``:NAME``, as `load_search` takes it.
        name: Name of the search, in place of the file's.
        folder: Folder of the results, in place of the file's.

    Raises:
        ConfigurationError: See `load_search`.
    """
    found, default_name, stage = _load(target)
    chain = _chain(_placed(found, name, folder), default_name)
    return None if chain is None else (chain, stage)


def chain_of(target: str, name: str | None, folder: Path | None) -> StageChain | None:
    """The stages that `target` means as a whole; None for a single search, stage or folder.

    A file that declares none, as far as its text says, is not run.
    """
    place, colon, _ = target.partition(":")
    path = Path(place).expanduser()
    if colon or path.is_dir() or (place.endswith(".py") and not may_have_stages(path)):
        return None
    found = load_chain(target, name, folder)
    return None if found is None else found[0]


def _chain(found: Search | Stages, name: str) -> StageChain | None:
    if not _is_stages(found):
        return None
    from raynas.stages import StageChain

    return StageChain(found, found.name or name)


def _is_stages(value: object) -> TypeIs[Stages]:
    """Whether `value` is a `raynas.Stages`, without the import of that where nobody made any."""
    module = sys.modules.get("raynas.stages")
    return module is not None and isinstance(value, module.Stages)


def _placed(found: Search | Stages, name: str | None, folder: Path | None) -> Search | Stages:
    """`found` with another name or folder, where one is given."""
    changes = {"name": name, "folder": folder}
    given: Any = {key: value for key, value in changes.items() if value is not None}
    return dataclasses.replace(found, **given)


def _load(target: str) -> tuple[Search | Stages, str, str | None]:
    """The search or stages that `target` means, the default name, and the stage that it names."""
    from raynas.search import Search

    place, colon, variable = target.partition(":")
    place = os.path.expanduser(place)
    with importing():
        module = _module(place)
    freeze_imported()
    stem = Path(place).stem if place.endswith(".py") else place.rpartition(".")[2]
    values = vars(module)
    chains = {name: value for name, value in values.items() if _is_stages(value)}
    searches = {name: value for name, value in values.items() if isinstance(value, Search)}
    stage = None
    if not colon:
        variable = _only(searches, chains, place)
    elif variable not in chains:
        owners = [name for name, chain in chains.items() if variable in chain.stages]
        if len(owners) == 1:
            variable, stage = owners[0], variable
    if variable not in searches | chains:
        stages = [stage for chain in chains.values() for stage in chain.stages]
        names = dict.fromkeys([*searches, *chains, *stages])
        raise ConfigurationError(
            f"{place} has no raynas.Search{' or stage' if stages else ''} named {variable!r}: "
            f"use one of {', '.join(names) or 'none, as it has none'}"
        )
    default_name = stem if variable == _USUAL_NAME else f"{stem}-{variable}"
    return (searches | chains)[variable], default_name, stage


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
    path = _latest_stage(path)
    snapshot = read_snapshot(path)
    if snapshot is None:
        inside = [str(entry.parent) for entry in sorted(path.glob("*/search.json"))]
        fix = f"give one of {', '.join(inside)}" if inside else "give the search file instead"
        raise ConfigurationError(f"FILE={path}: no search of raynas stored its results here; {fix}")
    freeze_at_exit()
    return open_stored(snapshot, path)


def _latest_stage(path: Path) -> Path:
    """The folder of the latest stage that was started, of a chain's folder; others as they are."""
    from raynas.analysis.saved_results import load

    noted = load(path / "stages.json") or {}
    started = list(noted.get("stages", {}))
    return path / f"{noted.get('chain', path.name)}-{started[-1]}" if started else path


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
        stored = open_stored(found, results, store and os.path.expanduser(store))
    except StoreError:
        return None  # Running the file says what is wrong, in terms of the file.
    freeze_at_exit()
    return stored


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

    found, default_name = load_search(target, name, folder)
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


def searchable(target: str) -> str:
    """What to type for `target` in commands that search: a results folder cannot be searched."""
    return "FILE" if Path(target).expanduser().is_dir() else target


def module_name(place: str) -> str:
    """The name of the module that `place` of a target is; a file's never names a package."""
    return f"raynas_search_{Path(place).stem.replace('.', '_')}" if place.endswith(".py") else place


def _only(searches: dict[str, Search], chains: dict[str, Stages], place: str) -> str:
    """The variable that is meant where none is given: stages come before what they may hold."""
    found = searches | chains
    if not found:
        raise ConfigurationError(
            f"{place} has no raynas.Search: write `search = raynas.Search(...)` at its top level"
        )
    for names in (chains, searches):
        if _USUAL_NAME in found or len(names) == 1:
            return _USUAL_NAME if _USUAL_NAME in found else next(iter(names))
    raise ConfigurationError(
        f"{place} has several searches: say which, as in {place}:{next(iter(found))} "
        f"(there are {', '.join(found)})"
    )


def _module(place: str) -> ModuleType:
    is_module = all(part.isidentifier() for part in place.split("."))
    if is_module and not place.endswith(".py") and not Path(place).exists():
        sys.path.insert(0, str(Path.cwd()))
        if "." not in place and importlib.util.find_spec(place) is None:
            raise ConfigurationError(
                f"FILE={place}: there is no such file, folder or module; give a Python file"
            )
        return _run(lambda: importlib.import_module(place), place)
    path = Path(place).absolute()
    if not path.is_file():
        found = "this is a folder" if path.is_dir() else "there is no such file"
        raise ConfigurationError(f"FILE={place}: {found}; give a Python file")
    if not place.endswith(".py"):
        raise ConfigurationError(
            f"FILE={place}: this is no Python file; give the search file, whose name ends in .py"
        )
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
    folders = {str(path.parent), str(path.resolve().parent)}
    places = {name: getattr(known, "__file__", None) for name, known in sys.modules.items()}
    return [
        sys.modules[name]
        for name, place in places.items()
        if place and os.path.dirname(place) in folders and name != "__main__"
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
