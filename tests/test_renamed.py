"""Names of version 0.1 go on working, with a warning that names the new one."""

from __future__ import annotations

import sys
import warnings
from importlib import import_module

import numpy as np
import pytest

from raynas import Space, controllers
from raynas.renamed import RENAMED_MODULES
from raynas.testing import ToyNet


@pytest.mark.parametrize(("old", "new"), RENAMED_MODULES.items())
def test_a_module_is_importable_by_its_old_name(
    old: str, new: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in RENAMED_MODULES:
        monkeypatch.delitem(sys.modules, name, raising=False)
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        module = import_module(old)
    assert module is import_module(new)
    assert f"{old} is called {new} now" in str(warned[-1].message)
    assert {w.category for w in warned} == {DeprecationWarning}


def test_the_warning_points_at_the_line_that_imports(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "raynas.plan", raising=False)
    with pytest.warns(DeprecationWarning, match="raynas.plan is called") as warned:
        import raynas.plan  # noqa: F401
    assert warned[0].filename == __file__


def test_old_names_of_classes_and_methods_work() -> None:
    with pytest.warns(DeprecationWarning, match="RegularisedEvolution is called Regularized"):
        assert controllers.RegularisedEvolution is controllers.RegularizedEvolution
    space = Space(ToyNet)
    architecture = space.sample(np.random.default_rng(0))
    with pytest.warns(DeprecationWarning, match=r"Space.neighbours is called Space.neighbors now"):
        old = list(space.neighbours(architecture))
    assert old == list(space.neighbors(architecture))
