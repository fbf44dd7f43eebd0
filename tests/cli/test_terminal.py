"""Nothing that comes from elsewhere controls the terminal."""

from __future__ import annotations

import io
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.live import Live
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from raynas import cli
from raynas.cli.terminal import Terminal, printable, say
from raynas.errors import RaynasError

HOSTILE = "a\x1b]0;title\x07b\x1b[2Jc\x1b[31md\x9b31me\x1bPf\x08\rg\x00\u202eh\u200bi\x1b]8;;http://x\x1b\\j"


@given(st.text())
def test_only_what_is_shown_is_left(text: str) -> None:
    left = printable(text)
    assert not set(left) & {chr(code) for code in (*range(9), *range(11, 32), *range(127, 160))}
    assert printable(left) == left


def test_plain_text_stays() -> None:
    text = "naïve 中文 \U0001f600\n\ttabs [31m"
    assert printable(text) == text


def test_a_hostile_text_loses_its_sequences_with_their_arguments() -> None:
    assert printable(HOSTILE) == "abcdefghij"


@pytest.mark.parametrize("color", [True, False])
def test_a_console_passes_on_only_its_own_sequences(color: bool) -> None:
    out = io.StringIO()
    console = Terminal(
        file=out, force_terminal=color, width=200, color_system="standard" if color else None
    )
    table = Table(title=HOSTILE)
    table.add_column(HOSTILE)
    table.add_row(Text(HOSTILE))
    console.print(f"[bold]{escape(HOSTILE)}[/]", Text(HOSTILE), HOSTILE, table)
    with Live(Text(HOSTILE), console=console, auto_refresh=False):
        pass
    shown = out.getvalue()
    for sequence in ("\x1b]0", "\x1b[2J", "\x9b", "\x1bP", "\x08", "\x00", "\u202e", "\x1b]8"):
        assert sequence not in shown
    # Rich drops what ends the title's sequence. The live display shows its text once more.
    assert shown.count("a0;titlebcdefghij") >= 6
    assert ("\x1b[1m" in shown) is color


def test_say_writes_a_printable_line(capsys: pytest.CaptureFixture[str]) -> None:
    say(HOSTILE)
    assert capsys.readouterr().out == "abcdefghij\n"


def test_an_error_is_a_line_without_sequences_and_secrets(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(**_: object) -> None:
        raise RaynasError(f"{HOSTILE} from s3://u:pw@h with pl4nt3d-Xq")

    monkeypatch.setenv("SOME_TOKEN", "pl4nt3d-Xq")
    monkeypatch.setattr(cli, "app", fail)
    monkeypatch.setattr(sys, "argv", ["raynas"])
    with pytest.raises(SystemExit):
        cli.main()
    assert capsys.readouterr().err == "raynas: abcdefghij from s3://***@h with ***\n"


@pytest.mark.parametrize(("terminal", "lines"), [(False, 1), (True, 4)])
def test_lines_of_a_file_are_not_wrapped(terminal: bool, lines: int) -> None:
    """So that who reads a log, or searches it, finds each message whole."""
    out = io.StringIO()
    console = Terminal(file=out, force_terminal=terminal, width=80, color_system=None)
    console.print("words " * 50)
    assert len(out.getvalue().splitlines()) == lines
