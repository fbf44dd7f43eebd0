"""Exports every search file of a folder, each in a fork of this process.

Run as ``python export_corpus.py CORPUS OUT``. Of each file it takes one architecture, makes weights
for it as a full training would leave them, exports it, and has the export rerun by `serve.py`. What
came of it is in ``OUT/NAME.json``.
"""

import gc
import json
import os
import random
import subprocess
import sys
import traceback
from pathlib import Path

import numpy as np
import pytorch_lightning  # noqa: F401 - so that no fork has to
import serve
import torch

import raynas.tune.run  # noqa: F401 - likewise
from raynas.cli.search_file import load_search
from raynas.errors import RaynasError
from raynas.export import fresh_process as fresh
from raynas.export import write_export
from raynas.full_training import Best
from raynas.tasks.weights import save_weights

torch.set_num_threads(1)
ROWS = 3


class Server:
    """The process that `serve.py` runs in."""

    def __init__(self):
        command = [sys.executable, "-I", serve.__file__, fresh.__file__]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        self.process = subprocess.Popen(command, cwd="/", text=True, **pipes)

    def ask(self, word, place):
        self.process.stdin.write(f"{word} {place}\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline() == "done\n"
        return ""


def best_of(search, architecture, folder):
    """As a full training leaves it, with weights that differ from fresh ones."""
    weights = folder / "trained.safetensors"
    torch.manual_seed(3)
    best = Best(search, architecture, 1.0, 2, 0, 0, weights)
    _, module = best.build()
    with torch.no_grad():
        for parameter in module.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
    save_weights(module, weights)
    return best


def asked(best, folder):
    """Inputs that the export did not see, and what the search's network makes of them."""
    made = {"inputs": [], "outputs": []}
    for seed, mode in ((11, "eval"), (12, "eval"), (13, "train")):
        generator = torch.Generator().manual_seed(seed)
        inputs = [torch.randn(ROWS, 4, generator=generator, dtype=torch.float32)]
        network = best.load().train(mode == "train")
        random.seed(7)
        np.random.seed(7)
        torch.manual_seed(7)
        with torch.no_grad():
            made["outputs"].append(serve.leaves(network(*inputs)))
        made["inputs"].append([mode, inputs])
    made["state"] = dict(network.state_dict())
    torch.save(made, folder / "asked.pt")


def export(path, out, server):
    """Export one file; what came of it."""
    folder = out / path.stem
    folder.mkdir()
    search, _ = load_search(str(path))
    architecture = search.space.sample(np.random.default_rng(1))
    try:
        best = best_of(search, architecture, out)
        run = lambda job: server.ask("check", job)  # noqa: E731
        made = write_export(best, folder, ("weights",), run=run)
    except RaynasError as error:
        return {"error": str(error), "files": sorted(p.name for p in folder.iterdir())}
    if "code" in made.files and "weights" in made.files:
        asked(best, folder)
        server.ask("rerun", folder)
    return {
        "files": sorted(p.name for p in folder.iterdir()),
        "left_out": made.left_out,
        "missing": made.missing,
        "remarks": made.remarks,
    }


def main():
    """Export all files, each in a fork, so that what one changes no other one sees."""
    corpus, out = Path(sys.argv[1]), Path(sys.argv[2])
    server = Server()
    os.environ["CORPUS_GAIN"] = "4.0"
    gc.freeze()  # or each fork copies the objects of all imports that a collection looks at
    for path in sorted(corpus.glob("*.py")):
        if "search = " not in path.read_text():
            continue
        child = os.fork()
        if not child:
            try:
                found = export(path, out, server)
            except BaseException:
                found = {"crash": traceback.format_exc()}
            (out / f"{path.stem}.json").write_text(json.dumps(found))
            os._exit(0)
        os.waitpid(child, 0)


if __name__ == "__main__":
    main()
