"""What a machine has: devices, driver, versions."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from importlib import metadata
from typing import Any

__all__ = ["facts"]

_PACKAGES = (
    "torch",
    "pytorch-lightning",
    "ray",
    "optuna",
    "numpy",
    "triton",
    "onnxruntime",
    "onnxruntime-gpu",
    "nvidia-ml-py",
)


def facts() -> dict[str, Any]:
    """Facts by name, in plain data."""
    import psutil
    import torch

    gpus = [
        {
            "name": torch.cuda.get_device_name(index),
            "capability": ".".join(map(str, torch.cuda.get_device_capability(index))),
            "memory_gib": round(torch.cuda.get_device_properties(index).total_memory / 2**30, 1),
        }
        for index in range(torch.cuda.device_count())
    ]
    return {
        "gpus": gpus,
        "driver": _driver(),
        "cuda": torch.version.cuda,
        "cores": os.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "load": round(os.getloadavg()[0], 1),
        "python": platform.python_version(),
        "executable": sys.executable,
        "system": platform.platform(),
        "versions": {name: version for name in _PACKAGES if (version := _version(name))},
        "CUDA_VISIBLE_DEVICES": os.environ.get("CUDA_VISIBLE_DEVICES"),
    }


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _driver() -> str | None:
    program = shutil.which("nvidia-smi")
    if program is None:
        return None
    done = subprocess.run(
        [program, "--query-gpu=driver_version", "--format=csv,noheader"],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    return done.stdout.strip().splitlines()[0] if done.stdout.strip() else None
