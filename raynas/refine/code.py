"""A refined space as Python: classes that inherit from those that were searched."""

from __future__ import annotations

import ast
import dataclasses
import inspect
from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import Any

from raynas.errors import SpaceError
from raynas.refine.expressions import expression, path_of
from raynas.refine.propose import Refinement
from raynas.space.choices import Choice, Subset
from raynas.space.declare import record_of
from raynas.space.domains import Domain, Integer, Real
from raynas.space.records import Record, records_in
from raynas.space.repeats import Repeat, Shared

__all__ = ["declarations"]


def declarations(refinement: Refinement, module: str, local: str) -> str:
    """The classes of the refined space as Python code, imports included.

    A class whose choices change, or that contains one, is declared anew under its name and
    inherits all else: what builds the network, its constraints, its unchanged choices.

    Args:
        refinement: What to declare.
        module: Name under which the module of the search is known in the code, such as ``before``.
        local: The name of that module where the classes were made, such as ``raynas_search_x``.

    Raises:
        SpaceError: A value cannot be written as Python.
    """
    printer = _Printer(refinement.fields, module, local)
    root = record_of(refinement.root)
    order = list(dict.fromkeys(record.cls for record in _children_first(root)))
    blocks = [printer.declared(record_of(cls)) for cls in order if cls in printer.anew(root)]
    words = "from raynas.space import " + ", ".join(sorted(printer.words))
    imports = sorted({words, *printer.imports})
    return "\n".join(imports) + "\n\n\n" + "\n\n\n".join(blocks) + "\n"


def _children_first(record: Record) -> Iterator[Record]:
    for part in record.parts:
        for below in records_in(part):
            if below.cls is not record.cls:
                yield from _children_first(below)
    yield record


class _Printer:
    def __init__(
        self, fields: Mapping[type[Any], Mapping[str, Domain]], module: str, local: str
    ) -> None:
        self._fields = fields
        self._module = module
        self._local = local
        self._anew: set[type[Any]] | None = None
        self.words = {"searchable"}
        self.imports: set[str] = set()

    def anew(self, root: Record) -> set[type[Any]]:
        """The classes to declare: those that change and those that contain one."""
        if self._anew is None:
            self._anew = {
                record.cls
                for record in records_in(root)
                if any(below.cls in self._fields for below in records_in(record))
            } | {root.cls}
        return self._anew

    def declared(self, record: Record) -> str:
        """A class that inherits from the one it refines."""
        cls = record.cls
        lines = ["@searchable", f"class {cls.__name__}({self._before(cls)}):"]
        changed = self._fields.get(cls, {})
        for name, old in record.fields.items():
            domain = changed.get(name, old)
            if name in changed or self._holds_anew(domain):
                default = self._default(cls, name, domain)
                lines.append(
                    f"    {name}: {_annotation(cls, name)} = {self._word(domain, default)}"
                )
        if len(lines) == 2:
            lines.append("    pass")
        return "\n".join(lines)

    def _holds_anew(self, domain: Domain) -> bool:
        return any(record.cls in (self._anew or ()) for record in records_in(domain))

    def _before(self, value: Any) -> str:
        """An expression for a class or function as it was searched, or for a module.

        Raises:
            SpaceError: It has no name at the top level of a module.
        """
        if isinstance(value, ModuleType):
            self.imports.add(f"import {value.__name__}")
            return value.__name__
        module, name = value.__module__, path_of(value)
        if name is None:
            raise SpaceError(
                f"{value!r} cannot be found by its name in {module}, so code cannot name it: "
                "define it at the top level of the search file"
            )
        if module == self._local:
            return f"{self._module}.{name}"
        self.imports.add(f"import {module}")
        return f"{module}.{name}"

    def _class(self, cls: type[Any]) -> str:
        return cls.__name__ if cls in (self._anew or ()) else self._before(cls)

    def _word(self, domain: Domain, default: str | None) -> str:
        """The call that declares `domain`."""
        word, given = self._call(domain)
        self.words.add(word)
        if default is not None:
            given = [*given, f"default={default}"]
        return f"{word}({', '.join(given)})"

    def _call(self, domain: Domain) -> tuple[str, list[str]]:
        match domain:
            case Record():
                return "choice", [self._class(domain.cls)]
            case Choice():
                return "choice", [self._value(option) for option in domain.choices]
            case Integer():
                steps = [] if domain.step == 1 else [f"step={domain.step}"]
                logs = ["log=True"] if domain.log else []
                return "integer", [str(domain.low), str(domain.high), *steps, *logs]
            case Real():
                steps = [] if domain.step is None else [f"step={domain.step!r}"]
                logs = ["log=True"] if domain.log else []
                return "real", [repr(domain.low), repr(domain.high), *steps, *logs]
            case Subset():
                return "subset", [*map(self._value, domain.values), *_of_subset(domain)]
            case Repeat():
                tied = ["tied=True"] if domain.tied else []
                most = str(domain.maximum)
                return "repeat", [self._element(domain.element), str(domain.minimum), most, *tied]
            case Shared():
                return "shared", [repr(domain.name), self._element(domain.element)]
            case _:
                raise SpaceError(f"{domain} cannot be written as Python")

    def _element(self, domain: Domain) -> str:
        if isinstance(domain, Record):
            return self._class(domain.cls)
        return self._word(domain, None)

    def _value(self, option: Any) -> str:
        """An option as an expression.

        Raises:
            SpaceError: It cannot be written as Python.
        """
        is_record = isinstance(option, Record)
        return self._class(option.cls) if is_record else expression(option, self._before)

    def _default(self, cls: type[Any], name: str, domain: Domain) -> str | None:
        """The default that the class had, or what comes next to it in the new domain."""
        default = next(f.default for f in dataclasses.fields(cls) if f.name == name)
        return None if default is dataclasses.MISSING else self._nearest(default, domain)

    def _nearest(self, value: Any, domain: Domain) -> str:
        """`value` as an expression, with the new classes, and with what is gone replaced."""
        match domain:
            case Record():
                return self._nearest_record(value, domain)
            case Choice():
                index = next((i for i, o in enumerate(domain.choices) if _is(o, value)), 0)
                option = domain.choices[index]
                return self._nearest(value, option) if _record(option) else self._value(option)
            case Repeat():
                elements = value[: domain.maximum]
                elements += value[-1:] * (domain.minimum - len(elements))
                inner = [self._nearest(element, domain.element) for element in elements]
                return f"({', '.join(inner)}{',' if len(inner) == 1 else ''})"
            case Shared():
                return self._nearest(value, domain.element)
            case Integer():
                return str(min(domain.values, key=lambda number: abs(number - value)))
            case Real():
                return repr(min(max(value, domain.low), domain.high))
            case Subset():
                kept = all(element in domain.values for element in value)
                chosen = domain.options.unrank(0)
                return self._value(
                    value if kept else tuple(domain.values[index] for index in chosen)
                )
            case _:
                return self._value(value)

    def _nearest_record(self, value: Any, record: Record) -> str:
        if type(value) is not record.cls:  # its own option was dropped: the first of this one
            value = record.build("", lambda _, options: options.unrank(0))
        changed = self._fields.get(record.cls, {})
        given = [
            f"{name}={self._nearest(getattr(value, name), changed.get(name, domain))}"
            for name, domain in record.fields.items()
        ]
        return f"{self._class(record.cls)}({', '.join(given)})"


def _record(option: Any) -> bool:
    return isinstance(option, Record)


def _is(option: Any, value: Any) -> bool:
    """Whether `value` is this option of a choice."""
    return type(value) is option.cls if isinstance(option, Record) else bool(option == value)


def _of_subset(domain: Subset) -> list[str]:
    options = domain.options
    k = (
        str(options.least)
        if options.least == options.most
        else f"({options.least}, {options.most})"
    )
    given = [f"k={k}"]
    given += [] if options.distinct else ["distinct=False"]
    return given + (["ordered=True"] if options.ordered else [])


def _annotation(cls: type[Any], name: str) -> str:
    for base in cls.__mro__:
        annotation = inspect.get_annotations(base).get(name)
        if annotation is not None:
            return _one_expression(_plain(annotation))
    return "object"


def _one_expression(text: str) -> str:
    """`text` as an annotation, in quotes where it is no expression."""
    try:
        return ast.unparse(ast.parse(text, mode="eval"))
    except SyntaxError:
        return repr(text)


def _plain(annotation: Any) -> str:
    """What a reader sees: never evaluated, so a name that is not imported does no harm."""
    if isinstance(annotation, str):
        return annotation
    if isinstance(annotation, type) and not hasattr(annotation, "__args__"):
        return annotation.__name__
    text = str(annotation)
    for part in sorted(_modules_in(annotation), key=len, reverse=True):
        text = text.replace(f"{part}.", "")
    return text


def _modules_in(annotation: Any) -> set[str]:
    found = {annotation.__module__} if isinstance(annotation, type) else set()
    for argument in getattr(annotation, "__args__", ()):
        found |= _modules_in(argument)
    return {"typing", *found}
