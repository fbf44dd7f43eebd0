"""Carry packages to a machine without a network, in pieces under a size limit.

`pack` installs wheels for another Python into a folder, leaves out what no search needs, compresses
the rest, and cuts it into pieces with a manifest. `unpack` proves the pieces by their digests,
joins them and extracts. Pieces may arrive in several calls: those that lie there already count.
"""

from __future__ import annotations

import compileall
import hashlib
import json
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Any

__all__ = ["MISSING", "pack", "unpack"]

MISSING = (
    "ray",
    "optuna",
    "plotly",
    "rpds-py",
    "sqlalchemy",
    "alembic",
    "colorlog",
    "Mako",
    "jsonschema",
    "jsonschema-specifications",
    "referencing",
    "tensorboardX",
    "pydantic",
    "pydantic_core",
    "annotated-types",
    "typing-inspection",
)
"""What raynas needs and a machine with torch, Lightning, pandas, SciPy and scikit-learn lacks."""

_LEFT_OUT = ("ray/jars", "ray/rllib", "ray/llm", "ray/dashboard/client", "ray/cpp", "share", "bin")
_GLIBC = (5, 12, 17, 24, 27, 28, 31, 34)
_MANIFEST = "manifest.json"
_MIB = 2**20


def pack(
    folder: Path, constraints: Path, packages: tuple[str, ...], python: str, piece_mib: float
) -> dict[str, Any]:
    """Fill `folder` with pieces and a manifest, which is returned."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in (*folder.glob("piece-*"), folder / _MANIFEST):
        old.unlink(missing_ok=True)
    versions = _versions(constraints)
    wanted = [f"{name}=={versions[name.lower().replace('_', '-')]}" for name in packages]
    with tempfile.TemporaryDirectory() as temporary:
        site = Path(temporary, "site")
        _install(wanted, site, python)
        for name in _LEFT_OUT:
            shutil.rmtree(site / name, ignore_errors=True)
        archive = Path(temporary, "site.tar.xz")
        with tarfile.open(archive, "w:xz", preset=4) as file:
            file.add(site, ".")
        pieces = _cut(archive, folder, int(piece_mib * _MIB))
    manifest = {"python": python, "packages": wanted, "pieces": pieces}
    (folder / _MANIFEST).write_text(json.dumps(manifest, indent=1))
    return manifest


def unpack(folder: Path, site: Path) -> list[str]:
    """Extract the pieces in `folder` to `site`.

    Returns:
        The names of pieces that are missing or damaged; then nothing is extracted.

    Raises:
        ValueError: The pieces are for another version of Python.
    """
    manifest = json.loads((folder / _MANIFEST).read_text())
    here = f"{sys.version_info[0]}.{sys.version_info[1]}"
    if manifest["python"] != here:
        raise ValueError(
            f"the pieces are for Python {manifest['python']}, and this is {here}: pack them anew "
            f"with --python {here}"
        )
    pieces: dict[str, str] = manifest["pieces"]
    bad = [name for name, digest in pieces.items() if _digest(folder / name) != digest]
    if bad:
        return bad
    with tempfile.TemporaryFile() as joined:
        for name in pieces:
            with (folder / name).open("rb") as piece:
                shutil.copyfileobj(piece, joined)
        joined.seek(0)
        with tarfile.open(fileobj=joined, mode="r:xz") as file:
            file.extractall(site, filter="data")
    # Ray gives each of its processes 15 s to start, too little to compile what it imports as well.
    compileall.compile_dir(site, quiet=2, workers=0)
    return []


def _versions(constraints: Path) -> dict[str, str]:
    """The pinned version of each package, by its name in small letters and with hyphens."""
    pins = re.findall(r"^([\w.-]+)==(\S+)$", constraints.read_text(), re.M)
    return {name.lower().replace("_", "-"): version for name, version in pins}


def _install(wanted: list[str], site: Path, python: str) -> None:
    platforms = [f"manylinux_2_{minor}_x86_64" for minor in _GLIBC]
    platforms += ["manylinux2014_x86_64", "manylinux1_x86_64"]
    subprocess.run(
        [
            *(sys.executable, "-m", "pip", "install", "--quiet", "--no-compile", "--no-deps"),
            *("--only-binary=:all:", "--implementation", "cp", "--python-version", python),
            *(argument for platform in platforms for argument in ("--platform", platform)),
            *("--target", str(site), *wanted),
        ],
        check=True,
    )


def _cut(archive: Path, folder: Path, size: int) -> dict[str, str]:
    """Write `archive` to `folder` in pieces of `size` bytes; the digest of each."""
    digests = {}
    with archive.open("rb") as file:
        while part := file.read(size):
            path = folder / f"piece-{len(digests):02d}"
            path.write_bytes(part)
            digests[path.name] = hashlib.sha256(part).hexdigest()
    return digests


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
