"""A search to look at, from its results folder alone: without Ray, torch or the user's code."""

from raynas.stored.look import Look, StoredSearch, open_stored
from raynas.stored.noted import Notes
from raynas.stored.snapshot import Snapshot, read_snapshot, shown_store, write_snapshot

__all__ = [
    "Look",
    "Notes",
    "Snapshot",
    "StoredSearch",
    "open_stored",
    "read_snapshot",
    "shown_store",
    "write_snapshot",
]
