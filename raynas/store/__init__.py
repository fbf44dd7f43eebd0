"""The only state of a search: its history, kept in an Optuna storage."""

from raynas.store.base import Store, StoreLike

__all__ = ["Store", "StoreLike"]
