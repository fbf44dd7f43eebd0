"""Names of version 0.1 go on working, with a warning that names the new one."""

from __future__ import annotations

import sys
import warnings
from importlib import import_module

import numpy as np
import pytest

from raynas import Space
from raynas.renamed import RENAMED_MODULES, RENAMED_NAMES
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


@pytest.mark.parametrize(
    ("module", "old", "new"),
    [(module, *names) for module, table in RENAMED_NAMES.items() for names in table.items()],
)
def test_a_class_is_found_by_its_old_name(module: str, old: str, new: str) -> None:
    with pytest.warns(DeprecationWarning, match=f"{module}.{old} is called {new} now") as warned:
        found = getattr(import_module(module), old)
    home, _, name = new.rpartition(".")
    assert found is getattr(import_module(home), name)
    assert warned[0].filename == __file__


def test_what_never_was_a_name_is_refused() -> None:
    with pytest.raises(AttributeError, match=r"'raynas.proxy' has no attribute 'Canditate'"):
        import_module("raynas.proxy").Canditate  # noqa: B018


def test_old_names_of_methods_work() -> None:
    space = Space(ToyNet)
    architecture = space.sample(np.random.default_rng(0))
    with pytest.warns(DeprecationWarning, match=r"Space.neighbours is called Space.neighbors now"):
        old = list(space.neighbours(architecture))
    assert old == list(space.neighbors(architecture))
