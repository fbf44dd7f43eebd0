"""`ray up` of each cluster file, with everything of Ray's but the machines and the ssh to them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from ray.autoscaler._private import commands
from ray.autoscaler.node_provider import NodeProvider

HERE = Path(__file__).parent
PROJECT = HERE.parent.parent
LAUNCHED = {file.stem: file for file in sorted((PROJECT / "cluster").glob("*.yaml"))}
CLOUDS = ("aws", "gcp")

# Ray leaves the file open from which it reads.
pytestmark = pytest.mark.filterwarnings(
    "ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"
)


class Shell:
    """What Ray runs on a machine, and copies there, in order."""

    def __init__(self) -> None:
        self.commands: list[str] = []
        self.copied: dict[str, str] = {}

    def run(self, cmd: str, *args: Any, **options: Any) -> str:
        self.commands.append(cmd)
        return ""

    def run_init(self, **options: Any) -> bool:
        return False

    def run_rsync_up(self, source: str, target: str, options: Any = None) -> None:
        self.copied[target] = source

    run_rsync_down = run_rsync_up

    def remote_shell_command_str(self) -> str:
        return "ssh machine"


class Machines(NodeProvider):
    """A provider whose machines are up at once."""

    def __init__(self) -> None:
        super().__init__({}, "raynas")  # with one, Ray looks for CloudWatch through boto3
        self.made: list[dict[str, Any]] = []
        self.tags: dict[str, dict[str, str]] = {}
        self.shell = Shell()

    @staticmethod
    def bootstrap_config(cluster_config: dict[str, Any]) -> dict[str, Any]:
        """What the cloud's own bootstrap adds, as far as the launch needs it."""
        cluster_config["auth"]["ssh_private_key"] = "~/.ssh/made_by_ray"
        return cluster_config

    def non_terminated_nodes(self, tag_filters: dict[str, str]) -> list[str]:
        return [n for n, tags in self.tags.items() if tag_filters.items() <= tags.items()]

    def is_running(self, node_id: str) -> bool:
        return node_id in self.tags

    def is_terminated(self, node_id: str) -> bool:
        return node_id not in self.tags

    def node_tags(self, node_id: str) -> dict[str, str]:
        return self.tags[node_id]

    def external_ip(self, node_id: str) -> str:
        return "203.0.113.1"

    internal_ip = external_ip

    def create_node(self, node_config: dict[str, Any], tags: dict[str, str], count: int) -> None:
        self.made.append(node_config)
        self.tags["head"] = dict(tags)

    def set_node_tags(self, node_id: str, tags: dict[str, str]) -> None:
        self.tags[node_id].update(tags)

    def get_command_runner(self, *args: Any, **options: Any) -> Shell:  # type: ignore[override]
        return self.shell


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The home folder of who launches, with what docs/how-to/cluster.md has made in it."""
    for name in (".pgpass", ".ray/auth_token", ".ssh/made_by_ray", ".ssh/id_ed25519"):
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_text("secret")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(PROJECT)
    return tmp_path


def launched(file: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Machines, dict[str, Any]]:
    config = yaml.safe_load(file.read_text())
    machines = Machines()
    kind = config["provider"]["type"]
    monkeypatch.setitem(commands._NODE_PROVIDERS, kind, lambda _: Machines)
    monkeypatch.setattr(commands, "_get_node_provider", lambda *_, **__: machines)
    monkeypatch.setattr(commands, "try_logging_config", lambda _: None)  # wants boto3
    filled = commands.create_or_update_cluster(
        config_file=str(file),
        override_min_workers=None,
        override_max_workers=None,
        no_restart=False,
        restart_only=False,
        yes=True,
        no_config_cache=True,
        use_login_shells=False,
    )
    return machines, filled


def order(shell: Shell, *texts: str) -> list[int]:
    """Positions of the first command that holds each of `texts`."""
    return [next(i for i, c in enumerate(shell.commands) if text in c) for text in texts]


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize("name", LAUNCHED)
def test_ray_up_installs_and_starts_a_head(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    machines, filled = launched(LAUNCHED[name], monkeypatch)
    assert len(machines.made) == 1
    steps = order(machines.shell, "cluster/install.sh", "ray stop", "ray start --head")
    assert steps == sorted(steps)
    start = machines.shell.commands[steps[-1]]
    for words in ("export RAYNAS_STORE=", "export RAYNAS_CHECKPOINTS=", "--disable-usage-stats"):
        assert words in start
    assert "--dashboard-host=127.0.0.1" in start
    joining = filled["worker_start_ray_commands"][-1]
    assert "ray start --address=$RAY_HEAD_IP:6379" in joining
    assert "--disable-usage-stats" in joining
    assert ("RAY_AUTH_MODE=token" in start) == ("RAY_AUTH_MODE=token" in joining)


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize("name", CLOUDS)
def test_machines_of_a_cloud_are_what_its_api_accepts(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    machines, filled = launched(LAUNCHED[name], monkeypatch)
    schema = json.loads((HERE / "clouds.json").read_text())[name]
    types = filled["available_node_types"]
    for node_config in (*machines.made, *(kind["node_config"] for kind in types.values())):
        jsonschema.validate(node_config, schema)
    with pytest.raises(jsonschema.ValidationError, match="'Spot' was unexpected"):
        jsonschema.validate({**machines.made[0], "Spot": True}, schema)


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize("name", CLOUDS)
def test_a_cloud_has_tokens_identities_and_machines_that_leave_nothing_behind(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    machines, filled = launched(LAUNCHED[name], monkeypatch)
    (start,) = order(machines.shell, "ray start --head")
    assert "export RAY_AUTH_MODE=token" in machines.shell.commands[start]
    copied = {target.rpartition("/")[2] for target in machines.shell.copied}
    assert {".pgpass", "auth_token"} <= copied
    assert filled["provider"]["cache_stopped_nodes"] is False
    (worker,) = (
        kind["node_config"]
        for title, kind in filled["available_node_types"].items()
        if title != filled["head_node_type"]
    )
    identity = "IamInstanceProfile" if name == "aws" else "serviceAccounts"
    assert "raynas-worker" in json.dumps(worker[identity])
    assert "raynas-head" in json.dumps(machines.made[0][identity])
    if name == "aws":
        assert worker["SecurityGroupIds"] == machines.made[0]["SecurityGroupIds"]
    else:
        assert worker["scheduling"]["provisioningModel"] == "SPOT"


@pytest.mark.parametrize("file", sorted((PROJECT / "cluster" / "aws").glob("*.json")), ids=str)
def test_a_policy_names_what_the_cluster_file_names(file: Path) -> None:
    policy = json.loads(file.read_text())
    assert policy["Version"] == "2012-10-17"
    for statement in policy["Statement"]:
        assert statement.keys() <= {"Effect", "Principal", "Action", "Resource", "Condition"}
        actions = statement["Action"]
        for action in [actions] if isinstance(actions, str) else actions:
            assert action.partition(":")[0] in ("ec2", "s3", "iam", "sts")
            assert "*" not in action.replace("ec2:Describe*", "")
    config = yaml.safe_load(LAUNCHED["aws"].read_text())
    text = file.read_text()
    if "iam:PassRole" in text:
        worker = config["available_node_types"]["gpu_worker"]["node_config"]
        assert f"role/{worker['IamInstanceProfile']['Name']}" in text
        assert f'"{config["cluster_name"]}"' in text
