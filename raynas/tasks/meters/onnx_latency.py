"""Latency of a network as ONNX Runtime runs it, which is how many are deployed."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from raynas.arguments import checked
from raynas.errors import TaskError
from raynas.tasks.meters.latency import timed
from raynas.tasks.meters.meter import Meter, Subject
from raynas.tasks.meters.profile import deployed_on

if TYPE_CHECKING:
    from torch import Tensor, nn

__all__ = ["OnnxLatencyMeter"]


@checked
@dataclass(frozen=True)
class OnnxLatencyMeter(Meter):
    """``onnx_latency_p50`` and the other figures of `LatencyMeter`, of runs in ONNX Runtime.

    The network is exported by `torch.onnx`, for a batch of fixed size. Timed as `LatencyMeter`
    times. Needs the extra ``raynas[onnx]``.

    Args:
        batch: Examples in a run.
        threads: Threads of an operation.
        provider: Execution provider of ONNX Runtime, such as ``"CUDAExecutionProvider"``.

    Raises:
        TaskError: `batch` or `threads` is below 1; when measuring, the extra or the provider is
            not installed.
    """

    batch: int = 1
    threads: int = 1
    provider: str = "CPUExecutionProvider"

    def __post_init__(self) -> None:
        for name, value in (("batch", self.batch), ("threads", self.threads)):
            if value < 1:
                raise TaskError(f"{name}={value}: must be at least 1")

    def measure(self, subject: Subject) -> Mapping[str, float]:
        """See `Meter.measure`."""
        network = deployed_on(subject.architecture, subject.build, "cpu")
        inputs = subject.batch(self.batch)
        if not all(hasattr(value, "is_meta") for value in inputs):
            raise TaskError("OnnxLatencyMeter takes networks of tensors: the example has others")
        with tempfile.TemporaryDirectory(prefix="raynas-onnx-") as folder:
            session = self._session(network, inputs, Path(folder, "network.onnx"))
            names = [one.name for one in session.get_inputs()]
            feed = {name: one.numpy() for name, one in zip(names, inputs, strict=True)}
            found = timed(lambda: session.run(None, feed), self.provider)
        return found.metrics("onnx_")

    def _session(self, network: nn.Module, inputs: tuple[Tensor, ...], path: Path) -> Any:
        import torch

        try:
            import onnxruntime
            import onnxscript  # noqa: F401 - torch.onnx imports it late and explains less
        except ImportError as error:
            raise TaskError(
                f"OnnxLatencyMeter needs {error.name}: pip install 'raynas[onnx]'"
            ) from error
        if self.provider not in onnxruntime.get_available_providers():
            have = ", ".join(onnxruntime.get_available_providers())
            raise TaskError(f"provider={self.provider!r}: ONNX Runtime here has {have}")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # which are the exporter's own, of torch's insides
            torch.onnx.export(network, inputs, path, dynamo=True, verbose=False)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self.threads
        session = onnxruntime.InferenceSession(path, options, providers=[self.provider])
        if self.provider not in session.get_providers():  # it only logs why, and uses the CPU
            raise TaskError(
                f"provider={self.provider!r}: ONNX Runtime cannot load it here and would run on "
                f"{', '.join(session.get_providers())}; its log above names the missing library"
            )
        return session
