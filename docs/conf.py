"""Configuration of the documentation site: `scripts/docs` builds it."""

import subprocess
import sys
from pathlib import Path

import raynas

DOCS = Path(__file__).parent

project = "raynas"
author = "the raynas authors"
project_copyright = "the raynas authors"
release = version = raynas.__version__

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
    "sphinx_design",
]
exclude_patterns = ["_build"]
templates_path = ["_templates"]

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

# The tutorials are notebooks; `scripts/docs` executes them, and the quick build shows their code.
nb_execution_mode = "off"
nb_execution_timeout = 600
nb_execution_raise_on_error = True
nb_execution_show_tb = True
nb_merge_streams = True
nb_output_stderr = "remove"
nb_execution_in_temp = True

default_role = "code"
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_default_options = {"members": True}
maximum_signature_line_length = 80
autosummary_generate = True
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True

html_theme = "furo"
html_title = "raynas"
html_static_path = ["_static"]
html_css_files = ["raynas.css"]
html_theme_options = {"navigation_with_keys": True, "top_of_page_buttons": []}
copybutton_exclude = ".linenos, .gp, .go"


def write_command_line_reference(_: object) -> None:
    """Write the page of every command and option, from the help texts."""
    target = DOCS / "reference" / "generated" / "commands.md"
    target.parent.mkdir(exist_ok=True)
    command = ["-m", "typer", "raynas.cli", "utils", "docs", "--name", "raynas"]
    title = ["--title", "Command line", "--output", str(target)]
    subprocess.run([sys.executable, *command, *title], check=True, capture_output=True)  # noqa: S603


def setup(app: object) -> None:
    """Called by Sphinx."""
    app.connect("builder-inited", write_command_line_reference)  # type: ignore[attr-defined]
