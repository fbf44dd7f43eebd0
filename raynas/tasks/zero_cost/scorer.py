"""Score architectures by zero-cost proxies: what an untrained network says of a trained one."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from raynas.arguments import checked
from raynas.errors import TaskError
from raynas.tasks.log import announce
from raynas.tasks.meters.meter import Meter, Subject
from raynas.tasks.meters.network_fingerprint import code_of, digest_of_inputs
from raynas.tasks.meters.profile import profile
from raynas.tasks.network_building import Build, built
from raynas.tasks.network_inputs import called, inputs_on, mapped, tensors_in
from raynas.tasks.zero_cost.activations import jacob_cov, naswot
from raynas.tasks.zero_cost.batch import Batch, NoScoreError, Proxy
from raynas.tasks.zero_cost.gradients import grad_norm, snip, synflow
from raynas.tasks.zero_cost.zen import zen
from raynas.trials import Architecture

if TYPE_CHECKING:
    from torch import Tensor, nn

    from raynas.tasks.meters.profile import Inputs

__all__ = ["PREFIX", "PROXIES", "ZeroCost"]

PROXIES: Mapping[str, Proxy] = {
    "grad_norm": grad_norm,
    "jacob_cov": jacob_cov,
    "naswot": naswot,
    "snip": snip,
    "synflow": synflow,
    "zen": zen,
}
"""The proxies that run a network; `ZeroCost` counts parameters and FLOPs besides."""

PREFIX = "zero_cost/"
"""Before a score's name in the metrics of a trial."""

_COUNTS = ("parameters", "flops")


@checked
@dataclass(frozen=True, eq=False)
class ZeroCost(Meter):
    """Scores architectures without training them, and remembers the scores.

    Call it with architectures; each gets its scores by name. They depend on nothing but the
    architecture and the arguments here; the global random generators are left as they were. A
    score that an architecture has not (its network takes whole numbers, has no rectifiers, tells
    no examples apart, or overflows) is left out rather than given a floor, with a warning in the
    log ``raynas.tasks`` that says why, once a reason.

    A proxy is a hint: how far it can be trusted differs from space to space, and is to be measured
    against rewards (`raynas.report.rank_correlations`).

    Args:
        inputs: A batch of what networks take, with 16 examples or more: a tensor, a tuple of
            arguments, or nested lists and dicts of tensors.
        targets: What `loss` takes beside a network's output; None for random classes.
        loss: Loss function of output and targets; None for cross entropy.
        proxies: Names out of `PROXIES`, ``"parameters"`` and ``"flops"``.
        build: Function from the architecture to its network; its method `build` by default.
        device: Device to compute on, such as ``"cpu"`` or ``"cuda"``.
        seed: Seed of the initial weights and of all other random draws.
        repeats: How many initial weights to average over.

    Raises:
        TaskError: An argument is out of its range.
    """

    inputs: Inputs
    targets: Any = None
    loss: Callable[[Any, Any], Tensor] | None = None
    proxies: tuple[str, ...] = (*PROXIES, *_COUNTS)
    build: Build = built
    device: str = "cpu"
    seed: int = 0
    repeats: int = 1
    _known: dict[Architecture, dict[str, float]] = field(default_factory=dict, repr=False)
    _told: set[str] = field(default_factory=set, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "proxies", tuple(self.proxies))
        names = (*PROXIES, *_COUNTS)
        for name in self.proxies:
            if name not in names:
                raise TaskError(f"proxies contains {name!r}: use some of {', '.join(names)}")
        if self.repeats < 1:
            raise TaskError(f"repeats={self.repeats}: must be at least 1")
        tensors = list(tensors_in(self._inputs))
        sizes = {tensor.shape[0] if tensor.dim() else 0 for tensor in tensors}
        if len(sizes) != 1 or min(sizes) < 2:
            shapes = ", ".join(str(tuple(tensor.shape)) for tensor in tensors) or "none"
            raise TaskError(f"inputs of shape {shapes}: must be a batch of two examples or more")

    def __call__(self, architectures: Sequence[Architecture]) -> list[dict[str, float]]:
        """The scores of each of `architectures`, in their order; larger promises more.

        Raises:
            TaskError: A network cannot be made of an architecture because of the arguments here.
        """
        return [dict(self._scores(architecture)) for architecture in architectures]

    def measure(self, subject: Subject) -> Mapping[str, float]:
        """The scores as metrics ``zero_cost/<name>``, for `raynas.meters.Measured`."""
        scorer = self if self.build is not built else self._building_as(subject.build)
        return {
            f"{PREFIX}{name}": score for name, score in scorer((subject.architecture,))[0].items()
        }

    def _building_as(self, build: Build) -> ZeroCost:
        """A copy of this scorer for networks that a task makes, whose scores it keeps apart."""
        other = copy.copy(self)
        for name, value in (("build", build), ("_known", {})):
            object.__setattr__(other, name, value)
        return other

    def __repr__(self) -> str:
        batch = digest_of_inputs((self.inputs, self.targets))[:12]
        code = [code_of(f)[:12] if callable(f) else None for f in (self.loss, self.build)]
        return (
            f"ZeroCost(batch {batch}, {self.proxies}, device={self.device!r}, seed={self.seed}, "
            f"repeats={self.repeats}, code of loss and build {code})"
        )

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_known": {}, "_told": set()}

    @property
    def _inputs(self) -> tuple[Any, ...]:
        return self.inputs if isinstance(self.inputs, tuple) else (self.inputs,)

    def _scores(self, architecture: Architecture) -> dict[str, float]:
        if architecture not in self._known:
            try:
                self._known[architecture] = self._computed(architecture)
            except TaskError:
                raise
            except Exception as error:  # building it is the task's business to report
                self._tell("no score", error)
                self._known[architecture] = {}
        return self._known[architecture]

    def _computed(self, architecture: Architecture) -> dict[str, float]:
        scores: dict[str, float] = {}
        if set(_COUNTS) & set(self.proxies):
            one = tuple(mapped(lambda tensor: tensor[:1], value) for value in self._inputs)
            found = profile(architecture, one, build=self.build)
            scores = {name: float(getattr(found, name)) for name in _COUNTS}
            if found.uncounted and "flops" in self.proxies:
                scores["flops"] = math.nan
                self._tell("flops", NoScoreError(f"no formula for {', '.join(found.uncounted)}"))
        wanted = [name for name in self.proxies if name in PROXIES]
        sums = dict.fromkeys(wanted, 0.0)
        batch = self._batch()
        for repeat in range(self.repeats if wanted else 0):
            seed = self.seed + repeat
            with _seeded(seed, self.device):
                network = _with_all_parameters(self.build(architecture).to(self.device), batch)
            initial = {name: value.clone() for name, value in network.state_dict().items()}
            for name in wanted:
                sums[name] += self._score(name, network, batch, seed)
                network.load_state_dict(initial)
                network.zero_grad(set_to_none=True)
        scores |= {name: total / self.repeats for name, total in sums.items()}
        return {name: scores[name] for name in self.proxies if math.isfinite(scores[name])}

    def _score(self, name: str, network: nn.Module, batch: Batch, seed: int) -> float:
        try:
            with _seeded(seed, self.device):
                score = PROXIES[name](network, batch)
        except Exception as error:
            self._tell(name, error)
            return math.nan
        if not math.isfinite(score):
            self._tell(name, ArithmeticError(f"the score is {score}"))
        return score

    def _batch(self) -> Batch:
        inputs = inputs_on(self._inputs, self.device)
        targets = self.targets.to(self.device) if hasattr(self.targets, "to") else self.targets
        return Batch(inputs, targets, self.loss)

    def _tell(self, what: str, error: Exception) -> None:
        reason = f"{what}: {type(error).__name__}: {str(error).partition(chr(10))[0]}"
        if reason not in self._told:
            self._told.add(reason)
            announce("zero-cost score left out, %s", reason)


def _with_all_parameters(network: nn.Module, batch: Batch) -> nn.Module:
    """`network`, run once where lazy layers have no parameters before that."""
    import torch
    from torch.nn.parameter import is_lazy

    if any(is_lazy(value) for value in (*network.parameters(), *network.buffers())):
        with torch.no_grad():
            called(network.eval(), batch.inputs)
    return network


@contextmanager
def _seeded(seed: int, device: str) -> Iterator[None]:
    """Torch's generators begun anew at `seed`, and afterwards as they were."""
    import torch

    where = torch.device(device)
    with torch.random.fork_rng([where] if where.type == "cuda" else []):
        torch.manual_seed(seed)
        yield
