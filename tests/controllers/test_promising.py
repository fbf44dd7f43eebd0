"""Changes of good architectures that a model does not know to be worse."""

from __future__ import annotations

import numpy as np

from raynas.controllers.features import Features
from raynas.controllers.promising import promising_neighbors
from raynas.space import Space, choice, repeat, searchable
from raynas.space.embedded import EmbeddedSpace
from raynas.trials import Completed, History, Measurement, Trial

LETTERS = "abcde"


@searchable
class Net:
    first: str = choice(*LETTERS, default="a")
    second: str = choice(*LETTERS, default="a")
    third: tuple[str, ...] = repeat(choice(*LETTERS), 3, default=("a", "a", "a"))


SPACE = Space(Net)


def value(net: Net) -> float:
    return LETTERS.index(net.first) + 0.01 * LETTERS.index(net.second)


def tried(*nets: Net) -> History:
    return History(
        tuple(Trial(n, net, Completed(Measurement({}), value(net))) for n, net in enumerate(nets))
    )


def test_all_may_be_good_while_nothing_is_known() -> None:
    net = SPACE.baseline
    near = promising_neighbors(SPACE, History(), (net,))
    assert set(near) == set(SPACE.neighbors(net))


def test_options_that_are_known_to_be_worse_are_left_out() -> None:
    rng = np.random.default_rng(0)
    history = tried(*(SPACE.sample(rng) for _ in range(120)))
    best = Net("e", "e", ("a", "a", "a"))
    near = promising_neighbors(SPACE, history, (best,))
    assert {"e"} <= {net.first for net in near} <= {"d", "e"}
    assert {net.second for net in near} > {"e"}
    assert {net.third for net in near} > {best.third}


def test_an_untried_option_stays() -> None:
    rng = np.random.default_rng(0)
    nets = (SPACE.sample(rng) for _ in range(400))
    history = tried(*[net for net in nets if net.first in "ce"][:100])
    near = promising_neighbors(SPACE, history, (Net("e", "e", ("a", "a", "a")),))
    firsts = {net.first for net in near}
    assert "c" not in firsts
    assert firsts >= {"a", "b", "d"}


def test_fields_apart_have_a_term_of_the_kernel_each() -> None:
    """Besides those of all decisions and of totals; what is no group has none."""
    within = EmbeddedSpace(SPACE, SPACE, [("first", "second"), ("third",)])
    terms = [len(groups) for groups in Features(within).prior().terms]
    assert terms[:2] == [2, 3]
    assert terms[2] == 5
    only = EmbeddedSpace(SPACE, SPACE, [("third",)])
    assert [len(groups) for groups in Features(only).prior().terms][:2] == [3, 5]
    plain = Features(EmbeddedSpace(SPACE, SPACE)).prior()
    assert [len(g) for g in plain.terms] == [len(g) for g in Features(SPACE).prior().terms]


def test_a_group_in_two_places_has_a_term_in_each() -> None:
    within = EmbeddedSpace(SPACE, SPACE, [("first", "third")])
    assert [len(groups) for groups in Features(within).prior().terms][:2] == [1, 3]
