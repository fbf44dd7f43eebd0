"""Configs of trials against what Tune itself could have drawn from the same param_space."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_by_tune import proposed
from ray import tune
from ray.tune.search.sample import Categorical, Float, Function, Integer, Normal, Quantized
from ray.tune.search.variant_generator import generate_variants

import raynas as nas
from raynas.errors import ConfigurationError
from raynas.tune.trial_configs import Configs


class Something:
    """An object that is no plain data, and a class among the options."""


def a_function() -> str:
    return "called"


_DOMAINS = (
    st.tuples(st.integers(-3, 3), st.integers(1, 5)).map(lambda b: tune.randint(b[0], b[0] + b[1]))
    | st.tuples(st.integers(1, 3), st.integers(1, 5)).map(
        lambda b: tune.lograndint(b[0], b[0] + b[1])
    )
    | st.tuples(st.integers(1, 9), st.integers(4, 20), st.integers(1, 4)).map(
        lambda b: tune.qlograndint(b[0], b[0] + b[1], b[2])
    )
    | st.tuples(st.integers(-9, 9), st.integers(4, 20), st.integers(1, 4)).map(
        lambda b: tune.qrandint(b[0], b[0] + b[1], b[2])
    )
    | st.tuples(st.floats(-2, 2), st.floats(0.1, 3)).map(lambda b: tune.uniform(b[0], b[0] + b[1]))
    | st.tuples(st.floats(1e-5, 1), st.floats(1.5, 100)).map(
        lambda b: tune.loguniform(b[0], b[0] * b[1])
    )
    | st.tuples(st.integers(-5, 5), st.integers(1, 9), st.sampled_from([0.1, 0.25, 1e-3])).map(
        lambda b: tune.quniform(b[0] * b[2], (b[0] + b[1]) * b[2], b[2])
    )
    | st.tuples(st.integers(1, 5), st.integers(0, 9), st.sampled_from([0.1, 0.25, 1e-3])).map(
        lambda b: tune.qloguniform(b[0] * b[2], (b[0] + b[1]) * b[2], b[2])
    )
    | st.tuples(st.floats(-2, 2), st.floats(0.1, 3)).map(lambda b: tune.randn(*b))
    | st.tuples(st.floats(-2, 2), st.floats(0.1, 3)).map(lambda b: tune.qrandn(*b, 0.25))
)
_FUNCTIONS = st.sampled_from(
    [
        tune.sample_from(lambda: 2 ** np.random.randint(2, 9)),
        tune.sample_from(lambda config: config["first"] * 10),
        tune.sample_from(lambda spec: spec.config.first * 10),
    ]
)
_PLAIN = st.sampled_from([0, 1, True, 1.0, None, "a", "", "1", [1, 2], {"a": 1}, (1, "a")])
_OBJECTS = st.sampled_from([Something, Something(), len, a_function])
# Not mixed with numbers: where one is chosen instead of an object, Tune fails by itself.
_CHOICES = (
    st.lists(_PLAIN, min_size=1, max_size=4)
    | st.lists(_OBJECTS, min_size=1, max_size=3)
    | st.lists(st.tuples(_OBJECTS, st.integers(0, 2)), min_size=1, max_size=3)
).map(tune.choice)


def _inner(children: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    keys = st.sampled_from(["lr", "a b", "class", "x", "7", "a/b"])
    return (
        st.dictionaries(keys, children, min_size=1, max_size=2)
        | st.lists(children, min_size=1, max_size=2)
        | st.tuples(children, children).map(lambda o: tune.choice([{"p": o[0]}, {"q": o[1]}, 3]))
    )


param_spaces = st.dictionaries(
    st.sampled_from(["lr", "a b", "trial_number", "optimizer"]),
    st.recursive(_DOMAINS | _CHOICES | _FUNCTIONS | _PLAIN | _OBJECTS, _inner, max_leaves=3),
    max_size=3,
).map(lambda space: {"first": tune.randint(0, 5), **space})


def could_draw(node: Any, value: Any) -> bool:
    """Whether Tune can make `value` of `node`, with the very type that `value` has."""
    match node:
        case Function():
            return True
        case Categorical():
            return any(could_draw(option, value) for option in node.categories)
        case Integer():
            return type(value) is int and _in_range(node, value)
        case Float():
            return type(value) is float and _in_range(node, value)
        case dict():
            same = isinstance(value, dict) and value.keys() == node.keys()
            return same and all(could_draw(node[key], value[key]) for key in node)
        case list() | tuple():
            same = type(value) is type(node) and len(value) == len(node)
            return same and all(map(could_draw, node, value))
    if isinstance(node, Something):
        return isinstance(value, Something)  # Tune copies it
    return type(value) is type(node) and bool(value == node)


def _in_range(domain: Any, value: Any) -> bool:
    sampler = domain.get_sampler()
    quantum = sampler.q if isinstance(sampler, Quantized) else None
    on_grid = quantum is None or math.isclose(
        value / quantum, round(value / quantum), rel_tol=1e-9, abs_tol=1e-9
    )
    inner = sampler.sampler if isinstance(sampler, Quantized) else sampler
    if isinstance(inner, Normal):
        return on_grid and math.isfinite(value)
    upper = domain.upper - (isinstance(domain, Integer) and quantum in (None, 1))
    near = 0 if isinstance(domain, Integer) else 1e-9
    return on_grid and domain.lower - near <= value <= upper + near


@settings(max_examples=50)
@given(param_spaces, st.integers(0, 2**16))
def test_a_config_is_one_that_tune_could_have_drawn(param_space: Any, seed: int) -> None:
    np.random.seed(seed)
    drawn = []
    if not _holds_function(param_space):
        drawn = [spec["config"] for _, spec in generate_variants({"config": param_space})]
    searcher = nas.NASSearcher(controller="random", seed=seed)
    for config in [*drawn, *proposed(searcher, param_space, 4)]:
        assert could_draw(param_space, config), config


def _holds_function(node: Any) -> bool:
    """Whether Tune without a searcher may fail, as it calls functions before others are drawn."""
    if isinstance(node, dict):
        return any(map(_holds_function, node.values()))
    if isinstance(node, list | tuple):
        return any(map(_holds_function, node))
    if isinstance(node, Categorical):
        return any(map(_holds_function, node.categories))
    return isinstance(node, Function)


def test_functions_see_the_values_that_were_chosen() -> None:
    param_space = {
        "first": tune.randint(1, 5),
        "second": tune.sample_from(lambda config: config["first"] * 10),
        "third": {"old": tune.sample_from(lambda spec: spec.config.first + 1)},
    }
    for config in proposed(nas.NASSearcher(), param_space, 4):
        assert config["second"] == config["first"] * 10
        assert config["third"]["old"] == config["first"] + 1


def test_objects_are_handed_on_as_they_are() -> None:
    param_space = {
        "cls": tune.choice([Something, dict]),
        "call": tune.choice([len, a_function]),
        "pair": tune.choice([(Something, 1), (Something, 2)]),
        "constant": Something,
    }
    configs = proposed(nas.NASSearcher(controller="random"), param_space, 8)
    assert len(configs) == 8
    assert {config["cls"] for config in configs} == {Something, dict}
    assert {config["call"] for config in configs} == {len, a_function}
    assert {config["pair"] for config in configs} == {(Something, 1), (Something, 2)}
    assert all(config["constant"] is Something for config in configs)
    assert configs[0].keys() == param_space.keys()


OBJECTS = {
    "cls": tune.choice([Something, dict]),
    "pair": [tune.choice([(len, 1), (len, 2)])],
    "constant": Something,
    "lr": tune.uniform(0, 1),
}


def test_objects_in_another_order_are_found(tmp_path: Path) -> None:
    def searcher() -> nas.NASSearcher:
        return nas.NASSearcher(controller="random", store=tmp_path / "journal")

    first = searcher()
    assert len(proposed(first, OBJECTS, 6)) == 6
    first.close()
    again = searcher()
    proposed(again, {**OBJECTS, "constant": list}, 2)
    assert len(again.history.completed) == 8
    again.close()
    changed = searcher()
    with pytest.raises(ConfigurationError, match=r"the option that was .* restore the order of"):
        proposed(changed, {**OBJECTS, "cls": tune.choice([dict, Something])}, 6)


def test_a_small_space_ends_with_a_line(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("WARNING", logger="raynas")
    param_space = {"x": tune.randint(0, 3), "seed": tune.sample_from(lambda: 1)}
    assert len(proposed(nas.NASSearcher(), param_space, 9)) == 3
    assert "All 3 configs that param_space can become were tried" in caplog.text


def test_a_constant_param_space_leaves_a_space_alone() -> None:
    configs = Configs({"x": tune.randint(0, 2)})
    configs.search({"epochs": 3, "seed": ("__fn_ph", "ab12")})
    with pytest.raises(ConfigurationError, match=r"param_space\['y'\] = .* constants only"):
        configs.search({"y": tune.randint(0, 2)})
