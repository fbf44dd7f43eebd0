"""The baseline's trainings, and what is said of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from small_search import Data, HangingData, Module, Net, NeverSteps, small_search

from raynas.errors import ConfigurationError, InfeasibleArchitecture, TaskError
from raynas.preflight.baseline import Baseline, judge_baseline, open_baseline, read_baseline
from raynas.preflight.baseline_runs import BaselineTask, TrainingVariant, blinded, settings_of
from raynas.preflight.problem_kind import usual_optimizers
from raynas.space import choice, searchable
from raynas.tasks import Context, LightningTask
from raynas.trials import Completed, Failed, History, Measurement, Point, Trial

RUNS = settings_of(90, 0.5, usual_optimizers("tables"))


def task(module: Any = Module, **given: Any) -> BaselineTask:
    full = LightningTask(
        module, Data, "accuracy", 90, validation="own", accelerator="cpu", evaluations=5, **given
    )
    return BaselineTask(full, RUNS)


def run(name: str, module: Any = Module) -> Measurement:
    number = next(k for k, setting in enumerate(RUNS) if setting.name == name)
    return task(module).run(Net(16), Context(number=number, seed=1))


def test_the_settings_are_these() -> None:
    assert [(setting.name, setting.steps) for setting in RUNS] == [
        ("in full", 90), ("sees nothing", 45), ("linear", 45), ("as it is", 45),
        ("sgd 0.1", 45), ("sgd 0.01", 45), ("adam 0.001", 45), ("adam 0.0003", 45),
        ("adamw 0.001", 45), ("adamw 0.0003", 45),
    ]  # fmt: skip
    assert len(settings_of(90, 0.5)) == 3


def test_a_circle_is_learned_by_the_baseline_but_not_blind_or_linear() -> None:
    """Half of the points lie inside, so chance is a half; a line does not cut a circle."""
    full, blind, linear = (run(name) for name in ("in full", "sees nothing", "linear"))
    assert full.metrics["accuracy"] > 0.85
    assert 0.4 < blind.metrics["accuracy"] < 0.6
    assert 0.35 < linear.metrics["accuracy"] < 0.65
    assert (full.steps, blind.steps) == (90, 45)
    assert linear.metrics["parameters"] == 2 * 2 + 2


def test_the_optimizer_is_put_in_with_its_minor_knobs_fixed() -> None:
    made: list[Any] = []

    def make(network: Any) -> Any:
        made.append(Module(network))
        return made[-1]

    for name in ("sgd 0.1", "adam 0.0003", "adamw 0.001"):
        run(name, make)
    sgd, adam, adamw = (module.trainer.optimizers[0] for module in made)
    assert isinstance(sgd, torch.optim.SGD)
    assert (sgd.defaults["lr"], sgd.defaults["momentum"]) == (0.1, 0.9)
    assert sgd.param_groups[0]["lr"] == pytest.approx(0, abs=1e-9)  # the cosine's end
    assert isinstance(adam, torch.optim.Adam)
    assert (adam.defaults["lr"], adam.defaults["betas"], adam.defaults["eps"]) == (
        3e-4, (0.9, 0.999), 1e-8,
    )  # fmt: skip
    assert isinstance(adamw, torch.optim.AdamW)
    assert (adamw.defaults["lr"], adamw.defaults["weight_decay"]) == (1e-3, 0.01)


def test_a_module_that_optimizes_by_hand_takes_no_other_optimizer() -> None:
    with pytest.raises(InfeasibleArchitecture, match="the module optimizes by hand"):
        run("sgd 0.1", NeverSteps)


def test_a_module_that_ignores_the_step_budget_is_ended() -> None:
    with pytest.raises(TaskError, match="256 batches went by without an optimizer step after step"):
        run("in full", NeverSteps)


def test_what_a_blind_network_is_given() -> None:
    inputs, targets = torch.ones(3, 2), torch.arange(3)
    zeros, same = blinded((inputs, targets))
    assert (zeros.sum(), same is targets) == (0, True)
    both = blinded([(inputs, torch.ones(3)), targets])
    assert [part.sum().item() for part in both[0]] == [0, 0]
    named = blinded({"x": inputs, "label": targets})
    assert (named["x"].sum(), named["label"] is targets) == (0, True)
    with pytest.raises(InfeasibleArchitecture, match="a batch is a Tensor, not inputs and targets"):
        blinded(inputs)


def judged(
    full: float | None, blind: float = 0.5, linear: float = 0.6, steps: int = 90, **given: Any
) -> Baseline:
    """What is said of trainings that ended like this, on 400 examples."""

    def trial(number: int, value: float | None, taken: int) -> Trial:
        if value is None:
            return Trial(number, Net(16), Failed("Traceback\nValueError: no"), 0.0, 1.0)
        curve = tuple(Point(step, {metric: value}) for step in (taken // 2, taken))
        found = Measurement({metric: value}, 1.5, taken, curve)
        return Trial(number, Net(16), Completed(found, value), 0.0, 1.0)

    made = task(**given)
    metric = made.metric
    trials = (trial(0, full, steps), trial(1, blind, 45), trial(2, linear, 45))
    return judge_baseline(made, History(trials), 400)


@pytest.mark.parametrize(
    ("values", "verdict", "words"),
    [
        ((0.9,), "clearly better", "clearly better than chance: 0.9 against 0.5 of a network"),
        ((0.55,), "no better than chance", "no better than chance: 0.55 against 0.5"),
        ((0.64,), "no better than linear", "but no better than the 0.6 of a linear layer"),
        ((0.2,), "worse", "It looks as if smaller values were better: mode='min'"),
        ((None,), None, "the full training has no value"),
    ],
)
def test_the_baseline_is_compared_with_chance(values: Any, verdict: Any, words: str) -> None:
    """Three standard errors of a share of 400 at one half are 0.075."""
    found = judged(*values)
    assert found.noise == pytest.approx(0.075)
    assert found.verdict == verdict
    assert words in found.words


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ((0.6, 0.9, 0.5), "'sgd 0.1' did best: 0.9 against 0.6 of the module's own, more than"),
        ((0.6, 0.65, 0.5), "'sgd 0.1' did best: 0.65 against 0.6 of the module's own, which is n"),
        ((0.6, 0.5, 0.5), "over 45 steps, trained once each, 'as it is' did best"),
    ],
)
def test_the_best_optimizer_is_named_and_whether_by_chance(values: Any, words: str) -> None:
    trials = [
        Trial(k, Net(16), Completed(Measurement({"accuracy": value}, 1.0, 45), value), 0.0, 1.0)
        for k, value in enumerate((0.9, 0.5, 0.5, *values))
    ]
    assert words in judge_baseline(task(), History(tuple(trials)), 400).optimizers
    assert judge_baseline(task(), History(tuple(trials[:3])), 400).optimizers == ""


def test_a_training_that_ended_early_is_warned_of() -> None:
    assert judged(0.9).warnings == ()
    assert "the full training ended at step 20 of 90" in judged(0.9, steps=20).warnings[0]


def test_a_loss_that_is_maximized_is_warned_of() -> None:
    full = LightningTask(Module, Data, "val_loss", 90)
    found = judge_baseline(BaselineTask(full, RUNS), History(()), None)
    assert "metric='val_loss' is maximized, though its name says" in found.warnings[0]
    assert found.runs[0].reason == "has not ended"


def test_all_is_written_down_and_read(tmp_path: Path) -> None:
    assert read_baseline(tmp_path) is None
    judged(0.9).save(tmp_path)
    found = read_baseline(tmp_path)
    assert found is not None
    assert found["runs"][0]["seconds"] == 1.5
    assert found["runs"][3]["reason"] == "has not ended"


def test_a_failed_training_says_why() -> None:
    assert judged(None).full.reason == "ValueError: no"


def test_settings_are_part_of_what_a_training_is() -> None:
    full = task().full
    one = BaselineTask(full, [TrainingVariant("in full", 90, "full")]).identity()
    assert one != BaselineTask(full, [TrainingVariant("in full", 80, "full")]).identity()
    assert one["metric"] == "accuracy"


@searchable
class NoDefault:
    width: int = choice(1, 2)


def test_bad_calls_are_refused_before_anything_runs(tmp_path: Path) -> None:
    search = small_search(tmp_path)
    with pytest.raises(ConfigurationError, match=r"share=1.5: must be above 0 and at most 1"):
        open_baseline(search, "small", share=1.5)
    hanging = small_search(tmp_path, data=HangingData)
    with pytest.raises(TaskError, match=r"the training loader: nothing came for 0.2 seconds"):
        open_baseline(hanging, "small", patience=0.2)
    from dataclasses import replace

    with pytest.raises(ConfigurationError, match="NoDefault has no baseline"):
        open_baseline(replace(search, space=NoDefault), "small")


def test_training_again_deletes_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Earlier trainings are set aside in the journal; what a user put beside it stays."""
    search = small_search(tmp_path)
    with open_baseline(search, "small", optimizers=False) as run:
        asktell = run._searcher.asktell
        asktell.tell(asktell.ask().number, Measurement({"accuracy": 0.9}, 1.0, 90))
    (journal,) = tmp_path.glob("small*/journal.log")
    (journal.parent / "notes.txt").write_text("mine")
    before = journal.read_bytes()
    with open_baseline(search, "small", optimizers=False) as run:
        assert len(run.history) == 1
    with open_baseline(search, "small", optimizers=False, again=True) as run:
        assert len(run.history) == 0
    assert "the earlier results of small-baseline were set aside as" in caplog.text
    assert journal.read_bytes().startswith(before)
    assert (journal.parent / "notes.txt").read_text() == "mine"
