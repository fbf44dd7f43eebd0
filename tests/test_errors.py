"""Errors of others, in a line."""

from __future__ import annotations

import pytest

from raynas.errors import in_a_line


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
