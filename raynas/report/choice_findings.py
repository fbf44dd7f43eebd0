"""What a report says of choices, computed once for the same trials.

Importance, effects and interactions depend on the completed trials alone, so that a report which is
made again reads them from beside the page.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from raynas import __version__
from raynas.analysis.choice_matrix import Coded
from raynas.analysis.saved_results import load, save
from raynas.errors import RaynasError
from raynas.report.effects import Effect, EffectsModel, Interaction, interactions, main_effect
from raynas.report.importance import importances, supported

__all__ = ["KEPT_AS", "ChoiceFindings", "choice_findings", "keep_findings"]

KEPT_AS = "choices.json"
_EFFECTS = 6  # figures of the most important choices


@dataclass(frozen=True)
class ChoiceFindings:
    """Which choices matter, and how.

    Attributes:
        importances: Importance of each choice that matters, for each method.
        effects: Effects of the most important choices, most important first.
        interactions: Interactions of pairs of these choices, strongest first.
        of: Digest of the trials that they are of; empty where it is not known.
    """

    importances: Mapping[str, Mapping[str, float]]
    effects: tuple[Effect, ...] = ()
    interactions: tuple[Interaction, ...] = ()
    of: str = ""

    @property
    def ranked(self) -> list[str]:
        """The choices that matter, most important first: by fANOVA, where it found any."""
        rank = self.importances.get("fANOVA") or next(iter(self.importances.values()), {})
        return sorted(rank, key=lambda path: -rank[path])

    @property
    def top(self) -> list[str]:
        """The choices that have an effect drawn."""
        return self.ranked[:_EFFECTS]


def choice_findings(
    data: Coded, folder: Path | None = None, known: ChoiceFindings | None = None
) -> ChoiceFindings:
    """The findings of `data`, computed where they are not there already.

    Args:
        data: The completed trials.
        folder: Folder in which `keep_findings` may have kept them.
        known: Earlier findings, which are returned where they are of the same trials.
    """
    key = _key(data)
    if known is not None and known.of == key:
        return known
    found = (_read(folder, key) if folder else None) or _computed(data)
    return replace(found, of=key)


def keep_findings(found: ChoiceFindings, folder: Path) -> None:
    """Keep `found` in `folder`, unless nothing was found or that cannot be written to."""
    if found.importances:
        with suppress(RaynasError):
            save(_listed(asdict(found)), folder / KEPT_AS)


def _computed(data: Coded) -> ChoiceFindings:
    known = supported(data)
    if not known:
        return ChoiceFindings({})
    model = EffectsModel(data)
    found = ChoiceFindings(importances(model.forest, known))
    effects = tuple(main_effect(model, path) for path in found.top)
    return replace(found, effects=effects, interactions=tuple(interactions(model, found.top)))


def _key(data: Coded) -> str:
    """A digest of the trials and of the version that analyzes them."""
    digest = hashlib.sha256(repr((__version__, data.paths, data.labels, data.ordered)).encode())
    digest.update(np.ascontiguousarray(data.codes).tobytes())
    digest.update(np.ascontiguousarray(data.rewards).tobytes())
    return digest.hexdigest()


def _listed(value: Any) -> Any:
    """`value` with lists for arrays."""
    if isinstance(value, dict):
        return {name: _listed(part) for name, part in value.items()}
    if isinstance(value, tuple):
        return [_listed(part) for part in value]
    return value.tolist() if isinstance(value, np.ndarray) else value


def _read(folder: Path, key: str) -> ChoiceFindings | None:
    kept = load(folder / KEPT_AS)
    if kept is None or kept.get("of") != key:
        return None
    with suppress(KeyError, TypeError, ValueError):  # a file that is not as it was written
        return ChoiceFindings(
            {
                method: {path: float(value) for path, value in values.items()}
                for method, values in kept["importances"].items()
            },
            tuple(_effect(**effect) for effect in kept["effects"]),
            tuple(_interaction(**pair) for pair in kept["interactions"]),
        )
    return None


def _effect(path: str, labels: list[str], tried: list[int], **figures: list[float]) -> Effect:
    arrays = {name: np.array(values, dtype=np.float64) for name, values in figures.items()}
    if any(array.shape != (len(labels),) for array in arrays.values()):
        raise ValueError
    return Effect(path, tuple(labels), tried=np.array(tried, dtype=np.int64), **arrays)


def _interaction(
    paths: list[str],
    share: float,
    spread: float,
    labels: list[list[str]],
    expected: list[list[float]],
) -> Interaction:
    (first, second), (rows, columns) = paths, labels
    together = np.array(expected, dtype=np.float64)
    if together.shape != (len(rows), len(columns)):
        raise ValueError
    return Interaction((first, second), share, spread, (tuple(rows), tuple(columns)), together)
