"""Nothing is left to try."""

from __future__ import annotations

from dataclasses import dataclass

from raynas.arguments import checked
from raynas.stopping.base import StopRule
from raynas.trials import History, Stop
from raynas.wording import counted

__all__ = ["SpaceExhausted"]


@checked
@dataclass(frozen=True)
class SpaceExhausted(StopRule):
    """Stops when each of the `size` architectures of the space has been tried."""

    size: float

    def check(self, history: History, now: float) -> Stop | None:
        """See `StopRule.check`."""
        del now
        if len(history.ended) < self.size:
            return None
        if len({trial.architecture for trial in history.ended}) < self.size:
            return None
        return Stop(
            "space exhausted",
            f"All {counted(self.size, 'architecture')} of the space were tried."
            if self.size > 1
            else "The only architecture of the space was tried.",
            "Train the best in full: `raynas train FILE`, or search a larger space.",
        )

    def state(self, history: History, now: float) -> str:
        """See `StopRule.state`."""
        del now
        share = len(history) / self.size
        return f"space {share:.1%} tried" if share >= 0.001 or not share else "space <0.1% tried"
