"""The `raynas` command: one file a subcommand, imported when it runs."""

from __future__ import annotations

import sys
import warnings
from importlib import import_module
from typing import Annotated

import typer

from raynas.cli.lazy import LazyGroup
from raynas.cli.terminal import complain
from raynas.errors import RaynasError
from raynas.garbage import importing

__all__ = ["app", "main"]

app = typer.Typer(
    name="raynas",
    cls=LazyGroup,
    help="Neural architecture search on Ray Tune and PyTorch Lightning.",
    epilog="A FILE is a Python file with a line `search = raynas.Search(...)`. Start with "
    "`raynas new`, or with `raynas search FILE` if you have one.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(asked: bool) -> None:
    if asked:
        typer.echo(f"raynas {import_module('raynas').__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_show_version, is_eager=True, help="Show the version and exit."
        ),
    ] = False,
) -> None:
    del version


def main() -> None:
    """Run the command line; what a user got wrong is one line on stderr and exit code 2."""
    if not sys.warnoptions:  # Python hides these but for scripts that are run themselves
        warnings.filterwarnings("default", r"raynas\.", DeprecationWarning)
    try:
        with importing():
            app(prog_name="raynas")
    except RaynasError as error:
        complain(str(error))
        sys.exit(2)
    except OSError as error:
        complain(f"{error}; fix this, then run the command again")
        sys.exit(2)
