"""What a history says about the space, as code that runs."""

from __future__ import annotations

import ast
import dataclasses
import enum
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

from raynas import Space
from raynas.controllers import WarmStart, make_controller
from raynas.errors import ConfigurationError, SpaceError
from raynas.refine import Refinement, carried, declarations, refined
from raynas.space import choice, integer, real, recurse, repeat, searchable, shared, subset
from raynas.space.declare import record_of
from raynas.trials import Completed, Failed, History, Measurement, Outcome, Trial


@searchable
class Conv:
    kernel: int = choice(1, 3, 5, default=1)
    activation: str = choice("relu", "silu", default="relu")

    def double(self) -> int:
        return 2 * self.kernel


@searchable
class Skip: ...


@searchable
class Net:
    width: int = integer(8, 64, step=8, default=8)
    blocks: tuple[Conv | Skip, ...] = repeat(choice(Conv, Skip), 1, 4, default=(Conv(1),))
    rate: float = real(0.001, 1.0, log=True, default=0.1)
    taps: tuple[int, ...] = subset(0, 1, 2, k=(1, 2), default=(0,))
    groups: int = shared("groups", choice(1, 2), default=1)


SPACE = Space(Net)
Judge = Callable[[Net], float | Outcome]


def history_of(judge: Judge, trials: int = 300, seed: int = 0) -> History:
    rng = np.random.default_rng(seed)
    made = []
    for number in range(trials):
        net = SPACE.sample(rng)
        told = judge(net)
        outcome = told if not isinstance(told, float) else Completed(Measurement({}), told)
        made.append(Trial(number, net, outcome, float(number), number + 1.0))
    return History(tuple(made))


def kernels(net: Net) -> list[int]:
    return [block.kernel for block in net.blocks if isinstance(block, Conv)]


def noise(net: Net, scale: float = 0.3) -> float:
    """The same for the same net, and no business of any choice."""
    return scale * float(np.random.default_rng(abs(hash(net))).normal())


def executed(refinement: Refinement) -> ModuleType:
    """A module of the code, executed."""
    module = ModuleType("refined_for_test")
    sys.modules[module.__name__] = module
    before = sys.modules[__name__]
    vars(module)["before"] = before
    code = "from __future__ import annotations\n" + declarations(refinement, "before", __name__)
    exec(code, vars(module))  # noqa: S102 - our own
    return module


def told(refinement: Refinement) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for change in refinement.changes:
        found.setdefault(change.place, []).append(change.what)
    return found


def test_noise_speaks_for_no_change() -> None:
    changed = [refined(history_of(noise, seed=seed), SPACE).changes for seed in range(8)]
    assert sum(map(bool, changed)) <= 1


def test_an_option_that_never_wins_is_dropped_with_figures_and_risk() -> None:
    refinement = refined(history_of(lambda net: noise(net) - 3.0 * (1 in kernels(net))), SPACE)
    assert told(refinement)["Conv.kernel"] == ["drop 1"]
    change = next(c for c in refinement.changes if c.place == "Conv.kernel")
    assert "none is among the best tenth, by chance with probability" in change.evidence
    assert "(95 % confidence)" in change.risk


def test_what_fails_is_dropped() -> None:
    def judge(net: Net) -> float | Outcome:
        return Failed("boom") if net.groups == 2 else noise(net)

    refinement = refined(history_of(judge), SPACE)
    assert told(refinement) == {"groups": ["drop 2"]}
    assert "trials with it failed" in refinement.changes[0].evidence


def test_the_best_at_an_end_extend_the_range_and_cut_the_other_end() -> None:
    refinement = refined(history_of(lambda net: net.width / 8 + noise(net)), SPACE)
    cut, extended = told(refinement)["Net.width"]
    assert cut.startswith("nothing below ")
    assert extended == "extend from 64 to 96"
    domain = refinement.fields[Net]["width"]
    assert (domain.high, domain.step) == (96, 8)  # type: ignore[attr-defined]


def test_a_real_number_in_the_middle_is_narrowed_at_both_ends() -> None:
    def judge(net: Net) -> float:
        return noise(net) - 4 * abs(float(np.log10(net.rate)) + 1.5)

    refinement = refined(history_of(judge), SPACE)
    domain: Any = refinement.fields[Net]["rate"]
    assert 0.001 < domain.low < 10**-1.5 < domain.high < 1.0


def test_a_length_that_never_wins_goes() -> None:
    refinement = refined(history_of(lambda net: 3.0 * len(net.blocks) + noise(net)), SPACE)
    domain: Any = refinement.fields[Net]["blocks"]
    assert domain.minimum > 1
    assert domain.maximum == 6


def test_an_option_that_stood_in_bad_company_only_is_kept() -> None:
    """Tried while everything was bad: no worse than its contemporaries."""
    rng = np.random.default_rng(1)
    made = []
    for number in range(300):
        net = SPACE.sample(rng)
        early = number < 100
        while not early and net.groups == 2:
            net = SPACE.sample(rng)
        reward = noise(net) + (0.0 if early else 5.0)
        made.append(Trial(number, net, Completed(Measurement({}), reward), 0.0, 1.0))
    assert "groups" not in told(refined(History(tuple(made)), SPACE))


def test_the_code_runs_and_what_both_spaces_have_is_known() -> None:
    history = history_of(lambda net: noise(net) - 3.0 * (1 in kernels(net)) + net.width / 8)
    refinement = refined(history, SPACE)
    module = executed(refinement)
    space = Space(module.Net)
    assert {c.path: c.values for c in space.columns}["blocks[0].Conv.kernel"] == (3, 5)
    assert space.contains(space.baseline)
    assert space.baseline.blocks == (module.Conv(3, "relu"),)
    assert module.Conv(5).double() == 10
    known = carried(history, space)
    kept = [t for t in history if 1 not in kernels(t.architecture)]
    assert 0 < len(known) <= len(kept)
    assert [t.number for t in known] == list(range(len(known)))
    assert all(space.contains(t.architecture) for t in known)
    controller = WarmStart(make_controller("evolution", space), earlier=known)
    proposed = controller.propose(History(), np.random.default_rng(0))
    assert proposed not in known.architectures


def test_a_class_all_of_whose_options_stay_is_imported() -> None:
    refinement = refined(history_of(lambda net: net.width / 8 + noise(net)), SPACE)
    code = declarations(refinement, "before", __name__)
    assert "class Conv" not in code
    assert "blocks" not in code
    assert "width: int = integer(" in code


@searchable
class Leaf:
    operation: str = choice("conv", "pool")


@searchable
class Tree:
    left: Leaf | Tree = choice(Leaf, recurse(2))
    size: int = integer(1, 4)


def test_a_class_that_contains_itself_is_left_alone_in_words() -> None:
    rng = np.random.default_rng(0)
    space = Space(Tree)
    trees = [space.sample(rng) for _ in range(100)]
    history = History(
        tuple(Trial(n, t, Completed(Measurement({}), float(t.size))) for n, t in enumerate(trees))
    )
    refinement = refined(history, space)
    assert refinement.left == ("Tree, which contains itself",)
    assert refinement.changes == ()


def test_few_trials_say_nothing() -> None:
    with pytest.raises(
        ConfigurationError, match="only 49 trials have completed: it takes 50 to say"
    ):
        refined(history_of(noise, 49), SPACE)


class Act(enum.Enum):
    RELU = 'it"s'
    TANH = "tanh"


def plus(x: int) -> int:
    return x + 1


@searchable
class Odd:
    act: Act = choice(Act.RELU, Act.TANH)
    dtype: object = choice(torch.float32, torch.float16)
    high: float = choice(float("inf"), 1.0)
    function: object = choice(plus, torch.tanh, torch.nn.ReLU)
    name: str = choice("it's", 'a"""b', "c\n")
    width: int = integer(8, 64, step=8)


def test_options_of_every_kind_are_written_as_they_are() -> None:
    space = Space(Odd)
    rng = np.random.default_rng(0)
    nets = [space.sample(rng) for _ in range(300)]
    history = History(
        tuple(
            Trial(n, net, Completed(Measurement({}), net.width / 8 - 9.0 * (net.name == "c\n")))
            for n, net in enumerate(nets)
        )
    )
    refinement = refined(history, space)
    assert told(refinement)["Odd.name"] == ["drop 'c\\n'"]
    every = {Odd: {**record_of(Odd).fields, **refinement.fields[Odd]}}
    module = executed(dataclasses.replace(refinement, fields=every))
    made = record_of(module.Odd).fields
    for name in ("act", "dtype", "high", "function"):
        assert made[name] == record_of(Odd).fields[name]
    assert made["name"].choices == ("it's", 'a"""b')  # type: ignore[attr-defined]


def test_a_function_without_a_place_is_named() -> None:
    def inner(x: int) -> int:
        return x

    @searchable
    class Hidden:
        function: object = choice(inner, plus)
        width: int = integer(8, 64, step=8)

    space = Space(Hidden)
    rng = np.random.default_rng(0)
    nets = [space.sample(rng) for _ in range(200)]
    trials = [
        Trial(n, net, Completed(Measurement({}), net.width / 8)) for n, net in enumerate(nets)
    ]
    refinement = refined(History(tuple(trials)), space)
    with pytest.raises(
        SpaceError, match=r"cannot be found by its name in .*: define it at the top"
    ):
        declarations(refinement, "before", __name__)


def test_an_annotation_that_is_no_expression_is_text() -> None:
    crafted = {"width": "int = 3; print('owned'); x: int"}
    body = {"__annotations__": crafted, "width": integer(8, 64, step=8), "__module__": __name__}
    made = searchable(type("Crafted", (), body))
    vars(sys.modules[__name__])["Crafted"] = made
    space = Space(made)
    rng = np.random.default_rng(0)
    nets = [space.sample(rng) for _ in range(200)]
    trials = [
        Trial(n, net, Completed(Measurement({}), net.width / 8)) for n, net in enumerate(nets)
    ]
    refinement = refined(History(tuple(trials)), space)
    code = declarations(refinement, "before", __name__)
    assert not [node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Expr)]
    assert record_of(executed(refinement).Crafted).fields["width"].high == 96  # type: ignore[attr-defined]


@searchable
class Wide:
    width: int = integer(1, 12)
    kind: str = choice("a", "b", "c", "d")
    depth: int = choice(1, 2)


def test_what_around_excluded_stays_excluded() -> None:
    """A search around winners is refined to a space within it, not to the whole class."""
    whole = Space(Wide)
    space = whole.around(Wide(4, "a", 1), Wide(8, "b", 1))
    rng = np.random.default_rng(0)
    trials = []
    for number in range(80):
        net = space.sample(rng)
        reward = float(net.width) + 50 * (net.kind == "a")
        trials.append(Trial(number, net, Completed(Measurement({}), reward), 0.0, 1.0))
    found = refined(History(tuple(trials)), space)
    assert found.changes
    for option in ("'c'", "'d'"):
        assert option not in str(found.fields[Wide]["kind"])
    assert "2" not in str(found.fields[Wide]["depth"])
    assert min(found.fields[Wide]["width"].values) >= 4  # type: ignore[attr-defined]


def test_what_around_excluded_differently_in_two_places_is_refused() -> None:
    """A class can declare its choices only once."""
    space = Space(Twice).around(Twice(Conv(1), Conv(3)), Twice(Conv(1), Conv(5)))
    net = space.sample(np.random.default_rng(0))
    trial = Trial(0, net, Completed(Measurement({}), 1.0), 0.0, 1.0)
    history = History(tuple(dataclasses.replace(trial, number=n) for n in range(60)))
    with pytest.raises(ConfigurationError, match=r"around\(\) or split\(\).* declared in Conv"):
        refined(history, space)


@searchable
class Twice:
    first: Conv = choice(Conv)
    second: Conv = choice(Conv)
