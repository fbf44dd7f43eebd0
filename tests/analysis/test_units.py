"""Units: what is shown can be typed back, and a unit that a metric does not have is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raynas.analysis.units import parsed_limit, quantity
from raynas.errors import ConfigurationError


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("latency_p50", 0.00049757, "497.6 µs"),
        ("latency_p99", 0.00249, "2.49 ms"),
        ("onnx_latency_p50", 1.5, "1.5 s"),
        ("activation_bytes", 3 * 2**20, "3 MiB"),
        ("parameters", 25_100, "25.1k"),
        ("parameters", 970, "970"),
        ("flops", 2.5e9, "2.5G"),
        ("val/acc", 0.95312345, "0.95312"),
        ("latency_ms", 2.5, "2.5"),
        ("val/loss", float("nan"), "nan"),
    ],
)
def test_a_value_is_shown_in_the_unit_of_its_metric(name: str, value: float, shown: str) -> None:
    assert quantity(name, value) == shown


@given(
    st.sampled_from(["latency_p50", "parameters", "peak_memory_bytes", "acc"]),
    st.floats(1e-8, 1e12),
)
def test_what_is_shown_can_be_typed(name: str, value: float) -> None:
    shown = quantity(name, value).replace(",", "")
    assert parsed_limit(f"{name}={shown}") == (name, pytest.approx(value, rel=1e-3))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("latency_p50", "give a metric and a number"),
        ("latency_p50=2 parsecs", "'parsecs' is no unit of latency_p50; use one of s, ms"),
        ("parameters=2ms", "'ms' is no unit of parameters; use one of k, M"),
        ("latency_p50=fast", "give a metric and a number"),
    ],
)
def test_other_texts_are_refused(text: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        parsed_limit(text)
