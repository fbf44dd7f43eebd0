from __future__ import annotations

from report_samples import completed, view

from raynas.dashboard.follower import Follower
from raynas.report import SearchView
from raynas.trials import Failed, History, Trial


class Clock:
    now = 0.0

    def __call__(self) -> float:
        self.now += 1.0
        return self.now


def test_a_reader_gets_what_changed_since_it_looked() -> None:
    running = Trial(0, None, None, 1.0)
    histories = [
        History((running,)),
        History((running, Trial(1, None, completed(0.5), 1.0, 2.0))),
        History((Trial(0, None, Failed("x"), 1.0, 2.0), Trial(1, None, completed(0.5), 1.0, 2.0))),
    ]
    shown = iter(histories)
    latest = [next(shown)]
    follower = Follower(lambda: view(latest[0]), Clock())
    first = follower.changes(None)
    assert first.all
    assert [row["outcome"] for row in first.added] == ["running"]
    latest[0] = next(shown)
    second = follower.changes(first.stamp)
    assert [row["number"] for row in second.added] == [1]
    assert second.updated == ()
    latest[0] = next(shown)
    third = follower.changes(second.stamp)
    assert third.added == ()
    assert [(row["number"], row["outcome"]) for row in third.updated] == [(0, "failed")]
    late = follower.changes(first.stamp)
    assert [row["number"] for row in late.added] == [1]
    assert [row["number"] for row in late.updated] == [0]
    assert follower.changes("another:2").all
    assert len(follower.changes("another:2").added) == 2


def test_a_dear_part_is_made_again_only_after_a_pause() -> None:
    clock = Clock()
    history = [History((Trial(0, None, completed(0.5), 1.0, 2.0),))]

    def look() -> SearchView:
        return view(history[0])

    follower = Follower(look, clock)
    part, stamp = follower.part("failures")
    history[0] = history[0].asked(Trial(1, None, completed(0.6), 1.0, 2.0))
    assert follower.part("failures") == (part, stamp)  # making it took a second of this clock
    clock.now += 100
    _, later = follower.part("failures")
    assert later != stamp
    assert follower.part("failures")[1] == later
