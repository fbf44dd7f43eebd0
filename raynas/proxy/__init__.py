"""Before the search: a proxy task that ranks architectures as full training does."""

from typing import TYPE_CHECKING

from raynas.proxy.agreement import Agreement, agreement_of, lower_bounds, tau_of, top_recall
from raynas.proxy.checks import CheckResult, check_agreement, check_trials, worst
from raynas.proxy.design import Design, ProxyCandidate, design_proxy
from raynas.proxy.extrapolation import Extrapolation, extrapolate
from raynas.proxy.records import (
    Chosen,
    read_design,
    read_references,
    write_curves,
    write_design,
    write_fresh,
    write_references,
    write_repeats,
)
from raynas.proxy.reduction import Setting, lightning, proxy_task, settings_of
from raynas.proxy.reference_models import References, find_references
from raynas.proxy.repeats import Curve, Repeats, measure_repeats, measure_smoothness
from raynas.proxy.selection import Goal, Reading, best_of, early_rejection, readings_of
from raynas.proxy.smoothness import Smoothness, smoothness_of
from raynas.proxy.stratified_selection import Round, cost_of_rounds, rounds_of, spread_out
from raynas.proxy.trainings import Interrupted, Laboratory
from raynas.proxy.trial_run import Fresh, final_checks, try_fresh
from raynas.proxy.variance import Variance, smallest_difference, typical_noise, variance_of
from raynas.renamed import lookup

if not TYPE_CHECKING:
    __getattr__ = lookup(__name__)

__all__ = [
    "Agreement",
    "CheckResult",
    "Chosen",
    "Curve",
    "Design",
    "Extrapolation",
    "Fresh",
    "Goal",
    "Interrupted",
    "Laboratory",
    "ProxyCandidate",
    "Reading",
    "References",
    "Repeats",
    "Round",
    "Setting",
    "Smoothness",
    "Variance",
    "agreement_of",
    "best_of",
    "check_agreement",
    "check_trials",
    "cost_of_rounds",
    "design_proxy",
    "early_rejection",
    "extrapolate",
    "final_checks",
    "find_references",
    "lightning",
    "lower_bounds",
    "measure_repeats",
    "measure_smoothness",
    "proxy_task",
    "read_design",
    "read_references",
    "readings_of",
    "rounds_of",
    "settings_of",
    "smallest_difference",
    "smoothness_of",
    "spread_out",
    "tau_of",
    "top_recall",
    "try_fresh",
    "typical_noise",
    "variance_of",
    "worst",
    "write_curves",
    "write_design",
    "write_fresh",
    "write_references",
    "write_repeats",
]
