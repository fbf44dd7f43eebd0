"""Space and task on their way from the process that runs a search to its workers."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from types import ModuleType
from typing import Any

import ray
from ray import cloudpickle

from raynas.errors import TaskError, message_of
from raynas.garbage import freeze_imported, importing
from raynas.space import Space
from raynas.tasks import Task, process_state, user_code

__all__ = ["ship_by_value", "shipped", "unpacked"]


def ship_by_value(module: ModuleType, text: bytes | None = None) -> None:
    """Send what `module` defines to the workers as code, since they cannot import it.

    Args:
        module: Module, as it is in ``sys.modules``.
        text: Source of the module; None to read it from its file.
    """
    cloudpickle.register_pickle_by_value(module)  # type: ignore[no-untyped-call]
    user_code.ship_by_value(module, text)


def shipped(space: Space[Any], task: Task) -> ray.ObjectRef[Any]:
    """`space` and `task` on their way to the workers, who read them with `unpacked`.

    They travel once, by value where they are of the user's own file.

    Raises:
        TaskError: They cannot be pickled.
    """
    for name in cloudpickle.list_registry_pickle_by_value():  # type: ignore[no-untyped-call]
        with suppress(KeyError):  # users register with Ray's copy of cloudpickle
            user_code.ship_by_value(sys.modules[name])
    try:
        return ray.put(user_code.packed((space, task)))
    except Exception as error:
        raise TaskError(
            f"task={task!r} cannot be sent to the workers ({type(error).__name__}: "
            f"{message_of(error)}): make such objects where they are used, in run() or in the "
            "module's own methods"
        ) from error


def _working_dir() -> str | None:
    """Folder of the working directory of Ray's runtime environment on this machine."""
    given = ray.get_runtime_context().runtime_env.get("working_dir")
    return os.getcwd() if given else None


def _session_folder() -> str:
    """Ray's folder for this session on this machine."""
    node = ray._private.worker._global_node
    return str(node.get_session_dir_path()) if node else tempfile.gettempdir()


_kept: dict[str, tuple[Space[Any], Task, Mapping[str, bytes]]] = {}


def unpacked(payload: ray.ObjectRef[Any]) -> tuple[Space[Any], Task]:
    """Space and task, kept for the later trials of this process.

    From then on this process works in the driver's folder, finds the modules that it finds, and
    has its settings; those that torch keeps for each thread, in the thread that calls this.

    Raises:
        TaskError: That folder is not on this machine, or a module is missing or another one.
    """
    key = payload.hex()
    if key not in _kept:
        packed: user_code.Packed = ray.get(payload)
        packed.enter(_working_dir())
        try:
            with importing():
                space, task = packed.unpacked(_session_folder())
        except (Exception, SystemExit) as error:
            raise TaskError(
                f"the search file cannot be loaded in a worker: {type(error).__name__}: "
                f"{message_of(error)}; what it imports must be importable there too"
            ) from error
        freeze_imported()
        _kept.clear()
        _kept[key] = space, task, packed.settings
    space, task, settings = _kept[key]
    process_state.adopt(settings)
    return space, task
