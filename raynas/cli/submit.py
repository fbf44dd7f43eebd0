"""`raynas submit` and `raynas stop`: a search on a cluster, from a machine that may leave."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from raynas.cli.search import AgainOption, KeepOption, UntilOption
from raynas.cli.search_file import Target, load_chain, load_search
from raynas.cli.terminal import say
from raynas.errors import ConfigurationError
from raynas.redaction import scrubbed

if TYPE_CHECKING:
    from raynas.search import Search

__all__ = ["stop", "submit"]

_HOME = '"$HOME/raynas-results"'
Cluster = Annotated[
    str,
    typer.Option(
        help="Use the cluster whose dashboard is at this HOST:PORT, or that `ray up` launched "
        "from this YAML file."
    ),
]
Name = Annotated[
    str | None, typer.Option(help="Use the search of this name; by default that of FILE.")
]


def submit(
    file: Target,
    cluster: Cluster,
    trials: Annotated[
        int | None, typer.Option(help="End the search after this many trials.")
    ] = None,
    parallel: Annotated[
        int | None, typer.Option(help="Run this many trials at a time; by default as many as fit.")
    ] = None,
    name: Name = None,
    store: Annotated[
        str | None,
        typer.Option(
            help="Keep the trials in this database; by default the cluster's RAYNAS_STORE."
        ),
    ] = None,
    env: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=VALUE", help="Set this environment variable for the search. Repeatable."
        ),
    ] = None,
    requirements: Annotated[
        Path | None, typer.Option(help="Install the packages of this requirements file first.")
    ] = None,
    keep: KeepOption = None,
    again: AgainOption = False,
    until: UntilOption = None,
    detach: Annotated[
        bool, typer.Option("--detach", help="Return at once instead of following the search.")
    ] = False,
) -> None:
    """Run a search on a cluster, and follow it; a search that runs there already is only followed.

    What git would commit of the current folder goes to the cluster, and `raynas search` runs in
    its copy; files that may hold secrets, such as .env, stay here. Ctrl-C, or a laptop that is
    closed, ends the following and not the search.
    """
    from raynas.cli.check import warn_of_errors
    from raynas.tune.job_package import package_of
    from raynas.tune.jobs import Job, jobs_at

    found, name = _checked(file, name)
    warn_of_errors(found, file)
    folder, target = _shipped(file)
    needed = target.partition(":")[0]
    package = package_of(folder, needed if needed.endswith(".py") else None)
    options = {"trials": trials, "parallel": parallel}
    given = [f"--{key}={value}" for key, value in options.items() if value is not None]
    given += [f"--keep={group}" for group in keep or ()]
    given += [f"--until={rule}" for rule in until or ()]
    given += ["--again"] if again else []
    words = ["raynas", "search", target, f"--name={name}", *given]
    job = Job(
        search=name,
        command=f"{shlex.join(words)} --folder {_HOME}",
        package=package,
        variables={**_variables(env or []), **({"RAYNAS_STORE": store} if store else {})},
        requirements=requirements,
    )
    shown = scrubbed(cluster)
    with jobs_at(cluster) as jobs:
        running = jobs.running(name)
        if running:
            say(f"{name} runs on {shown} already, as job {running}; following it")
        else:
            say(f"Shipping {package}")
            running = jobs.submit(job)
            say(f"{name} is job {running} on {shown}")
        if detach:
            return
        try:
            code = jobs.follow(running, lambda lines: say(lines, end=""))
        except KeyboardInterrupt:
            say(
                f"\n{name} goes on. The same command follows it again; "
                f"raynas stop {shlex.quote(file)} --cluster {shlex.quote(shown)} ends it."
            )
            return
    raise typer.Exit(code)


def stop(file: Target, cluster: Cluster, name: Name = None) -> None:
    """End a search that runs on a cluster, as Ctrl-C would: every result is kept."""
    from raynas.tune.jobs import jobs_at

    _, name = _checked(file, name)
    with jobs_at(cluster) as jobs:
        running = jobs.running(name)
        if running is None:
            raise ConfigurationError(f"no search named {name!r} runs on {cluster}")
        jobs.stop(running)
    say(f"{name} has ended; raynas submit goes on where it was.")


def _checked(file: str, name: str | None) -> tuple[Search, str]:
    """The search to check before it is sent, and the name that the results have there.

    Of stages, that is the latest one that was started here, and the name of all of them: a later
    stage is built on results that only the cluster has.
    """
    stages = load_chain(file, name)
    if stages is not None:
        chain = stages[0]
        return chain.build(chain.current).search, chain.name
    found, default_name = load_search(file, name)
    return found, name or found.name or default_name


def _shipped(file: str) -> tuple[Path, str]:
    """The folder to ship, and `file` as it is called there."""
    here = Path.cwd()
    place, colon, variable = file.partition(":")
    if not place.endswith(".py"):
        return here, file
    path = Path(place).absolute()
    folder = here if path.is_relative_to(here) else path.parent
    return folder, f"{path.relative_to(folder).as_posix()}{colon}{variable}"


def _variables(pairs: list[str]) -> dict[str, str]:
    for pair in pairs:
        if "=" not in pair or pair.startswith("="):
            raise ConfigurationError(f"env={pair!r}: must be NAME=VALUE")
    return dict(pair.split("=", 1) for pair in pairs)
