"""The user's own code, the same in every process of a search.

A search file, and the modules beside it, are read once. What they define travels to the workers by
value, so that a file that is edited meanwhile changes nothing. A worker holds what arrived in
modules of the same names, so that plain pickle, as of ``torch.save``, finds it. Children that a
worker or the driver starts, such as those of a data loader, import these modules from a folder of
stand-ins, each of which runs the text that was read.
"""

from __future__ import annotations

import importlib
import io
import os
import pickle
import re
import site
import socket
import sys
import sysconfig
import tempfile
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from importlib.machinery import PathFinder
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

import cloudpickle

from raynas.errors import TaskError
from raynas.tasks.by_name import Cached, reduction, unpicklable
from raynas.tasks.process_state import settings

__all__ = ["Packed", "ShippedModule", "importable", "packed", "ship_by_value"]

_MAIN = "__main__"


@dataclass(frozen=True)
class ShippedModule:
    """A module that travels by value.

    Attributes:
        name: Name of the module in ``sys.modules``.
        file: ``__file__`` of the module.
        text: What this file held when it was read.
    """

    name: str
    file: str
    text: bytes

    def write(self, folder: Path) -> Path:
        """A stand-in for the module in `folder`."""
        path = folder / f"{self.name}.py"
        path.write_text(
            f"__file__ = {self.file!r}\n"
            f'exec(compile({self.text!r}, __file__, "exec", dont_inherit=True))\n',
            encoding="utf-8",
        )
        return path


_modules: dict[str, ModuleType] = {}
_sources: dict[str, ShippedModule] = {}
_arrived: dict[str, ShippedModule] = {}
_stand_ins: list[tempfile.TemporaryDirectory[str]] = []


def ship_by_value(module: ModuleType, text: bytes | None = None) -> None:
    """Make `packed` send what `module` defines as code instead of by name.

    Args:
        module: Module, as it is in ``sys.modules``.
        text: Source of the module; None to read it from its file, the first time.
    """
    if text is None and _modules.get(module.__name__) is module:
        return
    cloudpickle.register_pickle_by_value(module)
    _modules[module.__name__] = module
    file = getattr(module, "__file__", None)
    if text is None and file and file.endswith(".py"):
        text = Path(file).read_bytes()
    if file and text is not None:
        _sources[module.__name__] = ShippedModule(module.__name__, file, text)


def importable() -> None:
    """Let child processes of this one import the modules given to `ship_by_value`.

    They find them in a temporary folder at the front of ``sys.path``, which goes with this process.
    """
    _write_stand_ins(_sources.values(), tempfile.gettempdir())


@dataclass(frozen=True)
class Packed:
    """A value on its way to another process, with what its code needs there.

    Attributes:
        folder: Working directory of the process that packed it.
        path: Module search path of the process, absolute.
        own: What of this, and of `folder`, holds neither installed nor standard modules.
        origins: The file of each top-level module that it has imported.
        sources: The modules that travel by value.
        settings: Settings of the process, from `process_state.settings`.
        value: The pickled value, and the classes and functions of these modules that it reaches.
    """

    folder: str
    path: tuple[str, ...]
    own: frozenset[str]
    origins: Mapping[str, str]
    sources: tuple[ShippedModule, ...]
    settings: Mapping[str, bytes]
    value: bytes

    def enter(self, instead: str | None = None) -> None:
        """Work in the folder, and search for modules in the order, of the process that packed it.

        Args:
            instead: The folder to work in where `folder` does not exist on this machine.

        Raises:
            TaskError: There is neither folder, or this process has imported another module than
                the one that packed it under the same name.
        """
        folder = self.folder if Path(self.folder).is_dir() else instead
        if folder is None:
            raise TaskError(
                f"working directory {self.folder}: there is no such folder on "
                f"{socket.gethostname()}, where a trial was to run in it; start the search in a "
                "folder that every machine has, or send the folder along with `raynas submit`"
            )
        os.chdir(folder)
        path = [self._here(entry) for entry in self.path]
        sys.path[:] = dict.fromkeys([*filter(os.path.exists, path), *sys.path])
        importlib.invalidate_caches()
        clashes = list(self._clashes(_imported()))
        if clashes:
            raise TaskError("; ".join(clashes))

    def unpacked(self, folder: str | None = None) -> Any:
        """The value.

        Args:
            folder: Folder for the stand-ins that children of this process import; None where
                the module search path has them already.
        """
        _arrived.update({new.name: new for new in self.sources if new.name not in _sources})
        sys.modules.update({n: _Arrived(source) for n, source in _arrived.items() if n != _MAIN})
        value, found = pickle.loads(self.value)  # noqa: S301 - made by our own process
        for name in _arrived:
            _hold(sys.modules[name], found)
        if folder is not None and _arrived:
            written = _write_stand_ins(_arrived.values(), folder)
            if _MAIN in written:
                sys.modules[_MAIN].__file__ = str(written[_MAIN])
        return value

    def _here(self, path: str) -> str:
        """`path` on this machine, where the working directory may have another name."""
        if os.path.exists(path) or not Path(path).is_relative_to(self.folder):
            return path
        return str(Path.cwd() / Path(path).relative_to(self.folder))

    def _clashes(self, imported: Mapping[str, str]) -> Iterator[str]:
        """Modules of the user's own folders, or named like these, that are not what they were."""
        own = set(map(self._here, self.own))
        for name, file in imported.items():
            there = self.origins.get(name)
            if there is None:
                spec = PathFinder.find_spec(name) if _entry(file) in own else None
                there = spec.origin if spec is not None else None
            there = None if there is None else self._here(there)
            if there is None or os.path.realpath(there) == os.path.realpath(file):
                continue
            if own & {_entry(file), _entry(there)}:
                yield (
                    f"module {name!r} is {there} in the process that started the search, and "
                    f"{file} in its workers, since Ray imported it first: rename the one of your "
                    "own, or start the search in another folder"
                )


def packed(value: object) -> Packed:
    """`value`, for `Packed.unpacked` in another process.

    Raises:
        Exception: It cannot be pickled.
    """
    names = set(cloudpickle.list_registry_pickle_by_value())
    for name in names - _arrived.keys():
        if name in sys.modules:
            ship_by_value(sys.modules[name])
    try:
        recorder = _recorded(value, names, {})
    except Exception:  # whatever its classes raise
        named = unpicklable(names & _sources.keys())
        if not named:
            raise
        recorder = _recorded(value, names, named)
    sources = {**_sources, **_arrived}
    if _MAIN in {module for module, _ in recorder.found}:
        sources.setdefault(_MAIN, _main_source())
    ours = {folder.name for folder in _stand_ins}
    folder = os.getcwd()
    path = tuple(os.path.abspath(entry) for entry in sys.path if entry not in ours)
    return Packed(
        folder=folder,
        path=path,
        own=frozenset(filter(_is_own, (folder, *path))),
        origins={name: file for name, file in _imported().items() if name not in names},
        sources=tuple(sources.values()),
        settings=settings(),
        value=recorder.file.getvalue(),
    )


def _recorded(
    value: object, names: Collection[str], named: Mapping[int, tuple[str, str]]
) -> _NameRecorder:
    recorder = _NameRecorder(io.BytesIO(), {*names, _MAIN}, named)
    recorder.dump((value, recorder.found))  # by the time that `found` is reached, it is full
    return recorder


class _NameRecorder(cloudpickle.Pickler):  # type: ignore[misc]
    """Notes what travels by value and can be found by its name."""

    def __init__(
        self, file: io.BytesIO, names: Collection[str], named: Mapping[int, tuple[str, str]]
    ) -> None:
        super().__init__(file)
        self.file = file
        self.found: dict[tuple[str, str], Any] = {}
        self._names = names
        self._named = named

    def reducer_override(self, obj: Any) -> Any:
        """Called by pickle for each object."""
        own = getattr(obj, "__module__", None) in self._names
        if own and isinstance(obj, type | FunctionType | Cached):
            known: Any = sys.modules.get(obj.__module__)
            for name in obj.__qualname__.split("."):
                known = None if known is None else vars(known).get(name)
            if known is obj:
                self.found[obj.__module__, obj.__qualname__] = obj
        if own or not isinstance(obj, FunctionType | Cached):  # those of others go by their names
            found = reduction(obj, self._named)
            if found is not None:
                return found
        return super().reducer_override(obj)


class _Arrived(ModuleType):
    """A module of the objects that traveled; the rest of it is made of its text when asked for."""

    def __init__(self, source: ShippedModule) -> None:
        super().__init__(source.name)
        self.__file__ = source.file
        if Path(source.file).stem == "__init__":
            self.__path__ = [str(Path(source.file).parent)]
        self._rest: bytes | None = source.text

    def __getattr__(self, name: str) -> Any:
        text, known = self.__dict__.get("_rest"), dict(vars(self))
        if (
            not text
            or name.startswith("__")
            or not re.search(rb"\b%b\b" % re.escape(name).encode(), text)
        ):
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        self._rest = None
        exec(compile(text, known["__file__"], "exec", dont_inherit=True), vars(self))  # noqa: S102
        vars(self).update({**known, "_rest": None})
        return getattr(self, name)


def _hold(module: ModuleType, found: Mapping[tuple[str, str], Any]) -> None:
    """Make `module` the one of its name, with what traveled of it."""
    for (of, name), value in found.items():
        if of == module.__name__:
            value.__qualname__ = name  # which cloudpickle shortens where classes are nested
            if "." not in name:
                setattr(module, name, value)
    sys.modules[module.__name__] = module
    if module.__name__ != _MAIN:
        cloudpickle.register_pickle_by_value(module)


def _write_stand_ins(sources: Collection[ShippedModule], parent: str) -> dict[str, Path]:
    """The stand-ins by name, in a new folder in `parent`, from which modules are imported first."""
    for old in _stand_ins:
        if old.name in sys.path:
            sys.path.remove(old.name)
    folder = tempfile.TemporaryDirectory(prefix="raynas-modules-", dir=parent)
    _stand_ins.append(folder)
    written = {
        source.name: source.write(Path(folder.name)) for source in sources if "." not in source.name
    }
    sys.path.insert(0, folder.name)
    importlib.invalidate_caches()
    return written


def _main_source() -> ShippedModule:
    """The script that runs in this process; empty where a child must not run it again."""
    file = os.path.abspath(getattr(sys.modules[_MAIN], "__file__", None) or "notebook")
    text = Path(file).read_bytes() if Path(file).is_file() else b""
    return ShippedModule(_MAIN, file, text if _MAIN.encode() in text else b"")


def _imported() -> dict[str, str]:
    """The file of each top-level module that is imported in this process."""
    files = {
        name: getattr(module, "__file__", None)
        for name, module in list(sys.modules.items())
        if "." not in name and not name.startswith("__") and not isinstance(module, _Arrived)
    }
    return {name: os.path.abspath(file) for name, file in files.items() if isinstance(file, str)}


def _entry(file: str) -> str:
    """The entry of the module search path that a top-level module in `file` lies in."""
    folder, name = os.path.split(file)
    return os.path.dirname(folder) if name.startswith("__init__.") else folder


def _is_own(entry: str) -> bool:
    """Whether `entry` of the module search path holds neither installed nor standard modules."""
    installed = {
        *site.getsitepackages(),
        site.getusersitepackages(),
        *sysconfig.get_paths().values(),
    }
    if any(Path(entry).is_relative_to(folder) for folder in installed if folder):
        return False
    return not any(Path(entry).glob("*.dist-info"))  # as `pip install --target` leaves them
