"""What a power failure may not take: the names of journals that were made or put in place."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from raynas.asktell import AskTell
from raynas.store.repair import repair_journal
from raynas.testing import ToyNet


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Paths that were synced, in order."""
    found: list[Path] = []
    sync = os.fsync

    def recorded(descriptor: int) -> None:
        found.append(Path(os.readlink(f"/proc/self/fd/{descriptor}")))
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", recorded)
    return found


def test_a_new_journal_is_synced_with_its_folders(tmp_path: Path, synced: list[Path]) -> None:
    path = tmp_path / "results" / "search" / "journal.log"
    with AskTell(ToyNet, "random", seed=0, store=path):
        assert synced == [path.parent, path.parent.parent, tmp_path]
    with AskTell(ToyNet, "random", seed=0, store=path):
        assert len(synced) == 3  # the names are there already


def test_a_repaired_journal_is_synced_once_it_is_in_place(
    tmp_path: Path, synced: list[Path]
) -> None:
    path = tmp_path / "journal.log"
    with AskTell(ToyNet, "random", seed=0, store=path) as search:
        for number in range(3):
            search.ask()
            search.tell(number, 1.0)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:-2], b"{}\n", *lines[-1:]]))
    synced.clear()
    assert repair_journal(path).aside is not None
    draft, *folders = synced
    assert draft.name.startswith("journal.log.")
    assert folders[-3:] == list(path.parents[:3])


def test_a_folder_that_cannot_be_synced_is_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(descriptor: int) -> None:
        raise OSError("not supported")

    monkeypatch.setattr(os, "fsync", refused)
    with AskTell(ToyNet, "random", seed=0, store=tmp_path / "journal.log") as search:
        assert search.ask() is not None
