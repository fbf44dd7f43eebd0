"""What `raynas speed` measures, as a value that is kept in the search's folder."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from raynas.analysis.saved_results import load, save
from raynas.preflight.loader_speed import Loading
from raynas.preflight.recommendations import Sharing, best_loading
from raynas.preflight.setting_gains import SettingGain
from raynas.preflight.step_time import Timing
from raynas.preflight.trial_start import TrialStart

__all__ = ["Speed", "read_speed"]

_FILE = "speed.json"


@dataclass(frozen=True)
class Speed:
    """What was measured, and what follows.

    Attributes:
        device: The GPU's name, or how many cores of the CPU.
        gpu: Whether it is a GPU.
        precision: Precision of the trainings, unless another is stated.
        batch: Examples a step that the search file's data module gives.
        examples: Examples in an epoch of stage 1; None if unknown.
        timings: Timings of each architecture, ``"baseline"``, ``"median"`` and ``"largest"``, with
            doubled batch sizes.
        own: Timing of each architecture with the data module's batch size.
        ended: Why the doubling ended, by architecture.
        precisions: Timings of the baseline with each precision.
        compiled: Timing of the baseline through `torch.compile`; None where it was not tried.
        loadings: Timings of the data loader with various numbers of workers.
        workers: What the data module's loader has.
        recommended: Batch size; None where no size fits for all architectures.
        sharing: How many trials should share a device; None where it was not measured.
        bottleneck: What holds training up, in words.
        norms: Batch normalization layers in the baseline.
        skipped: What was not measured, as time was up.
        load: Processes that wanted a core of this machine when it began, for each core that it
            has; None if unknown. Times are not to be trusted where it is above a half.
        settings: Gains of settings that should change speed only, with the batch size as it is.
        starts: A trial's start and memory by the GPUs that it reserves.
    """

    device: str
    gpu: bool
    precision: str
    batch: int
    examples: int | None
    timings: dict[str, tuple[Timing, ...]]
    own: dict[str, Timing]
    ended: dict[str, str]
    precisions: dict[str, Timing]
    compiled: Timing | None
    loadings: tuple[Loading, ...]
    workers: int
    recommended: int | None
    sharing: Sharing | None
    bottleneck: str
    norms: int
    skipped: tuple[str, ...]
    load: float | None = None
    settings: tuple[SettingGain, ...] = ()
    starts: tuple[TrialStart, ...] = ()

    @property
    def loading(self) -> Loading | None:
        """The loader to use with the recommended batch."""
        step = self.step(self.recommended)
        return None if step is None else best_loading(self.loadings, step)

    def step(self, batch: int | None) -> float | None:
        """Seconds of the baseline's step with `batch` examples; None where it was not measured."""
        first = next(iter(self.timings.values()), ())
        found = next((t for t in first if t.batch == batch and t.seconds), None)
        return None if found is None else found.seconds

    def save(self, folder: Path) -> None:
        """Write all of it to ``speed.json`` in `folder`."""
        save(asdict(self), folder / _FILE)


def read_speed(folder: Path) -> dict[str, Any] | None:
    """What `Speed.save` wrote to `folder`, as plain data; None where there is no such thing."""
    return load(folder / _FILE)
