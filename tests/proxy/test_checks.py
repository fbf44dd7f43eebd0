from __future__ import annotations

import numpy as np
import pytest

from raynas.errors import ConfigurationError
from raynas.proxy import Setting, agreement_of, check_agreement, check_trials, settings_of, worst
from raynas.trials import Completed, Failed, History, Infeasible, Measurement, Outcome, Trial


def history(*outcomes: Outcome) -> History:
    return History(tuple(Trial(n, n, outcome) for n, outcome in enumerate(outcomes)))


def scored(*scores: float) -> list[Outcome]:
    return [Completed(Measurement({"acc": score}), score) for score in scores]


def severity(found: list, check: str) -> str:  # type: ignore[type-arg]
    return next(one.severity for one in found if one.check == check)


def test_good_trials_pass() -> None:
    found = check_trials(history(*scored(0.5, 0.6, 0.7)), {"acc"}, (0, 1))
    assert worst(found) == "good"


def test_what_goes_wrong_is_found() -> None:
    oom = Failed("torch.OutOfMemoryError: CUDA out of memory")
    found = check_trials(history(*scored(0.5, 0.5), oom), {"acc", "latency_p50"}, (0.6, 1))
    for check in ("failures", "memory", "range", "spread", "metrics"):
        assert severity(found, check) == "error"
    few = check_trials(history(*scored(*np.linspace(0, 1, 9)), Infeasible("NaN")), {"acc"})
    assert severity(few, "failures") == "warning"
    assert worst(few) == "warning"


def test_no_trials_are_no_proof() -> None:
    assert worst(check_trials(History(), {"acc"})) == "error"


def test_latency_must_agree() -> None:
    x = np.arange(10.0)
    assert check_agreement("latency_p50", agreement_of(x, x), 0.65).severity == "good"
    assert check_agreement("latency_p50", agreement_of(x, -x), 0.65).severity == "error"


def test_settings_come_cheapest_first_and_round_trip() -> None:
    made = settings_of((1.0, 0.5), (1.0, 0.5), {"width": (0.5,)})
    assert [(one.input, one.data) for one in made] == [(0.5, 0.5), (0.5, 1), (1, 0.5), (1, 1)]
    assert all(Setting(**one.as_json()) == one for one in made)
    assert str(made[0]) == "data 0.5, input 0.5, width 0.5"
    assert made[0].slug == "data-0.5-input-0.5-width-0.5"


@pytest.mark.parametrize("part", [0, 1.5, "half"])
def test_a_part_is_a_share(part: object) -> None:
    with pytest.raises(ConfigurationError, match=r"data=.*: must be above 0 and at most 1"):
        Setting(data=part)  # type: ignore[arg-type]
