"""The names that users may rely on, and what importing them costs."""

from __future__ import annotations

import subprocess
import sys

import pytest

import raynas

HEAVY = ("ray", "torch", "optuna", "lightning", "pytorch_lightning", "pandas", "scipy", "sklearn")


@pytest.mark.parametrize("name", raynas.__all__)
def test_every_public_name_resolves(name: str) -> None:
    assert getattr(raynas, name) is not None


def test_the_public_names_are_these() -> None:
    """A name that comes or goes is a decision, to be made here too."""
    names = """
        Absolute AskTell AtLeast AtMost Clipped Completed Constrained Context Controller
        CostMeter Factor Failed FunctionMeter FunctionTask History Infeasible
        InfeasibleArchitecture LatencyMeter LightningData LightningTask Limits Measured Measurement
        MemoryMeter Meter Metric MnasNet NASSearcher OnResource Pareto Pretrained
        Proposal RaynasError Resources Reward Search SearchResult Space Stages Stop StopRule
        Stopped TabularTask Task TrainingResult Trial WeightedProduct ZeroCost __version__ architecture_in
        choice integer profile_space rank_correlations real repeat score_in_workers searchable
        secret shared subset train
    """
    assert raynas.__all__ == names.split()
    assert dir(raynas) == sorted(raynas.__all__)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'raynas' has no attribute 'Serach'"):
        raynas.Serach  # noqa: B018


def imported_by(statement: str) -> set[str]:
    """The heavy packages that a fresh process has imported after `statement`."""
    code = f"import sys; {statement}; print(*(name for name in {HEAVY} if name in sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return set(run.stdout.split())


def test_importing_raynas_imports_nothing_heavy() -> None:
    assert imported_by("import raynas") == set()


def test_pure_parts_import_nothing_heavy() -> None:
    parts = "raynas.space, raynas.trials, raynas.rewards, raynas.controllers, raynas.stopping"
    assert imported_by(f"import {parts}, raynas.testing") == set()


def test_the_contract_suites_do_not_import_pytest() -> None:
    code = "import sys, raynas.testing; sys.exit('pytest' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_ask_and_tell_needs_neither_ray_nor_torch() -> None:
    assert imported_by("from raynas import AskTell") <= {"optuna", "scipy", "pandas", "sklearn"}
