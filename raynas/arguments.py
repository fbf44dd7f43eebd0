"""Checks of constructors' arguments by their annotations, in the words of the house.

NumPy's numbers count as numbers, paths and enumerations of texts as texts. Booleans are no numbers,
and NaN is none.
"""

from __future__ import annotations

import enum
import inspect
import os
import sys
import types
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from functools import cache, wraps
from numbers import Integral, Real
from typing import Annotated, Any, Literal, TypeAlias, TypeVar, Union, get_args, get_origin

import numpy as np

from raynas.errors import ConfigurationError, RaynasError

__all__ = ["AnyText", "called", "checked", "checked_call", "checked_whole", "is_number", "shown"]

C = TypeVar("C")
F = TypeVar("F", bound=Callable[..., Any])
AnyText: TypeAlias = Annotated[str, "with whatever characters"]
"""Annotation of a text that may hold NUL, as an error's may, and is cleaned by who takes it."""

_LONGEST, _LONGEST_MESSAGE = 200, 1000
"""Characters: a value in some lines of a terminal, and a message in a screen."""
_LARGEST = 2**63  # integers up to here fit 64 bits, as stores and NumPy keep them
_PLAIN: dict[Any, str] = {
    bool: "True or False",
    int: "a whole number",
    float: "a number",
    str: "a text",
    AnyText: "a text",
    os.PathLike: "a path",
    type(None): "None",
}


class _MisfitError(Exception):
    """Raised where a value is not what an annotation says."""


def checked(cls: type[C], own_words: bool = True) -> type[C]:
    """Class decorator: checks the constructor's arguments, and takes what stands for a plain value.

    Annotations that cannot be evaluated, such as of names imported for type checking only, are left
    to the class. Where the class refuses the value in words of its own, these stand.

    Args:
        cls: The class.
        own_words: Whether to try that, which runs the constructor with a wrong argument.

    Raises:
        ConfigurationError: From then on, where an argument is not of its annotated type.
    """
    init = cls.__init__
    signature = inspect.signature(init)

    @wraps(init)
    def checking(self: Any, *args: Any, **options: Any) -> None:
        given = signature.bind(self, *args, **options)
        try:
            _conform_all(given, _hints(init))
        except ConfigurationError:
            if own_words:
                _in_own_words(init, self, *args, **options)
            raise
        init(*given.args, **given.kwargs)

    cls.__init__ = checking  # type: ignore[method-assign] # the same signature
    return cls


def checked_call(function: F) -> F:
    """Function decorator: checks arguments, as `checked` has a constructor.

    Raises:
        ConfigurationError: From then on, where an argument is not of its annotated type.
    """
    signature = inspect.signature(function)

    @wraps(function)
    def checking(*args: Any, **options: Any) -> Any:
        given = signature.bind(*args, **options)
        _conform_all(given, _hints(function))
        return function(*given.args, **given.kwargs)

    return checking  # type: ignore[return-value] # the same signature


def _conform_all(given: inspect.BoundArguments, hints: Mapping[str, Any]) -> None:
    for name, value in given.arguments.items():
        if name in hints:
            kind = given.signature.parameters[name].kind
            given.arguments[name] = _argument(name, value, hints[name], kind)


def _in_own_words(init: Any, *args: Any, **options: Any) -> None:
    """Let a class refuse its arguments itself."""
    try:
        init(*args, **options)
    except RaynasError as error:
        if len(str(error)) <= _LONGEST_MESSAGE:
            raise
    except Exception:
        return


def checked_whole(name: str, value: object, least: int = 0) -> int:
    """A whole number from `least` on.

    Raises:
        ConfigurationError: It is none.
    """
    if not isinstance(value, Integral) or isinstance(value, bool) or value < least:
        raise ConfigurationError(f"{name}={shown(value)}: must be a whole number from {least} on")
    return int(value)


def called(name: str, function: Callable[..., Any], argument: object) -> Any:
    """What a function given as an argument makes of `argument`.

    Raises:
        ConfigurationError: It fails; its own error is the cause.
    """
    try:
        return function(argument)
    except RaynasError:
        raise
    except Exception as error:
        raise ConfigurationError(
            f"{name}={shown(function)}: calling it with {shown(argument)} raises "
            f"{type(error).__name__}: {error}"
        ) from error


def shown(value: object) -> str:
    """`repr`, also of what has none, and not longer than some lines."""
    try:
        text = repr(value)
    except Exception as error:
        text = f"<{type(value).__name__} whose repr raises {type(error).__name__}>"
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _argument(name: str, value: Any, hint: Any, kind: Any) -> Any:
    if kind is inspect.Parameter.VAR_POSITIONAL:
        return tuple(_argument(name, item, hint, None) for item in value)
    try:
        return _conformed(value, hint)
    except _MisfitError:
        rule = _rule(hint)
        raise ConfigurationError(f"{name}={shown(value)}: must be {rule}") from None


@cache
def _hints(init: Callable[..., Any]) -> dict[str, Any]:
    """The annotations that can be evaluated, by argument."""
    function = inspect.unwrap(init)
    scope = {**vars(sys.modules[function.__module__]), "Callable": Callable}
    found = {}
    for name, text in function.__annotations__.items():
        try:
            found[name] = eval(text, scope) if isinstance(text, str) else text  # noqa: S307 - ours
        except Exception:  # noqa: S112 - only known to type checkers
            continue
    return found


def _conformed(value: Any, hint: Any) -> Any:
    """`value` as the plain value that it stands for.

    Raises:
        _MisfitError: It does not stand for one of the annotated type.
    """
    origin = get_origin(hint)
    if hint in _CONFORMED:
        return _CONFORMED[hint](value)
    if origin in (Union, types.UnionType):
        return _either(value, get_args(hint))
    if origin is Literal:
        text = value.value if isinstance(value, enum.Enum) else value
        return _require(isinstance(text, str) and text in get_args(hint), text)
    kind = origin or hint
    if kind is type:
        return _require(isinstance(value, type), value)
    if kind is Callable:
        return _require(callable(value), value)
    if not isinstance(kind, type) or getattr(kind, "_is_protocol", False):
        return value
    if origin is not None and issubclass(kind, Mapping):
        return _mapping(value, get_args(hint))
    if origin is not None and issubclass(kind, Iterable) and _is_abstract_or_builtin(kind):
        return _items(value, kind, get_args(hint))
    return _require(isinstance(value, kind), value)


def _is_abstract_or_builtin(kind: type) -> bool:
    return kind.__module__ in ("builtins", "collections.abc")


def _require(holds: bool, value: Any) -> Any:
    if not holds:
        raise _MisfitError
    return value


def _either(value: Any, options: tuple[Any, ...]) -> Any:
    for option in sorted(options, key=lambda option: option is float):  # whole numbers stay whole
        try:
            return _conformed(value, option)
        except _MisfitError:
            continue
    raise _MisfitError


def is_number(value: object) -> bool:
    """Whether `value` is a real number, NumPy's included, and no truth value."""
    return isinstance(value, Real) and not isinstance(value, bool)


def _flag(value: Any) -> bool:
    return bool(_require(isinstance(value, bool | np.bool_), value))


def _whole(value: Any) -> int:
    _require(isinstance(value, Integral) and not isinstance(value, bool), value)
    return int(_require(-_LARGEST < value < _LARGEST, value))


def _number(value: Any) -> float:
    """A number, of which a whole one stays one."""
    _require(is_number(value), value)
    try:
        number = float(value)
    except (OverflowError, ValueError, TypeError):
        raise _MisfitError from None
    _require(number == number, value)
    return int(value) if isinstance(value, Integral) else number


def _text(value: Any) -> str:
    text = value.value if isinstance(value, enum.Enum) else value
    text = os.fspath(text) if isinstance(text, os.PathLike) else text
    _require(isinstance(text, str) and "\0" not in text, text)
    return str(text) if isinstance(text, np.str_) else text  # a marked secret stays one


def _path(value: Any) -> Any:
    _require(isinstance(value, os.PathLike) and isinstance(os.fspath(value), str), value)
    return _require("\0" not in os.fspath(value), value)


def _none(value: Any) -> None:
    _require(value is None, value)


_CONFORMED: dict[Any, Callable[[Any], Any]] = {
    Any: lambda value: value,
    object: lambda value: value,
    bool: _flag,
    int: _whole,
    float: _number,
    str: _text,
    AnyText: lambda value: str(_require(isinstance(value, str), value)),
    os.PathLike: _path,
    os.PathLike[str]: _path,
    type(None): _none,
    None: _none,
}


def _mapping(value: Any, args: tuple[Any, ...]) -> Any:
    _require(isinstance(value, Mapping), value)
    if len(args) != 2:
        return value
    pairs = {_conformed(k, args[0]): _conformed(v, args[1]) for k, v in value.items()}
    same = all(value.get(key, pairs) is item for key, item in pairs.items())
    return value if same else pairs


def _items(value: Any, kind: type, args: tuple[Any, ...]) -> Any:
    value = value.tolist() if isinstance(value, np.ndarray) else value
    usable = isinstance(value, Iterable) and not isinstance(value, str | bytes | Mapping)
    _require(usable, value)
    if not isinstance(value, Sequence | Set):
        return _require(isinstance(value, kind), value)
    items = tuple(value)
    fixed = kind is tuple and args and args[-1] is not Ellipsis
    if fixed:
        _require(len(items) == len(args), value)
    hints = args if fixed else (args[0] if args else Any,) * len(items)
    conformed = tuple(_conformed(item, hint) for item, hint in zip(items, hints, strict=True))
    alike = isinstance(value, list | set | frozenset) and kind is not tuple
    make: Any = type(value) if alike else tuple
    return make(conformed)


def _rule(hint: Any) -> str:
    """What an annotation asks for, in words."""
    if hint in _PLAIN:
        return _PLAIN[hint]
    origin, args = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        rules = list(dict.fromkeys(map(_rule, args)))
        return " or ".join(rules)
    if origin is Literal:
        return f"one of {', '.join(map(repr, args))}"
    kind = origin or hint
    if kind is os.PathLike:
        return "a path"
    if kind is type:
        return "a class"
    if kind is Callable:
        return "a function"
    if origin is not None and isinstance(kind, type) and _is_abstract_or_builtin(kind):
        return _rule_of_items(kind, args)
    return f"a raynas {kind.__name__}" if kind.__module__.startswith("raynas") else kind.__name__


def _rule_of_items(kind: type, args: tuple[Any, ...]) -> str:
    if issubclass(kind, Mapping) and len(args) == 2:
        return f"a mapping from {_rule(args[0])} to {_rule(args[1])}"
    if kind is tuple and args and args[-1] is not Ellipsis:
        return f"a tuple of {', '.join(map(_rule, args))}"
    of = f" whose items are {_rule(args[0])}" if args and args[0] is not Any else ""
    return f"a list or tuple{of}"
