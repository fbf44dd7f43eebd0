"""Findings about data sets: what speaks for or against an architecture search on them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from raynas.preflight.data_sampling import Examples
from raynas.preflight.distribution_shift import Difference
from raynas.space.guidelines import Finding
from raynas.tasks.lightning.targets import Kind, Targets
from raynas.wording import counted

__all__ = [
    "DataPart",
    "DataSet",
    "Duplicates",
    "of_augmentation",
    "of_balance",
    "of_difference",
    "of_duplicates",
    "of_size",
    "of_targets",
]

_LITTLE = 1_000  # examples; with a fifth for validation, an accuracy is known to +-7 % at best
_RATHER_LITTLE = 10_000  # examples; as above, +-2 %
_RARE = 20  # examples: fewer do not fit both parts of a split
_RATHER_RARE = 100  # examples: the accuracy of a class is known to +-10 %
_VERY_UNEVEN = 100.0  # accuracy of always the same class: 99 %
_UNEVEN = 10.0  # accuracy of always the same class: 91 %
_INSTEAD = (
    "architecture search is not advised; take a well-known architecture, pretrained if there is "
    "such, search the augmentation instead (`raynas augment FILE`), or get more data"
)
_AUGMENT = "`raynas augment FILE` searches the augmentation for one architecture"
_HEAVY = 0.75  # share of the pixels' variation that augmentation makes; chosen by hand


@dataclass(frozen=True)
class DataSet:
    """A data set: its targets, and what was read of it."""

    targets: Targets
    size: int
    read: Examples


@dataclass(frozen=True)
class DataPart:
    """A part of the data.

    Attributes:
        name: Name of the part.
        size: Examples in it.
        counts: Examples of each class, or of each of several labels, in the order of
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


def _noticeable(kind: Kind, examples: int) -> str:
    """Smallest difference between two scores beyond chance, at 95 %, in words.

    The variance of a share of 0.9 is 0.9 times 0.1; that of an absolute error that is normally
    distributed around 0 is its mean squared times pi / 2 - 1.
    """
    if kind in ("classes", "multi-label"):
        points = 196 * math.sqrt(2 * 0.9 * 0.1 / examples)
        return (
            ", where two accuracies near 90 % differ by more than chance only from about "
            f"{float(f'{points:.2g}'):g} points on"
        )
    if kind == "regression":
        percent = 196 * math.sqrt(2 * (math.pi / 2 - 1) / examples)
        return (
            ", where two mean absolute errors differ by more than chance only from about "
            f"{float(f'{percent:.2g}'):g} % on"
        )
    return ""


def of_size(parts: tuple[DataPart, ...], kind: Kind) -> Iterator[Finding]:
    """Whether there are enough examples."""
    whole, held_out = parts[0].size, parts[2].size
    words = f"stage 1 validates on {held_out:,}{_noticeable(kind, held_out)}"
    if whole < _LITTLE:
        yield Finding(
            "little data",
            "error",
            f"{counted(whole, 'training example is', 'training examples are')} few: {words}. So "
            f"{_INSTEAD}",
        )
    elif whole < _RATHER_LITTLE:
        yield Finding(
            "little data",
            "warning",
            f"{counted(whole, 'training example is', 'training examples are')} not many: {words}; "
            "let the proxy task's variance decide whether a search can tell architectures apart, "
            f"or validate on a larger share; {_AUGMENT}",
        )


def of_augmentation(training: DataSet) -> Iterator[Finding]:
    """Whether the training set is augmented heavily."""
    read = training.read
    if not read.policies and read.variation < _HEAVY:
        return
    how = (
        f"the training set is augmented by {', '.join(read.policies)}"
        if read.policies
        else f"two readings of one training example differ {read.variation:.0%} as much as two "
        "different examples do"
    )
    if training.size < _RATHER_LITTLE:
        yield Finding(
            "augmentation",
            "error",
            f"{how}: where data need such heavy augmentation, they are too few for an architecture "
            f"search, which would fit architectures to the augmentation. So {_INSTEAD}",
        )
        return
    yield Finding(
        "augmentation",
        "warning",
        f"{how}: data that need such heavy augmentation may be too few for what is to be learned, "
        "and short trials rank architectures by how fast they learn under it. Search with light "
        f"augmentation, and search the augmentation afterwards: {_AUGMENT}",
    )


def of_targets(training: Targets, validation: Targets) -> Iterator[Finding]:
    """Whether the targets can be learned and validated."""
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
            f"{counted(bad, 'training example has', 'training examples have')} a target that is "
            "NaN or infinite; leave them out",
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
            f"{counted(unlabeled, 'training example has', 'training examples have')} a label "
            "below 0, which often stands for none; leave them out",
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


def of_balance(
    targets: Targets, classes: tuple[int, ...], parts: tuple[DataPart, ...]
) -> Iterator[Finding]:
    """Whether classes are balanced, and frequent enough to validate on."""
    counts = parts[0].counts
    if len(counts) < 2:
        return
    name = "label" if targets.kind == "multi-label" else "class"
    least, most = min(counts), max(counts)
    rarest = classes[counts.index(least)]
    ratio = most / max(1, least)
    words = (
        f"the {name} {rarest} has {counted(least, 'training example')}, the most frequent {most:,}"
    )
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
            f"counts classes alike, such as balanced accuracy or macro F1; {_AUGMENT}",
        )


def of_duplicates(duplicates: tuple[Duplicates, ...], changes: bool) -> Iterator[Finding]:
    """Whether parts share examples."""
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
                f"{found.where}: {found.count:,} of {counted(found.of, 'input')} "
                f"{'is' if found.count == 1 else 'are'} the same to the bit, so scores are too "
                "good; leave them out of either",
            )
        if found.contradicting and "within" in found.where:
            yield Finding(
                "duplicates",
                "warning",
                f"{found.contradicting:,} of {counted(found.of, 'training example')} "
                f"{'has' if found.contradicting == 1 else 'have'} an input that is there with "
                "another class too; see which is right",
            )


def of_difference(name: str, found: Difference | None) -> Iterator[Finding]:
    """Whether the validation set comes from another distribution."""
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
