"""What stored searches found, read without their spaces, for a search that learns from them."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from optuna.storages import BaseStorage

from raynas.arguments import shown
from raynas.controllers.earlier_search import EarlierSearch, EarlierTrial
from raynas.controllers.observations import observations
from raynas.errors import ConfigurationError, StoreError
from raynas.redaction import shown_url
from raynas.space import Space
from raynas.space.options import Scalar
from raynas.store.checksum_chain import DamageError
from raynas.store.journal import JournalLedger
from raynas.store.optuna_ledger import Ledger, OptunaLedger, StoredTrial
from raynas.store.outcome_digest import ARCHITECTURE, BUDGET, OUTCOME, read_outcome
from raynas.store.reruns import rows_of
from raynas.store.store_url import is_database
from raynas.store.study_opening import REJUDGED
from raynas.trials import History, Trial

__all__ = ["earlier_searches"]

_SNAPSHOT, _JOURNAL = "search.json", "journal.log"


def earlier_searches(given: object) -> tuple[EarlierSearch, ...]:
    """What is meant by ``learn_from``.

    Args:
        given: A list of searches, each by its results folder, its journal file, its database URL
            or Optuna storage; by a pair of one of these and its name, where a store has several;
            or as an object with its ``space`` and ``history``, such as a `SearchResult`.

    Raises:
        ConfigurationError: It is something else, or a search has several objectives.
        StoreError: There is no such search, or it cannot be read.
    """
    if isinstance(given, str | bytes) or not isinstance(given, Sequence):
        raise ConfigurationError(f"learn_from={shown(given)}: must be a list of searches")
    return tuple(map(_earlier_search, given))


def _earlier_search(place: Any) -> EarlierSearch:
    if isinstance(place, EarlierSearch):
        return place
    if isinstance(getattr(place, "history", None), History):
        return _of_history(place.space, place.history)
    where, name = place if isinstance(place, tuple) and len(place) == 2 else (place, None)
    if isinstance(where, str | os.PathLike) and not is_database(str(where)):
        path = Path(where).expanduser()
        if path.is_dir():
            where, name = _in_folder(path, name)
    elif not isinstance(where, str | BaseStorage):
        raise ConfigurationError(
            f"learn_from has {shown(place)}: give results folders or stores of searches"
        )
    ledger = _opened(where)
    try:
        return _read(ledger, shown_url(str(where)) or shown(where), name)
    except DamageError as damage:
        raise StoreError(f"learn_from={str(where)!r}: trial {damage.trial} {damage}") from None
    finally:
        ledger.close()


def _of_history(space: Space[Any], history: History) -> EarlierSearch:
    configs = [space.to_config(trial.architecture) for trial in history]
    return _found(space.root.__name__, history, configs)


def _found(name: str, history: History, configs: Sequence[Mapping[str, Scalar]]) -> EarlierSearch:
    """What the trials of a history found, whose decisions are in `configs`."""
    trials = [
        EarlierTrial(configs[trial.number], float(trial.reward), trial.budget)
        for trial in history.completed
        if trial.reward is not None
    ]
    seen = observations(history) if history.stopped else ()
    ranked = [EarlierTrial(configs[one.number], one.score) for one in seen]
    early = any(one.steps is not None for one in seen)
    return EarlierSearch(name, tuple(trials), tuple(ranked) if early else ())


def _in_folder(path: Path, name: str | None) -> tuple[str | Path, str | None]:
    """The store of the search in a results folder, and its name there."""
    try:
        noted = json.loads((path / _SNAPSHOT).read_text())
        store, name = noted["store"], name or noted["name"]
    except (OSError, ValueError, KeyError, TypeError):
        store = _JOURNAL
    if not (isinstance(store, str) and ("://" in store or (path / store).is_file())):
        inside = sorted(str(entry.parent) for entry in path.glob(f"*/{_JOURNAL}"))
        fix = f"give one of {', '.join(inside)}" if inside else "give its store instead"
        raise StoreError(f"learn_from={str(path)!r}: this folder has no search of raynas; {fix}")
    return (store if "://" in store else path / store), name


def _opened(where: Any) -> Ledger:
    if isinstance(where, BaseStorage):
        return OptunaLedger(where, {}, repr(where))
    if is_database(str(where)):
        from raynas.store.database import open_database  # loads SQLAlchemy

        return OptunaLedger(open_database(str(where)), {}, shown_url(str(where)), True, 0.0)
    return JournalLedger(Path(where), {}, read_only=True)


def _read(ledger: Ledger, where: str, name: str | None) -> EarlierSearch:
    names = ledger.names()
    if name is None and len(names) != 1:
        listed = ", ".join(map(repr, names)) or "none"
        raise StoreError(
            f"learn_from={where!r}: it has the searches {listed}; give a pair of store and name"
        )
    name = names[0] if name is None else name
    study = ledger.find(name)
    if study is None:
        raise StoreError(f"learn_from={where!r}: it has no search named {name!r}")
    if study.objectives != 1:
        raise ConfigurationError(
            f"learn_from={where!r}: {name!r} has several objectives; give searches of one"
        )
    if study.attrs.get(REJUDGED):
        raise ConfigurationError(
            f"learn_from={where!r}: the reward of {name!r} has changed since its trials were "
            "stored; give the result of its `Search.run()` instead, which has the new rewards"
        )
    records = ledger.records(study)
    rows = rows_of(records)
    found = [_trial(number, row, records[row]) for number, row in enumerate(rows)]
    return _found(name, History(found), [trial.architecture for trial in found])


def _trial(number: int, row: int, record: StoredTrial) -> Trial:
    """A stored trial, with its decisions in place of its architecture."""
    data = record.attrs.get(OUTCOME)
    if not data:
        return Trial(number, record.params)
    config, budget = data.get(ARCHITECTURE, record.params), data.get(BUDGET, 1.0)
    outcome, ended = read_outcome(data, row, config, budget)
    return Trial(number, config, outcome, ended=ended, budget=budget)
