"""Whether two samples come from one distribution: how far apart they are, not only how surely."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

__all__ = ["Difference", "inputs_differ", "labels_differ", "numbers_differ"]

_SIGNIFICANCE = 0.01  # one false alarm in a hundred sound data sets a test
_MOST = 1500  # examples: a classifier's seconds against an AUC known to +-0.02
_LEAST = 20  # fewer have no power at that level
_FEATURES = 4096  # pixels of 64 x 64: the seconds of the PCA
_COMPONENTS = 32  # chosen by hand: most of the variance of small images
_FOLDS = 5  # the usual number of folds


@dataclass(frozen=True)
class Difference:
    """How two samples differ.

    Attributes:
        test: The test's name, and in words what its effect size is.
        effect: The effect size, 0 for none.
        p: Probability of an effect this large where both come from one distribution.
        noticeable: Smallest effect that matters.
        large: Smallest effect that is large.
        sizes: Members of each sample that the test used.
    """

    test: str
    effect: float
    p: float
    noticeable: float
    large: float
    sizes: tuple[int, int]

    @property
    def verdict(self) -> Literal["alike", "slightly different", "different"]:
        """``"alike"`` unless the effect is both more than chance and large enough to matter."""
        if self.p >= _SIGNIFICANCE or self.effect < self.noticeable:
            return "alike"
        return "different" if self.effect >= self.large else "slightly different"


def labels_differ(one: Sequence[int], other: Sequence[int]) -> Difference:
    """Compare how often each class occurs in two samples.

    By the chi-squared test of homogeneity. The effect is Cramér's V, 0 to 1, corrected for the bias
    that it has in small samples (Bergsma 2013, "A bias-correction for Cramér's V", section 3.1),
    and judged by Cohen 1988, "Statistical Power Analysis", section 7.2.

    Args:
        one: Count of each class in one sample.
        other: Counts in the other part, of the same classes.
    """
    from scipy import stats

    table = np.array([one, other], dtype=float)
    table = table[:, table.sum(axis=0) > 0]
    sizes = int(table[0].sum()), int(table[1].sum())
    if table.shape[1] < 2 or min(sizes) == 0:
        return Difference("chi-squared test, Cramér's V", 0.0, 1.0, 0.1, 0.3, sizes)
    found: Any = stats.chi2_contingency(table, correction=False)
    total, columns = table.sum(), table.shape[1]
    phi2 = max(0.0, found.statistic / total - (columns - 1) / (total - 1))
    rows_left = 2 - 1 / (total - 1)
    columns_left = columns - (columns - 1) ** 2 / (total - 1)
    v = float(np.sqrt(phi2 / max(1e-12, min(rows_left, columns_left) - 1)))
    return Difference(
        "chi-squared test, Cramér's V", min(1.0, v), float(found.pvalue), 0.1, 0.3, sizes
    )


def numbers_differ(one: NDArray[Any], other: NDArray[Any]) -> Difference:
    """Compare two samples of numbers.

    By the two-sample Kolmogorov-Smirnov test. The effect is its D, the largest distance of the two
    cumulative distributions, 0 to 1.
    """
    from scipy import stats

    found: Any = stats.ks_2samp(one, other)
    sizes = len(one), len(other)
    return Difference(
        "Kolmogorov-Smirnov test, D", float(found.statistic), float(found.pvalue), 0.1, 0.25, sizes
    )


def inputs_differ(one: NDArray[Any], other: NDArray[Any], seed: int = 0) -> Difference | None:
    """Compare two samples of inputs: whether a classifier can tell from which one they come.

    The classifier two-sample test (Lopez-Paz and Oquab 2017, "Revisiting Classifier Two-Sample
    Tests"), with a random forest on principal components, five-fold cross-validated on equally many
    of each. The effect is how far the area under its ROC curve is above one half, times two: 0 for
    guessing, 1 for telling all. Its p-value is that of the Mann-Whitney test on the forest's
    scores.

    Args:
        one: Shape ``(examples, ...)``.
        other: Values of the other part, of the same shape but for their number.
        seed: Seed of the random draws.

    Returns:
        The difference; None where there are fewer than 20 of either.
    """
    from scipy import stats
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.model_selection import StratifiedKFold, cross_val_predict

    rng = np.random.default_rng(seed)
    count = min(len(one), len(other), _MOST)
    if count < _LEAST:
        return None
    drawn = [sample[rng.permutation(len(sample))[:count]] for sample in (one, other)]
    features = _features(np.concatenate(drawn).reshape(2 * count, -1), rng)
    of_other = np.repeat([0, 1], count)
    scores = cross_val_predict(
        RandomForestClassifier(100, min_samples_leaf=5, random_state=seed),
        features,
        of_other,
        cv=StratifiedKFold(_FOLDS, shuffle=True, random_state=seed),
        method="predict_proba",
    )[:, 1]
    found: Any = stats.mannwhitneyu(scores[count:], scores[:count], alternative="greater")
    area = float(found.statistic) / count**2
    return Difference(
        "classifier two-sample test, 2 AUC - 1",
        max(0.0, 2 * area - 1),
        float(found.pvalue),
        0.1,
        0.3,
        (count, count),
    )


def _features(flat: NDArray[Any], rng: np.random.Generator) -> NDArray[Any]:
    """Mean and spread of each example, and its principal components among all."""
    from sklearn.decomposition import PCA

    flat = np.nan_to_num(flat.astype(np.float32))
    summary = np.stack([flat.mean(axis=1), flat.std(axis=1), flat.min(axis=1), flat.max(axis=1)], 1)
    if flat.shape[1] > _FEATURES:
        flat = flat[:, rng.choice(flat.shape[1], _FEATURES, replace=False)]
    if flat.shape[1] <= _COMPONENTS:
        return np.concatenate([summary, flat], axis=1)
    seed = int(rng.integers(2**31))
    components = PCA(_COMPONENTS, svd_solver="randomized", random_state=seed).fit_transform(flat)
    return np.concatenate([summary, components], axis=1)
