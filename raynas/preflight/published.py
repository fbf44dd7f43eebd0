"""A published figure beside a baseline's: whether it is reproduced."""

from __future__ import annotations

from dataclasses import dataclass

from raynas.errors import ConfigurationError
from raynas.preflight.baseline import Baseline

__all__ = ["Published", "compared"]


@dataclass(frozen=True)
class Published:
    """A figure that others report for the baseline.

    Attributes:
        value: The figure, in the unit of the search's metric.
        source: Publication that the figure is from.

    Raises:
        ConfigurationError: `source` is empty.
    """

    value: float
    source: str

    def __post_init__(self) -> None:
        if not self.source.strip():
            raise ConfigurationError(
                f"published={self.value:g} without a source: give --source, such as a paper and "
                "its table"
            )


def compared(found: Baseline, published: Published) -> tuple[bool | None, str]:
    """Whether the full training reproduces a published figure, and the same in words.

    None where the full training has no value. It does where it is no worse by more than the noise.
    """
    full = found.full.best
    if full is None:
        return None, f"the full training has no value to compare with {published.source}"
    sign = 1.0 if found.mode == "max" else -1.0
    gap = sign * (full - published.value)
    figures = f"{full:.4g} against {published.value:.4g} in {published.source}"
    noise = f"noise {found.noise:.2g}"
    if gap >= -found.noise:
        better = " and more" if gap > found.noise else ""
        return True, f"the published figure is reproduced{better}: {figures} ({noise})"
    return False, (
        f"the published figure is not reproduced: {figures} ({noise}). Look for what differs "
        "(steps, data, augmentation, schedule) before the search, which would start from a weaker "
        "network"
    )
