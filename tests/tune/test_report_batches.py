"""What a worker sends: reports in batches, endings of bounded length."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from raynas.report_limits import MOST_TEXT
from raynas.testing import ToyNet
from raynas.trials import Failed, Measurement
from raynas.tune.checkpoints import Checkpoints
from raynas.tune.outcome_text import bounded_ending
from raynas.tune.report_batches import METRICS, MORE, STEP, Reports
from raynas.tune.searcher import NASSearcher
from raynas.tune.trainable import read_ending
from raynas.tune.worker_monitor import Log


class Sent:
    """Takes reports, at a pace of a thousand a second."""

    def __init__(self) -> None:
        self.reports: list[dict[str, Any]] = []
        self.now = 0.0

    def __call__(self, report: dict[str, Any]) -> None:
        self.reports.append(report)

    def clock(self) -> float:
        return self.now


def reported(count: int, pace: float = 0.001) -> list[dict[str, Any]]:
    sent = Sent()
    reports = Reports(sent, sent.clock)
    for step in range(count):
        sent.now += pace
        reports(step, {"loss": 1.0})
    return sent.reports


def test_the_first_reports_and_slow_ones_are_sent_one_by_one() -> None:
    for reports in (reported(100), reported(300, pace=1.0)):
        assert [report[STEP] for report in reports] == list(range(len(reports)))
        assert all(report[METRICS] == {"loss": 1.0} for report in reports)
        assert not any(MORE in report for report in reports)
    assert len(reported(300, pace=1.0)) == 300


def test_a_hundred_thousand_reports_reach_the_driver_as_some_hundred() -> None:
    reports = reported(100_000)
    assert len(reports) < 600
    steps = [s for report in reports for s in (*(s for s, _ in report.get(MORE, ())), report[STEP])]
    assert steps == sorted(set(steps))
    assert max(len(report.get(MORE, ())) for report in reports) <= 100


def test_the_searcher_takes_in_the_reports_between() -> None:
    searcher = NASSearcher(ToyNet, "random", metric="loss", mode="min")
    searcher.suggest("t")
    searcher.on_trial_result(
        "t", {STEP: 9, f"{METRICS}/loss": 0.1, MORE: [(7, {"loss": 0.3}), (8, {"loss": 0.2})]}
    )
    points = searcher.history[0].points
    assert [(point.step, point.metrics["loss"]) for point in points] == [
        (7, 0.3),
        (8, 0.2),
        (9, 0.1),
    ]


def test_a_long_error_is_shortened_and_kept_whole_in_a_file(tmp_path: Path) -> None:
    error = "Traceback\n" + "ü" * 1_000_000 + "\nValueError: bad"
    text = json.dumps({"kind": "failed", "error": error})
    ending = read_ending(bounded_ending(text, tmp_path / "whole.json"))
    assert isinstance(ending, Failed)
    assert len(ending.error) < MOST_TEXT + 300
    assert ending.error.endswith("ValueError: bad")
    assert f"the whole text is in {tmp_path / 'whole.json'} on " in ending.error
    assert json.loads((tmp_path / "whole.json").read_text())["error"] == error


def test_where_the_whole_cannot_be_kept_that_is_said(tmp_path: Path) -> None:
    text = json.dumps({"kind": "memory", "message": "m" * 100_000})
    ending = read_ending(bounded_ending(text, tmp_path / "none" / "whole.json"))
    assert "the whole text could not be written to a file" in str(ending)


def test_a_measurement_keeps_the_metrics_a_reward_may_need(tmp_path: Path) -> None:
    metrics = {f"m{number}": 1.0 for number in range(3000)}
    curve = [{"step": step, "metrics": {"a": 1.0}} for step in range(5000)]
    data = {"kind": "measured", "metrics": metrics, "seconds": 1.0, "steps": 1, "curve": curve}
    ending = read_ending(bounded_ending(json.dumps(data), tmp_path / "whole.json"))
    assert isinstance(ending, Measurement)
    assert len(ending.metrics) == 3000
    assert len(ending.curve) <= 1000
    assert ending.curve[-1].step == 4999


def test_what_is_short_is_sent_as_it_is(tmp_path: Path) -> None:
    text = '{"kind":"failed","error":"x"}'
    assert bounded_ending(text, tmp_path / "whole.json") is text
    assert not (tmp_path / "whole.json").exists()


def test_a_log_without_end_keeps_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("raynas.tune.worker_monitor._logs", lambda: tmp_path)
    monkeypatch.setattr("raynas.tune.worker_monitor._MOST_PRINTED", 50_000)
    log = Log()
    log.path.write_text("a" * 60_000 + "the end")
    log.shorten()
    assert log.size() < 20_000
    assert log.tail().endswith("the end")
    log.close()


def test_a_checkpoint_that_would_fill_the_disk_is_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "checkpoint"
    file.write_bytes(b"weights")
    checkpoints = Checkpoints(str(tmp_path / "kept"))
    checkpoints.keep(1, file)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=2**30))
    file.write_bytes(b"later weights")
    checkpoints.keep(1, file)
    copy = checkpoints.kept(1, tmp_path)
    assert copy is not None
    assert copy.read_bytes() == b"weights"
    assert "a checkpoint of 0.00 GiB is not kept" in caplog.text
