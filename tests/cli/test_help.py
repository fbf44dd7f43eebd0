"""The help of each command, as a terminal of 80 columns shows it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from typer.core import TyperOption

from raynas.cli.lazy import COMMANDS, _imported


def commands() -> Iterator[tuple[str, Any]]:
    """Each command and subcommand."""
    for name in COMMANDS:
        command = _imported(name)
        yield name, command
        for below, each in getattr(command, "commands", {}).items():
            yield f"{name} FILE {below}", each


ALL = dict(commands())
NOUNS = {
    *("A", "An", "Argument", "HOST:PORT", "How", "Instead:", "Number", "Optimizer", "Part"),
    *("Path", "Ready", "See", "Shape", "The", "What", "Whether", "Your"),
}
"""Words that the help of an option began with and that are no verbs."""


@pytest.mark.parametrize("name", [[], *([each] for each in COMMANDS)])
def test_flags_have_no_type(run, name: list[str], monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setenv("COLUMNS", "80")
    _, out, _ = run(*name, "--help")
    assert "--help" in out
    assert "<bool>" not in out


@pytest.mark.parametrize("name", COMMANDS)
def test_help_fits_80_columns(run, name: str, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setenv("COLUMNS", "80")
    _, out, _ = run(name, "--help")
    assert max(map(len, out.split("\n"))) <= 80
    assert "list[" not in out


@pytest.mark.parametrize("name", ALL)
def test_a_paragraph_flows_to_the_width(name: str) -> None:
    assert not re.search(r"[^\n]\n[^\n]", ALL[name].help)


@pytest.mark.parametrize("name", ALL)
def test_each_option_is_a_sentence(name: str) -> None:
    for option in ALL[name].params:
        if isinstance(option, TyperOption) and option.name != "help":
            words = option.help or ""
            assert re.match(r"[A-Z].* .*\.$", words), f"{name} {option.name}: {words}"
            assert words.split()[0] not in NOUNS, f"{name} {option.name}: begin with a verb"
            assert not option.multiple or option.metavar, f"{name} {option.name}: say of what"
