"""A plain Python function as a task."""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable, Mapping

from raynas.arguments import checked
from raynas.errors import TaskError
from raynas.tasks.base import Context, Task
from raynas.trials import Architecture, Measurement, Mode

__all__ = ["FunctionTask"]


@checked
class FunctionTask(Task):
    """Calls `function` with the architecture.

    Args:
        function: Returns a number, or metrics by name among which `metric` is. One that has an
            argument named ``budget`` gets the length of the training to do, as a share of a full
            one, and so can be searched with ``Search(budgets=...)``.
        metric: What the search rewards; also the name given to a plain number.
        mode: Whether larger (``"max"``) or smaller (``"min"``) values are better.
    """

    def __init__(
        self,
        function: Callable[..., float | Mapping[str, float]],
        metric: str = "reward",
        mode: Mode = "max",
    ) -> None:
        self.function = function
        self.metric = metric
        self.mode = mode

    @property
    def takes_budgets(self) -> bool:  # type: ignore[override] # known of each function
        """Whether the function has an argument named ``budget``."""
        try:
            return "budget" in inspect.signature(self.function).parameters
        except (TypeError, ValueError):
            return False

    def run(self, architecture: Architecture, context: Context) -> Measurement:
        """See `Task.run`."""
        start = time.perf_counter()
        budget = {"budget": context.budget} if self.takes_budgets else {}
        result = self.function(architecture, **budget)
        metrics = result if isinstance(result, Mapping) else {self.metric: result}
        if self.metric not in metrics:
            raise TaskError(
                f"metric={self.metric!r}: the function returned only {', '.join(metrics) or 'none'}"
                "; return it too, or name one of these"
            )
        return Measurement(metrics, seconds=time.perf_counter() - start)
