"""`raynas profile --fit`: measurements for what the meters of a search file predict."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.markup import escape

from raynas.cli.terminal import Terminal
from raynas.errors import ConfigurationError
from raynas.wording import counted

if TYPE_CHECKING:
    from raynas.search import Search
    from raynas.tasks.meters.predicted import Predicted

__all__ = ["fit_predictions"]

_TOLERANCE = 0.1
"""The accuracy asked of a latency predictor in docs/benchmarks/latency-predictor.md."""


def fit_predictions(search: Search, example: Any, samples: int, console: Terminal) -> None:
    """Measure `samples` architectures for each `Predicted` of the search, and show its error.

    Raises:
        ConfigurationError: There is none.
    """
    from raynas.tasks.meters.measured import measuring
    from raynas.tasks.meters.predicted import Predicted

    found = [m for one in measuring(search.task) for m in one.meters if isinstance(m, Predicted)]
    if not found:
        raise ConfigurationError(
            "fit: the search predicts nothing; give Measured a raynas.meters.Predicted(meter, "
            "'latency.json')"
        )
    for meter in found:
        _fit(meter, search, example, samples, console)


def _fit(meter: Predicted, search: Search, example: Any, samples: int, console: Terminal) -> None:
    import numpy as np

    from raynas.space import Space
    from raynas.tasks.example_input import build_of, example_of
    from raynas.tasks.meters.meter import Subject

    space: Space[Any] = _to_sample(meter, search)
    some = space.sample(np.random.default_rng(0))
    given = example_of(search.task) if example is None else example
    subject = Subject(some, given, build_of(search.task))
    with console.status("measuring") as status:
        passed = meter.take(
            subject,
            space.sample,
            samples,
            progress=lambda done: status.update(f"{done:,} architectures measured"),
        )
    for reason in dict.fromkeys(passed):
        console.print(f"[yellow]not measured[/]: {escape(reason)}")
    model = meter.fitted(subject)
    share, up, down = model.share_within(_TOLERANCE), model.factor - 1, 1 - 1 / model.factor
    console.print(
        f"[bold]{escape(meter.metric)}[/]: {counted(model.measurements, 'measurement')} in "
        f"{escape(str(meter.measurements))}\n{escape(model.kind)}; cross-validated, {share:.0%} "
        f"are within ±{_TOLERANCE:.0%}, and 95 % within -{down:.1%} and +{up:.1%}"
    )


def _to_sample(meter: Predicted, search: Search) -> Any:
    """The space, within the bounds that are free to know but for those on what is predicted."""
    from raynas.controllers.feasible import FeasibleSpace
    from raynas.space import Space

    predicted = (meter.metric, f"{meter.metric}_low", f"{meter.metric}_high")
    bounds = [bound for bound in search.bounds if bound.metric not in predicted]
    whole: Space[Any] = Space.of(search.space)
    return FeasibleSpace(whole, bounds, search.task.foreknown) if bounds else whole
