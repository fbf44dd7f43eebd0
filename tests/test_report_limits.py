"""However much a trial says, a search keeps a bounded part, and shows what is left out."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from raynas.asktell import AskTell
from raynas.redaction import secret_values
from raynas.report_limits import (
    MOST_METRICS,
    MOST_TEXT,
    bounded_measurement,
    bounded_metrics,
    bounded_outcome,
    bounded_text,
)
from raynas.rewards import Metric
from raynas.testing import ToyNet
from raynas.trials import (
    MOST_POINTS,
    Completed,
    Failed,
    Infeasible,
    Measurement,
    Outcome,
    Point,
    Stopped,
    thinned,
)

HUGE = "x" * 3_000_000
CROWD = {f"metric {number}": float(number) for number in range(5000)}
CURVE = tuple(Point(step, {"a": float(step)}) for step in range(4001))


def test_the_ends_of_a_text_are_kept_and_its_middle_is_counted() -> None:
    text = "beginning" + HUGE + "the error itself"
    short = bounded_text(text, "is in a file on here")
    assert MOST_TEXT - 20 < len(short) <= MOST_TEXT
    assert bounded_text(short) is short
    assert short.startswith("beginning")
    assert short.endswith("the error itself")
    head, _, rest = short.partition("\n[… ")
    count, _, rest = rest.partition(" characters are left out here; the whole text is in ")
    where, _, tail = rest.partition(" …]\n")
    assert where == "a file on here"
    assert len(head) + len(tail) + int(count.replace(",", "")) == len(text)
    assert bounded_text("short") == "short"


def test_metrics_are_counted_and_their_names_shortened() -> None:
    kept = bounded_metrics(CROWD)
    assert list(kept) == list(CROWD)[:MOST_METRICS]
    two = bounded_metrics({"n" * 5000 + "a": 1.0, "n" * 5000 + "b": 2.0})
    assert list(two.values()) == [1.0, 2.0]
    assert all(len(name) == 200 for name in two)


def test_a_curve_is_thinned_evenly_and_keeps_its_end() -> None:
    kept = thinned(CURVE)
    assert MOST_POINTS / 2 <= len(kept) <= MOST_POINTS
    assert (kept[0], kept[-1]) == (CURVE[0], CURVE[-1])
    gaps = {b.step - a.step for a, b in pairwise(kept[:-1])}
    assert len(gaps) == 1


def test_what_is_short_stays_the_same_object() -> None:
    measurement = Measurement({"a": 1.0}, curve=CURVE[:10])
    assert bounded_measurement(measurement) is measurement


@pytest.mark.parametrize(
    "outcome",
    [
        Completed(Measurement({"reward": 1.0, **CROWD}, curve=CURVE), 1.0),
        Infeasible(HUGE, Measurement(CROWD)),
        Failed(HUGE),
        Stopped(HUGE, Measurement({}, curve=CURVE)),
    ],
    ids=lambda outcome: type(outcome).__name__,
)
def test_every_outcome_is_stored_small(outcome: Outcome, tmp_path: Path) -> None:
    path = tmp_path / "journal.log"
    with AskTell(ToyNet, "random", store=path) as search:
        search.ask()
        before = path.stat().st_size
        kept = search.tell(0, outcome)
        assert path.stat().st_size - before < 200_000
        assert kept == search.history[0].outcome == bounded_outcome(outcome)
        assert type(kept) is type(outcome)
        assert search.history[0].reward == getattr(outcome, "reward", None)


def test_a_reward_is_computed_before_metrics_are_left_out() -> None:
    search = AskTell(ToyNet, "random", reward=Metric("metric 4999"))
    search.ask()
    assert search.tell(0, Measurement(CROWD)).reward == 4999.0  # type: ignore[union-attr]


def test_reports_without_end_stay_a_short_curve() -> None:
    search = AskTell(ToyNet, "random")
    search.ask()
    for step in range(3000):
        search.report(0, Point(step, {"reward": float(step)}))
    points = search.history[0].points
    assert len(points) <= MOST_POINTS
    assert points[-1].step == 2999


def test_names_are_looked_at_when_they_are_new(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SERVICE_TOKEN", "hunter-two")
    looked = 0

    def counting(**options: bool) -> frozenset[str]:
        nonlocal looked
        looked += 1
        return secret_values(**options)

    monkeypatch.setattr("raynas.report_limits.secret_values", counting)
    with AskTell(ToyNet, "random") as search:
        search.ask()
        for step in range(100):
            search.report(0, Point(step, {"acc": 0.5}))
        assert looked == 1
        for step in range(100, 103):
            search.report(0, Point(step, {"acc": 0.5, "of hunter-two": 0.1}))
        names = {name for point in search.history[0].points for name in point.metrics}
    assert len(names) == 2
    assert not any("hunter-two" in name for name in names)
