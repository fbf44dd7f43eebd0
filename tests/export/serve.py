"""A fresh process that forks for each request, so that one import of torch serves many.

Run as ``python -I serve.py FRESH``. Reads a line a request: ``check JOB`` does what
``python -I FRESH JOB`` would; ``rerun FOLDER`` uses an export as its user would, and writes what
the network computes. Each runs in a fork of this process, which imports nothing but libraries.
"""

import gc
import importlib.util
import os
import random
import sys
import traceback

import numpy
import pytorch_lightning  # noqa: F401 - so that no fork has to
import safetensors.torch  # noqa: F401
import torch

torch.set_num_threads(1)


def rerun(folder):
    """Import ``model`` from `folder`, and record what it computes from each input."""
    sys.modules["raynas"] = sys.modules["search_spaces"] = None
    sys.path.insert(0, folder)
    import model

    asked = torch.load(f"{folder}/asked.pt", weights_only=True)
    found = {"outputs": []}
    try:
        for mode, inputs in asked["inputs"]:
            network = model.load(f"{folder}/model.safetensors").train(mode == "train")
            random.seed(7)
            numpy.random.seed(7)
            torch.manual_seed(7)
            with torch.no_grad():
                found["outputs"].append(leaves(network(*inputs)))
        found["state"] = dict(network.state_dict())
    except Exception:
        found["error"] = traceback.format_exc()
    torch.save(found, f"{folder}/found.pt")


def leaves(value):
    """The tensors in a nested output."""
    if isinstance(value, torch.Tensor):
        return [value]
    if isinstance(value, dict):
        value = list(value.values())
    elif not isinstance(value, list | tuple):
        value = list(getattr(value, "__dict__", {}).values())
    return [leaf for part in value for leaf in leaves(part)]


def main():
    """Serve until the end of the input."""
    spec = importlib.util.spec_from_file_location("fresh", sys.argv[1])
    fresh = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(fresh)
    gc.freeze()  # or each fork copies the objects of all imports that a collection looks at
    for line in sys.stdin:
        word, place = line.rstrip("\n").split(" ", 1)
        child = os.fork()
        if not child:
            try:
                (fresh.main if word == "check" else rerun)(place)
            except BaseException:
                traceback.print_exc()
                os._exit(1)
            os._exit(0)
        os.waitpid(child, 0)
        sys.stdout.write("done\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
