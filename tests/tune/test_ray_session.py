"""Finding a cluster, and saying so where there is none."""

from __future__ import annotations

import os
import resource
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import ray

from raynas.errors import ConfigurationError, RaynasError
from raynas.tune import limits as limits_module
from raynas.tune import ray_session as session
from raynas.tune.ray_session import ray_session, trials_at_once
from raynas.tune.resources import Resources

GIB = 2**30


@pytest.fixture(autouse=True)
def _elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No session of this process, no cluster of this machine."""
    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    monkeypatch.setenv("RAY_TMPDIR", str(tmp_path))
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.delenv("RAY_enable_autoscaler_v2", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port that is taken, at which nobody listens."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


def start() -> None:
    with ray_session():
        raise AssertionError("a session began")


@pytest.mark.parametrize("scheme", ["", "ray://"])
def test_a_dead_head_is_named_at_once(
    monkeypatch: pytest.MonkeyPatch, closed_port: int, scheme: str
) -> None:
    address = f"{scheme}127.0.0.1:{closed_port}"
    monkeypatch.setenv("RAY_ADDRESS", address)
    with pytest.raises(RaynasError, match=rf"RAY_ADDRESS={address}: nobody answers .*refused"):
        start()


def test_a_head_that_swallows_packets_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[float] = []

    def silent(address: Any, timeout: float) -> socket.socket:
        asked.append(timeout)
        raise TimeoutError("timed out")

    monkeypatch.setattr(socket, "create_connection", silent)
    monkeypatch.setenv("RAY_ADDRESS", "head:6379")
    with pytest.raises(RaynasError, match=r"head:6379: nobody answers there \(timed out\)"):
        start()
    assert asked == [10.0]


@pytest.mark.parametrize("address", ["head", "head:port", "10.0.0.1"])
def test_an_address_without_a_port_is_refused(
    monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setenv("RAY_ADDRESS", address)
    with pytest.raises(ConfigurationError, match=f"RAY_ADDRESS={address}: must be HOST:PORT"):
        start()


def noted(folder: Path, address: str) -> None:
    """Have `ray start` started a cluster on this machine, as far as its note says."""
    (folder / "ray").mkdir()
    (folder / "ray" / "ray_current_cluster").write_text(f"{address}\n")


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The addresses with which Ray is started, and None at its end."""
    calls: list[Any] = []
    monkeypatch.setattr(ray, "init", lambda **options: calls.append(options["address"]))
    monkeypatch.setattr(ray, "shutdown", lambda: calls.append(None))
    return calls


@pytest.fixture
def open_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_a_cluster_that_was_started_here_and_died_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, closed_port: int
) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "auto")
    noted(tmp_path, f"127.0.0.1:{closed_port}")
    with pytest.raises(RaynasError, match=r"=auto, .*ray_current_cluster, .*: nobody answers"):
        start()


def test_auto_without_a_cluster_says_what_to_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "auto")
    with pytest.raises(ConfigurationError, match=r"RAY_ADDRESS=auto: no cluster was .* --head`"):
        start()


def test_auto_names_the_cluster_of_this_machine(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, open_port: int, started: list[Any]
) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "auto")
    noted(tmp_path, f"127.0.0.1:{open_port}")
    with ray_session():
        assert started == [f"127.0.0.1:{open_port}"]


@pytest.mark.parametrize("variable", [None, "", "local"])
def test_no_cluster_is_joined_that_was_not_named(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    open_port: int,
    started: list[Any],
    caplog: pytest.LogCaptureFixture,
    variable: str | None,
) -> None:
    if variable is not None:
        monkeypatch.setenv("RAY_ADDRESS", variable)
    noted(tmp_path, f"127.0.0.1:{open_port}")
    with ray_session():
        assert started == ["local"]
    assert started == ["local", None]
    line = f"A Ray cluster runs on this machine, at 127.0.0.1:{open_port}. This search does not use"
    assert (line in caplog.text) == (variable != "local")
    assert ("RAY_ADDRESS=auto to run there" in caplog.text) == (variable != "local")


@pytest.mark.parametrize(
    ("visible", "gpus"),
    [
        (None, None),
        ("0,1", None),
        ("GPU-1c4f,GPU-2d5e", None),
        ("MIG-1c4f,MIG-2d5e,MIG-3f6a", 3),
        ("MIG-GPU-1c4f/1/0", 1),
    ],
)
def test_slices_of_gpus_count_as_gpus(
    visible: str | None, gpus: int | None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Ray's own count is of whole GPUs."""
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setenv("RAY_TMPDIR", str(tmp_path))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    given: list[Any] = []
    monkeypatch.setattr("ray.is_initialized", lambda: False)
    monkeypatch.setattr("ray.init", lambda **options: given.append(options["num_gpus"]))
    monkeypatch.setattr("ray.shutdown", lambda: None)
    with ray_session():
        assert given == [gpus]


def test_a_dead_cluster_of_this_machine_is_not_worth_a_line(
    tmp_path: Path, closed_port: int, started: list[Any], caplog: pytest.LogCaptureFixture
) -> None:
    noted(tmp_path, f"127.0.0.1:{closed_port}")
    with ray_session():
        assert started == ["local"]
    assert not caplog.text


@pytest.mark.parametrize("home", ["/dev/null/home", "/nonexistent"])
def test_without_a_home_folder_the_token_is_in_memory(
    monkeypatch: pytest.MonkeyPatch, home: str, caplog: pytest.LogCaptureFixture
) -> None:
    tokens: list[str] = []
    monkeypatch.setenv("HOME", home)
    monkeypatch.setattr(ray, "init", lambda **_: tokens.append(os.environ["RAY_AUTH_TOKEN"]))
    monkeypatch.setattr(ray, "shutdown", lambda: None)
    for _ in range(2):
        with ray_session():
            pass
    assert tokens[0] == tokens[1]
    assert len(tokens[0]) == 64
    assert "RAY_AUTH_TOKEN" not in os.environ
    assert f"the home folder {home} cannot be written to" in caplog.text


@pytest.mark.parametrize("own", [None, "5000"])
@pytest.mark.parametrize(
    ("name", "ours"),
    [("RAY_agent_register_timeout_ms", "180000"), ("RAY_prestart_worker_first_driver", "0")],
)
def test_a_raylet_waits_for_its_agent_and_starts_no_workers_ahead(
    monkeypatch: pytest.MonkeyPatch, name: str, ours: str, own: str | None
) -> None:
    """What the user has set is kept, and nothing stays in the environment."""
    given: list[str] = []
    monkeypatch.delenv(name, raising=False)
    if own:
        monkeypatch.setenv(name, own)
    monkeypatch.setattr(ray, "init", lambda **_: given.append(os.environ[name]))
    monkeypatch.setattr(ray, "shutdown", lambda: None)
    with ray_session():
        pass
    assert given == [own or ours]
    assert os.environ.get(name) == own


def test_a_session_started_without_a_search_has_the_same_time(
    monkeypatch: pytest.MonkeyPatch, started: list[Any]
) -> None:
    """As those of tests and benchmarks are, whose raylets died on busy machines."""
    name, given = "RAY_agent_register_timeout_ms", []
    monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(ray, "init", lambda **_: given.append(os.environ.get(name)))
    session.start(num_cpus=2)
    session.start("head.invalid:6379")
    assert given == ["180000", None]


@pytest.mark.parametrize(("slow", "starts"), [(2, True), (9, False)])
def test_a_start_on_a_busy_machine_is_tried_again_without_what_it_left(
    monkeypatch: pytest.MonkeyPatch, slow: int, starts: bool
) -> None:
    left: list[subprocess.Popen[bytes]] = []

    def init(**options: Any) -> None:
        code = "import time; print(flush=True); time.sleep(600)"
        command = [sys.executable, "-c", code, "/ray/raylet/raylet"]
        process = subprocess.Popen(command, stdout=subprocess.PIPE)
        left.append(process)
        with process.stdout:
            process.stdout.readline()  # its command line can be read
        if len(left) <= slow:
            raise Exception("The current node timed out during startup. This could happen ...")

    monkeypatch.setattr(ray, "init", init)
    monkeypatch.setattr(ray, "shutdown", lambda: None)
    if starts:
        with ray_session():
            assert len(left) == slow + 1
    else:
        words = "this machine is so busy .* 4 times in a row. Nothing stored is lost: run the same"
        with pytest.raises(RaynasError, match=f"cannot start Ray: {words}"):
            start()
        assert len(left) == 4
    for process in left[:slow]:
        assert process.wait(timeout=600) != 0
    for process in left[slow:]:
        process.kill()
        process.wait()


@pytest.mark.parametrize(
    ("line", "times"),
    [
        ("C Check failed: Timed out waiting for file metrics_agent_port_39e5", 4),
        ("C Check failed: no place in shared memory", 1),
        (None, 1),
    ],
)
def test_a_raylet_that_ended_while_starting_is_tried_again_only_if_its_agent_was_slow(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, line: str | None, times: int
) -> None:
    starts: list[str] = []
    own = "session_latest" if line is None else f"session_2026-11-29_14-47-21_8_{os.getpid()}"
    logs = tmp_path / "ray" / own / "logs" / "raylet.out"

    def init(**options: Any) -> None:
        starts.append(options["address"])
        if line is not None:
            logs.parent.mkdir(parents=True, exist_ok=True)
            logs.write_text(line)
        raise Exception("The current node timed out during startup. This could happen ...")

    monkeypatch.setattr(ray, "init", init)
    monkeypatch.setattr(ray, "shutdown", lambda: None)
    with pytest.raises(RaynasError, match="cannot start Ray: ") as refused:
        start()
    assert (f"its raylet ended while starting; see {logs}" in str(refused.value)) == (times == 1)
    assert starts == ["local"] * times


def test_a_raylet_that_ended_since_its_agent_was_slow_is_tried_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    left: list[subprocess.Popen[bytes]] = []
    log = tmp_path / "raylet.out"

    def init(**options: Any) -> None:
        code = "import time; print(flush=True); time.sleep(600)"
        command = [sys.executable, "-c", code, "/ray/gcs_server", f"--log_dir={tmp_path}"]
        process = subprocess.Popen(command, stdout=subprocess.PIPE)
        left.append(process)
        with process.stdout:
            process.stdout.readline()  # its command line can be read
        if len(left) == 1:
            log.write_text("Check failed: Timed out waiting for file metrics_agent_port_1")
        elif len(left) == 2:
            log.write_text("Check failed: out of inodes")
        raise Exception("The current node timed out during startup. This could happen ...")

    monkeypatch.setattr(ray, "init", init)
    monkeypatch.setattr(ray, "shutdown", lambda: None)
    with pytest.raises(RaynasError, match=f"its raylet ended while starting; see {log}"):
        start()
    assert len(left) == 2
    for process in left:
        assert process.wait(timeout=600) != 0


@pytest.mark.parametrize(
    ("kind", "limit", "said"),
    [
        ("RLIMIT_AS", 4 * GIB, r"limited to 4 GiB of address space, .* `ulimit -v unlimited`"),
        ("RLIMIT_FSIZE", GIB // 2, r"limited to 0.5 GiB of file size, .* `ulimit -f unlimited`"),
        ("RLIMIT_NOFILE", 24, r"limited to 24 of open files, and Ray needs 64 .* `ulimit -n 4096`"),
    ],
)
def test_limits_under_which_ray_cannot_start_are_named_at_once(
    monkeypatch: pytest.MonkeyPatch, started: list[Any], kind: str, limit: int, said: str
) -> None:
    limits = {getattr(resource, kind): (limit, limit)}
    free = resource.RLIM_INFINITY, resource.RLIM_INFINITY
    monkeypatch.setattr(resource, "getrlimit", lambda number: limits.get(number, free))
    monkeypatch.setattr(limits_module, "resolve_object_store_memory", lambda _: 6 * GIB)
    with pytest.raises(RaynasError, match=f"cannot start Ray: this process is {said}"):
        start()
    assert not started


def test_limits_that_leave_enough_are_no_obstacle(
    monkeypatch: pytest.MonkeyPatch, started: list[Any]
) -> None:
    enough = {resource.RLIMIT_NOFILE: 64}
    monkeypatch.setattr(resource, "getrlimit", lambda n: (enough.get(n, 8 * GIB),) * 2)
    monkeypatch.setattr(limits_module, "resolve_object_store_memory", lambda _: 6 * GIB)
    with ray_session():
        assert started == ["local"]


MACHINES = [
    {"Alive": True, "Resources": {"CPU": 4.0}},
    {"Alive": False, "Resources": {"CPU": 64.0, "GPU": 8.0}},
]


def test_no_more_trials_at_once_than_fit_the_living(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray, "nodes", lambda: MACHINES)
    assert trials_at_once(Resources(cpu=1), None) == 4
    assert trials_at_once(Resources(cpu=1), 3) == 3
    assert trials_at_once(Resources(cpu=1), 50) == 4
    with pytest.raises(ConfigurationError, match=r"gpu=1: no machine has as much .*gpu=0\)$"):
        trials_at_once(Resources(gpu=1), 2)


@pytest.mark.parametrize("sign", ["ray up", "KubeRay"])
def test_where_machines_are_started_on_demand_the_limit_is_what_the_cluster_grows_to(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, sign: str
) -> None:
    if sign == "ray up":
        (tmp_path / "ray_bootstrap_config.yaml").touch()
    else:
        monkeypatch.setenv("RAY_enable_autoscaler_v2", "1")
    monkeypatch.setattr(ray, "nodes", lambda: MACHINES)
    assert trials_at_once(Resources(gpu=1), 50) == 50
    assert trials_at_once(Resources(cpu=1), None) == 4
    with pytest.raises(ConfigurationError, match=r"or give Limits\(parallel=\.\.\.\) for"):
        trials_at_once(Resources(gpu=1), None)


def test_a_session_of_its_own_on_a_head_does_not_grow(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, started: list[Any]
) -> None:
    """Trials that no machine fits are refused, where a cluster would start one."""
    (tmp_path / "ray_bootstrap_config.yaml").touch()
    monkeypatch.setattr(ray, "nodes", lambda: MACHINES)
    with ray_session():
        assert started == ["local"]
        assert trials_at_once(Resources(cpu=1), 50) == 4
        with pytest.raises(ConfigurationError, match="gpu=1: no machine has as much"):
            trials_at_once(Resources(gpu=1), 50)
    assert trials_at_once(Resources(gpu=1), 50) == 50


def test_a_cluster_that_refuses_says_what_it_may_want(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**_: Any) -> None:
        raise ConnectionError("Failed to connect to\nRay cluster")

    monkeypatch.setattr(session, "check_answers", lambda *_: None)
    monkeypatch.setattr(session, "start", refuse)
    monkeypatch.setenv("RAY_ADDRESS", "head:6379")
    monkeypatch.delenv("RAY_AUTH_MODE", raising=False)
    with pytest.raises(
        RaynasError, match=r"RAY_ADDRESS=head:6379: Failed to connect to Ray"
    ) as error:
        start()
    assert str(error.value).endswith("set RAY_AUTH_MODE=token")
    monkeypatch.setenv("RAY_AUTH_MODE", "token")
    with pytest.raises(RaynasError, match=r"Ray cluster$"):
        start()
