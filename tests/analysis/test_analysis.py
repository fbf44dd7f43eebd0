"""The analyses find what was put in, and say nothing where there is nothing to say."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from report_samples import MIXED, completed, long_history, view

from raynas.analysis.choice_matrix import INACTIVE, coded
from raynas.dominance import non_dominated
from raynas.objective import Objective
from raynas.report.choice_findings import choice_findings
from raynas.report.cost import spent
from raynas.report.diagram import graph_figure, layers_of, nested_boxes
from raynas.report.effects import EffectsModel, interactions, main_effect
from raynas.report.failures import causes, failure_nodes, suspects
from raynas.report.markup import to_html
from raynas.report.stop_rule_history import rules_figure
from raynas.report.stop_rules import verdict_nodes
from raynas.report.tradeoff import costs_of, front_of
from raynas.space import Space, choice, integer, real, searchable
from raynas.space.encoding import Graph
from raynas.stopping import FailureShare, TrialLimit, along
from raynas.testing.spaces import OPTIMUM, ToyNet
from raynas.trials import (
    BOUND,
    Completed,
    Failed,
    History,
    Infeasible,
    Measurement,
    Outcome,
    Trial,
)
from raynas.wording import duration


@searchable
class Deep:
    kernel: int = choice(3, 5)


@searchable
class Made:
    strong: int = integer(0, 4)
    noise: int = integer(0, 4)
    left: int = choice(0, 1)
    right: int = choice(0, 1)
    part: str | Deep = choice("none", Deep)
    rate: float = real(0.0, 1.0)


SPACE = Space(Made)
RNG = np.random.default_rng(0)


def outcome(net: Made) -> Outcome:
    if net.noise == 4 and isinstance(net.part, Deep):
        return Infeasible(f"{100 * net.strong} MB are too many")
    both = 0.5 * (net.left == net.right)
    return Completed(Measurement({}), net.strong + both)


def searched(count: int = 400) -> History:
    rng = np.random.default_rng(1)
    nets = [SPACE.sample(rng) for _ in range(count)]
    return History(tuple(Trial(n, net, outcome(net), 0.0, 1.0) for n, net in enumerate(nets)))


HISTORY = searched()
DATA = coded(HISTORY, SPACE)


def test_codes_stand_for_labels_and_mark_what_is_inactive() -> None:
    column = DATA.paths.index("part.Deep.kernel")
    for codes, trial in zip(DATA.codes, HISTORY.completed, strict=True):
        config = SPACE.to_config(trial.architecture)
        shown = DATA.labels[column][codes[column]] if codes[column] != INACTIVE else None
        assert shown == (str(config["part.Deep.kernel"]) if "part.Deep.kernel" in config else None)
    bins = DATA.codes[:, DATA.paths.index("rate")]
    assert np.bincount(bins).min() > len(DATA) / 8


def test_both_methods_find_the_choice_that_matters() -> None:
    found = choice_findings(DATA).importances
    assert set(found) == {"PED-ANOVA", "fANOVA"}
    for values in found.values():
        assert max(values, key=lambda path: values[path]) == "strong"
        assert set(values) == {"strong", "right", "left"} & set(values)
        assert sum(values.values()) < 1, "what noise explains is left out"


def test_too_few_or_equal_rewards_matter_to_nobody() -> None:
    assert choice_findings(DATA.only(5)).importances == {}
    assert choice_findings(dataclasses.replace(DATA, rewards=np.ones(len(DATA)))).importances == {}


def test_an_effect_rises_where_the_reward_does_and_is_flat_where_it_does_not() -> None:
    model = EffectsModel(DATA)
    strong, noise = main_effect(model, "strong"), main_effect(model, "noise")
    assert strong.labels == ("0", "1", "2", "3", "4")
    assert np.all(np.diff(strong.expected) > 0.5)
    assert np.ptp(noise.expected) < 0.15
    assert np.all((strong.low <= strong.expected) & (strong.expected <= strong.high))
    assert strong.tried.sum() == len(DATA)


def test_the_interaction_put_in_is_the_strongest() -> None:
    first, *rest = interactions(EffectsModel(DATA), ["strong", "noise", "left", "right"])
    assert set(first.paths) == {"left", "right"}
    assert first.share > 0.8
    assert all(first.spread > 2 * other.spread for other in rest)


def test_failures_are_grouped_whatever_their_figures_and_suspects_named() -> None:
    group, *others = causes(HISTORY)
    assert not others
    assert len(group.trials) == len(HISTORY.unrewarded)
    assert next(iter(suspects(HISTORY, SPACE))).choice in ("noise = 4", "part = Deep")
    assert [cause.kind for cause in causes(MIXED)] == ["failed", "infeasible"]


def test_the_fast_front_is_the_front() -> None:
    costs, rewards = RNG.integers(0, 30, 200).astype(float), RNG.integers(0, 30, 200).astype(float)
    slow = non_dominated(list(zip(-costs, rewards, strict=True)))
    points = {(costs[i], rewards[i]) for i in front_of(costs, rewards)}
    assert points == {(costs[i], rewards[i]) for i in slow}
    costs[:150] = np.nan
    assert np.isfinite(costs[front_of(costs, rewards)]).all()


def test_costs_are_further_objectives_and_metrics_that_name_one() -> None:
    def trial(number: int) -> Trial:
        measurement = Measurement({"acc": 1.0, "ms": 2.0, "parameters": 9.0}, seconds=3.0)
        return Trial(number, None, Completed(measurement, 1.0, (1.0, -2.0)), 0.0, 1.0)

    costs = costs_of(History((trial(0), trial(1))), (Objective("acc"), Objective("ms", "min")))
    assert [cost.name for cost in costs] == ["ms", "parameters", "seconds of the trial"]
    assert list(costs[0].values) == [2.0, 2.0]


def test_what_was_spent_counts_overlap_once_and_trials_in_flight() -> None:
    trials = (
        Trial(0, None, completed(1.0), 0.0, 10.0),
        Trial(1, None, Failed("x"), 5.0, 15.0),
        Trial(2, None, None, 20.0),
    )
    cost = spent(History(trials), {"gpu": 0.5, "cpu": 0.0}, now=3620.0)
    assert cost.active == 15 + 3600
    assert cost.busy == 20 + 3600
    assert cost.mean == 10
    assert cost.reserved == {"gpu": pytest.approx(3620 / 3600 / 2)}
    assert duration(7200) == "2.0 hours"


def test_an_architecture_is_drawn_with_its_parts_in_order() -> None:
    text = to_html(nested_boxes(OPTIMUM))
    places = [text.index(f"<b>{name}</b>") for name in ("ToyNet", "Conv", "Pool", "Skip")]
    assert places == sorted(places)
    assert text.count("arrow") == 3
    same = ToyNet(width=8, blocks=OPTIMUM.blocks[:1] * 4)
    assert ">\N{MULTIPLICATION SIGN} 4<" in to_html(nested_boxes(same))
    assert "arrow" not in to_html(nested_boxes(same))


def test_a_graph_is_laid_out_along_its_longest_paths() -> None:
    graph = Graph(("in", "conv", "pool", "dead", "out"), ((0, 1), (1, 2), (0, 3), (2, 4), (0, 4)))
    assert layers_of(graph) == [0, 1, 2, 1, 3]
    figure = graph_figure(graph)
    assert len(figure.layout.annotations) == 5
    colors = figure.data[0].marker.color
    assert colors[3] != colors[1]


def test_what_the_rules_said_is_drawn_along_the_search() -> None:
    rules = (FailureShare(), TrialLimit(30))
    figure = rules_figure(("failures", "limit"), along(rules, long_history(60), 20))
    heat, crosses = figure.data
    assert np.shape(heat.z) == (2, 20)
    assert list(heat.z[1]) == sorted(heat.z[1])
    assert {row for row, at in zip(crosses.y, crosses.x, strict=True) if at >= 30} == {"limit"}
    assert min(crosses.x) == 30


def test_the_verdict_names_the_rule_and_what_to_do_next() -> None:
    whole = view(long_history(60))
    ended = dataclasses.replace(whole, rules=(TrialLimit(30),))
    (said,) = verdict_nodes(ended)
    assert "Ended by the rule “trial limit”" in to_html(said)
    assert "Next: " in to_html(said)
    assert verdict_nodes(dataclasses.replace(whole, rules=())) == []


@searchable
class Wide:
    width: int = integer(1, 1000)


def test_wide_numbers_are_put_into_few_bins() -> None:
    trials = (Trial(n, Wide(n + 1), completed(n / 100), 0.0, 1.0) for n in range(120))
    data = coded(History(tuple(trials)), Space(Wide))
    assert data.ordered == (True,)
    assert data.labels[0][0] == "1 to 20.8"
    assert list(np.bincount(data.codes[:, 0])) == [20] * 6
    assert choice_findings(data).importances["fANOVA"] == {"width": pytest.approx(1.0)}


def test_trials_outside_a_bound_are_a_cause_of_their_own_and_suspect_nothing() -> None:
    outside = Infeasible("s is 3.2, over its limit of 2", Measurement({"s": 3.2}), BOUND)
    ends: list[Outcome] = [outside, Infeasible("NaN"), outside, completed(1.0)] * 20
    history = History(
        [Trial(n, Made(n % 5, 0, 0, 0, "none", 0.0), end) for n, end in enumerate(ends)]
    )
    assert [(cause.kind, len(cause.trials)) for cause in causes(history)] == [
        ("outside bounds", 40),
        ("infeasible", 20),
    ]
    shown = "".join(map(to_html, failure_nodes(history, SPACE)))
    assert "Measured to be outside a bound: 40 trials, which is no failure" in shown
