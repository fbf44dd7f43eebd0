"""A space as JSON data, to look at a stored search without the code that declares it.

What comes back has the same decisions, sizes, paths and texts, and instances that print alike. It
has none of the classes' methods: no network is built of it, `is_feasible` and `graph` are unknown.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from raynas.errors import SpaceError
from raynas.space.choices import Choice, Subset
from raynas.space.combinations import Combinations
from raynas.space.declaration import RECORD
from raynas.space.domains import Domain, Integer, Real
from raynas.space.options import Scalar
from raynas.space.records import Record
from raynas.space.repeats import Repeat, Shared
from raynas.space.space import Space

__all__ = ["Shown", "has_graphs", "space_from_json", "space_to_json"]


@dataclass(frozen=True)
class Shown:
    """A value of which only the text is known, such as a function among the options."""

    text: str

    def __repr__(self) -> str:
        return self.text


def has_graphs(space: Space[Any]) -> bool:
    """Whether a class of `space` draws its architectures as graphs."""
    return any(callable(getattr(cls, "graph", None)) for cls in _Writer(space).classes)


def space_to_json(space: Space[Any]) -> dict[str, Any]:
    """`space` as JSON data: its classes, what each of their places can hold, and the root."""
    writer = _Writer(space)
    classes = [
        {"name": cls.__name__, "shown": cls.__qualname__, "fields": _names(cls)}
        for cls in writer.classes
    ]
    return {"classes": classes, "records": writer.records, "root": writer.root}


def space_from_json(data: Mapping[str, Any]) -> Space[Any]:
    """The inverse of `space_to_json`, of classes made for the purpose.

    Raises:
        SpaceError: `data` does not describe a space.
    """
    try:
        classes = [_made(**entry) for entry in data["classes"]]
        records: list[Record] = []
        for entry in data["records"]:
            fields = {name: _domain(form, records) for name, form in entry["fields"].items()}
            constants = {name: _value(form) for name, form in entry["constants"].items()}
            records.append(Record(classes[entry["class"]], fields, constants))
        root = records[data["root"]]
        setattr(root.cls, RECORD, root)
        return Space(root.cls)
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        raise SpaceError(f"this is not a space as raynas stores it ({error!r})") from None


class _Writer:
    """Numbers classes and records, inner ones first, so that each is written once."""

    def __init__(self, space: Space[Any]) -> None:
        self.classes: list[type[Any]] = []
        self.records: list[dict[str, Any]] = []
        self._numbers: dict[int, int] = {}
        self.root = self._record(space.domain)

    def _record(self, record: Record) -> int:
        if id(record) not in self._numbers:
            fields = {name: self._form(domain) for name, domain in record.fields.items()}
            constants = {name: _plain(value) for name, value in record.constants.items()}
            if record.cls not in self.classes:
                self.classes.append(record.cls)
            number = self.classes.index(record.cls)
            self.records.append({"class": number, "fields": fields, "constants": constants})
            self._numbers[id(record)] = len(self.records) - 1
        return self._numbers[id(record)]

    def _form(self, domain: Domain) -> dict[str, Any]:
        match domain:
            case Record():
                return {"kind": "record", "record": self._record(domain)}
            case Integer() | Real():
                kind = "integer" if isinstance(domain, Integer) else "real"
                bounds = {"low": domain.low, "high": domain.high}
                return {"kind": kind, **bounds, "step": domain.step, "log": domain.log}
            case Choice():
                options = [
                    self._form(option) if isinstance(option, Record) else _plain(option, label)
                    for option, label in zip(domain.choices, domain.labels, strict=True)
                ]
                return {"kind": "choice", "options": options, "labels": list(domain.labels)}
            case Subset(values=values, options=rule):
                options = [_plain(*pair) for pair in zip(values, rule.labels, strict=True)]
                rules = {"distinct": rule.distinct, "ordered": rule.ordered}
                how = {"least": rule.least, "most": rule.most, **rules}
                return {"kind": "subset", "options": options, "labels": list(rule.labels), **how}
            case Repeat():
                bounds = {"minimum": domain.minimum, "maximum": domain.maximum}
                element = self._form(domain.element)
                return {"kind": "repeat", "element": element, **bounds, "tied": domain.tied}
            case Shared():
                return {
                    "kind": "shared",
                    "name": domain.name,
                    "element": self._form(domain.element),
                }
        raise SpaceError(f"{domain} cannot be stored: a {type(domain).__name__} has no such form")


def _domain(form: Mapping[str, Any], records: list[Record]) -> Domain:
    match form["kind"]:
        case "record":
            number: int = form["record"]
            return records[number]
        case "integer":
            return Integer(form["low"], form["high"], form["step"], form["log"])
        case "real":
            return Real(form["low"], form["high"], form["step"], form["log"])
        case "choice":
            options = tuple(
                records[option["record"]] if "record" in option else _value(option)
                for option in form["options"]
            )
            return Choice(options, tuple(form["labels"]))
        case "subset":
            rules = (form["least"], form["most"], form["distinct"], form["ordered"])
            values = tuple(_value(option) for option in form["options"])
            return Subset(values, Combinations(tuple(form["labels"]), *rules))
        case "repeat":
            element = _domain(form["element"], records)
            return Repeat(element, form["minimum"], form["maximum"], form["tied"])
        case "shared":
            return Shared(form["name"], _domain(form["element"], records))
    raise ValueError(f"kind {form['kind']!r}")


def _plain(value: object, label: Scalar = None) -> dict[str, Any]:
    """A plain value: a JSON scalar, or the text of another one."""
    if isinstance(value, Scalar) and type(value) in (bool, int, float, str, type(None)):
        return {"value": value}
    return {"shown": str(label) if label is not None else repr(value)}


def _value(form: Mapping[str, Any]) -> Any:
    return Shown(form["shown"]) if "shown" in form else form["value"]


def _names(cls: type[Any]) -> list[str]:
    return [field.name for field in dataclasses.fields(cls)]


def _made(name: str, shown: str, fields: list[str]) -> type[Any]:
    """A frozen dataclass that prints as the one it stands for."""
    cls = dataclasses.make_dataclass(name, fields, frozen=True)
    cls.__qualname__ = shown
    return cls
