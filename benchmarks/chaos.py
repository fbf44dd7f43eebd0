"""Kill real searches at random, run the same command again, and count what was lost or repeated.

    python benchmarks/chaos.py --minutes 30

Each round is a search of its own, in a process of its own: over a table or of Lightning trainings
(examples/digits.py), with 1, 2 or 8 trials at a time; or a loop that asks and tells without Ray,
which does little else than propose and write. Its driver is killed with SIGKILL, again and
again: at a random moment while it starts, or after some further results and a random moment; or its
workers are. With seed 0 Ray ends with its driver, as on a laptop; with the others it goes on, as in
a cluster. Then come the faults of `benchmarks/chaos_faults.py`, once each. At the end every search
is compared with what was stored before each kill, and where one trial ran at a time with one that
nobody killed.

Other parts of the page are faults without Ray (`benchmarks/chaos_damage.py`), damaged journals
(`benchmarks/chaos_mutations.py`) and threads (`benchmarks/threads.py`). What is found is kept in
`docs/benchmarks/chaos.jsonl`, and not done again; the page is written from all that is kept.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict
from pathlib import Path

from chaos_damage import DAMAGE, inflicted
from chaos_faults import FAULTS, inject
from chaos_kills import Ray, cluster, play
from chaos_mutations import prove_all
from chaos_page import Entry, State, page
from chaos_rounds import Round, loops, rounds
from chaos_site import Whole
from chaos_stores import STORES
from threads import measured

PAGE = Path(__file__).parent.parent / "docs" / "benchmarks" / "chaos.md"
PARTS = ["damage", "mutations", "threads", "loops", "kills", "faults"]


def main() -> None:
    """Do what the state file does not have yet, until the time is over, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=60.0, help="Begin nothing after these.")
    parser.add_argument("--state", type=Path, default=PAGE.with_suffix(".jsonl"))
    parser.add_argument("--out", type=Path, default=PAGE)
    parser.add_argument("--parts", nargs="*", default=PARTS, help=f"Of {', '.join(PARTS)}.")
    parser.add_argument("--stores", nargs="*", default=STORES, help="Of the kills.")
    parser.add_argument("--mutations", type=int, default=5000, help="Damaged journals to judge.")
    options = parser.parse_args()
    state = State(options.state)
    until = time.monotonic() + options.minutes * 60
    for entry in found(options, state, until):
        state.add(entry)
        print(entry, flush=True)
        options.out.write_text(page(state.entries))
    options.out.write_text(page(state.entries))


def found(options: argparse.Namespace, state: State, until: float) -> Iterator[Entry]:
    """What is not known yet, one after the other, of the parts asked for."""
    parts = options.parts
    if "damage" in parts:
        for name in DAMAGE:
            if not state.has(damage=name):
                yield {"damage": name, "message": inflicted(name)}
    if "mutations" in parts and not state.has_any("mutations"):
        yield {"mutations": dict(prove_all(options.mutations))}
    if "threads" in parts:
        for store in STORES:
            if not state.has(threads=store):
                yield {"threads": store, **measured(store, 8, 10_000)}
    faults = [Round("table", 1, fault, 0) for fault in FAULTS if "faults" in parts]
    kinds = ("loops", loops(), nullcontext(Ray("", 0))), ("kills", rounds(), cluster())
    for part, known, ray in kinds:
        wanted = [r for r in known if part in parts and r.store in options.stores]
        wanted += faults if part == "kills" else []
        left = [round_ for round_ in wanted if not state.has(round=asdict(round_))]
        yield from played(left, until, ray)


def played(wanted: list[Round], until: float, rays: AbstractContextManager[Ray]) -> Iterator[Entry]:
    """Play rounds until the time is over, those in a cluster in this Ray."""
    if not wanted:
        return
    with rays as ray, tempfile.TemporaryDirectory(prefix="chaos-") as kept:
        whole = Whole(Path(kept), ray.address)
        for round_ in wanted:
            if time.monotonic() > until:
                return
            with tempfile.TemporaryDirectory(prefix="chaos-") as folder:
                if round_.victim in FAULTS:
                    result = inject(round_, Path(folder), whole)
                else:
                    result = play(round_, Path(folder), ray, whole)
            yield {"round": asdict(round_), "result": asdict(result)}


if __name__ == "__main__":
    main()
