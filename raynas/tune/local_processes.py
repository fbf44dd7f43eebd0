"""Which of its own processes Ray starts for a session on this machine.

Ray starts an autoscaler for the single machine there is, a monitor that forwards the logs that
nobody asked for, and a dashboard process even with ``include_dashboard=False``. Each imports Ray:
together half of the CPU time of a session's start, and some 80 MiB each while it runs.
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partialmethod
from typing import Any
from unittest.mock import patch

from ray._private.node import Node
from ray._private.parameter import RayParams

__all__ = ["fewer_processes"]

_OMITTED = {"no_monitor": True, "include_log_monitor": False}


@contextmanager
def fewer_processes() -> Iterator[None]:
    """Make `ray.init` start only the processes that trials need.

    For a session without a dashboard, whose driver does not print its workers' logs. The dashboard
    process stays where ``RAY_USAGE_STATS_ENABLED`` asks for usage statistics, which it sends. A
    version of Ray that is built differently starts all of its processes.
    """
    with ExitStack() as patches:
        started: Any = RayParams.__init__
        if _OMITTED.keys() <= inspect.signature(started).parameters.keys():
            omitting = partialmethod(started, **_OMITTED)
            patches.enter_context(patch.object(RayParams, "__init__", omitting))
        silent = os.environ.get("RAY_USAGE_STATS_ENABLED") == "0"
        if silent and hasattr(Node, "start_api_server"):
            patches.enter_context(patch.object(Node, "start_api_server", lambda *_, **__: None))
        yield
