"""Which architectures to export: trials by number, the best within limits, a front's knee."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from raynas.analysis.fronts import bends
from raynas.analysis.full_training import Row, rows_of
from raynas.analysis.units import quantity
from raynas.dominance import knee, non_dominated
from raynas.errors import ConfigurationError
from raynas.full_training.as_network import as_network
from raynas.full_training.best import Best, best_in_search
from raynas.full_training.stage2 import trained_of, weights_file
from raynas.search import Search
from raynas.trials import Completed, History, Trial

__all__ = ["picked"]

_LISTED = 5  # chosen by hand: an error of a few lines
_NO_TRIAL = "no trial of the search has a reward yet: let `raynas search` run first"


def picked(
    search: Search,
    name: str,
    history: History,
    *,
    trials: Sequence[int] = (),
    at_most: Mapping[str, float] | None = None,
    knee: bool = False,
) -> list[Best]:
    """The architectures that are asked for, each once, with their weights where there are any.

    What was trained in full counts by its full trainings. Limits and the knee are looked for among
    the full trainings, or where there are none among the trials of the search.

    Args:
        search: Search that they belong to.
        name: Name that the search runs under.
        history: History of the search.
        trials: Numbers of the search.
        at_most: Limits on metrics, in the metrics' own units: the best within all of them.
        knee: Whether the knee of the front is wanted.

    Raises:
        ConfigurationError: There is no such trial, or it has no reward; nothing is within the
            limits, or nothing measured them; or there is a single objective, and so no knee.
    """
    full, folder = trained_of(search, name)
    known = _SearchFacts(search, name, history, folder, rows_of(full, history), full)
    found = [known.trial(number) for number in trials]
    if at_most:
        found.append(known.within(at_most))
    if knee:
        found.append(known.knee())
    return list({(best.stage, best.full_training, best.trial): best for best in found}.values())


@dataclass(frozen=True)
class _SearchFacts:
    search: Search
    name: str
    history: History
    folder: Path
    rows: Sequence[Row]
    full: History

    def trial(self, number: int) -> Best:
        """What is known of a trial's architecture."""
        if not len(self.history):
            raise ConfigurationError(_NO_TRIAL)
        if not 0 <= number < len(self.history):
            raise ConfigurationError(
                f"trial={number}: the search has the trials 0 to {len(self.history) - 1}"
            )
        tried = self.history[number]
        for row in self.rows:
            if row.architecture == tried.architecture:
                return self._trained(row)
        if tried.reward is None:
            raise ConfigurationError(
                f"trial={number}: it has no reward ({tried.reason or 'it still runs'}), so there "
                "is nothing to export"
            )
        return self._searched(tried)

    def within(self, limits: Mapping[str, float]) -> Best:
        """The best of those within all limits."""
        candidates = self._candidates
        for metric in limits:
            if not any(metric in metrics for _, _, metrics in candidates):
                names = sorted({name for _, _, metrics in candidates for name in metrics})
                raise ConfigurationError(
                    f"at-most {metric}: no trial measured it; use one of {', '.join(names)}"
                )
        inside = [
            (scores, best)
            for best, scores, metrics in candidates
            if all(metrics.get(name, float("inf")) <= limit for name, limit in limits.items())
        ]
        if not inside:
            raise ConfigurationError(f"at-most: nothing is within {self._nearest(limits)}")
        return max(inside, key=lambda pair: pair[0])[1]

    def knee(self) -> Best:
        """The knee of the front."""
        candidates = self._candidates
        if len(candidates[0][1]) < 2:
            raise ConfigurationError(
                "knee: the search has one objective, and no front; omit it, which exports the best"
            )
        front = [candidates[i] for i in non_dominated([scores for _, scores, _ in candidates])]
        points = [scores for _, scores, _ in front]
        if len(set(points)) > 1 and not bends([*dict.fromkeys(points)]):
            shown = "; ".join(f"{best.label} ({best.shown})" for best, _, _ in front[:_LISTED])
            more = f"; and {len(front) - _LISTED} more" if len(front) > _LISTED else ""
            raise ConfigurationError(
                f"knee: the front has none, as no point between its ends is beyond the line "
                f"between them; choose one with --trial or --at-most: {shown}{more}"
            )
        return front[knee(points)][0]

    @property
    def _candidates(self) -> list[tuple[Best, tuple[float, ...], Mapping[str, float]]]:
        """What can be chosen from, with objectives and metrics.

        Raises:
            ConfigurationError: There is nothing yet.
        """
        if self.rows:
            return [(self._trained(row), row.objectives, row.metrics) for row in self.rows]
        found = [
            (self._searched(trial), trial.outcome.objectives, trial.outcome.measurement.metrics)
            for trial in self.history.completed
            if isinstance(trial.outcome, Completed)
        ]
        if not found:
            raise ConfigurationError(_NO_TRIAL)
        return found

    def _nearest(self, limits: Mapping[str, float]) -> str:
        """The limits, and the least that there is of each metric."""
        words = []
        for name, limit in limits.items():
            least = min(metrics[name] for _, _, metrics in self._candidates if name in metrics)
            words.append(f"{name} {quantity(name, limit)} (the least is {quantity(name, least)})")
        return " and ".join(words)

    def _trained(self, row: Row) -> Best:
        number = row.trainings[0]
        path = weights_file(self.folder, number)
        weights = path if path.exists() else None
        return Best(
            *as_network(self.search, row.architecture),
            row.mean,
            2,
            row.search_trial,
            number,
            weights,
            row.objectives,
        )

    def _searched(self, trial: Trial) -> Best:
        return best_in_search(self.search, self.name, trial)
