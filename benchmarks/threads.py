"""Ask and tell one search from many threads, on three stores, and count what was lost.

    python benchmarks/threads.py --threads 8 --trials 10000 --stores journal sqlite postgresql

Each thread asks and tells until so many trials are told. Then the store is opened again: every
number must be there once, with the architecture that was given out under it and the reward that was
told for it.
"""

from __future__ import annotations

import argparse
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from chaos_stores import STORES, database

from raynas.asktell import AskTell
from raynas.space import integer, repeat, searchable


@searchable
class Wide:
    """An architecture."""

    widths: tuple[int, ...] = repeat(integer(0, 99), 6)


def reward(architecture: Wide) -> float:
    """What is told for an architecture."""
    return float(sum(width * (index + 1) for index, width in enumerate(architecture.widths)))


def play(store: str, threads: int, trials: int) -> dict[int, Wide]:
    """Ask and tell; what was given out, by number, with those given out twice under -1."""
    given: dict[int, Wide] = {}
    lock = threading.Lock()
    left = iter(range(trials))

    def work(_: int) -> None:
        while True:
            with lock:
                if next(left, None) is None:
                    return
            proposal = search.ask()
            if proposal is None:
                raise SystemExit("the space is exhausted")
            with lock:
                given[-1 if proposal.number in given else proposal.number] = proposal.architecture
            search.tell(proposal.number, reward(proposal.architecture))

    with AskTell(Wide, "random", store=store) as search, ThreadPoolExecutor(threads) as pool:
        list(pool.map(work, range(threads)))
    return given


def judged(store: str, given: dict[int, Wide]) -> dict[str, int]:
    """How the store compares with what was given out and told."""
    with AskTell(Wide, "random", store=store, read_only=True) as search:
        known = {trial.number: trial for trial in search.history}
    return {
        "told": len(given),
        "lost": sum(n not in known or known[n].reward is None for n in given),
        "changed": sum(
            n in known and (known[n].architecture, known[n].reward) != (a, reward(a))
            for n, a in given.items()
        ),
        "twice": int(-1 in given),
        "too many": sum(n not in given for n in known),
    }


def measured(kind: str, threads: int, trials: int) -> dict[str, Any]:
    """Play on one store."""
    with tempfile.TemporaryDirectory(prefix="threads-") as name, database(kind, Path(name)) as url:
        store = url or str(Path(name, "journal.log"))
        begin = time.monotonic()
        given = play(store, threads, trials)
        seconds = time.monotonic() - begin
        return {"store": kind, **judged(store, given), "seconds": round(seconds, 1)}


def main() -> None:
    """Play on each store, and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=8)
    parser.add_argument("--trials", type=int, default=10_000)
    parser.add_argument("--stores", nargs="+", default=STORES)
    options = parser.parse_args()
    for kind in options.stores:
        print(measured(kind, options.threads, options.trials), flush=True)


if __name__ == "__main__":
    main()
