"""An outcome proves whose it is, also in a database."""

from __future__ import annotations

import json
import math
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from raynas.asktell import AskTell
from raynas.errors import DamagedStoreError
from raynas.rewards import Metric
from raynas.store.checksum_chain import DamageError
from raynas.store.outcome_digest import outcome_record, read_outcome
from raynas.testing import ToyNet
from raynas.trials import Completed, Failed, Infeasible, Measurement, Outcome, Point

CONFIG = {"width": 8, "rate": 0.1}
OLD = Path(__file__).parent / "made_by_0_1_0"
ENDS: tuple[Outcome, ...] = (
    Completed(Measurement({"a": 0.1}, 1.5, 3, (Point(1, {"a": 0.05}),)), 0.1),
    Infeasible("loss is inf", Measurement({"loss": math.inf})),
    Failed("ü\n"),
)


@pytest.mark.parametrize("outcome", ENDS)
def test_a_record_gives_its_outcome_back(outcome: Outcome) -> None:
    record = json.loads(json.dumps(outcome_record(3, CONFIG, outcome, 12.5)))
    assert read_outcome(record, 3, CONFIG) == (outcome, 12.5)


@pytest.mark.parametrize(
    ("number", "config", "change", "message"),
    [
        (4, CONFIG, {}, "has the outcome of another trial or architecture"),
        (3, {**CONFIG, "width": 16}, {}, "has the outcome of another trial or architecture"),
        (3, CONFIG, {"reward": 0.2}, "has a changed outcome"),
        (3, CONFIG, {"number": 4}, "has a changed outcome"),
    ],
)
def test_a_record_at_another_place_is_refused(
    number: int, config: Any, change: Any, message: str
) -> None:
    record = {**outcome_record(3, CONFIG, ENDS[0], 12.5), **change}
    with pytest.raises(DamageError, match=message):
        read_outcome(record, number, config)


def search_in(file: Path, **options: Any) -> AskTell[Any]:
    return AskTell(ToyNet, "random", store=f"sqlite:///{file}", **options)


@pytest.fixture
def database(tmp_path: Path) -> Path:
    file = tmp_path / "search.db"
    with search_in(file) as search:
        for number in range(4):
            search.ask()
            search.tell(number, float(number))
    return file


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        (
            "update trial_user_attributes set value_json = (select value_json "
            "from trial_user_attributes where key = 'outcome' and trial_id = 3) "
            "where key = 'outcome' and trial_id = 2",
            "trial 1 in sqlite.* has the outcome of another trial or architecture: restore the",
        ),
        (
            "update trial_params set param_value = 32 - param_value "
            "where param_name = 'width' and trial_id = 3 and param_value != 16",
            "trial 2 in sqlite.* has the outcome of another trial or architecture",
        ),
        (
            "update trial_user_attributes set value_json = replace(value_json, '3.0', '7.0') "
            "where key = 'outcome' and trial_id = 4",
            "trial 3 in sqlite.* has a changed outcome",
        ),
        ("delete from trials where trial_id = 2", "trial 1 is missing from the store"),
    ],
    ids=["exchanged", "parameter", "reward", "deleted"],
)
def test_a_database_that_was_changed_is_refused(
    database: Path, statement: str, message: str
) -> None:
    with sqlite3.connect(database) as connection:
        assert connection.execute(statement).rowcount > 0
    connection.close()
    with pytest.raises(DamagedStoreError, match=message) as refused:
        search_in(database)
    assert refused.value.trial is not None


def test_a_database_of_an_older_version_goes_on(tmp_path: Path) -> None:
    file = tmp_path / "search.db"
    connection = sqlite3.connect(file)
    connection.executescript((OLD / "search.sql").read_text())
    connection.close()
    with search_in(file, seed=5, reward=Metric("accuracy")) as search:
        known = len(search.history.completed)
        assert (len(search.history), search.waiting) == (14, 2)
        search.tell(search.ask().number, 0.75)
    with search_in(file, seed=5, reward=Metric("accuracy")) as search:
        assert len(search.history.completed) == known + 1
