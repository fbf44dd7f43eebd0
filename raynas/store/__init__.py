"""The only state of a search: its history, kept in an Optuna storage."""

from raynas.store.base import Again, Store, StoreLike
from raynas.store.earlier_searches import earlier_searches
from raynas.store.sibling_store import beside

__all__ = ["Again", "Store", "StoreLike", "beside", "earlier_searches"]
