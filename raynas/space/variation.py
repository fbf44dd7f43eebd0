"""Variation operators of evolutionary search (neighbors, mutation, crossover), and distance."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

import numpy as np

from raynas.errors import SpaceError
from raynas.space.decisions import Decision, Decisions
from raynas.space.options import Answer, Options
from raynas.space.traversal import completions
from raynas.space.uniform_draws import uniforms

__all__ = ["crossover", "distance", "mutate", "neighbors"]

A = TypeVar("A")

_MISSING = object()


def distance(decisions: Decisions[A], first: A, second: A) -> int:
    """See `raynas.space.Space.distance`."""
    one, other = decisions.answers(first), decisions.answers(second)
    return sum(one.get(p, _MISSING) != other.get(p, _MISSING) for p in one.keys() | other)


def neighbors(decisions: Decisions[A], architecture: A) -> Iterator[A]:
    """See `raynas.space.Space.neighbors`."""
    taken = decisions.answers(architecture)
    for path, options, answer in list(decisions.trace(architecture)):
        for other in options.others(answer):
            yield from completions(decisions.build, {**taken, path: other})


def mutate(decisions: Decisions[A], architecture: A, rng: np.random.Generator) -> A:
    """See `raynas.space.Space.mutate`."""
    trace = decisions.recent(architecture)
    if not trace:
        name = decisions.domain.cls.__name__
        raise SpaceError(f"{name} has a single architecture: nothing to mutate")
    taken = {step[0]: step for step in trace}
    uniform = uniforms(rng)

    def mutant() -> A:
        path, options, answer = trace[int(uniform() * len(trace))]
        known = {**taken, path: (path, options, options.change(answer, uniform))}.get
        steps: list[Decision] = []

        def decide(path: str, options: Options) -> Answer:
            step = known(path)
            if step is None:
                step = path, options, options.draw(uniform)
            steps.append(step)
            return step[2]

        made = decisions.build(decide)
        decisions.recent.keep(made, steps)
        return made

    return decisions.first_feasible(mutant)


def crossover(decisions: Decisions[A], mother: A, father: A, rng: np.random.Generator) -> A:
    """See `raynas.space.Space.crossover`."""
    parents = (decisions.answers(mother), decisions.answers(father))
    uniform = uniforms(rng)

    def inherit(path: str, options: Options) -> Answer:
        del options
        having = [parent for parent in parents if path in parent]
        return having[int(uniform() * len(having))][path]

    try:
        return decisions.first_feasible(lambda: decisions.build(inherit))
    except SpaceError:
        return mother
