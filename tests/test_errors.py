"""Errors of others, in a line."""

from __future__ import annotations

import pytest

from raynas.errors import in_a_line, message_of, printable


@pytest.mark.parametrize(
    ("said", "line"),
    [
        ("no such file\nand more", "ValueError: no such file"),
        ("", "ValueError: "),
        (
            'Traceback (most recent call last):\n  File "x"\nOSError: full\n',
            "ValueError: OSError: full",
        ),
    ],
)
def test_the_first_line_is_kept_or_of_a_traceback_the_last(said: str, line: str) -> None:
    assert in_a_line(ValueError(said)) == line


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("plain, café, 日本, tab\t line\n", "plain, café, 日本, tab\t line\n"),
        ("caf\udce9", r"caf\udce9"),
        ("\0 \x07 \x7f \x9b2J", r"\x00 \x07 \x7f \x9b2J"),
        ("\x1b[1;31mred\x1b[0m \x1b[2J", r"red \x1b[2J"),
    ],
)
def test_text_is_made_printable(text: str, printed: str) -> None:
    assert printable(text) == printed
    assert printable(printed) == printed


@pytest.mark.parametrize("raised", [RuntimeError, SystemExit, KeyboardInterrupt, RecursionError])
def test_an_error_whose_text_cannot_be_computed_has_a_text(raised: type[BaseException]) -> None:
    class Unspeakable(Exception):  # noqa: N818 - its name is part of the text
        def __str__(self) -> str:
            raise raised("no text")

    assert message_of(Unspeakable()) == "<its text cannot be computed>"
    assert in_a_line(Unspeakable()) == "Unspeakable: <its text cannot be computed>"
