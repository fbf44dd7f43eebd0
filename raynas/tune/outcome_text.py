"""How a trial ended, as the text that its worker sends: of bounded length."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from raynas.report_limits import MOST_TEXT, bounded_metrics, bounded_text
from raynas.trials import thinned

__all__ = ["bounded_ending"]

_MOST_METRICS = 10_000
"""More than are kept, as a reward may be computed from any of them."""


def bounded_ending(text: str, whole: Path) -> str:
    """`text`, or where it is long what matters of it.

    Args:
        text: A JSON object, as `raynas.tune.trainable.read_ending` takes it.
        whole: File to write the whole text to where it is shortened.
    """
    if len(text) <= MOST_TEXT:
        return text
    data = json.loads(text)
    shorter = _bounded(data, f"is in {whole} on {os.uname().nodename}")
    if shorter != data:
        try:
            whole.write_text(text, encoding="utf-8", errors="backslashreplace")
        except OSError:
            shorter = _bounded(data, "could not be written to a file")
    return json.dumps(shorter)


def _bounded(data: Mapping[str, Any], where: str) -> dict[str, Any]:
    kept = dict(data)
    for key, value in data.items():
        if isinstance(value, str):
            kept[key] = bounded_text(value, where)
        elif key == "metrics":
            kept[key] = bounded_metrics(value, _MOST_METRICS)
        elif key == "curve":
            points = thinned(tuple(value))
            kept[key] = [{**p, "metrics": bounded_metrics(p["metrics"])} for p in points]
        elif key == "measurement" and value is not None:
            kept[key] = _bounded(value, where)
    return kept
