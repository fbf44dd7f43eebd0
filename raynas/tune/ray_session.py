"""The Ray session that trials run in: the caller's, a named cluster's, or one of our own."""

from __future__ import annotations

import logging
import os
import secrets
import signal
import socket
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext, suppress
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
import ray

from raynas.errors import ConfigurationError, RaynasError
from raynas.store.log import announce
from raynas.tune.limits import check_limits
from raynas.tune.local_processes import fewer_processes
from raynas.tune.resources import Resources, fitting

__all__ = [
    "alive",
    "check_answers",
    "grows",
    "is_own_session",
    "ray_session",
    "session_logs",
    "start",
    "trials_at_once",
]

_own_session: ContextVar[bool] = ContextVar("own_session", default=False)
_SECONDS_TO_CONNECT = 10.0  # a head on another continent answers within one
_AGENT_SECONDS = 180  # Ray's own limit is too short on a busy machine
_ATTEMPTS_TO_START = 4  # chosen by hand: a slow start repeats once or twice on a busy machine
_TOOK_TOO_LONG = "timed out during startup"
_AGENT_TOOK_TOO_LONG = "Timed out waiting for file"
"""What a raylet says that ends itself since its agent was not there in 15 s, which are fixed."""
_ADDRESS = (
    "HOST:PORT, as `ray start --head` prints it, 'auto' for the cluster started on this machine, "
    "or 'local' for a session of the search's own"
)
_AUTH_HINT = (
    ". Where that cluster asks for a token, have its ~/.ray/auth_token here too and set "
    "RAY_AUTH_MODE=token"
)
_LOG_OPTION = "--log_dir="
_LAUNCHED = "~/ray_bootstrap_config.yaml"
_AUTOSCALER = "RAY_enable_autoscaler_v2"


@contextmanager
def ray_session() -> Iterator[None]:
    """Ray as it is initialized, or the cluster at `RAY_ADDRESS`, or a session that ends with this.

    ``RAY_ADDRESS=auto`` names the cluster that ``ray start`` started on this machine. Without the
    variable no cluster is joined; a line in the log says where one runs on this machine. A session
    of a search's own sends no usage statistics, unless ``RAY_USAGE_STATS_ENABLED=1`` is set.

    Raises:
        ConfigurationError: `RAY_ADDRESS` is no address, or ``auto`` where no cluster was started.
        RaynasError: Ray cannot be started, or nobody answers within ten seconds where the
            cluster should be; left to itself Ray waits for minutes.
    """
    if ray.is_initialized():
        yield
        return
    address, origin = _cluster()
    if address is not None:
        check_answers(address, origin, _ADDRESS)
    else:
        check_limits()
    try:
        if address:
            start(address=address)
        else:
            start(include_dashboard=False, num_gpus=_mig_devices())
    except Exception as error:
        what = f"connect to Ray at {origin}{address}" if address else "start Ray"
        hint = _AUTH_HINT if address and "RAY_AUTH_MODE" not in os.environ else ""
        raise RaynasError(f"cannot {what}: {' '.join(str(error).split())}{hint}") from error
    own = _own_session.set(address is None)
    try:
        yield
    finally:
        _own_session.reset(own)
        ray.shutdown()


@contextmanager
def _environment() -> Iterator[None]:
    """What a session of our own takes from the environment, where the user has set nothing.

    Nobody gets statistics of its use. A raylet ends itself where its agent takes longer to import
    than 30 s, as on a busy machine: it gets more time. No workers are started ahead, one for each
    core: Tune's have settings of their own, and it would use none of these. Where no file can be
    written to the home folder, its token is in the environment of its processes.
    """
    wanted = {
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_agent_register_timeout_ms": str(1000 * _AGENT_SECONDS),
        "RAY_prestart_worker_first_driver": "0",
    }
    home = Path(os.path.expanduser("~"))
    if not (home / ".ray" / "auth_token").is_file() and not _can_write(home):
        announce("the home folder %s cannot be written to: Ray keeps its token in memory", home)
        wanted["RAY_AUTH_TOKEN"] = _token()
    added = {name: value for name, value in wanted.items() if name not in os.environ}
    os.environ.update(added)
    try:
        yield
    finally:
        for name in added:
            del os.environ[name]


def _mig_devices() -> int | None:
    """The slices of GPUs that ``CUDA_VISIBLE_DEVICES`` names; None where it names none.

    Ray counts whole GPUs, and would leave all slices of one but the first unused.
    """
    visible = os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",")
    slices = [name for name in visible if name.strip().startswith("MIG-")]
    return len(slices) if slices else None


def _can_write(home: Path) -> bool:
    place = home / ".ray" if (home / ".ray").is_dir() else home
    return place.is_dir() and os.access(place, os.W_OK)


@cache
def _token() -> str:
    """One for all sessions of this process, in which Ray keeps the first that it sees."""
    return secrets.token_hex(32)


def start(address: str = "local", **options: Any) -> None:
    """`ray.init`, quietly, and again where a busy machine took longer than Ray waits.

    That is 30 s for all of its processes, and 15 s for a raylet's agent.

    Args:
        address: Address of a running cluster; ``"local"`` starts a session on this machine, where
            Ray by itself would join whatever cluster runs there.
        options: Further options of `ray.init`.

    Raises:
        RaynasError: The raylet ended for another reason, or no attempt was fast enough.
    """
    if address != "local":
        _start(address=address, **options)
        return
    bare = options.get("include_dashboard") is False
    with _environment(), fewer_processes() if bare else nullcontext():
        _start(address=address, **options)


def _start(**options: Any) -> None:
    for attempt in range(1, _ATTEMPTS_TO_START + 1):
        before = _children()
        try:
            ray.init(logging_level=logging.ERROR, log_to_driver=False, **options)
            return
        except Exception as error:
            left = _children() - before
            died = not any(map(_is_raylet, left))
            log = _log_of(left)
            ray.shutdown()
            _end(left)
            if _TOOK_TOO_LONG not in str(error):
                raise
            if died and not _says(log, _AGENT_TOOK_TOO_LONG):
                raise RaynasError(f"its raylet ended while starting; see {log}") from error
            if attempt == _ATTEMPTS_TO_START:
                raise RaynasError(
                    f"this machine is so busy that Ray's processes were not ready within the 30 s "
                    f"that Ray waits, {attempt} times in a row. Nothing stored is lost: run the "
                    f"same command again when fewer programs run here, and see {log}"
                ) from error
            announce("Ray did not start within 30 s: starting it once more")


def _log_of(processes: set[int]) -> Path:
    """Log in which the raylet that was started with these processes says why it ended.

    That of this process's latest session, or of the machine's, where they do not say which it is.
    """
    for pid in processes:
        for argument in _command(pid):
            if argument.startswith(_LOG_OPTION):
                return Path(argument.removeprefix(_LOG_OPTION)) / "raylet.out"
    sessions = Path(os.environ.get("RAY_TMPDIR") or tempfile.gettempdir(), "ray")
    own = max(sessions.glob(f"session_*_{os.getpid()}"), default=sessions / "session_latest")
    return own / "logs" / "raylet.out"


def _says(log: Path, words: str) -> bool:
    try:
        return words in log.read_text(errors="replace")
    except OSError:
        return False


def _command(pid: int) -> list[str]:
    """The command line of a process; nothing where it has ended."""
    with suppress(psutil.Error):
        return list(psutil.Process(pid).cmdline())
    return []


def _is_raylet(pid: int) -> bool:
    return any("/raylet/raylet" in argument for argument in _command(pid))


def _children() -> set[int]:
    """The processes of Ray's that this one has started."""
    started = {child.pid for child in psutil.Process().children()}
    return {pid for pid in started if any("/ray/" in argument for argument in _command(pid))}


def _end(processes: set[int]) -> None:
    """End what a start that failed has left, which would keep the machine busy."""
    for pid in processes:
        with suppress(OSError):
            os.kill(pid, signal.SIGKILL)


def trials_at_once(resources: Resources, parallel: int | None) -> int:
    """How many trials Tune may run at once, in the session that exists.

    Never more than fit on the machines there are, except in a cluster that starts machines when
    trials wait for them: there `parallel` is what it grows to.

    Raises:
        ConfigurationError: Not a single trial fits.
    """
    if parallel is not None and grows():
        return parallel
    try:
        fit = fitting(resources, alive())
    except ConfigurationError as error:
        if not grows():
            raise
        raise ConfigurationError(
            f"{error}; or give Limits(parallel=...) for the cluster to grow to"
        ) from error
    return fit if parallel is None else min(parallel, fit)


def check_answers(address: str, origin: str, wanted: str) -> None:
    """Check that somebody listens at `address`, HOST:PORT or a URL.

    Args:
        address: What is checked.
        origin: Source of the address, such as ``"RAY_ADDRESS="``; shown before it in errors.
        wanted: What it must be, in words.

    Raises:
        ConfigurationError: It has no host or no port.
        RaynasError: Nobody answers within ten seconds.
    """
    parts = urlsplit(address if "://" in address else f"//{address}")
    try:
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
    if host is None or port is None:
        raise ConfigurationError(f"{origin}{address}: must be {wanted}")
    try:
        socket.create_connection((host, port), timeout=_SECONDS_TO_CONNECT).close()
    except OSError as error:
        raise RaynasError(
            f"{origin}{address}: nobody answers there ({error}). Is the head running, and its port "
            "reachable from here?"
        ) from error


def alive() -> list[Mapping[str, float]]:
    """What each machine of the session has."""
    nodes: list[dict[str, Any]] = ray.nodes()  # type: ignore[no-untyped-call]
    return [node["Resources"] for node in nodes if node["Alive"]]


def grows() -> bool:
    """Whether an autoscaler is at work: `ray up`'s, seen from the head, or KubeRay's.

    Not for a session of a search's own, which a head may run as well.
    """
    launched = os.path.exists(os.path.expanduser(_LAUNCHED))
    autoscaled = os.environ.get(_AUTOSCALER, "0") not in ("0", "")
    return (launched or autoscaled) and not is_own_session()


def is_own_session() -> bool:
    """Whether the session is one of a search's own, which ends with it."""
    return _own_session.get()


def session_logs() -> Path:
    """The folder in which Ray's processes write what happens to them."""
    node: Any = ray._private.worker._global_node
    return Path(node.get_logs_dir_path())


def _cluster() -> tuple[str | None, str]:
    """Address of the cluster that the user named, None for none, and what names it."""
    address = os.environ.get("RAY_ADDRESS")
    temporary = os.environ.get("RAY_TMPDIR") or tempfile.gettempdir()
    noted = Path(temporary, "ray", "ray_current_cluster")
    started = noted.read_text().strip() if noted.exists() else None
    if address == "auto":
        if started is None:
            raise ConfigurationError(
                "RAY_ADDRESS=auto: no cluster was started on this machine; run `ray start --head`, "
                f"or set it to {_ADDRESS}"
            )
        return started, f"RAY_ADDRESS=auto, the address in {noted}, "
    if address and address != "local":
        return address, "RAY_ADDRESS="
    if not address and started is not None and _is_up(started):
        announce(
            "A Ray cluster runs on this machine, at %s. This search does not use it: set "
            "RAY_ADDRESS=auto to run there, or RAY_ADDRESS=local to be rid of this line",
            started,
        )
    return None, ""


def _is_up(address: str) -> bool:
    try:
        check_answers(address, "", _ADDRESS)
    except RaynasError:
        return False
    return True
