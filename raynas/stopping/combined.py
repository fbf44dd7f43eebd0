"""Rules made of rules."""

from __future__ import annotations

from dataclasses import dataclass

from raynas.arguments import checked
from raynas.errors import ConfigurationError
from raynas.stopping.base import StopRule, StopWarning, first_stop
from raynas.stopping.replay import as_of
from raynas.trials import History, Stop
from raynas.wording import counted, sentence

__all__ = ["AllOf", "AnyOf", "Patience"]


class _Several(StopRule):
    """Holds the rules that are combined."""

    def __init__(self, *rules: StopRule) -> None:
        if not rules or not all(isinstance(rule, StopRule) for rule in rules):
            raise ConfigurationError(
                f"{type(self).__name__}{rules!r}: give at least one rule, and only raynas StopRules"
            )
        self.rules = rules

    @property
    def costly(self) -> bool:
        """See `StopRule.costly`."""
        return any(rule.costly for rule in self.rules)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(map(repr, self.rules))})"


@checked
class AnyOf(_Several):
    """Stops when one of `rules` does, for the reason of the first that does.

    Raises:
        ConfigurationError: There is no rule, or something that is none.
    """

    def check(self, history: History, now: float) -> Stop | None:
        """See `StopRule.check`."""
        return first_stop(self.rules, history, now)

    def state(self, history: History, now: float) -> str:
        """See `StopRule.state`."""
        return " or ".join(rule.state(history, now) for rule in self.rules)

    def progress(self, history: History, now: float) -> float:
        """See `StopRule.progress`."""
        return max(rule.progress(history, now) for rule in self.rules)

    def warn(self, history: History, now: float) -> StopWarning | None:
        """See `StopRule.warn`."""
        return next((w for rule in self.rules if (w := rule.warn(history, now))), None)


@checked
class AllOf(_Several):
    """Stops when every one of `rules` does.

    Raises:
        ConfigurationError: There is no rule, or something that is none.
    """

    def check(self, history: History, now: float) -> Stop | None:
        """See `StopRule.check`."""
        stops = []
        for rule in self.rules:
            stop = rule.check(history, now)
            if stop is None:
                return None
            stops.append(stop)
        return Stop(
            " and ".join(stop.rule for stop in stops),
            " ".join(sentence(stop.reason) for stop in stops),
            " ".join(dict.fromkeys(sentence(stop.advice) for stop in stops)),
        )

    def state(self, history: History, now: float) -> str:
        """See `StopRule.state`."""
        return " and ".join(rule.state(history, now) for rule in self.rules)

    def progress(self, history: History, now: float) -> float:
        """See `StopRule.progress`."""
        return min(rule.progress(history, now) for rule in self.rules)


@checked
@dataclass(frozen=True)
class Patience(StopRule):
    """Stops when `rule` would have, after each of the last `trials` trials that ended.

    For a rule that one lucky or unlucky trial can set off.

    Args:
        rule: Rule whose stop is awaited.
        trials: How often it must find a reason in a row, at least 1.

    Raises:
        ConfigurationError: An argument is not what it should be.
    """

    rule: StopRule
    trials: int

    def __post_init__(self) -> None:
        if not isinstance(self.rule, StopRule):
            raise ConfigurationError(f"rule={self.rule!r}: must be a raynas StopRule")
        if not isinstance(self.trials, int) or self.trials < 1:
            raise ConfigurationError(f"trials={self.trials!r}: must be a whole number from 1 on")

    @property
    def costly(self) -> bool:
        """See `StopRule.costly`."""
        return self.rule.costly

    def check(self, history: History, now: float) -> Stop | None:
        """See `StopRule.check`."""
        stop = self.rule.check(history, now)
        if stop is None or self._in_a_row(history) < self.trials:
            return None
        last = counted(self.trials, "trial")
        again = f"It was so after each of the last {last}." if self.trials > 1 else ""
        return Stop(stop.rule, f"{sentence(stop.reason)} {again}".rstrip(), stop.advice)

    def state(self, history: History, now: float) -> str:
        """See `StopRule.state`."""
        return f"{self.rule.state(history, now)}, for {counted(self.trials, 'trial')} in a row"

    def progress(self, history: History, now: float) -> float:
        """See `StopRule.progress`."""
        before = self.rule.progress(history, now)
        return before if before < 1 else self._in_a_row(history) / self.trials

    def warn(self, history: History, now: float) -> StopWarning | None:
        """See `StopRule.warn`: the reason for which it waits."""
        stop = self.rule.check(history, now)
        if stop is None:
            return self.rule.warn(history, now)
        return StopWarning(stop.rule, stop.reason, stop.advice)

    def _in_a_row(self, history: History) -> int:
        """Number of the last ends, up to `trials`, after which the rule found a reason."""
        ends = sorted((trial.ended or 0.0 for trial in history.ended), reverse=True)
        for count, end in enumerate(ends[: self.trials]):
            if self.rule.check(as_of(history, end), end) is None:
                return count
        return min(len(ends), self.trials)
