"""The example that measures over ssh, on a made-up host: a server of our own on this machine."""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from uuid import uuid4

import pytest

from raynas.errors import InfeasibleArchitecture
from raynas.target_device import command_meter
from raynas.tasks.example_input import build_of
from raynas.tasks.meters.meter import Subject
from raynas.trials import DEFERRED

EXAMPLE = Path(__file__).parents[2] / "examples" / "latency_over_ssh.py"
pytest.importorskip("onnxruntime")
pytest.importorskip("onnxscript")


@dataclass
class Host:
    """An ssh server, and the options with which ssh reaches it."""

    options: str
    process: subprocess.Popen[bytes]


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    server = shutil.which("sshd") or "/usr/sbin/sshd"
    if not Path(server).exists() or shutil.which("ssh") is None:
        pytest.skip("openssh-server and openssh-client are not installed")
    for name in ("host_key", "user_key"):
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / name)]
        subprocess.run(command, check=True)
    (tmp_path / "authorized").write_text((tmp_path / "user_key.pub").read_text())
    port = free_port()
    user = pwd.getpwuid(os.getuid()).pw_name
    (tmp_path / "sshd_config").write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {tmp_path}/host_key\nStrictModes no\n"
        f"AuthorizedKeysFile {tmp_path}/authorized\nPasswordAuthentication no\nUsePAM no\n"
        f"PidFile {tmp_path}/sshd.pid\nPermitRootLogin prohibit-password\n"
        f"Subsystem sftp internal-sftp\n"
    )
    (tmp_path / "ssh_config").write_text(
        f"Host board\n  HostName 127.0.0.1\n  Port {port}\n  User {user}\n"
        f"  IdentityFile {tmp_path}/user_key\n  IdentitiesOnly yes\n  LogLevel ERROR\n"
        f"  UserKnownHostsFile {tmp_path}/known\n  StrictHostKeyChecking no\n"
    )
    if os.getuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)
    config = str(tmp_path / "sshd_config")
    process = subprocess.Popen([server, "-D", "-e", "-f", config], stderr=subprocess.PIPE)
    found = Host(f"-F {tmp_path}/ssh_config", process)
    try:
        wait_for(found, port)
        yield found
    finally:
        process.kill()
        process.wait()
        assert process.stderr is not None
        process.stderr.close()


def wait_for(host: Host, port: int) -> None:
    """Until the server answers."""
    for _ in range(600):
        if host.process.poll() is not None:
            assert host.process.stderr is not None
            pytest.fail(f"sshd ended: {host.process.stderr.read().decode()[-200:]}")
        with socket.socket() as one:
            if one.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    pytest.fail("sshd does not answer")


def example(monkeypatch: pytest.MonkeyPatch, host: Host) -> ModuleType:
    monkeypatch.setenv("BOARD", "board")
    monkeypatch.setenv("BOARD_SSH", host.options)
    monkeypatch.setenv("BOARD_PYTHON", sys.executable)
    spec = importlib.util.spec_from_file_location("latency_over_ssh", EXAMPLE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)
    spec.loader.exec_module(module)
    return module


def test_a_network_is_measured_on_the_host_and_deferred_once_it_is_gone(
    monkeypatch: pytest.MonkeyPatch, host: Host
) -> None:
    module = example(monkeypatch, host)
    task = module.search.task
    subject = Subject(module.Net((16,)), task.example_input, build_of(task))
    token = uuid4()
    monkeypatch.setattr(command_meter, "uuid4", lambda: token)
    found = module.meter.measure(subject)
    assert 0 < found["board/latency_p50_low"] <= found["board/latency_p50"]
    assert found["board/latency_p50"] <= found["board/latency_p50_high"]
    assert found["board/peak_memory_bytes"] > 2**20
    assert not Path(f"/tmp/raynas-{token.hex[:12]}").exists()  # noqa: S108 - as the example says
    host.process.kill()
    host.process.wait()
    with pytest.raises(InfeasibleArchitecture, match="'board' is offline") as gone:
        module.meter.measure(subject)
    assert gone.value.kind == DEFERRED
    assert "refused" in str(gone.value)
