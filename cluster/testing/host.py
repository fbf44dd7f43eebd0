"""The first process of a made-up host: sets up what is its own, serves ssh, buries the dead.

Runs in namespaces that `hosts.py` made (network, mounts, processes, name, shared memory); all
that it mounts and starts is gone when it ends.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

OWN = ("/tmp", "/dev/shm", "/run", "/root")  # noqa: S108 - the host's own, not ours


def main(settings: dict[str, Any]) -> None:
    """Set the host up and serve until killed."""
    run("mount", "--make-rprivate", "/")
    hide(settings["kept"], Path(settings["folder"]) / "held")
    accounts(Path(settings["folder"]))
    ssh = Path("/root/.ssh")
    ssh.mkdir(mode=0o700)
    (ssh / "authorized_keys").write_text(Path(settings["key"] + ".pub").read_text())
    Path("/root/.bashrc").write_text(
        "".join(f"export {name}='{value}'\n" for name, value in settings["variables"].items())
    )
    Path("/run/sshd").mkdir(mode=0o755)
    run("hostname", settings["name"])
    serving = [settings["sshd"], "-D", "-e", "-f", settings["config"]]
    subprocess.Popen(serving, env={**os.environ, **settings["variables"]})  # noqa: S603
    while True:
        os.wait()


def run(*command: str) -> None:
    """Run a command that must succeed."""
    subprocess.run(command, check=True)  # noqa: S603


def hide(kept: list[str], held: Path) -> None:
    """Empty folders in place of OWN, with `kept` as they were wherever they lie in one."""
    inside = [path for path in map(Path, kept) if any(path.is_relative_to(own) for own in OWN)]
    for number, path in enumerate(inside):
        (held / str(number)).mkdir(parents=True, exist_ok=True)
        run("mount", "--bind", str(path), str(held / str(number)))
    for own in OWN:
        run("mount", "-t", "tmpfs", "-o", "mode=0755", "tmpfs", own)
    Path("/tmp").chmod(0o1777)  # noqa: S108
    for number, path in enumerate(inside):
        path.mkdir(parents=True, exist_ok=True)
        run("mount", "--bind", str(held / str(number)), str(path))


def accounts(folder: Path) -> None:
    """The user that sshd drops its rights to, where the machine has none, and an open root."""
    users = Path("/etc/passwd").read_text()
    if "\nsshd:" not in users:
        users += "sshd:x:65533:65534::/run/sshd:/usr/sbin/nologin\n"
    for name, text in (("passwd", users), ("shadow", "root:*:19000:0:99999:7:::\n")):
        (folder / name).write_text(text)
        run("mount", "--bind", str(folder / name), f"/etc/{name}")


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
