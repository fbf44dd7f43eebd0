"""Spoken digits: accuracy against latency, within a bound on parameters where one is given.

``RAYNAS_DATA`` names the folder of the data, see `speech.py`; ``SPEECH_PARAMETERS`` the bound.
"""

import os

from classifier import Classifier
from speech import SpeechNet, SpokenDigits

import raynas as nas

BOUND = os.environ.get("SPEECH_PARAMETERS")

search = nas.Search(
    space=SpeechNet,
    task=nas.meters.Measured(
        nas.LightningTask(Classifier, SpokenDigits, "accuracy", max_steps=50),
        nas.meters.CostMeter(),
        nas.meters.LatencyMeter(),
        bounds=[nas.rewards.AtMost("parameters", float(BOUND))] if BOUND else [],
    ),
    full=nas.LightningTask(Classifier, SpokenDigits, "accuracy", max_steps=300, validation="own"),
    reward=nas.rewards.Pareto(
        nas.rewards.Metric("accuracy"), nas.rewards.Metric("latency_p50", "min")
    ),
    resources=nas.Resources(cpu=1),
    limits=nas.Limits(trials=24, parallel=1),
    name="bounded" if BOUND else "free",
)
