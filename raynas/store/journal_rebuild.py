"""Rebuilding a journal from the lines that are proved, every trial under its number."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

from optuna.distributions import BaseDistribution, distribution_to_json, json_to_distribution
from optuna.trial import TrialState

from raynas.store.checksum_chain import BEFORE, CHECK, Chain
from raynas.store.folder_sync import sync_folders
from raynas.store.journal_state import (
    CREATE_STUDY,
    CREATE_TRIAL,
    DELETE_STUDY,
    IDENTITY,
    MAXIMIZE,
    STATE,
    STUDY_ATTR,
    TRIAL_ATTR,
)
from raynas.store.outcome_digest import ARCHITECTURE, BUDGET, ENDED, OUTCOME, outcome_record
from raynas.trials import Stopped, Trial
from raynas.wording import counted

__all__ = ["Rebuilt", "kept_history", "rebuild", "write_journal"]

_LOST = "raynas repair: its record is lost"
Entry = Mapping[str, Any]


@dataclass
class Rebuilt:
    """The lines of a rebuilt journal, what is missing in it, and how many trials it has."""

    entries: list[dict[str, Any]] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    trials: int = 0
    ended: int = 0


@dataclass
class _Trial:
    """What is known about a trial: its proposal, its outcome, and its other lines."""

    proposal: Entry | None = None
    outcome: Mapping[str, Any] | None = None
    lines: list[Entry] = field(default_factory=list)


@dataclass
class _Study:
    """What is known about a study, with the distributions of its parameters as JSON texts."""

    name: str | None = None
    directions: list[int] = field(default_factory=lambda: [MAXIMIZE])
    attrs: dict[str, Any] = field(default_factory=dict)
    trials: dict[int, _Trial] = field(default_factory=dict)
    distributions: dict[str, str] = field(default_factory=dict)


def rebuild(entries: list[Entry]) -> Rebuilt:
    """The journal that `entries` prove, in the order in which they were written.

    A trial whose proposal is lost is taken from its outcome. One that is lost altogether, with
    trials after it, stands as stopped, with the architecture of a trial beside it, so that all
    others keep their numbers.
    """
    result = Rebuilt()
    for study_id, study in enumerate(_studies(entries)):
        if study.name is None:
            result.lost.append(
                f"a search of {counted(len(study.trials), 'trial')}, whose name is lost"
            )
            continue
        if IDENTITY not in study.attrs and study.trials:
            result.lost.append(f"what the search {study.name!r} was declared as")
        _write_study(result, study_id, study)
    return result


def kept_history(
    name: str,
    objectives: int,
    attrs: Mapping[str, Any],
    distributions: Mapping[str, BaseDistribution],
    trials: Iterable[tuple[Trial, Mapping[str, Any]]],
) -> Rebuilt:
    """A journal with one search, from what is in memory.

    Args:
        name: Name of the search.
        objectives: Number of its objectives.
        attrs: User attributes of the trial.
        distributions: Optuna's distribution of every parameter that there may be.
        trials: Each trial with its architecture as `Space.to_config` gives it.
    """
    shown = {path: distribution_to_json(known) for path, known in distributions.items()}
    study = _Study(name, [MAXIMIZE] * objectives, dict(attrs), distributions=shown)
    for trial, config in trials:
        params = {path: distributions[path].to_internal_repr(v) for path, v in config.items()}
        attrs = {"started": trial.started, **_as_attribute(trial.budget)}
        proposal = {"params": params, "user_attrs": attrs}
        kept = study.trials[trial.number] = _Trial(proposal)
        if trial.outcome is not None:
            ended = trial.started if trial.ended is None else trial.ended
            kept.outcome = outcome_record(trial.number, config, trial.outcome, ended, trial.budget)
    result = Rebuilt()
    _write_study(result, 0, study)
    return result


def write_journal(path: Path, rebuilt: Rebuilt) -> Path:
    """Write a journal that is not there yet, and its folder; durable on return of its path.

    Raises:
        OSError: It cannot be written. Nothing is left of it.
    """
    chain = Chain()
    worker = f"{chain.journal}-{uuid4().hex[:8]}-"
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with path.open("xb") as file:
            for entry in rebuilt.entries:
                told = {key: value for key, value in entry.items() if key not in (BEFORE, CHECK)}
                file.write(chain.sealed({**told, "worker_id": worker}))
            file.flush()
            os.fsync(file.fileno())
        sync_folders(path)
    except FileExistsError:
        raise
    except OSError:
        path.unlink(missing_ok=True)
        raise
    return path


def _studies(entries: list[Entry]) -> list[_Study]:
    studies: dict[int, _Study] = {}
    counts: Counter[int] = Counter()
    places: list[tuple[int, int]] = []  # Study and number of each trial, where no line says them.
    for entry in entries:
        code = entry["op_code"]
        if code == DELETE_STUDY:
            studies.pop(entry["study_id"], None)
            continue
        if code == CREATE_STUDY:
            known = entry.get("study_id", len(studies))
        elif code == CREATE_TRIAL or "study_id" in entry:
            known = entry["study_id"]
        else:
            known = places[entry["trial_id"]][0] if entry["trial_id"] < len(places) else -1
        study = studies.setdefault(known, _Study())
        if code in (CREATE_STUDY, STUDY_ATTR):
            study.name = entry.get("study_name", study.name)
            study.directions = entry.get("directions", study.directions)
            study.attrs.update(entry.get("user_attrs", {}), **entry.get("user_attr", {}))
            study.distributions.update(entry.get("distributions", {}))
        elif code == CREATE_TRIAL:
            number = entry.get("number", counts[known])
            counts[known] += 1
            places.append((known, number))
            study.trials.setdefault(number, _Trial()).proposal = entry
            study.distributions.update(entry["distributions"])
        elif "trial_id" in entry:
            number = entry["number"] if "number" in entry else places[entry["trial_id"]][1]
            _add(study.trials.setdefault(number, _Trial()), entry)
    studies.pop(-1, None)
    return [studies[known] for known in sorted(studies)]


def _add(trial: _Trial, entry: Entry) -> None:
    record = entry.get("user_attr", {}).get(OUTCOME)
    if record is None:
        trial.lines.append(entry)
    elif trial.outcome is None:
        trial.outcome = record


def _write_study(result: Rebuilt, study_id: int, study: _Study) -> None:
    new = {
        "study_name": study.name,
        "directions": study.directions,
        "distributions": study.distributions,
    }
    result.entries.append(
        {"op_code": CREATE_STUDY, "study_id": study_id, **new, "user_attrs": study.attrs}
    )
    for key, value in study.attrs.items():
        line = {"op_code": STUDY_ATTR, "study_id": study_id, **new}
        result.entries.append({**line, "user_attr": {key: value}})
    configs = {number: _config(study, trial) for number, trial in study.trials.items()}
    known = {number: config for number, config in configs.items() if config is not None}
    waiting = 0
    for number in range(max(known, default=-1) + 1):
        trial = study.trials.get(number, _Trial())
        if number not in known:
            beside = min(known, key=lambda other: abs(other - number))
            why = _undeclared(study, trial)
            trial = _stand_in(number, known[beside], study.trials[beside])
            result.lost.append(
                f"trial {number}{why}: it stands as stopped, with the architecture of trial "
                f"{beside}"
            )
        _write_trial(result, study_id, number, known.get(number), trial, study)
        waiting += trial.outcome is None and IDENTITY in study.attrs
    beyond = {n: trial for n, trial in study.trials.items() if n > max(known, default=-1)}
    for number, trial in sorted(beyond.items()):
        if trial.outcome is not None:
            why = _undeclared(study, trial)
            result.lost.append(f"trial {number}{why}: it is asked anew")
    without = sum(trial.outcome is None for trial in beyond.values())
    if without:
        result.lost.append(
            f"the last {counted(without, 'trial')}, without a result: they are asked anew"
        )
    if waiting:
        result.lost.append(
            f"results of {counted(waiting, 'trial')}, if they had any: they run again"
        )


def _config(study: _Study, trial: _Trial) -> dict[str, Any] | None:
    """A trial's architecture, from its outcome or else from its proposal, if either is proved."""
    if trial.outcome is not None and ARCHITECTURE in trial.outcome:
        config = dict(trial.outcome[ARCHITECTURE])
        return config if config.keys() <= study.distributions.keys() else None
    if trial.proposal is None:
        return None
    return {
        name: json_to_distribution(study.distributions[name]).to_external_repr(value)
        for name, value in trial.proposal["params"].items()
    }


def _undeclared(study: _Study, trial: _Trial) -> str:
    """Why the result of a trial is lost although it is proved, for a sentence about it."""
    missing = sorted((trial.outcome or {}).get(ARCHITECTURE, {}).keys() - study.distributions)
    return f", whose result is there, but of no line that declares {missing[0]}" if missing else ""


def _stand_in(number: int, config: dict[str, Any], beside: _Trial) -> _Trial:
    at = _started(beside)
    record = outcome_record(number, config, Stopped(_LOST), at, _budget(beside))
    state = {"op_code": STATE, "state": TrialState.PRUNED, "values": None}
    return _Trial(None, record, [{**state, "datetime_complete": None}])


def _budget(trial: _Trial) -> float:
    """The length of a trial's training, from its proposal or else from its outcome."""
    if trial.proposal is not None:
        return float(trial.proposal["user_attrs"].get(BUDGET, 1.0))
    return float((trial.outcome or {}).get(BUDGET, 1.0))


def _as_attribute(budget: float) -> dict[str, float]:
    return {} if budget == 1.0 else {BUDGET: budget}


def _started(trial: _Trial) -> float:
    if trial.proposal is not None:
        return float(trial.proposal["user_attrs"].get("started", 0.0))
    outcome = trial.outcome or {}
    measured = outcome.get("measurement") or {}
    return float(outcome.get(ENDED, 0.0)) - float(measured.get("seconds", 0.0))


def _write_trial(
    result: Rebuilt,
    study_id: int,
    number: int,
    config: dict[str, Any] | None,
    trial: _Trial,
    study: _Study,
) -> None:
    config = dict((trial.outcome or {})[ARCHITECTURE]) if config is None else config
    shown = {name: study.distributions[name] for name in config}
    proposal = trial.proposal or {}
    whose = {"study_id": study_id, "trial_id": result.trials, "number": number}
    result.entries.append(
        {
            "op_code": CREATE_TRIAL,
            "value": None,
            "values": None,
            "state": TrialState.RUNNING,
            "datetime_start": None,
            "user_attrs": {"started": _started(trial), **_as_attribute(_budget(trial))},
            "system_attrs": {},
            "intermediate_values": {},
            **proposal,
            **whose,
            "distributions": shown,
            "params": {
                name: json_to_distribution(text).to_internal_repr(config[name])
                for name, text in shown.items()
            },
        }
    )
    result.trials += 1
    result.ended += trial.outcome is not None
    result.entries += [{**line, **whose} for line in _lines(trial, IDENTITY in study.attrs)]


def _lines(trial: _Trial, ours: bool) -> Iterator[Entry]:
    """What follows a trial's proposal: a search's trial without an outcome has not ended."""
    yield from (line for line in trial.lines if line["op_code"] != STATE)
    if trial.outcome is not None:
        yield {"op_code": TRIAL_ATTR, "user_attr": {OUTCOME: trial.outcome}}
    if trial.outcome is not None or not ours:
        yield from (line for line in trial.lines if line["op_code"] == STATE)
