"""What stopped trials tell the rules of convergence."""

from __future__ import annotations

import numpy as np

from raynas.stopping import Convergence, NoConvergence
from raynas.stopping.imputed import with_stopped
from raynas.trials import Completed, History, Measurement, Outcome, Point, Stopped, Trial


def ended(value: float, stopped: bool) -> Outcome:
    """A curve to step 9, or to step 3 where it was stopped, of a network worth `value`."""
    last = 3 if stopped else 9
    curve = tuple(Point(step, {"acc": value * step / 9}) for step in range(1, last + 1))
    measured = Measurement(curve[-1].metrics, 1.0, last, curve)
    return Stopped("asha", measured) if stopped else Completed(measured, value)


def halved(values: list[float]) -> History:
    """Every second trial below the median is stopped."""
    middle = float(np.median(values))
    outcomes = [ended(v, v < middle and n % 2 == 0) for n, v in enumerate(values)]
    return History([Trial(n, n, o, 0.0, 1.0) for n, o in enumerate(outcomes)])


def test_without_stopped_trials_the_history_is_itself() -> None:
    history = History([Trial(n, n, ended(n / 10, False), 0.0, 1.0) for n in range(5)])
    assert with_stopped(history) is history


def test_a_stopped_trial_counts_where_its_curve_places_it_and_never_as_the_best() -> None:
    values = np.random.default_rng(0).random(60).tolist()
    history = halved(values)
    imputed = with_stopped(history)
    assert len(imputed.completed) == 60
    assert max(imputed.rewards) == max(history.rewards)
    stopped = [t.number for t in history if isinstance(t.outcome, Stopped)]
    guesses = [imputed[number].reward or 0.0 for number in stopped]
    truth = [values[number] for number in stopped]
    assert np.corrcoef(guesses, truth)[0, 1] > 0.8
    assert max(guesses) <= np.median(history.rewards)


def test_rules_judge_as_many_trials_as_there_are() -> None:
    """Noise over 600 trials, of which a scheduler stopped a quarter: it stands still."""
    history = halved(np.random.default_rng(1).random(600).tolist())
    assert len(history.completed) < 500
    stop = NoConvergence().check(history, 0.0)
    assert stop is not None
    assert "Over the last 500" in stop.reason
    assert NoConvergence().progress(history, 0.0) == 1.0
    assert "so far 600" in NoConvergence().state(history, 0.0)
    assert Convergence().check(history, 0.0) is None, "random search never settles"
