"""The `raynas` command: one file a subcommand."""

import sys

import typer

from raynas.cli.baseline import baseline
from raynas.cli.check import check
from raynas.cli.dashboard import dashboard
from raynas.cli.data import data
from raynas.cli.export import export
from raynas.cli.plan import plan
from raynas.cli.profile import profile
from raynas.cli.proxy import proxy
from raynas.cli.refine import refine
from raynas.cli.repair import repair
from raynas.cli.report import report
from raynas.cli.search import search
from raynas.cli.speed import speed
from raynas.cli.status import status
from raynas.cli.submit import stop, submit
from raynas.cli.terminal import complain
from raynas.cli.train import train
from raynas.cli.trial import trial
from raynas.cli.watch import watch
from raynas.errors import RaynasError

__all__ = ["app", "main"]

app = typer.Typer(
    name="raynas",
    help="Neural architecture search on Ray Tune and PyTorch Lightning.",
    epilog="A FILE is a Python file with a line `search = raynas.Search(...)`. Start with "
    "`raynas search FILE`.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(check)
app.command()(profile)
app.command()(data)
app.command()(baseline)
app.command()(speed)
app.command()(plan)
app.add_typer(proxy, name="proxy")
app.command()(search)
app.command()(report)
app.command()(watch)
app.command()(dashboard)
app.command()(submit)
app.command()(stop)
app.command()(train)
app.command()(export)
app.command()(refine)
app.command()(status)
app.command()(trial)
app.command()(repair)


def main() -> None:
    """Run the command line; what a user got wrong is one line on stderr and exit code 2."""
    try:
        app()
    except RaynasError as error:
        complain(str(error))
        sys.exit(2)
    except OSError as error:
        complain(f"{error}; put that right and run the same command again")
        sys.exit(2)
