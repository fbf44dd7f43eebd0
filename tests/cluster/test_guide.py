"""The checklists in docs/how-to/cluster/: every step is a command, in an order that works."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

PROJECT = Path(__file__).parent.parent.parent
PAGES = PROJECT / "docs" / "how-to" / "cluster"
PLACES = ("on-premises", "aws", "google-cloud", "kubernetes")


def page(place: str) -> str:
    return (PAGES / f"{place}.md").read_text()


def steps(place: str) -> list[str]:
    return re.split(r"^\d+\. ", page(place), flags=re.M)[1:]


def commands(text: str) -> list[str]:
    return [block for _, block in re.findall(r"^( *)```\n(.*?)^\1```", text, re.M | re.S)]


@pytest.mark.parametrize("place", PLACES)
def test_every_step_has_a_command_of_valid_shell(place: str) -> None:
    assert len(steps(place)) >= 8
    for step in steps(place):
        assert commands(step), step
    for block in commands(page(place)):
        checked = subprocess.run(["/bin/sh", "-n"], input=block, text=True, capture_output=True)
        assert checked.returncode == 0, f"{checked.stderr}\n{block}"


@pytest.mark.parametrize("place", PLACES)
def test_a_variable_is_set_before_it_is_used(place: str) -> None:
    known = {"HOME"}
    for block in commands(page(place)):
        for line in block.splitlines():
            known |= {*re.findall(r"\b([A-Z]+)=", line), *re.findall(r"for (\w+) in", line)}
            for name in re.findall(r"\$\{?(\w+)", line):
                assert name in known, f"{name} in: {line}"


def test_every_file_that_is_named_is_there() -> None:
    text = "".join(map(page, PLACES))
    named = set(re.findall(r"\bcluster/(?:[\w./-]+\.(?:yaml|json|py|sh)|Dockerfile)", text))
    assert len(named) > 10
    for name in named:
        assert (PROJECT / name).exists(), name


@pytest.mark.parametrize(
    ("place", "file", "made"),
    [
        ("aws", "aws.yaml", ["raynas-head", "raynas-worker"]),
        ("google-cloud", "gcp.yaml", ["raynas-head", "raynas-worker"]),
        ("kubernetes", "kubernetes/raycluster.yaml", ["raynas-store", "raynas"]),
    ],
)
def test_what_a_file_needs_is_made_before(place: str, file: str, made: list[str]) -> None:
    text = (PROJECT / "cluster" / file).read_text()
    launch = re.search(r"ray up|kubectl apply -f cluster/kubernetes/raycluster", page(place))
    assert launch is not None
    before = page(place)[: launch.start()]
    for name in made:
        assert name in text
        assert re.search(rf"\b{name}\b", before), name
