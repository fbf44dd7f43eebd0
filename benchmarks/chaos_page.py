"""The page of `benchmarks/chaos.py`, from what was found."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, TypeAlias

__all__ = ["Entry", "State", "page"]

Entry: TypeAlias = dict[str, Any]
"""A line of the state file: one thing that was done and what it came to."""

EARLIER = "earlier"
"""Key of lines that an earlier version of raynas gave; they count until they are done again."""
KINDS = ("round", "damage", "mutations", "threads")
KILLED = ("driver", "worker")
SUMS = ("kills", "lost", "repeated", "unfinished", "failed")
MUST_NOT = (
    "rewards on another architecture",
    "tracebacks",
    "changed by looking",
    "changed by a refusal",
    "refused after a repair",
    "whole results lost by a repair",
)


class State:
    """What was found so far, in a file with a line for each.

    Args:
        path: The file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        lines = path.read_text().splitlines() if path.exists() else []
        self.entries: list[Entry] = [json.loads(line) for line in lines]

    def has(self, **wanted: Any) -> bool:
        """Whether there is a line with these values that is not of an earlier version."""
        return any(
            all(entry.get(key) == value for key, value in wanted.items())
            for entry in self.entries
            if not entry.get(EARLIER)
        )

    def has_any(self, key: str) -> bool:
        """Whether there is a line with this key that is not of an earlier version."""
        return any(key in entry for entry in self.entries if not entry.get(EARLIER))

    def add(self, entry: Entry) -> None:
        """One more line."""
        self.entries.append(entry)
        with self._path.open("a") as file:
            file.write(json.dumps(entry) + "\n")


def page(entries: list[Entry]) -> str:
    """The page, with a section for each kind of line that there is."""
    newer = [_done(entry) for entry in entries if not entry.get(EARLIER)]
    entries = [e for e in entries if not e.get(EARLIER) or _done(e) not in newer]
    sections = [
        _kills([entry for entry in entries if "round" in entry]),
        _damage([entry for entry in entries if "damage" in entry]),
        *(_mutations(entry["mutations"]) for entry in entries if "mutations" in entry),
        _threads([entry for entry in entries if "threads" in entry]),
    ]
    return "\n".join(["# Killed at random", "", *filter(None, sections)])


def _done(entry: Entry) -> object:
    """What a line is about."""
    kind = next(kind for kind in KINDS if kind in entry)
    return kind, entry[kind] if kind != "mutations" else None


def _kills(entries: list[Entry]) -> str:
    groups: dict[tuple[bool, str, str, str, int], list[Entry]] = {}
    for entry in entries:
        round_ = entry["round"]
        fault, store = round_["victim"] not in KILLED, round_.get("store", "journal")
        group = fault, round_["victim"], store, round_["kind"], round_["parallel"]
        groups.setdefault(group, []).append(entry["result"])
    if not groups:
        return ""
    times = {victim: _total(entries, victim) for victim in KILLED}
    faults = sum(entry["round"]["victim"] not in KILLED for entry in entries)
    said = {entry["result"].get("message", "") for entry in entries}
    rows = [
        f"| {kind} | {store} | {parallel} | {victim} | {len(results)} "
        + "".join(f"| {sum(result[name] for result in results)} " for name in SUMS)
        + f"| {_equal(results)} |"
        for (_, victim, store, kind, parallel), results in sorted(groups.items())
    ]
    messages = [
        f"- {entry['round']['victim']}: {entry['result']['message']}"
        for entry in entries
        if entry["result"].get("message")
    ]
    return "\n".join(
        [
            f"{times['driver']} SIGKILLs of drivers, {times['worker']} of workers, and {faults}",
            f"other faults, over {len(entries)} searches, by `benchmarks/chaos.py`. After each end",
            "of a driver the same command was run again. Drivers were killed at a random moment",
            "while they started, or after some further results and a random moment. “Ask and tell”",
            "is a loop without Ray, which does little else than propose and write. Of the other",
            "searches, Ray ended with its driver in those with seed 0 and under other faults, as",
            "on a laptop; else it went on, as in a cluster. Number of the searches that ran with",
            f"an earlier version of raynas: {sum(EARLIER in e for e in entries)}.",
            "",
            "Lost: results that were stored before a kill and not after it. Repeated: trials with",
            "another or a second result. Unfinished: trials without a result at the end. Failed:",
            "trials that ended as failed. Equal: whether decisions and rewards of all the sequence",
            "are those of a search that nobody killed, looked at where one trial ran at a time.",
            "",
            "| search | store | at a time | what was done | searches | times | lost | repeated "
            "| unfinished | failed | equal |",
            "|---|---|---|---|---|---|---|---|---|---|---|",
            *rows,
            "",
            *(["What these searches said last:", "", *messages, ""] if said - {""} else []),
        ]
    )


def _total(entries: list[Entry], victim: str) -> int:
    return sum(e["result"]["kills"] for e in entries if e["round"]["victim"] == victim)


def _equal(results: list[Entry]) -> str:
    """How many of the compared sequences are equal."""
    compared = [result["equal"] for result in results if result["equal"] is not None]
    return f"{sum(compared)} of {len(compared)}" if compared else ""


def _damage(entries: list[Entry]) -> str:
    if not entries:
        return ""
    return "\n".join(
        [
            "## Faults and what is said of them",
            "",
            "Each once, by `benchmarks/chaos_damage.py`, with a search whose rewards tell their",
            "architecture: none stood on another one, and but for what a message names, none was",
            "lost. After an arrow: what `raynas repair` says.",
            "",
            "| fault | message |",
            "|---|---|",
            *(f"| {e['damage']} | {e['message'].replace('|', ' ')} |" for e in entries),
            "",
        ]
    )


def _mutations(counts: dict[str, int]) -> str:
    refused, loaded = counts.get("refused", 0), counts.get("loaded", 0)
    return "\n".join(
        [
            "## Damaged journals",
            "",
            f"{refused + loaded:,} journals with a bit turned, a line deleted, doubled, exchanged, "
            "cut, of",
            "another search, or with a block of zeros, by `benchmarks/chaos_mutations.py`:",
            f"{refused:,} were refused with the place of the damage and repaired",
            f"with `raynas repair`, but for {counts.get('beyond repair', 0)} of which nothing was "
            "left;",
            f"{loaded} had lost nothing but their end.",
            "",
            "| what must not be | times |",
            "|---|---|",
            *(f"| {what} | {counts.get(what, 0)} |" for what in MUST_NOT),
            "",
        ]
    )


def _threads(entries: list[Entry]) -> str:
    if not entries:
        return ""
    return "\n".join(
        [
            "## Threads",
            "",
            "`benchmarks/threads.py`: 8 threads ask and tell one `AskTell`, then the store is",
            "opened again.",
            "",
            "| store | asked and told | lost | changed | given out twice |",
            "|---|---|---|---|---|",
            *(
                f"| {e['threads']} | {e['told']:,} | {e['lost']} | {e['changed']} | {e['twice']} |"
                for e in entries
            ),
            "",
        ]
    )
