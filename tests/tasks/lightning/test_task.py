"""Training by Lightning for a few steps, with both packages under which it is published."""

from __future__ import annotations

import importlib
import math
from functools import cache
from typing import Any

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from raynas.errors import InfeasibleArchitecture, TaskError
from raynas.space import integer, searchable
from raynas.tasks import Context, LightningTask
from raynas.tasks.device import best_precision
from raynas.tasks.lightning.weight_averaging import Averaging

STEPS = 6
PACKAGES = ("pytorch_lightning", "lightning.pytorch")


@searchable
class Net:
    width: int = integer(2, 8)

    def build(self) -> nn.Module:
        return nn.Sequential(nn.Linear(4, self.width), nn.ReLU(), nn.Linear(self.width, 2))


@cache
def module_class(package: str = PACKAGES[0]) -> Any:
    lightning = importlib.import_module(package)

    class Classifier(lightning.LightningModule):  # type: ignore[misc,name-defined]
        scheduled = False

        def __init__(self, network: nn.Module) -> None:
            super().__init__()
            self.network = network
            self.rates: list[float] = []

        def training_step(self, batch: Any, _: int) -> Any:
            self.rates.append(self.trainer.optimizers[0].param_groups[0]["lr"])
            loss = nn.functional.cross_entropy(self.network(batch[0]), batch[1])
            self.log("train_loss", loss)
            return loss

        def validation_step(self, batch: Any, _: int) -> None:
            logits = self.network(batch[0])
            self.log("val_loss", nn.functional.cross_entropy(logits, batch[1]))
            self.log("seen", float(len(batch[0])), reduce_fx="sum")
            self.log("half", float(logits.dtype == torch.bfloat16))

        def on_train_end(self) -> None:
            self.rates.append(self.trainer.optimizers[0].param_groups[0]["lr"])

        def configure_optimizers(self) -> Any:
            optimizer = torch.optim.SGD(self.parameters(), lr=0.1)
            if not self.scheduled:
                return optimizer
            schedule = torch.optim.lr_scheduler.ConstantLR(optimizer, 0.5, total_iters=100)
            return [optimizer], [{"scheduler": schedule, "interval": "step"}]

    return Classifier


@cache
def data_class(package: str = PACKAGES[0]) -> Any:
    lightning = importlib.import_module(package)

    class Data(lightning.LightningDataModule):  # type: ignore[misc,name-defined]
        def setup(self, stage: str) -> None:
            inputs = torch.randn(50, 4, generator=torch.Generator().manual_seed(0))
            self.examples = TensorDataset(inputs, (inputs[:, 0] > 0).long())

        def train_dataloader(self) -> Any:
            return DataLoader(self.examples, batch_size=8, shuffle=True)

        def val_dataloader(self) -> Any:
            return DataLoader(TensorDataset(*self.examples[:13]), batch_size=8)

    return Data


def task(metric: str = "val_loss", max_steps: int = STEPS, **options: Any) -> LightningTask:
    arguments = {"module": module_class(), "data": data_class(), **options}
    return LightningTask(metric=metric, max_steps=max_steps, mode="min", **arguments)


class Keeping:
    """Makes modules and keeps the last, to look at after the training."""

    def __init__(self, **attributes: Any) -> None:
        self.attributes = attributes

    def __call__(self, network: nn.Module) -> Any:
        self.module = module_class()(network)
        vars(self.module).update(self.attributes)
        return self.module


@pytest.mark.parametrize("package", PACKAGES)
def test_modules_of_both_packages_train(package: str) -> None:
    measurement = task(module=module_class(package), data=data_class(package)).run(
        Net(4), Context(seed=1)
    )
    assert measurement.steps == STEPS
    assert math.isfinite(measurement.metrics["val_loss"])
    assert measurement.metrics["parameters"] == 4 * 4 + 4 + 4 * 2 + 2
    assert measurement.seconds > 0


def test_module_and_data_of_different_packages_go_together() -> None:
    measurement = task(module=module_class(PACKAGES[1])).run(Net(4), Context())
    assert measurement.steps == STEPS


def test_a_module_is_given_the_architecture_where_it_has_no_build() -> None:
    @searchable
    class Width:
        width: int = integer(2, 8)

    measurement = task(module=lambda net: module_class()(nn.Linear(4, net.width))).run(
        Width(3), Context()
    )
    assert measurement.metrics["parameters"] == 4 * 3 + 3


def test_equal_seeds_give_equal_metrics() -> None:
    once, again, other = (task().run(Net(4), Context(seed=seed)) for seed in (1, 1, 2))
    assert without_memory(once) == without_memory(again)
    assert once.curve == again.curve
    assert once.metrics["val_loss"] != other.metrics["val_loss"]


def without_memory(measurement: Any) -> dict[str, float]:
    """The metrics that depend on the seed alone."""
    return {k: v for k, v in measurement.metrics.items() if k != "peak_memory_bytes"}


def test_the_memory_that_a_trial_takes_is_measured() -> None:
    """Of a network with 64 MB of weights, their gradients and nothing else to speak of."""

    def wide(network: nn.Module) -> Any:
        module = module_class()(network)
        module.ballast = nn.Parameter(torch.ones(16, 1024, 1024))
        return module

    small = task().run(Net(4), Context()).metrics
    large = task(module=wide).run(Net(4), Context()).metrics
    if "peak_memory_bytes" not in large:
        pytest.skip("this system does not tell a process's peak memory")
    assert small["peak_memory_bytes"] < 2**25
    assert 2**26 <= large["peak_memory_bytes"] < 2**29


@pytest.mark.parametrize("loss", [math.nan, math.inf])
@pytest.mark.parametrize("as_dict", [False, True])
def test_a_loss_that_is_not_finite_ends_the_trial_at_that_step(loss: float, as_dict: bool) -> None:
    class Diverging(module_class()):  # type: ignore[misc]
        def training_step(self, batch: Any, index: int) -> Any:
            value = super().training_step(batch, index)
            if self.global_step == 2:
                value = value * loss
            return {"loss": value} if as_dict else value

    with pytest.raises(InfeasibleArchitecture, match=rf"the training loss is {loss} at step 3"):
        task(module=Diverging).run(Net(4), Context())


@pytest.mark.parametrize("average", ["ema", "swa"])
def test_validation_sees_averaged_weights(average: Any) -> None:
    """Those of steps 1 to 6, one weight going up by one a step from zero."""

    class Counting(module_class()):  # type: ignore[misc]
        def __init__(self, network: nn.Module) -> None:
            super().__init__(network)
            self.count = nn.Parameter(torch.zeros(()))

        def training_step(self, batch: Any, index: int) -> Any:
            loss = super().training_step(batch, index)
            return 0 * loss - self.count / 0.1

        def validation_step(self, batch: Any, index: int) -> None:
            super().validation_step(batch, index)
            self.log("count", self.count.detach().clone())

    keeping = task("count", module=Counting, averaging=average, schedule="none", evaluations=6)
    curve = [point.metrics["count"] for point in keeping.run(Net(4), Context()).curve]
    if average == "swa":
        assert curve == pytest.approx([1, 2, 3, 4, 4 + 1 / 1.5, 4 + 1 / 1.5 + (2 - 1 / 1.5) / 2.5])
    else:
        assert curve == pytest.approx([1, 2, 3, 4, 5, 6])  # 5 % of six steps is less than one


def test_averages_go_by_steps_of_the_budget_where_there_are_several_optimizers() -> None:
    class TwoByHand(module_class()):  # type: ignore[misc]
        def __init__(self, network: nn.Module) -> None:
            super().__init__(network)
            self.automatic_optimization = False
            self.count = nn.Parameter(torch.zeros(()))

        def training_step(self, batch: Any, index: int) -> None:
            self.count.grad = torch.tensor(-1.0)
            for optimizer in self.optimizers():
                optimizer.step()

        def validation_step(self, batch: Any, index: int) -> None:
            self.log("count", self.count.detach().clone())

        def configure_optimizers(self) -> Any:
            rest = [weight for weight in self.parameters() if weight is not self.count]
            return torch.optim.SGD([self.count], lr=1.0), torch.optim.SGD(rest, lr=1.0)

    one = task("count", module=TwoByHand, averaging="swa", schedule="none", evaluations=6)
    measurement = one.run(Net(4), Context())
    curve = [point.metrics["count"] for point in measurement.curve]
    assert curve == pytest.approx([1, 2, 3, 4, 4 + 1 / 1.5, 4 + 1 / 1.5 + (2 - 1 / 1.5) / 2.5])


def test_averages_forget_the_start() -> None:
    ema, swa = Averaging("ema", 1000), Averaging("swa", 1000)
    assert [ema.share(step) for step in (1, 41, 991)] == [0.9, 0.18, 0.02]
    assert [swa.share(step) for step in (1, 750, 751, 1000)] == [1, 1, 1 / 2, 1 / 251]


@pytest.mark.parametrize(
    ("gpu", "bf16", "capability", "precision"),
    [
        (0, True, (9, 0), "32-true"),
        (1, True, (8, 0), "bf16-mixed"),
        (0.5, False, (7, 5), "16-mixed"),
        (1, False, (6, 1), "32-true"),
    ],
)
def test_precision_is_what_the_device_has_in_hardware(
    gpu: float, bf16: bool, capability: tuple[int, int], precision: str, monkeypatch: Any
) -> None:
    def supported(including_emulation: bool = True) -> bool:
        return bf16 or including_emulation

    monkeypatch.setattr(torch.cuda, "is_bf16_supported", supported)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda: capability)
    assert best_precision(gpu) == precision


@pytest.mark.parametrize("evaluations", [1, 2, 3, 6])
def test_the_curve_has_a_point_for_each_evaluation(evaluations: int) -> None:
    reported = []
    measurement = task(evaluations=evaluations).run(
        Net(4), Context(report=lambda step, metrics: reported.append((step, metrics)))
    )
    steps = [point.step for point in measurement.curve]
    assert steps == list(range(STEPS // evaluations, STEPS + 1, STEPS // evaluations))
    assert reported == [(point.step, point.metrics) for point in measurement.curve]
    assert measurement.curve[-1].metrics["val_loss"] == measurement.metrics["val_loss"]


@pytest.mark.parametrize("max_steps", [5, 7, 14])
def test_the_last_evaluation_follows_the_last_step(max_steps: int) -> None:
    """Also where steps do not divide by evaluations, or go over several epochs."""
    measurement = task(max_steps=max_steps, evaluations=2).run(Net(4), Context())
    steps = [point.step for point in measurement.curve]
    assert steps == [math.ceil(max_steps / 2), max_steps]
    assert measurement.steps == max_steps
    assert measurement.curve[-1].metrics["val_loss"] == measurement.metrics["val_loss"]
    assert "train_loss" in measurement.metrics


def test_a_tenth_of_the_training_set_is_held_out() -> None:
    assert task("seen").run(Net(4), Context()).metrics["seen"] == 5


def test_validation_on_the_own_loader() -> None:
    assert task("seen", validation="own").run(Net(4), Context()).metrics["seen"] == 13


def test_the_learning_rate_falls_to_zero_along_a_cosine() -> None:
    keeping = Keeping()
    task(module=keeping).run(Net(4), Context())
    cosine = [0.05 * (1 + math.cos(math.pi * step / STEPS)) for step in range(STEPS + 1)]
    assert keeping.module.rates == pytest.approx(cosine)


def test_the_learning_rate_can_be_left_alone() -> None:
    keeping = Keeping()
    task(module=keeping, schedule="none").run(Net(4), Context())
    assert keeping.module.rates == pytest.approx([0.1] * (STEPS + 1))


def test_a_scheduler_of_the_module_is_left_alone() -> None:
    keeping = Keeping(scheduled=True)
    task(module=keeping).run(Net(4), Context())
    assert keeping.module.rates == pytest.approx([0.05] * (STEPS + 1))


def test_mixed_precision_runs_on_a_cpu() -> None:
    assert task("half", precision="bf16-mixed").run(Net(4), Context()).metrics["half"] == 1
    assert task("half").run(Net(4), Context()).metrics["half"] == 0


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_gpu_is_used_in_mixed_precision_and_freed() -> None:
    keeping = Keeping()
    before = torch.cuda.memory_reserved()
    measurement = task(module=keeping).run(Net(4), Context(gpu=1))
    keeping.module = None
    assert math.isfinite(measurement.metrics["val_loss"])
    assert torch.cuda.memory_reserved() <= before + 2**22


def test_a_metric_that_is_not_logged_is_refused_with_the_logged_ones() -> None:
    with pytest.raises(
        TaskError,
        match=r"metric='f1': the module logs half, seen, train_loss, val_loss; use one of these, "
        r"or log it in validation_step: self\.log\('f1', \.\.\.\)",
    ):
        task("f1").run(Net(4), Context())


def test_a_module_that_is_no_lightning_module_is_refused() -> None:
    with pytest.raises(TaskError, match="made a Sequential: it must make a LightningModule of pyt"):
        task(module=lambda network: network).run(Net(4), Context())


def test_errors_of_the_module_pass_through() -> None:
    def broken(network: nn.Module) -> Any:
        raise ZeroDivisionError("in the module")

    with pytest.raises(ZeroDivisionError, match="in the module"):
        task(module=broken).run(Net(4), Context())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_steps": 0}, "max_steps=0: must be a whole number from 1 on"),
        ({"evaluations": 0}, "evaluations=0: must be from 1 to max_steps=6"),
        ({"evaluations": 7}, "evaluations=7: must be from 1 to max_steps=6"),
        ({"validation": "test"}, "validation='test': use 'split' or 'own'"),
        ({"validation_share": 1.0}, r"validation_share=1\.0: must be above 0 and below 1"),
        ({"averaging": "mean"}, "averaging='mean': use 'ema', 'swa' or None"),
        ({"precision": "8-bit"}, "precision='8-bit': use one of auto, bf16-mixed"),
        ({"schedule": "linear"}, "schedule='linear': use 'cosine' or 'none'"),
        ({"module": "Net"}, "module='Net': must be a class, or a function that makes it"),
        ({"data": 3}, "data=3: must be a LightningDataModule class, a function that makes"),
    ],
)
def test_arguments_out_of_range_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(TaskError, match=message):
        task(**options)


def test_a_fraction_of_the_data_is_trained_on() -> None:
    """All of 45 examples are 6 batches an epoch, a third of them are 2."""
    epochs = [
        made.module.trainer.current_epoch
        for fraction in (1.0, 1 / 3)
        for made in [Keeping()]
        if task(module=made, max_steps=12, data_fraction=fraction).run(Net(4), Context())
    ]
    assert epochs == [2, 6]


def test_two_loaders_are_data() -> None:
    data = data_class()()
    data.setup("fit")
    loaders = (data.train_dataloader(), data.val_dataloader())
    found = task(data=lambda: loaders, validation="own").run(Net(4), Context())
    assert found.metrics["seen"] == 13


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"data_fraction": 0}, "data_fraction=0: must be above 0 and at most 1"),
        ({"data_fraction": 0.5, "validation": "own"}, "use validation='split'"),
    ],
)
def test_bad_fractions_are_refused(options: Any, message: str) -> None:
    with pytest.raises(TaskError, match=message):
        task(**options)
