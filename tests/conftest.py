from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

# A machine that is busy with other things fails no test.
settings.register_profile("raynas", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("raynas")


@pytest.fixture(scope="session")
def ray_session() -> Iterator[None]:
    """One local Ray session of two CPUs and two simulated GPUs for all tests that run trials."""
    import ray

    from raynas.tune.ray_session import start

    start(num_cpus=2, num_gpus=2, include_dashboard=False)
    yield
    ray.shutdown()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the tests that take minutes, so that others run beside them to the end."""
    items.sort(key=lambda item: "/tests/cluster/" not in item.path.as_posix())
