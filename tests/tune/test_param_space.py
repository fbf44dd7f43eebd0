"""Tune's param_space as a space and back, held against what Tune itself draws."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ray import tune
from ray.tune.search.variant_generator import generate_variants
from scipy import stats

from raynas.errors import SpaceError
from raynas.space import Space, choice, integer, real, repeat, searchable, shared, subset
from raynas.testing import ToyNet
from raynas.testing.generated import flat_spaces
from raynas.tune.param_space import from_param_dict, from_tune, to_param_dict, to_tune


def exactly(config: Any) -> str:
    """`config` with the types of its values; Tune also draws -0.0."""
    return repr(config).replace("-0.0", "0.0")


def drawn_by_tune(param_space: Any, count: int = 1) -> list[Any]:
    """Configs as Tune's own random search draws them."""
    found: list[Any] = []
    while len(found) < count:
        found += [spec["config"] for _, spec in generate_variants({"config": param_space})]
    return found[:count]


_LEAVES = (
    st.tuples(st.integers(-3, 3), st.integers(1, 3)).map(lambda b: tune.randint(b[0], b[0] + b[1]))
    | st.tuples(st.integers(1, 3), st.integers(1, 3)).map(
        lambda b: tune.lograndint(b[0], b[0] + b[1])
    )
    | st.tuples(st.integers(-2, 2), st.integers(1, 3)).map(
        lambda b: tune.quniform(b[0] / 2, (b[0] + b[1]) / 2, 0.5)
    )
    | st.tuples(st.integers(-2, 2), st.integers(1, 3), st.integers(2, 4)).map(
        lambda b: tune.qrandint(b[0] * b[2], (b[0] + b[1]) * b[2], b[2])
    )
    | st.tuples(st.integers(1, 3), st.integers(0, 3)).map(
        lambda b: tune.qloguniform(b[0] / 2, (b[0] + b[1]) / 2, 0.5)
    )
    | st.tuples(st.integers(1, 9), st.integers(4, 9), st.integers(1, 4)).map(
        lambda b: tune.qlograndint(b[0], b[0] + b[1], b[2])
    )
    | st.lists(
        st.text("ab", max_size=2)
        | st.lists(st.integers(0, 3), max_size=2)
        | st.sampled_from([0, 1, 0.0, 1.0, True, False, None, "[1]", (1, 2), {"a": 1}]),
        min_size=1,
    ).map(tune.choice)
    | st.integers(0, 3)
    | st.just({"folder": "x"})
)


def _inner(children: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    keys = st.sampled_from(["lr", "a b", "class", "x", "7"])
    return (
        st.dictionaries(keys, children, min_size=1, max_size=2)
        | st.lists(children, min_size=1, max_size=2)
        | st.tuples(children, st.just({"kind": 1, "deep": tune.randint(0, 2)})).map(
            lambda options: tune.choice([{"first": options[0]}, options[1]])
        )
    )


param_spaces = st.dictionaries(
    st.sampled_from(["lr", "a b", "class", "optimizer"]),
    st.recursive(_LEAVES, _inner, max_leaves=3),
    min_size=1,
    max_size=2,
).map(lambda space: {"seed": tune.randint(0, 2), **space})


@settings(max_examples=60)
@given(param_spaces, st.integers(0, 2**16))
def test_what_tune_draws_and_what_the_space_holds_are_the_same(
    param_space: dict[str, Any], seed: int
) -> None:
    space = from_tune(param_space)
    if space.size > 500:
        return
    held = [to_param_dict(param_space, architecture) for architecture in space.enumerate()]
    known = set(map(exactly, held))
    assert len(known) == len(held) == space.size
    random.seed(seed)
    np.random.seed(seed)
    for config in drawn_by_tune(param_space, 10):
        assert exactly(config) in known


@settings(max_examples=60)
@given(param_spaces, st.integers(0, 2**16))
def test_a_config_and_its_architecture_there_and_back(param_space: Any, seed: int) -> None:
    space = from_tune(param_space)
    architecture = space.sample(np.random.default_rng(seed))
    config = to_param_dict(param_space, architecture)
    back = from_param_dict(space, param_space, config)
    assert exactly(to_param_dict(param_space, back)) == exactly(config)
    np.random.seed(seed)
    for drawn in drawn_by_tune(param_space, 3):
        again = to_param_dict(param_space, from_param_dict(space, param_space, drawn))
        assert exactly(again) == exactly(drawn)


@settings(max_examples=50)
@given(flat_spaces(), st.integers(0, 2**16))
def test_flat_spaces_there_and_back(space: Space[Any], seed: int) -> None:
    try:
        param_space = to_tune(space)
    except SpaceError as error:
        assert "conditional on" in str(error) or "independently of each other" in str(error)  # noqa: PT017
        return
    np.random.seed(seed)
    for config in drawn_by_tune(param_space, 5):
        space.check(space.from_config(config))
    if space.size > 1:
        back = from_tune(param_space)
        assert back.size == space.size
        architecture = back.sample(np.random.default_rng(seed))
        space.check(space.from_config(to_param_dict(param_space, architecture)))


@pytest.mark.parametrize(
    ("domain", "values"),
    [
        (tune.randint(1, 4), [1, 2, 3]),
        (tune.lograndint(1, 4), [1, 2, 3]),
        (tune.qrandint(4, 12, 4), [4, 8, 12]),
        (tune.qrandint(3, 13, 4), [4, 8, 12]),
        (tune.qrandint(1, 4, 1), [1, 2, 3]),
        (tune.quniform(0.5, 1.5, 0.5), [0.5, 1.0, 1.5]),
        (tune.choice(["a", None, [1, 2], {"b": 1}]), ["a", None, [1, 2], {"b": 1}]),
        (tune.choice([1, 1, 2]), [1, 2]),
        (tune.choice([1, True, 1.0, "1"]), [1, True, 1.0, "1"]),
        (tune.choice([[1], "[1]", (1,)]), [[1], "[1]", (1,)]),
        (tune.qlograndint(4, 12, 4), [4, 8, 12]),
        (tune.qlograndint(1, 4, 1), [1, 2, 3]),
        (tune.qloguniform(0.5, 1.5, 0.5), [0.5, 1.0, 1.5]),
        (tune.qloguniform(0.5, 0.5, 0.5), [0.5]),
        (tune.randint(2, 3), [2]),
        (tune.uniform(0.5, 0.5), [0.5]),
    ],
)
def test_values_and_bounds_are_those_that_tune_draws(domain: Any, values: list[Any]) -> None:
    param_space = {"x": domain}
    space = from_tune(param_space)
    held = [to_param_dict(param_space, architecture)["x"] for architecture in space.enumerate()]
    assert held == values
    np.random.seed(0)
    drawn = {repr(config["x"]) for config in drawn_by_tune(param_space, 200)}
    assert drawn == {repr(value) for value in values}


def test_real_numbers_keep_bounds_and_logarithm() -> None:
    space = from_tune({"x": tune.uniform(-1, 2), "y": tune.loguniform(1e-4, 1e-1)})
    assert [str(column.values) for column in space.columns] == ["-1.0 to 2.0", "0.0001 to 0.1, log"]


@searchable
class Numbers:
    whole: int = integer(-3, 7)
    even: int = integer(2, 10, step=2)
    odd: int = integer(1, 9, step=2)
    part: float = real(0, 1)
    rate: float = real(1e-4, 1e-1, log=True)
    stepped: float = real(0.1, 0.7, step=0.3)
    flag: bool = choice(True, False)
    pair: tuple[str, ...] = subset("a", "b", k=2, distinct=False, ordered=True)


def test_flat_spaces_become_domains_with_tunes_bounds() -> None:
    domains = {path: d.domain_str for path, d in to_tune(Space(Numbers)).items()}
    assert domains == {
        "whole": "(-3, 8)",
        "even": "(2, 10)",
        "odd": "[1, 3, 5, 7, 9]",
        "part": "(0.0, 1.0)",
        "rate": "(0.0001, 0.1)",
        "stepped": "[0.1, 0.4, 0.7]",
        "flag": "[True, False]",
        "pair[0]": "['a', 'b']",
        "pair[1]": "['a', 'b']",
    }
    np.random.seed(0)
    configs = drawn_by_tune(to_tune(Space(Numbers)), 300)
    for path, values in {"whole": range(-3, 8), "even": range(2, 11, 2)}.items():
        assert {config[path] for config in configs} == set(values)


def test_names_and_nesting_are_kept() -> None:
    param_space = {
        "optimizer": {"lr": tune.choice([0.1, 0.2]), "name": "sgd"},
        "layers": [tune.choice([8, 16]), {"k": tune.randint(3, 5)}, 7],
        "block": tune.choice([{"kind": "conv", "k": tune.choice([3, 5])}, {"kind": "skip"}]),
        "epochs": 3,
    }
    space = from_tune(param_space)
    assert [column.path for column in space.columns] == [
        "optimizer.lr",
        "layers.x0",
        "layers.x1.k",
        "block",
        "block.option0.k",
    ]
    assert space.size == 2 * 2 * 2 * 3
    configs = [to_param_dict(param_space, architecture) for architecture in space.enumerate()]
    assert configs[0] == {
        "optimizer": {"lr": 0.1, "name": "sgd"},
        "layers": [8, {"k": 3}, 7],
        "block": {"kind": "conv", "k": 3},
        "epochs": 3,
    }
    assert configs[-1]["block"] == {"kind": "skip"}
    assert param_space["layers"][2] == 7


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (tune.sample_from(lambda: 1), r"\['x'\] = sample_from\(...\) cannot be carried: only Tune"),
        ({"eval": "1 + 1"}, r"param_space\['x'\] = {'eval': '1 \+ 1'} cannot be carried"),
        (
            tune.grid_search([1, 2]),
            r"param_space\['x'\] = grid_search\(...\) cannot be carried: a se",
        ),
        (
            tune.choice([tune.grid_search([1, 2])]),
            r"param_space\['x'\]\[0\]\[0\] = grid_search\(...\) cannot be carried",
        ),
        (tune.qlograndint(5, 7, 4), r"param_space\['x'\]: no multiple of 4 lies between 5 and 7"),
        (tune.choice([]), r"param_space\['x'\]: choice\(\) has no options"),
        (tune.randint(3, 3), r"param_space\['x'\]: Integer\(3, 3\) .* has no value: raise its upp"),
        (
            {"deep": [tune.randint(3, 3)]},
            r"^param_space\['x'\]\['deep'\]\[0\]: Integer\(3, 3\) .* has no value",
        ),
    ],
)
def test_what_cannot_be_carried_is_refused_by_name(value: Any, message: str) -> None:
    with pytest.raises(SpaceError, match=message):
        from_tune({"x": value})


@pytest.mark.parametrize("quantum", [None, 0.25])
def test_a_normal_distribution_is_drawn_as_tune_draws_it(quantum: float | None) -> None:
    domain = tune.randn(3, 2) if quantum is None else tune.qrandn(3, 2, quantum)
    space = from_tune({"x": domain})
    assert [column.path for column in space.columns] == ["x.quantile"]
    rng = np.random.default_rng(0)
    ours = [to_param_dict({"x": domain}, space.sample(rng))["x"] for _ in range(2000)]
    assert {type(value) for value in ours} == {float}
    np.random.seed(0)
    assert stats.ks_2samp(ours, [domain.sample() for _ in range(2000)]).pvalue > 0.01
    again = from_param_dict(space, {"x": domain}, {"x": 4.5})
    assert to_param_dict({"x": domain}, again)["x"] == pytest.approx(4.5)


@pytest.mark.parametrize("domain", [tune.qlograndint(4, 400, 4), tune.lograndint(1, 99)])
def test_a_logarithmic_distribution_is_drawn_as_tune_draws_it(domain: Any) -> None:
    space = from_tune({"x": domain})
    rng = np.random.default_rng(0)
    ours = [to_param_dict({"x": domain}, space.sample(rng))["x"] for _ in range(2000)]
    np.random.seed(0)
    assert stats.ks_2samp(ours, [domain.sample() for _ in range(2000)]).pvalue > 0.01


POINTS = {
    "lr": tune.loguniform(1e-4, 1e-1),
    "steps": tune.qlograndint(4, 400, 4),
    "optimizer": {"name": "sgd", "momentum": tune.uniform(0, 1)},
    "block": tune.choice([{"kind": "conv", "k": tune.choice([3, 5])}, {"kind": "skip"}, "none"]),
    "widths": [tune.randint(1, 2), 8],
}
POINT = {
    "lr": 0.01,
    "steps": 8,
    "optimizer": {"momentum": 0},
    "block": {"kind": "conv", "k": 5},
    "widths": [1, 8],
}


def test_constants_may_be_left_out_of_a_point() -> None:
    space = from_tune(POINTS)
    architecture = from_param_dict(space, POINTS, POINT)
    assert to_param_dict(POINTS, architecture) == {
        **POINT,
        "optimizer": {"name": "sgd", "momentum": 0.0},
    }


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"lr": 1.0}, r"config\['lr'\] = 1.0: give one of 0.0001 to 0.1"),
        ({"lr": "fast"}, r"config\['lr'\] = 'fast': must be a number"),
        ({"steps": 9}, r"config\['steps'\] = 9, which param_space cannot become"),
        ({"optimizer": {}}, r"config\['optimizer'\] has no 'momentum': give a value for it"),
        ({"optimizer": {"name": "adam", "momentum": 0}}, r"\['name'\] = 'adam', which param_space"),
        ({"block": {"kind": "conv", "k": 4}}, r"config\['block'\] = {.*}: must be one of \["),
        ({"block": {"kind": "skip", "k": 3}}, r"config\['block'\] = {.*}: must be one of \["),
        ({"widths": [2, 8]}, r"config\['widths'\]\[0\] = 2, which param_space cannot become"),
        ({"widths": [1, 8, 8]}, r"config\['widths'\] has 2, which param_space cannot become"),
        ({"epochs": 3}, "config has 'epochs', which param_space cannot become"),
    ],
)
def test_a_point_outside_of_the_space_is_refused(change: Any, message: str) -> None:
    space = from_tune(POINTS)
    with pytest.raises(SpaceError, match=message):
        from_param_dict(space, POINTS, {**POINT, **change})


def test_what_tune_hides_from_searchers_is_left_to_it() -> None:
    """Functions and objects, by the placeholders that Tune puts in their place."""
    hidden, function = ("__ref_ph", "ab12"), ("__fn_ph", "cd34")
    param_space = {
        "data": hidden,
        "seed": function,
        "act": tune.choice([hidden, ("__ref_ph", "ab13"), function, "none"]),
        "x": tune.choice([{"act": hidden, "k": 1}, {"act": hidden, "k": tune.randint(0, 2)}]),
    }
    space = from_tune(param_space)
    assert [column.path for column in space.columns] == ["act", "x", "x.option1.k"]
    held = [to_param_dict(param_space, architecture) for architecture in space.enumerate()]
    assert len(held) == 4 * 3
    assert all(config["data"] == hidden and config["seed"] == function for config in held)
    assert space.columns[0].values == ("object 0", "object 1", "object 2", "none")
    with pytest.raises(SpaceError, match="Tune hides objects from searchers: offer names and look"):
        from_param_dict(space, param_space, {**held[0], "act": int})


def test_a_param_space_of_constants_is_refused() -> None:
    with pytest.raises(SpaceError, match=r"param_space={'epochs': 3} has nothing to choose: give"):
        from_tune({"epochs": 3})


PUBLISHED: dict[str, dict[str, Any]] = {
    "a range of options, as for Hugging Face's Trainer": {
        "num_train_epochs": tune.choice(range(1, 3)),
        "per_device_train_batch_size": tune.choice([4, 8]),
    },
    "lists as options, and options without a choice": {
        "mlp_units": tune.choice([[[512, 512], [512, 512]]]),
        "hidden": tune.choice([[512, 256], [1024, 512, 256]]),
        "val_check_steps": tune.choice([100]),
        "loss": print,
    },
    "keys for a configuration library": {
        "model.loss_config.use_norm": tune.choice([True, False]),
        "model": {"loss_config": {"lr": 0.1}},
        "data/path": "/data",
        "data/workers": tune.choice([0, 2]),
    },
    "layers by number": {"layers": {0: tune.choice([1, 2]), 1: tune.choice([3, 4])}},
    "arrays, sets and views as options": {
        "width": tune.choice(np.arange(2)),
        "share": tune.choice(list(np.linspace(0, 1, 3))),
        "seed": tune.choice({1, 2}),
        "kind": tune.choice({"a": 1, "b": 2}.keys()),
    },
    "equal numbers of different types": {"pad": tune.choice([0, 0.0, np.float64(1), 1, True])},
    "None among numbers": {"clip": tune.choice([None, 1, 2]), "temp": tune.choice([None, 1.5])},
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_spaces_in_the_shapes_of_published_jobs_there_and_back(name: str) -> None:
    param_space = PUBLISHED[name]
    space = from_tune(param_space)
    held = [to_param_dict(param_space, architecture) for architecture in space.enumerate()]
    assert len({repr(config) for config in held}) == len(held) == space.size
    for config in drawn_by_tune(param_space, 20):
        architecture = from_param_dict(space, param_space, config)
        assert exactly(to_param_dict(param_space, architecture)) == exactly(config)
        assert config in held


def test_refusals_show_no_secret_of_the_config() -> None:
    param_space = {"api_key": "pl4nt3d", "lr": tune.choice([1, 2])}
    space = from_tune(param_space)
    for config in ({"api_key": "pl4nt3d-other", "lr": 1}, {"lr": "token=pl4nt3d1"}):
        with pytest.raises(SpaceError) as refusal:
            from_param_dict(space, param_space, config)
        assert "pl4nt3d" not in str(refusal.value)
    with pytest.raises(SpaceError, match=r"'api_key': '\*\*\*'.* has nothing to choose"):
        from_tune({"api_key": "pl4nt3d"})


@searchable
class Even:
    width: int = integer(1, 2)

    def is_feasible(self) -> bool:
        return self.width == 2


@searchable
class Several:
    letters: tuple[str, ...] = subset("a", "b", "c", k=2)


@searchable
class Long:
    widths: tuple[int, ...] = repeat(integer(1, 2), 1, 2)


@searchable
class Tied:
    widths: tuple[int, ...] = repeat(integer(1, 2), 3, tied=True)
    again: int = shared("again", integer(1, 2))


@pytest.mark.parametrize(
    ("root", "message"),
    [
        (Even, r"Even.is_feasible of Space\(Even\) cannot be carried: Ray Tune knows no constr"),
        (Several, "letters = 2 of 'a', 'b', 'c' .* cannot be carried: Tune draws the elements"),
        (Long, r"widths\[1\], conditional on widths.length, cannot be carried: Tune's domains are"),
        (ToyNet, r"blocks\[0\].Conv.kernel, conditional on blocks\[0\], cannot be carried"),
    ],
)
def test_spaces_that_tune_cannot_say_are_refused(root: type[Any], message: str) -> None:
    with pytest.raises(SpaceError, match=message):
        to_tune(Space(root))


def test_shared_and_tied_choices_are_one_domain() -> None:
    assert list(to_tune(Space(Tied))) == ["widths[*]", "@again"]
