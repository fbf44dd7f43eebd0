from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent

CHECKS = """
assert best.reward > 1
print("every block ran")
"""


def test_the_python_of_the_readme_runs(tmp_path: Path) -> None:
    """All its blocks but those marked no-run, one after another as one script."""
    blocks = re.findall(r"^```python\n(.*?)^```", (ROOT / "README.md").read_text(), re.M | re.S)
    assert blocks
    script = tmp_path / "readme.py"
    script.write_text("\n".join([*blocks, CHECKS]))
    done = subprocess.run([sys.executable, script], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.rstrip().endswith("every block ran")


def test_the_readme_is_short() -> None:
    assert (ROOT / "README.md").read_text().count("\n") < 120


def test_the_commands_of_the_readme_exist() -> None:
    readme = (ROOT / "README.md").read_text()
    for command in ("scripts/quickstart", "scripts/check"):
        assert f"```\n{command}\n```" in readme
        assert (ROOT / command).stat().st_mode & 0o111
    assert "scripts/check" in (ROOT / ".ci" / "run").read_text()
