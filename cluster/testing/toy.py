"""A search that needs no data and no GPU: `raynas search cluster/testing/toy.py`.

Where the variable TRIED names a file, each trial adds a line there with its number and host.
"""

import os
import socket
import time

import raynas as nas
from raynas.space import choice, repeat, searchable


@searchable
class Layer:
    width: int = choice(8, 16, 24, 32, 48, 64)
    kind: str = choice("a", "b", "c")


@searchable
class Net:
    layers: tuple[Layer, ...] = repeat(Layer, 1, 6)


class Tried(nas.Task):
    """A made-up reward after a made-up training."""

    def run(self, architecture: Net, context: nas.Context) -> nas.Measurement:
        """Sleep, say so, measure."""
        time.sleep(float(os.environ.get("TRIAL_SECONDS", "0")))
        tried = os.environ.get("TRIED")
        if tried:
            with open(tried, "a") as file:
                file.write(f"{context.number} {socket.gethostname()}\n")
        widths = sum(layer.width * (3 + "abc".index(layer.kind)) for layer in architecture.layers)
        return nas.Measurement({"reward": 1 - abs(widths - 500) / 500})


search = nas.Search(
    space=Net,
    task=Tried(),
    controller="random",  # what it proposes does not depend on the order in which trials end
    limits=nas.Limits(trials=80, parallel=6),
)
