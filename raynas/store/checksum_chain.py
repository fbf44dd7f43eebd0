"""Checksums along a journal: each line carries the digest of itself and of the line before it.

A changed, lost, doubled, moved or foreign line breaks the chain where it stands. The first line
with a digest names that of all bytes before it, so that what older versions wrote without digests
is covered from then on too. Optuna reads these lines as it reads its own: it ignores other keys.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from hashlib import blake2b
from typing import Any
from uuid import uuid4

__all__ = [
    "Chain",
    "DamageError",
    "digest",
    "proved_within",
    "trial_on",
    "was_whole",
    "whole",
]

BEFORE, CHECK = "before", "check"
_BYTES = 8  # 64 bits: one damaged line in 1.8e19 passes
_ENDING = re.compile(rb',"check":"([0-9a-f]{16})"\}\n\Z')
START = b'{"op_code":'
_ENDS = re.compile(rb',"check":"[0-9a-f]{16}"\}')
_NUMBER = re.compile(rb'"number":(\d{1,9})[,}]')


class DamageError(Exception):
    """Raised where a journal is not as it was written.

    Attributes:
        why: What is wrong with the line, as the end of a sentence that begins with it.
        trial: The number of the trial that the line is about; None where that is unknown.
    """

    def __init__(self, why: str, trial: int | None = None) -> None:
        super().__init__(why)
        self.why = why
        self.trial = trial


class Chain:
    """The digests of a journal's lines, up to where it was read or written.

    Attributes:
        lines: Number of lines so far.
        journal: Name that this journal's lines share; made up for a new one.
        checked: Whether a line with a digest was seen.
    """

    def __init__(self) -> None:
        self.lines = 0
        self.journal = uuid4().hex[:_BYTES]
        self.checked = False
        self._unchecked = blake2b(digest_size=_BYTES)
        self._last = ""

    @property
    def link(self) -> str:
        """The digest that the next line has to name as that of the line before."""
        return self._last if self.checked else self._unchecked.hexdigest()

    def read(self, line: bytes) -> tuple[dict[str, Any], bool]:
        """What the next line says, and whether raynas wrote it; older lines count as its own.

        Raises:
            DamageError: The line was changed, or does not follow the one before it.
        """
        entry = whole(line)
        if entry is None:
            entry = self._without_digest(line)
            if not self.checked:
                self._unchecked.update(line)
            self.lines += 1
            return entry, not self.checked
        if entry.get(BEFORE) != self.link:
            raise DamageError(
                "does not follow the line before it: lines were lost, doubled, moved or changed",
                trial_on(line),
            )
        if not self.checked:
            self.journal = _journal_of(entry) or self.journal
        self.lines, self.checked, self._last = self.lines + 1, True, entry[CHECK]
        return entry, True

    def sealed(self, entry: Mapping[str, Any]) -> bytes:
        """The next line, with `entry` in it, which from now on is the last one."""
        body = json.dumps({**entry, BEFORE: self.link}, separators=(",", ":")).encode()[:-1]
        self._last, self.checked, self.lines = digest(body), True, self.lines + 1
        return body + f',"{CHECK}":"{self._last}"}}\n'.encode()

    def mark(self) -> tuple[int, bool, str]:
        """Position of the chain, for `back`."""
        return self.lines, self.checked, self._last

    def back(self, mark: tuple[int, bool, str]) -> None:
        """Forget the lines sealed since `mark`, which were not written after all."""
        self.lines, self.checked, self._last = mark

    def _without_digest(self, line: bytes) -> dict[str, Any]:
        """What a line of an older version, or of another program, says."""
        try:
            entry = json.loads(line)
            code, worker = entry["op_code"], entry["worker_id"]
        except (ValueError, TypeError, KeyError, RecursionError):
            raise DamageError("is damaged", trial_on(line)) from None
        traces = {BEFORE, CHECK} & entry.keys() or _journal_of(entry) == self.journal
        if traces or not isinstance(code, int) or not isinstance(worker, str):
            raise DamageError("is damaged", trial_on(line))
        return dict(entry)


def digest(data: bytes) -> str:
    """A digest of 64 bits, in hexadecimal digits."""
    return blake2b(data, digest_size=_BYTES).hexdigest()


def whole(line: bytes) -> dict[str, Any] | None:
    """What a line says whose digest is that of its bytes; None for any other line."""
    ending = _ENDING.search(line, max(0, len(line) - 40))
    if ending is None or digest(line[: ending.start()]) != ending[1].decode():
        return None
    entry: dict[str, Any] = json.loads(line)
    return entry


def proved_within(line: bytes) -> Iterator[tuple[dict[str, Any], int]]:
    """Each line that is whole within a damaged one, and where it ends."""
    for end in _ENDS.finditer(line):
        begun = line.rfind(START, 0, end.start())
        entry = whole(line[begun : end.end()] + b"\n") if begun >= 0 else None
        if entry is not None:
            yield entry, end.end()


def was_whole(last: bytes) -> bool:
    """Whether a last line without an end once had one: something else stands behind its text."""
    return any(end < len(last) for _, end in proved_within(last))


def trial_on(line: bytes) -> int | None:
    """The number of the trial that a line is about, as far as it can be read."""
    number = _NUMBER.search(line)
    return None if number is None else int(number[1])


def _journal_of(entry: Mapping[str, Any]) -> str | None:
    """The name that the lines of one journal share: the first part of the worker's."""
    worker = entry.get("worker_id")
    return worker.partition("-")[0] if isinstance(worker, str) else None
