"""Names of version 0.1 that have been renamed: they work for one more version, with a warning."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

__all__ = ["RENAMED_MODULES", "RENAMED_NAMES", "install", "lookup", "warn_of"]

_RENAMED = {
    "before": "preflight",
    "before.advice": "preflight.recommendations",
    "before.baseline": "preflight.baseline",
    "before.bounded": "preflight.time_limits",
    "before.budget": "preflight.training_time",
    "before.compiling": "preflight.compilation",
    "before.curves": "preflight.learning_curves",
    "before.data": "preflight.data",
    "before.distribution": "preflight.distribution_shift",
    "before.dry_run": "preflight.dry_run",
    "before.fitness": "preflight.data_verdict",
    "before.loading": "preflight.loader_speed",
    "before.planning": "preflight.search_plan",
    "before.reading": "preflight.data_sampling",
    "before.settings": "preflight.baseline_runs",
    "before.speed": "preflight.speed",
    "before.stepping": "preflight.step_time",
    "bounds": "report_limits",
    "bridges.conditions": "bridges.activation_conditions",
    "bridges.made": "bridges.dynamic_classes",
    "cli.display": "cli.progress",
    "cli.load": "cli.search_file",
    "controllers.autoregression": "controllers.autoregressive_policy",
    "controllers.batch": "controllers.batch_proposals",
    "controllers.candidates": "controllers.acquisition_optimizer",
    "controllers.following": "controllers.history_increment",
    "controllers.grid": "controllers.grid_search",
    "controllers.hints": "controllers.zero_cost_features",
    "controllers.model": "controllers.surrogate_model",
    "controllers.random": "controllers.random_search",
    "controllers.scored": "controllers.zero_cost_start",
    "export.attempts": "export.code_attempts",
    "export.folder": "export.owned_folder",
    "export.fresh": "export.fresh_process",
    "export.naming": "export.qualified_names",
    "export.package": "export.module_copies",
    "export.source": "export.module_source",
    "export.verify": "export.verification",
    "persistent": "persistent_sequence",
    "plan": "search_cost",
    "proxy.choice": "proxy.selection",
    "proxy.figures": "report.proxy_plots",
    "proxy.final": "proxy.trial_run",
    "proxy.models": "proxy.reference_models",
    "proxy.plots": "report.proxy_plots",
    "proxy.resized": "proxy.resized_input",
    "proxy.setting": "proxy.reduction",
    "proxy.spread": "proxy.stratified_selection",
    "proxy.study": "proxy.trainings",
    "proxy.timed": "proxy.cpu_time",
    "report.coding": "analysis.choice_matrix",
    "report.dashboard": "dashboard.app",
    "report.follower": "dashboard.follower",
    "report.full_training": "analysis.full_training",
    "report.plain": "report.terminal_curve",
    "report.planned": "analysis.recorded_plan",
    "report.provenance": "analysis.provenance",
    "report.rules": "report.stop_rules",
    "report.rules_along": "report.stop_rule_history",
    "report.saved": "analysis.saved_results",
    "report.server": "dashboard.server",
    "report.style": "report.figure_style",
    "report.table": "analysis.tables",
    "report.view": "analysis.search_view",
    "scale": "power_scaling",
    "selection": "shortlist",
    "space.declared": "space.declaration",
    "space.drawing": "space.uniform_draws",
    "space.held": "space.config_architecture",
    "space.labels": "space.option_labels",
    "space.misplaced": "space.misplaced_declarations",
    "space.narrow": "space.restriction",
    "space.stateful": "space.stateful_options",
    "space.walk": "space.traversal",
    "stopping.limits": "stopping.budgets",
    "stopping.rise": "stopping.search_curve",
    "store.again": "store.reruns",
    "store.announce": "store.log",
    "store.book": "store.journal_state",
    "store.chain": "store.checksum_chain",
    "store.identity": "store.search_identity",
    "store.ledger": "store.optuna_ledger",
    "store.lock": "store.writer_lock",
    "store.proof": "store.outcome_digest",
    "store.rebuilt": "store.journal_rebuild",
    "tasks.announce": "tasks.log",
    "tasks.averaging": "tasks.lightning.weight_averaging",
    "tasks.budget": "tasks.lightning.step_budget",
    "tasks.counting": "tasks.meters.flop_counter",
    "tasks.division": "tasks.lightning.holdout",
    "tasks.epoch_metrics": "tasks.lightning.epoch_metrics",
    "tasks.example": "tasks.example_input",
    "tasks.fingerprint": "tasks.meters.network_fingerprint",
    "tasks.flop_formulas": "tasks.meters.flop_formulas",
    "tasks.footprint": "tasks.gpu_footprint",
    "tasks.held_out": "tasks.lightning.held_out_data",
    "tasks.inputs": "tasks.network_inputs",
    "tasks.latency": "tasks.meters.latency",
    "tasks.lightning_data": "tasks.lightning.data",
    "tasks.loader_collections": "tasks.lightning.loader_collections",
    "tasks.loader_positions": "tasks.lightning.loader_state",
    "tasks.measured": "tasks.meters.measured",
    "tasks.onnx_latency": "tasks.meters.onnx_latency",
    "tasks.part_loaders": "tasks.lightning.subset_loaders",
    "tasks.plain_state": "tasks.lightning.plain_state",
    "tasks.pretrained": "tasks.lightning.pretrained",
    "tasks.profile": "tasks.meters.profile",
    "tasks.ranks": "tasks.lightning.ddp",
    "tasks.resuming": "tasks.lightning.resume",
    "tasks.space_profile": "tasks.meters.space_profile",
    "tasks.split": "tasks.lightning.split",
    "tasks.targets": "tasks.lightning.targets",
    "tasks.training_parts": "tasks.lightning.training_callback",
    "training": "full_training",
    "training.best": "full_training.best",
    "training.full": "full_training.stage2",
    "training.near_ties": "full_training.near_ties",
    "training.study": "full_training.substudy",
    "training.train": "full_training.train",
    "tune.attempt": "tune.task_thread",
    "tune.care": "tune.retry_policy",
    "tune.clock": "tune.clock_jumps",
    "tune.configs": "tune.trial_configs",
    "tune.device": "tune.worker_device",
    "tune.drawn": "tune.derived_distributions",
    "tune.ending": "tune.outcome_text",
    "tune.events": "tune.event_log",
    "tune.flat": "tune.flat_domains",
    "tune.folder": "tune.scratch_folder",
    "tune.objects": "tune.option_objects",
    "tune.overseer": "tune.scheduler_wrapper",
    "tune.package": "tune.job_package",
    "tune.patches": "tune.tune_patches",
    "tune.points": "tune.initial_points",
    "tune.reports": "tune.report_batches",
    "tune.results": "tune.result_metrics",
    "tune.session": "tune.ray_session",
    "tune.sharing": "tune.gpu_sharing",
    "tune.shipping": "tune.serialization",
    "tune.target": "tune.remote_scoring",
    "tune.watch": "tune.worker_monitor",
}

RENAMED_MODULES = {f"raynas.{old}": f"raynas.{new}" for old, new in _RENAMED.items()}
"""The new name of each module that had another one."""

_MOVED = {
    "controllers": "Controller",
    "full_training": "TrainingResult",
    "meters": "CostMeter FunctionMeter LatencyMeter Measured MemoryMeter Meter OnResource ZeroCost "
    "profile_space score_in_workers",
    "redaction": "secret",
    "report": "rank_correlations",
    "rewards": "Absolute AtLeast AtMost Clipped Constrained Factor Metric MnasNet Pareto Reward "
    "WeightedProduct",
    "space": "architecture_in",
    "stopping": "StopRule",
    "tasks": "LightningData Pretrained",
    "trials": "Completed Failed Infeasible Stop Stopped",
}
"""What was a name of raynas itself, by the module where it is now."""

RENAMED_NAMES = {
    "raynas": {
        name: f"raynas.{home}.{name}" for home, names in _MOVED.items() for name in names.split()
    },
    "raynas.controllers": {"RegularisedEvolution": "raynas.controllers.RegularizedEvolution"},
    "raynas.proxy": {
        "Candidate": "raynas.proxy.ProxyCandidate",
        "Finding": "raynas.proxy.CheckResult",
    },
    "raynas.search_cost": {"Plan": "raynas.search_cost.SearchPlan"},
}
"""By module: where each of its former names is now."""


def warn_of(old: str, new: str, stacklevel: int = 3) -> None:
    """Warn, at the line of the caller's caller, that `old` is called `new` now."""
    warnings.warn(
        f"{old} is called {new} now; the old name works until version 0.3",
        DeprecationWarning,
        stacklevel=stacklevel,
    )


class _Renamed(MetaPathFinder, Loader):
    """Imports a module by its old name: the same module object as by the new one."""

    def find_spec(
        self,
        name: str,
        path: Sequence[str] | None,  # noqa: ARG002
        target: ModuleType | None = None,  # noqa: ARG002
    ) -> ModuleSpec | None:
        if name not in RENAMED_MODULES:
            return None
        return ModuleSpec(name, self, is_package=True)

    def exec_module(self, module: ModuleType) -> None:
        old = module.__name__
        warn_of(old, RENAMED_MODULES[old])
        sys.modules[old] = import_module(RENAMED_MODULES[old])


def install() -> None:
    """Make the old names of modules importable in this process."""
    if not any(isinstance(finder, _Renamed) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Renamed())


def lookup(module: str, otherwise: Callable[[str], Any] | None = None) -> Callable[[str], Any]:
    """A ``__getattr__`` for `module` that finds its former names, with a warning.

    Args:
        module: The name of the module.
        otherwise: Finds names that are not former ones; None to refuse them.
    """
    former = RENAMED_NAMES[module]

    def find(name: str) -> Any:
        if name in former:
            home, _, new = former[name].rpartition(".")
            warn_of(f"{module}.{name}", former[name])
            return getattr(import_module(home), new)
        if otherwise is None:
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        return otherwise(name)

    return find
