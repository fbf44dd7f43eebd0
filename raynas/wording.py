"""How counts, moments and findings are written for people."""

from __future__ import annotations

import math
import re
import shlex
from datetime import UTC, datetime
from decimal import Decimal

__all__ = [
    "counted",
    "duration",
    "moment",
    "next_steps",
    "sentence",
    "shown_architectures",
    "shown_size",
    "typed",
]


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
    """`advice` as sentences that begin ``Next:``, with `target` for ``FILE`` in its commands."""
    said = typed(sentence(advice), target)
    return said if said.startswith("To go on:") else f"Next: {said}"


def typed(text: str, target: str) -> str:
    """`text` with `target`, as it is typed, for ``FILE``."""
    return re.sub(r"\bFILE\b", lambda _: shlex.quote(target), text)


def sentence(text: str) -> str:
    """`text` with a capital letter and a full stop, as a rule of somebody else may have neither."""
    first, _, _ = text.partition(" ")
    if first.isalpha() and first.islower():
        text = text[0].upper() + text[1:]
    return text if text.endswith((".", "!", "?")) else f"{text}."


def duration(seconds: float) -> str:
    """`seconds` in the unit that suits them."""
    for size, unit in ((86400.0, "days"), (3600.0, "hours"), (60.0, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds / size:,.1f} {unit}"
    return counted(float(f"{seconds:.3g}"), "second")
