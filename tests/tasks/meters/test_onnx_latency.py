"""Latency in ONNX Runtime, where it is installed."""

from __future__ import annotations

import sys

import pytest
import torch

from raynas.errors import TaskError
from raynas.space import integer, searchable
from raynas.tasks.meters.meter import Subject
from raynas.tasks.meters.onnx_latency import OnnxLatencyMeter


@searchable
class Net:
    width: int = integer(1, 64)

    def build(self) -> torch.nn.Module:
        return torch.nn.Sequential(torch.nn.Linear(4, self.width), torch.nn.ReLU())


SUBJECT = Subject(Net(8), torch.zeros(1, 4))


def test_a_network_is_timed_in_onnx_runtime() -> None:
    pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    found = OnnxLatencyMeter(batch=3).measure(SUBJECT)
    assert 0 < found["onnx_latency_p50"] <= found["onnx_latency_p90"] <= found["onnx_latency_p99"]


def test_a_provider_that_cannot_be_loaded_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """ONNX Runtime would run on the CPU instead, and the figures would be the CPU's."""
    onnxruntime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    monkeypatch.setattr(
        onnxruntime, "get_available_providers", lambda: ["CUDAExecutionProvider", "CPUExe"]
    )
    make = onnxruntime.InferenceSession
    monkeypatch.setattr(
        onnxruntime,
        "InferenceSession",
        lambda path, options, providers: make(path, options, providers=["CPUExecutionProvider"]),
    )
    with pytest.raises(
        TaskError,
        match=r"provider='CUDAExecutionProvider': ONNX Runtime cannot load it here and would run "
        r"on CPUExecutionProvider; its log above",
    ):
        OnnxLatencyMeter(provider="CUDAExecutionProvider").measure(SUBJECT)


def test_a_provider_that_is_not_there_is_refused() -> None:
    pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    with pytest.raises(
        TaskError, match=r"provider='Toaster': ONNX Runtime here has .*CPUExecutionP"
    ):
        OnnxLatencyMeter(provider="Toaster").measure(SUBJECT)


def test_without_the_extra_the_error_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(TaskError, match=r"needs onnxruntime: pip install 'raynas\[onnx\]'"):
        OnnxLatencyMeter().measure(SUBJECT)
    with pytest.raises(TaskError, match="threads=0: must be at least 1"):
        OnnxLatencyMeter(threads=0)
