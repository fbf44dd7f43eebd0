"""What data sets say about whether an architecture search is advised."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from raynas.analysis.saved_results import save
from raynas.preflight.data_findings import (
    DataPart,
    DataSet,
    Duplicates,
    of_augmentation,
    of_balance,
    of_difference,
    of_duplicates,
    of_size,
    of_targets,
)
from raynas.preflight.distribution_shift import (
    Difference,
    inputs_differ,
    labels_differ,
    numbers_differ,
)
from raynas.space.guidelines import Finding
from raynas.tasks.lightning.split import Split
from raynas.tasks.lightning.targets import Kind, Targets

__all__ = ["DataFitness", "DataPart", "DataSet", "Duplicates", "judge"]

_FILE = "data.json"
_TOKENS = 200  # the most frequent; the rarer ones are too few to compare


@dataclass(frozen=True)
class DataFitness:
    """Whether an architecture search is advised on some data.

    Attributes:
        kind: Kind of the targets, a `raynas.tasks.lightning.targets.Kind`.
        classes: What `DataPart.counts` counts.
        parts: The training set, the two parts that stage 1 makes of it, and the validation set.
        duplicates: Inputs that occur more than once.
        changes: Whether the training set's examples change from reading to reading, so that
            duplicates cannot be seen.
        targets: How the targets that stage 1 validates on differ from the validation set's.
        inputs: How the inputs do.
        findings: What follows, worst first. An ``"error"`` says that a search is not advised.
        split: Stage 1's record, see `raynas.tasks.lightning.split.Split.record`.
    """

    kind: Kind
    classes: tuple[int, ...]
    parts: tuple[DataPart, ...]
    duplicates: tuple[Duplicates, ...]
    changes: bool
    targets: Difference | None
    inputs: Difference | None
    findings: tuple[Finding, ...]
    split: dict[str, Any]

    @property
    def advised(self) -> bool:
        """Whether no finding is an error; warnings may speak against a search all the same."""
        return not any(finding.severity == "error" for finding in self.findings)

    def save(self, folder: Path) -> None:
        """Write all of it to ``data.json`` in `folder`."""
        save({"advised": self.advised, **asdict(self)}, folder / _FILE)


def judge(training: DataSet, validation: DataSet, split: Split) -> DataFitness:
    """Judge two data sets, and the split of the first for stage 1."""
    assert split.positions is not None  # noqa: S101 - as stage 1 has them
    trained, held_out = split.positions
    labels = training.targets
    missing = labels.kind == "missing"
    of_train, of_held = (labels, labels) if missing else (labels.at(trained), labels.at(held_out))
    classes = _classes(labels, validation.targets)
    parts = (
        DataPart("training set", training.size, _counts(labels, classes)),
        DataPart("stage 1 trains on", len(trained), _counts(of_train, classes)),
        DataPart("stage 1 validates on", len(held_out), _counts(of_held, classes)),
        DataPart("validation set", validation.size, _counts(validation.targets, classes)),
    )
    changes = training.read.changes or validation.read.changes
    duplicates = () if changes else tuple(_all_duplicates(training, validation, split))
    targets = _targets_differ(of_held, validation.targets, classes)
    one, other = training.read.at(held_out).inputs, validation.read.inputs
    comparable = one is not None and other is not None and one.shape[1:] == other.shape[1:]
    inputs = inputs_differ(one, other, split.seed) if comparable else None  # type: ignore[arg-type]
    findings = (
        *of_size(parts, labels.kind),
        *of_augmentation(training),
        *of_targets(labels, validation.targets),
        *of_balance(labels, classes, parts),
        *of_duplicates(duplicates, changes),
        *of_difference("targets", targets),
        *of_difference("inputs", inputs),
    )
    order = ("error", "warning", "advice")
    findings = tuple(sorted(findings, key=lambda finding: order.index(finding.severity)))
    return DataFitness(
        labels.kind, classes, parts, duplicates, changes, targets, inputs, findings, split.record
    )


def _classes(*targets: Targets) -> tuple[int, ...]:
    found: set[int] = set()
    for one in targets:
        if one.kind == "classes":
            found |= {int(label) for label in one.classes}
        elif one.kind == "multi-label":
            found |= set(range(one.values.shape[1]))
    return tuple(sorted(found))


def _counts(targets: Targets, classes: tuple[int, ...]) -> tuple[int, ...]:
    if targets.kind == "multi-label":
        return tuple(int(count) for count in targets.values.sum(axis=0))
    if targets.kind != "classes":
        return ()
    labels, counts = np.unique(targets.values, return_counts=True)
    known = {int(label): int(count) for label, count in zip(labels, counts, strict=True)}
    return tuple(known.get(label, 0) for label in classes)


def _all_duplicates(training: DataSet, validation: DataSet, split: Split) -> Iterator[Duplicates]:
    assert split.positions is not None  # noqa: S101 - as above
    trained, held_out = (_keyed(training, positions) for positions in split.positions)
    everything = _keyed(training, np.arange(training.size))
    repeated = len(everything) - len({fingerprint for fingerprint, _ in everything})
    own = _contradictions(everything, everything)
    yield Duplicates("within the training set", repeated, len(everything), own)
    last = _keyed(validation, np.arange(validation.size))
    for name, pairs, others in (
        ("stage 1 validates on what it trains on", held_out, trained),
        ("the validation set repeats the training set", last, everything),
    ):
        there = {fingerprint for fingerprint, _ in others}
        count = sum(fingerprint in there for fingerprint, _ in pairs)
        yield Duplicates(name, count, len(pairs), _contradictions(pairs, others))


def _keyed(data: DataSet, positions: NDArray[np.int64]) -> list[tuple[bytes, int]]:
    """Fingerprint and class of the examples at `positions` that were read; -1 for no class."""
    read = data.read
    chosen = np.flatnonzero(np.isin(read.positions, positions))
    labels = np.full(len(chosen), -1)
    if data.targets.kind == "classes":
        labels = data.targets.values[read.positions[chosen]].astype(np.int64)
    return list(zip(read.fingerprints[chosen].tolist(), labels.tolist(), strict=True))


def _contradictions(pairs: list[tuple[bytes, int]], others: list[tuple[bytes, int]]) -> int:
    known: dict[bytes, set[int]] = {}
    for fingerprint, label in others:
        known.setdefault(fingerprint, set()).add(label)
    return sum(bool(known.get(fingerprint, {label}) - {label}) for fingerprint, label in pairs)


def _targets_differ(one: Targets, other: Targets, classes: tuple[int, ...]) -> Difference | None:
    if one.kind != other.kind:
        return None
    match one.kind:
        case "classes" | "multi-label":
            return labels_differ(_counts(one, classes), _counts(other, classes))
        case "regression":
            columns = [t.values.reshape(len(t), -1).astype(float) for t in (one, other)]
            pairs = zip(columns[0].T, columns[1].T, strict=True)
            return max((numbers_differ(a, b) for a, b in pairs), key=lambda found: found.effect)
        case "sequence":
            tokens = [np.concatenate([np.ravel(row) for row in t.values]) for t in (one, other)]
            common, counts = np.unique(np.concatenate(tokens), return_counts=True)
            shown = common[np.argsort(-counts)[:_TOKENS]]
            numbers = [[int((part == token).sum()) for token in shown] for part in tokens]
            return labels_differ(*numbers)
    return None
