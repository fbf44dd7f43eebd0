"""The processes of Ray's that a session on this machine goes without."""

from __future__ import annotations

from typing import Any

import psutil
import pytest
import ray
from ray._private.node import Node
from ray._private.parameter import RayParams

from raynas.tune import local_processes, ray_session

START = RayParams.__init__
OMITTED = ("log_monitor.py", "autoscaler/_private/monitor.py", "dashboard/dashboard.py")


@pytest.mark.usefixtures("ray_session")
def test_a_session_has_what_trials_need_and_no_more() -> None:
    commands = [" ".join(child.cmdline()) for child in psutil.Process().children(recursive=True)]
    assert any("raylet" in command for command in commands)
    assert not [command for command in commands if any(name in command for name in OMITTED)]
    assert ray.get(ray.remote(lambda: 3).remote()) == 3


def changes(monkeypatch: pytest.MonkeyPatch, **options: Any) -> tuple[bool, bool, bool]:
    """Whether a start goes without autoscaler, log monitor and dashboard process."""
    seen: list[tuple[bool, bool, bool]] = []
    dashboard = Node.start_api_server

    def init(**_: Any) -> None:
        params: Any = RayParams()
        log = params.include_log_monitor is False
        seen.append((params.no_monitor, log, Node.start_api_server is not dashboard))

    monkeypatch.setattr(ray, "init", init)
    ray_session.start(**options)
    assert (RayParams.__init__, Node.start_api_server) == (START, dashboard)
    return seen[0]


def test_only_a_local_session_without_a_dashboard_is_changed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("RAY_USAGE_STATS_ENABLED", raising=False)
    assert changes(monkeypatch, include_dashboard=False) == (True, True, True)
    assert changes(monkeypatch, include_dashboard=True) == (False, False, False)
    assert changes(monkeypatch) == (False, False, False)
    assert changes(monkeypatch, address="10.0.0.1:6379") == (False, False, False)


def test_who_sends_usage_statistics_keeps_the_process_that_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "1")
    assert changes(monkeypatch, include_dashboard=False) == (True, True, False)


def test_a_ray_that_is_built_differently_starts_all_processes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(local_processes, "_OMITTED", {"no_such_option": True})
    monkeypatch.delattr(Node, "start_api_server")
    with local_processes.fewer_processes():
        assert RayParams.__init__ is START
        assert not hasattr(Node, "start_api_server")
