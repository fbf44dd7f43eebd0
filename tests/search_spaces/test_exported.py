"""Spaces exported as code: a fresh process without raynas builds the same networks from it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_model
from torch import Tensor, nn

from raynas.export.code import standalone_code
from raynas.space import Space
from raynas.tasks.meters.profile import profile
from search_spaces import detection, pillars, spinenet, unet3d
from search_spaces.resnet import ResNet, Stage

BACKBONE = ResNet("basic", "small", (Stage(1, 1.0),) * 4)
MEMBERS = 3
SPACES: dict[str, tuple[Any, dict[str, Any], tuple[int, ...]]] = {
    "detection": (
        detection,
        {"in_channels": 1, "num_classes": 2, "backbone": BACKBONE, "width": 0.1},
        (1, 24, 21),
    ),
    "pillars": (pillars, {"area": (0.0, 0.0, 6.0, 4.0), "width": 0.1, "outputs": 3}, (50, 4)),
    "spinenet": (spinenet, {"in_channels": 1, "width": 0.06, "channels": 8}, (1, 40, 33)),
    "unet3d": (unet3d, {"in_channels": 1, "width": 0.1}, (1, 9, 19, 17)),
}

RERUN = """
import importlib.util, sys, torch
sys.modules["raynas"] = sys.modules["search_spaces"] = None
torch.set_num_threads(1)
for folder in sys.argv[1:]:
    spec = importlib.util.spec_from_file_location("model", folder + "/model.py")
    model = sys.modules["model"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(model)
    network = model.load(folder + "/model.safetensors")
    inputs = torch.load(folder + "/inputs.pt", weights_only=True)
    with torch.no_grad():
        torch.save(network(inputs), folder + "/outputs.pt")
"""


def members(name: str) -> list[Any]:
    module = SPACES[name][0]
    space = Space(type(module.BASELINE), baseline=module.BASELINE)
    rng = np.random.default_rng(1)
    return [module.BASELINE, *(space.sample(rng) for _ in range(MEMBERS - 1))]


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[tuple[Any, Any]]]:
    """Outputs of the networks of the search, and of those of the exported code."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # as in the fresh process: sums of several threads differ in rounding
    try:
        return outputs_of_both(tmp_path_factory.mktemp("exported"))
    finally:
        torch.set_num_threads(threads)


def outputs_of_both(root: Path) -> dict[str, list[tuple[Any, Any]]]:
    made: dict[str, list[tuple[Path, Any]]] = {}
    for name, (_, arguments, shape) in SPACES.items():
        made[name] = []
        for index, architecture in enumerate(members(name)):
            folder = root / f"{name}{index}"
            folder.mkdir()
            torch.manual_seed(index)
            network = architecture.build(**arguments)
            inputs = torch.rand(2, *shape)
            with torch.no_grad():
                network(inputs)  # which moves the statistics of batch normalization
                (folder / "model.py").write_text(standalone_code(architecture, arguments))
                save_model(network, str(folder / "model.safetensors"))
                torch.save(inputs, folder / "inputs.pt")
                made[name].append((folder, network.eval()(inputs)))
    folders = [str(folder) for pairs in made.values() for folder, _ in pairs]
    done = subprocess.run(
        [sys.executable, "-I", "-c", RERUN, *folders], capture_output=True, text=True, cwd=root
    )
    assert done.returncode == 0, done.stderr
    return {
        name: [(outputs, torch.load(f / "outputs.pt", weights_only=True)) for f, outputs in pairs]
        for name, pairs in made.items()
    }


@pytest.mark.parametrize("name", SPACES)
def test_exported_code_computes_the_same(
    name: str, exported: dict[str, list[tuple[Any, Any]]]
) -> None:
    assert len(exported[name]) == MEMBERS
    for ours, theirs in exported[name]:
        one, other = list(leaves(ours)), list(leaves(theirs))
        assert len(one) == len(other) > 0
        assert all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


def leaves(outputs: Tensor | Sequence[Tensor]) -> Iterator[Tensor]:
    if isinstance(outputs, Tensor):
        yield outputs
    else:
        yield from outputs


@pytest.mark.parametrize("name", SPACES)
def test_flops_are_those_of_all_layers_by_their_shapes(name: str) -> None:
    """A multiply-accumulate is two; layers are counted from their weights and positions."""
    _, arguments, shape = SPACES[name]
    for architecture in members(name):
        counted: list[int] = []

        def count(
            layer: nn.Module, inputs: tuple[Tensor], output: Tensor, counted: list[int] = counted
        ) -> None:
            if isinstance(layer, nn.Linear):
                counted.append(2 * layer.weight.numel() * (output.numel() // output.shape[-1]))
                return
            positions = (inputs[0] if "Transpose" in type(layer).__name__ else output)[0, 0].numel()
            counted.append(2 * layer.weight.numel() * positions)  # type: ignore[operator, union-attr]

        network = architecture.build(**arguments).eval()
        for layer in network.modules():
            if isinstance(
                layer, nn.Linear | nn.Conv2d | nn.Conv3d | nn.ConvTranspose2d | nn.ConvTranspose3d
            ):
                layer.register_forward_hook(count)
        with torch.no_grad():
            network(torch.rand(1, *shape))
        found = profile(
            architecture, torch.rand(1, *shape), build=lambda one: one.build(**arguments)
        )
        assert found.flops == sum(counted)
        assert found.parameters == sum(p.numel() for p in network.parameters())
