"""Runs stages without Ray: what a driver does, one trial after the other."""

from __future__ import annotations

from pathlib import Path

import pytest

from raynas.stages import StageChain
from raynas.tasks import Context


class Driver:
    """Runs trials of a chain's stages in this process."""

    def __call__(
        self, chain: StageChain, name: str, trials: int = 3, *, again: bool = False
    ) -> None:
        """Run a stage until it has so many trials."""
        built = chain.build(name, again=again)
        search = built.search
        with search.open() as run:
            chain.note(built)
            while len(run.history.ended) < trials and (asked := run.asktell.ask()) is not None:
                context = Context(number=asked.number, seed=asked.number)
                run.asktell.tell(asked.number, search.task.run(asked.architecture, context))
        chain.forget(name)


@pytest.fixture
def drive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Driver:
    monkeypatch.chdir(tmp_path)
    return Driver()
