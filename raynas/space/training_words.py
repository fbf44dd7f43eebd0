"""Which field names speak of training rather than of architecture.

A name is split into words, at underscores and where camelCase turns, and whole words are compared:
``blur_rate_pool``, ``lrn`` and ``cropped_stem`` are names of architecture.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

__all__ = ["SETTINGS", "SettingWords", "setting_of"]


@dataclass(frozen=True)
class SettingWords:
    """A kind of training setting, and the words that give it away.

    Attributes:
        name: What an override calls it.
        severity: ``"error"`` where it does not belong into an architecture space, ``"warning"``
            where that is common but confounds.
        why: Why not, as the rest of a sentence that starts with the field.
        phrases: Words that give it away wherever they stand in a name, next to each other.
        alone: Words that may also mean a part of a network; they give it away only where the rest
            of the name are `_QUALIFIERS`.
    """

    name: str
    severity: Literal["error", "warning"]
    why: str
    phrases: tuple[str, ...]
    alone: tuple[str, ...] = ()


def _several(words: str) -> tuple[str, ...]:
    return tuple(words.split(", "))


SETTINGS = (
    SettingWords(
        "learning_rate",
        "error",
        "is a learning rate: the best one differs from architecture to architecture and with "
        "every other training setting, so the search would compare tunings, not architectures. "
        "Tune it for the baseline, hold it fixed here, and tune it again for the winners",
        _several("learning rate, learningrate, lr, warmup, warm up"),
        _several("scheduler"),
    ),
    SettingWords(
        "optimizer",
        "error",
        "is an optimizer: each wants a learning rate of its own, so the search would compare how "
        "well each is tuned. Take a well-established one, and hold it fixed",
        _several("optimizer, optimizer, adam, adamw, sgd"),
        _several("optim"),
    ),
    SettingWords(
        "batch_size",
        "error",
        "is a batch size, which is never tuned for the validation score: it sets the speed of "
        "training, and with the learning rate and regularization tuned for it, each reaches the "
        "same score. Take the one that trains fastest, and hold it fixed",
        _several("batch size, batchsize, mini batch, minibatch"),
        _several("batch"),
    ),
    SettingWords(
        "weight_decay",
        "error",
        "is a weight decay: its best value hangs on the learning rate and on the length of "
        "training. Tune it for the baseline, hold it fixed here, and tune it again for the "
        "winners",
        _several(
            "weight decay, weightdecay, l2 penalty, l2 reg, l2 regularization, l2 regularization"
        ),
        _several("wd"),
    ),
    SettingWords(
        "momentum",
        "error",
        "is the optimizer's momentum: it interacts with the learning rate. Hold it fixed",
        _several("nesterov, sgd momentum"),
        _several("momentum"),
    ),
    SettingWords(
        "training_steps",
        "error",
        "is a length of training: longer is better for every architecture, and costs more, so "
        "the search would only find that. Give the task one number of steps for all",
        _several("epoch, epochs, train steps, training steps, max steps, total steps"),
    ),
    SettingWords(
        "augmentation",
        "error",
        "is data augmentation: it multiplies the space and changes the task that architectures "
        "are compared on. Search it in a separate stage, with the architecture found",
        _several(
            "augment, augmentation, augmentations, augmix, mixup, mix up, cutmix, cut mix, cutout, "
            "cut out, randaugment, "
            "autoaugment, trivialaugment, random erasing, random erase, color jitter, color "
            "jitter, hflip, vflip, horizontal flip, vertical flip"
        ),
        _several("aug, augs, flip, flips, crop, crops, rotate, rotation, rotations"),
    ),
    SettingWords(
        "dropout",
        "warning",
        "is regularization: its best value grows with the length of training, so that a short "
        "proxy task favors too little of it. Where you can, hold it fixed and tune it for the "
        "winners",
        _several(
            "dropout, drop out, drop path, droppath, drop rate, drop prob, drop block, "
            "dropblock, layer drop, layerdrop, stochastic depth, label smoothing"
        ),
    ),
)

_INNOCENT = ("ghost batch size", "virtual batch size")
"""Sizes that batch norm takes its statistics over, which are part of a network."""

_QUALIFIERS = frozenset(
    _several(
        "n, num, number, p, prob, probability, rate, ratio, size, scale, min, max, low, high, "
        "init, initial, base, final, start, end, value, kind, name, type, angle, angles, "
        "degree, degrees, strength, magnitude, random, resized, center, center, horizontal, "
        "vertical, train, training, use"
    )
)


def setting_of(name: str) -> SettingWords | None:
    """The training setting that a field called `name` is, as far as its name says."""
    text = _spaced(name)
    for phrase in _INNOCENT:
        text = text.replace(_spaced(phrase), " ")
    words = {word for word in text.split() if word not in _QUALIFIERS and not word.isdigit()}
    for setting in SETTINGS:
        if any(_spaced(phrase) in text for phrase in setting.phrases):
            return setting
        if len(words) == 1 and not words.isdisjoint(setting.alone):
            return setting
    return None


def _spaced(name: str) -> str:
    """The words of `name` in lower case, with a space before, between and after."""
    words = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+", name)
    return f" {' '.join(words).lower()} "
