"""Layers of few bits: trained in full precision, evaluated and exported quantized."""

from __future__ import annotations

import copy
import importlib.util
import pickle
import sys
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_model
from torch import Tensor, nn

import raynas as nas
from raynas.errors import TaskError
from raynas.export.formats import write_onnx, write_torch
from raynas.meters import CostMeter, LatencyMeter, SizeMeter
from raynas.quantization import Quantized, deployed, quantized
from raynas.space import choice, searchable
from raynas.tasks.meters.meter import Subject

pytest.importorskip("torchao")

LAYERS = {
    "linear": (lambda: nn.Linear(6, 4), (3, 6)),
    "linear without bias": (lambda: nn.Linear(6, 4, bias=False), (3, 5, 6)),
    "conv1d": (lambda: nn.Conv1d(4, 6, 3, padding="same", padding_mode="circular"), (2, 4, 9)),
    "conv2d": (lambda: nn.Conv2d(4, 6, 3, stride=2, groups=2), (2, 4, 9, 9)),
    "conv3d": (lambda: nn.Conv3d(2, 3, 2, dilation=2, bias=False), (2, 2, 5, 5, 5)),
}


def by_hand(weight: Tensor, bits: int) -> Tensor:
    """Whole numbers around zero with a scale an output channel, by the formula."""
    rows = weight.detach().double().flatten(1)
    most = 2 ** (bits - 1) - 1
    scale = torch.maximum(rows.amax(1) / most, -rows.amin(1) / (most + 1)).clamp(min=1e-12)
    levels = (rows / scale[:, None]).round().clamp(-most - 1, most)
    return (levels * scale[:, None]).reshape(weight.shape)


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("bits", [2, 4, 8])
def test_a_layer_is_evaluated_with_quantized_and_trained_with_its_weights(
    name: str, bits: int
) -> None:
    make, shape = LAYERS[name]
    torch.manual_seed(0)
    layer, x = make(), torch.randn(shape)
    plain = copy.deepcopy(layer)
    made = quantized(layer, bits)
    assert made.train()(x).equal(plain(x))
    rounded = copy.deepcopy(plain)
    rounded.weight.data = by_hand(plain.weight, bits).float()
    off = (rounded.weight - plain.weight).abs().max() / plain.weight.abs().max()
    found = made.eval()(x)
    assert not found.equal(plain(x))
    assert torch.allclose(found, rounded(x), atol=1e-5)
    assert off < 2.0 ** (1 - bits)
    assert deployed(made)(x).equal(found)


def test_what_is_evaluated_is_of_the_weights_as_they_are_now() -> None:
    """However they were changed: by a step, loaded, moved, or behind torch's back."""
    torch.manual_seed(0)
    made, x = quantized(nn.Linear(5, 3), 4).eval(), torch.randn(2, 5)
    other = nn.Linear(5, 3)

    def expected() -> Tensor:
        return quantized(copy.deepcopy(made.layer), 4).eval()(x)

    with torch.no_grad():
        seen = [made(x)]
        made.layer.weight.add_(0.5)
        seen.append(made(x))
        made.layer.load_state_dict(other.state_dict())
        seen.append(made(x))
        made.layer.weight.data.mul_(2)
        seen.append(made(x))
        made.layer.bias.data.add_(1)
        assert torch.allclose(made(x), seen[-1] + 1)
        made.double()
        assert made(x.double()).dtype == torch.float64
        made.float()
        assert made(x).equal(expected())
    assert not any(one.equal(two) for one, two in pairwise(seen))


def test_state_is_that_of_the_layers(tmp_path: Path) -> None:
    net = quantized(nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU()), 4)
    net.eval()(torch.zeros(1, 1, 5, 5))
    assert {name.replace("layer.", "") for name in net.state_dict()} == set(
        nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2)).state_dict()
    )
    again = pickle.loads(pickle.dumps(net))
    x = torch.randn(2, 1, 5, 5)
    assert again(x).equal(net(x))
    assert len(list(net.parameters())) == 4


class Net(nn.Module):
    """With branches, whose outputs are added outside of any module."""

    def __init__(self, bits: int) -> None:
        super().__init__()
        self.stem = nn.Conv2d(1, 4, 3, padding=1)
        self.block = quantized(nn.Sequential(nn.Conv2d(4, 4, 3, padding=1), nn.ReLU()), bits)
        self.head = quantized(nn.Linear(4, 3), bits)

    def forward(self, x: Tensor) -> Tensor:
        y = self.stem(x)
        return self.head((y + self.block(y)).mean((2, 3)))


def test_exported_programs_compute_what_is_evaluated(tmp_path: Path) -> None:
    torch.manual_seed(0)
    net, x = Net(4).eval(), torch.randn(2, 1, 6, 6)
    assert write_torch(tmp_path / "model.pt2", net, (x,)) == 0
    program = torch.export.load(tmp_path / "model.pt2")
    more = torch.randn(5, 1, 6, 6)
    assert torch.allclose(program.module()(more), net(more), atol=1e-6)
    held = {tensor.dtype for tensor in program.state_dict.values() if tensor.ndim > 1}
    assert torch.int8 in held
    assert isinstance(net.head, Quantized), "the network itself was changed"


def test_onnx_computes_what_is_evaluated(tmp_path: Path) -> None:
    pytest.importorskip("onnxscript")
    torch.manual_seed(0)
    assert write_onnx(tmp_path / "model.onnx", Net(8).eval(), (torch.randn(2, 1, 6, 6),)) < 1e-5


@searchable
class Mlp:
    bits: int = choice(32, 8, 4)

    def build(self) -> nn.Module:
        body = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 4))
        return nn.Sequential(quantized(body, self.bits), nn.BatchNorm1d(4))


def test_meters_see_the_bits() -> None:
    subjects = [Subject(Mlp(bits), torch.zeros(1, 8)) for bits in (32, 8, 4)]
    full, eight, four = (SizeMeter().measure(one)["weight_bytes"] for one in subjects)
    weights, biases, norm = 8 * 32 + 32 * 4, 32 + 4, 4 * 4 * 4 + 8
    assert full == 4 * (weights + biases) + norm
    assert eight == weights + 4 * 2 * biases + norm
    assert four == weights / 2 + 4 * 2 * biases + norm
    costs = [CostMeter().measure(one) for one in subjects]
    assert costs[0]["parameters"] == costs[2]["parameters"]
    assert costs[0]["flops"] == costs[2]["flops"]
    assert LatencyMeter().measure(subjects[2])["latency_p50"] > 0


def test_a_bound_on_the_size_is_free() -> None:
    task = nas.meters.Measured(
        nas.FunctionTask(lambda net: 1.0), SizeMeter(), example_input=torch.zeros(1, 8)
    )
    assert task.foreknown(Mlp(4), ["weight_bytes"])["weight_bytes"] < 1000


@pytest.mark.parametrize(
    ("module", "bits", "message"),
    [
        (nn.Linear(2, 2), 1, "bits=1: use 2 to 8, or 32 for full precision"),
        (nn.Linear(2, 2), True, "bits=True: use 2 to 8"),
        (nn.Linear(2, 2), 16, "bits=16: use 2 to 8"),
        (nn.ReLU(), 8, r"quantized\(ReLU\): it has no linear layer and no convolution"),
        (nn.LSTM(2, 2), 8, r"quantized\(LSTM\): it has no linear layer"),
        (nn.Sequential(nn.Linear(2, 2), nn.LSTM(2, 2)), 8, "1, a LSTM, has weights that cannot"),
        (nn.MultiheadAttention(4, 2), 8, "has no linear layer|cannot be quantized"),
        (nn.utils.parametrizations.weight_norm(nn.Linear(2, 2)), 8, "no linear layer"),
    ],
)
def test_what_cannot_be_quantized_is_refused(module: nn.Module, bits: Any, message: str) -> None:
    with pytest.raises(TaskError, match=message):
        quantized(module, bits)


def test_full_precision_leaves_everything_as_it_is() -> None:
    lstm = nn.LSTM(2, 2)
    assert quantized(lstm, 32) is lstm
    assert deployed(lstm) is lstm


def test_without_torchao_it_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torchao.quantization", None)
    with pytest.raises(TaskError, match=r"bits=8 needs .*pip install 'raynas\[quantization\]'"):
        quantized(nn.Linear(2, 2), 8)
    assert quantized(nn.Linear(2, 2), 32) is not None


def test_what_a_trial_validates_is_what_its_weights_compute_when_deployed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The example: accuracy in the search, and that of the deployed network with its weights."""
    example = Path(__file__).parents[1] / "examples" / "quantized_digits.py"
    spec = importlib.util.spec_from_file_location("quantized_digits", example)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)
    spec.loader.exec_module(module)
    net = module.QuantizedNet(8, (module.Block(3, 2),), 8)
    task = module.search.task.task
    task.max_steps = 15
    task.data = replace(task.data, validation="own")
    found = task.run(net, nas.Context(weights=tmp_path / "weights.safetensors"))
    trained = module.Classifier(net.build())
    load_model(trained, tmp_path / "weights.safetensors")
    data = module.DigitsData()
    data.setup("validate")
    images, labels = data.test.tensors

    def accuracy(network: nn.Module) -> float:
        with torch.no_grad():
            return float((network(images).argmax(dim=1) == labels).float().mean())

    network = trained.network.eval()
    assert found.metrics["val_accuracy"] == pytest.approx(accuracy(network), abs=1e-6)
    assert accuracy(deployed(network)) == accuracy(network)
    full = copy.deepcopy(network).train()
    full[1][1].eval()  # its normalization
    assert not full(images).equal(network(images)), "nothing was quantized"
