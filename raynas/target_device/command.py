"""Commands with placeholders: filled in, run without a shell, within a time limit."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from raynas.errors import TaskError, printable
from raynas.redaction import Secret, is_secret_name, redacted

__all__ = ["Ran", "check_command", "filled", "run", "shown_command"]

_PLACEHOLDER = re.compile(r"\{\{|\}\}|\{(\w+)\}")
_LAST_LINES, _LONGEST = 12, 2000
"""Lines and characters: an error is at the end of what a command prints."""


@dataclass(frozen=True)
class Ran:
    """What became of a command.

    Attributes:
        code: Exit code of the command; None where it ran out of time.
        out: What it wrote to its standard output.
        err: What it wrote to its standard error.
    """

    code: int | None
    out: str
    err: str

    @property
    def said(self) -> str:
        """The end of what it wrote, for an error message."""
        text = "\n".join(part for part in (self.err.strip(), self.out.strip()) if part)
        lines = printable(text).splitlines()[-_LAST_LINES:]
        return "\n".join(lines)[-_LONGEST:] or "it wrote nothing"


def check_command(argument: str, command: Sequence[str], known: Collection[str]) -> None:
    """Refuse what is no list of arguments, or has an unknown placeholder.

    Raises:
        TaskError: `command` is one of these.
    """
    if isinstance(command, str) or not all(isinstance(part, str) for part in command):
        raise TaskError(
            f"{argument}={shown_command(command)!r}: give a list of arguments, such as "
            "['ssh', 'host', 'measure', '{model}']; no shell takes it apart"
        )
    for part in command:
        for name in _PLACEHOLDER.findall(part):
            if name and name not in known:
                raise TaskError(
                    f"{argument}: {{{name}}} is no placeholder; use some of "
                    f"{', '.join(f'{{{one}}}' for one in known)}, and write {{{{{name}}}}} for "
                    "the braces themselves"
                )


def filled(command: Sequence[str], values: Mapping[str, object]) -> list[str]:
    """`command` with each placeholder such as ``{model}`` replaced by its value."""

    def value(found: re.Match[str]) -> str:
        return found[0][0] if found[1] is None else str(values[found[1]])

    return [_PLACEHOLDER.sub(value, part) for part in command]


def run(command: Sequence[str], seconds: float) -> Ran:
    """Run `command` in a process group of its own, which is ended after `seconds`.

    Raises:
        TaskError: There is no such program, or it cannot be run.
    """
    try:
        process = subprocess.Popen(  # noqa: S603 - what the user wrote, without a shell
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            start_new_session=True,
        )
    except OSError as error:
        raise TaskError(f"{command[0]!r} cannot be run: {error.strerror}") from error
    try:
        out, err = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        _end(process)
        out, err = process.communicate()
        return Ran(None, out, err)
    except BaseException:
        _end(process)
        process.wait()
        raise
    return Ran(process.returncode, out, err)


def shown_command(command: Sequence[str] | str) -> str:
    """`command` without its secrets: those marked, those after a telling option, tokens, URLs."""
    parts = [command] if isinstance(command, str) else list(command)
    shown, before = [], ""
    for part in parts:
        named = before if before.startswith("-") and is_secret_name(before) else "argument"
        shown.append(redacted(named, part) or part if isinstance(part, str) else repr(part))
        before = part if isinstance(part, str) and not isinstance(part, Secret) else ""
    return " ".join(shown)


def _end(process: subprocess.Popen[str]) -> None:
    with suppress(OSError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
