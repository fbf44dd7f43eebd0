"""Searches as jobs of a Ray cluster: they run on its head, also after the caller ends."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from raynas.errors import ConfigurationError, RaynasError
from raynas.redaction import is_secret_name, scrubbed
from raynas.tune.job_package import JobPackage
from raynas.tune.ray_session import check_answers

if TYPE_CHECKING:
    from ray.job_submission import JobSubmissionClient

__all__ = ["Job", "Jobs", "jobs_at"]

_SECONDS_FOR_A_TUNNEL = 60.0  # an ssh login, with a slow jump host
_SECONDS_TO_STOP = 60  # checkpoints are written before the end
_SECONDS_FOR_AN_AGENT = 120.0  # a head that has just started is busy
_NOT_YET = "No available agent"  # what a head that was just launched says for a while
_SECONDS_BETWEEN_LOOKS = 0.5  # as fast as people notice
_SHOWN = 400  # characters of what ssh printed
_ADDRESS = "HOST:PORT of a Ray dashboard, whose port is usually 8265, or the cluster's YAML file"
_SEARCH = "raynas_search"


@dataclass(frozen=True)
class Job:
    """A search to run on a cluster.

    Args:
        search: The search's name; one job of a name runs at a time.
        command: Shell command, run where the package is on the cluster.
        package: The files that are copied to the cluster.
        variables: Added to the environment of the search and of its trials; no secrets.
        requirements: File of packages that the machines install for it, as pip reads it.

    Everybody who reaches the cluster's dashboard can read all but the files' content.

    Raises:
        ConfigurationError: A variable or a line of `requirements` holds a secret.
    """

    search: str
    command: str
    package: JobPackage
    variables: Mapping[str, str] = field(default_factory=dict)
    requirements: Path | None = None

    def __post_init__(self) -> None:
        for name, value in self.variables.items():
            if is_secret_name(name) or scrubbed(value) != value:
                raise ConfigurationError(
                    f"the variable {name} holds a secret, which all who reach the cluster's "
                    f"dashboard could read: set {name} in the environment of `ray start` on "
                    "the machines, see docs/how-to/cluster.md"
                )
        for number, line in enumerate(_lines(self.requirements), 1):
            if scrubbed(line) != line:
                raise ConfigurationError(
                    f"requirements={self.requirements}: line {number} holds credentials, and all "
                    "who reach the cluster's dashboard could read them: put them into pip's "
                    "configuration on the machines, or write ${NAME} for a variable there"
                )

    def runtime_env(self, archive: Path) -> dict[str, Any]:
        """The job as Ray wants it, with the package in `archive`."""
        # Time for the search to write its report at a stop; Ray allows three seconds.
        patience = {"RAY_JOB_STOP_WAIT_TIME_S": str(_SECONDS_TO_STOP)}
        packages = {} if self.requirements is None else {"pip": str(self.requirements)}
        return {
            "working_dir": str(archive),
            "env_vars": {**patience, **self.variables},
            **packages,
        }


class Jobs:
    """The jobs of one cluster; made by `jobs_at`."""

    def __init__(self, client: JobSubmissionClient, cluster: str) -> None:
        self._client = client
        self._cluster = cluster

    def running(self, search: str) -> str | None:
        """Id of the job that runs `search` or is going to, if there is one."""
        for details in self._client.list_jobs():
            named = (details.metadata or {}).get(_SEARCH) == search
            if named and details.submission_id and not details.status.is_terminal():
                return str(details.submission_id)
        return None

    def submit(self, job: Job) -> str:
        """Ship `job` and start it; returns its id.

        Raises:
            RaynasError: The cluster refuses it.
        """
        with job.package.zipped() as archive:
            return self._submit(job, job.runtime_env(archive))

    def _submit(self, job: Job, environment: dict[str, Any]) -> str:
        until = time.monotonic() + _SECONDS_FOR_AN_AGENT
        while True:
            try:
                return self._client.submit_job(
                    entrypoint=job.command,
                    runtime_env=environment,
                    metadata={_SEARCH: job.search},
                    submission_id=f"raynas-{job.search}-{time.time_ns() // 1_000_000}",
                )
            except Exception as error:
                if _NOT_YET not in str(error) or time.monotonic() > until:
                    raise RaynasError(
                        f"{self._cluster} did not take the job: {' '.join(str(error).split())}"
                    ) from error
            time.sleep(_SECONDS_BETWEEN_LOOKS)

    def follow(self, job: str, say: Callable[[str], None]) -> int:
        """Pass on what `job` prints until it ends; returns its exit code, 130 where stopped.

        Raises:
            RaynasError: The connection broke; the job goes on without.
        """
        try:
            asyncio.run(self._tail(job, say))
            while not (info := self._client.get_job_info(job)).status.is_terminal():
                time.sleep(_SECONDS_BETWEEN_LOOKS)
        except Exception as error:
            raise RaynasError(
                f"the connection to {self._cluster} broke ({type(error).__name__}: {error}), and "
                "the search goes on there unless the head is lost; the same command follows it "
                "again, or starts it again where it was"
            ) from error
        if info.status == "SUCCEEDED":
            return 0
        if info.status == "STOPPED":
            return 130
        if info.driver_exit_code is None:
            raise RaynasError(f"the job {job} failed before the search began: {info.message}")
        return int(info.driver_exit_code)

    def stop(self, job: str) -> None:
        """End `job` as Ctrl-C would end it, and wait until it has."""
        self._client.stop_job(job)
        while not self._client.get_job_status(job).is_terminal():
            time.sleep(_SECONDS_BETWEEN_LOOKS)

    async def _tail(self, job: str, say: Callable[[str], None]) -> None:
        async for lines in self._client.tail_job_logs(job):
            say(lines)


@contextmanager
def jobs_at(cluster: str) -> Iterator[Jobs]:
    """The jobs of `cluster`: HOST:PORT of its dashboard, or the YAML file it was launched from.

    With a file, the way to the head is an ssh tunnel that ends with this.

    Raises:
        ConfigurationError: `cluster` is neither, or ``ray[default]`` is not installed.
        RaynasError: Nobody answers there.
    """
    if cluster.endswith((".yaml", ".yml")):
        if not Path(cluster).is_file():
            raise ConfigurationError(f"cluster={cluster}: there is no such file")
        with _tunnel(cluster) as address:
            yield Jobs(_client(address), cluster)
        return
    address = cluster if "://" in cluster else f"http://{cluster}"
    check_answers(address, "cluster=", _ADDRESS)
    yield Jobs(_client(address), cluster)


def _lines(requirements: Path | None) -> list[str]:
    if requirements is None:
        return []
    try:
        return requirements.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"requirements={requirements}: cannot be read: {error}") from error


def _client(address: str) -> JobSubmissionClient:
    try:
        import aiohttp  # noqa: F401 - what ray[tune] lacks
        from ray.job_submission import JobSubmissionClient

        logging.getLogger("ray").setLevel(logging.ERROR)
        return JobSubmissionClient(address)
    except (ImportError, RuntimeError) as error:
        raise ConfigurationError(
            f"jobs need more of Ray than is installed here, or there is none at {address} "
            f"({' '.join(str(error).split())}): pip install 'raynas[cluster]' here and there"
        ) from error
    except Exception as error:
        raise RaynasError(f"{address} is no Ray dashboard: {error}") from error


@contextmanager
def _tunnel(file: str) -> Iterator[str]:
    """A local address that leads to the dashboard of the cluster launched from `file`."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "ray.scripts.scripts", "dashboard", file, "--port", str(port)]
    with tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen(  # noqa: S603 - Ray's own command
            command,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C is for us, who then end it
        )
        try:
            if not _opened(process, port):
                said.seek(0)
                last = " ".join(said.read().split())[-_SHOWN:]
                raise RaynasError(f"cluster={file}: no way to its head; Ray says: … {last}")
            yield f"http://127.0.0.1:{port}"
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
            process.wait()


def _opened(process: subprocess.Popen[bytes], port: int) -> bool:
    """Whether somebody listens at `port` before `process` ends or patience does."""
    until = time.monotonic() + _SECONDS_FOR_A_TUNNEL
    while process.poll() is None and time.monotonic() < until:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return True
        time.sleep(_SECONDS_BETWEEN_LOOKS)
    return False
