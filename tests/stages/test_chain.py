"""Stages in a row: what they are built on, and that it stays so."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

import raynas as nas
from raynas.errors import ConfigurationError, StoreError
from raynas.search import Search
from raynas.space import Space, integer, searchable
from raynas.stages import Results, StageChain, StageResult, Stages
from raynas.stages.results import basis_of
from raynas.trials import Completed, History, Measurement, Trial


@searchable
class First:
    x: int = integer(0, 9, default=0)


@searchable
class Second:
    y: int = integer(0, 9, default=0)


def found_first(net: First) -> float:
    return float(net.x)


FIRST = Search(First, nas.FunctionTask(found_first), controller="random")


def second(found: Results) -> Search:
    base = found["first"].best.x
    task = nas.FunctionTask(lambda net: net.y + base, metric="y")
    return replace(FIRST, space=Second, task=task, seed=base)


def chain(**stages: Any) -> StageChain:
    return StageChain(Stages(stages or {"first": FIRST, "second": second}), "chain")


def test_a_stage_sees_what_those_before_it_found(drive: Callable[..., None]) -> None:
    here = chain()
    assert (here.current, here.begun) == ("first", ())
    drive(here, "first")
    best = here.result("first").best
    assert best.x == max(trial.architecture.x for trial in here.result("first").history)
    drive(here, "second")
    assert here.begun == ("first", "second")
    assert here.current == "second"
    assert here.build("second").search.seed == best.x
    assert here.passed("first")
    assert not here.passed("second")
    with here.build("second").search.open(read_only=True) as run:
        assert run.folder == here.folder / "chain-second"
        assert {t.reward for t in run.history} == {t.architecture.y + best.x for t in run.history}


def test_a_later_stage_keeps_to_what_it_was_built_on(drive: Callable[..., None]) -> None:
    """However long the earlier one goes on, also in another process."""
    here = chain()
    drive(here, "first", 2)
    drive(here, "second")
    before = here.build("second")
    drive(here, "first", 10)
    assert here.result("first").best.x == 9
    assert chain().build("second").basis == before.basis
    assert chain().build("second").search.seed == before.search.seed != 9
    drive(here, "second", again=True)
    assert chain().build("second").search.seed == 9
    assert len(here.result("second").history) == 3


def test_changed_results_are_refused_and_can_be_built_on_anew(drive: Callable[..., None]) -> None:
    here = chain()
    drive(here, "first")
    drive(here, "second")
    here = chain(first=replace(FIRST, seed=5, again="all"), second=second)
    drive(here, "first")
    with pytest.raises(
        ConfigurationError,
        match=r"stage 'second': the results of the stage 'first' have changed .*"
        r"`raynas search FILE:second --again`",
    ):
        here.build("second")
    drive(here, "second", again=True)
    assert here.build("second").search.seed == here.result("first").best.x


def test_a_stage_needs_results_before_it(drive: Callable[..., None]) -> None:
    with pytest.raises(ConfigurationError, match="built on 'first', which has no result yet"):
        chain().build("second")
    with pytest.raises(ConfigurationError, match="chain has no stage 'third': use one of first"):
        chain().build("third")


def test_a_stage_with_another_predecessor_is_refused(drive: Callable[..., None]) -> None:
    here = chain()
    drive(here, "first")
    drive(here, "second")
    between = chain(first=FIRST, between=replace(FIRST, seed=1), second=second)
    drive(between, "between")
    with pytest.raises(ConfigurationError, match="built on first, and now follows first, between"):
        between.build("second")


def test_a_changed_stage_is_refused_by_its_store(drive: Callable[..., None]) -> None:
    drive(chain(), "first")
    changed = chain(first=replace(FIRST, space=Second), second=second)
    with pytest.raises(StoreError, match="is another one: space: "):
        changed.result("first")


def test_damaged_notes_are_refused(drive: Callable[..., None]) -> None:
    here = chain()
    drive(here, "first")
    path = here.folder / "stages.json"
    path.write_text(json.dumps({"format": 1, "stages": {"first": 3}}))
    with pytest.raises(StoreError, match=r"stages.json is damaged .* move the chain's folder away"):
        here.build("first")


def test_running_trials_are_not_built_on(drive: Callable[..., None]) -> None:
    trials = [
        Trial(0, First(1), Completed(Measurement({}), 1.0)),
        Trial(1, First(2)),
        Trial(2, First(3), Completed(Measurement({}), 3.0)),
    ]
    result = StageResult("first", FIRST, History(tuple(trials)))
    basis = basis_of(result)
    assert basis.trials == 1
    assert [trial.number for trial in basis.of(result).history] == [0]


def test_full_trainings_decide_what_is_best() -> None:
    searched = [Trial(n, First(n), Completed(Measurement({}), float(n))) for n in range(3)]
    in_full = [
        Trial(0, First(1), Completed(Measurement({}), 0.9)),
        Trial(1, First(2), Completed(Measurement({}), 0.8)),
    ]
    result = StageResult("first", FIRST, History(tuple(searched)), History(tuple(in_full)))
    assert result.top(5) == (First(1), First(2), First(0))
    assert result.best == First(1)
    assert result.incumbent == First(0)


@pytest.mark.parametrize(
    ("stages", "message"),
    [
        ({}, "must be a dictionary from the names of stages"),
        ({"a b": FIRST}, "stages has the name 'a b'"),
        ({"a": 3}, r"stages\['a'\]=3: must be a raynas Search, or a function"),
    ],
)
def test_what_stages_are(stages: Any, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        Stages(stages)


def test_errors_of_a_stage_name_it(drive: Callable[..., None]) -> None:
    def wrong(found: Results) -> Search:
        raise ConfigurationError("no")

    here = chain(first=FIRST, wrong=wrong, none=lambda found: None)
    drive(here, "first")
    with pytest.raises(ConfigurationError, match="stage 'wrong': no"):
        here.build("wrong")
    lost = chain(first=FIRST, none=lambda found: None)
    with pytest.raises(ConfigurationError, match=r"stages\['none'\] makes None"):
        lost.build("none")


def test_nothing_is_built_on_a_stage_without_a_result() -> None:
    failed = History((Trial(0, First(1), nas.trials.Failed("boom")),))
    with pytest.raises(ConfigurationError, match="no trial of the stage 'first' has a reward, so"):
        chain().check_found("first", failed)
    chain().check_found("second", failed)


def test_the_search_of_a_stage_can_be_anywhere(drive: Callable[..., None]) -> None:
    here = StageChain(Stages({"first": FIRST}, folder="elsewhere"), "named")
    drive(here, "first")
    assert (here.folder / "named-first" / "journal.log").exists()
    assert Space.of(here.result("first").search.space).root is First
