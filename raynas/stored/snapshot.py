"""What is stored of a search beside its trials, so that it can be looked at without its code."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from raynas.analysis.saved_results import load, save
from raynas.errors import RaynasError, SpaceError
from raynas.redaction import redacted, shown_url
from raynas.rewards import Reward
from raynas.space import Space
from raynas.space.saved import has_graphs, space_from_json, space_to_json
from raynas.stopping import StopRule
from raynas.store.log import announce
from raynas.stored.plain import to_json

__all__ = ["FILE", "Snapshot", "digests", "read_snapshot", "shown_store", "write_snapshot"]

FILE = "search.json"
_FORMAT = 1  # version of the file


@dataclass(frozen=True)
class Snapshot:
    """A search as it was when it last started.

    Attributes:
        name: Name of the search.
        sources: Digest of each file of the user's code, by its path.
        store: Store of its trials: a file relative to the folder, a path or a URL without its
            password; None where it has no name.
        seed: Seed of the search.
        identity: What else gives its results their meaning.
        space: The space as JSON, from `raynas.space.saved`.
        reward: The reward as JSON, from `raynas.stored.plain`; None for a user's own.
        reward_shown: What the reward prints.
        objectives: Name and mode of each objective, as its user measures it.
        rules: A class name and the data of each stop rule.
        limit: Number of trials at which it ends at the latest.
        reserved: What each trial reserves.
        like_itself: Whether an architecture looks the same without the user's code: prints alike,
            and is not drawn as a graph.
    """

    name: str
    sources: dict[str, str]
    store: str | None
    seed: int
    identity: dict[str, str]
    space: dict[str, Any]
    reward: dict[str, Any] | None
    reward_shown: str
    objectives: list[dict[str, Any]]
    rules: list[tuple[str, dict[str, Any] | None]]
    limit: int
    reserved: dict[str, float]
    like_itself: bool


def write_snapshot(
    folder: Path,
    *,
    name: str,
    sources: Sequence[Path],
    store: object,
    seed: int,
    identity: Mapping[str, str],
    space: Space[Any],
    reward: Reward,
    rules: Sequence[StopRule],
    limit: int,
    reserved: Mapping[str, float],
) -> None:
    """Write what is known of a search to its folder; one that cannot be written to is left.

    A space with a kind of domain that is not raynas's has no such form: then nothing is written,
    and the search is looked at by its file.
    """
    with suppress(OSError, RaynasError):
        form = space_to_json(space)
        found = Snapshot(
            name=name,
            sources=digests(sources),
            store=shown_store(store, folder),
            seed=seed,
            identity={key: redacted(key, text) or text for key, text in identity.items()},
            space=form,
            reward=to_json(reward),
            reward_shown=repr(reward),
            objectives=[asdict(objective) for objective in reward.shown_as],
            rules=[(type(rule).__name__, _cheap(rule)) for rule in rules],
            limit=limit,
            reserved=dict(reserved),
            like_itself=not has_graphs(space) and _prints_alike(space, form),
        )
        try:
            save({"format": _FORMAT, **asdict(found)}, folder / FILE)
        except RaynasError as error:
            announce("%s", error)


def read_snapshot(folder: Path) -> Snapshot | None:
    """What `write_snapshot` wrote; None where there is nothing, or of another version."""
    data = load(folder / FILE)
    if data is None or data.pop("format", None) != _FORMAT:
        return None
    try:
        found = Snapshot(**data)
    except TypeError:
        return None
    return found if _is_whole(found) else None


def _is_whole(found: Snapshot) -> bool:
    """Whether each field is of its type: somebody may have changed the file."""
    return (
        all(isinstance(text, str) for text in (found.name, found.reward_shown))
        and all(map(_is_text_by_name, (found.sources, found.identity)))
        and isinstance(found.store, str | None)
        and all(isinstance(one, int) for one in (found.seed, found.limit, found.like_itself))
        and isinstance(found.space, dict)
        and isinstance(found.reward, dict | None)
        and _all(found.objectives, _is_objective)
        and _all(found.rules, _is_rule)
        and isinstance(found.reserved, dict)
        and all(isinstance(x, int | float) and 0 <= x < 1e9 for x in found.reserved.values())
    )


def _all(values: object, each: Callable[[Any], bool]) -> bool:
    return isinstance(values, list) and all(map(each, values))


def _is_text_by_name(values: object) -> bool:
    return isinstance(values, dict) and all(isinstance(text, str) for text in values.values())


def _is_objective(data: Any) -> bool:
    return (
        isinstance(data, dict)
        and data.keys() == {"name", "mode"}
        and isinstance(data["name"], str)
        and data["mode"] in ("max", "min")
    )


def _is_rule(data: Any) -> bool:
    return (
        isinstance(data, list)
        and len(data) == 2
        and isinstance(data[0], str)
        and isinstance(data[1], dict | None)
    )


def digests(sources: Sequence[Path]) -> dict[str, str]:
    """A digest of each file by its path; those that cannot be read are left out."""
    found = {}
    for path in sources:
        with suppress(OSError):
            found[str(path)] = sha256(path.read_bytes()).hexdigest()
    return found


def _cheap(rule: StopRule) -> dict[str, Any] | None:
    return None if rule.costly else to_json(rule)


def shown_store(store: object, folder: Path) -> str | None:
    """`store` as `Snapshot.store` has it, for a search with the results folder `folder`."""
    if not isinstance(store, str | os.PathLike):
        return None
    if "://" in str(store):
        return shown_url(str(store))
    path = Path(store).absolute()
    return str(path.relative_to(folder) if path.is_relative_to(folder) else path)


def _prints_alike(space: Space[Any], form: Mapping[str, Any]) -> bool:
    """Whether an architecture prints as it does without the methods of its classes."""
    try:
        sample = space.sample(np.random.default_rng(0))
        return repr(space_from_json(form).from_config(space.to_config(sample))) == repr(sample)
    except SpaceError:
        return False
