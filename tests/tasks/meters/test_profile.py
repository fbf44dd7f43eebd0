"""Costs that can be computed by hand, on the meta device and off it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset
from torch.utils.flop_counter import FlopCounterMode

import raynas
from raynas.errors import InfeasibleArchitecture, TaskError
from raynas.space import choice, integer, real, repeat, searchable
from raynas.tasks import FunctionTask, LightningTask
from raynas.tasks.example_input import build_of, example_of, example_of_shape
from raynas.tasks.meters.profile import profile, try_build
from raynas.tasks.meters.space_profile import profile_space


@dataclass(frozen=True)
class Made:
    """An architecture that is whatever `make` returns."""

    make: Callable[[], nn.Module]

    def build(self) -> nn.Module:
        return self.make()


class Branching(nn.Module):
    """Looks at its data, so that it cannot run on the meta device."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(10, 5)

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x) if x.sum() == 0 else x


DEVICES = pytest.mark.parametrize("device", ["meta", "cpu"])


@DEVICES
def test_a_linear_layer(device: str) -> None:
    found = profile(Made(lambda: nn.Linear(10, 5)), torch.zeros(1, 10), device=device)
    assert (found.parameters, found.flops) == (55, 2 * 10 * 5)
    assert found.activation_bytes == 5 * 4
    assert (found.device, found.latency) == (device, None)


@DEVICES
def test_a_convolution(device: str) -> None:
    """From 3 to 8 channels, kernel 3, stride 2, padding 1: 8 x 8 becomes 4 x 4."""
    found = profile(
        Made(lambda: nn.Conv2d(3, 8, 3, stride=2, padding=1)),
        torch.zeros(1, 3, 8, 8),
        device=device,
    )
    assert found.parameters == 8 * 3 * 9 + 8
    assert found.flops == 2 * 8 * 4 * 4 * 3 * 9
    assert found.activation_bytes == 8 * 4 * 4 * 4


@DEVICES
def test_a_layer_used_twice_has_its_parameters_once_and_its_operations_twice(device: str) -> None:
    def make() -> nn.Module:
        layer = nn.Linear(4, 4, bias=False)
        return nn.Sequential(layer, layer)

    found = profile(Made(make), torch.zeros(1, 4), device=device)
    assert (found.parameters, found.flops, found.activation_bytes) == (16, 2 * 2 * 16, 2 * 16)


@DEVICES
def test_what_is_given_back_as_it_came_takes_no_memory(device: str) -> None:
    made = Made(
        lambda: nn.Sequential(nn.Identity(), nn.ReLU(inplace=True), nn.Dropout(), nn.ReLU())
    )
    for _ in range(2):
        assert profile(made, torch.zeros(1, 7), device=device).activation_bytes == 7 * 4


@DEVICES
def test_the_memory_of_modules_that_call_no_other_is_counted(device: str) -> None:
    """Attention holds a layer whose weights it uses, and a network may be functions alone."""

    class Raises(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            raise ValueError

    class Functions(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.raises, self.linear = Raises(), nn.Linear(8, 4)

        def forward(self, x: Tensor) -> Tensor:
            with contextlib.suppress(ValueError):
                self.raises(x)
            return nn.functional.linear(self.linear(x), torch.zeros(2, 4, device=x.device))

    attention = nn.MultiheadAttention(8, 2, batch_first=True)
    x = torch.zeros(1, 5, 8)
    out, weights = 5 * 8 * 4, 5 * 5 * 4
    assert profile(Made(lambda: attention), (x, x, x), device=device).activation_bytes == (
        out + weights
    )
    assert profile(Made(Functions), x, device=device).activation_bytes == 5 * 4 * 4


def test_threads_do_not_count_what_others_run() -> None:
    class Slow(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layers = nn.ModuleList(nn.Linear(8, 8) for _ in range(200))

        def forward(self, x: Tensor) -> Tensor:
            for layer in self.layers:
                x = layer(x)
            return x

    def count(_: int) -> int:
        return profile(Made(Slow), torch.zeros(1, 8), device="cpu").activation_bytes

    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(count, range(24))) == {200 * 8 * 4}


@DEVICES
def test_attention_is_counted_however_torch_computes_it(device: str) -> None:
    """Width 16, 5 tokens, hidden 32: projections, then scores and their weighted sum."""
    encoder = Made(lambda: nn.TransformerEncoderLayer(16, 2, 32, batch_first=True))
    found = profile(encoder, torch.zeros(1, 5, 16), device=device)
    assert found.flops == 2 * 5 * (16 * 48 + 16 * 16 + 2 * 16 * 32) + 2 * 2 * 5 * 5 * 16
    assert torch.backends.mha.get_fastpath_enabled()


def networks() -> list[tuple[nn.Module, tuple[int, ...]]]:
    block = [nn.Conv2d(4, 4, 3, padding=1), nn.BatchNorm2d(4), nn.SiLU(), nn.MaxPool2d(2)]
    return [
        (nn.Sequential(*block, nn.Conv2d(4, 4, 3, padding=1), nn.Flatten()), (4, 8, 8)),
        (nn.Sequential(*block, nn.Conv2d(4, 4, 3, padding=1), nn.Flatten()), (4, 12, 8)),
        (nn.Sequential(nn.Conv2d(4, 4, 3, groups=2), nn.Upsample(scale_factor=2)), (4, 8, 8)),
        (nn.Sequential(nn.Conv2d(4, 4, 3, dilation=2), nn.GroupNorm(2, 4)), (4, 8, 8)),
        (nn.Sequential(nn.Conv1d(4, 6, 3), nn.Conv1d(6, 4, 1), nn.AdaptiveAvgPool1d(1)), (4, 9)),
        (nn.Sequential(nn.LayerNorm(6), nn.Linear(6, 6), nn.Linear(6, 6), nn.GELU()), (3, 6)),
    ]


@pytest.mark.parametrize("which", range(6))
def test_layers_that_were_seen_before_count_as_much_as_new_ones(which: int) -> None:
    """On the meta device they are looked up; torch's counter over the real network agrees."""
    for _ in range(2):
        network, shape = networks()[which]
        example = torch.zeros(1, *shape)
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            network.eval()(example)
        architecture = Made(lambda: networks()[which][0].to("meta"))
        on_meta = profile(architecture, example)
        on_cpu = profile(Made(lambda: networks()[which][0]), example, device="cpu")
        assert on_meta.flops == on_cpu.flops == counter.get_total_flops() > 0
        assert on_meta.activation_bytes == on_cpu.activation_bytes
        assert on_meta.device == "meta"


def test_a_network_that_looks_at_its_data_is_counted_on_the_cpu() -> None:
    found = profile(Made(Branching), torch.zeros(1, 10))
    assert (found.device, found.flops) == ("cpu", 100)


def test_several_arguments_are_a_tuple() -> None:
    found = profile(Made(lambda: nn.Bilinear(3, 4, 5)), (torch.zeros(1, 3), torch.zeros(1, 4)))
    assert found.parameters == 3 * 4 * 5 + 5


def test_latency_is_in_ordered_percentiles() -> None:
    found = profile(Made(lambda: nn.Linear(10, 5)), torch.zeros(1, 10), latency_on="cpu")
    assert found.latency is not None
    assert 0 < found.latency.p50 <= found.latency.p90 <= found.latency.p99
    assert (found.device, found.latency.device) == ("meta", "cpu")


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_latency_on_a_gpu() -> None:
    found = profile(Made(lambda: nn.Linear(10, 5)), torch.zeros(1, 10), latency_on="cuda")
    assert found.latency is not None
    assert found.latency.device == "cuda"


def test_what_cannot_be_built_raises_its_own_error() -> None:
    def fail() -> nn.Module:
        raise InfeasibleArchitecture("too wide")

    with pytest.raises(InfeasibleArchitecture, match="too wide"):
        profile(Made(fail), torch.zeros(1, 10))
    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
        profile(Made(lambda: nn.Linear(9, 5)), torch.zeros(1, 10))
    with pytest.raises(ZeroDivisionError):
        try_build(Made(lambda: nn.Linear(1 // 0, 5)))
    try_build(Made(Branching))


def test_what_has_no_network_is_named() -> None:
    with pytest.raises(TaskError, match=r"str has no method build\(\): give it one that returns"):
        profile("x", torch.zeros(1))
    with pytest.raises(TaskError, match=r"returned a int: it must return a torch.nn.Module"):
        profile(Made(lambda: 3), torch.zeros(1))  # type: ignore[arg-type,return-value]


class Data(pl.LightningDataModule):
    def __init__(self, dataset: Any = None, **loader: Any) -> None:
        super().__init__()
        self.dataset = dataset or TensorDataset(torch.arange(12.0).reshape(4, 3), torch.zeros(4))
        self.loader = loader

    def train_dataloader(self) -> Any:
        return DataLoader(self.dataset, batch_size=2, shuffle=True, **self.loader)


def lightning(data: Any, module: Any = pl.LightningModule) -> LightningTask:
    return LightningTask(module, data, metric="loss", max_steps=1)


def test_the_example_of_a_lightning_task_is_its_first_one() -> None:
    example = example_of(lightning(Data(num_workers=2)))
    assert isinstance(example, Tensor)
    assert example.tolist() == [[0.0, 1.0, 2.0]]


def test_the_example_may_be_a_batch_of_its_own_kind() -> None:
    pairs = [((torch.ones(2), torch.ones(3)), 0)] * 4
    example = example_of(lightning(Data(pairs)))
    assert [tuple(part.shape) for part in example] == [(1, 2), (1, 3)]

    class Plain(Data):
        def train_dataloader(self) -> Any:
            return DataLoader([torch.ones(5, 2)], batch_size=None)  # type: ignore[arg-type]

    example = example_of(lightning(Plain()))
    assert isinstance(example, Tensor)
    assert example.shape == (1, 2)


def test_a_task_may_have_an_example() -> None:
    task = FunctionTask(lambda architecture: 1.0)
    with pytest.raises(TaskError, match=r"a FunctionTask has no example .* pass --input 3,32,32"):
        example_of(task)
    task.example_input = torch.ones(1, 3)  # type: ignore[attr-defined]
    assert example_of(task) is task.example_input  # type: ignore[attr-defined]


def test_a_batch_without_a_tensor_is_named() -> None:
    data = Data(["text"] * 4)
    with pytest.raises(TaskError, match=r"first batch starts with a str, not with a tensor"):
        example_of(lightning(data))


def test_a_shape_gives_zeros() -> None:
    assert example_of_shape("3,32, 32").shape == (1, 3, 32, 32)
    assert example_of_shape("128:long").dtype == torch.long


@pytest.mark.parametrize("text", ["", "3x32", "0,3", "-1", "3,", "3:int"])
def test_a_bad_shape_is_named(text: str) -> None:
    with pytest.raises(TaskError, match=r"input='.*': give the shape of one example"):
        example_of_shape(text)


@searchable
class Net:
    width: int = integer(1, 8, default=2)
    depth: int = choice(0, 1, default=1)
    name: str = choice("a", "b", default="a")

    def build(self) -> nn.Module:
        if self.width == 7:
            raise InfeasibleArchitecture("width 7")
        layers = [nn.Linear(3, self.width, bias=False)]
        layers += [nn.Linear(self.width, self.width, bias=False)] * self.depth
        return nn.Sequential(*layers)


def test_a_small_space_is_profiled_whole() -> None:
    found = profile_space(Net, torch.zeros(1, 3))
    assert found.whole
    assert (len(found.profiles), len(found.errors)) == (28, 4)
    assert found.error_groups() == (
        ("InfeasibleArchitecture: width 7", 4, Net(width=7, depth=0, name="a")),
    )
    assert found.baseline is not None
    assert found.baseline.parameters == 3 * 2 + 2 * 2
    for architecture, one in found.profiles:
        expected = 3 * architecture.width + architecture.depth * architecture.width**2
        assert (one.parameters, one.flops) == (expected, 2 * expected)


def test_the_share_within_limits() -> None:
    found = profile_space(Net, torch.zeros(1, 3))
    assert found.share_within() == 28 / 32
    assert found.share_within(max_parameters=3) == 2 / 32  # width 1, without depth
    assert found.share_within(max_parameters=1000, max_flops=8) == 4 / 32
    assert found.share_within(max_flops=5) == 0


def test_the_influence_of_each_choice() -> None:
    found = profile_space(Net, torch.zeros(1, 3))
    influence = dict(found.influence("parameters"))
    assert list(influence)[:2] == ["width", "depth"]
    assert influence["width"] > influence["depth"] > 0.1
    assert influence["name"] == 0


@searchable
class Part:
    wide: int = choice(1, 100)
    idle: str = choice("a", "b")


@searchable
class Optional:
    part: Part | None = choice(Part, None)
    share: float = real(0, 1)

    def build(self) -> nn.Module:
        return nn.Linear(3, 1 if self.part is None else 1000 + self.part.wide)


def test_presence_counts_for_the_choice_of_a_part_not_for_what_is_in_it() -> None:
    found = profile_space(Optional, torch.zeros(1, 3), samples=100)
    assert not found.whole
    assert (found.baseline, found.baseline_error) == (None, None)
    influence = dict(found.influence("flops"))
    assert influence["part"] > 0.95
    assert 0 < influence["part.Part.wide"] < 0.05
    assert influence["part.Part.idle"] < 0.01
    assert influence["share"] < 0.2


def test_a_sample_is_seeded() -> None:
    def names(seed: int) -> list[str]:
        found = profile_space(Optional, torch.zeros(1, 3), samples=10, seed=seed)
        return [repr(architecture) for architecture, _ in found.profiles]

    assert names(0) == names(0)
    assert names(0) != names(1)


def test_a_baseline_that_cannot_be_built_is_said() -> None:
    @searchable
    class Broken:
        width: int = choice(7, 8, default=7)

        def build(self) -> nn.Module:
            return nn.Linear(3, self.width) if self.width == 8 else nn.Linear(2, 1)

    found = profile_space(Broken, torch.zeros(1, 3))
    assert found.baseline is None
    assert "RuntimeError" in str(found.baseline_error)
    assert len(found.profiles) == len(found.errors) == 1


def test_a_space_without_anything_that_runs() -> None:
    @searchable
    class Broken:
        widths: tuple[int, ...] = repeat(choice(1, 2), 0, 2)

        def build(self) -> nn.Module:
            raise ValueError(f"width {len(self.widths)}")

    found = profile_space(Broken, torch.zeros(1, 3))
    assert found.profiles == ()
    assert [group[:2] for group in found.error_groups()] == [("ValueError: width 0", 7)]
    assert set(dict(found.influence("flops")).values()) == {0.0}


def test_a_lightning_module_is_profiled_where_architectures_build_none() -> None:
    @searchable
    class Flat:
        width: int = choice(4, 5)

    class Module(pl.LightningModule):
        def __init__(self, architecture: Flat) -> None:
            super().__init__()
            self.layer = nn.Linear(3, architecture.width)

        def forward(self, x: Tensor) -> Tensor:
            return self.layer(x)

    task = lightning(Data(), Module)
    found = profile_space(Flat, task=task)
    assert [one.parameters for _, one in found.profiles] == [16, 20]
    assert isinstance(build_of(task)(Flat(4)), Module)


def test_the_tasks_arguments_reach_build_where_it_is_profiled() -> None:
    @searchable
    class Dense:
        width: int = choice(4, 5)

        def build(self, features: int = 7) -> nn.Module:
            return nn.Linear(features, self.width)

    task = LightningTask(nn.Identity, Data(), "loss", 1, build={"features": 3})
    found = profile_space(Dense, task=task)
    assert [one.parameters for _, one in found.profiles] == [16, 20]


def test_profiling_needs_an_example_and_a_sample() -> None:
    with pytest.raises(TaskError, match="example_input=None: give what a network takes"):
        profile_space(Net)
    with pytest.raises(TaskError, match="samples=0: must be at least 1"):
        raynas.meters.profile_space(Net, torch.zeros(1, 3), samples=0)
