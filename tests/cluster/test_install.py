"""cluster/install.sh on a machine made of stand-ins for what it calls."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parent.parent.parent / "cluster" / "install.sh"
PYTHON = """#!/bin/sh
case "$*" in
    *pip*) echo "$*" >> "$HOME/installed" ;;
    *is_available*) exit {missing} ;;
    *version.cuda*) echo 13.0 ;;
esac
"""
DRIVER = """#!/bin/sh
case "$*" in *driver_version*) echo 550.54 ;; esac
exit {missing}
"""


def install(folder: Path, *, gpu: bool, works: bool) -> subprocess.CompletedProcess[str]:
    """Run it where Ray is installed already, as in Ray's container images."""
    programs = {
        "ray": "#!/bin/sh\n",
        "python": PYTHON.format(missing=int(not works)),
        "nvidia-smi": DRIVER.format(missing=int(not gpu)),
    }
    for name, text in programs.items():
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    return subprocess.run(
        ["/bin/sh", str(SCRIPT), "cluster,postgresql"],
        env={"PATH": f"{folder}:/usr/bin:/bin", "HOME": str(folder)},
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize(("gpu", "works"), [(False, False), (True, True)])
def test_a_machine_whose_gpu_works_or_that_has_none_is_set_up(
    tmp_path: Path, gpu: bool, works: bool
) -> None:
    ended = install(tmp_path, gpu=gpu, works=works)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "[cluster,postgresql]" in (tmp_path / "installed").read_text()


def test_a_driver_that_is_too_old_for_torch_ends_the_launch(tmp_path: Path) -> None:
    ended = install(tmp_path, gpu=True, works=False)
    assert ended.returncode == 2
    assert "its build for CUDA 13.0 does not work with NVIDIA's driver 550.54; use" in ended.stderr
