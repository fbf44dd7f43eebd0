"""The searches that `benchmarks/chaos.py` kills, and what is counted of each."""

from __future__ import annotations

from dataclasses import dataclass

from chaos_stores import STORES

ASKTELL = "ask and tell"


@dataclass(frozen=True)
class Round:
    """A search to kill.

    Attributes:
        kind: ``"table"``, ``"lightning"``, or ``"ask and tell"`` for the loop without Ray.
        parallel: Trials at a time.
        victim: ``"driver"``, ``"worker"`` or the name of another fault.
        seed: Of the moments.
        store: ``"journal"``, ``"sqlite"`` or ``"postgresql"``.
    """

    kind: str
    parallel: int
    victim: str
    seed: int
    store: str = "journal"

    @property
    def trials(self) -> int:
        """How many trials the search has."""
        return {"lightning": 12, "table": 120, ASKTELL: 600}[self.kind]

    @property
    def kills(self) -> int:
        """How often it is killed."""
        return {"lightning": 3, "table": 9, ASKTELL: 20}[self.kind]

    @property
    def in_cluster(self) -> bool:
        """Whether Ray goes on when its driver is killed."""
        return self.seed > 0


@dataclass
class Result:
    """What a round found: kills, and how many results were lost, changed or asked twice."""

    kills: int = 0
    lost: int = 0
    repeated: int = 0
    unfinished: int = 0
    failed: int = 0
    equal: bool | None = None
    message: str = ""


def rounds() -> list[Round]:
    """All rounds, mixed, so that any part is a sample; those with Rays of their own come last."""
    found = []
    for seed in (1, 0, 2, 3, 4):
        found.append(Round("table", 1, "driver", seed))
        if seed in (1, 2, 3, 4):
            found.append(Round("table", 2, "driver", seed))
        if seed in (1, 2):
            found.append(Round("table", 8, "driver", seed))
            found.append(Round("table", 2, "worker", seed))
            found.append(Round("lightning", seed, "driver", seed))
        if seed == 3:
            found.append(Round("table", 8, "worker", seed))
            found.append(Round("lightning", 8, "driver", seed))
    for kind in ("postgresql", "sqlite"):
        found += [Round("table", 1, "driver", seed, kind) for seed in (1, 0)]
        found += [Round("table", 2, "driver", seed, kind) for seed in (2, 3)]
        found.append(Round("table", 8, "driver", 1, kind))
        found.append(Round("table", 2, "worker", 1, kind))
        found.append(Round("lightning", 2, "driver", 1, kind))
    return sorted(found, key=lambda round_: not round_.in_cluster)


def loops() -> list[Round]:
    """The rounds without Ray."""
    return [Round(ASKTELL, 1, "driver", seed, store) for seed in (1, 2, 3) for store in STORES]
