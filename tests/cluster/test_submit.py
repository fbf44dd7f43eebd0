"""`raynas submit` and `raynas stop` at the dashboard of a real head."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path

import pytest

import raynas as nas
from raynas.cli.search_file import load_search
from raynas.trials import History

pytest.importorskip("aiohttp", reason="jobs need ray[default]")

COMMAND = [sys.executable, "-c", "from raynas.cli import main; main()"]
PATIENCE = 900.0  # for a machine with other work
OPEN = {"RAY_AUTH_MODE": "disabled"}  # the head's token is not in the laptop's home

HEAD = """
import functools, sys
import ray
from ray._private.parameter import RayParams
from ray._private.utils import write_ray_address
from raynas.tune.ray_session import start
port, folder = int(sys.argv[1]), sys.argv[2]
# Other tests may have a head on this machine: the agent that starts jobs must not want the port of
# theirs, 52365, and a job goes to any head that it finds, unless one is noted as the latest.
init = functools.partialmethod(RayParams.__init__, dashboard_agent_listen_port=0)
RayParams.__init__ = init
start(num_cpus=2, include_dashboard=True, dashboard_port=port, _temp_dir=folder)
write_ray_address(ray.get_runtime_context().gcs_address, folder)
print("up", flush=True)
sys.stdin.read()
"""

SEARCH = """
import os, time
import raynas as nas
from raynas.space import integer, searchable
from widths import LARGEST

@searchable
class Net:
    width: int = integer(1, LARGEST)

def wait(net):
    time.sleep(float(os.environ.get("TRIAL_SECONDS", "0")))
    return float(net.width)

search = nas.Search(
    space=Net,
    task=nas.FunctionTask(wait),
    controller="random",
    limits=nas.Limits(trials=500, parallel=1),
)
"""


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    """The home directory of the head."""
    with tempfile.TemporaryDirectory(prefix="raynas-head-") as folder:
        yield Path(folder)


@pytest.fixture(scope="module")
def head(home: Path) -> Iterator[str]:
    """Address of the dashboard of a Ray head of our own."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    project = str(Path(__file__).parent.parent.parent)
    process = subprocess.Popen(
        [sys.executable, "-c", HEAD, str(port), str(home / "ray")],
        env={**os.environ, **OPEN, "HOME": str(home), "PATH": path, "PYTHONPATH": project},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    assert any(line == b"up\n" for line in process.stdout)
    yield f"127.0.0.1:{port}"
    process.stdin.close()
    process.wait(timeout=PATIENCE)
    process.stdout.close()


class Laptop:
    """Commands given in the folder of a search."""

    def __init__(self, folder: Path, cluster: str, home: Path) -> None:
        self.folder = folder
        self.home = home
        self.cluster = cluster
        (folder / "my_search.py").write_text(SEARCH)
        (folder / "widths.py").write_text("LARGEST = 1000\n")

    def begin(self, command: str, *options: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [*COMMAND, command, "my_search.py", "--cluster", self.cluster, *options],
            cwd=self.folder,
            env={**os.environ, **OPEN},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            # A shell that started the tests in the background has SIGINT ignored below it.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        )

    def run(self, command: str, *options: str) -> tuple[int, str]:
        process = self.begin(command, *options)
        said, _ = process.communicate(timeout=PATIENCE)
        assert "Traceback" not in said
        return process.returncode, said

    @cached_property
    def search(self) -> nas.Search:
        return load_search(str(self.folder / "my_search.py"))[0]

    def history(self, monkeypatch: pytest.MonkeyPatch) -> History:
        monkeypatch.chdir(self.home)
        with self.search.open("my_search", read_only=True) as opened:
            return opened.history

    def jobs(self) -> list[tuple[object, str]]:
        """What runs or ran there, and what it printed."""
        from ray.job_submission import JobSubmissionClient

        client = JobSubmissionClient(f"http://{self.cluster}")
        jobs = client.list_jobs()
        return [(job, client.get_job_logs(job.submission_id)) for job in jobs if job.submission_id]

    def wait_for_trials(self, count: int) -> None:
        journal = self.home / "raynas-results" / "my_search" / "journal.log"
        until = time.monotonic() + PATIENCE
        while not journal.exists() or journal.read_text().count('"outcome"') < count:
            assert time.monotonic() < until, f"no progress on the cluster: {self.jobs()}"
            time.sleep(0.1)


def test_a_search_is_sent_followed_left_found_again_stopped_and_gone_on_with(
    head: str, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    laptop = Laptop(tmp_path, head, home)
    slow = ("--env", "TRIAL_SECONDS=0.5")
    code, said = laptop.run("submit", *slow, "--detach")
    assert code == 0, said
    assert f"on {head}" in said

    laptop.wait_for_trials(2)
    following = laptop.begin("submit")
    assert following.stdout is not None
    shown = ""
    while " running" not in shown:  # what the search itself prints
        line = following.stdout.readline()
        assert line, shown
        shown += line
    assert "my_search runs on" in shown
    assert "already, as job raynas-my_search-" in shown
    following.send_signal(signal.SIGINT)
    rest, _ = following.communicate(timeout=PATIENCE)
    assert following.returncode == 0
    assert "my_search goes on." in rest

    code, said = laptop.run("stop")
    assert (code, said) == (0, "my_search has ended; raynas submit goes on where it was.\n")
    before = laptop.history(monkeypatch)
    assert len(before.completed) >= 2
    assert (home / "raynas-results" / "my_search" / "report.html").exists()
    code, said = laptop.run("stop")
    assert (code, said) == (2, f"raynas: no search named 'my_search' runs on {head}\n")

    more = len(before) + 2
    code, said = laptop.run("submit", "--trials", str(more))
    assert code == 0
    assert f"Going on after {len(before.completed)} ended trials" in said
    after = laptop.history(monkeypatch)
    assert len(after.completed) == more
    for trial in before.completed:
        assert after[trial.number] == trial


def test_a_search_that_cannot_run_there_ends_the_command_with_its_error(
    head: str, home: Path, tmp_path: Path
) -> None:
    laptop = Laptop(tmp_path, head, home)
    code, said = laptop.run("submit", "--name", "other", "--store", "nosuch://x")
    assert code == 2
    assert "cannot open the store nosuch://x" in said


Submit = Callable[..., tuple[int, str]]


@pytest.fixture
def submit(run: Callable[..., tuple[int, str, str]], tmp_path: Path) -> Submit:
    """`raynas submit` in this process: what is refused before it reaches a cluster."""

    def submit(cluster: str, *options: str) -> tuple[int, str]:
        Laptop(tmp_path, cluster, tmp_path)
        code, out, err = run("submit", "my_search.py", "--cluster", cluster, *options)
        sys.modules.pop("widths", None)
        return code, out + err

    return submit


@pytest.mark.parametrize(
    ("cluster", "words"),
    [
        ("nowhere.yaml", "cluster=nowhere.yaml: there is no such file"),
        ("head", "cluster=http://head: must be HOST:PORT of a Ray dashboard"),
        ("127.0.0.1:9", "cluster=http://127.0.0.1:9: nobody answers there"),
    ],
)
def test_a_cluster_that_is_not_there_is_named(submit: Submit, cluster: str, words: str) -> None:
    code, said = submit(cluster)
    assert code == 2
    assert words in said


def test_a_variable_without_a_value_is_refused(submit: Submit) -> None:
    code, said = submit("127.0.0.1:9", "--env", "DATA")
    assert (code, said) == (2, "raynas: env='DATA': must be NAME=VALUE\n")
