"""Subcommands that are imported when they run: `raynas --help` imports none of them."""

from __future__ import annotations

import inspect
import re
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

__all__ = ["COMMANDS", "LazyGroup"]

COMMANDS = {
    "new": ("raynas.cli.new", "Write a search file to begin with."),
    "check": ("raynas.cli.check", "Check a search file: train a few architectures for one step."),
    "profile": ("raynas.cli.profile", "Show parameters, FLOPs, memory and latency of the space."),
    "data": ("raynas.cli.data", "Check the data: sizes, balance, duplicates, the split."),
    "baseline": ("raynas.cli.baseline", "Train the baseline in full, to compare the search with."),
    "speed": ("raynas.cli.speed", "Find a fast batch size, precision and number of loaders."),
    "plan": ("raynas.cli.plan", "Predict how long a search takes and what it costs."),
    "proxy": ("raynas.cli.proxy", "Find a short training that ranks as full training does."),
    "search": ("raynas.cli.search", "Run a search, or go on with one after a stop or a crash."),
    "augment": ("raynas.cli.augment", "Search how to augment the data, for one architecture."),
    "status": ("raynas.cli.status", "Show how far a search is, and what is best so far."),
    "watch": ("raynas.cli.watch", "Watch a search in the terminal while it runs."),
    "dashboard": ("raynas.cli.dashboard", "Show a search as a live web page on this machine."),
    "report": ("raynas.cli.report", "Write the report of a search as an HTML page and tables."),
    "trial": ("raynas.cli.trial", "Show all that is known about one trial."),
    "train": ("raynas.cli.train", "Train the best architectures of a search in full."),
    "export": ("raynas.cli.export", "Write the best model as weights, code, ONNX or PyTorch."),
    "refine": ("raynas.cli.refine", "Propose the space to search next, as Python code."),
    "submit": ("raynas.cli.submit", "Run a search on a cluster, and follow it."),
    "stop": ("raynas.cli.submit", "Stop a search on a cluster and keep its results."),
    "repair": ("raynas.cli.repair", "Repair a damaged journal, keeping all that can be proved."),
}
"""Each command's module and its line in `raynas --help`, in the order shown there."""


class LazyGroup(TyperGroup):
    """A group whose commands are known by name and a sentence until one of them runs."""

    def get_params(self, ctx: Any) -> list[Any]:
        """See `click.Command.get_params`."""
        return _without_types_of_flags(super().get_params(ctx))

    def list_commands(self, ctx: Any) -> list[str]:
        """See `click.Group.list_commands`."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """A command to be listed: its name and help only."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        return TyperCommand(cmd_name, help=COMMANDS[cmd_name][1])

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """The command that `args` begins with, imported."""
        name, command, rest = super().resolve_command(ctx, args)
        return name, command if name is None else _imported(name), rest


def _imported(name: str) -> Any:
    found: Any = getattr(import_module(COMMANDS[name][0]), name)
    if not isinstance(found, typer.Typer):
        command = found
        found = typer.Typer(pretty_exceptions_enable=False, add_completion=False)
        found.command(name)(command)
    made = typer.main.get_command(found)
    made.name = name
    for each in (made, *getattr(made, "commands", {}).values()):
        _prepare_help(each)
    return made


def _prepare_help(command: Any) -> None:
    """Let paragraphs flow to the terminal's width, and show no types beside flags."""
    if command.help:
        command.help = re.sub(r"(?<!\n)\n(?!\n)", " ", inspect.cleandoc(command.help))
    params_of = command.get_params

    def get_params(context: Any) -> list[Any]:
        return _without_types_of_flags(params_of(context))

    command.get_params = get_params


def _without_types_of_flags(options: list[Any]) -> list[Any]:
    for option in options:
        if getattr(option, "is_flag", False):
            option.metavar = ""
    return options
