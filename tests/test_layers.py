from __future__ import annotations

from importlinter import cli


def test_no_module_imports_against_the_layers() -> None:
    """The contracts stand in pyproject.toml under tool.importlinter."""
    assert cli.lint_imports(no_cache=True) == cli.EXIT_STATUS_SUCCESS
