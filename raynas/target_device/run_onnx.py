"""Runs on the device: times an ONNX model, and prints the seconds of each run as JSON.

``python run_onnx.py MODEL INPUTS WARM_UP REPEATS``. It needs Python, NumPy and ONNX Runtime, and
nothing of raynas.
"""

from __future__ import annotations

import json
import sys
import time

__all__ = ["main"]


def main(model: str, inputs: str, warm_up: str, repeats: str) -> None:
    """Print one line: ``latency`` has the seconds of each run, ``peak_memory_bytes`` the most."""
    import numpy as np
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    with np.load(inputs) as arrays:
        feed = {one.name: arrays[str(i)] for i, one in enumerate(session.get_inputs())}
    for _ in range(int(warm_up)):
        session.run(None, feed)
    seconds = []
    for _ in range(int(repeats)):
        start = time.perf_counter()
        session.run(None, feed)
        seconds.append(time.perf_counter() - start)
    print(json.dumps({"latency": seconds, **_memory()}))  # noqa: T201 - what it is for


def _memory() -> dict[str, float]:
    """The most memory of this process; nothing where the system does not say."""
    try:
        with open("/proc/self/status", encoding="ascii") as status:
            most = next(line.split()[1] for line in status if line.startswith("VmHWM:"))
    except (OSError, StopIteration):
        return {}
    return {"peak_memory_bytes": float(most) * 1024}


if __name__ == "__main__":
    main(*sys.argv[1:])
