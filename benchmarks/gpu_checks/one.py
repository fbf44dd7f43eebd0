"""The process of one check; see `gpu_checks.runner.run_here`."""

import json
import sys
from pathlib import Path

import gpu_checks.every  # noqa: F401 - registers the checks
from gpu_checks.check import Place
from gpu_checks.runner import work

if __name__ == "__main__":
    name, place, rows = sys.argv[1:]
    work(name, Place(**json.loads(place)), Path(rows))
