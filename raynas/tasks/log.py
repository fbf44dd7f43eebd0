"""Warnings of tasks, in the log ``raynas.tasks``."""

from __future__ import annotations

import logging

__all__ = ["announce"]


def announce(message: str, *values: object) -> None:
    """Log a warning; `message` is filled with `values` as by `logging`."""
    log = logging.getLogger("raynas.tasks")
    log.disabled = False  # Alembic, which Optuna runs on databases, disables every logger it finds.
    log.warning(message, *values)
