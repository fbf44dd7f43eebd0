"""Architectures a minute that `raynas.tasks.meters.profile` counts on the meta device.

``python benchmarks/profiling.py``. Each figure is over fresh random architectures, after a few
that warm up torch, on one thread.
"""

import importlib.util
import sys
import time
from pathlib import Path

import numpy as np
import torch

from raynas.space import Space
from raynas.tasks.meters.profile import profile
from search_spaces.mnasnet import MnasNet
from search_spaces.nasbench201 import NASBench201Cell

WARM_UP = 10
SECONDS = 5.0


def digits_space() -> type:
    """The space of examples/digits.py."""
    path = Path(__file__).parent.parent / "examples" / "digits.py"
    spec = importlib.util.spec_from_file_location("digits", path)
    if spec is None or spec.loader is None:
        raise FileNotFoundError(path)
    module = importlib.util.module_from_spec(spec)
    sys.modules["digits"] = module
    spec.loader.exec_module(module)
    space: type = module.DigitsNet
    return space


def rate(root: type, shape: tuple[int, ...]) -> float:
    """Architectures of `root` profiled in a minute."""
    space, rng = Space(root), np.random.default_rng(0)
    example = torch.zeros(1, *shape)
    for _ in range(WARM_UP):
        profile(space.sample(rng), example)
    start, done = time.perf_counter(), 0
    while time.perf_counter() - start < SECONDS:
        assert profile(space.sample(rng), example).device == "meta"  # noqa: S101
        done += 1
    return 60 * done / (time.perf_counter() - start)


def main() -> None:
    """Print a line a space."""
    torch.set_num_threads(1)
    spaces = ((digits_space(), (1, 8, 8)), (NASBench201Cell, (3, 32, 32)), (MnasNet, (3, 224, 224)))
    for root, shape in spaces:
        size = " x ".join(map(str, shape))
        print(f"{root.__name__:16} {size:>13}  {rate(root, shape):8,.0f} architectures a minute")


if __name__ == "__main__":
    main()
