"""A search on a real `ray up` cluster that loses a worker and then its head, and loses nothing.

    sudo .venv/bin/python cluster/testing/survives.py

launches `cluster/on-premises.yaml` on three made-up hosts (see hosts.py), with PostgreSQL as the
store, submits cluster/testing/toy.py, switches a worker off in the middle, later the head, puts a
blank head in its place, launches and submits again, and compares what came out with the same search
run on this machine alone. Takes six minutes on two cores; says at the end what it saw, and fails
where a completed trial was lost, repeated or changed. Needs Linux, root and the Debian packages
iproute2, openssh-server, rsync and postgresql; ends with 77 where one is missing or namespaces are
forbidden.
"""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml
from database import postgresql
from hosts import GATEWAY, PATH, PROJECT, CannotError, Host, Hosts, made_up

from raynas import AskTell, Context, Search
from raynas.cli.search_file import load_search
from raynas.errors import StoreError
from raynas.trials import History

TOY = "cluster/testing/toy.py"
ENOUGH = 10_000  # trials: the search goes on until its head is switched off
ALONE = 3  # trials without the lost worker, before the head is lost too
AFTERWARDS = 8  # trials after the head came back
SECONDS_A_TRIAL = "1.5"
PATIENCE = 900.0  # for a machine with other work
ATTEMPTS = 5
HOSTS = ("head", "worker-1", "worker-2")
JOINED = """
import time, ray
ray.init(log_to_driver=False)
while sum(node["Alive"] for node in ray.nodes()) < {hosts}:
    time.sleep(0.5)
"""
CANNOT = 77  # what autoconf's tests end with where they cannot run


@dataclass(frozen=True)
class Cluster:
    """The cluster under test, as somebody at GATEWAY sees it."""

    file: Path
    store: str
    tried: Path
    environment: dict[str, str]

    def ray(self, *command: str) -> str:
        """Run a `ray` command, again where it fails: it gives up early on a busy machine."""
        for attempt in range(1, ATTEMPTS + 1):
            ended = subprocess.run(  # noqa: S603
                [sys.executable, "-m", "ray.scripts.scripts", *command],
                cwd=PROJECT,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                check=False,
            )
            if not ended.returncode:
                break
            say(f"ray {command[0]} failed, {attempt} of {ATTEMPTS}:\n{ended.stdout[-4000:]}")
            expect(attempt < ATTEMPTS, f"ray {' '.join(command)} failed {ATTEMPTS} times")
        return ended.stdout

    def launch(self, hosts: int) -> None:
        """`ray up`, until so many hosts have joined, which the head starts one after the other."""
        self.ray("up", "-y", str(self.file))
        self.ray("exec", str(self.file), f"python -c '{JOINED.format(hosts=hosts)}'")

    def submit(self, trials: int, log: Path) -> subprocess.Popen[bytes]:
        """`raynas submit`, following the search."""
        return subprocess.Popen(  # noqa: S603
            [
                *(sys.executable, "-c", "from raynas.cli import main; main()", "submit", TOY),
                *("--cluster", str(self.file), f"--trials={trials}", "--name=survivor"),
                f"--parallel={len(HOSTS)}",
                *("--env", f"TRIED={self.tried}", "--env", f"TRIAL_SECONDS={SECONDS_A_TRIAL}"),
            ],
            cwd=PROJECT,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=log.open("ab"),
            stderr=subprocess.STDOUT,
        )

    def history(self) -> History:
        """The search as the database has it; empty before it began."""
        return history(self.store, "survivor")

    def hosts(self) -> Counter[str]:
        """How many trials ended on each host."""
        lines = self.tried.read_text().splitlines() if self.tried.exists() else []
        return Counter(line.split()[1] for line in lines)


def main() -> int:
    """Run it all in a folder that goes afterwards; 77 where this machine does not allow it."""
    with tempfile.TemporaryDirectory(dir="/var/tmp", prefix="raynas-hosts-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        try:
            with (
                made_up(HOSTS, folder) as hosts,
                postgresql(folder, GATEWAY) as server,
            ):
                check(hosts, server.url, folder)
        except (CannotError, FileNotFoundError) as error:
            say(f"cannot run here: {error}")
            return CANNOT
    return 0


def check(hosts: Hosts, store: str, folder: Path) -> None:
    """The test itself."""
    cluster = Cluster(
        launch_file(hosts, store, folder), store, folder / "tried", environment(folder)
    )
    log = folder / "submit.log"
    with showing(log, cluster):
        say("ray up cluster/on-premises.yaml")
        cluster.launch(len(HOSTS))
        first = cluster.submit(ENOUGH, log)
        wait_for(lambda: len(cluster.hosts()) == len(HOSTS), "trials on all hosts", first)
        switch_off(hosts.hosts["worker-2"], cluster)
        more = cluster.hosts().total() + ALONE
        wait_for(lambda: cluster.hosts().total() >= more, "trials without that worker", first)
        switch_off(hosts.hosts["head"], cluster)
        wait_for(lambda: first.poll() is not None, "the end of raynas submit")
        before = cluster.history()
        say(f"without a head: {len(before.completed)} completed, {len(before.running)} in flight")
        hosts.hosts["head"].start()
        say("a blank head has taken its place; ray up and raynas submit again")
        for state in folder.glob("launcher/**/cluster-*.state"):
            state.unlink()  # or `ray up` takes the new machine for one that it has set up
        cluster.launch(len(HOSTS) - 1)
        trials = len(before) + AFTERWARDS
        second = cluster.submit(trials, log)
        wait_for(lambda: second.poll() is not None, "the end of the search")
        after = cluster.history()
        judge(searched_here(trials), before, after, cluster)
        cluster.ray("down", "-y", str(cluster.file))


def judge(local: History, before: History, after: History, cluster: Cluster) -> None:
    """Say what came out, and fail where it is not what it should be."""
    runs = Counter(int(line.split()[0]) for line in cluster.tried.read_text().splitlines())
    again = {number for number, count in runs.items() if count > 1}
    trials = len(local)
    say(f"after all: {len(after.completed)} of {trials} completed, on {dict(cluster.hosts())}")
    say(f"ended their training twice, killed before they were told: {sorted(again)}")
    expect(len(after.completed) == trials, f"{len(after.completed)} completed, not {trials}")
    for trial in before.completed:
        expect(after[trial.number] == trial, f"trial {trial.number} is not what it was")
    told = {trial.number for trial in before.completed}
    expect(not again & told, f"{sorted(again & told)} ran again though they were told")
    expect(len(after.architectures) == trials, "an architecture was tried under two numbers")
    expect(found(after) == found(local), "the cluster found something else than this machine did")
    best = after.best(1)[0]
    say(f"equal to the local search, trial by trial; best {best.reward:.4f} in trial {best.number}")


def found(history: History) -> list[tuple[int, str, float | None]]:
    """What a search found, without when."""
    return [(trial.number, repr(trial.architecture), trial.reward) for trial in history]


def searched_here(trials: int) -> History:
    """The same search in this process alone, without Ray."""
    search = toy()
    local = AskTell(search.space, search.controller, search.seed)
    for _ in range(trials):
        asked = local.ask()
        expect(asked is not None, "the local search has nothing to try")
        local.tell(asked.number, search.task.run(asked.architecture, Context(asked.number)))
    return local.history


@cache
def toy() -> Search:
    """The search; of its space there must be one only, or no two trials are equal."""
    return load_search(str(PROJECT / TOY))[0]


def history(store: str, name: str) -> History:
    """What `store` holds of the search."""
    try:
        with dataclasses.replace(toy(), store=store).open(name, read_only=True) as run:
            return run.history
    except StoreError as error:
        if "holds no search" not in str(error):
            raise
        return History(())


def launch_file(hosts: Hosts, store: str, folder: Path) -> Path:
    """cluster/on-premises.yaml with what a user must change in it changed, and no more."""
    text = (PROJECT / "cluster" / "on-premises.yaml").read_text()
    text = text.replace("postgresql://raynas@192.168.1.20/raynas", store)
    text = text.replace("/mnt/shared/raynas", str(folder / "shared"))
    # Three hosts share one machine: none may take a third of its memory for objects, or all cores.
    text = text.replace("ray start ", "ray start --num-cpus=1 --object-store-memory=100000000 ")
    config = yaml.safe_load(text)
    head, *workers = hosts.hosts.values()
    config["provider"]["head_ip"] = head.address
    config["provider"]["worker_ips"] = [worker.address for worker in workers]
    config["auth"] = {"ssh_user": "root", "ssh_private_key": str(hosts.key)}
    file = folder / "on-premises.yaml"
    file.write_text(yaml.safe_dump(config))
    return file


def environment(folder: Path) -> dict[str, str]:
    """Of who launches and submits."""
    own = {"RAY_UP_enable_autoscaler_v2": "0", "RAY_TMPDIR": str(folder / "launcher")}
    (folder / "launcher").mkdir()
    return {**os.environ, "PATH": PATH, **own}


def switch_off(host: Host, cluster: Cluster) -> None:
    """Kill a host, and say at what moment."""
    say(f"switching {host.name} off; trials ended on {dict(cluster.hosts())}")
    host.kill()


def wait_for(
    condition: Callable[[], bool], what: str, running: subprocess.Popen[bytes] | None = None
) -> None:
    """Wait until `condition` holds; fail where `running` ends before, or patience does."""
    until = time.monotonic() + PATIENCE
    while not condition():
        expect(running is None or running.poll() is None, f"the search ended before {what}")
        expect(time.monotonic() < until, f"no {what} within {PATIENCE:.0f} s")
        time.sleep(0.5)


def expect(holds: bool, otherwise: str) -> None:
    """Fail with `otherwise` unless it `holds`."""
    if not holds:
        raise AssertionError(otherwise)


_START = time.monotonic()


def say(text: str) -> None:
    """A line with the seconds since the start."""
    sys.stdout.write(f"{time.monotonic() - _START:6.1f} s  {text}\n")
    sys.stdout.flush()


@contextmanager
def showing(log: Path, cluster: Cluster) -> Iterator[None]:
    """Show what was followed, and the state of the cluster, where it went wrong."""
    try:
        yield
    except BaseException:
        sys.stdout.write(log.read_text()[-5000:] if log.exists() else "")
        say(f"trials ended on {dict(cluster.hosts())}")
        sys.stdout.write(cluster.ray("exec", str(cluster.file), "ray status"))
        raise


if __name__ == "__main__":
    sys.exit(main())
