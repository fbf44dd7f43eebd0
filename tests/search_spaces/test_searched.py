"""Any ready space with any controller."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from raynas import AskTell, Space
from search_spaces import (
    darts,
    detection,
    efficientnetv2,
    fpn,
    graph,
    mnasnet,
    nasbench201,
    nasbench_macro,
    pillars,
    resnet,
    scaling,
    spinenet,
    tabular,
    timeseries,
    transformer,
    unet,
    unet3d,
)

SPACES: dict[str, tuple[Any, Any]] = {
    "darts": (darts.DARTS, darts.BASELINE),
    "detection": (detection.FCOS, detection.BASELINE),
    "efficientnetv2": (efficientnetv2.EfficientNetV2, efficientnetv2.BASELINE),
    "fpn": (fpn.NASFPN, None),
    "graph": (graph.NASBenchGraph, graph.BASELINE),
    "mnasnet": (mnasnet.MnasNet, mnasnet.BASELINE),
    "nasbench201": (nasbench201.NASBench201Cell, nasbench201.BASELINE),
    "nasbench_macro": (nasbench_macro.NASBenchMacro, nasbench_macro.BASELINE),
    "pillars": (pillars.PointPillars, pillars.BASELINE),
    "resnet": (resnet.ResNet, resnet.BASELINE),
    "scaling": (scaling.Scaling, None),
    "spinenet": (spinenet.SpineNet, spinenet.BASELINE),
    "tabular": (tabular.TabularNet, tabular.BASELINE),
    "timeseries": (timeseries.TimeSeriesNet, timeseries.BASELINE),
    "transformer": (transformer.GPT, transformer.BASELINE),
    "unet": (unet.UNet, unet.BASELINE),
    "unet3d": (unet3d.UNet3d, unet3d.BASELINE),
}


@pytest.mark.parametrize("controller", ["random", "evolution"])
@pytest.mark.parametrize("name", SPACES)
def test_a_controller_searches_a_ready_space(name: str, controller: str) -> None:
    """Evolution comes near a target that the reward measures the distance to."""
    root, target = SPACES[name]
    space = Space(root)
    target = target or space.sample(np.random.default_rng(7))
    search = AskTell(root, controller)
    for _ in range(60):
        proposal = search.ask()
        assert proposal is not None
        search.tell(proposal.number, -float(space.distance(proposal.architecture, target)))
    rewards = search.history.rewards
    assert len(search.history.architectures) == 60
    if controller == "evolution":
        assert np.mean(rewards[-15:]) > np.mean(rewards[:30])
