"""How counts, moments and findings are written for people."""

from __future__ import annotations

import math
import re
import shlex
from datetime import UTC, datetime
from decimal import Decimal

__all__ = [
    "as_typed",
    "counted",
    "duration",
    "moment",
    "next_steps",
    "sentence",
    "shown_architectures",
    "shown_size",
    "typed",
]

_TAKE_NAMES = {
    *("augment", "baseline", "dashboard", "data", "export", "plan", "refine", "report", "search"),
    *("speed", "status", "train", "trial", "watch"),
}
"""Commands with the options that `as_typed` gives."""


def counted(count: float, noun: str, plural: str = "") -> str:
    """`count` with thousands separators, and the noun that agrees with it: ``"1 trial"``.

    Whole numbers are shown in full, others with up to six significant digits.
    """
    shown = f"{int(count):,}" if float(count).is_integer() else f"{count:,.6g}"
    return f"{shown} {noun if shown == '1' else plural or noun + 's'}"


def shown_architectures(size: float) -> str:
    """How many architectures a space of `size` has: ``"192 architectures"``."""
    return f"{shown_size(size)} architecture{'' if size == 1 else 's'}"


def shown_size(size: float) -> str:
    """A number of architectures, exact where a reader gains by that."""
    if size == math.inf:
        return "infinitely many"
    return f"{size:,}" if size < 10**30 else f"about {Decimal(size):.3e}"


def moment(seconds: float, to: str = "seconds") -> str:
    """A time in UTC with its zone, to the second or, for ``to="minutes"``, to the minute."""
    pattern = "%Y-%m-%d %H:%M" if to == "minutes" else "%Y-%m-%d %H:%M:%S"
    return datetime.fromtimestamp(seconds, UTC).strftime(f"{pattern} UTC")


def next_steps(advice: str, target: str) -> str:
    """`advice` as sentences that begin ``Next:``, with `target` for ``FILE``, as `typed` does."""
    said = typed(sentence(advice), target)
    return said if said.startswith("To go on:") else f"Next: {said}"


def typed(text: str, target: str) -> str:
    """`text` with the file of `target` for ``FILE``, and its options where a command takes them.

    Args:
        text: Sentences with commands, such as ``raynas train FILE``.
        target: What `as_typed` gives.
    """
    file, *options = shlex.split(target)

    def command(found: re.Match[str]) -> str:
        taken = options if found[1] in _TAKE_NAMES else []
        return f"raynas {found[1]} {shlex.join([file + found[2], *taken])}"

    text = re.sub(r"\braynas (\w+) FILE((?::\w+)?)", command, text)
    return re.sub(r"\bFILE\b", lambda _: shlex.quote(file), text)


def as_typed(file: str, name: str | None = None, folder: object = None) -> str:
    """What names a search in a command: its file, and the options that a user gave with it."""
    given = {"--name": name, "--folder": folder}
    options = (part for key, value in given.items() if value for part in (key, str(value)))
    return shlex.join([file, *options])


def sentence(text: str) -> str:
    """`text` with a capital letter and a full stop, as a rule of somebody else may have neither."""
    first, _, _ = text.partition(" ")
    if first.isalpha() and first.islower():
        text = text[0].upper() + text[1:]
    return text if text.endswith((".", "!", "?")) else f"{text}."


def duration(seconds: float) -> str:
    """`seconds` in the unit that suits them; humanize rounds to whole ones."""
    for size, unit in ((86400.0, "days"), (3600.0, "hours"), (60.0, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds / size:,.1f} {unit}"
    return counted(float(f"{seconds:.3g}"), "second")
