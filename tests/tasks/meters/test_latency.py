"""How latency is timed: after warming up, and when the device has done its work."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch

from raynas.tasks.meters import latency
from raynas.tasks.meters.latency import network_latency, timed


@pytest.mark.parametrize(
    ("device", "warm_up"),
    [
        ("cpu", 5),
        ("CPUExecutionProvider", 5),
        ("cuda", 30),
        ("cuda:1", 30),
        ("mps", 30),
        ("CUDAExecutionProvider", 30),
    ],
)
def test_a_gpu_is_warmed_up_until_its_clock_has_risen(
    device: str, warm_up: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A GPU is slow for its first tenths of a second, here ten times as slow."""
    calls = [0]

    def run() -> None:
        calls[0] += 1

    def now() -> float:
        return 0.01 * calls[0]

    monkeypatch.setattr(latency, "time", SimpleNamespace(perf_counter=now))
    monkeypatch.setattr(latency, "_times_interrupted", lambda: 0)
    found = timed(run, device)
    assert found.p50 == found.p99 == pytest.approx(0.01)
    assert calls[0] - 100 in (warm_up, warm_up + 1)


@pytest.mark.parametrize(
    ("seconds", "calls"), [(0.0001, 5000), (0.002, 250), (0.008, 100), (0.02, 50), (0.2, 20)]
)
def test_a_quick_network_is_timed_for_half_a_second(
    seconds: float, calls: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that its interval is not one of the few milliseconds that a hundred calls take."""
    made = [0]

    def run() -> None:
        made[0] += 1

    monkeypatch.setattr(latency, "time", SimpleNamespace(perf_counter=lambda: seconds * made[0]))
    monkeypatch.setattr(latency, "_times_interrupted", lambda: 0)
    timed(run, "cpu")
    assert 0 <= made[0] - 5 - calls + 1 <= 1 + max(1, 0.001 / seconds)


@pytest.mark.parametrize("device", ["cuda", "mps"])
def test_each_call_is_timed_until_the_device_has_done_its_work(
    device: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Calls only ask a GPU to work: the time until it has is what counts."""
    clock, asked = [0.0], [0]

    class Network(torch.nn.Module):
        def forward(self, value: torch.Tensor) -> torch.Tensor:
            asked[0] += 1
            clock[0] += 0.0001
            return value

    def finish(*_: object) -> None:
        clock[0] += 0.02 * asked[0]
        asked[0] = 0

    monkeypatch.setattr(latency, "time", SimpleNamespace(perf_counter=lambda: clock[0]))
    monkeypatch.setattr(getattr(torch, device), "synchronize", finish)
    found = network_latency(Network(), (torch.zeros(1),), device)
    assert found.p50 == found.p99 == pytest.approx(0.0201)


def test_only_the_network_itself_is_timed_on_a_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is looked at or prepared besides is not: it would be a tenth of a small network."""
    clock, own = [0.0], 0.0001

    class Network(torch.nn.Module):
        def forward(self, value: torch.Tensor) -> torch.Tensor:
            clock[0] += own
            return value

    def slow(function: Any, result: Any = None) -> Any:
        def instead(*arguments: Any) -> Any:
            clock[0] += 0.01
            return function(*arguments) if function else result

        return instead

    monkeypatch.setattr(latency, "time", SimpleNamespace(perf_counter=lambda: clock[0]))
    monkeypatch.setattr(latency, "_times_interrupted", slow(None, 0))
    monkeypatch.setattr(latency, "arguments_of", slow(latency.arguments_of))
    monkeypatch.setattr(latency, "finish", slow(None))
    found = network_latency(Network(), (torch.zeros(1),), "cpu")
    assert (found.p50, found.p99) == pytest.approx((own, own))


def test_a_row_of_quick_calls_counts_as_one_where_it_was_interrupted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Every third row has a neighbor in it, in one of its ten calls."""
    clock, calls, interruptions = [0.0], [0], [0]

    def run() -> None:
        calls[0] += 1
        interrupted = calls[0] % 30 == 7
        interruptions[0] += interrupted
        clock[0] += 0.0001 + 0.01 * interrupted

    monkeypatch.setattr(latency, "time", SimpleNamespace(perf_counter=lambda: clock[0]))
    monkeypatch.setattr(latency, "_times_interrupted", lambda: interruptions[0])
    found = timed(run, "cpu")
    assert (found.p50, found.p99) == pytest.approx((0.0001, 0.0001))
