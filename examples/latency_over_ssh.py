"""Accuracy against the latency on a board that is reached by ssh: `raynas search` on this file.

``BOARD=pi@raspberrypi raynas search examples/latency_over_ssh.py``. The board needs Python with
NumPy and ONNX Runtime, and a key that ssh uses without asking; ``BOARD_SSH`` has further options
of ssh, such as ``-F ssh_config``, and ``BOARD_PYTHON`` the board's Python.
"""

from __future__ import annotations

import os
import shlex

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn

import raynas as nas
from raynas.meters import CommandMeter
from raynas.space import choice, repeat, searchable

BOARD = os.environ.get("BOARD", "board")
PYTHON = os.environ.get("BOARD_PYTHON", "python3")
OPTIONS = ["-o", "BatchMode=yes", *shlex.split(os.environ.get("BOARD_SSH", ""))]

RUN = "run_onnx.py model.onnx inputs.npz {warm_up} {repeats}"

meter = CommandMeter(
    BOARD,
    ["ssh", *OPTIONS, BOARD, f"cd /tmp/{{name}} && {PYTHON} {RUN}"],
    prepare=[
        ["ssh", *OPTIONS, BOARD, "mkdir -p /tmp/{name}"],
        ["scp", *OPTIONS, "{model}", "{inputs}", "{runner}", f"{BOARD}:/tmp/{{name}}/"],
    ],
    cleanup=["ssh", *OPTIONS, BOARD, "rm -r /tmp/{name}"],
    prefix="board/",
)


@searchable
class Net:
    widths: tuple[int, ...] = repeat(choice(16, 64, 256), 1, 2)

    def build(self) -> nn.Module:
        layers: list[nn.Module] = []
        features = 64
        for width in self.widths:
            layers += [nn.Linear(features, width), nn.ReLU()]
            features = width
        return nn.Sequential(*layers, nn.Linear(features, 10))


def accuracy(net: Net) -> float:
    """Of the network after forty steps of all training images at once."""
    torch.manual_seed(0)
    digits = load_digits()
    images = torch.tensor(digits.data / 16, dtype=torch.float32)
    labels, train = torch.tensor(digits.target), np.arange(len(digits.target)) % 5 > 0
    network = net.build()
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    for _ in range(40):
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(images[train]), labels[train]).backward()
        optimizer.step()
    with torch.no_grad():
        found = network(images[~train]).argmax(dim=1) == labels[~train]
    return float(found.float().mean())


task = nas.FunctionTask(lambda net: {"accuracy": accuracy(net)}, "accuracy")
search = nas.Search(
    space=Net,
    task=nas.meters.Measured(task, meter, example_input=torch.zeros(1, 64)),
    reward=nas.rewards.Pareto(
        nas.rewards.Metric("accuracy"), nas.rewards.Metric("board/latency_p50", "min")
    ),
    resources=nas.Resources(cpu=1),
    limits=nas.Limits(trials=12, parallel=2),
)
