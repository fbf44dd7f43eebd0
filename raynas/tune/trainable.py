"""The Tune trainable: runs a task in a worker, and says in one JSON text how that ended.

Every exception of the task is caught here, so that the worker stays alive for the next trial and
torch and Lightning are imported once; only a dying worker reaches Tune as an error.
"""

from __future__ import annotations

import json
import traceback
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar

import numpy as np
import ray
from ray import tune
from ray.train._internal.session import _TrainingResult

from raynas.errors import InfeasibleArchitecture, RaynasError, TaskError, in_a_line, message_of
from raynas.tasks import Context, process_state
from raynas.tasks.budgeted import BUDGET
from raynas.tasks.device_errors import out_of_memory
from raynas.trials import (
    Failed,
    Infeasible,
    Measurement,
    Outcome,
    measurement_from_json,
    outcome_from_json,
    outcome_to_json,
)
from raynas.tune.checkpoints import Checkpoints
from raynas.tune.outcome_text import bounded_ending
from raynas.tune.report_batches import METRICS, MORE, STEP, Reports
from raynas.tune.serialization import unpacked
from raynas.tune.task_thread import Attempt, Ended
from raynas.tune.worker_device import (
    MainMemory,
    left_on_device,
    limit_threads,
    show_devices,
)
from raynas.tune.worker_monitor import WorkerMonitor

__all__ = [
    "ALONE",
    "LOG",
    "METRICS",
    "MORE",
    "NUMBER",
    "RESULT",
    "STEP",
    "WorkerConfig",
    "read_ending",
    "trainable",
]

NUMBER = "trial_number"
"""Key of a trial's config under which its number stands, beside the architecture's decisions."""
ALONE = "trial_alone"
"""Key of a trial's config that is there where it runs once more with a whole device."""
RESULT = "raynas"
"""Key of a trial's last result under which the JSON text of its ending stands."""
LOG = "raynas_log"
"""Key of the end of what a trial without a measurement printed."""

_TRACEBACK_FRAMES = 30  # the innermost; a recursion has a thousand


@dataclass(frozen=True)
class WorkerConfig:
    """What the workers of a run need to know.

    Attributes:
        token: Token of this run, for words between worker and driver.
        payload: Space and task, as `raynas.tune.serialization.shipped` sent them.
        seed: Seed of the trials' randomness.
        cpu: Cores that a trial reserves.
        gpu: GPUs that each trial reserves.
        memory: Bytes that a trial may use; None for what the machine has.
        checkpoints: Folder or URL for the checkpoints of running trials.
        mark: Identifies the search in its checkpoints.
    """

    token: str
    payload: ray.ObjectRef[Any]
    seed: int
    cpu: float
    gpu: float
    memory: int | None
    checkpoints: str
    mark: str


def trainable(plan: WorkerConfig) -> type[tune.Trainable]:
    """A class for `tune.Tuner` that tries the architecture in its config."""
    return type("raynas_trial", (TrialActor,), {"plan": plan})


class TrialActor(tune.Trainable):
    """A worker, which tries one architecture after the other."""

    plan: ClassVar[WorkerConfig]

    def setup(self, config: dict[str, Any]) -> None:
        """Called by Tune for the first trial."""
        self._watch = WorkerMonitor(self.plan.token, self.plan.memory)
        self._unfit = ""
        self._memory = MainMemory()
        limit_threads(self.plan.cpu)
        show_devices(self.plan.gpu)
        self._prepare(config)

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """Called by Tune for each further trial."""
        self._attempt.end()
        self._prepare(new_config)
        return True

    def step(self) -> dict[str, Any]:
        """The next report of the task, or how it ended."""
        return self._attempt.next()

    def cleanup(self) -> None:
        """Called by Tune at the end."""
        self._attempt.end()
        self._watch.close()

    def save(self, checkpoint_dir: str | None = None) -> _TrainingResult:
        """Nothing, where Tune pauses a trial: what it needs to go on, its task has kept.

        Tune's own way copies a folder to its storage, which other machines do not share.
        """
        del checkpoint_dir
        return _TrainingResult(checkpoint=None, metrics=dict(self._last_result or {}))

    def _prepare(self, config: Mapping[str, Any]) -> None:
        number = config[NUMBER]
        if self._unfit:
            self._watch.begin(number)
            self._watch.die("replaced", self._unfit)
        alone = config.get(ALONE, False)

        def run(attempt: Attempt) -> dict[str, Any]:
            with suppress(RaynasError):  # Imports are not the trial's time; `_run` raises it again.
                unpacked(self.plan.payload)
            with self._watch.trial(number) as log:
                gpu = max(1.0, self.plan.gpu) if alone and self.plan.gpu else self.plan.gpu
                text = ""
                with process_state.restored() as lasting, suppress(Ended):
                    text = bounded_ending(_run(config, self.plan, gpu, attempt), log.whole(number))
                self._look_over(lasting)  # only here has an error let go of what its frames held
                if not text:
                    raise Ended
                told = "" if text.startswith(_MEASURED) else log.tail()
            return {RESULT: text, **({LOG: told} if told else {})}

        self._attempt = Attempt(run)

    def _look_over(self, lasting: list[str]) -> None:
        """Note whether the trial that is over left this process unfit for another one."""
        if lasting:
            self._unfit = f"an earlier trial changed the {', '.join(lasting)} for good"
        if left_behind := left_on_device():
            self._unfit = left_behind
        if left := self._memory.leaked():
            self._unfit = f"earlier trials left {left / 2**30:.1f} GiB of memory behind"


def read_ending(text: str) -> Measurement | Outcome | MemoryError:
    """What `TrialActor` reported: a measurement, the outcome of a trial without one, or no memory.

    Raises:
        TaskError: The task cannot run at all, whatever the architecture.
    """
    data = json.loads(text)
    if data["kind"] == "misconfigured":
        raise TaskError(data["message"])
    if data["kind"] == "memory":
        return MemoryError(data["message"])
    return measurement_from_json(data) if data["kind"] == "measured" else outcome_from_json(data)


_OWN = (NUMBER, ALONE, BUDGET)
_MEASURED = '{"kind": "measured"'


def _run(config: Mapping[str, Any], plan: WorkerConfig, gpu: float, attempt: Attempt) -> str:
    """Run the task; how that ended, as JSON text."""
    number = config[NUMBER]
    trial_seed = int(np.random.SeedSequence([plan.seed, number]).generate_state(1)[0])
    kept = Checkpoints(plan.checkpoints, plan.mark)
    copies = ExitStack()

    reports = Reports(attempt.report)
    context = Context(
        number,
        trial_seed,
        gpu,
        reports,
        lambda path: kept.keep(number, path),
        lambda: kept.kept(number, Path(copies.enter_context(TemporaryDirectory()))),
        costs=reports.costs,
        budget=config.get(BUDGET, 1.0),
    )
    try:
        space, task = unpacked(plan.payload)
        decisions = {path: value for path, value in config.items() if path not in _OWN}
        measurement = task.run(space.from_config(decisions), context)
        if not isinstance(measurement, Measurement):
            raise TaskError(f"{task!r} returned {measurement!r}: run() must return a Measurement")
        return json.dumps({"kind": "measured", **asdict(measurement)})
    except InfeasibleArchitecture as error:
        measured = Measurement(error.metrics) if error.metrics else None
        return json.dumps(outcome_to_json(Infeasible(message_of(error), measured, error.kind)))
    except RaynasError as error:
        return json.dumps({"kind": "misconfigured", "message": message_of(error)})
    except Ended:
        raise
    except BaseException as error:  # SystemExit too: it ends the trial, not the worker
        if memory := out_of_memory(error):
            return json.dumps({"kind": "memory", "message": in_a_line(memory)})
        return json.dumps(outcome_to_json(Failed(_traceback(error))))
    finally:
        copies.close()


def _traceback(error: BaseException) -> str:
    try:
        return "".join(traceback.format_exception(error, limit=-_TRACEBACK_FRAMES))
    except BaseException:  # raised by the attributes of an error of the user's
        return f"{type(error).__name__}: {message_of(error)}"
