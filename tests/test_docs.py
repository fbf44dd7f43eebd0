from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

DOCS = sorted((Path(__file__).parent.parent / "docs").glob("*.md"))
ON_RAY = [page for page in DOCS if "from ray import" in page.read_text()]


@pytest.mark.parametrize("page", sorted({*DOCS} - {*ON_RAY}), ids=lambda page: page.stem)
def test_the_python_of_a_page_runs(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All its blocks, one after another in one module."""
    text = page.read_text()
    module = ModuleType(f"page_{page.stem}")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    blocks = list(re.finditer(r"^```python\n(.*?)^```", text, re.M | re.S))
    assert blocks
    for block in blocks:
        line = text[: block.start(1)].count("\n")
        code = compile("\n" * line + block[1], page, "exec")
        exec(code, vars(module))  # noqa: S102 - the page is ours


@pytest.mark.parametrize("page", ON_RAY, ids=lambda page: page.stem)
def test_the_python_of_a_page_on_ray_runs(page: Path, tmp_path: Path) -> None:
    """All its blocks as one script, whose functions Ray can ship to its workers."""
    blocks = re.findall(r"^```python\n(.*?)^```", page.read_text(), re.M | re.S)
    assert blocks
    script = tmp_path / "page.py"
    start = "import ray\nray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)\n"
    script.write_text(start + "\n".join(blocks))
    run = subprocess.run(
        [sys.executable, str(script)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env={**os.environ, "HOME": str(tmp_path)},
    )
    assert run.returncode == 0, run.stderr[-3000:]
