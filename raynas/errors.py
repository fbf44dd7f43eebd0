"""Everything raynas raises on purpose.

RaynasError
├── ConfigurationError   an argument, a search file or a command-line value is wrong
│   ├── SpaceError       a search space is declared wrongly, or a value lies outside it
│   └── TaskError        a task cannot produce what the search asks of it
├── StoreError           the store cannot be read or written, or belongs to another search
│   ├── DamagedStoreError  what is stored is not what was written
│   └── LostStoreError     the store was removed, replaced or shortened while it was in use
└── InfeasibleArchitecture   raised by users' code: this architecture cannot be tried

Messages name the argument, its value, the rule and the fix. The command line prints them
without a traceback and exits with code 2.
"""

import re
from collections.abc import Mapping

__all__ = [
    "ConfigurationError",
    "DamagedStoreError",
    "InfeasibleArchitecture",
    "LostStoreError",
    "RaynasError",
    "SpaceError",
    "StoreError",
    "TaskError",
    "in_a_line",
    "message_of",
    "printable",
    "raised_in",
]

_TRACEBACK = re.compile(r"(?:\s*\+ Exception Group |\w+ )?Traceback \(most recent call last\):$")
_COLORS = re.compile("\x1b\\[[0-9;]*m")
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")


class RaynasError(Exception):
    """Base of all errors that raynas raises on purpose."""


class ConfigurationError(RaynasError):
    """An argument, a search file or a command-line value is wrong."""


class SpaceError(ConfigurationError):
    """A search space is declared wrongly, or a value lies outside it."""


class TaskError(ConfigurationError):
    """A task cannot produce what the search asks of it, whatever the architecture."""


class StoreError(RaynasError):
    """The store cannot be read or written, is in use, or belongs to another search."""


class DamagedStoreError(StoreError):
    """What is stored is not what was written: bytes changed, or records were lost or exchanged.

    Attributes:
        line: The damaged line of the journal, counted from 1; None in a database.
        trial: Number of the trial concerned; None where that is unknown.
    """

    def __init__(self, message: str, line: int | None = None, trial: int | None = None) -> None:
        super().__init__(message)
        self.line = line
        self.trial = trial


class LostStoreError(StoreError):
    """The store was removed, replaced or shortened by another program while it was in use."""


class InfeasibleArchitecture(RaynasError):  # noqa: N818 - a verdict on an architecture, not a fault
    """Raised by users in `build`, a module or a task: this architecture cannot be tried.

    The trial ends as `raynas.trials.Infeasible` with the message as its reason, and the search
    goes on.

    Attributes:
        kind: ``"bound"`` for an architecture beyond a bound of the user's, see
            `raynas.trials.Infeasible`; empty otherwise.
        metrics: What was measured of the architecture before it was refused.
    """

    def __init__(
        self, message: str = "", *, kind: str = "", metrics: Mapping[str, float] | None = None
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.metrics = dict(metrics or {})


def in_a_line(error: BaseException) -> str:
    """The type of `error` and the first line of what it says; of a traceback, what was raised."""
    text = message_of(error).strip()
    said = raised_in(text) if text.startswith("Traceback (") else text.partition("\n")[0]
    return f"{type(error).__name__}: {said}"


def raised_in(text: str) -> str:
    """The line of a traceback that names the error, without the further ones of its message.

    Where that line ends in a colon, the next one too. Of several tracebacks, such as that of a
    worker in another's message, it is the last one; of a text without any, the last line.
    """
    lines = text.strip().splitlines() or [""]
    starts = [index for index, line in enumerate(lines) if _TRACEBACK.match(line)]
    if not starts:
        return lines[-1]
    below = [line.removeprefix("  | ") for line in lines[starts[-1] + 1 :]]
    said = [index for index, line in enumerate(below) if line and not line[0].isspace()]
    if not said:
        return lines[-1]
    line, more = below[said[0]], " ".join(below[said[0] + 1 : said[0] + 2]).strip()
    return f"{line} {more}" if line.endswith(":") and more else line


def message_of(error: BaseException) -> str:
    """The text of `error`, printable, whatever a class of the user's makes of it."""
    try:
        return printable(str(error))
    except BaseException:  # whatever it raises, even SystemExit, is no fault of the reader's
        return "<its text cannot be computed>"


def printable(text: str) -> str:
    """`text` as every file, database and terminal takes it.

    Terminal colors are left out. Lone surrogates and control characters other than tab, line feed
    and carriage return become backslash escapes.
    """
    return _UNPRINTABLE.sub(
        lambda found: found[0].encode("unicode_escape").decode(), _COLORS.sub("", text)
    )
