"""`raynas new`: a search file from a LightningModule, its data and, if wanted, a ready space."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import re
import shlex
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from raynas.cli.search_file import load_search
from raynas.cli.terminal import say
from raynas.errors import ConfigurationError, RaynasError

__all__ = ["new"]

_NO_SPACES = ("boxes", "layers")
_SMALLER_IS_BETTER = re.compile(r"loss|err|mae|mse|rmse|perplexity|ppl|wer|fid", re.IGNORECASE)
_OF_THE_DATA = re.compile(
    r"seed|class|^n?_?(in|out)_|_(in|out)$|input|output|vocab|label|target|verbose|log|debug"
)
"""Names of arguments that follow from the data, or make no other network."""
_LOGS = ("log", "log_dict")
_LIBRARIES = frozenset({"builtins", "abc", "lightning", "pytorch_lightning", "torch"})


def new(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Write this Python file.")],
    module: Annotated[
        str,
        typer.Option(
            help="Train this LightningModule, given as package.module.Class.", metavar="NAME"
        ),
    ],
    data: Annotated[
        str,
        typer.Option(
            help="Train on this LightningDataModule, or on what this function returns, given as "
            "package.module.Name.",
            metavar="NAME",
        ),
    ],
    space: Annotated[
        str | None,
        typer.Option(
            help="Search this ready space, such as mnasnet, and call the module with its networks. "
            "Omit it to search the arguments of the module.",
            metavar="NAME",
        ),
    ] = None,
    metric: Annotated[
        str | None,
        typer.Option(
            help="Search for the best value of this logged metric; by default one that "
            "validation logs."
        ),
    ] = None,
    mode: Annotated[
        str | None, typer.Option(help="Look for the max or the min of the metric.")
    ] = None,
    max_steps: Annotated[
        int, typer.Option(help="Train each trial for this many optimizer steps.")
    ] = 500,
    build: Annotated[
        list[str] | None,
        typer.Option(
            help="Pass this argument to the networks of --space, such as num_classes=10. "
            "Repeatable.",
            metavar="NAME=VALUE",
        ),
    ] = None,
) -> None:
    """Write a search file for your own LightningModule and data.

    With --space the module is called with the networks of that space. Without it, the whole
    numbers and switches among the module's arguments are searched, around their defaults.
    """
    file = file.expanduser()
    if file.suffix != ".py":
        raise ConfigurationError(f"FILE={file}: give a Python file, whose name ends in .py")
    if file.exists():
        raise ConfigurationError(f"FILE={file}: there is such a file already; give a new name")
    sys.path.insert(0, str(file.absolute().parent))
    made = _named("--module", module)
    if not inspect.isclass(made.found):
        raise ConfigurationError(f"--module {module}: must be a LightningModule class")
    text = _text(made, _named("--data", data), space, metric, mode, max_steps, build or [])
    _write(file, text)
    typed = shlex.quote(str(file))
    say(f"wrote {file}. Next: `raynas check {typed}`, then `raynas search {typed}`.")


@dataclass(frozen=True)
class _Named:
    """An object of the user's and how a file imports it."""

    module: str
    name: str
    found: Any


def _imports(*named: _Named) -> set[str]:
    """A line for each module, with all names from it."""
    names: dict[str, set[str]] = {}
    for each in named:
        names.setdefault(each.module, set()).add(each.name)
    return {f"from {home} import {', '.join(sorted(found))}" for home, found in names.items()}


def _named(option: str, text: str) -> _Named:
    home, _, name = text.rpartition(".")
    if not home:
        raise ConfigurationError(f"{option} {text}: give it with its module, as package.{text}")
    try:
        found = getattr(importlib.import_module(home), name)
    except (ImportError, AttributeError) as error:
        raise ConfigurationError(
            f"{option} {text}: {error}; give a name that a file in the folder of FILE can import"
        ) from error
    return _Named(home, name, found)


def _text(
    module: _Named,
    data: _Named,
    space: str | None,
    metric: str | None,
    mode: str | None,
    max_steps: int,
    build: list[str],
) -> str:
    if mode not in ("max", "min", None):
        raise ConfigurationError(f"--mode {mode}: use max or min")
    if build and space is None:
        raise ConfigurationError(f"--build {build[0]}: goes with --space only")
    parts = _of_arguments(module) if space is None else _of_space(module, space, build)
    metric = metric or _logged(module.found)
    mode = mode or ("min" if _SMALLER_IS_BETTER.search(metric) else "max")
    imports = sorted({*_imports(module, data), *parts.imports})
    return "\n".join(
        [
            f'"""Search for a better {module.name}: `raynas search` with this file."""',
            "",
            *imports,
            "",
            "import raynas as nas",
            *parts.declarations,
            "",
            "search = nas.Search(",
            f"    space={parts.space},",
            "    task=nas.LightningTask(",
            f"        module={parts.module},",
            f"        data={data.name},",
            f"        metric={metric!r},",
            f"        mode={mode!r},",
            f"        max_steps={max_steps},  # of a trial; `raynas proxy` helps to choose it",
            *parts.build,
            "    ),",
            "    resources=nas.Resources(cpu=1),  # gpu=0.25 lets four trials share a GPU",
            "    limits=nas.Limits(trials=200),",
            ")",
            "",
        ]
    )


@dataclass(frozen=True)
class _Parts:
    """What depends on where the space comes from."""

    space: str
    module: str
    imports: tuple[str, ...] = ()
    declarations: tuple[str, ...] = ()
    build: tuple[str, ...] = ()


def _of_space(module: _Named, space: str, build: list[str]) -> _Parts:
    needed = [name for name, parameter in _parameters(module.found) if parameter.default is _NONE]
    if len(needed) != 1:
        raise ConfigurationError(
            f"--module {module.module}.{module.name}: it must take one argument without a default, "
            f"the network, and takes {', '.join(needed) or 'none'}; change its __init__"
        )
    home = importlib.import_module("search_spaces")
    known = [found.name for found in pkgutil.iter_modules(home.__path__)]
    ready = importlib.import_module(f"search_spaces.{space}") if space in known else None
    baseline = getattr(ready, "BASELINE", None)
    if baseline is None:
        spaces = [name for name in known if name not in _NO_SPACES]
        raise ConfigurationError(f"--space {space}: use one of {', '.join(spaces)}")
    cls = type(baseline).__name__
    arguments = dict(_argument(text, type(baseline)) for text in build)
    return _Parts(
        f"nas.Space({cls}, baseline=BASELINE)",
        module.name,
        (f"from search_spaces.{space} import BASELINE, {cls}",),
        build=(f"        build={arguments!r},",) if arguments else (),
    )


def _argument(text: str, cls: type[Any]) -> tuple[str, Any]:
    name, _, value = text.partition("=")
    known = [key for key in inspect.signature(cls.build).parameters if key != "self"]
    if name not in known or not value:
        raise ConfigurationError(
            f"--build {text}: give NAME=VALUE with one of the names {', '.join(known)}"
        )
    try:
        return name, ast.literal_eval(value)
    except (ValueError, SyntaxError):
        return name, value


_NONE = inspect.Parameter.empty


def _parameters(cls: type[Any]) -> list[tuple[str, inspect.Parameter]]:
    kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    found = inspect.signature(cls).parameters.items()
    return [(name, parameter) for name, parameter in found if parameter.kind in kinds]


def _of_arguments(module: _Named) -> _Parts:
    from raynas.space.training_words import setting_of

    parameters = _parameters(module.found)
    needed = [name for name, parameter in parameters if parameter.default is _NONE]
    if needed:
        raise ConfigurationError(
            f"--module {module.module}.{module.name}: its arguments {', '.join(needed)} have no "
            "default; give them one or, if the argument is the network, a ready space with --space"
        )
    fields = [
        f"    {name}: {type(parameter.default).__name__} = {_choice(parameter.default)}"
        for name, parameter in parameters
        if type(parameter.default) in (bool, int)
        and setting_of(name) is None
        and not _OF_THE_DATA.search(name)
    ]
    if not fields:
        raise ConfigurationError(
            f"--module {module.module}.{module.name}: no argument of its __init__ is a number or "
            "switch that makes it another network; give a ready space with --space"
        )
    return _Parts(
        "Arguments",
        "module",
        declarations=(
            "from raynas.space import choice, searchable",
            "",
            "",
            "@searchable",
            "class Arguments:",
            *fields,
            "",
            "",
            "def module(arguments: Arguments) -> " + module.name + ":",
            f"    return {module.name}(**vars(arguments))",
            "",
        ),
    )


def _choice(default: bool | int) -> str:
    """A domain around the default of an argument."""
    if isinstance(default, bool):
        return f"choice(False, True, default={default})"
    if default < 0:
        return f"choice({default}, default={default})"
    options = {max(1, default // 2), default, 2 * default or 1}
    return f"choice({', '.join(map(str, sorted(options)))}, default={default})"


def _logged(cls: type[Any]) -> str:
    """The metric that validation logs first, by the source of the class or of one it inherits."""
    for each in cls.__mro__:
        if names := _logged_by(each):
            better = [name for name in names if not _SMALLER_IS_BETTER.search(name)]
            return (better or names)[0]
    raise ConfigurationError(
        f"--metric: the source of {cls.__name__} logs no metric whose name has 'val' in it; "
        "give the name that its validation logs, as in --metric val_loss"
    )


def _logged_by(cls: type[Any]) -> list[str]:
    """The metrics with "val" in their names that the body of a user's class logs."""
    if cls.__module__.partition(".")[0] in _LIBRARIES:
        return []
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(cls)))
    except (OSError, TypeError, SyntaxError):
        return []
    return [
        text.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and getattr(node.func, "attr", "") in _LOGS
        for text in ast.walk(node)
        if isinstance(text, ast.Constant) and isinstance(text.value, str) and "val" in text.value
    ]


def _write(file: Path, text: str) -> None:
    """Write `text`, which must be a search file; what turns out to be none is taken away again."""
    with file.open("x", encoding="utf-8") as opened:
        opened.write(text)
    try:
        load_search(str(file))
    except RaynasError:
        file.unlink()
        raise
