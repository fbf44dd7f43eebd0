"""The rank correlation of zero-cost scores with rewards."""

from __future__ import annotations

import numpy as np
import pytest

from raynas.report.zero_cost import rank_correlation_line, rank_correlations
from raynas.trials import Completed, History, Infeasible, Measurement, Trial


def history_of(scores: dict[str, list[float]], rewards: list[float]) -> History:
    trials = [
        Trial(
            number,
            number,
            Completed(
                Measurement({f"zero_cost/{name}": s[number] for name, s in scores.items()}), reward
            ),
        )
        for number, reward in enumerate(rewards)
    ]
    return History((*trials, Trial(len(trials), 0, Infeasible("too large"))))


def test_scores_are_ranked_by_their_agreement_with_the_reward() -> None:
    rewards = [float(n) for n in range(12)]
    swapped = [1.0, 0.0, *rewards[2:]]
    found = rank_correlations(
        history_of({"same": rewards, "against": rewards[::-1], "swapped": swapped}, rewards)
    )
    assert [one.name for one in found] == ["same", "swapped", "against"]
    assert [one.kendall for one in found] == pytest.approx([1, 1 - 2 / 66, -1])
    assert found[1].spearman == pytest.approx(1 - 6 * 2 / (12 * 143))
    assert all(one.known and one.trials == 12 for one in found)


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    """Independent scores: zero lies within in about 95 of 100 samples."""
    rng = np.random.default_rng(0)
    within = 0
    for _ in range(200):
        noise = {"noise": list(rng.normal(size=20))}
        (one,) = rank_correlations(history_of(noise, list(rng.normal(size=20))))
        within += not one.known
    assert 180 <= within <= 199


def test_few_or_constant_scores_say_nothing() -> None:
    rewards = [float(n) for n in range(12)]
    assert rank_correlations(history_of({"few": rewards[:9]}, rewards[:9])) == ()
    (one,) = rank_correlations(history_of({"constant": [1.0] * 12}, rewards))
    assert (one.kendall, one.known) == (0, False)
    assert rank_correlation_line(History()) is None


def test_the_line_names_best_and_worst() -> None:
    rewards = [float(n) for n in range(12)]
    line = rank_correlation_line(history_of({"a": rewards, "b": rewards[::-1]}, rewards))
    assert line is not None
    assert line.startswith("zero-cost scores, Kendall's tau with the reward: a +1.00 [+0.67, ")
    assert line.endswith(" 12 trials")
