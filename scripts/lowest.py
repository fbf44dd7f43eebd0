"""Print the lowest versions that pyproject.toml allows, as constraints for pip.

Arguments such as ``torch==2.13.0`` replace a version that has no build for this machine.
"""

import re
import sys
import tomllib
from pathlib import Path

_BOUND = re.compile(r"([A-Za-z0-9_.-]+)(?:\[[^\]]*\])?>=([0-9.]+)")


def lowest(project: dict) -> dict[str, str]:
    """The version of each package that stands in a lower bound; the highest where it has several.

    Args:
        project: The table of that name.
    """
    extras = project.get("optional-dependencies", {})
    found: dict[str, str] = {}
    for line in (*project["dependencies"], *(line for lines in extras.values() for line in lines)):
        match = _BOUND.fullmatch(line)
        if match is None:
            raise SystemExit(f"pyproject.toml: {line!r} has no lower bound")
        name, version = match.groups()
        found[name] = max(found.get(name, "0"), version, key=_numbers)
    return found


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))


if __name__ == "__main__":
    with (Path(__file__).parent.parent / "pyproject.toml").open("rb") as file:
        found = lowest(tomllib.load(file)["project"])
    for name, version in (found | dict(word.split("==") for word in sys.argv[1:])).items():
        sys.stdout.write(f"{name}=={version}\n")
