from __future__ import annotations

from raynas.report import SearchView
from raynas.rewards import Metric, Reward
from raynas.space import Space, choice, integer, searchable
from raynas.stopping import FailureShare, TrialLimit
from raynas.trials import (
    Completed,
    Failed,
    History,
    Infeasible,
    Measurement,
    Outcome,
    Point,
    Stopped,
    Trial,
)

HOSTILE = (
    "<img src=x onerror=\"document.title='broken'\"></script>"
    "<script>document.title='broken'</script>"
)
"""What a page must show as it is."""


@searchable
class Conv:
    kernel: int = choice(3, 5)


@searchable
class Net:
    width: int = integer(1, 8)
    block: str | Conv = choice(HOSTILE, Conv)


SPACE = Space(Net)


def history(*outcomes: Outcome | None) -> History:
    nets = [
        Net(1 + n % 8, HOSTILE if n % 3 else Conv(3 + 2 * (n % 2))) for n in range(len(outcomes))
    ]
    return History(
        tuple(
            Trial(number, net, outcome, 100.0 + number, None if outcome is None else 101.0 + number)
            for number, (net, outcome) in enumerate(zip(nets, outcomes, strict=True))
        )
    )


def completed(reward: float) -> Completed:
    curve = tuple(Point(step, {"accuracy": reward * step / 5}) for step in range(1, 6))
    metrics = {"accuracy": reward, "parameters": 1000 * reward}
    return Completed(Measurement(metrics, seconds=2.0, steps=5, curve=curve), reward)


MIXED = history(
    completed(0.5),
    Failed("Traceback\n  ...\nRuntimeError: boom"),
    completed(0.9),
    Infeasible("too large"),
    Stopped("asha"),
    None,
    completed(0.7),
)


def long_history(count: int = 60) -> History:
    """Rewards that the width and the block make, with a failure now and then."""
    outcomes: list[Outcome] = []
    for number in range(count):
        if number % 7 == 3:
            outcomes.append(Failed(f"Traceback\nRuntimeError: {HOSTILE} {number}"))
        else:
            outcomes.append(completed((1 + number % 8) / 10 + (0.1 if number % 3 else 0.0)))
    return history(*outcomes)


def view(history: History, reward: Reward | None = None, name: str = HOSTILE) -> SearchView:
    return SearchView(
        name=name,
        space=SPACE,
        history=history,
        reward=reward or Metric("accuracy"),
        rules=(FailureShare(), TrialLimit(100)),
        limit=100,
        reserved={"cpu": 1.0, "gpu": 0.5},
        provenance={"seed": "0", "note": HOSTILE},
        now=1000.0,
    )
