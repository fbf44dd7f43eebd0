"""Makes `kuberay.json` of KubeRay's CustomResourceDefinitions: what tests need of them, small.

    python tests/cluster/kuberay_schema.py FOLDER_WITH_THE_CRDS > tests/cluster/kuberay.json

Of version v1 only, without descriptions, the pod template once instead of four times, and strict:
an unknown field is an error, as with `kubectl apply --validate=strict`.

The CRDs (https://github.com/ray-project/kuberay, ray-operator/config/crd/bases) and so
kuberay.json are KubeRay's, under the Apache License 2.0.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import yaml

KINDS = {"RayCluster": "ray.io_rayclusters.yaml", "RayJob": "ray.io_rayjobs.yaml"}


def schema(folder: Path) -> dict[str, Any]:
    """A JSON schema with a definition for each kind."""
    kinds = {kind: _version_1(folder / file) for kind, file in KINDS.items()}
    cluster = kinds["RayCluster"]["properties"]["spec"]
    pod = cluster["properties"]["headGroupSpec"]["properties"]["template"]
    definitions = {"pod": pod, "cluster": _sharing(cluster, pod, "pod")}
    for kind, whole in kinds.items():
        definitions[kind] = _sharing(_sharing(whole, cluster, "cluster"), pod, "pod")
    return {"definitions": definitions}


def _version_1(file: Path) -> Any:
    fast = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    definition = yaml.load(file.read_text(), Loader=fast)  # noqa: S506 - safe, too
    (version,) = (v for v in definition["spec"]["versions"] if v["name"] == "v1")
    return _strict(version["schema"]["openAPIV3Schema"])


def _strict(node: Any) -> Any:
    """`node` without texts and extensions, and with nothing allowed that it does not name."""
    if isinstance(node, list):
        return [_strict(item) for item in node]
    if not isinstance(node, dict):
        return node
    if node.get("x-kubernetes-int-or-string"):
        return {"type": ["integer", "string"]}
    kept = {
        key: _strict(value)
        for key, value in node.items()
        if not key.startswith("x-") and not (key == "description" and isinstance(value, str))
    }
    if isinstance(kept.get("properties"), dict) and kept.get("type") == "object" and _open(node):
        kept["additionalProperties"] = False
    return kept


def _open(node: dict[str, Any]) -> bool:
    return bool(node["properties"]) and not node.get("x-kubernetes-preserve-unknown-fields")


def _sharing(node: Any, part: Any, name: str) -> Any:
    """`node` with a reference wherever it holds `part`."""
    if node == part:
        return {"$ref": f"#/definitions/{name}"}
    if isinstance(node, dict):
        return {key: _sharing(value, part, name) for key, value in node.items()}
    return [_sharing(item, part, name) for item in node] if isinstance(node, list) else node


if __name__ == "__main__":
    json.dump(schema(Path(sys.argv[1])), sys.stdout, separators=(",", ":"), sort_keys=True)
    sys.stdout.write("\n")
