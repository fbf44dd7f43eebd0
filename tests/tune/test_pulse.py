"""Ray's own death, seen before Ray ends this process for it."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from raynas.asktell import AskTell
from raynas.controllers.base import Controller
from raynas.errors import RaynasError
from raynas.testing import TinyNet
from raynas.tune.pulse import Pulse, Vitals, _listener
from raynas.tune.run import _Ending
from raynas.tune.searcher import NASSearcher

SESSION = """
from pathlib import Path
import psutil
from raynas.tune.pulse import Vitals
from raynas.tune.ray_session import is_own_session, ray_session, session_logs

assert not is_own_session()
with ray_session():
    assert is_own_session()
    assert (session_logs() / "raylet.out").exists()
    vitals = Vitals.of_session()
    assert vitals.raylet
    assert vitals.head
    assert len(vitals.sockets) == 2
    assert vitals.lost() is None
    (head,) = [p for p in psutil.Process().children() if p.name() == "gcs_server"]
    head.suspend()  # its threads stop one after the other
    assert not all(vitals.calls() for _ in range(10))
    head.resume()
    assert vitals.calls()
    Path(vitals.sockets[1]).unlink()
    assert "was removed" in vitals.lost()
assert not is_own_session()
"""
"""In a process, and so a session, of its own, since what it does would harm other tests."""


@pytest.fixture
def process() -> Iterator[subprocess.Popen[bytes]]:
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    yield child
    child.kill()
    child.wait()


def test_a_raylet_that_was_killed_is_named(process: subprocess.Popen[bytes]) -> None:
    vitals = Vitals(process.pid, None, 3.0)
    assert vitals.lost() is None
    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # its end is seen, not taken
    wanted = rf"raylet on this machine, process {process.pid}, was killed: .* `ray stop`"
    assert re.search(wanted, vitals.lost() or "")
    process.wait()
    assert re.search(wanted, vitals.lost() or "")


def test_a_head_may_be_away_for_a_while() -> None:
    now = [0.0]
    with socket.create_server(("127.0.0.1", 0)) as server:
        host, port = server.getsockname()[:2]
        vitals = Vitals(None, (host, port), 40.0, clock=lambda: now[0])
        assert vitals.lost() is None
    assert vitals.lost() is None
    now[0] = 39.0
    assert vitals.lost() is None
    with socket.create_server((host, port)):
        now[0] = 50.0
        assert vitals.lost() is None
    assert vitals.lost() is None
    now[0] = 89.0
    assert vitals.lost() is None
    now[0] = 91.0
    assert vitals.lost() == f"Ray's head at {host}:{port} was killed or cannot be reached any more"


def test_a_head_that_hangs_is_named() -> None:
    now, answers = [0.0], [True]
    with socket.create_server(("127.0.0.1", 0)) as server:
        host, port = server.getsockname()[:2]
        vitals = Vitals(None, (host, port), 3.0, (), lambda: answers[0], lambda: now[0])
        assert vitals.lost() is None
        answers[0] = False
        assert vitals.lost() is None
        now[0] = 59.0
        assert vitals.lost() is None
        answers[0] = True
        assert vitals.lost() is None
        answers[0] = False
        now[0] = 100.0
        assert vitals.lost() is None
        now[0] = 160.0
        assert re.search(rf"head at {host}:{port} has not answered for 60 s", vitals.lost() or "")


@pytest.mark.parametrize("removed", [0, 1])
def test_a_file_of_rays_that_was_removed_is_named(tmp_path: Path, removed: int) -> None:
    paths = [tmp_path / "raylet", tmp_path / "plasma_store"]
    for path in paths:
        path.touch()
    vitals = Vitals(None, None, 3.0, tuple(map(str, paths)))
    assert vitals.lost() is None
    paths[removed].unlink()
    assert re.search(rf"{paths[removed]} was removed, .* started anew", vitals.lost() or "")


def test_who_listens_at_a_socket(tmp_path: Path) -> None:
    path = str(tmp_path / "socket")
    assert _listener(path) is None
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(path)
        listening.listen()
        assert _listener(path) == os.getpid()


def test_the_vitals_of_a_session() -> None:
    done = subprocess.run([sys.executable, "-c", SESSION], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


class Dead(Vitals):
    def __init__(self) -> None:
        super().__init__(None, None, 0.0)

    def lost(self) -> str:
        return "Ray was killed"


def test_a_run_waiting_inside_ray_ends_with_what_to_do_next() -> None:
    ending = _Ending(NASSearcher(TinyNet, metric="reward", mode="max"))

    def wait() -> None:
        pulse = Pulse(ending.lose, Dead, leave=lambda _: None, seconds=0.01)
        with ending, pulse, pulse.watching():
            threading.Event().wait(60.0)

    with pytest.raises(RaynasError, match=r"Ray was killed\. Every result .* the same command"):
        wait()
    assert ending.searcher is not None
    assert isinstance(ending.searcher.error, RaynasError)
    assert ending.stop_all()


def test_a_run_that_never_returns_is_left(caplog: pytest.LogCaptureFixture) -> None:
    left: list[int] = []
    over = threading.Event()

    def leave(code: int) -> None:
        left.append(code)
        over.set()

    asked: list[RaynasError] = []
    with Pulse(asked.append, Dead, leave, seconds=0.01) as pulse, pulse.watching():
        assert over.wait(60.0)
    assert left == [2]
    assert len(asked) == 20
    assert "Ray was killed. Every result until then is stored" in caplog.text


def test_a_session_that_ends_is_no_death() -> None:
    asked: list[RaynasError] = []
    with Pulse(asked.append, lambda: Vitals(None, None, 0.0), seconds=0.01) as pulse:
        with pulse.watching():
            pass
        threads = [thread for thread in threading.enumerate() if thread.name == "raynas-pulse"]
        for thread in threads:
            thread.join(60.0)
    assert not asked


class Interrupts(Controller):
    """Ray dies while a proposal is being stored."""

    def propose(self, history: object, rng: object) -> TinyNet:
        signal.raise_signal(signal.SIGINT)
        return self.space.sample(rng)  # type: ignore[arg-type, no-any-return]


def test_what_is_being_stored_is_finished_first() -> None:
    ending = _Ending()
    with AskTell(TinyNet, Interrupts) as search, ending:
        ending._lost = RaynasError("Ray was killed")
        proposal = search.ask()
        assert proposal is not None
        assert len(search.history) == 1
        with pytest.raises(RaynasError, match="Ray was killed"):
            signal.raise_signal(signal.SIGINT)
