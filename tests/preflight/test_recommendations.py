from __future__ import annotations

import pytest

from raynas.preflight.loader_speed import Loading
from raynas.preflight.recommendations import (
    best_batch,
    best_loading,
    best_precision,
    bottleneck,
    efficiencies,
    shared_cpu,
    shared_gpu,
)
from raynas.preflight.step_time import Timing


def timings(*seconds: float, start: int = 8) -> tuple[Timing, ...]:
    """A step's seconds at 8, 16, 32, ...; 0 for out of memory."""
    sizes = [start * 2**k for k in range(len(seconds))]
    return tuple(
        Timing(size, s, 10, error="" if s else "out of memory")
        for size, s in zip(sizes, seconds, strict=True)
    )


def test_efficiency_is_one_where_throughput_doubles_and_a_half_where_it_stays() -> None:
    assert efficiencies(timings(1.0, 1.0, 2.0, 0.0)) == [None, 1.0, 0.5, None]


def test_the_smallest_batch_near_the_best_speed_is_recommended() -> None:
    """8, 16, 30, 31 and 31 examples a second: nine tenths of 31 are first had at 32."""
    curve = timings(1.0, 1.0, 32 / 30, 64 / 31, 128 / 31)
    assert best_batch({"baseline": curve}, most=10_000) == 32
    assert best_batch({"baseline": curve}, most=16) == 16


def test_the_batch_must_fit_for_all_architectures() -> None:
    fast = timings(1.0, 1.0, 1.0, 1.0)
    assert best_batch({"baseline": fast, "largest": timings(1.0, 1.0, 0.0)}, 10_000) == 16
    assert best_batch({"baseline": fast, "largest": timings(0.0)}, 10_000) is None


def test_precision_must_gain_a_twentieth() -> None:
    one, slightly, clearly = (Timing(8, s) for s in (1.0, 0.97, 0.6))
    broken = Timing(8, error="RuntimeError: no")
    assert best_precision({"32-true": one, "bf16-mixed": slightly}) == "32-true"
    assert best_precision({"32-true": one, "bf16-mixed": clearly}) == "bf16-mixed"
    assert best_precision({"32-true": one, "16-mixed": broken}) == "32-true"
    assert best_precision({"32-true": broken}) is None


def test_workers_load_while_a_step_computes_and_without_them_it_waits() -> None:
    assert Loading(0, 0.2, 0.0).wait(1.0) == 0.2
    assert Loading(2, 0.2, 0.0).wait(1.0) == 0.0
    assert Loading(2, 1.5, 0.0).wait(1.0) == 0.5


def test_the_fewest_workers_that_keep_up_are_recommended() -> None:
    loadings = [Loading(0, 0.5, 0), Loading(1, 1.5, 0), Loading(2, 0.9, 0), Loading(4, 0.5, 0)]
    assert best_loading(loadings, 1.0) == loadings[2]
    assert best_loading(loadings[:2], 1.0) == loadings[0]  # waits equally long, and is first
    assert best_loading([Loading(0, 0.01, 0), *loadings], 1.0) == Loading(0, 0.01, 0)
    assert best_loading([Loading(0, 0, 0, "hangs")], 1.0) is None


@pytest.mark.parametrize(
    ("arithmetic", "wait", "gpu", "words"),
    [
        (0.9, 1.0, True, "data loading: 50% of the time a step waits"),
        (0.3, 0.0, True, "the host: the GPU computes 30% of a step"),
        (0.9, 0.0, True, "the GPU: it computes 90% of a step"),
        (0.9, 0.1, False, "the CPU: it computes 90%"),
    ],
)
def test_the_bottleneck_is_named(arithmetic: float, wait: float, gpu: bool, words: str) -> None:
    step = Timing(8, 1.0, 10, arithmetic=arithmetic)
    assert bottleneck(step, wait, gpu).startswith(words)


def test_trials_share_a_gpu_as_far_as_memory_and_its_use_allow() -> None:
    gib = 2**30
    assert shared_gpu(3 * gib, 16 * gib, 0.1).trials == 4  # memory: 14.4 / 3
    assert shared_gpu(gib, 16 * gib, 0.5).trials == 2
    assert shared_gpu(gib, 16 * gib, 0.95).trials == 1
    assert shared_gpu(20 * gib, 16 * gib, 0.1).trials == 1
    assert shared_gpu(3 * gib, 16 * gib, None).gpu == 0.25


def test_a_step_that_hardly_gains_by_cores_gets_one() -> None:
    assert (shared_cpu(1.0, 0.9, 8).trials, shared_cpu(1.0, 0.9, 8).cpu) == (8, 1)
    assert (shared_cpu(1.0, 0.15, 8).trials, shared_cpu(1.0, 0.15, 8).cpu) == (1, 8)
