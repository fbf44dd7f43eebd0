"""Settings of speed: their gains by known times, their losses, and what is not measured."""

from __future__ import annotations

import itertools
import random
from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from small_search import Data, Module, Net, circle, small_search
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, IterableDataset, RandomSampler

from raynas import LightningTask
from raynas.errors import TaskError
from raynas.preflight.compute_settings import COMPUTE_SETTINGS, applied
from raynas.preflight.loader_speed import changed_loader
from raynas.preflight.setting_gains import (
    SettingCandidate,
    SettingGain,
    candidates_of,
    gains_of,
    loss_difference,
)
from raynas.preflight.speed import measure_speed
from raynas.preflight.speed_result import read_speed
from raynas.preflight.step_time import Steps, Timing, time_steps
from raynas.preflight.trial_start import TrialStart, starts_in_words, trial_starts

LOSSES = (1.0, 0.9, 0.8)


def gain(times: dict[str, Any], losses: Any = None, rounds: int = 5) -> SettingGain:
    """The gain of a setting whose times, and those without it, follow `times`."""
    drawn = {name: iter(values) for name, values in times.items()}

    def time_one(candidate: SettingCandidate | None, loading: bool) -> Timing | None:
        assert not loading
        name = candidate.name if candidate else ""
        seconds = next(drawn[name], None)
        if seconds is None:
            return None
        found = losses(name) if losses else LOSSES
        return Timing(8, seconds, 3, mean=seconds, losses=found)

    (found,) = gains_of([SettingCandidate("one", "write it", "one")], time_one, rounds)
    return found


def test_a_setting_that_halves_every_time_is_twice_as_fast() -> None:
    slower_and_slower = [1.0, 2.0, 3.0, 4.0, 5.0]
    found = gain({"": slower_and_slower, "one": [x / 2 for x in slower_and_slower]})
    assert (found.gain, found.low, found.high) == pytest.approx((2.0, 2.0, 2.0))
    assert found.faster
    assert found.words == "2.00 times as fast (2.00 to 2.00)"
    assert found.loss_words == "same"


def test_the_interval_holds_the_true_gain_about_as_often_as_it_says() -> None:
    draw = random.Random(0)
    held = nothing = 0
    for _ in range(400):
        times = [draw.gauss(1, 0.05) for _ in range(10)]
        found = gain({"": [1.2 * t for t in times[:5]], "one": times[5:]})
        held += found.low <= 1.2 <= found.high
        same = gain({"": times[:5], "one": times[5:]})
        nothing += not same.faster
        assert ("no measurable gain" in same.words) == (same.low <= 1 <= same.high)
    assert 0.92 <= held / 400 <= 0.98
    assert nothing / 400 >= 0.95


def test_a_slower_setting_is_reported() -> None:
    found = gain({"": [1.0] * 5, "one": [2.0] * 5})
    assert found.words == "slower: 0.50 times as fast (0.50 to 0.50)"
    assert not found.faster


def test_every_second_round_runs_the_other_way_round() -> None:
    order: list[str] = []

    def time_one(candidate: SettingCandidate | None, loading: bool) -> Timing:
        order.append(candidate.name if candidate else "")
        return Timing(8, 1.0, 3, mean=1.0)

    gains_of([SettingCandidate("a", "", "a"), SettingCandidate("b", "", "b")], time_one, 2)
    assert order == ["a", "b", "", "", "b", "a"]


def test_a_changed_loss_is_reported_unless_it_changes_by_itself() -> None:
    both = {"": [1.0] * 5, "one": [0.5] * 5}
    changed = gain(both, lambda name: (1.0, 0.9, 0.8 if not name else 0.816))
    assert not changed.same_loss
    assert changed.loss_words == "changes by 0.02 of itself"
    count = itertools.count()
    restless = gain(both, lambda name: (1.0 + 0.05 * next(count),))
    assert restless.same_loss
    unknown = gain(both, lambda name: ())
    assert unknown.loss_words == "not known: training_step returns none"
    assert loss_difference((1.0, 2.0), (1.0, 1.0)) == 0.5
    assert not gain(both, lambda name: (float("nan"),) if name else LOSSES).same_loss


def test_errors_and_time_that_is_up_are_results() -> None:
    assert gain({"": [1.0], "one": [1.0]}).reason == "not measured, as time was up"
    assert gain({"": [1.0] * 3, "one": [0.5] * 3}).gain == pytest.approx(2.0)

    def failing(candidate: SettingCandidate | None, loading: bool) -> Timing:
        return Timing(8, error="out of memory") if candidate else Timing(8, 1.0, mean=1.0)

    (found,) = gains_of([SettingCandidate("one", "", "one")], failing)
    assert found.words == "out of memory"
    (skipped,) = gains_of([SettingCandidate("one", "", "one", None, "needs a GPU")], failing)
    assert (skipped.words, skipped.loss_words) == ("needs a GPU", "")


# Which settings there are, and that they are set only while they are measured.


class Conv(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Unflatten(1, (2, 1, 1)), nn.Conv2d(2, 8, 3, padding=1), nn.Flatten(), nn.Linear(8, 2)
        )

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.layers(x)
        return logits


def candidates(
    module: Any = Conv, gpu: bool = False, workers: int = 0
) -> dict[str, SettingCandidate]:
    loader = DataLoader(circle(64, 0), batch_size=8, shuffle=True)
    return {one.name: one for one in candidates_of(loader, Module(module()), workers, gpu)}


def test_what_needs_a_gpu_is_named_on_a_cpu_and_tried_on_a_gpu() -> None:
    needing = {
        "cudnn.benchmark", "TF32 in convolutions", "TF32 in matrix products",
        "bfloat16 in matrix products", "pin_memory",
    }  # fmt: skip
    on_cpu = candidates()
    assert {name for name, one in on_cpu.items() if one.reason == "needs a GPU"} == needing
    assert {name for name, one in on_cpu.items() if not one.reason} == {
        "channels_last", "persistent_workers", "prefetch_factor"
    }  # fmt: skip
    assert not [one for one in candidates(gpu=True).values() if one.reason]
    without = candidates(lambda: nn.Linear(2, 2), gpu=True)
    assert "no convolutions" in without["channels_last"].reason
    assert "no convolutions" in without["cudnn.benchmark"].reason


def test_each_setting_says_what_to_write() -> None:
    found = candidates(workers=2)
    changes = {name: one.change for name, one in found.items()}
    assert changes["num_workers"] == "DataLoader(..., num_workers=2)"
    assert changes["persistent_workers"] == (
        "DataLoader(..., num_workers=2, persistent_workers=True)"
    )
    assert changes["prefetch_factor"] == "DataLoader(..., num_workers=2, prefetch_factor=4)"
    assert "memory_format=torch.channels_last" in changes["channels_last"]
    assert 'trainer={"benchmark": True}' in changes["cudnn.benchmark"]
    assert 'set_float32_matmul_precision("high")' in changes["TF32 in matrix products"]
    loader = found["persistent_workers"].loader
    assert loader is not None
    assert (loader().num_workers, loader().persistent_workers) == (2, True)


def test_loaders_that_cannot_be_changed_are_named() -> None:
    class Stream(IterableDataset[Any]):
        def __iter__(self) -> Any:
            return iter([torch.zeros(2)])

    module = Module(nn.Linear(2, 2))
    for loader, words in (
        (DataLoader(Stream()), "an iterable data set divides its examples among workers itself"),
        ({"a": DataLoader(circle(8, 0))}, "gives several loaders, not a torch DataLoader"),
        (iter([]), "gives a list_iterator, not a torch DataLoader"),
    ):
        reasons = [c.reason for c in candidates_of(loader, module, 0, True) if c.loader]
        assert reasons
        assert all(words in reason for reason in reasons)
    own = DataLoader(circle(8, 0), num_workers=1, persistent_workers=True, pin_memory=True)
    on = {c.name: c.reason for c in candidates_of(own, module, 1, True)}
    assert (on["persistent_workers"], on["pin_memory"]) == ("on already", "on already")
    assert "num_workers" not in on


@pytest.mark.parametrize("name", COMPUTE_SETTINGS)
def test_a_setting_is_on_only_while_it_is_measured(name: str) -> None:
    def state() -> tuple[Any, ...]:
        return (
            torch.backends.cudnn.benchmark,
            torch.backends.cudnn.allow_tf32,
            torch.get_float32_matmul_precision(),
        )

    before, module = state(), Module(Conv())
    torch.backends.cudnn.allow_tf32 = False
    expected = (before[0], False, before[2])
    try:
        with applied(name, module):
            strides = module.network.layers[1].weight.stride()
            assert (state() != expected) != (name == "channels_last")
            assert (strides[1] == 1) == (name == "channels_last")
        assert state() == expected
        with pytest.raises(ZeroDivisionError), applied(name, module):
            raise ZeroDivisionError
        assert state() == expected
    finally:
        torch.backends.cudnn.allow_tf32 = before[1]


# Loaders.


def drawn(loader: Any) -> list[Tensor]:
    torch.manual_seed(3)
    return [inputs for inputs, _ in loader]


def test_a_changed_loader_gives_the_same_batches() -> None:
    data = circle(40, 0)
    generator = torch.Generator().manual_seed(5)
    for loader in (
        DataLoader(data, batch_size=8, shuffle=True),
        DataLoader(data, batch_size=8, drop_last=True),
        DataLoader(data, batch_size=8, sampler=RandomSampler(data, generator=generator)),
        DataLoader(data, batch_size=8, shuffle=True, generator=generator),
        DataLoader(data, batch_size=None, shuffle=True),
    ):
        state = generator.get_state()
        changed = drawn(changed_loader(loader, num_workers=1, prefetch_factor=4))
        assert torch.equal(generator.get_state(), state)
        own = drawn(loader)
        assert len(changed) == len(own) > 0
        assert all(torch.equal(a, b) for a, b in zip(changed, own, strict=True))


def test_a_loader_can_have_another_batch_size_unless_its_batches_are_its_own() -> None:
    data = circle(40, 0)
    assert len(changed_loader(DataLoader(data, batch_size=8), batch_size=20)) == 2
    own = DataLoader(data, batch_sampler=[[0, 1], [2, 3, 4]])
    assert [len(inputs) for inputs, _ in changed_loader(own, batch_size=20)] == [2, 3]
    with pytest.raises(TaskError, match="not a torch DataLoader"):
        changed_loader([1, 2])


# Losses of real steps.


class Restless(Dataset[Any]):
    """Inputs with noise that each process draws by itself."""

    def __len__(self) -> int:
        return 64

    def __getitem__(self, index: int) -> Any:
        return torch.randn(2), torch.tensor(index % 2)


def losses(setting: str = "", loader: Any = None, module: Any = None) -> tuple[float, ...]:
    task = LightningTask(module or (lambda _: Module(Conv())), Data, "accuracy", 30)
    first = next(iter(DataLoader(circle(8, 0), batch_size=8)))
    steps = Steps(Net(16), 8, setting=setting)
    found = time_steps(task, steps, first, gpu=False, seconds=0.001, patience=600.0, loader=loader)
    assert found.error == ""
    return found.losses


def test_a_step_s_losses_are_those_of_plain_training() -> None:
    torch.manual_seed(0)
    module = Module(Conv())
    optimizer = module.configure_optimizers()
    batch = next(iter(Data().train_dataloader()))
    state = {name: value.clone() for name, value in module.state_dict().items()}
    inputs, labels = batch[0][:8], batch[1][:8]
    expected = []
    for _ in range(3):
        loss = module.training_step((inputs, labels), 0)
        expected.append(loss.item())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    def made(_: Any) -> Module:
        fresh = Module(Conv())
        fresh.load_state_dict(state)
        return fresh

    task = LightningTask(made, Data, "accuracy", 30, schedule="none")
    found = time_steps(
        task, Steps(Net(16), 8), (inputs, labels), gpu=False, seconds=0.001, patience=600.0
    )
    assert found.losses == pytest.approx(tuple(expected), rel=1e-5)


def test_channels_last_leaves_the_loss_as_it_is_and_other_random_numbers_do_not() -> None:
    assert loss_difference(losses("channels_last"), losses()) == pytest.approx(0, abs=1e-4)
    loader = DataLoader(Restless(), batch_size=8)
    same = loss_difference(losses(loader=loader), losses(loader=changed_loader(loader)))
    assert same == 0
    other = losses(loader=changed_loader(loader, num_workers=1))
    apart = loss_difference(losses(loader=loader), other)
    assert apart is not None
    assert apart > 1e-3


def test_a_module_that_returns_no_loss_has_none() -> None:
    class Silent(Module):
        def __init__(self, network: nn.Module) -> None:
            super().__init__(network)
            self.automatic_optimization = False

        def training_step(self, batch: Any, index: int) -> None:  # type: ignore[override]
            optimizer: Any = self.optimizers()
            optimizer.zero_grad()
            super().training_step(batch, index).backward()
            optimizer.step()

    assert losses(module=lambda _: Silent(Conv())) == ()


# The start of trials.


def test_starts_are_what_two_short_trials_differ_by() -> None:
    """A trial of 2 steps takes 5 s and one of 12 takes 10: half a second a step, 4 s to start."""
    from raynas.trials import Measurement

    class Fake(LightningTask):
        def run(self, architecture: Any, context: Any) -> Measurement:
            ran.append((self.max_steps, context.gpu))
            now[0] += (4 + 0.5 * self.max_steps) * max(1, context.gpu)
            return Measurement({"accuracy": 1.0, "peak_memory_bytes": 7.0}, 0.0, self.max_steps)

    now, ran = [0.0], list[Any]()
    task = Fake(Module, Data, "accuracy", 30)
    found = trial_starts(task, Net(16), 2, clock=lambda: now[0])
    assert ran == [(2, 1.0), (12, 1.0), (2, 2.0), (12, 2.0)]
    assert found[0] == TrialStart(1, 4.0, 0.5, 7)
    assert found[1] == TrialStart(2, 8.0, 1.0, 7)
    assert [one.reason for one in found[2:]] == ["needs 4 GPUs", "needs 8 GPUs"]
    assert "a trial on 2 GPUs starts in 8 s, on one in 4 s; it sees 1 times" in starts_in_words(
        found
    )
    assert starts_in_words(found[:1]) == ""
    late = trial_starts(task, Net(16), 1, until=lambda: True)
    assert late[0].reason == "not measured, as time was up"


def test_a_trial_is_started_on_the_cpu_where_there_is_no_gpu() -> None:
    asked = []

    def arguments() -> dict[str, Any]:
        asked.append(True)
        return {"gradient_clip_val": 1.0}

    task = LightningTask(Module, Data, "accuracy", 30, accelerator="cpu", trainer=arguments)
    one, *others = trial_starts(task, Net(16), 0)
    assert (one.gpus, one.reason) == (0, "")
    assert one.seconds > 0
    assert len(asked) == 2
    assert [other.reason for other in others] == [
        "needs 1 GPU", "needs 2 GPUs", "needs 4 GPUs", "needs 8 GPUs"
    ]  # fmt: skip
    failing = LightningTask(lambda _: 1 / 0, Data, "accuracy", 30, accelerator="cpu")
    assert "ZeroDivisionError" in trial_starts(failing, Net(16), 0)[0].reason


# All of it.


class ConvData(pl.LightningDataModule):
    def train_dataloader(self) -> Any:
        return DataLoader(circle(64, 0), batch_size=8, shuffle=True)

    def val_dataloader(self) -> Any:
        return DataLoader(circle(40, 1), batch_size=40)


def test_the_whole_measures_each_setting_and_keeps_it(tmp_path: Path) -> None:
    search = small_search(tmp_path, module=lambda _: Module(Conv()), data=ConvData)
    found = measure_speed(search, seconds=0.005, compiled=False, most=16, step_seconds=60)
    by_name = {one.name: one for one in found.settings}
    assert by_name["channels_last"].gain > 0
    assert by_name["channels_last"].loss_words == "same"
    assert by_name["persistent_workers"].loss_words == "same"
    assert by_name["pin_memory"].words == "needs a GPU"
    assert found.starts[0].seconds > 0
    found.save(tmp_path / "small")
    kept = read_speed(tmp_path / "small")
    assert kept is not None
    assert kept["settings"][0]["name"] == "channels_last"
