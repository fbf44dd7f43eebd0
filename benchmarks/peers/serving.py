"""What all peers' servers share: the talk over standard input and output.

Runs in the peer's environment, so it imports nothing but the standard library.
"""

import json
import os
import sys
import time
import traceback
from abc import ABC, abstractmethod
from dataclasses import dataclass


@dataclass(frozen=True)
class ServedParameter:
    """A decision with `size` options, numbered from 0; see `controller_bench/flat.py`."""

    name: str
    size: int
    ordered: bool
    parents: dict


@dataclass(frozen=True)
class Task:
    """What is to be searched, and how.

    Attributes:
        name: The algorithm.
        parameters: In an order that has parents first.
        seed: For the algorithm's generators.
        trials: How many there will be.
        workers: How many run at once.
        noisy: Whether rewards are.
        objectives: How many there are; of several, a reward is a list.
        steps: Budgets of a training as rising whole numbers, if there are several.
    """

    name: str
    parameters: list
    seed: int
    trials: int
    workers: int
    noisy: bool
    objectives: int = 1
    steps: tuple = ()

    @property
    def reduction(self):
        """The typical ratio of a budget to the one below it."""
        return round((self.steps[-1] / self.steps[0]) ** (1 / (len(self.steps) - 1)))


class Peer(ABC):
    """Asked for positions of all (or all active) parameters, told of rewards to maximize.

    Attributes:
        step: Of several budgets, that of the latest answer to `ask`.
    """

    step = None

    @abstractmethod
    def ask(self, number):
        """Positions by name for trial `number`; None where there is nothing left."""

    @abstractmethod
    def tell(self, number, reward):
        """Trial `number` ended; `reward` is None where it failed."""


def serve(make):
    """Answer until the input ends; `make` makes the peer of a `Task`."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what the library prints must not get among the answers
    peer = None
    for line in sys.stdin:
        message = json.loads(line)
        answer = {}
        began = time.process_time()
        try:
            if "parameters" in message:
                parameters = [ServedParameter(**fields) for fields in message.pop("parameters")]
                peer = make(Task(parameters=parameters, **message))
            elif "ask" in message:
                found = peer.ask(message["ask"])
                positions = found and {name: int(value) for name, value in found.items()}
                answer = {"positions": positions, "step": peer.step}
            else:
                peer.tell(message["tell"], message["reward"])
        except Exception:
            answer = {"error": traceback.format_exc()}
        answer["cpu"] = time.process_time() - began
        answers.write(json.dumps(answer) + "\n")
