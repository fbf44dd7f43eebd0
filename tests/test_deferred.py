"""Trials that a device was offline for: kept apart, and measured at the next start."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

import raynas as nas
from raynas.cli.progress import say_report
from raynas.controllers.features import Features
from raynas.controllers.surrogate_model import SurrogateModel
from raynas.preflight import dry_run
from raynas.report.failures import causes
from raynas.space import Space, integer, searchable
from raynas.stopping import DeviceOffline
from raynas.trials import BOUND, DEFERRED, History, Infeasible, outcome_from_json, outcome_to_json

OFFLINE = Infeasible("the device 'phone' is offline", kind=DEFERRED)


@searchable
class Net:
    width: int = integer(1, 64)


def made_search(folder: Path, trials: int = 4) -> nas.Search:
    return nas.Search(
        space=Net,
        task=nas.FunctionTask(lambda net: float(net.width)),
        controller="random",
        folder=folder,
        name="deferred",
        limits=nas.Limits(trials=trials),
    )


def tried(folder: Path) -> History:
    """Four trials, of which the second and the third wait for a device."""
    with made_search(folder).open() as run:
        asktell = run._searcher.asktell
        for number in range(4):
            proposal = asktell.ask()
            asktell.tell(proposal.number, OFFLINE if number in (1, 2) else 1.0)
        return run.history


def test_the_kind_is_stored_and_read_back(tmp_path: Path) -> None:
    history = tried(tmp_path)
    with made_search(tmp_path).open(read_only=True) as run:
        assert [trial.number for trial in run.history.deferred] == [1, 2]
        assert run.history == history
    assert outcome_from_json(outcome_to_json(OFFLINE)) == OFFLINE


def test_the_next_start_runs_them_once_more_under_their_numbers(tmp_path: Path) -> None:
    """Also where the limit on trials had ended the search."""
    before = tried(tmp_path)
    with made_search(tmp_path).open() as run:
        assert run._searcher.check_rules() is not None
    with made_search(tmp_path).open() as run:
        run._take_up_deferred()
        assert [trial.number for trial in run.history.running] == [1, 2]
        assert run._searcher.check_rules() is None
        for number in (1, 2):
            proposal = run.asktell.ask()
            assert proposal is not None
            assert proposal.number == number
            assert proposal.architecture == before[number].architecture
            run.asktell.tell(number, 2.0 + number)
        assert [trial.reward for trial in run.history] == [1.0, 3.0, 4.0, 1.0]


def test_a_search_that_another_rule_ends_leaves_them_as_they_are(tmp_path: Path) -> None:
    tried(tmp_path)
    with made_search(tmp_path, trials=2).open() as run:
        run._take_up_deferred()
        assert [trial.number for trial in run.history.deferred] == [1, 2]
        assert not run.history.running


def test_the_rule_on_offline_devices_is_in_every_search(tmp_path: Path) -> None:
    for names in ((), ("trials",)):
        search = dataclasses.replace(made_search(tmp_path), until=names)
        with search.open() as run:
            assert DeviceOffline() in run.rules


def test_reports_group_them_apart(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    history = tried(tmp_path)
    (cause,) = causes(history)
    assert (cause.kind, len(cause.trials)) == ("device offline", 2)
    say_report(history, None, None)
    shown = capsys.readouterr().out.replace("\n", " ")
    assert "Not measured, as a device was offline: 2 trials" in shown
    assert "--again" not in shown
    assert "Without reward" not in shown


def test_the_surrogate_learns_nothing_from_them(tmp_path: Path) -> None:
    """They say nothing of where rewards are to be had."""
    history = tried(tmp_path)
    assert len(history.completed) == 2
    model = SurrogateModel(Features(Space.of(Net)))
    assert model.log_chance(history) is None


@pytest.mark.parametrize("kind", [BOUND, DEFERRED])
def test_a_baseline_outside_a_bound_or_without_its_device_does_not_keep_a_search_from_starting(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dry_run, "_brief", lambda task, _: task)

    def refused(net: Net) -> float:
        raise nas.InfeasibleArchitecture("not now", kind=kind)

    check, measured = dry_run._tried("task", "baseline", nas.FunctionTask(refused), Net(1))
    assert (check.result, measured) == ("note", None)
