"""Rebuild a damaged journal from those of its lines that prove themselves.

A line with a digest is proved by it, wherever it stands. One whose digest does not fit is taken
where turning a single bit makes it fit: with 64 bits of digest, chance does not. An outcome names
its trial and architecture, so a trial that ended survives the loss of its proposal. Lines without
digests, of older versions, are taken up to the first one that cannot be read.
"""

from __future__ import annotations

import os
import re
import shutil
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any
from uuid import uuid4

from raynas.errors import StoreError
from raynas.store.checksum_chain import (
    BEFORE,
    CHECK,
    Chain,
    DamageError,
    proved_within,
    trial_on,
    was_whole,
    whole,
)
from raynas.store.folder_sync import sync_folders
from raynas.store.journal import check_journal
from raynas.store.journal_rebuild import Rebuilt, rebuild, write_journal
from raynas.store.journal_state import Book
from raynas.store.writer_lock import JournalLock
from raynas.wording import counted

__all__ = ["Repair", "repair_journal"]

_LONGEST_HEALED = 16_384  # bytes: every bit is tried, at a quadratic cost
_LINE = re.compile(rb"[^\n]*\n|[^\n]+\Z")
_JOINED = re.compile(rb'(?<="\})[^\n](?=\{"op_code":)')
_CHECKED_END = re.compile(rb',"check":"[0-9a-f]{16}"\}\n\Z')
_NEVER_WRITTEN = re.compile(rb"[^\x20-\x7f\n]")  # in the JSON of a line, which is ASCII
_ENDING_BYTES = 30  # bytes: the digest and the end of a line
_BEFORE = b',"before":"'
_TURNED_BACK = "had one changed bit, which is turned back"


@dataclass
class Repair:
    """What a repair found and did.

    Attributes:
        path: The journal.
        damage: What is wrong with it, a sentence each; empty where nothing is.
        lost: What could not be proved, in words.
        trials: Trials in the rebuilt journal.
        ended: Number of trials with an outcome.
        aside: New path of the damaged file; None where nothing was done.
    """

    path: Path
    damage: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    trials: int = 0
    ended: int = 0
    aside: Path | None = None


def repair_journal(path: Path) -> Repair:
    """Move a damaged journal aside and put one in its place with all that can be proved.

    A journal that is whole is left as it is.

    Args:
        path: The journal, which no search may have open.

    Raises:
        StoreError: There is no journal, it is in use, nothing of it can be proved, or its folder
            cannot be written to.
    """
    if not path.is_file():
        raise StoreError(f"FILE={path}: there is no such journal; give a search's journal.log")
    path = path.resolve()  # A symbolic link stays, and leads to the rebuilt journal.
    check_journal(path)
    try:
        return _repaired(path)
    except OSError as error:
        raise StoreError(
            f"cannot repair {path}: {error}. It was left as it is; fix this, then run the command "
            "again"
        ) from error


def _repaired(path: Path) -> Repair:
    lock = JournalLock(path)
    try:
        with path.open("r+b") as journal:
            lock.take_in(journal.fileno())
            raw = journal.read()
            repair = Repair(path, _first_damage(raw))
            if repair.damage:
                repair.damage.clear()
                _rebuild(raw, repair)
            return repair
    finally:
        lock.release()


def _first_damage(raw: bytes) -> list[str]:
    """What a reader would refuse in a journal, if anything."""
    chain, book = Chain(), Book({}, keep=False)
    try:
        for line in _LINE.findall(raw):
            if line.endswith(b"\n"):
                book.apply(*chain.read(line))
            elif was_whole(line):
                raise DamageError("is damaged")
    except DamageError as damage:
        return [damage.why]
    return []


def _rebuild(raw: bytes, repair: Repair) -> None:
    lines = _LINE.findall(raw)
    old = next((i for i, line in enumerate(lines) if _BEFORE in line), len(lines))
    entries = _unchecked(lines[:old], lines[old:], repair)
    entries += _in_order(_checked(lines, old, repair), repair)
    result = rebuild(entries)
    if not result.trials:
        raise StoreError(
            f"no trial in {repair.path} can be proved: it was left as it is. Restore it from a copy"
        )
    repair.lost += result.lost
    repair.trials, repair.ended = result.trials, result.ended
    repair.aside = _replace(repair.path, result)


def _replace(path: Path, result: Rebuilt) -> Path:
    """Put the rebuilt journal in place of the damaged one; either is there at any moment."""
    draft = path.with_name(f"{path.name}.{uuid4().hex}")
    try:
        write_journal(draft, result)
        if _first_damage(draft.read_bytes()):
            raise StoreError(
                f"{path} cannot be rebuilt: it was left as it is. Restore it from a copy"
            )
        aside = _kept_aside(path, draft.suffix[1:7])
        os.replace(draft, path)
        sync_folders(path)
    finally:
        draft.unlink(missing_ok=True)
    return aside


def _kept_aside(path: Path, unique: str) -> Path:
    """The damaged file under another name, as a whole or not at all."""
    when = time.strftime("%Y%m%d-%H%M%S")
    aside = path.with_name(f"{path.name}.damaged-{when}-{unique}")
    try:
        os.link(path, aside)
    except OSError:  # A file system without hard links.
        try:
            shutil.copy2(path, aside)
        except OSError:
            aside.unlink(missing_ok=True)
            raise
    return aside


def _unchecked(old: list[bytes], rest: list[bytes], repair: Repair) -> list[Mapping[str, Any]]:
    """What the lines of an older version say, up to the first one that is damaged.

    Raises:
        StoreError: One of them was changed, as the digest after them shows, but not which.
    """
    entries: list[Mapping[str, Any]] = []
    chain, book = Chain(), Book({}, keep=False)
    for number, line in enumerate(old, 1):
        try:
            if not line.endswith(b"\n"):
                raise DamageError("is only a part of a line")
            entry, ours = chain.read(line)
            book.apply(entry, ours)
        except DamageError as damage:
            repair.damage.append(f"line {number} {damage.why}")
            later = len(old) - number
            lines = counted(later, "line")
            repair.lost.append(f"{lines} after it, which no checksum proves to be ours")
            return entries
        entries.append(entry)
    first = whole(rest[0]) if rest else None
    if old and first is not None and first[BEFORE] != chain.link:
        raise StoreError(
            f"one of the lines 1 to {len(old)} of {repair.path}, which carry no checksums, was "
            "changed: it was left as it is. Restore it from a copy"
        )
    return entries


def _checked(lines: list[bytes], place: int, repair: Repair) -> dict[str, Mapping[str, Any]]:
    """The lines from `place` on that are proved, by their digests, in the order of the file."""
    found: dict[str, Mapping[str, Any]] = {}
    while place < len(lines):
        entry = whole(lines[place])
        taken, entries = 1, [entry] if entry is not None else []
        if entry is None:
            taken, entries, verdict = _healed(lines, place)
            repair.damage.append(_sentence(lines[place], place + 1, verdict))
        for one in entries:
            if found.setdefault(one[CHECK], one) is not one:
                repair.damage.append(f"line {place + 1} is there twice")
        place += taken
    return found


def _healed(lines: list[bytes], place: int) -> tuple[int, list[dict[str, Any]], str]:
    """How many lines are taken together, their text before a change, and the verdict."""
    for candidate in _single_changes(lines[place]):
        entries = [whole(line) for line in _LINE.findall(candidate)]
        if all(entries):
            return 1, [entry for entry in entries if entry], _TURNED_BACK
    joined = b"".join(lines[place : place + 2])
    if len(lines[place]) < len(joined):  # The change may have made a line end.
        for candidate in _flipped(joined, [len(lines[place]) - 1]):
            entry = whole(candidate)
            if entry is not None:
                return 2, [entry], _TURNED_BACK
    if found := [entry for entry, _ in proved_within(lines[place])]:
        return 1, found, f"is damaged around {counted(len(found), 'whole line')}"
    return 1, [], "is damaged" if _is_damaged(lines[place]) else "was written by another program"


def _sentence(line: bytes, number: int, verdict: str) -> str:
    trial = trial_on(line)
    about = "" if trial is None else f" (trial {trial})"
    return f"line {number}{about} {verdict}"


def _is_damaged(line: bytes) -> bool:
    try:
        Chain().read(line)
    except DamageError:
        return True
    return False


def _single_changes(line: bytes) -> Iterator[bytes]:
    """The lines that `line` may have been before one bit of it changed."""
    yield line[:-1] + b"\n"
    for joint in _JOINED.finditer(line):
        yield line[: joint.start()] + b"\n" + line[joint.end() :]
    is_ending_whole = _CHECKED_END.search(line) is not None
    if is_ending_whole and len(line) > _LONGEST_HEALED:
        return
    first = 0 if is_ending_whole else max(0, len(line) - _ENDING_BYTES)
    foreign = [found.start() for found in _NEVER_WRITTEN.finditer(line)]
    if len(foreign) < 2:  # else more than one bit changed
        places = foreign or range(len(line))
        yield from _flipped(line, [place for place in places if place >= first])


def _flipped(line: bytes, places: Iterable[int]) -> Iterator[bytes]:
    for place in places:
        for bit in range(8):
            byte = bytes([line[place] ^ 1 << bit])
            if not _NEVER_WRITTEN.match(byte):
                yield line[:place] + byte + line[place + 1 :]


def _in_order(found: dict[str, Mapping[str, Any]], repair: Repair) -> list[Mapping[str, Any]]:
    """The lines of this journal as they were written, without those of others."""
    journals = Counter(entry["worker_id"].partition("-")[0] for entry in found.values())
    own = max(journals, key=journals.__getitem__, default="")
    others = sum(count for journal, count in journals.items() if journal != own)
    if others:
        repair.damage.append(f"{counted(others, 'line')} of another journal left out")
    ours = [e for e in found.values() if e["worker_id"].partition("-")[0] == own]
    after: dict[str, list[Mapping[str, Any]]] = {}
    for entry in ours:
        after.setdefault(entry[BEFORE], []).append(entry)
    known = {entry[CHECK] for entry in ours}
    ordered: list[Mapping[str, Any]] = []
    for head in ours:
        if head[BEFORE] in known:
            continue
        ordered.append(head)
        while ordered[-1][CHECK] in after:
            ordered.append(after.pop(ordered[-1][CHECK])[0])
    kept = {entry[CHECK] for entry in ordered}
    ordered += [entry for entry in ours if entry[CHECK] not in kept]
    gaps = sum(a[CHECK] != b[BEFORE] for a, b in pairwise(ordered))
    if gaps:
        repair.damage.append(f"lines are missing or unreadable in {counted(gaps, 'place')}")
    elif [e[CHECK] for e in ours] != [e[CHECK] for e in ordered]:
        repair.damage.append("lines stood in another order than they were written in")
    return ordered
