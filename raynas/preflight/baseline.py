"""The baseline trained in full: the yardstick, and what it says about steps and optimizers."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

from raynas.analysis.saved_results import load, save
from raynas.errors import ConfigurationError, TaskError
from raynas.full_training import Listed, Study, full_task
from raynas.full_training.substudy import study_beside
from raynas.preflight.baseline_runs import BaselineTask, TrainingVariant, settings_of
from raynas.preflight.learning_curves import CurveShape, shape_of
from raynas.preflight.problem_kind import Kind, kind_of, usual_optimizers
from raynas.preflight.time_limits import within
from raynas.rewards import Metric
from raynas.search import Limits, Search
from raynas.space import Space
from raynas.tasks import LightningTask
from raynas.tasks.lightning.loader_collections import first_batch, leaves
from raynas.tasks.lightning.split import data_module, validation_loader
from raynas.trials import Completed, History, Mode, Trial
from raynas.wording import counted

__all__ = ["Baseline", "BaselineRun", "Run", "judge_baseline", "open_baseline", "read_baseline"]

_SUFFIX = "-baseline"
_FILE = "baseline.json"
_EVALUATIONS = 20  # points of a learning curve from which its end can be told
_SURE = 3.0
"""Standard deviations, 99.7 % for normal noise: a difference is named only when it is plain."""

Verdict = Literal["clearly better", "no better than linear", "no better than chance", "worse"]


@dataclass(frozen=True)
class Run:
    """One training and its result.

    Attributes:
        setting: What it was.
        value: The metric at its end; None where there is none.
        best: The metric's best value on its curve.
        curve: Step and metric of each evaluation.
        seconds: Wall time.
        steps: Optimizer steps that were taken.
        reason: Why there is no value.
    """

    setting: TrainingVariant
    value: float | None = None
    best: float | None = None
    curve: tuple[tuple[int, float], ...] = ()
    seconds: float = 0.0
    steps: int = 0
    reason: str = ""


@dataclass(frozen=True)
class Baseline:
    """What the baseline's trainings say.

    Attributes:
        metric: What was compared.
        mode: Whether larger or smaller values are better.
        runs: All trainings, the full one first.
        chance: The metric of a network that sees nothing; None where it is not known.
        noise: How far the metric may differ by chance, three standard errors.
        verdict: How the full training compares; None where it has no value.
        words: The same with figures.
        shape: Shape of the full training's curve; None where it has fewer than three points.
        warnings: What looks wrong.
    """

    metric: str
    mode: Mode
    runs: tuple[Run, ...]
    chance: float | None
    noise: float
    verdict: Verdict | None
    words: str
    shape: CurveShape | None
    warnings: tuple[str, ...]

    @property
    def full(self) -> Run:
        """The full training."""
        return self.runs[0]

    @property
    def optimizers(self) -> str:
        """Which optimizer did best in the shorter trainings, in words; empty without any."""
        tried = [
            run
            for run in self.runs
            if run.setting.kind == "short" or run.setting.learning_rate is not None
        ]
        known = [(run.best, run.setting) for run in tried if run.best is not None]
        own = next((value for value, setting in known if setting.kind == "short"), None)
        if len(known) < 2:
            return ""
        sign = 1.0 if self.mode == "max" else -1.0
        value, setting = max(known, key=lambda pair: sign * pair[0])
        words = (
            f"over {counted(setting.steps, 'step')}, trained once each, {setting.name!r} did best"
        )
        others = [sign * other for other, which in known if which is not setting]
        close = sum(sign * value - other <= self.noise for other in others)
        near = f"; {counted(close, 'other')} within noise of it" if close else ""
        if own is None or setting.kind == "short":
            return words + near
        apart = "which is noise" if sign * (value - own) <= self.noise else "more than noise"
        return f"{words}: {value:.4g} against {own:.4g} of the module's own, {apart}{near}"

    def save(self, folder: Path) -> None:
        """Write all of it to ``baseline.json`` in `folder`."""
        save(asdict(self), folder / _FILE)


def read_baseline(folder: Path) -> dict[str, Any] | None:
    """What `Baseline.save` wrote to `folder`, as plain data; None where there is no such thing."""
    return load(folder / _FILE)


class BaselineRun(Study):
    """The baseline's trainings, open: a study of its own in the store."""

    def __enter__(self) -> BaselineRun:
        return self

    def runs(self) -> tuple[Run, ...]:
        """The trainings and what came of them, in order."""
        task = self.search.task
        assert isinstance(task, BaselineTask)  # noqa: S101 - as open_baseline makes it
        trials = {trial.number: trial for trial in self.history}
        return tuple(_run(s, trials.get(k), task) for k, s in enumerate(task.settings))

    def baseline(self) -> Baseline:
        """What the trainings that have ended say."""
        task = self.search.task
        assert isinstance(task, BaselineTask)  # noqa: S101 - as open_baseline makes it
        return judge_baseline(task, self.history, _validated(task.full))


def open_baseline(
    search: Search,
    name: str,
    *,
    max_steps: int | None = None,
    share: float = 0.2,
    optimizers: bool = True,
    kind: Kind | None = None,
    parallel: int | None = None,
    patience: float = 60.0,
    again: bool = False,
    more: Sequence[TrainingVariant] = (),
    suffix: str = _SUFFIX,
) -> BaselineRun:
    """Open the trainings of the baseline, to run them with `go()` or to go on with them.

    Args:
        search: Search whose baseline is trained.
        name: Name that the search runs under.
        max_steps: Steps of the full training, see `raynas.full_training.full_task`.
        share: Part of them that each training to compare with takes.
        optimizers: Whether to try the usual optimizers of the problem's kind, see
            `raynas.preflight.problem_kind.usual_optimizers`.
        kind: The problem's kind; None to recognize it from the module and its data.
        parallel: Trainings at a time; None for as many as fit.
        patience: Seconds to wait for the first batch of either loader before giving up.
        again: Train anew; earlier trainings are set aside in the journal, and no file is deleted.
        more: Trainings to run instead of the usual ones, see `raynas.preflight.more_optimizers`.
        suffix: What follows the search's name in that of the study.

    Raises:
        ConfigurationError: The space has no baseline, the task trains no networks, or an argument
            is out of its range.
        TaskError: There is no validation set, or a loader hangs.
        StoreError: See `raynas.store.Store`; also where earlier trainings were of another kind.
    """
    if not 0 < share <= 1:
        raise ConfigurationError(f"share={share}: must be above 0 and at most 1")
    space = Space.of(search.space)
    architecture = space.baseline
    task = full_task(search, max_steps)
    if not isinstance(task, LightningTask):
        raise ConfigurationError(
            f"full: a {type(task).__name__} trains no network that has a curve"
        )
    _check_loaders(task, patience)
    task = copy.copy(task)
    task.evaluations = min(task.max_steps, max(task.evaluations, _EVALUATIONS))
    kind = kind or (kind_of(task, architecture).kind if optimizers and not more else None)
    tried = usual_optimizers(kind) if optimizers and kind else ()
    settings = tuple(more) or settings_of(task.max_steps, share, tried)
    if again:
        search = replace(search, again="all")
    study = replace(
        study_beside(search, name, suffix),
        task=BaselineTask(task, settings),
        reward=Metric(task.metric, task.mode),
        controller=lambda _: Listed(space, [architecture], len(settings)),
        full=None,
        limits=Limits(
            trials=len(settings),
            parallel=parallel,
            trial_minutes=None,
            silent_minutes=search.limits.silent_minutes,
        ),
    )
    return BaselineRun(study, kind="training")


def _check_loaders(task: LightningTask, patience: float) -> None:
    """Check that both loaders give something within `patience` seconds."""
    module = within(10 * patience, lambda: data_module(task.data), "preparing the data")
    loaders = {"training": module.train_dataloader(), "validation": validation_loader(module)}
    for name, loader in loaders.items():
        try:
            within(patience, lambda loader=loader: first_batch(loader), f"the {name} loader")  # type: ignore[misc]
        except (StopIteration, RuntimeError) as error:
            if isinstance(error, RuntimeError) and "StopIteration" not in str(error):
                raise
            raise TaskError(f"data: the {name} loader gives no batches; give it examples") from None


def _validated(task: LightningTask) -> int | None:
    """Number of validation examples of the full training, if known."""
    try:
        loader = validation_loader(data_module(task.data))
        return sum(len(one.dataset) for one in leaves(loader))
    except (AttributeError, TypeError):
        return None


def judge_baseline(task: BaselineTask, history: History, examples: int | None) -> Baseline:
    """What `history`, of `task`'s settings in order, says.

    Args:
        task: What was run.
        history: Trials of the trainings.
        examples: How many the metric was measured on; None where it is not known.
    """
    trials = {trial.number: trial for trial in history}
    runs = tuple(_run(s, trials.get(k), task) for k, s in enumerate(task.settings))
    value = {run.setting.kind: run.best for run in runs}
    full, chance, linear = runs[0].best, value.get("blind"), value.get("linear")
    noise = _noise(runs, chance, examples)
    verdict, words = _verdict(task, full, chance, linear, noise)
    decays = task.full.schedule == "cosine"
    shape = shape_of(runs[0].curve, task.full.max_steps, task.mode, chance, noise, decays)
    return Baseline(
        task.metric, task.mode, runs, chance, noise, verdict, words, shape,
        tuple(_warnings(task, runs)),
    )  # fmt: skip


def _run(setting: TrainingVariant, trial: Trial | None, task: BaselineTask) -> Run:
    if trial is None or trial.outcome is None:
        return Run(setting, reason="has not ended")
    if not isinstance(trial.outcome, Completed):
        return Run(setting, reason=trial.reason or "")
    found = trial.outcome.measurement
    points = [(p.step, p.metrics[task.metric]) for p in found.curve if task.metric in p.metrics]
    curve = tuple(point for point in points if math.isfinite(point[1]))
    value = found.metrics[task.metric]
    pick = max if task.mode == "max" else min
    best = pick([value, *(v for _, v in curve)])
    return Run(setting, value, best, curve, found.seconds, found.steps or 0)


def _noise(runs: tuple[Run, ...], chance: float | None, examples: int | None) -> float:
    """Three standard errors of the metric.

    For one within 0 and 1 those of a share of `examples` at `chance`; otherwise what the blind
    network's metric did from evaluation to evaluation.
    """
    ends = [value for run in runs for value in (run.value, run.best) if value is not None]
    values = [*ends, *(value for run in runs for _, value in run.curve)]
    if chance is not None and examples and values and min(values) >= 0 and max(values) <= 1:
        return _SURE * math.sqrt(max(chance * (1 - chance), 1 / examples) / examples)
    blind = next((run for run in runs if run.setting.kind == "blind"), None)
    later = [value for _, value in blind.curve][len(blind.curve) // 2 :] if blind else []
    if len(later) < 2:
        return 0.0
    mean = sum(later) / len(later)
    return _SURE * math.sqrt(sum((value - mean) ** 2 for value in later) / (len(later) - 1))


def _verdict(
    task: BaselineTask,
    full: float | None,
    chance: float | None,
    linear: float | None,
    noise: float,
) -> tuple[Verdict | None, str]:
    if full is None:
        return None, "the full training has no value"
    if chance is None:
        return None, f"{task.metric} is {full:.4g}; what chance gives is not known"
    sign = 1.0 if task.mode == "max" else -1.0
    gain = sign * (full - chance)
    sure = f"up to {noise:.2g} may be luck" if noise else "how much of that is luck is not known"
    than = f"{full:.4g} against {chance:.4g} of a network that sees nothing ({sure})"
    if gain < -noise:
        other = "min" if task.mode == "max" else "max"
        return "worse", (
            f"{task.metric} is worse than chance: {than}. It looks as if "
            f"{'smaller' if task.mode == 'max' else 'larger'} values were better: mode={other!r}"
        )
    if gain <= noise:
        return "no better than chance", (
            f"{task.metric} is no better than chance: {than}. See that inputs and labels belong "
            "together, and try other learning rates, before searching anything"
        )
    if linear is not None and sign * (full - linear) <= noise:
        return "no better than linear", (
            f"{task.metric} is better than chance, {than}, but no better than the {linear:.4g} of "
            "a linear layer: either the task needs no search, or the baseline is not trained well"
        )
    beyond = f", and against {linear:.4g} of a linear layer" if linear is not None else ""
    clearly = "clearly better" if noise else "better"
    return "clearly better", f"{task.metric} is {clearly} than chance: {than}{beyond}"


_SMALLER = ("loss", "error", "mse", "mae", "rmse", "perplexity", "nll")


def _warnings(task: BaselineTask, runs: tuple[Run, ...]) -> list[str]:
    found = []
    words = task.metric.lower().replace("-", "_").split("_")
    if task.mode == "max" and any(word in _SMALLER for word in words):
        found.append(
            f"metric={task.metric!r} is maximized, though its name says that smaller is better: "
            "give mode='min'"
        )
    full = runs[0]
    if full.value is not None and full.steps < task.full.max_steps:
        found.append(
            f"the full training ended at step {full.steps:,} of {task.full.max_steps:,}: something "
            "in the module ends it, such as trainer.should_stop"
        )
    if full.value is not None and full.steps > 1.01 * task.full.max_steps + 1:
        found.append(
            f"the full training took {counted(full.steps, 'step')}, not {task.full.max_steps:,}"
        )
    return found
