"""Docstrings and messages are written as style.md says: entries stand alone, words are standard."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

PROJECT = Path(__file__).parent.parent
MODULES = sorted((PROJECT / "raynas").rglob("*.py"))

ENTRY = re.compile(r"^ *(\*{0,2}\w+): (.*)$")
FRAGMENT = re.compile(
    r"(Of|See|Likewise|As|That|To|For|In|From|By|With|Same|Those|And|On|At|Until|Because|Whose)\b"
    r"|(After|Before|Between|During|If|It|Its|Only|Over|Their|Under|When|Where|Within|Without)\b"
    r"|One (of|or)\b"
)
RIDDLE = re.compile(  # a first line that begins in the middle of a thought
    r"(As|At|By|For(?! each)|From|In|Its|Of|See that|That|These|Those|With|Within|Without)\b"
    r"(?! (a|an|the) (search|tests)\b)"
)
REQUIREMENT = re.compile(r"\([STWPCG]\d{1,2}(, [STWPCG]\d{1,2})*\)|\"{3}(Rule )?[STWPCG]\d{1,2}: ")
DIALECT = re.compile(
    r"\b(foret(ell|old)\w*|dearer|at last|likewise|leave it away|cannot be told|held for the)\b",
    re.I,
)


def docstrings(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """The line and text of each docstring."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            text = ast.get_docstring(node, clean=False)
            if text is not None:
                yield node.body[0].lineno, text


def entries(text: str) -> Iterator[tuple[int, str, str]]:
    """Line, name and description of what the sections Args and Attributes of a docstring list."""
    indent = None
    for line, words in enumerate(text.split("\n")):
        depth = len(words) - len(words.lstrip())
        if words.strip() in ("Args:", "Attributes:"):
            indent = depth + 4
        elif words.strip() and indent is not None and depth < indent:
            indent = None
        elif depth == indent and (found := ENTRY.match(words)):
            yield line, found[1], found[2]


def fragments(source: str) -> list[str]:
    """The entries that do not stand alone, as "line name: text"."""
    return [
        f"{first + line} {name}: {text}"
        for first, docstring in docstrings(ast.parse(source))
        for line, name, text in entries(docstring)
        if FRAGMENT.match(text)
    ]


def riddles(source: str) -> list[str]:
    """The docstrings whose first line does not name what it describes."""
    return [
        f"{line}: {text.strip()}"
        for line, docstring in docstrings(ast.parse(source))
        for text in [docstring.strip().split("\n")[0]]
        if RIDDLE.match(text)
    ]


def requirements(source: str) -> list[str]:
    """The lines with the number of a requirement, which tells a reader nothing."""
    return [line.strip() for line in source.split("\n") if REQUIREMENT.search(line)]


def dialect(source: str) -> list[str]:
    """The lines of docstrings and messages with words that the field does not use."""
    return [
        f"{node.lineno}: {line.strip()}"
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
        for line in node.value.split("\n")
        if DIALECT.search(line)
    ]


def test_fragments_and_dialect_are_found() -> None:
    source = '''
def cost(steps: int) -> float:
    """Cost, foretold.

    Args:
        steps: Of the candidates' runs; as
            in Of.
        name: Name of the run.

    Returns:
        As: it is.
    """
    raise ValueError("leave it away")
'''
    assert fragments(source) == ["6 steps: Of the candidates' runs; as"]
    assert [line.partition(": ")[2] for line in dialect(source)] == [
        "Cost, foretold.",
        "leave it away",
    ]


def test_riddles_and_requirements_are_found() -> None:
    source = '''
def noise() -> float:
    """Of the reward (W12)."""

def rest() -> float:
    """P7: what is left (of it)."""
'''
    assert riddles(source) == ["3: Of the reward (W12)."]
    assert requirements(source) == ['"""Of the reward (W12)."""', '"""P7: what is left (of it)."""']


@pytest.mark.parametrize("check", [fragments, dialect, riddles, requirements])
def test_the_code_has_none(check: Callable[[str], list[str]]) -> None:
    assert len(MODULES) > 300
    found = {
        str(path.relative_to(PROJECT)): lines
        for path in MODULES
        if (lines := check(path.read_text()))
    }
    assert found == {}
