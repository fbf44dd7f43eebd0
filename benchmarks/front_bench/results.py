"""Finished runs of `benchmarks/fronts.py`, kept as those of `benchmarks/controllers.py` are."""

from __future__ import annotations

import json
from typing import Any

from controller_bench.results import Job, Results

__all__ = ["FrontResults"]


class FrontResults(Results):
    """See `Results`."""

    def add(self, job: Job, run: Any) -> None:
        """Append a finished `front_bench.simulate.FrontRun`."""
        text = json.dumps({**vars(job), **vars(run), "seconds": round(run.seconds, 5)})
        with self.lock, self.path.open("a") as file:
            file.write(text + "\n")
