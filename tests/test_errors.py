"""Errors of others, in a line."""

from __future__ import annotations

import subprocess
import traceback

import pytest
from torch import nn
from torch.utils.data import DataLoader, Dataset

from raynas.errors import in_a_line, message_of, printable, raised_in


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


def noted() -> Exception:
    error = ValueError("too wide")
    error.add_note("in the second block")
    return error


def chained() -> Exception:
    error = RuntimeError("no batch\nmore of it")
    error.__cause__ = OSError("gone")
    return error


@pytest.mark.parametrize(
    "error",
    [
        ValueError("plain"),
        ValueError(""),
        KeyError("key"),
        RuntimeError("CUDA error: assert\nCompile with `TORCH_USE_CUDA_DSA`.\n"),
        noted(),
        chained(),
        ExceptionGroup("several", [ValueError("first"), noted()]),
        subprocess.CalledProcessError(1, ["false"]),
    ],
    ids=lambda error: type(error).__name__,
)
def test_of_a_traceback_the_line_of_the_error_is_kept(error: Exception) -> None:
    try:
        raise error
    except Exception as raised:
        text = "".join(traceback.format_exception(raised))
    assert raised_in(text) == traceback.format_exception_only(error)[0].splitlines()[0].strip()


def test_of_a_syntax_error_the_line_of_the_error_is_kept() -> None:
    with pytest.raises(SyntaxError) as raised:
        compile("a = (", "file", "exec")
    text = "".join(traceback.format_exception(raised.value))
    assert raised_in(text) == "SyntaxError: '(' was never closed"


def test_what_a_worker_raised_is_kept() -> None:
    class Broken(Dataset[int]):
        def __len__(self) -> int:
            return 1

        def __getitem__(self, index: int) -> int:
            raise ValueError("bad sample")

    with pytest.raises(ValueError, match="DataLoader worker") as raised:
        list(DataLoader(Broken(), num_workers=1))
    text = "".join(traceback.format_exception(raised.value))
    assert raised_in(text) == "ValueError: bad sample"


def test_what_a_colon_announces_is_kept() -> None:
    with pytest.raises(RuntimeError) as raised:
        nn.Linear(1, 2).load_state_dict(nn.Linear(1, 3).state_dict())
    text = "".join(traceback.format_exception(raised.value))
    begin = "RuntimeError: Error(s) in loading state_dict for Linear: size mismatch for weight"
    assert raised_in(text).startswith(begin)


@pytest.mark.parametrize("text", ["", "Killed", "It had printed:\nhello\nits worker died"])
def test_of_other_texts_the_last_line_is_kept(text: str) -> None:
    assert raised_in(text) == text.rpartition("\n")[2]
