"""Checks of a search's arguments, and of which go together."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from raynas.arguments import shown
from raynas.controllers.by_name import make_multi_budget
from raynas.controllers.feasible import FeasibleSpace
from raynas.errors import ConfigurationError
from raynas.redaction import check_no_secret
from raynas.rewards import Reward
from raynas.search.limits import Limits
from raynas.space import Space
from raynas.stopping import Convergence, ImprovementLeft, NoConvergence, StopRule
from raynas.store.search_identity import KEPT
from raynas.tasks import Task
from raynas.tasks.budgeted import BUDGET, budgeted
from raynas.tasks.meters.measured import bounds_of
from raynas.tune.resources import Resources

if TYPE_CHECKING:
    from raynas.search.definition import Search

__all__ = [
    "KEPT",
    "check_again",
    "check_budgets",
    "check_name",
    "check_places",
    "check_roles",
    "check_seed",
    "checked_keep",
    "checked_rules",
    "checked_until",
]

_ROLES = {"task": Task, "resources": Resources, "limits": Limits, "reward": Reward, "full": Task}
_OPTIONAL = ("reward", "full")


def check_roles(search: Search[Any]) -> None:
    """Refuse arguments that are not of their role's class."""
    for argument, role in _ROLES.items():
        value = getattr(search, argument)
        if not isinstance(value, role) and not (value is None and argument in _OPTIONAL):
            raise ConfigurationError(f"{argument}={value!r}: must be a raynas {role.__name__}")


def check_budgets(search: Search[Any]) -> None:
    """Refuse what does not go together with the number of budgets."""
    if len(search.budgets) > 1:
        _check_several_budgets(search)
        return
    if search.learn_from:
        make_multi_budget(search.controller, Space.of(search.space), search.budgets)
    if search.limits.trainings is not None:
        raise ConfigurationError(
            f"limits trainings={search.limits.trainings:g}: without Search(budgets=...) a trial "
            "has no cost in full trainings; give budgets, or limit the trials"
        )


def _check_several_budgets(search: Search[Any]) -> None:
    space, reward = Space.of(search.space), search.reward
    make_multi_budget(search.controller, space, search.budgets)
    budgeted(search.task, search.full)
    if reward is not None and len(reward.objectives) > 1:
        raise ConfigurationError(
            f"budgets: a search over budgets has one objective, and {reward!r} "
            f"has {len(reward.objectives)}"
        )
    _check_bounds_of_lengths(search, space)
    if search.scheduler is not None:
        raise ConfigurationError(
            f"scheduler={search.scheduler!r}: a search over budgets ends no trial early, as its "
            "short trials have schedules of their own; omit scheduler"
        )
    if any(column.path == BUDGET for column in space.columns):
        raise ConfigurationError(f"a field of {space!r} is named {BUDGET!r}: rename it")
    for rule in search.rules or ():
        if isinstance(rule, Convergence | NoConvergence | ImprovementLeft):
            raise ConfigurationError(
                f"rules contains {rule!r}: it compares all rewards, which are of several "
                "budgets; omit it, and limit the search by Limits(trainings=...)"
            )


def _check_bounds_of_lengths(search: Search[Any], space: Space[Any]) -> None:
    """Refuse bounds on what may depend on the length of a training."""
    before = {bound.metric for bound in bounds_of(search.task)}
    rest = [bound for bound in search.bounds if bound.metric not in before]
    free = FeasibleSpace(space, rest, search.task.foreknown).free if rest else ()
    for bound in rest:
        if bound not in free:
            raise ConfigurationError(
                f"budgets: {bound!r} in reward is on a metric that may depend on the length of a "
                "training, and that of a short one would be held to the same limit; where a meter "
                "measures it, give raynas.meters.Measured the bound, as bounds=[...] of the task, "
                "else omit it, or budgets"
            )


def checked_rules(rules: object) -> tuple[StopRule, ...]:
    """`rules` as a tuple of stop rules."""
    if not isinstance(rules, Sequence):
        raise ConfigurationError(f"rules={rules!r}: must be a list or tuple of raynas StopRules")
    for rule in rules:
        if not isinstance(rule, StopRule):
            raise ConfigurationError(f"rules contains {rule!r}: must be a raynas StopRule")
    return tuple(rules)


def checked_keep(keep: object) -> tuple[str, ...]:
    """`keep` as a tuple of names in `KEPT`."""
    groups = (keep,) if isinstance(keep, str) else keep
    if isinstance(groups, Sequence) and all(group in KEPT for group in groups):
        return tuple(groups)
    raise ConfigurationError(f"keep={keep!r}: use some of {', '.join(map(repr, KEPT))}")


def checked_until(names: object) -> tuple[str, ...]:
    """`names` as a tuple of texts."""
    given = (names,) if isinstance(names, str) else names
    if isinstance(given, Sequence) and all(isinstance(name, str) for name in given):
        return tuple(given)
    raise ConfigurationError(f"until={names!r}: must be names of stop rules, such as 'trials'")


def check_seed(seed: object) -> None:
    """Refuse a seed that is not a whole number from 0 on."""
    if not isinstance(seed, int) or isinstance(seed, bool) or seed < 0:
        raise ConfigurationError(f"seed={seed!r}: must be a whole number from 0 on")


def check_again(again: object) -> None:
    """Refuse an `again` that is neither a truth value nor ``"all"``."""
    if not isinstance(again, bool) and not (isinstance(again, str) and again == "all"):
        raise ConfigurationError(f"again={shown(again)}: use True, False or 'all'")


def check_name(name: object) -> None:
    """Refuse a name that is not fit for folders, database keys and generated code."""
    if not isinstance(name, str) or not re.fullmatch(r"[\w.-]+", name) or not name.strip("."):
        raise ConfigurationError(
            f"name={name!r}: use letters, digits, '.', '_' and '-' only, as the name of a folder; "
            "by default it is that of the search file, so rename that, or give another name "
            "(--name)"
        )
    check_no_secret(name)


def check_places(search: Search[Any]) -> None:
    """Refuse a folder or a store that names no place."""
    if not isinstance(search.folder, str | os.PathLike):
        raise ConfigurationError(f"folder={search.folder!r}: must be a path")
    store: object = search.store
    known = store is None or isinstance(store, str | os.PathLike)
    if not known and not hasattr(store, "get_all_trials"):
        raise ConfigurationError(
            f"store={shown(store)}: must be a path, a database URL, an Optuna storage or None"
        )
