"""Variants of a training change the training of a fixed architecture, and are compared with it."""

from __future__ import annotations

from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from torch import Tensor, nn
from torch.optim import lr_scheduler
from torch.utils.data import DataLoader, TensorDataset

import raynas as nas
from raynas.augmentation import TableRandAugment
from raynas.errors import SpaceError, TaskError
from raynas.space import Space, choice, searchable
from raynas.stages import TrainingSettings
from raynas.tasks import Context
from raynas.tasks.variation import Variation, varied

STEPS = 12


@searchable
class Net:
    width: int = choice(4, 8, default=4)

    def build(self) -> nn.Module:
        return nn.Sequential(nn.Linear(3, self.width), nn.ReLU(), nn.Linear(self.width, 1))


class Module(pl.LightningModule):
    """Logs its final weights as one number, which any change of the training changes."""

    rate, decay, factor = 0.05, 0.0, 1.0

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network
        self.seen: list[Tensor] = []

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        inputs, targets = batch
        self.seen.append(inputs.detach().clone())
        return nn.functional.mse_loss(self.network(inputs), targets)

    def validation_step(self, batch: Any, _: int) -> None:
        self.log("trained", sum(p.double().abs().sum() for p in self.network.parameters()).float())
        self.log("shown", batch[0].sum())

    def configure_optimizers(self) -> Any:
        return torch.optim.AdamW(self.parameters(), lr=self.rate, weight_decay=self.decay)


def data() -> tuple[Any, Any]:
    inputs = torch.randn(32, 3, generator=torch.Generator().manual_seed(0))
    pairs = TensorDataset(inputs, inputs.sum(dim=1, keepdim=True))
    return DataLoader(pairs, batch_size=8), DataLoader(pairs, batch_size=8)


def task(module: Any = Module, **arguments: Any) -> nas.LightningTask:
    given = {"max_steps": STEPS, "validation": "own", **arguments}
    return nas.LightningTask(module, data, "trained", **given)


def trained(one: nas.Task, tried: Any) -> dict[str, float]:
    metrics = one.run(tried, Context(seed=3)).metrics
    return {name: metrics[name] for name in ("trained", "shown")}


def variation(module: Any = Module, **arguments: Any) -> Variation:
    return Variation(task(module, **arguments), Space(Net), Net(4))


def test_the_baselines_train_as_the_task_does() -> None:
    plain = trained(task(), Net(4))
    for baseline in (TableRandAugment(0, 1), TrainingSettings()):
        assert trained(variation(), baseline) == plain


def test_augmentation_reaches_training_and_not_validation() -> None:
    plain, augmented = trained(task(), Net(4)), trained(variation(), TableRandAugment(2, 8))
    assert augmented["trained"] != plain["trained"]
    assert augmented["shown"] == plain["shown"]


def test_every_training_step_sees_augmented_copies() -> None:
    module = varied(task(), TableRandAugment(3, 10)).module(Net(4).build())
    batch = (torch.ones(4, 3) * torch.arange(4)[:, None], torch.zeros(4, 1))
    before = batch[0].clone()
    module.training_step(batch, 0)
    assert not torch.equal(module.seen[0], before)
    assert torch.equal(batch[0], before)
    assert type(module).__name__ == "Module"
    assert isinstance(module, Module)


def slower(rate: float, decay: float = 0.0) -> type[Module]:
    return type("Slower", (Module,), {"rate": rate, "decay": decay})


def with_schedule(make: Any, rate: float = 0.05) -> type[Module]:
    def configure_optimizers(module: Any) -> Any:
        optimizer = torch.optim.SGD(module.parameters(), lr=rate)
        return [optimizer], [{"scheduler": make(optimizer, rate), "interval": "step"}]

    return type("Scheduled", (Module,), {"configure_optimizers": configure_optimizers})


def _sequence(optimizer: Any, _: float) -> Any:
    parts = [
        lr_scheduler.LinearLR(optimizer, 0.1, total_iters=4),
        lr_scheduler.ExponentialLR(optimizer, 0.8),
    ]
    return lr_scheduler.SequentialLR(optimizer, parts, milestones=[4])


SCHEDULES = {
    "lambda": lambda one, _: lr_scheduler.LambdaLR(one, lambda step: 0.9**step),
    "step": lambda one, _: lr_scheduler.StepLR(one, 3),
    "cosine": lambda one, rate: lr_scheduler.CosineAnnealingLR(one, STEPS, eta_min=rate / 10),
    "one cycle": lambda one, rate: lr_scheduler.OneCycleLR(one, rate, total_steps=STEPS + 2),
    "sequence": _sequence,
    "chain": lambda one, _: lr_scheduler.ChainedScheduler(
        [lr_scheduler.ConstantLR(one, 0.5, 4), lr_scheduler.ExponentialLR(one, 0.9)]
    ),
    "exponential": lambda one, _: lr_scheduler.ExponentialLR(one, 0.9),
    "constant": lambda one, _: lr_scheduler.ConstantLR(one, 0.5, 4),
    "linear": lambda one, _: lr_scheduler.LinearLR(one, 0.2, total_iters=6),
    "milestones": lambda one, _: lr_scheduler.MultiStepLR(one, [2, 5]),
    "multiplicative": lambda one, _: lr_scheduler.MultiplicativeLR(one, lambda step: 0.9),
    "polynomial": lambda one, _: lr_scheduler.PolynomialLR(one, STEPS, power=2.0),
    "restarts": lambda one, rate: lr_scheduler.CosineAnnealingWarmRestarts(one, 5, 1, rate / 5),
    "cycles": lambda one, rate: lr_scheduler.CyclicLR(one, rate / 5, rate, 3),
    "own lambda": lambda one, _: type("Own", (lr_scheduler.LambdaLR,), {})(one, lambda s: 0.9**s),
}


def test_a_rate_and_decay_are_those_written_into_the_module() -> None:
    """The oracle is plain Lightning with the other numbers in ``configure_optimizers``."""
    found = trained(variation(), TrainingSettings(2.0, 0.1))
    assert found == pytest.approx(trained(task(slower(0.1, 0.1)), Net(4)), rel=1e-6)
    assert found != pytest.approx(trained(task(), Net(4)), rel=1e-4)


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_rate_scales_the_schedulers_of_the_module(name: str) -> None:
    make = SCHEDULES[name]
    found = trained(variation(with_schedule(make)), TrainingSettings(3.0))
    expected = trained(task(with_schedule(make, rate=0.15)), Net(4))
    assert found == pytest.approx(expected, rel=1e-5)
    assert found != pytest.approx(trained(task(with_schedule(make)), Net(4)), rel=1e-4)


def test_a_plateau_has_its_lowest_rates_scaled() -> None:
    optimizer = torch.optim.SGD(nn.Linear(1, 1).parameters(), lr=0.1)
    plateau = lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.1, patience=0, min_lr=0.05)
    TrainingSettings(2.0)._retuned(([optimizer], [{"scheduler": plateau}]), STEPS)
    for _ in range(3):
        plateau.step(1.0)
    assert optimizer.param_groups[0]["lr"] == pytest.approx(0.1)


def test_every_scheduler_of_torch_is_scaled_or_refused() -> None:
    """One that torch adds is to be looked at here."""
    optimizers = [torch.optim.SGD(nn.Linear(1, 1).parameters(), lr=0.1) for _ in SCHEDULES]
    made = [make(one, 0.1) for make, one in zip(SCHEDULES.values(), optimizers, strict=True)]
    known = {type(scheduler).__name__ for scheduler in made}
    assert set(lr_scheduler.__all__) <= known | {"ReduceLROnPlateau", "LRScheduler"}


class Foreign(lr_scheduler.LRScheduler):
    """Keeps a rate where nobody knows of it."""

    def __init__(self, optimizer: Any, lowest: float) -> None:
        self.lowest = lowest
        super().__init__(optimizer)

    def get_lr(self) -> list[float]:
        return [max(self.lowest, rate * 0.9**self.last_epoch) for rate in self.base_lrs]


def test_a_scheduler_that_is_none_of_torch_is_replaced_or_refused() -> None:
    module = with_schedule(lambda one, rate: Foreign(one, rate / 2))
    with pytest.raises(TaskError, match="not known where Foreign keeps its rates; give Retuning"):
        trained(variation(module), TrainingSettings(2.0))
    assert trained(variation(module), TrainingSettings()) == trained(task(module), Net(4))
    trained(variation(module), TrainingSettings(2.0, schedule="cosine"))


def test_parameters_that_do_not_decay_still_do_not() -> None:
    """As biases and norms in most published recipes."""

    def groups(decay: float) -> type[Module]:
        def configure_optimizers(module: Any) -> Any:
            first, second = module.network[0].parameters(), module.network[2].parameters()
            return torch.optim.AdamW(
                [{"params": first, "weight_decay": decay}, {"params": second, "weight_decay": 0.0}],
                lr=0.05,
            )

        return type("Groups", (Module,), {"configure_optimizers": configure_optimizers})

    found = trained(variation(groups(1e-3)), TrainingSettings(weight_decay=0.1))
    assert found == pytest.approx(trained(task(groups(0.1)), Net(4)), rel=1e-6)


def test_a_schedule_replaces_that_of_the_task_and_of_the_module() -> None:
    cosine = trained(variation(schedule="none"), TrainingSettings(schedule="cosine"))
    assert cosine == pytest.approx(trained(task(), Net(4)), rel=1e-5)
    constant = trained(
        variation(with_schedule(SCHEDULES["step"])), TrainingSettings(schedule="constant")
    )
    flat = with_schedule(lambda one, _: lr_scheduler.ConstantLR(one, 1.0))
    assert constant == pytest.approx(trained(task(flat), Net(4)), rel=1e-6)


def test_a_warm_up_rises_to_the_peak_and_a_line_falls_to_zero() -> None:
    share = TrainingSettings(schedule="linear", warmup=0.2)._share_at(10)
    assert [round(share(step), 3) for step in (0, 1, 2, 6, 10)] == [0.5, 1.0, 1.0, 0.5, 0.0]


def test_without_a_schedule_a_warm_up_means_nothing() -> None:
    same = TrainingSettings(2.0, warmup=0.1)
    assert Space(TrainingSettings).canonical(same) == TrainingSettings(2.0)


def test_a_schedule_of_manual_optimization_cannot_be_replaced() -> None:
    class Manual(Module):
        automatic_optimization = False

    with pytest.raises(TaskError, match="optimizes manually, so its schedule cannot be replaced"):
        trained(variation(Manual), TrainingSettings(schedule="cosine"))


def test_the_identity_has_the_architecture_and_not_the_variant() -> None:
    one, other = variation().identity(), Variation(task(), Space(Net), Net(8)).identity()
    assert {key for key in one if one[key] != other[key]} == {"architecture"}
    assert one["module"] == "Module"


def test_what_a_variation_takes() -> None:
    with pytest.raises(TaskError, match="only the training of a LightningTask can be varied"):
        Variation(nas.FunctionTask(lambda net: 1.0), Space(Net), Net(4))
    with pytest.raises(SpaceError):
        Variation(task(), Space(Net), Net(5))  # type: ignore[arg-type]
    with pytest.raises(TaskError, match="is no way to train"):
        variation().run(Net(4), Context())
