"""A check: claims about devices, what each promises, and a function that yields what it saw."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

__all__ = ["CHECKS", "Check", "Place", "Row", "Verdict", "check"]

Verdict = Literal["ok", "failed", "figures", "skipped", "not run"]
"""``figures``: measured where nothing can be claimed, such as speed on a stand-in. ``skipped``:
what the claim is about is not there. ``not run``: the check ended, or time was up, before it."""


@dataclass(frozen=True)
class Place:
    """Where checks run.

    Attributes:
        gpu: Whether on a CUDA device; else on the CPU, with a simulated one.
        folder: For files of this check.
        quick: Whether to do no more than the logic needs, as in the test suite.
    """

    gpu: bool
    folder: str
    quick: bool = False

    @property
    def device(self) -> str:
        """The device in torch's words."""
        return "cuda" if self.gpu else "cpu"

    def pick(self, gpu: Any, stand_in: Any, quick: Any = None) -> Any:
        """One of the sizes, by the place; `quick` is that of the stand-in by default."""
        if self.gpu:
            return gpu
        return quick if self.quick and quick is not None else stand_in


@dataclass(frozen=True)
class Row:
    """What a check saw of one claim.

    Attributes:
        claim: Its name.
        verdict: See `Verdict`.
        seen: What was measured, in words.
        data: The figures behind it.
    """

    claim: str
    verdict: Verdict
    seen: str
    data: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def judged(cls, claim: str, holds: bool | None, seen: str, **data: Any) -> Row:
        """A row whose claim holds or does not, or None where it cannot be judged here."""
        verdict: Verdict = "figures" if holds is None else "ok" if holds else "failed"
        return cls(claim, verdict, seen, data)

    def as_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        return asdict(self)


@dataclass(frozen=True)
class Check:
    """A check with its limit.

    Attributes:
        name: What `--only` takes.
        claims: What is promised, by the name of the claim.
        seconds: After which it is ended.
        run: Yields a row for each claim, as soon as it is known.
        alone: Whether nothing else may use the device meanwhile, as it takes times or fills memory.
    """

    name: str
    claims: Mapping[str, str]
    seconds: float
    run: Callable[[Place], Iterator[Row]]
    alone: bool = True


CHECKS: dict[str, Check] = {}


def check(
    seconds: float, *, alone: bool = True, **claims: str
) -> Callable[[Callable[[Place], Iterator[Row]]], Callable[[Place], Iterator[Row]]]:
    """Register a function as the check of its name; `claims` have underscores for spaces."""

    def register(run: Callable[[Place], Iterator[Row]]) -> Callable[[Place], Iterator[Row]]:
        named = {name.replace("_", " "): promise for name, promise in claims.items()}
        CHECKS[run.__name__] = Check(run.__name__, named, seconds, run, alone)
        return run

    return register
