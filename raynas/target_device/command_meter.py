"""A meter that measures a network on the device that it is for, by a command of the user's."""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from itertools import chain
from pathlib import Path
from statistics import median
from time import sleep
from typing import Any
from uuid import uuid4

from raynas.arguments import checked
from raynas.errors import InfeasibleArchitecture, TaskError, in_a_line
from raynas.redaction import Secret, scrubbed
from raynas.target_device import run_onnx
from raynas.target_device.command import Ran, check_command, filled, run, shown_command
from raynas.target_device.programs import SUFFIXES, write_inputs, write_program
from raynas.target_device.readings import Samples, check_read, read_samples
from raynas.tasks.file_lock import file_lock
from raynas.tasks.log import announce
from raynas.tasks.meters.meter import Meter, Subject
from raynas.tasks.meters.network_fingerprint import code_of
from raynas.tasks.meters.profile import deployed_on
from raynas.tasks.meters.repeated_measurement import repeated
from raynas.trials import DEFERRED

__all__ = ["CommandMeter"]

_OFFLINE = (
    r"connection (refused|reset|closed|timed out)|timed out|no route to host|host is down"
    r"|could not resolve|name or service not known|network is unreachable"
    r"|device '[^']*' not found|device not found|device offline|no devices"
)
_OF_SSH = {"ssh": (255,), "sftp": (255,), "rsync": (255,), "scp": (1, 255)}
"""With what exit codes these end where the connection fails; `ssh` gives the device's others."""
_PLACEHOLDERS = ("model", "inputs", "runner", "name", "warm_up", "repeats")


class _AttemptError(Exception):
    """A command failed; `offline` says whether the device was out of reach."""

    def __init__(self, message: str, offline: bool = False) -> None:
        super().__init__(message)
        self.offline = offline


@checked
@dataclass(frozen=True, repr=False)
class CommandMeter(Meter):
    """What a command prints that runs the network on a device: latency, memory, energy.

    The network is exported with fresh weights, and `command` is run, through ssh, adb or a vendor's
    profiler, until the interval of its first metric is narrow enough. Arguments may have these
    placeholders: ``{model}``, the file of the network; ``{inputs}``, an NPZ file of its inputs in
    their order; ``{runner}``, a script that times an ONNX model where Python and ONNX Runtime are
    installed, see `raynas.target_device.run_onnx`; ``{name}``, which no other measurement has, for
    a folder on the device; ``{warm_up}`` and ``{repeats}``. No shell takes part.

    A metric that comes as a list of samples, such as ``latency``, becomes ``latency_p50``, ``_p90``
    and ``_p99`` of the samples of all calls; one that comes as a number, its median. The first one
    also has ``_low`` and ``_high``: where a further call's median lies in 95 of 100 cases.
    ``model_bytes`` is the size of the file.

    Where the device is offline after all attempts, the trial ends as `raynas.trials.DEFERRED`: no
    failure, and measured at the next start of the search. Where the command fails for another
    reason, the architecture is infeasible, with what the command wrote as the reason.

    One process of this user on this machine uses a device at a time. On a cluster, let
    `lock_folder` be one that all machines share and whose file locks hold among them, or wrap the
    meter in `raynas.tune.remote_scoring.OnResource`, so that Ray gives the device to one trial.

    Args:
        device: Name of the device, under which it is locked.
        command: Measures; its standard output is read.
        prepare: Commands that run before, once an attempt, such as a copy to the device.
        cleanup: A command that runs after, whatever happened.
        format: ``"onnx"``, ``"torch"`` (a ``.pt2`` program), ``"executorch"`` or ``"tflite"``.
        read: None where the last line of the output that is a JSON object has the metrics; a
            function from the output to metrics; or by metric a regular expression with a group.
        prefix: Text before the name of each metric, such as ``"phone/"``.
        batch: Examples in the inputs.
        warm_up: Runs of the network before those that count, in each call.
        repeats: Runs of the network in each call.
        tolerance: Width of the first metric's confidence interval, to each side, as a share of it.
        least_calls: Calls of `command` at least.
        most_calls: Calls at most, however wide the interval is.
        seconds: Time limit of each command.
        attempts: How often all this is tried where a command fails.
        wait: Seconds before the second attempt; twice as many before each further one.
        offline: Regular expression for what a failing command writes to its standard error where
            the device is out of reach; by default what ssh and adb write.
        lock_folder: Folder of the lock; by default the machine's folder for temporary files.

    Raises:
        TaskError: An argument is out of its range; when measuring, a program or a package is not
            installed, or what the command printed cannot be read.
    """

    device: str
    command: Sequence[str]
    prepare: Sequence[Sequence[str]] = ()
    cleanup: Sequence[str] = ()
    format: str = "onnx"
    read: Callable[[str], Mapping[str, Any]] | Mapping[str, str] | None = None
    prefix: str = ""
    batch: int = 1
    warm_up: int = 10
    repeats: int = 50
    tolerance: float = 0.05
    least_calls: int = 3
    most_calls: int = 10
    seconds: float = 120.0
    attempts: int = 3
    wait: float = 1.0
    offline: str = _OFFLINE
    lock_folder: str | os.PathLike[str] | None = None

    def __post_init__(self) -> None:
        if not self.device.strip():
            raise TaskError(f"device={self.device!r}: give the device a name")
        if not self.command:
            raise TaskError("command=[]: give the command that measures")
        self._check_commands()
        if self.format not in SUFFIXES:
            raise TaskError(f"format={self.format!r}: use one of {', '.join(SUFFIXES)}")
        check_read(self.read)
        for name, least in (("batch", 1), ("warm_up", 0), ("repeats", 1), ("attempts", 1)):
            if getattr(self, name) < least:
                raise TaskError(f"{name}={getattr(self, name)}: must be at least {least}")
        if not 2 <= self.least_calls <= self.most_calls:
            raise TaskError(
                f"least_calls={self.least_calls}, most_calls={self.most_calls}: give at least 2, "
                "and no fewer at most than at least"
            )
        for name in ("tolerance", "seconds", "wait"):
            if not getattr(self, name) > 0:
                raise TaskError(f"{name}={getattr(self, name)}: must be above 0")
        try:
            re.compile(self.offline)
        except re.error as error:
            raise TaskError(f"offline={self.offline!r} is no expression: {error}") from None

    def _check_commands(self) -> None:
        for argument in ("command", "cleanup"):
            check_command(argument, getattr(self, argument), _PLACEHOLDERS)
        if isinstance(self.prepare, str) or any(isinstance(one, str) for one in self.prepare):
            raise TaskError("prepare: give a list of commands, each a list of arguments")
        for one in self.prepare:
            check_command("prepare", one, _PLACEHOLDERS)
        commands = (self.command, self.cleanup, *self.prepare)
        hidden = tuple(part for part in chain(*commands) if isinstance(part, Secret))
        object.__setattr__(self, "_secrets", hidden)

    def __repr__(self) -> str:
        """All that figures depend on, without secrets."""
        shown = []
        for one in fields(self):
            value = getattr(self, one.name)
            if value == one.default or one.name in ("lock_folder", "attempts", "wait", "seconds"):
                continue
            if one.name in ("command", "cleanup"):
                value = shown_command(value)
            elif one.name == "prepare":
                value = [shown_command(part) for part in value]
            elif one.name == "read" and callable(value):
                value = f"code {code_of(value)[:12]}"
            shown.append(f"{one.name}={value!r}")
        return f"CommandMeter({', '.join(shown)})"

    def measure(self, subject: Subject) -> Mapping[str, float]:
        """See `Meter.measure`.

        Raises:
            InfeasibleArchitecture: The device cannot run it, or is offline for now.
            TaskError: See the class.
        """
        with tempfile.TemporaryDirectory(prefix="raynas-device-") as name:
            values = self._written(subject, Path(name))
            size = os.path.getsize(str(values["model"]))
            with self._alone():
                found = self._measured(values)
        figures = {**found, "model_bytes": float(size)}
        return {f"{self.prefix}{name}": value for name, value in figures.items()}

    def _written(self, subject: Subject, folder: Path) -> dict[str, object]:
        """The values of the placeholders, and the files that they name."""
        network = deployed_on(subject.architecture, subject.build, "cpu")
        inputs = subject.batch(self.batch)
        model, arrays = folder / f"model{SUFFIXES[self.format]}", folder / "inputs.npz"
        try:
            write_program(model, network, inputs, self.format)
        except TaskError:
            raise
        except Exception as error:
            raise InfeasibleArchitecture(
                f"it cannot be written as {self.format!r}: {in_a_line(error)}"
            ) from error
        write_inputs(arrays, inputs)
        return {
            "model": model,
            "inputs": arrays,
            "runner": run_onnx.__file__,
            "name": f"raynas-{uuid4().hex[:12]}",
            "warm_up": self.warm_up,
            "repeats": self.repeats,
        }

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Wait until nobody else uses the device, and hold it for the block."""
        user = os.getuid() if hasattr(os, "getuid") else 0
        digest = hashlib.sha256(self.device.encode()).hexdigest()[:16]
        folder = Path(self.lock_folder or tempfile.gettempdir())
        with file_lock(folder / f"raynas-device-{user}-{digest}.lock"):
            yield

    def _measured(self, values: Mapping[str, object]) -> dict[str, float]:
        """The figures of the first attempt that succeeds."""
        for attempt in range(1, self.attempts + 1):
            try:
                return self._attempted(values)
            except _AttemptError as error:
                failure = error
            if attempt < self.attempts:
                sleep(self.wait * 2 ** (attempt - 1))
        times = f"{self.attempts} times" if self.attempts > 1 else "once"
        if failure.offline:
            raise InfeasibleArchitecture(
                f"the device {self.device!r} is offline (tried {times}): {failure}", kind=DEFERRED
            )
        raise InfeasibleArchitecture(
            f"the device {self.device!r} did not measure it (tried {times}): {failure}"
        )

    def _attempted(self, values: Mapping[str, object]) -> dict[str, float]:
        try:
            for command in self.prepare:
                self._ran(command, values)
            return self._called(values)
        finally:
            if self.cleanup:
                self._clean_up(values)

    def _called(self, values: Mapping[str, object]) -> dict[str, float]:
        """The figures of as many calls as it takes."""
        calls: list[Samples] = []
        while len(calls) < self.most_calls:
            ran = self._ran(self.command, values)
            try:
                calls.append(read_samples(ran.out, self.read))
                if calls[-1].keys() != calls[0].keys():
                    names, before = (", ".join(call) for call in (calls[-1], calls[0]))
                    raise ValueError(f"it has {names}, and before {before}")
            except Exception as error:
                raise TaskError(
                    f"read: what {shown_command(self.command)!r} printed for device "
                    f"{self.device!r} cannot be read: {in_a_line(error)}; it printed "
                    f"{self._scrubbed(ran.said)!r}"
                ) from error
            if len(calls) >= self.least_calls:
                first = next(iter(calls[0]))
                of_calls = repeated([median(call[first]) for call in calls])
                if of_calls.uncertainty <= self.tolerance:
                    break
        return _summed_up(calls)

    def _ran(self, command: Sequence[str], values: Mapping[str, object]) -> Ran:
        """What a command wrote.

        Raises:
            _AttemptError: It failed.
        """
        ran = run(filled(command, values), self.seconds)
        if ran.code == 0:
            return ran
        said = self._scrubbed(ran.said)
        program = Path(command[0]).name
        if ran.code is None:
            limit = f"timed out after {self.seconds:g} s (limit: seconds={self.seconds:g})"
            raise _AttemptError(f"{program} {limit}: {said}")
        of_connection = ran.code in _OF_SSH.get(program, (ran.code,))
        offline = of_connection and re.search(self.offline, ran.err, re.IGNORECASE) is not None
        raise _AttemptError(f"{program} ended with code {ran.code}: {said}", offline)

    def _clean_up(self, values: Mapping[str, object]) -> None:
        try:
            self._ran(self.cleanup, values)
        except (_AttemptError, TaskError) as error:
            announce("device %s: cleanup failed: %s", self.device, self._scrubbed(str(error)))

    def _scrubbed(self, text: str) -> str:
        secrets: tuple[str, ...] = vars(self)["_secrets"]
        return scrubbed(text, secrets)


def _summed_up(calls: Sequence[Samples]) -> dict[str, float]:
    """Percentiles of what came as samples, medians of what came as numbers."""
    import numpy as np

    figures: dict[str, float] = {}
    for place, name in enumerate(calls[0]):
        of_calls = repeated([median(call[name]) for call in calls])
        shown = name
        if any(len(call[name]) > 1 for call in calls):
            samples = [sample for call in calls for sample in call[name]]
            for share in (50, 90, 99):
                figures[f"{name}_p{share}"] = float(np.percentile(samples, share))
            shown = f"{name}_p50"
        else:
            figures[name] = of_calls.value
        if place == 0:
            figures |= {f"{shown}_low": of_calls.low, f"{shown}_high": of_calls.high}
    return figures
