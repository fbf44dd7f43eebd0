"""Several rewards at once, for controllers that search the front between them."""

from __future__ import annotations

from raynas.arguments import checked
from raynas.errors import ConfigurationError
from raynas.objective import Objective
from raynas.rewards.base import Reward
from raynas.trials import Infeasible, Measurement

__all__ = ["Pareto"]


@checked
class Pareto(Reward):
    """The tuple of what `rewards` give, such as ``Pareto(Metric("acc"), Metric("ms", "min"))``.

    The first is the one that stop rules, the search curve and single-objective controllers go by.

    Args:
        *rewards: Rewards of one objective each, at least two.

    Raises:
        ConfigurationError: There are fewer, or one has several objectives itself.
    """

    def __init__(self, *rewards: Reward) -> None:
        if len(rewards) < 2:
            raise ConfigurationError(f"Pareto{rewards!r}: give at least two rewards")
        for reward in rewards:
            if not isinstance(reward, Reward) or len(reward.objectives) != 1:
                raise ConfigurationError(f"Pareto(... {reward!r}): must be a reward of one number")
        self.rewards = rewards

    @property
    def objectives(self) -> tuple[str, ...]:
        """See `Reward.objectives`."""
        return tuple(str(reward) for reward in self.rewards)

    @property
    def shown_as(self) -> tuple[Objective, ...]:
        """See `Reward.shown_as`."""
        return tuple(objective for reward in self.rewards for objective in reward.shown_as)

    def __repr__(self) -> str:
        return f"Pareto({', '.join(map(repr, self.rewards))})"

    def __str__(self) -> str:
        return f"({', '.join(self.objectives)})"

    def __call__(self, measurement: Measurement) -> tuple[float, ...] | Infeasible:
        """See `Reward.__call__`."""
        values: list[float] = []
        for reward in self.rewards:
            value = reward(measurement)
            if isinstance(value, Infeasible):
                return value
            values += value if isinstance(value, tuple) else (value,)
        return tuple(values)
