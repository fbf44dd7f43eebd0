"""Meters and scorers run by Ray, on machines with a custom resource and in workers."""

from __future__ import annotations

import sys

import pytest
import torch

from raynas.errors import TaskError
from raynas.space import integer, searchable
from raynas.tasks import CostMeter, FunctionMeter, ZeroCost
from raynas.tasks.meters.meter import Subject
from raynas.tune.remote_scoring import OnResource, score_in_workers
from raynas.tune.run import ship_by_value

pytestmark = pytest.mark.usefixtures("ray_session")

ship_by_value(sys.modules[__name__])


@searchable
class Net:
    width: int = integer(1, 64)

    def build(self) -> torch.nn.Module:
        return torch.nn.Sequential(torch.nn.Linear(4, self.width), torch.nn.ReLU())


def test_a_meter_measures_where_the_resource_is() -> None:
    """Here the one that Ray gives the head of every cluster."""
    meter = OnResource(CostMeter(), "node:__internal_head__", 0.5)
    found = meter.measure(Subject(Net(3), torch.zeros(1, 4)))
    assert found["parameters"] == 15


def test_a_resource_that_no_machine_has_is_refused() -> None:
    meter = OnResource(FunctionMeter(float, "ms"), "phone")
    with pytest.raises(TaskError, match=r"resource='phone', amount=1: the cluster has 0 of it"):
        meter.measure(Subject(Net(3)))
    with pytest.raises(TaskError, match="amount=0: must be above 0"):
        OnResource(CostMeter(), "phone", 0)


def test_scores_computed_in_workers_are_the_same() -> None:
    scorer = ZeroCost(torch.randn(4, 4), proxies=("synflow", "naswot"))
    nets = [Net(width) for width in range(1, 21)]
    assert score_in_workers(scorer, nets) == scorer(nets)
