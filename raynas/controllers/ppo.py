"""A policy that is trained by proximal policy optimization.

Schulman, Wolski, Dhariwal, Radford and Klimov 2017, "Proximal Policy Optimization Algorithms",
equation 7 (the clipped objective) with the entropy bonus of equation 9; as a controller of
architecture search in Tan et al. 2019, "MnasNet", section 4, and in Vertex AI NAS. The policy
decides on one column of the space after another, given those before: ::

    hidden = tanh(asked[column] + sum of taken[option] over the options taken so far)
    probabilities = softmax(scores[options of column] @ hidden + bias[options of column])

This is the neural autoregressive estimator of Larochelle and Murray 2011, "The Neural
Autoregressive Distribution Estimator", section 3, where the papers have a recurrent network: a
decision costs microseconds, and columns that are not active simply do not come.

The policy follows from the history: it is trained with each block of trials in ask order, once
all of the block have ended, against the policy as it was before that block. Advantages are ranks
within the block, so that rewards of any scale do. Trials that failed or were infeasible are worse
than any with a reward; stopped ones teach nothing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from raynas.arguments import checked, checked_whole
from raynas.controllers.autoregressive_policy import Step, Vocabulary, Weights
from raynas.controllers.base import Controller
from raynas.controllers.history_increment import news
from raynas.controllers.observations import normal_scores
from raynas.errors import ConfigurationError
from raynas.space import Space
from raynas.trials import Architecture, History, Stopped, Trial

__all__ = ["PPO"]

_DRAWS = 50  # chosen by hand: a policy that repeats as often has converged
_HEAT = 1.1
"""By what the policy's temperature rises with each draw that repeats the history."""


@checked
class PPO(Controller):
    """Samples a policy over the space's decisions, trained with what was rewarded.

    Proposes what the history holds only if `_DRAWS` draws at rising temperature found nothing else.

    Args:
        space: Space of the proposals.
        batch: Trials of a block, after each of which the policy is trained.
        epochs: Steps of the optimizer, Adam, a block.
        learning_rate: Adam's.
        clip: How far a probability's ratio may move in a block: epsilon of equation 7.
        entropy: Weight of the entropy bonus: c2 of equation 9.
        hidden: Size of the policy's hidden layer.
        seed: Seed of the policy's initial weights.

    Raises:
        ConfigurationError: An argument is out of its range.
    """

    def __init__(
        self,
        space: Space[Any],
        *,
        batch: int = 20,
        epochs: int = 10,
        learning_rate: float = 0.01,
        clip: float = 0.2,
        entropy: float = 0.01,
        hidden: int = 32,
        seed: int = 0,
    ) -> None:
        super().__init__(space)
        for name, count in (("batch", batch), ("epochs", epochs), ("hidden", hidden)):
            if count < 1:
                raise ConfigurationError(f"{name}={count}: must be at least 1")
        for name, rate in (("learning_rate", learning_rate), ("clip", clip)):
            if not rate > 0:
                raise ConfigurationError(f"{name}={rate}: must be above 0")
        if not entropy >= 0:
            raise ConfigurationError(f"entropy={entropy}: must be at least 0")
        self.batch = batch
        self.epochs = epochs
        self.clip = clip
        self.entropy = entropy
        self.learning_rate = learning_rate
        self.hidden = hidden
        self.seed = checked_whole("seed", seed)
        self._words = Vocabulary(space)
        self._begin()

    def propose(self, history: History, rng: np.random.Generator) -> Architecture | None:
        """See `Controller.propose`."""
        self._follow(history)
        for draw in range(_DRAWS):
            begin = partial(self._weights.chooser, self._words, rng, _HEAT**draw)
            drawn = self.space.canonical(self._words.draw(begin, rng))
            if drawn not in history.architectures:
                break
        return drawn

    def _begin(self) -> None:
        self._seen: Sequence[Trial] = ()
        self._blocks = 0
        self._policy = _Policy(self._words, self.hidden, self.seed)
        self._adam = _Adam(self._policy, self.learning_rate)
        self._weights = self._policy.weights()

    def _follow(self, history: History) -> None:
        """Train with every block that has ended since the last call."""
        if news(self._seen, history.trials) is None:
            self._begin()
        self._seen = history.trials
        before = self._blocks
        while True:
            first = self._blocks * self.batch
            block = self._seen[first : first + self.batch]
            if len(block) < self.batch or any(trial.outcome is None for trial in block):
                break
            self._train([trial for trial in block if not isinstance(trial.outcome, Stopped)])
            self._blocks += 1
        if self._blocks > before:
            self._weights = self._policy.weights()

    def _train(self, block: Sequence[Trial]) -> None:
        batch = _Batch.of([self._words.steps(trial.architecture) for trial in block], self._words)
        if not batch.asked.any():
            return
        scores = normal_scores([-math.inf if t.reward is None else t.reward for t in block])
        advantages = torch.from_numpy(scores)[:, None].expand(batch.asked.shape)[batch.asked]
        with torch.no_grad():
            old, _ = self._policy(batch)
        for _ in range(self.epochs):
            new, entropy = self._policy(batch)
            ratio = torch.exp(new - old)
            clipped = ratio.clamp(1 - self.clip, 1 + self.clip)
            gain = torch.minimum(ratio * advantages, clipped * advantages).mean()
            self._adam.ascend(gain + self.entropy * entropy.mean())


@dataclass(frozen=True)
class _Batch:
    """Sequences of steps, padded.

    Attributes:
        asked: Which steps there are, shape ``(sequences, steps)``; the others are padding.
        columns: The column of each step, same shape.
        taken: The option taken, numbered over all columns, same shape.
        offered: Which options could be taken, ``(sequences, steps, options)``.
    """

    asked: Tensor
    columns: Tensor
    taken: Tensor
    offered: Tensor

    @classmethod
    def of(cls, sequences: Sequence[Sequence[Step]], words: Vocabulary) -> _Batch:
        """The batch of `sequences`."""
        shape = (len(sequences), max(map(len, sequences), default=0))
        asked, columns, taken = np.zeros(shape, bool), np.zeros(shape, int), np.zeros(shape, int)
        offered = np.zeros((*shape, max(words.counts, default=1)), bool)
        offered[..., 0] = True
        for row, steps in enumerate(sequences):
            for place, step in enumerate(steps):
                every = range(words.counts[step.column])
                asked[row, place] = True
                columns[row, place] = step.column
                taken[row, place] = words.starts[step.column] + step.option
                offered[row, place] = False
                offered[row, place, list(step.offered or every)] = True
        return cls(*map(torch.from_numpy, (asked, columns, taken, offered)))


class _Policy(nn.Module):
    """The autoregressive estimator of the module's docstring, uniform at first."""

    def __init__(self, words: Vocabulary, hidden: int, seed: int) -> None:
        super().__init__()
        rng = np.random.default_rng(seed)

        def normal(rows: int) -> nn.Parameter:
            return nn.Parameter(torch.from_numpy(rng.normal(0, hidden**-0.5, (rows, hidden))))

        self.taken = normal(words.size)
        self.asked = normal(len(words.counts))
        self.scores = nn.Parameter(torch.zeros(words.size, hidden, dtype=torch.float64))
        self.bias = nn.Parameter(torch.zeros(words.size, dtype=torch.float64))
        self._starts = torch.tensor(words.starts[:-1], dtype=torch.int64)

    def forward(self, batch: _Batch) -> tuple[Tensor, Tensor]:
        """Log-probability of each option taken, and entropy of each step, both of steps asked."""
        added = self.taken[batch.taken] * batch.asked[..., None]
        before = torch.cumsum(added, dim=1) - added
        hidden = torch.tanh(self.asked[batch.columns] + before)[batch.asked]
        starts = self._starts[batch.columns[batch.asked]]
        offered = batch.offered[batch.asked]
        places = torch.arange(offered.shape[-1])
        options = (starts[:, None] + places).clamp(max=len(self.bias) - 1)
        logits = (self.scores[options] @ hidden[..., None])[..., 0] + self.bias[options]
        logs = torch.log_softmax(logits.masked_fill(~offered, -1e9), dim=-1)
        taken = (batch.taken[batch.asked] - starts)[:, None]
        return logs.gather(1, taken)[:, 0], -(logs.exp() * logs).sum(dim=-1)

    def weights(self) -> Weights:
        """The parameters as arrays to sample with."""
        arrays = (self.taken, self.asked, self.scores, self.bias)
        return Weights(*(array.detach().numpy().copy() for array in arrays))


class _Adam:
    """Kingma and Ba 2015, "Adam: A Method for Stochastic Optimization", Algorithm 1.

    Torch's own brings seconds of imports with it, for its compiler.
    """

    def __init__(self, model: nn.Module, rate: float, decays: tuple[float, float] = (0.9, 0.999)):
        self._parameters = list(model.parameters())
        self._rate = rate
        self._decays = decays
        self._means = [torch.zeros_like(p) for p in self._parameters]
        self._squares = [torch.zeros_like(p) for p in self._parameters]
        self._steps = 0

    def ascend(self, gain: Tensor) -> None:
        """One step towards a larger `gain`."""
        gradients = torch.autograd.grad(gain, self._parameters)
        self._steps += 1
        first, second = self._decays
        moments = zip(self._parameters, gradients, self._means, self._squares, strict=True)
        with torch.no_grad():
            for parameter, gradient, mean, square in moments:
                mean.lerp_(gradient, 1 - first)
                square.lerp_(gradient**2, 1 - second)
                size = (square / (1 - second**self._steps)).sqrt() + 1e-8
                parameter.add_(self._rate * mean / (1 - first**self._steps) / size)
