"""What a worker imports of Ray, with garbage collected rarely: its start takes a tenth less CPU."""

from raynas.garbage import importing

with importing():
    from ray import tune
    from ray.train._internal.session import _TrainingResult

__all__ = ["_TrainingResult", "tune"]
