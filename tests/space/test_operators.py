"""Nothing can be computed from a domain: it is not a value yet."""

import operator
from typing import Any

import pytest

from raynas.errors import SpaceError
from raynas.space import choice, integer, real, recurse, repeat, searchable, shared, subset


@searchable
class Conv:
    """An option."""

    kernel: int = choice(3, 5)


DECLARED = [
    choice(1, 2),
    choice(1, 2, default=1),
    choice(Conv, None),
    integer(1, 8),
    real(0.1, 1.0, log=True),
    repeat(Conv, 1, 3),
    subset(1, 2, 3, k=2),
    shared("k", choice(1, 2)),
    recurse(2),
]
BINARY = [
    *(operator.add, operator.sub, operator.mul, operator.truediv, operator.floordiv, operator.mod),
    *(operator.pow, operator.lt, operator.le, operator.gt, operator.ge, operator.or_),
]


@pytest.mark.parametrize("domain", DECLARED, ids=str)
def test_a_domain_is_refused_as_an_operand(domain: Any) -> None:
    for compute in BINARY:
        for operands in ((domain, 2), (2, domain), (domain, domain)):
            with pytest.raises(SpaceError, match=r"is not a value yet, .* field of its own"):
                compute(*operands)
    for compute in (bool, int, float, abs, operator.neg, operator.not_, range, round):
        with pytest.raises(SpaceError, match="is not a value yet"):
            compute(domain)
    assert domain == domain
    assert domain in [domain]
