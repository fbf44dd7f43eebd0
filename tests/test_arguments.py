"""Every public constructor, with every kind of value: it takes it, or refuses it in words."""

from __future__ import annotations

import datetime
import decimal
import enum
import fractions
import inspect
import math
import sys
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from lightning import LightningModule
from optuna.samplers import RandomSampler

import raynas as nas
from raynas import controllers, stopping
from raynas.arguments import checked, checked_whole, shown
from raynas.errors import ConfigurationError, RaynasError
from raynas.space import Space
from raynas.tasks.meters.onnx_latency import OnnxLatencyMeter
from raynas.testing import OPTIMUM, ToyNet


class Word(enum.Enum):
    MAX = "max"
    RED = "red"


class Unprintable:
    def __repr__(self) -> str:
        raise ValueError("no")


class Module(LightningModule):
    """Of the smallest search."""


TABLE = Path(__file__).parents[1] / "benchmarks" / "mnist_curves.csv"
SPACE = Space(ToyNet)
METRIC = nas.rewards.Metric("a")
TASK = nas.FunctionTask(len)
RULE = stopping.TrialLimit(3)
RANDOM = controllers.Random(SPACE)
VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 7, 2**70, 10**400),
    *(0.5, -0.5, 1e308, math.nan, math.inf, -math.inf, 1j),
    *("", "x", "5", "max", "\0", "a/b", "x" * 10_000, "postgresql:/u:pw@host/db", b"x"),
    *([], [1], ["a"], [None], (), (1, 2), ("a", "b"), {}, {"a": 1}, {1: 2}, {"a": "b"}),
    *({1}, frozenset({"a"}), range(3), object(), object, int, len, lambda one: one, lambda: 1),
    *(np.float32(0.5), np.int64(3), np.float64("nan"), np.bool_(True), np.str_("max")),
    *(np.array([1, 2]), np.array(3.0), fractions.Fraction(1, 3), decimal.Decimal("0.5")),
    *(decimal.Decimal("NaN"), Path("p"), datetime.timedelta(1), Word.MAX, Word.RED, Word),
    *(Unprintable(), Exception("e"), sys, ToyNet, SPACE, METRIC, TASK, RULE, RANDOM),
    *("auto", nas.rewards.AtMost("a", 1), nas.meters.CostMeter(), nas.Measurement({"a": 1.0})),
)
BOUNDED = {"reward": METRIC, "low": 0.0, "high": 1.0}
CONSTRUCTORS: dict[Callable[..., Any], dict[str, Any]] = {
    nas.AskTell: {"space": ToyNet, "controller": "random"},
    nas.Limits: {},
    nas.NASSearcher: {},
    nas.LightningTask: {"module": Module, "data": list, "metric": "a", "max_steps": 3},
    nas.Resources: {},
    nas.Search: {"space": ToyNet, "task": TASK, "controller": "random"},
    nas.FunctionTask: {"function": len},
    nas.tasks.LightningData: {"source": list},
    nas.Stages: {"stages": {"a": nas.Search(ToyNet, TASK, controller="random")}},
    nas.TabularTask: {"table": TABLE, "key": str, "metric": "test", "index": "arch"},
    nas.meters.Measured: {"task": TASK, "meters": nas.meters.CostMeter()},
    nas.rewards.Absolute: {"quality": "a", "cost": "b", "target": 1.0},
    nas.rewards.AtLeast: {"metric": "a", "limit": 1.0},
    nas.rewards.AtMost: {"metric": "a", "limit": 1.0},
    nas.rewards.Clipped: BOUNDED,
    nas.rewards.Constrained: {"reward": METRIC, "bounds": (nas.rewards.AtMost("a", 1),)},
    nas.rewards.Factor: {"cost": "a", "target": 1.0},
    nas.rewards.Metric: {"name": "a"},
    nas.rewards.MnasNet: {"quality": "a", "cost": "b", "target": 1.0},
    nas.rewards.WeightedProduct: {"quality": "a", "factors": (nas.rewards.Factor("b", 1.0),)},
    nas.meters.FunctionMeter: {"function": len, "name": "a"},
    nas.meters.LatencyMeter: {},
    nas.meters.MemoryMeter: {},
    OnnxLatencyMeter: {},
    nas.meters.OnResource: {"meter": nas.meters.CostMeter(), "resource": "a"},
    nas.trials.Completed: {"measurement": nas.Measurement({}), "reward": 1.0},
    nas.trials.Failed: {"error": "a"},
    nas.trials.Infeasible: {"reason": "a"},
    nas.Measurement: {"metrics": {}},
    nas.trials.Stopped: {"by": "a"},
    nas.Space: {"root": ToyNet},
    stopping.AllOf: {"rules": RULE},
    stopping.AnyOf: {"rules": RULE},
    stopping.Convergence: {},
    stopping.DeviceTimeLimit: {"hours": 1.0},
    stopping.FailedLimit: {"failed": 3},
    stopping.FailureShare: {},
    stopping.ImprovementLeft: {},
    stopping.MoneyLimit: {"amount": 1.0, "price": 1.0},
    stopping.NoConvergence: {},
    stopping.Patience: {"rule": RULE, "trials": 2},
    stopping.SpaceExhausted: {"size": 5},
    stopping.SurrogateGain: {"space": ToyNet},
    stopping.TimeLimit: {"hours": 1.0},
    stopping.TrainingLimit: {"trainings": 3.0},
    stopping.TrialLimit: {"trials": 3},
    controllers.Auto: {"space": SPACE},
    controllers.CheapConstraints: {"controller": RANDOM, "constraints": callable},
    controllers.Deduplicated: {"controller": RANDOM},
    controllers.Grid: {"space": SPACE},
    controllers.LocalSearch: {"space": SPACE},
    controllers.NSGA2: {"space": SPACE},
    controllers.OptunaSampler: {"space": SPACE, "make": lambda seed: RandomSampler(seed)},
    controllers.PPO: {"space": SPACE},
    controllers.Random: {"space": SPACE},
    controllers.RegularizedEvolution: {"space": SPACE},
    controllers.Surrogate: {"space": SPACE},
    controllers.SurrogatePareto: {"space": SPACE},
    controllers.WarmStart: {"controller": RANDOM, "first": [OPTIMUM]},
}


def made(constructor: Callable[..., Any], arguments: dict[str, Any]) -> Any:
    """Call a constructor, whose argument may be one that stands for several."""
    parameters = inspect.signature(constructor).parameters
    several = [n for n in parameters if parameters[n].kind is inspect.Parameter.VAR_POSITIONAL]
    if not several:
        return constructor(**arguments)
    before = list(parameters)[: list(parameters).index(several[0])]
    places = [arguments[name] for name in (*before, *several)]
    rest = {n: v for n, v in arguments.items() if n not in (*before, *several)}
    return constructor(*places, **rest)


def misfits(names: Iterable[str], call: Callable[[dict[str, Any]], object]) -> list[str]:
    """How a call fails that neither takes a value of an argument nor refuses it by name."""
    wrong: list[str] = []
    for name in names:
        for value in VALUES:
            try:
                call({name: value})
            except RaynasError as error:
                if not str(error).strip():
                    wrong.append(f"{name}={shown(value)}: says nothing")
            except Exception as error:
                wrong.append(f"{name}={shown(value)}: {type(error).__name__}: {error}")
    return wrong


@pytest.mark.parametrize("constructor", CONSTRUCTORS, ids=lambda constructor: constructor.__name__)
def test_a_constructor_takes_a_value_or_refuses_it_by_name(
    constructor: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    def construct(given: dict[str, Any]) -> None:
        one = made(constructor, {**CONSTRUCTORS[constructor], **given})
        if isinstance(one, nas.AskTell):
            one.close()

    construct({})
    wrong = misfits(inspect.signature(constructor).parameters, construct)
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: nas.FunctionTask(len, mode="minimize"), "mode='minimize': must be one of 'max', "),  # type: ignore[arg-type]
        (lambda: nas.FunctionTask(len, metric=5), "metric=5: must be a text"),  # type: ignore[arg-type]
        (lambda: nas.FunctionTask(5), "function=5: must be a function"),  # type: ignore[arg-type]
        (lambda: nas.Limits(hours="2"), "hours='2': must be "),  # type: ignore[arg-type]
        (lambda: nas.rewards.Metric("a", "least"), "mode='least': use 'max' or 'min'"),  # type: ignore[arg-type]
        (lambda: nas.Search(ToyNet, TASK, store=5), "store=5: must be a path, a database URL"),  # type: ignore[arg-type]
        (lambda: nas.Search(ToyNet, TASK, folder=5), "folder=5: must be a path"),  # type: ignore[arg-type]
        (lambda: nas.AskTell(ToyNet, name=5), "name=5: must be a text"),  # type: ignore[arg-type]
        (lambda: stopping.TrialLimit(None), "trials=None: must be a whole number"),  # type: ignore[arg-type]
    ],
)
def test_a_refusal_names_argument_value_and_rule(make: Callable[[], Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        make()


def test_what_stands_for_a_plain_value_becomes_one() -> None:
    limits = nas.Limits(trials=np.int64(5), hours=np.float32(2))  # type: ignore[arg-type]
    assert (type(limits.trials), type(limits.hours)) == (int, float)
    task = nas.FunctionTask(len, Path("reward"), Word.MAX)  # type: ignore[arg-type]
    assert (task.metric, task.mode) == ("reward", "max")
    assert nas.Resources(cpu=np.int32(2)) == nas.Resources(cpu=2)  # type: ignore[arg-type]


@checked
class Example:
    def __init__(
        self,
        pair: tuple[int, str] = (1, "a"),
        several: dict[str, float] | None = None,
        unknown: Missing = None,  # type: ignore[name-defined] # noqa: F821 - as under TYPE_CHECKING
    ) -> None:
        self.given = pair, several, unknown


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"pair": (1, 2)}, r"pair=\(1, 2\): must be a tuple of a whole number, a text"),
        ({"pair": (1,)}, r"pair=\(1,\): must be a tuple of a whole number, a text"),
        ({"several": {"a": "b"}}, "several=.*: must be a mapping from a text to a number or None"),
    ],
)
def test_nested_annotations_are_checked(options: Any, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        Example(**options)


def test_nested_values_are_converted_and_unknown_annotations_left() -> None:
    example = Example((np.int64(2), "b"), {"a": np.float32(0.5)}, object)  # type: ignore[arg-type]
    assert example.given == ((2, "b"), {"a": 0.5}, object)


def test_a_whole_number_has_a_least() -> None:
    assert checked_whole("n", np.int8(3), 1) == 3
    for value in (0, 1.5, "3", True, None):
        with pytest.raises(ConfigurationError, match=f"n={value!r}: must be a whole number from 1"):
            checked_whole("n", value, 1)


def test_values_without_a_repr_are_shown() -> None:
    assert shown(Unprintable()) == "<Unprintable whose repr raises ValueError>"
    assert len(shown("x" * 1000)) == 201


DOMAINS: dict[Callable[..., Any], dict[str, Any]] = {
    nas.choice: {"options": 3},
    nas.integer: {"low": 1, "high": 4},
    nas.real: {"low": 0.5, "high": 1.5},
    nas.repeat: {"element": nas.choice(1, 2), "minimum": 1, "maximum": 2},
    nas.shared: {"name": "a", "element": nas.choice(1, 2)},
    nas.subset: {"options": 3, "k": 1},
}


@pytest.mark.parametrize("word", DOMAINS, ids=lambda word: word.__name__)
def test_a_domain_is_searched_or_refused_by_name(word: Callable[..., Any]) -> None:
    def search(given: dict[str, Any]) -> None:
        space = Space(nas.searchable(holding(made(word, {**DOMAINS[word], **given}))))
        one = space.sample(drawn())
        assert space.from_json(space.to_json(one)) == one
        assert space.from_config(space.to_config(one)) == one

    search({})
    wrong = misfits(inspect.signature(word).parameters, search)
    assert not wrong, "\n".join(wrong)


def holding(domain: Any) -> type[Any]:
    """A class with a field of `domain`."""
    names = {"__annotations__": {"field": object}, "field": domain, "__module__": __name__}
    return type("Holding", (), names)


def opened() -> nas.AskTell[Any]:
    """A search of four proposals, of which the first has ended."""
    search = nas.AskTell(ToyNet, controller="random")
    search.ask_batch(4)
    search.tell(0, 1.0)
    return search


def drawn() -> Any:
    return np.random.default_rng(0)


POINT = nas.trials.Point(1, {"reward": 1.0})
METHODS: dict[Callable[..., Any], tuple[Callable[[], Any], dict[str, Any]]] = {
    nas.AskTell.ask: (opened, {}),
    nas.AskTell.ask_batch: (opened, {"count": 2}),
    nas.AskTell.again: (opened, {"number": 1}),
    nas.AskTell.beliefs: (opened, {}),
    nas.AskTell.claim: (opened, {"number": 1}),
    nas.AskTell.is_prepared: (opened, {}),
    nas.AskTell.limit_to: (opened, {"trainings": 3.0, "trials": 3}),
    nas.AskTell.note: (opened, {"number": 1, "key": "a", "value": 1}),
    nas.AskTell.propose: (opened, {"architecture": OPTIMUM}),
    nas.AskTell.reopen: (opened, {"number": 0}),
    nas.AskTell.report: (opened, {"number": 1, "point": POINT}),
    nas.AskTell.tell: (opened, {"number": 1, "result": 1.0}),
    nas.History.at_budget: (lambda: opened().history, {"budget": 1.0}),
    nas.History.best: (lambda: opened().history, {"count": 1}),
    nas.Space.around: (lambda: SPACE, {"architectures": OPTIMUM}),
    nas.Space.at: (lambda: SPACE, {"rank": 0}),
    nas.Space.canonical: (lambda: SPACE, {"architecture": OPTIMUM}),
    nas.Space.check: (lambda: SPACE, {"architecture": OPTIMUM}),
    nas.Space.crossover: (lambda: SPACE, {"mother": OPTIMUM, "father": OPTIMUM, "rng": drawn()}),
    nas.Space.distance: (lambda: SPACE, {"first": OPTIMUM, "second": OPTIMUM}),
    nas.Space.draw: (lambda: SPACE, {"rng": drawn()}),
    nas.Space.encode: (lambda: SPACE, {"architecture": OPTIMUM}),
    nas.Space.from_config: (lambda: SPACE, {"config": SPACE.to_config(OPTIMUM)}),
    nas.Space.from_json: (lambda: SPACE, {"text": SPACE.to_json(OPTIMUM)}),
    nas.Space.mutate: (lambda: SPACE, {"architecture": OPTIMUM, "rng": drawn()}),
    nas.Space.neighbors: (lambda: SPACE, {"architecture": OPTIMUM}),
    nas.Space.sample: (lambda: SPACE, {"rng": drawn()}),
    nas.Space.split: (lambda: SPACE.with_baseline(OPTIMUM), {"fields": next(iter(vars(OPTIMUM)))}),
    nas.Space.to_config: (lambda: SPACE, {"architecture": OPTIMUM}),
    nas.Space.with_baseline: (lambda: SPACE, {"architecture": OPTIMUM}),
}


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.__qualname__)
def test_a_method_takes_a_value_or_refuses_it_by_name(method: Callable[..., Any]) -> None:
    make, usual = METHODS[method]

    def call(given: dict[str, Any]) -> None:
        found = made(partial(method, make()), {**usual, **given})
        if isinstance(found, Iterator):
            next(found, None)

    call({})
    wrong = misfits(list(inspect.signature(method).parameters)[1:], call)
    assert not wrong, "\n".join(wrong)
