"""Controllers compute in one BLAS thread, and leave as many as there were."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.linalg  # noqa: F401 - loads its BLAS
from threadpoolctl import threadpool_info, threadpool_limits

from raynas.asktell import AskTell
from raynas.controllers.features import Features
from raynas.controllers.one_blas_thread import one_blas_thread
from raynas.testing import TinyNet


def counts() -> set[int]:
    return {lib["num_threads"] for lib in threadpool_info() if lib["user_api"] == "blas"}


def test_the_limit_goes_also_after_an_error() -> None:
    @one_blas_thread()
    def broken() -> None:
        assert counts() == {1}
        raise ValueError("broken")

    with threadpool_limits(3, user_api="blas"):
        with one_blas_thread():
            assert counts() == {1}
        assert counts() == {3}
        with pytest.raises(ValueError, match="broken"):
            broken()
        assert counts() == {3}


@pytest.mark.parametrize(
    ("options", "count"),
    [
        ({"controller": "surrogate"}, 1),
        ({"controller": "surrogate"}, 8),
        ({"budgets": (0.1, 1)}, 1),
    ],
)
def test_proposals_of_a_model_are_made_in_one(
    monkeypatch: pytest.MonkeyPatch, options: dict[str, Any], count: int
) -> None:
    found: list[set[int]] = []
    call = Features.__call__

    def looked(self: Features, architectures: list[object]) -> object:
        found.append(counts())
        return call(self, architectures)

    monkeypatch.setattr(Features, "__call__", looked)
    with threadpool_limits(2, user_api="blas"):
        search = AskTell(TinyNet, **options)
        for number in range(5):
            search.ask()
            search.tell(number, float(np.sin(number)))
        found.clear()
        search.ask(count)
        assert found
        assert set.union(*found) == {1}
        assert counts() == {2}
