"""Declare what can be chosen, and ask a space for its size, samples, mutants and encodings."""

from raynas.space.config_architecture import architecture_in
from raynas.space.declare import (
    choice,
    integer,
    real,
    recurse,
    repeat,
    searchable,
    shared,
    subset,
)
from raynas.space.encoding import Graph
from raynas.space.options import Column, Interval
from raynas.space.space import Space

__all__ = [
    "Column",
    "Graph",
    "Interval",
    "Space",
    "architecture_in",
    "choice",
    "integer",
    "real",
    "recurse",
    "repeat",
    "searchable",
    "shared",
    "subset",
]
