"""Look an architecture up in a table of finished trainings, as NAS benchmarks are published."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path

import pandas as pd

from raynas.arguments import checked
from raynas.errors import InfeasibleArchitecture, TaskError
from raynas.tasks.base import Context, Task
from raynas.trials import Architecture, Measurement, Mode

__all__ = ["TabularTask"]


@checked
class TabularTask(Task):
    """Reads the metrics of an architecture from a CSV file.

    Args:
        table: CSV file with a header; every numeric column becomes a metric.
        key: Function from an architecture to its entry in the column `index`, as text.
        metric: The column that the search rewards.
        mode: Whether larger (``"max"``) or smaller (``"min"``) values of it are better.
        index: The column of keys, read as text and unique.

    Raises:
        TaskError: There is no such file or column.
    """

    def __init__(
        self,
        table: str | os.PathLike[str],
        key: Callable[[Architecture], str],
        metric: str,
        mode: Mode = "max",
        index: str = "arch",
    ) -> None:
        self.table = Path(table).absolute()
        self.key = key
        self.metric = metric
        self.mode = mode
        self.index = index
        if not os.path.isfile(self.table):  # also where the name is too long for a file
            raise TaskError(f"table={str(table)!r}: there is no such file; give a CSV file")
        columns = list(pd.read_csv(self.table, nrows=0).columns)
        for argument, column in (("index", index), ("metric", metric)):
            if column not in columns:
                raise TaskError(
                    f"{argument}={column!r}: {self.table.name} has no such column; "
                    f"use one of {', '.join(columns)}"
                )

    def run(self, architecture: Architecture, context: Context) -> Measurement:
        """See `Task.run`."""
        del context
        start = time.perf_counter()
        key = self.key(architecture)
        row = _rows(self.table, self.index).get(key)
        if row is None:
            raise InfeasibleArchitecture(f"{self.table.name} has no row {key!r}")
        if self.metric not in row:
            raise TaskError(
                f"metric={self.metric!r}: that column of {self.table.name} is not numeric; "
                f"use one of {', '.join(row) or 'none'}"
            )
        return Measurement(row, seconds=time.perf_counter() - start)


@lru_cache(maxsize=4)
def _rows(table: Path, index: str) -> Mapping[str, Mapping[str, float]]:
    frame = pd.read_csv(table, dtype={index: str}).set_index(index)
    if not frame.index.is_unique:
        twice = frame.index[frame.index.duplicated()][0]
        raise TaskError(f"index={index!r}: {table.name} has the key {twice!r} twice; keep one row")
    numbers = frame.select_dtypes("number").astype(float)
    rows = numbers.to_dict(orient="index").items()
    return {str(key): {str(name): float(row[name]) for name in row} for key, row in rows}
