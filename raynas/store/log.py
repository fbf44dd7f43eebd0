"""How the store says that it waits for something."""

from __future__ import annotations

import logging

__all__ = ["announce"]


def announce(message: str, *values: object) -> None:
    """Log a warning as `raynas`, which stands on stderr where the user sets up nothing else."""
    log = logging.getLogger("raynas")
    log.disabled = False  # Alembic, which Optuna runs on databases, disables every logger it finds.
    log.warning(message, *values)
