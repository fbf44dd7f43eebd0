"""A peer in a process and environment of its own, spoken to in JSON lines.

The harness begins a run with a task, of whose parameters there are positions from then on, and
writes ``{"ask": number}``, answered by ``{"positions": {name: position}}``, and
``{"tell": number, "reward": number or null}``, answered by ``{}``. Of several budgets the first
answer has ``"step"`` too, the one that is next. An answer may be
``{"error": text}`` instead. Every answer has the CPU time spent on it. A process serves one run
after the other, as importing a library may take longer than a run. The other side is
`benchmarks/peers/serving.py`.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from controller_bench.flat import FlatSpace
from controller_bench.method import ONE_THREAD, Method
from controller_bench.protocol import Protocol
from raynas import History, Space, Trial

__all__ = ["Served"]

SCRIPTS = Path(__file__).parents[1] / "peers"


class Served(Method):
    """A peer behind a pipe.

    Args:
        family: One that has a ``serve_*.py``.
        name: The algorithm, as its script calls it.
        space: What it searches.
        seed: Of its generators.
        trials: How many there will be.
        protocol: Under which conditions.
        environments: The folder that `benchmarks/peers/install` made.
        objectives: How many there are.
        steps: Budgets of a training as rising whole numbers, if there are several.

    Raises:
        FileNotFoundError: There is no such environment.
        RuntimeError: The peer says that something is wrong, or ended.
    """

    def __init__(
        self,
        family: str,
        name: str,
        space: Space[Any],
        seed: int,
        trials: int,
        protocol: Protocol,
        environments: Path,
        objectives: int = 1,
        steps: Sequence[int] = (),
    ) -> None:
        python = environments / family / "bin" / "python"
        if not python.exists():
            raise FileNotFoundError(f"{python}: make it with benchmarks/peers/install {family}")
        self.flat = FlatSpace(space)
        self.key = (family, python)
        self.process = _process(*self.key)
        self.cpu = 0.0
        parameters = [parameter.to_json() for parameter in self.flat.parameters]
        conditions = {"workers": protocol.workers, "noisy": protocol.noisy}
        told = {"seed": seed, "trials": trials, "objectives": objectives, **conditions}
        self._say(name=name, parameters=parameters, steps=list(steps), **told)

    def ask_step(self, number: int) -> tuple[Any, int]:
        """The architecture of training `number` and its budget, where there are several."""
        answer = self._say(ask=number)
        return self.flat.architecture(answer["positions"]), answer["step"]

    def tell_reward(self, number: int, reward: float) -> None:
        """The reward of training `number`."""
        self._say(tell=number, reward=reward)

    def propose(self, history: History, rng: np.random.Generator) -> Any:
        """See `Method.propose`."""
        del rng
        positions = self._say(ask=len(history))["positions"]
        return None if positions is None else self.flat.architecture(positions)

    def told(self, trial: Trial) -> None:
        """See `Method.told`."""
        self._say(tell=trial.number, reward=trial.reward)

    def spent(self) -> float:
        """See `Method.spent`: the CPU time of the other process."""
        return self.cpu

    def _say(self, **message: Any) -> dict[str, Any]:
        try:
            line = self.process.ask(json.dumps(message))
        except EOFError as error:
            _PROCESSES.pop(self.key, None)
            raise RuntimeError(f"the peer ended: {error}") from None
        answer: dict[str, Any] = json.loads(line)
        self.cpu += answer["cpu"]
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer


class _Process:
    """A server: it ends when its input does, which is when the harness ends."""

    def __init__(self, family: str, python: Path) -> None:
        outside = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
        self.errors = tempfile.TemporaryFile("w+")  # noqa: SIM115 - as long as the process
        self.process = subprocess.Popen(
            [python, SCRIPTS / f"serve_{family}.py"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            text=True,
            env=outside | ONE_THREAD | {"PYTHONHASHSEED": "0"},
        )

    def ask(self, line: str) -> str:
        """The line that answers `line`.

        Raises:
            EOFError: The process ended, with these last words.
        """
        assert self.process.stdin is not None  # noqa: S101 - pipes
        assert self.process.stdout is not None  # noqa: S101
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.write(line + "\n")
            self.process.stdin.flush()
        if answer := self.process.stdout.readline():
            return answer
        self.process.wait()
        self.errors.seek(0)
        raise EOFError(self.errors.read()[-2000:])

    def close(self) -> None:
        """End it."""
        self.process.communicate()
        self.errors.close()


_PROCESSES: dict[tuple[str, Path], _Process] = {}


def _process(family: str, python: Path) -> _Process:
    """The process of this family, begun on first use."""
    key = (family, python)
    if key not in _PROCESSES:
        _PROCESSES[key] = _Process(family, python)
    return _PROCESSES[key]
