"""An exported network in a fresh process: its accuracy on the test part, and its latency.

``python -I measured_again.py EXPORT DATA`` prints JSON. Nothing of raynas is imported.
"""

from __future__ import annotations

import json
import resource
import runpy
import sys
import time
from pathlib import Path

import numpy as np
import torch

WARM_UP, CALLS, SECONDS = 5, 100, 0.5


def main(export: str, data: str) -> None:
    """Print what was found."""
    sys.modules["raynas"] = None  # type: ignore[assignment] # it must not be needed
    torch.set_num_threads(1)
    made = runpy.run_path(str(Path(export, "model.py")))
    network = made["load"](str(Path(export, "model.safetensors")))
    with np.load(Path(data, "data_fsdd_logmel.npz")) as file:
        clips = torch.tensor(file["x"], dtype=torch.float32).reshape(-1, 32, 32)
        digits, test = torch.tensor(file["y"], dtype=torch.long), torch.tensor(file["take"] < 5)
    clips = (clips - clips.mean()) / clips.std()
    with torch.inference_mode():
        right = network(clips[test]).argmax(1) == digits[test]
        example, seconds = clips[~test][:1], []
        for _ in range(WARM_UP):
            network(example)
        began, calls = time.perf_counter(), 0
        while calls < CALLS or time.perf_counter() - began < SECONDS:
            calls += 1
            before = resource.getrusage(resource.RUSAGE_SELF).ru_nivcsw
            start = time.perf_counter()
            network(example)
            spent = time.perf_counter() - start
            if resource.getrusage(resource.RUSAGE_SELF).ru_nivcsw == before:
                seconds.append(spent)
    found = {"accuracy": float(right.float().mean()), "latency": float(np.median(seconds))}
    print(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
