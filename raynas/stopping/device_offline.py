"""Stop rule: the device that measures is out of reach."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from raynas.arguments import checked
from raynas.errors import ConfigurationError
from raynas.stopping.base import StopRule
from raynas.trials import History, Stop, Trial
from raynas.wording import counted

__all__ = ["DeviceOffline"]


@checked
@dataclass(frozen=True)
class DeviceOffline(StopRule):
    """Stops when none of the latest trials could be measured, as a device was offline.

    Such trials count neither as failures nor as results, and run once more at the next start. Going
    on without the device would only add to them.

    Args:
        trials: How many trials in a row, by when they ended.

    Raises:
        ConfigurationError: `trials` is below 1.
    """

    trials: int = 10

    def __post_init__(self) -> None:
        if self.trials < 1:
            raise ConfigurationError(f"trials={self.trials}: must be at least 1")

    def check(self, history: History, now: float) -> Stop | None:
        """See `StopRule.check`."""
        del now
        waiting = self._waiting(history)
        if len(waiting) < self.trials:
            return None
        return Stop(
            "device offline",
            f"The latest {counted(len(waiting), 'trial')} could not be measured: "
            f"{waiting[-1].reason}.",
            "Bring the device back, then run the same command again: these trials run once more.",
        )

    def state(self, history: History, now: float) -> str:
        """See `StopRule.state`."""
        del now
        trials = counted(self.trials, "trial")
        return f"offline {len(self._waiting(history))} of {trials} in a row"

    def progress(self, history: History, now: float) -> float:
        """See `StopRule.progress`."""
        del now
        return min(1.0, len(self._waiting(history)) / self.trials)

    def _waiting(self, history: History) -> Sequence[Trial]:
        """The trials that wait for a device and ended after every other, at most `trials`."""
        if not history.deferred:
            return ()
        numbers = {trial.number for trial in history.deferred}
        others = (trial for trial in history.ended if trial.number not in numbers)
        latest = max(map(_end, others), default=0.0)
        return sorted((t for t in history.deferred if _end(t) > latest), key=_end)[-self.trials :]


def _end(trial: Trial) -> float:
    return trial.ended or 0.0
