"""Damage journals in every way that a line can be, and see that no reward moves.

    python benchmarks/chaos_mutations.py 5000

Each damaged journal is opened to look, opened to write, and where it is refused repaired and opened
again. Counted are rewards on another architecture, errors that are none of raynas's own, files that
looking or refusing changed, and results that a repair lost although their line was whole.
"""

from __future__ import annotations

import random
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from raynas.asktell import AskTell
from raynas.errors import RaynasError
from raynas.store.repair import repair_journal
from raynas.testing import ToyNet

TRIALS, AT_ONCE = 24, 3
Lines = list[bytes]
Truth = dict[int, tuple[object, float]]
CHUNK = 500


def flip(rng: random.Random, lines: Lines, other: Lines) -> None:
    """One bit of one line."""
    place = rng.randrange(len(lines))
    line = bytearray(lines[place])
    line[rng.randrange(len(line))] ^= 1 << rng.randrange(8)
    lines[place] = bytes(line)


def delete(rng: random.Random, lines: Lines, other: Lines) -> None:
    """A line is gone."""
    del lines[rng.randrange(len(lines))]


def double(rng: random.Random, lines: Lines, other: Lines) -> None:
    """A line is there twice."""
    lines.insert(rng.randrange(len(lines) + 1), rng.choice(lines))


def swap(rng: random.Random, lines: Lines, other: Lines) -> None:
    """Two lines are exchanged."""
    one, two = rng.sample(range(len(lines)), 2)
    lines[one], lines[two] = lines[two], lines[one]


def cut(rng: random.Random, lines: Lines, other: Lines) -> None:
    """The end of a line is gone, with its line end or without."""
    place = rng.randrange(len(lines))
    kept = lines[place][: rng.randrange(len(lines[place]))]
    lines[place] = kept + rng.choice((b"", b"\n"))


def insert(rng: random.Random, lines: Lines, other: Lines) -> None:
    """A line of another search is among them."""
    lines.insert(rng.randrange(len(lines) + 1), rng.choice(other))


def exchange(rng: random.Random, lines: Lines, other: Lines) -> None:
    """The line of another search stands in the place of one."""
    place = rng.randrange(len(lines))
    lines[place] = other[min(place, len(other) - 1)]


def block(rng: random.Random, lines: Lines, other: Lines) -> None:
    """A block of zeros, as a disk may give back, over parts of some lines."""
    raw = bytearray(b"".join(lines))
    start = rng.randrange(len(raw))
    end = min(len(raw), start + 4096)
    raw[start:end] = bytes(end - start)
    lines[:] = [bytes(raw)]


MUTATIONS: tuple[Callable[[random.Random, Lines, Lines], None], ...] = (
    flip,
    delete,
    double,
    swap,
    cut,
    insert,
    exchange,
    block,
)


def search_at(path: Path, seed: int, read_only: bool = False) -> AskTell[ToyNet]:
    """The search that all this is about."""
    return AskTell(ToyNet, "random", seed=seed, store=path, read_only=read_only)


def played(path: Path, seed: int) -> Truth:
    """Run a search, three trials at a time; each reward, and whose it is."""
    with search_at(path, seed) as search:
        running: list[int] = []
        for count in range(TRIALS):
            proposal = search.ask()
            running.append(proposal.number if proposal else -1)
            if len(running) == AT_ONCE:
                number = running.pop(count % AT_ONCE)
                search.tell(number, number + 0.5)
        return {t.number: (t.architecture, t.reward) for t in search.history if t.reward}


def judged(path: Path, truth: Truth, counts: Counter[str], read_only: bool) -> int | None:
    """Open a journal; how many results it has, or None where it is refused."""
    try:
        with search_at(path, 0, read_only) as search:
            known = [trial for trial in search.history if trial.reward is not None]
    except RaynasError:
        return None
    except Exception as error:
        counts["tracebacks"] += 1
        print(f"{type(error).__name__}: {error}")
        return None
    counts["rewards on another architecture"] += sum(
        truth.get(trial.number) != (trial.architecture, trial.reward) for trial in known
    )
    return len(known)


def damaged_once(path: Path, whole: bytes, truth: Truth, counts: Counter[str]) -> None:
    """Judge one damaged journal, which is at `path`."""
    raw = path.read_bytes()
    results = judged(path, truth, counts, read_only=True)
    counts["changed by looking"] += path.read_bytes() != raw
    counts["refused" if results is None else "loaded"] += 1
    if results is not None:
        return
    judged(path, truth, counts, read_only=False)
    counts["changed by a refusal"] += path.read_bytes() != raw
    try:
        done = repair_journal(path)
    except RaynasError:
        counts["beyond repair"] += 1
        return
    counts["not kept aside"] += done.aside is None or done.aside.read_bytes() != raw
    after = judged(path, truth, counts, read_only=False)
    if after is None:
        counts["refused after a repair"] += 1
        return
    lines = [line for line in whole.splitlines() if b'"user_attr":{"outcome"' in line]
    there = sum(line in raw for line in lines)
    counts["whole results lost by a repair"] += max(0, there - after)


def prove(count: int, seed: int) -> Counter[str]:
    """Judge `count` damaged journals, each kind of damage in turn."""
    rng = random.Random(seed)
    counts: Counter[str] = Counter()
    with tempfile.TemporaryDirectory(prefix="mutations-") as folder:
        first, second = Path(folder, "first.log"), Path(folder, "second.log")
        truth = played(first, 0)
        played(second, 1)
        whole, other = first.read_bytes(), second.read_bytes().splitlines(keepends=True)
        for number in range(count):
            lines = whole.splitlines(keepends=True)
            MUTATIONS[number % len(MUTATIONS)](rng, lines, other)
            path = Path(folder, f"{number}.log")
            path.write_bytes(b"".join(lines))
            if path.read_bytes() != whole:
                damaged_once(path, whole, truth, counts)
            for left in Path(folder).glob(f"{number}.log*"):
                left.unlink()
    return counts


def prove_all(count: int) -> Counter[str]:
    """Judge `count` damaged journals of several searches."""
    total: Counter[str] = Counter()
    for seed in range(0, count, CHUNK):
        total.update(prove(min(CHUNK, count - seed), seed))
        print(seed, dict(total), flush=True)
    return total


def main() -> None:
    """Judge as many damaged journals as the command line says."""
    prove_all(int(sys.argv[1]) if len(sys.argv) > 1 else 5000)


if __name__ == "__main__":
    main()
