"""What a trial may change in its process, put back before the next trial of that process."""

from __future__ import annotations

import builtins
import gc
import importlib.util
import locale
import logging
import multiprocessing
import os
import pickle
import signal
import socket
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

import numpy as np

from raynas.errors import TaskError
from raynas.tasks.process_setting import ProcessSetting, attribute

__all__ = ["adopt", "restored", "settings"]


@contextmanager
def restored() -> Iterator[list[str]]:
    """Run a block, then put back what it changed of this process's state.

    Imported modules and random generators stay as the block left them. torch's state is read where
    torch is imported, at the latest right after the block imports it.

    Yields:
        A list that is filled at the end with the names of settings that could not be put back.
    """
    settings = dict(_SETTINGS)
    if threading.current_thread() is threading.main_thread():
        settings["signal handlers"] = _HANDLERS  # no other thread can set them
    before = {name: setting.read() for name, setting in settings.items()}
    lasting: list[str] = []

    def read_torch() -> None:
        from raynas.tasks.torch_state import SETTINGS

        settings.update(SETTINGS)
        before.update({name: setting.read() for name, setting in SETTINGS.items()})

    try:
        with warnings.catch_warnings(), _once_imported("torch", read_torch):
            yield lasting
    finally:
        lasting += [name for name, value in before.items() if not _put_back(settings[name], value)]


def settings() -> dict[str, bytes]:
    """What a search file may set for all that runs after it, to be given to `adopt` elsewhere.

    Pickled, and torch's settings apart, which are there where torch is imported.
    """
    values = {"": _pickled(_SHARED)}
    if "torch" in sys.modules:
        from raynas.tasks.torch_state import SHARED

        values["torch"] = _pickled(SHARED)
    return values


def adopt(values: Mapping[str, bytes]) -> None:
    """Take over the settings of another process; torch's once torch is imported.

    Raises:
        TaskError: One of these settings cannot be had here.
    """

    def adopt_torch() -> None:
        from raynas.tasks.torch_state import SHARED

        _adopt(SHARED, values["torch"])

    _adopt(_SHARED, values[""])
    if "torch" in values and "torch" in sys.modules:
        adopt_torch()
    elif "torch" in values and not any(isinstance(finder, _Adopting) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Adopting("torch", adopt_torch))


def _pickled(rows: Mapping[str, ProcessSetting]) -> bytes:
    return pickle.dumps({name: setting.read() for name, setting in rows.items()})


def _adopt(rows: Mapping[str, ProcessSetting], pickled: bytes) -> None:
    values = pickle.loads(pickled)  # noqa: S301 - made by our own process
    missed = [name for name, value in values.items() if not _put_back(rows[name], value)]
    if missed:
        raise TaskError(
            f"{', '.join(missed)}: set in the process that started the search to what this machine "
            "does not take; set it in the task where it is possible"
        )


def _put_back(setting: ProcessSetting, value: Any) -> bool:
    """Give `setting` its `value` again where it has another; False where that is impossible."""
    with suppress(Exception):  # such as that of a working directory that was removed
        if setting.read() == value:
            return True
    with suppress(Exception):
        setting.write(value)
        return True
    return False


@contextmanager
def _once_imported(name: str, then: Callable[[], None]) -> Iterator[None]:
    """Call `then` once module `name` is imported: now, or as soon as the block imports it."""
    if name in sys.modules:
        then()
        yield
        return
    finder = _Finder(name, then)
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        finder.remove()


class _Finder(MetaPathFinder):
    """Finds module `name` as the finders after it do, and calls `then` when it is imported."""

    def __init__(self, name: str, then: Callable[[], None]) -> None:
        self._name = name
        self._then = then

    def remove(self) -> None:
        """Find nothing from now on."""
        with suppress(ValueError):
            sys.meta_path.remove(self)

    def find_spec(self, fullname: str, path: Any, target: Any = None) -> ModuleSpec | None:
        """Called by the import system."""
        del path, target
        if fullname != self._name:
            return None
        self.remove()
        spec = importlib.util.find_spec(fullname)
        if spec is not None and spec.loader is not None:
            execute = spec.loader.exec_module

            def executed(module: ModuleType) -> None:
                execute(module)
                self._then()

            spec.loader.exec_module = executed  # type: ignore[method-assign]
        return spec


class _Adopting(_Finder):
    """The one that `adopt` leaves until torch is imported."""


def _list(owner: Any, name: str) -> ProcessSetting:
    """The list that is `owner`'s attribute `name`: which one it is, and its items."""

    def write(value: tuple[list[Any], list[Any]]) -> None:
        same, items = value
        same[:] = items
        setattr(owner, name, same)

    return ProcessSetting(lambda: (getattr(owner, name), list(getattr(owner, name))), write)


def _write_environment(values: dict[str, str]) -> None:
    for name in os.environ.keys() - values.keys():
        del os.environ[name]
    os.environ.update(values)
    if hasattr(time, "tzset"):
        time.tzset()


_SIGNALS = sorted(set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP})


def _write_handlers(handlers: list[Any]) -> None:
    for number, handler in zip(_SIGNALS, handlers, strict=True):
        if signal.getsignal(number) != handler:
            signal.signal(number, handler)


def _read_umask() -> int:
    umask = os.umask(0o077)
    os.umask(umask)
    return umask


def _read_loggers() -> list[tuple[Any, ...]]:
    known = [logging.root, *logging.root.manager.loggerDict.values()]
    return [
        (logger, logger.level, logger.disabled, logger.propagate, logger.handlers[:])
        for logger in known
        if isinstance(logger, logging.Logger)
    ]


def _write_loggers(values: list[tuple[Any, ...]]) -> None:
    for logger, level, disabled, propagate, handlers in values:
        logger.disabled, logger.propagate, logger.handlers[:] = disabled, propagate, handlers
        if level != logger.level:
            logger.setLevel(level)


_HANDLERS = ProcessSetting(
    lambda: [signal.getsignal(number) for number in _SIGNALS], _write_handlers
)
_SHARED = {
    "recursion limit": ProcessSetting(sys.getrecursionlimit, sys.setrecursionlimit),
    "socket timeout": ProcessSetting(socket.getdefaulttimeout, socket.setdefaulttimeout),
    "start method of processes": ProcessSetting(
        lambda: multiprocessing.get_start_method(allow_none=True),
        lambda method: multiprocessing.set_start_method(method, force=True),
    ),
    "NumPy's error handling": ProcessSetting(np.geterr, lambda value: np.seterr(**value)),
    "NumPy's print options": ProcessSetting(
        np.get_printoptions, lambda value: np.set_printoptions(**value)
    ),
}
_SETTINGS = {
    **_SHARED,
    "working directory": ProcessSetting(os.getcwd, os.chdir),
    "environment": ProcessSetting(lambda: dict(os.environ), _write_environment),
    "module search path": _list(sys, "path"),
    "command line": _list(sys, "argv"),
    "standard input": attribute(sys, "stdin"),
    "standard output": attribute(sys, "stdout"),
    "standard error": attribute(sys, "stderr"),
    "print": attribute(builtins, "print"),
    "exception hook": attribute(sys, "excepthook"),
    "exception hook of threads": attribute(threading, "excepthook"),
    "garbage collection": ProcessSetting(
        gc.isenabled, lambda on: gc.enable() if on else gc.disable()
    ),
    "umask": ProcessSetting(_read_umask, os.umask),
    "locale": ProcessSetting(
        lambda: locale.setlocale(locale.LC_ALL),
        lambda value: locale.setlocale(locale.LC_ALL, value),
    ),
    "loggers": ProcessSetting(_read_loggers, _write_loggers),
    "disabled logging": attribute(logging.root.manager, "disable"),
}
