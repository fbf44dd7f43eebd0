"""The cluster files against the schemas of what reads them."""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import ray.autoscaler
import yaml
from kuberay_schema import KINDS, schema

HERE = Path(__file__).parent
PROJECT = HERE.parent.parent
FOLDER = PROJECT / "cluster"
CRDS = PROJECT.parent / "shared" / "data" / "kuberay"
LAUNCHED = sorted(FOLDER.glob("*.yaml"))
KUBERNETES = [FOLDER / "kubernetes" / f"{name}.yaml" for name in ("raycluster", "rayjob")]
POLICY = FOLDER / "kubernetes" / "network-policy.yaml"
PINNED = dict(
    line.split("==")
    for line in (PROJECT / "constraints.txt").read_text().splitlines()
    if "==" in line
)


def names(files: list[Path]) -> list[str]:
    return [file.stem for file in files]


def of_ray(config: dict[str, Any]) -> None:
    """Ray's own check, of the file as it stands."""
    file = Path(ray.autoscaler.__file__).parent / "ray-schema.json"
    jsonschema.validate(config, json.loads(file.read_text()))


def of_kuberay(manifest: dict[str, Any]) -> None:
    whole = json.loads((HERE / "kuberay.json").read_text())
    schema = {**whole, "$ref": f"#/definitions/{manifest['kind']}"}
    for error in jsonschema.Draft202012Validator(schema).iter_errors(manifest):
        raise error


def test_there_is_a_file_for_each_place() -> None:
    assert names(LAUNCHED) == ["aws", "gcp", "on-premises"]
    assert sorted((FOLDER / "kubernetes").glob("*")) == sorted([*KUBERNETES, POLICY])


@pytest.mark.parametrize("file", LAUNCHED, ids=names(LAUNCHED))
def test_a_cluster_file_is_valid_for_the_pinned_ray(file: Path) -> None:
    assert ray.__version__ == PINNED["ray"]
    config = yaml.safe_load(file.read_text())
    of_ray(config)
    with pytest.raises(jsonschema.ValidationError, match="head_node_typ"):
        of_ray({**config, "head_node_typ": "head"})


@pytest.mark.parametrize("file", LAUNCHED, ids=names(LAUNCHED))
def test_ray_fills_a_cluster_file_with_its_defaults(file: Path) -> None:
    """What `ray up` does before it talks to a machine, except asking AWS for instance types."""
    from ray.autoscaler._private.providers import _get_default_config
    from ray.autoscaler._private.util import (
        fill_node_type_min_max_workers,
        prepare_config,
    )
    from ray.autoscaler._private.util import validate_config as validate_filled

    config = yaml.safe_load(file.read_text())
    if config["provider"]["type"] == "local":
        filled = prepare_config(config)
    else:
        filled = {**_get_default_config(config["provider"]), **config}
        fill_node_type_min_max_workers(filled)
    validate_filled(filled)
    types = filled["available_node_types"]
    assert filled["head_node_type"] in types
    assert sum(kind.get("max_workers", 0) for kind in types.values()) >= filled["max_workers"] > 0


@pytest.mark.parametrize("file", LAUNCHED, ids=names(LAUNCHED))
def test_what_a_cluster_file_copies_is_all_that_the_installation_needs(file: Path) -> None:
    config = yaml.safe_load(file.read_text())
    project = {t: h for t, h in config["file_mounts"].items() if not h.startswith("~")}
    for there, here in project.items():
        assert (PROJECT / here).exists()
        assert there == f"~/raynas/{here}"
    own = {t: h for t, h in config["file_mounts"].items() if t not in project}
    assert own.keys() <= {"~/.pgpass", "~/.ray/auth_token"}
    assert all(there == here for there, here in own.items())
    built = (PROJECT / "pyproject.toml").read_text()
    packages = re.search(r'packages = \["(\w+)", "(\w+)"\]', built)
    assert packages is not None
    assert {*packages.groups(), "constraints.txt", "LICENSE", "README.md"} <= {
        *config["file_mounts"].values()
    }
    assert config["setup_commands"] == ["sh ~/raynas/cluster/install.sh cluster,postgresql"]


@pytest.mark.parametrize("file", KUBERNETES, ids=names(KUBERNETES))
def test_a_manifest_is_valid_for_kuberay(file: Path) -> None:
    manifest = yaml.safe_load(file.read_text())
    of_kuberay(manifest)
    cluster = manifest["spec"].get("rayClusterSpec", manifest["spec"])
    assert cluster["rayVersion"] == PINNED["ray"]


@pytest.mark.parametrize("file", KUBERNETES, ids=names(KUBERNETES))
@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda spec: spec.pop("headGroupSpec"), "'headGroupSpec' is a required property"),
        (lambda spec: spec.update(rayversion="2"), "'rayversion' was unexpected"),
        (
            lambda spec: spec["workerGroupSpecs"][0].pop("maxReplicas"),
            "'maxReplicas' is a required property",
        ),
        (
            lambda spec: spec["headGroupSpec"]["template"]["spec"]["containers"][0].update(envs=[]),
            "'envs' was unexpected",
        ),
    ],
)
def test_the_kuberay_check_finds_what_is_wrong(file: Path, change: Any, words: str) -> None:
    manifest = yaml.safe_load(file.read_text())
    change(manifest["spec"].get("rayClusterSpec", manifest["spec"]))
    with pytest.raises(jsonschema.ValidationError, match=words):
        of_kuberay(manifest)


def pods(manifest: dict[str, Any]) -> list[dict[str, Any]]:
    cluster = manifest["spec"].get("rayClusterSpec", manifest["spec"])
    return [cluster["headGroupSpec"]["template"], *(g["template"] for g in workers(cluster))]


def workers(cluster: dict[str, Any]) -> list[dict[str, Any]]:
    return list(cluster["workerGroupSpecs"])


@pytest.mark.parametrize("file", KUBERNETES, ids=names(KUBERNETES))
def test_a_manifest_asks_for_tokens_has_an_identity_and_tells_nobody(file: Path) -> None:
    manifest = yaml.safe_load(file.read_text())
    cluster = manifest["spec"].get("rayClusterSpec", manifest["spec"])
    assert cluster["authOptions"] == {"mode": "token"}
    assert "KubeRay operator, 1.5.1 or newer" in file.read_text()  # the first that has authOptions
    policy = yaml.safe_load(POLICY.read_text())["spec"]["podSelector"]["matchLabels"]
    for pod in pods(manifest):
        assert pod["metadata"]["labels"] == policy
        assert pod["spec"]["serviceAccountName"] == "raynas"
        (made,) = pod["spec"]["containers"]
        assert {"name": "RAY_USAGE_STATS_ENABLED", "value": "0"} in made["env"]
        assert {port["containerPort"] for port in made.get("ports", [])} <= {6379, 8265}
    if manifest["kind"] == "RayJob":
        assert manifest["spec"]["activeDeadlineSeconds"] > 0
        assert manifest["spec"]["shutdownAfterJobFinishes"] is True


def test_the_network_policy_lets_in_the_cluster_and_the_operator_only() -> None:
    policy = yaml.safe_load(POLICY.read_text())
    assert (policy["apiVersion"], policy["kind"]) == ("networking.k8s.io/v1", "NetworkPolicy")
    spec = policy["spec"]
    assert spec["policyTypes"] == ["Ingress"]
    inside, outside = spec["ingress"]
    assert inside == {"from": [{"podSelector": spec["podSelector"]}]}
    assert [port["port"] for port in outside["ports"]] == [8265]
    assert all(peer["podSelector"] for peer in outside["from"])  # an empty one would be everybody


def test_both_manifests_make_the_same_cluster() -> None:
    cluster, job = (yaml.safe_load(file.read_text())["spec"] for file in KUBERNETES)
    made = copy.deepcopy(job["rayClusterSpec"])
    pod = made["headGroupSpec"]["template"]["spec"]
    assert pod.pop("volumes") == [{"name": "search", "configMap": {"name": "raynas-search"}}]
    (mount,) = pod["containers"][0].pop("volumeMounts")
    assert made == cluster
    assert job["entrypoint"].startswith(f"raynas search {mount['mountPath']}/")


@pytest.mark.parametrize("file", [*LAUNCHED, *KUBERNETES], ids=names([*LAUNCHED, *KUBERNETES]))
def test_every_value_that_is_only_an_example_has_a_comment_to_change_it(file: Path) -> None:
    lines = file.read_text().splitlines()
    example = re.compile(r"example|YOUR-|192\.168\.|10\.0\.0\.|(ami|sg)-0{5}")
    for number, line in enumerate(lines):
        code, _, comment = line.partition("#")
        if example.search(code) and not comment:
            around = "\n".join(lines[max(0, number - 5) : number + 6])
            assert "CHANGE" in around, f"{file.name}:{number + 1}: {line}"


def test_the_trimmed_schema_is_what_the_crds_give() -> None:
    if not all((CRDS / file).exists() for file in KINDS.values()):
        pytest.skip(f"KubeRay's CRDs are not at {CRDS}; tests/cluster/kuberay.json is used as is")
    assert schema(CRDS) == json.loads((HERE / "kuberay.json").read_text())
