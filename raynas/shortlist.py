"""The shortlist of a search: what is worth training in full, by its history."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any, Literal

import numpy as np

from raynas.errors import ConfigurationError
from raynas.power_scaling import UnitScale
from raynas.space import Space
from raynas.trials import Architecture, History, Stopped, Trial

__all__ = ["Candidate", "Shortlist", "noise_of", "planned", "shortlist", "worth_repeating"]

Why = Literal["best", "front", "duplicate", "below"]


@dataclass(frozen=True)
class Candidate:
    """An architecture with what its trials say about it.

    Attributes:
        architecture: What was tried.
        trials: Numbers of its completed trials.
        score: The reward to be expected of it, with the luck of the draw taken out.
        error: Standard error of `score`.
        why: What it is on the shortlist for, or what keeps it off.
        like: Trial of the better architecture that this one duplicates; None for others.
    """

    architecture: Architecture
    trials: tuple[int, ...]
    score: float
    error: float
    why: Why
    like: int | None = None


@dataclass(frozen=True)
class Shortlist:
    """What to train in full, and what was left out although it scored as high.

    Attributes:
        chosen: Best first.
        dropped: Near-duplicates of better ones, best first.
        next: The best of those below, which a lucky one of the chosen may have displaced.
        noise: Standard deviation of the reward of one architecture from trial to trial.
    """

    chosen: tuple[Candidate, ...]
    dropped: tuple[Candidate, ...]
    next: tuple[Candidate, ...]
    noise: float


def shortlist(
    history: History,
    space: Space[Any],
    count: int = 10,
    *,
    noise: float | None = None,
    apart: int = 1,
) -> Shortlist:
    """The `count` architectures that are worth a full training.

    The best of many noisy rewards is the luckiest as much as the best. So the scores are shrunk
    towards the mean of all architectures, those tried less often more (the empirical Bayes
    estimate of Efron and Morris 1973, "Stein's Estimation Rule and Its Competitors", JASA 68).
    Where the search has several objectives, the trials that no other dominates come first, those
    of the highest reward first. Two architectures are near-duplicates if their graphs do the same
    (`Space.paths`), or if they differ in fewer than `apart` decisions.

    Args:
        history: History of the search.
        space: What its architectures are members of.
        count: How many to choose at most, from 1 on.
        noise: Standard deviation of the reward of one architecture from trial to trial; None to
            estimate it from the architectures that were tried twice, as 0 where none was.
        apart: Decisions in which two of the chosen must differ, from 1 on.

    Raises:
        ConfigurationError: An argument is out of its range.
    """
    for name, value in (("count", count), ("apart", apart)):
        if value < 1:
            raise ConfigurationError(f"{name}={value}: must be at least 1")
    sigma = noise_of(history) if noise is None else noise
    if not sigma >= 0:
        raise ConfigurationError(f"noise={sigma}: must be 0 or above")
    front = {t.number for t in history.front()} if _objectives(history) > 1 else set()
    ranked = sorted(
        _candidates(history, sigma), key=lambda c: (front.isdisjoint(c.trials), -c.score)
    )
    chosen: list[Candidate] = []
    dropped: list[Candidate] = []
    below: list[Candidate] = []
    for candidate in ranked:
        if len(chosen) == count:
            if len(below) == count:
                break
            below.append(candidate)
            continue
        twin = next((c for c in chosen if _alike(space, c, candidate, apart)), None)
        if twin is not None:
            dropped.append(_with(candidate, "duplicate", twin.trials[0]))
        else:
            on_front = not front.isdisjoint(candidate.trials)
            chosen.append(_with(candidate, "front" if on_front else "best"))
    return Shortlist(tuple(chosen), tuple(dropped), tuple(below), sigma)


def noise_of(history: History) -> float:
    """Standard deviation of rewards of the same architecture, pooled; 0 where none came twice."""
    scale = UnitScale.of(history.rewards)
    squares, freedom = 0.0, 0
    for trials in _by_architecture(history):
        rewards = scale([trial.reward or 0.0 for trial in trials])
        squares += float(np.var(rewards)) * len(rewards)
        freedom += len(rewards) - 1
    return scale.restored(math.sqrt(squares / freedom)) if freedom else 0.0


def worth_repeating(listed: Shortlist, price: float) -> Candidate | None:
    """The candidate to try once more in stage 1, before anything is trained in full; or None.

    It is the one, next to the cut between the chosen and the next, of which one more trial is
    expected to gain most: the loss that is expected from its being on the wrong side, in reward,
    as it would shrink (the knowledge gradient of Frazier, Powell and Dayanik 2008, "A
    Knowledge-Gradient Policy for Sequential Information Collection", SIAM J. Control Optim. 47,
    equation 4.6, against the cut). None where that gain is below `price`, and where a Pareto front
    was chosen, whose trials lie on both sides of any score.

    Args:
        listed: The shortlist so far.
        price: What one more trial of stage 1 is worth in reward.
    """
    if not listed.noise or not listed.next or not listed.chosen:
        return None
    if any(candidate.why == "front" for candidate in listed.chosen):
        return None
    cut = (listed.chosen[-1].score + listed.next[0].score) / 2
    gains = [(_gain(c, cut, listed.noise), c) for c in (*listed.chosen, *listed.next)]
    gain, best = max(gains, key=lambda pair: pair[0])
    return best if gain > price else None


def _gain(candidate: Candidate, cut: float, noise: float) -> float:
    """Expected gain of one more trial, by how much it may move the score across the cut."""
    if not candidate.error:
        return 0.0
    moves = candidate.error * (candidate.error / math.hypot(candidate.error, noise))
    far = abs(candidate.score - cut) / moves
    return float(moves * (NormalDist().pdf(far) - far * math.erfc(far / math.sqrt(2)) / 2))


def _candidates(history: History, noise: float) -> Iterator[Candidate]:
    """One for each architecture, with its score shrunk towards the mean of all."""
    groups = list(_by_architecture(history))
    scale = UnitScale.of([*history.rewards, noise])
    means = np.array([np.mean(scale([t.reward or 0.0 for t in trials])) for trials in groups])
    errors = np.array([float(scale(noise)) / math.sqrt(len(trials)) for trials in groups])
    center = float(np.median(means)) if len(means) else 0.0
    spread = max(0.0, float(np.mean((means - center) ** 2 - errors**2))) if len(means) else 0.0
    for trials, mean, error in zip(groups, means, errors, strict=True):
        trust = spread / (spread + error**2) if error else 1.0
        numbers = tuple(trial.number for trial in trials)
        score = scale.restored(center + trust * (float(mean) - center))
        deviation = scale.restored(math.sqrt(trust) * float(error))
        yield Candidate(trials[0].architecture, numbers, score, deviation, "below")


def _by_architecture(history: History) -> list[list[Trial]]:
    groups: dict[Architecture, list[Trial]] = {}
    for trial in history.completed:
        groups.setdefault(trial.architecture, []).append(trial)
    return list(groups.values())


def _objectives(history: History) -> int:
    return len(history.completed[0].objectives or ()) if history.completed else 0


def _alike(space: Space[Any], one: Candidate, other: Candidate, apart: int) -> bool:
    first, second = one.architecture, other.architecture
    if space.distance(first, second) < apart:
        return True
    return space.paths(first) == space.paths(second)


def _with(candidate: Candidate, why: Why, like: int | None = None) -> Candidate:
    return Candidate(
        candidate.architecture, candidate.trials, candidate.score, candidate.error, why, like
    )


def planned(chosen: Sequence[Architecture], seeds: int, history: History) -> list[Architecture]:
    """What is left to train, so that each of `chosen` has `seeds` trials in `history`.

    A first training of each comes before the second of any. Where one was stopped early, its
    architecture is trained no more.
    """
    stopped = {trial.architecture for trial in history if isinstance(trial.outcome, Stopped)}
    had: dict[Architecture, int] = {}
    for trial in history:
        had[trial.architecture] = had.get(trial.architecture, 0) + 1
    return [
        architecture
        for number in range(seeds)
        for architecture in chosen
        if had.get(architecture, 0) <= number and architecture not in stopped
    ]
