"""`scripts/check-gpu`: see every claim about GPUs once, in under ten minutes.

Prints a row for each claim as it is known, then the table. Writes check-gpu.json after each check,
and at the end check-gpu.md and check-gpu.log. The exit code is 1 where a claim failed or was not
looked at.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

_ROOT = Path(__file__).parents[2]


def main() -> int:
    """What the command does; its exit code."""
    arguments = _arguments()
    if arguments.pack is not None or arguments.unpack is not None:
        return _carry(arguments)
    from gpu_checks.check import CHECKS
    from gpu_checks.every import ORDER

    if arguments.list:
        for check in map(CHECKS.__getitem__, ORDER):
            print(f"{check.name} (at most {check.seconds:g} s)")
            for claim, promise in check.claims.items():
                print(f"  {claim}: {promise}")
        return 0
    unknown = set(arguments.only or ()) - CHECKS.keys()
    if unknown:
        print(f"--only {', '.join(sorted(unknown))}: use {', '.join(ORDER)}", file=sys.stderr)
        return 2
    return _run(arguments, [name for name in ORDER if name in (arguments.only or ORDER)])


def _run(arguments: argparse.Namespace, names: list[str]) -> int:
    import torch

    from gpu_checks.runner import Results, run_all
    from gpu_checks.table import machine_text, table

    if not arguments.stand_in and not torch.cuda.is_available():
        print(
            f"torch {torch.__version__} (CUDA {torch.version.cuda}) finds no GPU here: see "
            "`nvidia-smi`, or give --stand-in to check the logic on the CPU",
            file=sys.stderr,
        )
        return 2
    arguments.out.mkdir(parents=True, exist_ok=True)
    until = time.monotonic() + 60 * arguments.minutes
    results = Results(arguments.out / "check-gpu.json", arguments.stand_in)
    log = arguments.out / "check-gpu.log"
    log.write_text("")
    print(machine_text(results.content), flush=True)
    run_all(
        names,
        results,
        log,
        gpu=not arguments.stand_in,
        until=until,
        say=lambda words: print(words, flush=True),
    )
    text = f"{machine_text(results.content)}\n\n{table(results.content)}\n"
    (arguments.out / "check-gpu.md").write_text(text)
    print(f"\n{text}")
    return 1 if results.failed() else 0


def _carry(arguments: argparse.Namespace) -> int:
    from gpu_checks.wheels import MISSING, pack, unpack

    if arguments.pack is not None:
        found = pack(
            arguments.pack,
            _ROOT / "constraints.txt",
            tuple(arguments.packages or MISSING),
            arguments.python,
            arguments.piece_mib,
        )
        print(f"{len(found['pieces'])} pieces in {arguments.pack}: {', '.join(found['packages'])}")
        return 0
    folder, site = arguments.unpack
    try:
        bad = unpack(folder, site)
    except (ValueError, OSError) as error:
        print(f"--unpack {folder}: {error}", file=sys.stderr)
        return 2
    if bad:
        print(f"--unpack {folder}: missing or damaged: {', '.join(bad)}", file=sys.stderr)
        return 1
    print(f"unpacked to {site}; have it in PYTHONPATH")
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="check-gpu", description=__doc__)
    parser.add_argument("--stand-in", action="store_true", help="simulate a GPU on the CPU")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="checks to run")
    parser.add_argument("--list", action="store_true", help="show the checks and their claims")
    parser.add_argument("--minutes", type=float, default=9.5, help="when to end (default 9.5)")
    parser.add_argument("--out", type=Path, default=Path("check-gpu"), help="folder of the results")
    parser.add_argument("--pack", type=Path, metavar="FOLDER", help="pack wheels in pieces")
    parser.add_argument("--packages", nargs="+", help="what to pack; by default what is missing")
    parser.add_argument("--python", default="3.12", help="Python of the other machine")
    parser.add_argument("--piece-mib", type=float, default=50.0, help="size of a piece")
    parser.add_argument(
        "--unpack", type=Path, nargs=2, metavar=("FOLDER", "SITE"), help="install from pieces"
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
