"""Trained weights as a safetensors file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

__all__ = ["save_weights"]


def save_weights(module: Any, path: Path) -> None:
    """Write the state of a torch module to `path`, making its folder."""
    from safetensors.torch import save_model

    path.parent.mkdir(parents=True, exist_ok=True)
    save_model(module, str(path))
