"""What data sets say about whether an architecture search is advised (W1, W2)."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from raynas.analysis.saved_results import save
from raynas.preflight.data_sampling import Examples
from raynas.preflight.distribution_shift import (
    Difference,
    inputs_differ,
    labels_differ,
    numbers_differ,
)
from raynas.space.guidelines import Finding
from raynas.tasks.lightning.split import Split
from raynas.tasks.lightning.targets import Kind, Targets

__all__ = ["DataFitness", "DataSet", "Duplicates", "Part", "judge"]

_FILE = "data.json"

_LITTLE = 1_000
_RATHER_LITTLE = 10_000
_RARE = 20
_RATHER_RARE = 100
_VERY_UNEVEN = 100.0
_UNEVEN = 10.0
_INSTEAD = (
    "architecture search is not advised; take a well-known architecture, pretrained if there is "
    "such, search the augmentation instead, or get more data"
)
_TOKENS = 200
_HEAVY = 0.75


@dataclass(frozen=True)
class DataSet:
    """A data set: its targets, and what was read of it."""

    targets: Targets
    size: int
    read: Examples


@dataclass(frozen=True)
class Part:
    """A part of the data.

    Attributes:
        name: Of the part.
        size: Examples in it.
        counts: Of each class, or of each of several labels, in the order of
            `DataFitness.classes`; empty for other targets.
    """

    name: str
    size: int
    counts: tuple[int, ...]


@dataclass(frozen=True)
class Duplicates:
    """Inputs that occur more than once, compared bit by bit.

    Attributes:
        where: Which part repeats which.
        count: Examples of it whose input occurs there too.
        of: How many of it were read.
        contradicting: How many of them are of another class there.
    """

    where: str
    count: int
    of: int
    contradicting: int


@dataclass(frozen=True)
class DataFitness:
    """Whether an architecture search is advised on some data.

    Attributes:
        kind: Kind of the targets, a `raynas.tasks.lightning.targets.Kind`.
        classes: What `Part.counts` counts.
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
    parts: tuple[Part, ...]
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
        Part("training set", training.size, _counts(labels, classes)),
        Part("stage 1 trains on", len(trained), _counts(of_train, classes)),
        Part("stage 1 validates on", len(held_out), _counts(of_held, classes)),
        Part("validation set", validation.size, _counts(validation.targets, classes)),
    )
    changes = training.read.changes or validation.read.changes
    duplicates = () if changes else tuple(_all_duplicates(training, validation, split))
    targets = _targets_differ(of_held, validation.targets, classes)
    one, other = training.read.at(held_out).inputs, validation.read.inputs
    comparable = one is not None and other is not None and one.shape[1:] == other.shape[1:]
    inputs = inputs_differ(one, other, split.seed) if comparable else None  # type: ignore[arg-type]
    found = [
        *_of_size(parts, labels.kind),
        *_of_augmentation(training),
        *_of_targets(labels, validation.targets),
        *_of_balance(labels, classes, parts),
        *_of_duplicates(duplicates, changes),
        *_of_difference("targets", targets),
        *_of_difference("inputs", inputs),
    ]
    order = ("error", "warning", "advice")
    findings = tuple(sorted(found, key=lambda finding: order.index(finding.severity)))
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


def _noticeable(kind: Kind, examples: int) -> str:
    """From which difference on two scores differ by more than chance, at 95 %, in words.

    The variance of a share of 0.9 is 0.9 times 0.1; that of an absolute error that is normally
    distributed around 0 is its mean squared times pi / 2 - 1.
    """
    if kind in ("classes", "multi-label"):
        points = 196 * math.sqrt(2 * 0.9 * 0.1 / examples)
        return (
            ", where two accuracies near 90 % differ by more than chance only from about "
            f"{points:.2g} points on"
        )
    if kind == "regression":
        percent = 196 * math.sqrt(2 * (math.pi / 2 - 1) / examples)
        return (
            ", where two mean absolute errors differ by more than chance only from about "
            f"{percent:.2g} % on"
        )
    return ""


def _of_size(parts: tuple[Part, ...], kind: Kind) -> Iterator[Finding]:
    whole, held_out = parts[0].size, parts[2].size
    words = f"stage 1 validates on {held_out:,}{_noticeable(kind, held_out)}"
    if whole < _LITTLE:
        yield Finding(
            "little data", "error", f"{whole:,} training examples are few: {words}. So {_INSTEAD}"
        )
    elif whole < _RATHER_LITTLE:
        yield Finding(
            "little data",
            "warning",
            f"{whole:,} training examples are not many: {words}; let the proxy task's variance "
            "decide whether a search can tell architectures apart, or validate on a larger share",
        )


def _of_augmentation(training: DataSet) -> Iterator[Finding]:
    read = training.read
    if not read.policies and read.variation < _HEAVY:
        return
    how = (
        f"the training set is augmented by {', '.join(read.policies)}"
        if read.policies
        else f"two readings of one training example differ {read.variation:.0%} as much as two "
        "different examples do"
    )
    yield Finding(
        "augmentation",
        "error" if training.size < _RATHER_LITTLE else "warning",
        f"{how}: where data need such heavy augmentation, they are too few for an architecture "
        f"search, which would fit architectures to the augmentation. So {_INSTEAD}",
    )


def _of_targets(training: Targets, validation: Targets) -> Iterator[Finding]:
    if training.kind == "missing":
        yield Finding(
            "labels missing",
            "error",
            "the training set's examples have no targets: classes, duplicates with other labels "
            "and the balance could not be looked at; give (input, target) pairs",
        )
        return
    if training.kind != validation.kind:
        yield Finding(
            "targets",
            "error",
            f"the targets are {training.kind} in the training set and {validation.kind} in the "
            "validation set: a score on one says nothing of the other; make them alike",
        )
    values = training.values
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        bad = int((~np.isfinite(values)).reshape(len(values), -1).any(axis=1).sum())
        yield Finding(
            "targets",
            "error",
            f"{bad:,} training examples have a target that is NaN or infinite; leave them out",
        )
    if training.kind == "regression" and len(np.unique(values)) == 1:
        yield Finding("targets", "error", "all targets are equal: there is nothing to learn")
    if training.kind == "classes":
        yield from _of_classes(training, validation)


def _of_classes(training: Targets, validation: Targets) -> Iterator[Finding]:
    one, other = set(training.classes.tolist()), set(validation.classes.tolist())
    if len(one) == 1:
        yield Finding(
            "one class",
            "error",
            f"all training examples are of the class {next(iter(one))}: there is nothing to learn; "
            "see that the labels are those that you mean",
        )
    unlabeled = int((training.values < 0).sum()) if training.values.dtype.kind in "if" else 0
    if unlabeled:
        yield Finding(
            "labels missing",
            "warning",
            f"{unlabeled:,} training examples have a label below 0, which often stands for none; "
            "leave them out",
        )
    if validation.kind == "classes" and other - one:
        yield Finding(
            "classes",
            "error",
            f"the validation set has classes that the training set lacks: {_some(other - one)}; "
            "no network can learn them",
        )
    if validation.kind == "classes" and one - other:
        yield Finding(
            "classes",
            "warning",
            f"the validation set lacks classes of the training set: {_some(one - other)}; scores "
            "say nothing of them",
        )


def _of_balance(
    targets: Targets, classes: tuple[int, ...], parts: tuple[Part, ...]
) -> Iterator[Finding]:
    counts = parts[0].counts
    if len(counts) < 2:
        return
    name = "label" if targets.kind == "multi-label" else "class"
    least, most = min(counts), max(counts)
    rarest = classes[counts.index(least)]
    ratio = most / max(1, least)
    words = f"the {name} {rarest} has {least:,} training examples, the most frequent {most:,}"
    held_out = parts[2].counts[counts.index(least)]
    if least < _RARE or ratio >= _VERY_UNEVEN:
        yield Finding(
            "balance",
            "error",
            f"{words}: with {held_out} of it to validate on, scores say next to nothing of it, "
            f"and a network does well without it. So {_INSTEAD}",
        )
    elif least < _RATHER_RARE or ratio >= _UNEVEN:
        yield Finding(
            "balance",
            "warning",
            f"{words} ({ratio:.1f} to 1), {held_out} of it to validate on: reward a metric that "
            "counts classes alike, such as balanced accuracy or macro F1",
        )


def _of_duplicates(duplicates: tuple[Duplicates, ...], changes: bool) -> Iterator[Finding]:
    if changes:
        yield Finding(
            "duplicates",
            "advice",
            "examples change from reading to reading, as augmentation makes them, so that "
            "duplicates cannot be seen; look at the data set without augmentation",
        )
    for found in duplicates:
        if found.count and "within" not in found.where:
            yield Finding(
                "duplicates",
                "warning",
                f"{found.where}: {found.count:,} of {found.of:,} inputs are the same to the bit, "
                "so scores are too good; leave them out of either",
            )
        if found.contradicting and "within" in found.where:
            yield Finding(
                "duplicates",
                "warning",
                f"{found.contradicting:,} of {found.of:,} training examples have an input that is "
                "there with another class too; see which is right",
            )


def _of_difference(name: str, found: Difference | None) -> Iterator[Finding]:
    if found is None or found.verdict == "alike":
        return
    yield Finding(
        "distribution",
        "warning",
        f"the {name} that stage 1 validates on are {found.verdict} from the validation set's "
        f"({found.test} = {found.effect:.2f}, p = {found.p:.1g}): what is best in stage 1 may not "
        "be in stage 2; find out how the validation set was chosen",
    )


def _some(classes: set[Any]) -> str:
    shown = ", ".join(str(label) for label in sorted(classes)[:10])
    return f"{shown} and {len(classes) - 10} more" if len(classes) > 10 else shown
