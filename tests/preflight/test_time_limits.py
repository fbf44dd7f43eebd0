from __future__ import annotations

import threading

import pytest

from raynas.errors import TaskError
from raynas.preflight.time_limits import each_within, within


def test_what_comes_in_time_is_passed_on_in_order() -> None:
    assert list(each_within(600, range(200), "numbers")) == list(range(200))
    assert within(600, lambda: 7, "a number") == 7


def test_what_hangs_is_given_up_by_name() -> None:
    never = threading.Event()
    with pytest.raises(TaskError, match=r"reading x: nothing came for 0.05 seconds; .*--patience"):
        within(0.05, never.wait, "reading x")
    never.set()


def test_errors_are_passed_on() -> None:
    def broken() -> None:
        raise KeyError("gone")

    with pytest.raises(KeyError, match="gone"):
        within(600, broken, "x")


def test_what_is_no_longer_wanted_is_no_longer_drawn() -> None:
    drawn: list[int] = []

    def items():  # type: ignore[no-untyped-def]
        for number in range(10_000):
            drawn.append(number)
            yield number

    for number in each_within(600, items(), "numbers"):
        if number == 3:
            break
    assert len(drawn) < 1000
