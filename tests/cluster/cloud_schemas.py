"""Makes `clouds.json`: what AWS and Google Cloud accept as the `node_config` of a machine.

    python tests/cluster/cloud_schemas.py > tests/cluster/clouds.json

It needs botocore and google-api-python-client, in an environment of their own: botocore wants an
older python-dateutil than constraints.txt names. From the former it takes the arguments of EC2's
RunInstances, from the latter the resource Instance of Compute Engine, without descriptions, strict
about unknown fields and with the words that a field may have.

Both libraries, and so clouds.json, are under the Apache License 2.0.
"""

from __future__ import annotations

import json
import sys
from typing import Any

_TYPES = {
    "string": "string",
    "boolean": "boolean",
    "integer": "integer",
    "long": "integer",
    "double": "number",
    "float": "number",
    "timestamp": "string",
    "blob": "string",
}


def ec2() -> dict[str, Any]:
    """A JSON schema of RunInstances, with a definition for each structure."""
    from botocore.session import Session

    model = Session().get_service_model("ec2")
    definitions: dict[str, Any] = {}

    def of(shape: Any) -> dict[str, Any]:
        if shape.type_name == "list":
            return {"type": "array", "items": of(shape.member)}
        if shape.type_name != "structure":
            words = {"enum": list(shape.enum)} if getattr(shape, "enum", None) else {}
            return {"type": _TYPES[shape.type_name], **words}
        if shape.name not in definitions:
            definitions[shape.name] = {}
            definitions[shape.name] = {
                "type": "object",
                "additionalProperties": False,
                "properties": {name: of(member) for name, member in shape.members.items()},
            }
        return {"$ref": f"#/definitions/{shape.name}"}

    whole = of(model.operation_model("RunInstances").input_shape)
    return {**whole, "definitions": definitions}


def compute() -> dict[str, Any]:
    """A JSON schema of Instance, with a definition for each resource."""
    from googleapiclient.discovery_cache import get_static_doc

    schemas = json.loads(get_static_doc("compute", "v1"))["schemas"]
    definitions: dict[str, Any] = {}

    def of(node: dict[str, Any]) -> dict[str, Any]:
        if "$ref" in node:
            name = node["$ref"]
            if name not in definitions:
                definitions[name] = {}
                definitions[name] = of(schemas[name])
            return {"$ref": f"#/definitions/{name}"}
        if node["type"] == "array":
            return {"type": "array", "items": of(node["items"])}
        if node["type"] != "object":
            words = {"enum": node["enum"]} if "enum" in node else {}
            number = node.get("format") in ("int64", "uint64")  # JSON strings to be exact
            return {"type": ["string", "integer"] if number else node["type"], **words}
        if "properties" not in node:
            return {"type": "object", "additionalProperties": of(node["additionalProperties"])}
        return {
            "type": "object",
            "additionalProperties": False,
            "properties": {name: of(part) for name, part in node["properties"].items()},
        }

    return {**of({"$ref": "Instance"}), "definitions": definitions}


if __name__ == "__main__":
    both = {"aws": ec2(), "gcp": compute()}
    json.dump(both, sys.stdout, separators=(",", ":"), sort_keys=True)
    sys.stdout.write("\n")
