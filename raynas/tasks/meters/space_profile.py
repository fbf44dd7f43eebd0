"""What the architectures of a space cost: a sample of it, profiled."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from raynas.association import LEVEL, chances
from raynas.errors import SpaceError, TaskError, in_a_line
from raynas.space import Space
from raynas.tasks.base import Task
from raynas.tasks.example_input import build_of, example_of
from raynas.tasks.meters.profile import Profile, profile
from raynas.tasks.network_building import Build, built
from raynas.trials import Architecture

if TYPE_CHECKING:
    from raynas.tasks.meters.profile import Inputs

__all__ = ["Figure", "SpaceProfile", "profile_space"]

Figure: TypeAlias = Literal["parameters", "flops", "activation_bytes"]
_GROUPS = 10  # deciles


@dataclass(frozen=True)
class SpaceProfile:
    """What a sample of a space costs.

    Attributes:
        space: The space.
        whole: Whether the sample is all of it.
        baseline: The baseline's profile; None where the space has none, or it cannot be run.
        baseline_error: Why it cannot be run.
        profiles: Each architecture that could be built and run, with its profile.
        errors: Each that could not, with its error.
        example: What the networks were given.
    """

    space: Space[Any]
    whole: bool
    baseline: Profile | None
    baseline_error: str | None
    profiles: tuple[tuple[Architecture, Profile], ...]
    errors: tuple[tuple[Architecture, str], ...]
    example: Any = None

    def share_within(
        self, max_parameters: float | None = None, max_flops: float | None = None
    ) -> float:
        """Share of the sample that meets the limits.

        What cannot be built meets none, and what cannot be counted whole meets none on FLOPs.
        """
        met = sum(
            (max_parameters is None or found.parameters <= max_parameters)
            and (max_flops is None or (found.flops <= max_flops and not found.uncounted))
            for _, found in self.profiles
        )
        return met / (len(self.profiles) + len(self.errors))

    @property
    def uncounted(self) -> tuple[tuple[str, int], ...]:
        """Operations that the FLOPs leave out, with the number of profiles they occur in."""
        names = Counter(name for _, found in self.profiles for name in found.uncounted)
        return tuple(names.most_common())

    def influence(self, figure: Figure) -> tuple[tuple[str, float], ...]:
        """How much of the variance of `figure` each decision explains by itself, most first.

        A share from 0 to 1 a column of the space. The architectures that have the column are
        grouped by its value; the share is the sum of squares between these groups, less what as
        many random groups would have, over the sum of squares of all architectures (epsilon
        squared: Kelley 1935, "An unbiased correlation ratio measure"). So whether an optional part
        is there counts for the decision on it, not for those within. Numbers of many values are
        cut into ten groups of equal count. Shares need not add up to 1, as decisions act together.
        In a sample, a decision that explains no more than noise does has 0; see
        `raynas.association.chances`.
        """
        values = np.array([getattr(found, figure) for _, found in self.profiles], dtype=float)
        configs = [self.space.to_config(architecture) for architecture, _ in self.profiles]
        paths = [column.path for column in self.space.columns]
        groups = np.array([_groups(path, configs) for path in paths]).reshape(len(paths), -1)
        noise = np.zeros(len(paths)) if self.whole else chances(groups.T, values) >= LEVEL
        shares = {
            path: 0.0 if by_chance else _explained(values, codes)
            for path, codes, by_chance in zip(paths, groups, noise, strict=True)
        }
        return tuple(sorted(shares.items(), key=lambda item: -item[1]))

    def error_groups(self) -> tuple[tuple[str, int, Architecture], ...]:
        """Each kind of error, how often it occurred and its first architecture; most first.

        Errors that differ in numbers only are of a kind, and shown as the first of them.
        """
        kinds = [re.sub(r"\d+", "0", error) for _, error in self.errors]
        groups = []
        for kind, count in Counter(kinds).most_common():
            architecture, error = self.errors[kinds.index(kind)]
            groups.append((error, count, architecture))
        return tuple(groups)


def profile_space(
    space: type[Any] | Space[Any],
    example_input: Inputs | None = None,
    *,
    task: Task | None = None,
    samples: int = 200,
    seed: int = 0,
    latency_on: str | None = None,
    progress: Callable[[int], None] | None = None,
) -> SpaceProfile:
    """Profile the baseline and a seeded sample of `space`, or all of it where it is smaller.

    Args:
        space: A searchable class, or its `Space`.
        example_input: What a network takes, as a batch of one; see `raynas.tasks.meters.profile`.
        task: Gives the example where none is given, and networks where classes have no `build`.
        samples: How many architectures.
        seed: Seed of the sample.
        latency_on: A device to measure latency on; None not to.
        progress: Called with the number of architectures done.

    Raises:
        TaskError: There is no example, no network can be made, or `samples` is below 1.
    """
    if samples < 1:
        raise TaskError(f"samples={samples}: must be at least 1")
    if example_input is None and task is None:
        raise TaskError("example_input=None: give what a network takes, or a task that has it")
    space = Space.of(space)
    if task is not None and example_input is None:
        example_input = example_of(task)
    run = _Run(example_input, latency_on, build_of(task) if task is not None else built)
    whole = space.size <= samples
    rng = np.random.default_rng(seed)
    sample = space.enumerate() if whole else (space.sample(rng) for _ in range(samples))
    found: list[tuple[Any, Profile | str]] = []
    for architecture in sample:
        found.append((architecture, run(architecture)))
        if progress is not None:
            progress(len(found))
    profiles = tuple((a, one) for a, one in found if isinstance(one, Profile))
    errors = tuple((a, one) for a, one in found if isinstance(one, str))
    return SpaceProfile(space, whole, *_baseline(space, run), profiles, errors, example_input)


@dataclass(frozen=True)
class _Run:
    """Profiles an architecture; gives its error as text where it has one."""

    example_input: Any
    latency_on: str | None
    build: Build

    def __call__(self, architecture: Architecture) -> Profile | str:
        try:
            return profile(
                architecture, self.example_input, latency_on=self.latency_on, build=self.build
            )
        except TaskError:
            raise
        except Exception as error:
            return in_a_line(error)


def _baseline(space: Space[Any], run: _Run) -> tuple[Profile | None, str | None]:
    """The baseline's profile, or why it has none; neither where there is no baseline."""
    try:
        architecture = space.baseline
    except SpaceError:
        return None, None
    found = run(architecture)
    return (found, None) if isinstance(found, Profile) else (None, found)


def _groups(path: str, configs: list[dict[str, Any]]) -> NDArray[np.int64]:
    """A group for each of `configs`, by its value at `path`; -1 where it has none."""
    present = [config[path] for config in configs if path in config]
    cut: Callable[[Any], Any] = repr
    if len(set(present)) > _GROUPS and all(isinstance(value, int | float) for value in present):
        edges = np.quantile(present, np.linspace(0, 1, _GROUPS + 1)[1:-1])
        cut = partial(np.searchsorted, edges)
    number = {key: i for i, key in enumerate(dict.fromkeys(map(cut, present)))}
    groups = [number[cut(config[path])] if path in config else -1 for config in configs]
    return np.array(groups, dtype=np.int64)


def _explained(values: NDArray[np.float64], groups: NDArray[np.int64]) -> float:
    """Share of the sum of squares of `values` that `groups` explain, at least 0."""
    active, groups = values[groups >= 0], groups[groups >= 0]
    of_group = np.bincount(groups)
    total = float(((values - values.mean()) ** 2).sum()) if len(values) else 0.0
    if total == 0 or not 1 < len(of_group) < len(active):
        return 0.0
    means = np.bincount(groups, active) / of_group
    within = float(((active - means[groups]) ** 2).sum())
    between = float(((active - active.mean()) ** 2).sum()) - within
    by_chance = (len(of_group) - 1) * within / (len(active) - len(of_group))
    return max(0.0, (between - by_chance) / total)
