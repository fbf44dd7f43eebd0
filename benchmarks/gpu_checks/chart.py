"""A chart of trials an hour against trials on a GPU.

`PYTHONPATH=benchmarks python -m gpu_checks.chart check-gpu/check-gpu.json chart.png` draws it.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

__all__ = ["chart", "rates"]


def rates(results: dict[str, Any]) -> dict[str, float]:
    """Trials an hour by trials at once, and of the plain loop.

    Raises:
        ValueError: The results have none.
    """
    for row in results["rows"]:
        found: dict[str, float] = row["data"].get("rates", {})
        if found:
            return found
    raise ValueError("the results have no rates: run `scripts/check-gpu --only sharing`")


def chart(results: dict[str, Any], file: Path) -> None:
    """Draw the rates of `results` to `file`."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    found = rates(results)
    counts = sorted(int(name) for name in found if name.isdecimal())
    figure, axes = plt.subplots(figsize=(6, 3.6), layout="constrained")
    axes.plot(counts, [found[str(count)] for count in counts], marker="o", label="raynas")
    axes.axhline(found["plain loop"], linestyle="--", color="gray", label="plain loop")
    axes.set_xscale("log", base=2)
    axes.set_xticks(counts, [str(count) for count in counts])
    axes.set_ylim(bottom=0)
    gpus = results["machine"]["gpus"]
    place = gpus[0]["name"] if gpus else f"{results['machine']['cores']} CPU cores (stand-in)"
    axes.set_xlabel(f"Trials at once on {place}")
    axes.set_ylabel("Trials an hour")
    axes.legend(frameon=False)
    figure.savefig(file, dpi=120)
    plt.close(figure)


if __name__ == "__main__":
    chart(json.loads(Path(sys.argv[1]).read_text()), Path(sys.argv[2]))
