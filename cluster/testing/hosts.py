"""Made-up hosts on one machine, which ssh and `ray up` cannot tell from real ones.

Each is a set of Linux namespaces with an address in 10.77.0.0/24 and an sshd. Namespaces of
processes are a must: `ray stop`, which `ray up` runs on every host, kills by name whatever Ray it
sees. Needs root.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parent
PROJECT = HERE.parent.parent
SUBNET = "10.77.0"
GATEWAY = f"{SUBNET}.1"
_BRIDGE = "raynas0"
_SPACES = "raynas-"
_TOOLS = ("ip", "unshare", "ssh", "ssh-keygen", "sshd", "rsync")
PATH = f"{Path(sys.executable).parent}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_SECONDS_TO_START = 60.0


class CannotError(Exception):
    """This machine does not allow or does not have what is needed; the text says what."""


@dataclass
class Host:
    """One made-up host, switched off at first."""

    name: str
    address: str
    settings: dict[str, object]
    process: subprocess.Popen[bytes] | None = None

    @property
    def _space(self) -> str:
        return f"{_SPACES}{self.name}"

    @property
    def _veth(self) -> str:
        return f"{_BRIDGE}-{self.address.rpartition('.')[2]}"

    def start(self) -> None:
        """Switch it on and wait for its sshd."""
        run("ip", "netns", "add", self._space)
        pair = ("type", "veth", "peer", "name", "eth0", "netns", self._space)
        run("ip", "link", "add", self._veth, *pair)
        run("ip", "link", "set", self._veth, "master", _BRIDGE, "up")
        inside = ("ip", "-n", self._space)
        run(*inside, "address", "add", f"{self.address}/24", "dev", "eth0")
        run(*inside, "link", "set", "eth0", "up")
        run(*inside, "link", "set", "lo", "up")
        run(*inside, "route", "add", "default", "via", GATEWAY)
        spaces = ["--mount", "--pid", "--uts", "--ipc", "--fork", "--kill-child", "--mount-proc"]
        init = [sys.executable, str(HERE / "host.py"), json.dumps(self.settings)]
        log = Path(str(self.settings["folder"]), "log")
        with log.open("ab") as said:
            self.process = subprocess.Popen(  # noqa: S603
                ["ip", "netns", "exec", self._space, "unshare", *spaces, *init],  # noqa: S607
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
            )
        until = time.monotonic() + _SECONDS_TO_START
        while not _listens(self.address, 22):
            if self.process.poll() is not None or time.monotonic() > until:
                raise CannotError(f"{self.name} does not come up: {log.read_text()}")
            time.sleep(0.1)

    def kill(self) -> None:
        """Switch it off as a power cut does: every process at once, and what it had in memory."""
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)  # its child, and with it the rest, follows
            self.process.wait()
            self.process = None
            subprocess.run(["ip", "link", "del", self._veth], check=False)  # noqa: S603, S607
            subprocess.run(["ip", "netns", "del", self._space], check=False)  # noqa: S603, S607


@dataclass
class Hosts:
    """What `made_up` gives: the hosts by name, and the key that lets root in."""

    key: Path
    hosts: dict[str, Host] = field(default_factory=dict)


@contextmanager
def made_up(names: Sequence[str], folder: Path) -> Iterator[Hosts]:
    """Running hosts with these names, the first at 10.77.0.2, gone afterwards.

    Args:
        names: Of the hosts.
        folder: For keys and logs; must not lie in what a host has for its own.

    Raises:
        CannotError: The machine forbids namespaces, or tools are missing.
    """
    _check_allowed()
    key = folder / "key"
    for file in (key, folder / "host_key"):
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(file))
    config = folder / "sshd_config"
    config.write_text(
        f"HostKey {folder / 'host_key'}\nStrictModes no\nUsePAM no\nPermitRootLogin yes\n"
        f"PidFile none\nMaxStartups 100\nSetEnv PATH={PATH}\n"
    )
    path = ["/root/raynas", *filter(None, os.environ.get("PYTHONPATH", "").split(":"))]
    made = Hosts(key)
    for number, name in enumerate(names):
        own = folder / name
        own.mkdir()
        settings: dict[str, object] = {
            "name": name,
            "folder": str(own),
            "key": str(key),
            "config": str(config),
            "sshd": shutil.which("sshd", path=PATH),
            "kept": [sys.base_prefix, sys.prefix, str(PROJECT)],
            "variables": {"PATH": PATH, "RAYNAS_ENV": sys.prefix, "PYTHONPATH": ":".join(path)},
        }
        made.hosts[name] = Host(name, f"{SUBNET}.{number + 2}", settings)
    _clear()
    run("ip", "link", "add", _BRIDGE, "type", "bridge")
    try:
        run("ip", "address", "add", f"{GATEWAY}/24", "dev", _BRIDGE)
        run("ip", "link", "set", _BRIDGE, "up")
        for host in made.hosts.values():
            host.start()
        yield made
    finally:
        for host in made.hosts.values():
            host.kill()
        # Without a CannotError, which would hide what went wrong: what stays, the next run removes.
        subprocess.run(["ip", "link", "del", _BRIDGE], check=False)  # noqa: S603, S607


def run(*command: str) -> str:
    """What a command that must succeed prints."""
    ended = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    if ended.returncode:
        raise CannotError(f"{' '.join(command)}: {ended.stderr.strip() or ended.returncode}")
    return ended.stdout


def _clear() -> None:
    """Remove what a killed run left of its network."""
    for space in json.loads(run("ip", "-json", "netns", "list") or "[]"):
        name = str(space["name"])
        if name.startswith(_SPACES):
            pids = run("ip", "netns", "pids", name).split()
            if pids:
                raise CannotError(f"another run is at work: {name} is up, process {pids[0]}")
            run("ip", "netns", "del", name)
    if Path("/sys/class/net", _BRIDGE).exists():
        run("ip", "link", "del", _BRIDGE)


def _check_allowed() -> None:
    if os.geteuid():
        raise CannotError("made-up hosts need root")
    for tool in _TOOLS:
        if shutil.which(tool, path=PATH) is None:
            raise CannotError(
                f"there is no {tool} on this machine: install iproute2, util-linux, rsync, and "
                "OpenSSH's client and server"
            )
    run("unshare", "--net", "--mount", "--pid", "--uts", "--ipc", "--fork", "--mount-proc", "true")
    run("unshare", "--net", "ip", "link", "add", "veth-try", "type", "veth")


def _listens(address: str, port: int) -> bool:
    try:
        socket.create_connection((address, port), timeout=1).close()
    except OSError:
        return False
    return True
